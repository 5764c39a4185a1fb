# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Is each cause named once, with what follows as its evidence, and none where all is well?"""

from __future__ import annotations

import copy
from dataclasses import replace

import pytest
from ansible_collections.llmd.tpu.plugins.module_utils.diagnosis.deciding import decide
from ansible_collections.llmd.tpu.plugins.module_utils.diagnosis.snapshot import Snapshot

from tests.unit.plugins.module_utils.diagnosis.broken import BROKEN, Broken
from tests.unit.plugins.module_utils.diagnosis.clusters import JUST_NOW
from tests.unit.plugins.module_utils.diagnosis.healthy import HEALTHY


@pytest.mark.parametrize("case", BROKEN, ids=[case.name for case in BROKEN])
def test_a_cause_is_named_once(case: Broken) -> None:
    causes = decide(case.make()).causes
    told = [cause.suspect.finding.code for cause in causes]
    assert told == [case.code], [(c.finding.code, c.evidence) for c in causes]
    [cause] = causes
    assert cause.severity == case.severity
    followed = {one.finding.code for one in cause.consequences}
    assert set(case.follows) <= followed
    finding = cause.suspect.finding
    assert finding.fix, "a cause says what to do"
    assert case.words in " ".join(
        (
            finding.subject,
            finding.path,
            finding.message,
            finding.found,
            finding.expected,
            finding.fix,
        )
    )


@pytest.mark.parametrize(("name", "snapshot"), HEALTHY, ids=[name for name, _snapshot in HEALTHY])
def test_nothing_is_told_of_what_is_well(name: str, snapshot: Snapshot) -> None:
    diagnosis = decide(snapshot)
    assert [cause.to_dict() for cause in diagnosis.causes] == []
    assert {**diagnosis.phases, "model": "ok"} == dict.fromkeys(diagnosis.phases, "ok")
    assert diagnosis.phases["model"] in ("ok", "starting")


def test_a_service_that_does_not_answer_yet_is_starting_and_one_that_rolls_is_well() -> None:
    verdicts = {name: decide(snapshot).phases["model"] for name, snapshot in HEALTHY}
    starting = [name for name, verdict in verdicts.items() if verdict == "starting"]
    assert starting == ["fresh", "just ready", "all restarted"]


def test_a_broken_gateway_has_its_evidence_although_the_service_has_just_started() -> None:
    [image] = [one.make() for one in BROKEN if one.code == "DIAGNOSIS-GATEWAY-IMAGE"]
    [seen] = image.services
    live = copy.deepcopy(seen.sight.service)
    assert live
    for one in live["status"]["conditions"]:
        one["lastTransitionTime"] = JUST_NOW
    early = replace(seen, sight=replace(seen.sight, service=live))
    [cause] = decide(replace(image, services=[early])).causes
    assert "SMOKE-CONNECT" in [one.finding.code for one in cause.consequences]
