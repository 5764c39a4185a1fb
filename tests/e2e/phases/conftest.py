# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.e2e.clusters import converged_cluster
from tests.sandbox.harness import Sandbox


@pytest.fixture(scope="session")
def lived() -> Iterator[Sandbox]:
    """A converged sandbox of its own, for tests that change a phase, and at last remove it.

    ``test_change_*`` leaves it converged; ``test_removal`` comes after them and empties it.
    """
    with converged_cluster("lived") as restored:
        yield restored
