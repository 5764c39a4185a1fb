# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Is another KServe recognised, a downgrade refused, and the controller restarted when needed?"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.llmd.tpu.plugins.module_utils.serving.installation import (
    CONFIGS_CRD,
    SERVICES_CRD,
    WEBHOOKS,
    Controller,
    Installation,
    check_before_install,
    check_before_removal,
    restart_reason,
)
from ansible_collections.llmd.tpu.plugins.module_utils.serving.kserve_info import (
    argument_spec,
    controller_of,
    run,
)
from ansible_collections.llmd.tpu.plugins.module_utils.serving.tracks import TRACKS

from tests.unit.plugins.module_utils.smoke.scripted import ScriptedSession, found, refused

OLD, NEW = TRACKS["release-v0.15"], TRACKS["release-v0.17"]
OURS = Installation(controllers=(Controller("opendatahub", OLD.controller, ours=True),))
MONITORS = {
    "podmonitors.monitoring.coreos.com": "2026-01-01T00:00:00Z",
    "servicemonitors.monitoring.coreos.com": "2026-01-01T00:00:00Z",
}


def codes(installation: Installation, **options: Any) -> list[tuple[str, str]]:
    """Severity and code of what is found before an installation."""
    wishes = {"adopt": False, "prune": True, "monitoring": False, **options}
    track = wishes.pop("track", OLD)
    findings = check_before_install(installation, track, **wishes)
    return [(one.severity, one.code) for one in findings]


def test_an_empty_cluster_and_our_own_are_fine() -> None:
    assert codes(Installation()) == []
    assert codes(OURS) == []
    assert OURS.track == "release-v0.15"
    assert Installation().track == ""


@pytest.mark.parametrize(
    "other",
    [
        Controller("kserve", "kserve-controller-manager"),
        Controller("redhat-ods-applications", "kserve-controller-manager", owner="Kserve default"),
        Controller("opendatahub", OLD.controller, owner="Kserve default", by_operator=True),
        Controller("opendatahub", NEW.controller),
    ],
)
@pytest.mark.parametrize("adopt", [False, True])
def test_another_kserve_is_refused_even_with_adopt(other: Controller, adopt: bool) -> None:
    assert codes(Installation(controllers=(other,)), adopt=adopt) == [("error", "KSERVE-FOREIGN")]


def test_one_in_our_place_is_taken_over_only_when_asked() -> None:
    theirs = Installation(controllers=(Controller("opendatahub", OLD.controller),))
    assert codes(theirs) == [("error", "KSERVE-NOT-OURS")]
    assert codes(theirs, adopt=True) == [("info", "KSERVE-NOT-OURS")]


def test_a_webhook_of_another_namespace_is_refused() -> None:
    assert codes(Installation(webhooks={WEBHOOKS[0]: "opendatahub"})) == []
    assert codes(Installation(webhooks={WEBHOOKS[0]: "kserve"})) == [
        ("error", "KSERVE-WEBHOOK-FOREIGN")
    ]


def test_a_track_that_does_not_know_the_stored_version_is_refused() -> None:
    stored = {SERVICES_CRD: ("v1alpha1", "v1alpha2"), CONFIGS_CRD: ("v1alpha1",)}
    assert codes(Installation(stored=stored)) == [("error", "KSERVE-DOWNGRADE")]
    assert codes(Installation(stored=stored), track=NEW) == []


def test_a_track_change_needs_prune() -> None:
    running = replace(OURS, services=("models/one",))
    assert codes(running, track=NEW) == [("warning", "KSERVE-TRACK-CHANGE")]
    assert codes(running, track=NEW, prune=False) == [("error", "KSERVE-TRACK-CHANGE")]


def test_monitoring_needs_the_operator_s_crds() -> None:
    assert codes(OURS, monitoring=True) == [("error", "KSERVE-MONITORING-CRDS")]
    assert codes(replace(OURS, crds=MONITORS), monitoring=True) == []


def test_services_stand_in_the_way_of_removal_and_are_named() -> None:
    assert check_before_removal(OURS) == []
    many = tuple(f"ns/model-{number}" for number in range(12))
    (finding,) = check_before_removal(replace(OURS, services=many))
    assert finding.code == "KSERVE-SERVICES-EXIST"
    assert "ns/model-0, ns/model-1" in finding.found
    assert finding.found.endswith("and 2 more")


@pytest.mark.parametrize(
    ("created", "restart"),
    [
        ("2026-01-01T09:59:59Z", False),
        ("2026-01-01T10:00:00Z", True),
        ("2026-01-01T10:00:01Z", True),
        ("2026-01-02T00:00:00Z", True),
    ],
)
def test_a_watched_crd_that_came_later_restarts_the_controller(created: str, restart: bool) -> None:
    crds = {
        "httproutes.gateway.networking.k8s.io": created,
        "a.example.com": "2027-01-01T00:00:00Z",
    }
    running = replace(OURS, crds=crds, started={OLD.controller: "2026-01-01T10:00:00Z"})
    expected = f"httproutes.gateway.networking.k8s.io of {created}" if restart else ""
    assert restart_reason(running, OLD) == expected


def test_without_a_running_manager_there_is_nothing_to_restart() -> None:
    crds = {"httproutes.gateway.networking.k8s.io": "2026-01-01T00:00:00Z"}
    assert restart_reason(replace(OURS, crds=crds), OLD) == ""
    other = replace(OURS, crds=crds, started={NEW.controller: "2025-01-01T00:00:00Z"})
    assert restart_reason(other, OLD) == ""


def deployment(**metadata: Any) -> dict[str, Any]:
    return {"metadata": {"namespace": "opendatahub", "name": OLD.controller, **metadata}}


def test_who_made_a_controller() -> None:
    assert controller_of(deployment(labels={"llmd.tpu/phase": "kserve"})).ours
    owned = controller_of(deployment(ownerReferences=[{"kind": "Kserve", "name": "default"}]))
    assert (owned.owner, owned.by_operator) == ("Kserve default", True)
    marked = controller_of(deployment(labels={"platform.opendatahub.io/part-of": "kserve"}))
    assert (marked.ours, marked.by_operator) == (False, True)
    helm = controller_of(deployment(annotations={"meta.helm.sh/release-name": "rhaii"}))
    assert (helm.owner, helm.by_operator) == ("Helm release rhaii", False)


CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
EMPTY = found({"items": []})


def cluster() -> ScriptedSession:
    """A cluster with our controller of the old track and one service."""
    made = {"creationTimestamp": "2026-01-01T00:00:00Z"}
    crd = {
        "metadata": {"name": SERVICES_CRD, **made},
        "spec": {"versions": [{"name": "v1alpha1", "storage": True}]},
        "status": {"storedVersions": ["v1alpha1"]},
    }
    manager = {"name": "manager", "state": {"running": {"startedAt": "2026-01-01T00:01:00Z"}}}
    late = {
        "name": "gateways.gateway.networking.k8s.io",
        "creationTimestamp": "2026-01-01T00:02:00Z",
    }
    return ScriptedSession(
        {
            "GET /apis/apps/v1/deployments": found(
                {"items": [deployment(labels={"llmd.tpu/phase": "kserve"})]}
            ),
            f"GET {CRDS}": found({"items": [{"metadata": crd["metadata"]}, {"metadata": late}]}),
            f"GET {CRDS}/{SERVICES_CRD}": found(crd),
            "GET /apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations": EMPTY,
            "GET /apis/serving.kserve.io/v1alpha1/llminferenceservices": found(
                {"items": [{"metadata": {"namespace": "models", "name": "one"}}]}
            ),
            "GET /api/v1/namespaces/opendatahub/pods": found(
                {"items": [{"metadata": {}, "status": {"containerStatuses": [manager]}}]}
            ),
        }
    )


def parameters(**given: Any) -> dict[str, Any]:
    defaults = {name: option.get("default") for name, option in argument_spec().items()}
    return {**defaults, **given}


def test_the_whole_cluster_in_one_answer() -> None:
    session = cluster()
    result = run(parameters(), lambda _: session)
    assert "failed" not in result
    assert result["track"] == "release-v0.15"
    assert result["services"] == ["models/one"]
    assert result["restart"] == "gateways.gateway.networking.k8s.io of 2026-01-01T00:02:00Z"
    assert all(request.startswith("GET ") for request in session.asked)


def test_removal_fails_in_words_while_services_exist() -> None:
    result = run(parameters(state="absent"), lambda _: cluster())
    assert result["failed"]
    assert "models/one" in result["msg"]
    only = run(parameters(state="absent", findings_only=True), lambda _: cluster())
    assert "failed" not in only


def test_a_cluster_with_the_kind_and_without_a_service() -> None:
    session = cluster()
    session.answers["GET /apis/serving.kserve.io/v1alpha1/llminferenceservices"] = found(
        {"items": None}
    )
    assert run(parameters(state="absent"), lambda _: session)["services"] == []


def test_services_that_cannot_be_converted_stop_a_removal_only() -> None:
    session = cluster()
    path = "GET /apis/serving.kserve.io/v1alpha1/llminferenceservices"
    session.answers[path] = refused(500, "conversion webhook failed")
    assert "failed" not in run(parameters(), lambda _: session)
    assert "conversion webhook failed" in run(parameters(state="absent"), lambda _: session)["msg"]


def test_a_refused_read_is_told() -> None:
    session = ScriptedSession({"GET /apis/apps/v1/deployments": refused(403, "no list for you")})
    assert "no list for you" in run(parameters(), lambda _: session)["msg"]
