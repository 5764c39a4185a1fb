# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Is each suspect told once, as a cause or as the evidence of one, and the greatest cause first?"""

from __future__ import annotations

from fnmatch import fnmatchcase

from ansible_collections.llmd.tpu.plugins.module_utils.diagnosis.deciding import suspects_of
from ansible_collections.llmd.tpu.plugins.module_utils.diagnosis.ranking import (
    EXPLAINS,
    explains,
    rank,
)
from ansible_collections.llmd.tpu.plugins.module_utils.diagnosis.snapshot import (
    PHASES,
    Phase,
    Suspect,
)
from ansible_collections.llmd.tpu.plugins.module_utils.findings import Finding, Severity
from hypothesis import given
from hypothesis import strategies as st

from tests.findings_page.page import codes_by_module
from tests.unit.plugins.module_utils.diagnosis.broken import BROKEN

CODES = sorted({code for codes in codes_by_module().values() for code in codes})


def suspect(
    code: str,
    phase: Phase = "model",
    service: str = "",
    place: str = "",
    severity: Severity = "error",
    subject: str = "",
) -> Suspect:
    finding = Finding(code, severity, "words", subject=subject or service or place, fix="do")
    return Suspect(phase, finding, service, place)


def test_every_code_of_the_table_is_told_by_somebody() -> None:
    named = {*EXPLAINS, *(code for codes in EXPLAINS.values() for code in codes)}
    unknown = [one for one in named if not any(fnmatchcase(code, one) for code in CODES)]
    assert unknown == []


@given(
    st.lists(
        st.builds(
            suspect,
            st.sampled_from(
                [
                    code
                    for code in CODES
                    if code.split("-")[0]
                    in ("DIAGNOSIS", "GATEWAY", "STARTUP", "SMOKE", "OPERATORS")
                ]
            ),
            st.sampled_from(PHASES),
            st.sampled_from(["", "one", "two"]),
            st.sampled_from(["", "opendatahub", "istio-system"]),
        ),
        max_size=12,
    )
)
def test_nothing_is_lost_and_nothing_told_twice(suspects: list[Suspect]) -> None:
    causes = rank(suspects)
    told = [one for cause in causes for one in (cause.suspect, *cause.consequences)]
    assert len(told) == len({(one.finding.code, one.finding.subject, one.service) for one in told})
    assert {(one.finding.code, one.finding.subject, one.service) for one in told} == {
        (one.finding.code, one.finding.subject, one.service) for one in suspects
    }


def test_one_cause_is_not_told_eight_times() -> None:
    """The controller is down in the middle of an installation: everything that lacks is its."""
    down = suspect("DIAGNOSIS-CONTROLLER-DOWN", "kserve", place="opendatahub")
    others = [
        suspect("DIAGNOSIS-WEBHOOK-NO-ENDPOINT", "kserve", place="opendatahub"),
        *(
            suspect(code, service="one")
            for code in (
                "DIAGNOSIS-ROUTE-MISSING",
                "DIAGNOSIS-POOL-MISSING",
                "DIAGNOSIS-SCHEDULER-DOWN",
                "DIAGNOSIS-SERVICE-MISSING",
                "DIAGNOSIS-URL-MISSING",
                "SMOKE-ROUTE-NOT-FOUND",
            )
        ),
    ]
    [cause] = rank([*others, down])
    assert cause.suspect is down
    assert len(cause.consequences) == len(others)
    assert len(cause.evidence) == len(others)


def test_a_cause_of_one_service_explains_no_other() -> None:
    dead = suspect("DIAGNOSIS-SERVER-DEAD", service="one")
    told = rank([dead, suspect("SMOKE-NO-UPSTREAM", service="two")])
    assert [one.suspect.finding.code for one in told] == [
        "DIAGNOSIS-SERVER-DEAD",
        "SMOKE-NO-UPSTREAM",
    ]


def test_a_part_explains_only_its_own_webhook() -> None:
    down = suspect("DIAGNOSIS-CONTROLLER-DOWN", "kserve", place="opendatahub")
    other = suspect("DIAGNOSIS-WEBHOOK-NO-ENDPOINT", "operators", place="istio-system")
    assert not explains(down, other)


def test_what_is_shared_is_the_cause_of_what_one_has() -> None:
    gone = suspect("STARTUP-PRESET-MISSING", "kserve", subject="opendatahub")
    told = suspect("STARTUP-PRESET-MISSING", "kserve", service="one")
    [cause] = rank([told, gone])
    assert cause.suspect is gone


def test_the_cause_that_explains_most_comes_first_and_warnings_last() -> None:
    open_gate = suspect("GATEWAY-OPEN", "gateway", severity="warning")
    small = suspect("DIAGNOSIS-SHADOW-OLD", service="two")
    great = suspect("DIAGNOSIS-ROUTE-MISSING", service="one")
    symptoms = [suspect("SMOKE-ROUTE-NOT-FOUND", service="one")]
    codes = [one.suspect.finding.code for one in rank([open_gate, small, *symptoms, great])]
    assert codes == ["DIAGNOSIS-ROUTE-MISSING", "DIAGNOSIS-SHADOW-OLD", "GATEWAY-OPEN"]


def test_a_warning_that_breaks_something_is_an_error() -> None:
    blind = suspect("DIAGNOSIS-CONTROLLER-BLIND", "kserve", severity="warning")
    [alone] = rank([blind])
    assert alone.severity == "warning"
    [cause] = rank([blind, suspect("DIAGNOSIS-ROUTE-MISSING", service="one")])
    assert cause.severity == "error"
    assert cause.to_dict()["explains"] == ["DIAGNOSIS-ROUTE-MISSING"]


def test_every_broken_cluster_shows_what_follows() -> None:
    """The clusters of the tests hold more than their cause, or ranking would have nothing to do."""
    several = [case for case in BROKEN if len(list(suspects_of(case.make()))) > 1]
    assert len(several) > len(BROKEN) // 2
