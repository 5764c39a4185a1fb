# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Every start that fails (tests/long/startup) is diagnosed by the code that its watch gives."""

from __future__ import annotations

import pytest

from tests.e2e.diagnosis.diagnosing import Object, codes, name_until, told
from tests.long.diagnosis.outcomes import OUTCOMES
from tests.long.startup.cases import CASES, Case
from tests.long.startup.starting import prepare, remove
from tests.sandbox.harness import Sandbox

# Stopped on purpose is no failure.
FAILING = [case for case in CASES if case.code != "STARTUP-STOPPED"]
SECONDS = 120.0
CHIPS = 12
"""What the nodes have beside the demo's model."""


def chips_of(case: Case) -> int:
    """What a case's pod takes of the nodes."""
    assert case.made
    [container] = case.made["spec"]["template"]["containers"]
    return int(container["resources"]["limits"]["google.com/tpu"])


def turns(cases: list[Case]) -> list[list[Case]]:
    """Cases that fit side by side; those for which the cloud behaves otherwise stand alone."""
    found: list[list[Case]] = []
    for case in cases:
        last = found[-1] if found else []
        alone = bool(case.cloud or (last and last[0].cloud))
        if not found or alone or sum(map(chips_of, [*last, case])) > CHIPS:
            found.append([])
        found[-1].append(case)
    return found


TURNS = turns(FAILING)


@pytest.mark.parametrize("cases", TURNS, ids=["+".join(c.name for c in one) for one in TURNS])
def test_starts_that_fail_are_diagnosed(world: Sandbox, cases: list[Case]) -> None:
    wrong: list[str] = []
    try:
        for case in cases:
            prepare(world, case)
        for case in cases:
            result = name_until(
                world,
                [case.code],
                SECONDS,
                name=case.name,
                namespace=case.namespace,
                ask=False,
            )
            OUTCOMES.rows[f"start: {case.name}"] = (case.code, codes(result), result["seconds"])
            if problem := mistake(case, result):
                wrong.append(f"{case.name}: {problem}\n{told(result)}")
    finally:
        remove(world, *cases)
    assert not wrong, "\n\n".join(wrong)


def mistake(case: Case, result: Object) -> str:
    """What is wrong with a diagnosis; empty when it is right."""
    if codes(result) != [case.code]:
        return f"not {case.code} alone"
    if case.words not in " ".join(result["findings"][0]["evidence"]):
        return f"nothing of {case.words!r}"
    return "a secret" if "hunter2" in str(result) or "hf_wrong" in str(result) else ""
