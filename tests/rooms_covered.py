# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Judge what the unit tests run of the plugins: `python -m tests.rooms_covered COVERAGE.json`.

Lines and branches of what decides (files that say "Pure.") reach DECIDING, those of all plugins
reach ALL; what is missing most is named.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from tests.sandbox.paths import CHECKOUT
from tests.unit.house.test_doors import says_pure

DECIDING, ALL = 95.0, 85.0
_SHOWN = 8


def percent(files: Iterable[Mapping[str, Any]]) -> float:
    """Lines and branches that ran, of all that there are."""
    summaries = [one["summary"] for one in files]
    there = sum(one["num_statements"] + one["num_branches"] for one in summaries)
    ran = sum(one["covered_lines"] + one["covered_branches"] for one in summaries)
    return float(100 * ran / there)


def missing(summary: Mapping[str, Any]) -> int:
    """Lines and branches that did not run."""
    return int(summary["missing_lines"]) + int(summary["missing_branches"])


def main(report: Path) -> int:
    """Print both figures; 1 when one is too low."""
    files: dict[str, Any] = json.loads(report.read_text())["files"]
    deciding = {name: one for name, one in files.items() if says_pure(CHECKOUT / name)}
    worst = 0
    for word, rooms, least in (("what decides", deciding, DECIDING), ("all plugins", files, ALL)):
        reached = percent(rooms.values())
        print(f"{word}: {reached:.1f} % of lines and branches in {len(rooms)} files (≥ {least:g})")
        ranked = sorted(rooms, key=lambda name: -missing(rooms[name]["summary"]))
        for name in ranked[:_SHOWN]:
            print(f"  {missing(rooms[name]['summary']):4} missing in {name}")
        worst |= reached < least
    return int(worst)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
