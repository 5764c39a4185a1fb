# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Each failing start is named by its own finding, within five seconds of its first sign.

The cases of one test are made at once and watched side by side; the others are in test_failures.
"""

from __future__ import annotations

import pytest

from tests.long.startup.cases import CASES, Case
from tests.long.startup.starting import Starting, begin, remove, watch
from tests.sandbox.harness import Sandbox

LIMIT_SECONDS = 5.0
# The cluster notes times by the second, and always the one that has begun.
ROUNDING_SECONDS = 1.0


def check(case: Case, starting: Starting) -> None:
    """The right finding, in time, with what the user needs and no more."""
    result = starting.end()
    told = "\n".join(f"{when:5.1f} {line}" for when, line in starting.lines)
    assert [one["code"] for one in result["findings"]] == [case.code], f"{result}\n{told}"
    [finding] = result["findings"]
    assert case.words in finding["found"], finding
    assert finding["fix"]
    assert "hunter2" not in str(result) + told
    assert "hf_wrong" not in str(result) + told
    assert starting.late <= LIMIT_SECONDS + ROUNDING_SECONDS, f"{starting.late:.1f} s\n{told}"


def check_together(sandbox: Sandbox, cases: list[Case]) -> None:
    """Make cases at once; all that fail are told, not only the first."""
    begun = [begin(sandbox, case) for case in cases]
    wrong: list[str] = []
    try:
        for case, starting in zip(cases, begun, strict=True):
            try:
                check(case, starting)
            except AssertionError as problem:
                wrong.append(f"{case.name}: {problem}")
            print(f"{case.name}: {case.code} after {starting.late:.1f} s")
    finally:
        remove(sandbox, *cases)
    assert not wrong, "\n\n".join(wrong)


QUICK = [case for case in CASES if case.quick]


@pytest.mark.parametrize("half", [0, 1], ids=["containers", "objects"])
def test_quick_cases(world: Sandbox, half: int) -> None:
    """Containers that run load the machine, so those cases have a turn of their own."""
    run = ("flags", "probe", "bad-token", "disk", "image")
    check_together(world, [case for case in QUICK if (case.name in run) is (half == 0)])


def test_a_service_that_is_not_there(world: Sandbox) -> None:
    missing = {"metadata": {"name": "nobody", "namespace": "llm-d-inference-scheduling"}}
    starting = watch(world, missing)
    result = starting.end()
    assert [one["code"] for one in result["findings"]] == ["STARTUP-SERVICE-MISSING"]
    assert starting.seconds < 6


def test_a_stockout_is_told_at_once_and_fails_at_the_time_out(world: Sandbox) -> None:
    """The cloud may have machines a moment later."""
    [like] = [case for case in CASES if case.name == "cloud-quota"]
    cloud = {**like.cloud, "failure": "GCE out of resources"}
    case = Case("stockout", "STARTUP-STOCKOUT", like.sign, _named("stockout", like), cloud=cloud)
    first = begin(world, case)
    try:
        told = first.told("the zone has no such machine free", 30)
        waiting = watch(world, case.made or {}, wait_timeout=4)
        result = waiting.end()
        assert [one["code"] for one in result["findings"]] == ["STARTUP-STOCKOUT"]
        assert waiting.seconds >= 4
        assert not first.result, "it goes on to wait"
        assert told < 15
    finally:
        remove(world, case)
    first.end()


def _named(name: str, like: Case) -> dict[str, object]:
    assert like.made
    return {**like.made, "metadata": {**like.made["metadata"], "name": name}}
