# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""P5: from the first sign of a failing start to its name, case by case."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from tests.bench.figures import Figure, alone
from tests.long.startup.cases import CASES
from tests.long.startup.starting import begin, remove
from tests.long.startup.worlds import crowded_cluster

LIMIT_SECONDS = 5.0


def measure() -> Iterator[Figure]:
    """Every case alone, as a user meets it; what gets another name misses its limit."""
    with crowded_cluster("bench-startup") as sandbox:
        for case in CASES:
            starting = begin(sandbox, case)
            try:
                result = starting.end()
            finally:
                remove(sandbox, case)
            codes = [one["code"] for one in result["findings"]]
            if codes != [case.code]:
                print(f"{case.name}: {codes} in place of {case.code}", file=sys.stderr)
            # The cluster notes the sign by the second that had begun.
            seconds = max(starting.late, 0.0) if codes == [case.code] else float("inf")
            yield alone("P5", f"{case.name}: {case.code}", 1, seconds, "s", LIMIT_SECONDS)
