# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.long.startup.worlds import crowded_cluster
from tests.sandbox.harness import Sandbox


@pytest.fixture(scope="session")
def world() -> Iterator[Sandbox]:
    """A converged sandbox with GKE's habits and room for several starts at once."""
    with crowded_cluster("startup") as restored:
        yield restored
