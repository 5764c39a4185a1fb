# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What others installed is used or refused."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.llmd.tpu.plugins.module_utils.operators.installs import (
    PARTS,
    Wanted,
    check_installs,
    installs,
)
from ansible_collections.llmd.tpu.plugins.module_utils.operators.view import View

from tests.unit.plugins.module_utils.operators.clusters import (
    COMMUNITY,
    GATEWAYS,
    HELM,
    ISTIOD,
    OURS,
    crd,
    deployment,
    item,
)

WANTED = Wanted("community", "v1.28.3", "release-v0.15")


def codes(view: View, wanted: Wanted = WANTED) -> list[tuple[str, str]]:
    """Severity and code of each finding."""
    return [(one.severity, one.code) for one in check_installs(view, wanted)]


def adopting(*parts: str, **changes: Any) -> Wanted:
    """What is wanted, with some parts adopted."""
    return replace(WANTED, adopt=parts, **changes)


def test_an_empty_cluster_and_our_own_are_fine() -> None:
    assert codes(View()) == []
    assert codes(COMMUNITY) == []
    assert {one.whose for one in installs(COMMUNITY).values()} == {"ours"}


@pytest.mark.parametrize(
    ("part", "foreign"),
    [
        ("istio", {"istiods": (deployment("istiod", "istio-system", annotations=HELM),)}),
        ("istio", {"istiods": (ISTIOD, deployment("istiod-canary", "istio-system"))}),
        ("istio", {"istios": (item("Istio", "theirs"),)}),
        ("istio", {"operators": (deployment("sail-operator", "openshift-operators"),)}),
        ("cert-manager", {"cert_managers": (deployment("cert-manager", "cert-manager"),)}),
        ("cert-manager", {"cert_managers": (deployment("cm-cert-manager", "infra"),)}),
        ("cert-manager", {"crds": {"cert-manager": crd("certificates.cert-manager.io")}}),
        ("gateway-api", {"crds": {"gateway-api": crd(GATEWAYS, "v1.4.0")}}),
        ("inference-extension", {"crds": {"inference-extension": crd("inferencepools")}}),
    ],
)
def test_what_others_installed_is_refused_or_adopted(part: str, foreign: dict[str, Any]) -> None:
    view = replace(View(), **foreign)
    assert ("error", f"OPERATORS-FOREIGN-{part.upper()}") in codes(view)
    adopted = codes(view, adopting(part))
    assert ("info", f"OPERATORS-ADOPTED-{part.upper()}") in adopted
    assert "error" not in {severity for severity, _code in adopted}


def test_a_second_control_plane_beside_ours_is_foreign() -> None:
    other = deployment("istiod-canary", "istio-system", annotations=HELM)
    view = replace(COMMUNITY, istiods=(ISTIOD, other))
    findings = list(check_installs(view, WANTED))
    assert [one.code for one in findings] == ["OPERATORS-FOREIGN-ISTIO"]
    assert "Deployment istio-system/istiod-canary" in findings[0].subject
    assert "Helm release istio-system/istiod" in findings[0].subject
    assert "operators_adopt" in findings[0].fix


@pytest.mark.parametrize("part", PARTS)
def test_nothing_or_ours_cannot_be_adopted(part: str) -> None:
    assert ("error", f"OPERATORS-NOTHING-TO-ADOPT-{part.upper()}") in codes(View(), adopting(part))
    assert ("error", f"OPERATORS-ADOPTS-OURS-{part.upper()}") in codes(COMMUNITY, adopting(part))


def test_crds_that_the_platform_manages_are_used_without_asking() -> None:
    managed = crd(GATEWAYS, "v1.3.0", **{"addonmanager.kubernetes.io/mode": "Reconcile"})
    assert codes(View(crds={"gateway-api": managed})) == [("info", "OPERATORS-ADOPTED-GATEWAY-API")]


def test_crds_of_another_phase_are_ours() -> None:
    found = crd("inferencepools", **{"llmd.tpu/phase": "kserve"})
    assert codes(View(crds={"inference-extension": found})) == []


def test_an_old_gateway_api_cannot_be_adopted() -> None:
    view = View(crds={"gateway-api": crd(GATEWAYS, "v0.8.1")})
    assert ("error", "OPERATORS-GATEWAY-API-OLD") in codes(view, adopting("gateway-api"))


def test_the_other_distribution_must_go_first() -> None:
    wanted = replace(WANTED, distribution="redhat", istio_version="v1.27.3")
    assert codes(COMMUNITY, wanted) == [("error", "OPERATORS-OTHER-DISTRIBUTION")]


@pytest.mark.parametrize(
    ("version", "severity"), [("v1.26.2", "error"), ("v1.27.5", "warning"), ("main", "warning")]
)
def test_the_table_is_enforced(version: str, severity: str) -> None:
    wanted = replace(WANTED, istio_version=version)
    assert codes(View(), wanted) == [(severity, "OPERATORS-ISTIO-KSERVE")]


@pytest.mark.parametrize(
    ("image", "env", "expected"),
    [
        ("gcr.io/istio-release/pilot:1.28.3", "true", []),
        ("gcr.io/istio-release/pilot:1.26.2", "true", [("error", "OPERATORS-ISTIO-KSERVE")]),
        ("registry.redhat.io/osm/istio-pilot-rhel9:1.26.2", "true", []),
        ("gcr.io/istio-release/pilot:1.28.3", "", [("warning", "OPERATORS-ISTIO-WITHOUT-POOLS")]),
    ],
)
def test_an_adopted_istio_is_judged_by_what_it_runs(
    image: str, env: str, expected: list[tuple[str, str]]
) -> None:
    istiod = deployment(
        "istiod", "istio-system", image, {"ENABLE_GATEWAY_API_INFERENCE_EXTENSION": env}
    )
    found = codes(View(istiods=(istiod,)), adopting("istio", istio_version="v1.99.0"))
    assert [one for one in found if one[0] != "info"] == expected


def test_an_extra_that_others_installed_is_refused() -> None:
    view = View(crds={"lws": crd("leaderworkersets")})
    assert codes(view, replace(WANTED, extras=("lws",))) == [("error", "OPERATORS-FOREIGN-LWS")]
    ours = View(crds={"lws": crd("leaderworkersets", **OURS)})
    assert codes(ours, replace(WANTED, extras=("lws",))) == []


def test_red_hats_lws_needs_the_service_monitor() -> None:
    wanted = Wanted("redhat", "v1.27.3", "release-v0.15", extras=("lws",))
    assert codes(View(), wanted) == [("error", "OPERATORS-LWS-NEEDS-MONITORING")]
    assert codes(View(), replace(wanted, extras=("lws", "monitoring-crds"))) == []
