# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import pytest

from tests.e2e.site.playbooks import play
from tests.sandbox.harness import Sandbox


@pytest.fixture(scope="session")
def settled(converged: Sandbox) -> Sandbox:
    """The converged sandbox once all that its restart took away is back."""
    run = play(converged.folder, "site")
    assert run.code == 0, run.output[-4000:]
    return converged
