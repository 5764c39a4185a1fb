# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the diagnosis made of every failure that was produced, and the figure at the end."""

from __future__ import annotations

from dataclasses import dataclass, field

from tests.sandbox.paths import CHECKOUT

REPORT = CHECKOUT / "tests/output/diagnosis.md"


@dataclass
class Outcomes:
    """By the failure's name: the code that was expected, and those that were told."""

    rows: dict[str, tuple[str, list[str], float]] = field(default_factory=dict)
    healthy: dict[str, list[str]] = field(default_factory=dict)

    def text(self) -> str:
        """A table, and the figures under it; empty when nothing ran."""
        if not self.rows and not self.healthy:
            return ""
        lines = ["| produced | named | seconds |", "|---|---|---|"]
        for name, (_code, told, seconds) in self.rows.items():
            lines.append(f"| {name} | {', '.join(told) or 'nothing'} | {seconds:.1f} |")
        for name, told in self.healthy.items():
            lines.append(f"| healthy: {name} | {', '.join(told) or 'nothing'} | |")
        missed = [name for name, (code, told, _s) in self.rows.items() if told != [code]]
        alarms = [name for name, told in self.healthy.items() if told]
        hit = len(self.rows) - len(missed)
        lines += [
            "",
            f"hit rate on all produced failures: {hit} of {len(self.rows)}"
            f" (missed: {', '.join(missed) or 'none'})",
            f"false alarms: {len(alarms)} of {len(self.healthy)} healthy shapes"
            f" ({', '.join(alarms) or 'none'})",
        ]
        return "\n".join(lines)

    def write(self) -> None:
        """Write it down."""
        REPORT.parent.mkdir(exist_ok=True)
        REPORT.write_text(self.text() + "\n")


OUTCOMES = Outcomes()
