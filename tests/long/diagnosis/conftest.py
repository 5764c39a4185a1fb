# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.e2e.clusters import converged_cluster
from tests.long.diagnosis.outcomes import OUTCOMES, REPORT
from tests.long.startup.worlds import crowded_cluster
from tests.sandbox.harness import Sandbox


@pytest.fixture(scope="module")
def victim() -> Iterator[Sandbox]:
    """A converged sandbox with one TPU node, to break."""
    with converged_cluster("diagnosis") as restored:
        yield restored


@pytest.fixture(scope="module")
def world() -> Iterator[Sandbox]:
    """A converged sandbox with GKE's habits and room for several starts at once."""
    with crowded_cluster("diagnosis-starts") as restored:
        yield restored


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what was named, and write it down."""
    if OUTCOMES.text():
        OUTCOMES.write()
        terminalreporter.section("diagnosis")
        terminalreporter.write_line(OUTCOMES.text())
        terminalreporter.write_line(str(REPORT))
