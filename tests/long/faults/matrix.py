# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The fault matrix: what happened in the first run of a phase under a fault, as a table."""

from __future__ import annotations

from pathlib import Path

from tests.e2e.faults.site import PHASES, reason
from tests.e2e.site.playbooks import Run
from tests.sandbox.paths import CHECKOUT

REPORT = CHECKOUT / "tests" / "output" / "faults.md"
NOT_ASKED = "—"
FAILED = "**FAILED**"
TITLE = """# Fault matrix

Each cell: what the run under the fault did, then how many tasks the re-run changed. After every
cell the re-run had converged (one more changed nothing), no object was lost or there twice, no
output held a traceback, and what another owner has was byte-identical.
"""


def told(run: Run, changed: int) -> str:
    """A cell: how the first run ended, and that the next one converged."""
    first = "went on" if run.code == 0 else f"stopped: {reason(run)}"
    return f"{first}; re-run changed {changed}, then 0"


class Matrix:
    """Cells by fault and phase, in the order in which they came."""

    def __init__(self) -> None:
        self._rows: dict[str, dict[str, str]] = {}

    def add(self, fault: str, phase: str, cell: str) -> None:
        """Note what happened."""
        self._rows.setdefault(fault, {})[phase] = cell

    def text(self) -> str:
        """The table in Markdown; empty without a cell."""
        if not self._rows:
            return ""
        lines = [f"| fault | {' | '.join(PHASES)} |", "|---" * (len(PHASES) + 1) + "|"]
        for fault, cells in self._rows.items():
            row = [cells.get(phase, NOT_ASKED).replace("|", "/") for phase in PHASES]
            lines.append(f"| {fault} | {' | '.join(row)} |")
        return "\n".join(lines) + "\n"

    def write(self, file: Path = REPORT) -> None:
        """Write the table as a page."""
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"{TITLE}\n{self.text()}")


MATRIX = Matrix()
