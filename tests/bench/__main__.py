# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Measure what is promised: python -m tests.bench [P1 P4 …] [--runs N] [--report-only]."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.bench import clusters, figures, growth, models, overlay, plays, site, startups
from tests.bench.figures import Figure
from tests.bench.plays import RunFailed
from tests.sandbox.harness import Sandbox

LATEST = Path(__file__).with_name("latest.json")
RUNS = 5

Measure = Callable[[argparse.Namespace], Iterator[Figure]]


def _apply(
    measure: Callable[[Sandbox, Path, int], Iterator[Figure]], options: argparse.Namespace
) -> Iterator[Figure]:
    with clusters.converged() as sandbox, tempfile.TemporaryDirectory() as folder:
        plays.playbook("kserve", sandbox.folder)  # until the webhooks answer again
        yield from measure(sandbox, Path(folder), options.runs)


MEASURES: dict[str, Measure] = {
    "P1": lambda options: _apply(overlay.measure, options),
    "P1b": lambda options: site.first_kserve(options.runs),
    "P2": lambda options: site.unchanged_site(options.runs),
    "P3": lambda options: site.first_site(options.first_runs or options.runs),
    "P4": lambda options: _apply(growth.measure, options),
    "P4m": lambda options: models.measure(options.runs),
    "P5": lambda _options: startups.measure(),
}


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("ids", nargs="*", metavar="ID", help=f"of {', '.join(MEASURES)}; all")
    parser.add_argument("--runs", type=int, default=RUNS, help="of each contender (default 5)")
    parser.add_argument(
        "--first-runs", type=int, help="of P3, which needs two new sandboxes a run (as --runs)"
    )
    parser.add_argument(
        "--report-only", action="store_true", help="end with 0 although a limit is missed"
    )
    options = parser.parse_args()
    unknown = [each for each in options.ids if each not in MEASURES]
    if unknown:
        parser.error(f"unknown: {', '.join(unknown)}. There are {', '.join(MEASURES)}.")
    return options


def main() -> int:
    """Measure, print the table, write latest.json; 1 when a limit is missed."""
    options = _options()
    found: list[Figure] = []
    problems = []
    for name in options.ids or MEASURES:
        began = time.monotonic()
        print(f"{name} … (load {os.getloadavg()[0]:.1f})", flush=True)
        try:
            for figure in MEASURES[name](options):
                found.append(figure)
                print("  ".join(figures.cells(figure)), flush=True)
        except RunFailed as problem:
            problems.append(f"{name} could not be measured: {problem}")
            print(problems[-1], file=sys.stderr)
        print(f"{name} done after {time.monotonic() - began:.0f} s", flush=True)
    figures.write(found, LATEST)
    print(figures.table(found))
    missed = [figure for figure in found if not figure.ok]
    print(f"{len(found) - len(missed)} of {len(found)} limits kept; {LATEST}")
    if problems:
        return 2
    return 1 if missed and not options.report_only else 0


if __name__ == "__main__":
    sys.exit(main())
