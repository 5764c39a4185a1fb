# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A few causes, each named; all is well where it is; and the two playbooks. All: tests/long."""

from __future__ import annotations

import pytest

from tests.e2e.diagnosis.breaks import BREAKS
from tests.e2e.diagnosis.diagnosing import Break, broken, check, codes, diagnose, told
from tests.e2e.site.playbooks import play
from tests.sandbox.harness import Sandbox

QUICK = [case for case in BREAKS if case.quick]
VERIFY_SECONDS = 20.0
OURS = "llmd.tpu"


def test_nothing_is_told_of_a_converged_cluster(converged: Sandbox) -> None:
    start = converged.position()
    result = diagnose(converged, name=None, namespace=None)
    assert codes(result, "warning") == [], told(result)
    assert set(result["phases"].values()) == {"ok"}
    assert any(line.startswith("inference: HTTP 200") for line in result["checked"])
    written = [
        one.uri
        for one in converged.requests_by(OURS, start)
        # A token and a forwarded port are what a request's evidence is read by.
        if one.is_write and not one.uri.partition("?")[0].endswith(("/token", "/portforward"))
    ]
    assert written == []


def test_verify_gives_a_verdict_for_each_phase(converged: Sandbox) -> None:
    run = play(converged.folder, "verify")
    assert run.code == 0, run.output[-4000:]
    assert run.count("changed") == 0
    result = run.result("Look at every phase")
    assert result["phases"] == {
        "operators": "ok",
        "kserve": "ok",
        "gateway": "warning",
        "namespace": "ok",
        "model": "ok",
    }
    # Its address is open to the world, and nobody is asked who he is.
    assert [one["code"] for one in result["findings"]] == ["GATEWAY-OPEN"]
    assert result["seconds"] < VERIFY_SECONDS


def test_diagnose_ends_well_where_nothing_is_wrong(converged: Sandbox) -> None:
    run = play(converged.folder, "diagnose")
    assert run.code == 0, run.output[-4000:]
    assert "phase model: ok" in run.text


def test_the_playbooks_end_with_words_when_something_is_broken(converged: Sandbox) -> None:
    [case] = [one for one in BREAKS if one.name == "configuration"]
    with broken(converged, case):
        verified = play(converged.folder, "verify")
        diagnosed = play(converged.folder, "diagnose")
    assert verified.code == 2
    assert "phase kserve has errors (DIAGNOSIS-CONFIG-MISSING)" in verified.text
    assert diagnosed.code == 2
    assert "The first cause is DIAGNOSIS-CONFIG-MISSING" in diagnosed.text
    assert "run phase kserve again" in diagnosed.text


@pytest.mark.parametrize("case", QUICK, ids=[case.name for case in QUICK])
def test_a_cause_is_named(converged: Sandbox, case: Break) -> None:
    check(converged, case)
