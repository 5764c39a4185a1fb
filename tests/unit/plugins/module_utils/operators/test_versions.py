# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Versions asked for, running, and what runs beside the truth."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.llmd.tpu.plugins.module_utils.operators.objects import owner, version
from ansible_collections.llmd.tpu.plugins.module_utils.operators.pools import check_pools
from ansible_collections.llmd.tpu.plugins.module_utils.operators.versions import (
    check_asked,
    check_cert_manager,
    check_istio,
    fits,
    istio_versions,
    running_cert_manager,
    running_istio,
    settled,
)
from ansible_collections.llmd.tpu.plugins.module_utils.operators.view import View

from tests.unit.plugins.module_utils.operators.clusters import (
    CERT_MANAGER,
    COMMUNITY,
    HELM,
    ISTIO,
    ISTIOD,
    REVISION,
    deployment,
    item,
)


def crd(field: dict[str, Any]) -> dict[str, Any]:
    """A CRD whose spec.version is described by the argument."""
    properties = {"spec": {"properties": {"version": field}}}
    stored = {
        "name": "v1",
        "storage": True,
        "schema": {"openAPIV3Schema": {"properties": properties}},
    }
    return {"spec": {"versions": [{"name": "v1alpha1"}, stored]}}


def test_the_versions_come_from_the_enum_of_the_stored_version() -> None:
    assert istio_versions(crd({"enum": ["v1.27.3", "v1.26.6"]})) == ["v1.27.3", "v1.26.6"]


@pytest.mark.parametrize("open_crd", [crd({"type": "string"}), {}, {"spec": {"versions": []}}])
def test_a_crd_without_an_enum_restricts_nothing(open_crd: dict[str, Any]) -> None:
    assert istio_versions(open_crd) == []
    assert list(check_asked("v9", [], "crd.yaml")) == []


def test_an_unknown_version_is_refused_with_the_list() -> None:
    finding = next(check_asked("v1.2.3", ["v1.28.3", "v1.26.2"], "crd.yaml"))
    assert "'v1.2.3'" in finding.message
    assert "v1.28.3, v1.26.2" in finding.expected
    assert list(check_asked("v1.28.3", ["v1.28.3"], "crd.yaml")) == []


@pytest.mark.parametrize(
    ("running", "asked", "fit"),
    [
        ("v1.28.3", "v1.28.3", True),
        ("v1.28.3", "v1.28-latest", True),
        ("v1.28.3", "v1.28.2", False),
        ("v1.28.3", "v1.2-latest", False),
        ("", "v1.28.3", False),
    ],
)
def test_an_alias_is_any_release_of_its_line(running: str, asked: str, fit: bool) -> None:
    assert fits(running, asked) is fit


def test_what_runs_as_asked_says_nothing() -> None:
    assert list(check_istio(COMMUNITY, "v1.28.3", "community")) == []
    assert list(check_istio(COMMUNITY, "v1.28-latest", "community")) == []
    assert list(check_cert_manager(COMMUNITY)) == []
    assert running_istio(COMMUNITY) == "v1.28.3"
    assert running_cert_manager(COMMUNITY) == "v1.19.1"


def test_another_version_or_another_image_is_an_error() -> None:
    late = replace(COMMUNITY, revisions=({**REVISION, "spec": {"version": "v1.27.5"}},))
    assert [one.code for one in check_istio(late, "v1.28.3", "community")] == [
        "OPERATORS-ISTIO-VERSION"
    ]
    edited = deployment("istiod", "istio-system", "example.com/pilot:1.28.3")
    other = replace(COMMUNITY, istiods=(edited,))
    finding = next(check_istio(other, "v1.28.3", "community"))
    assert finding.code == "OPERATORS-ISTIO-IMAGE"
    assert finding.expected == "gcr.io/istio-release/pilot:1.28.3"


def test_cert_manager_is_held_against_its_operator() -> None:
    carried = {
        "OPERAND_IMAGE_VERSION": "1.15.5",
        "RELATED_IMAGE_CERT_MANAGER_CONTROLLER": "registry.redhat.io/cm@sha256:76fe",
    }
    operator = deployment(
        "cert-manager-operator-controller-manager", "cert-manager-operator", env=carried
    )
    found = [one.found for one in check_cert_manager(replace(COMMUNITY, operators=(operator,)))]
    assert found == ["1.19.1", "quay.io/jetstack/cert-manager-controller:v1.19.1"]
    running = deployment(
        "cert-manager",
        "cert-manager",
        carried["RELATED_IMAGE_CERT_MANAGER_CONTROLLER"],
        labels={"app.kubernetes.io/version": "v1.15.5"},
    )
    view = replace(COMMUNITY, operators=(operator,), cert_managers=(running,))
    assert list(check_cert_manager(view)) == []


def test_a_version_is_settled_when_the_operator_took_it() -> None:
    assert settled(COMMUNITY, "v1.28.3")
    assert not settled(COMMUNITY, "v1.27.5")
    assert not settled(View(), "v1.28.3")
    refused = {**ISTIO, "status": {"conditions": [{"type": "Reconciled", "status": "False"}]}}
    assert not settled(replace(COMMUNITY, istios=(refused,)), "v1.28.3")


def test_versions_and_owners_of_single_objects() -> None:
    assert version(ISTIOD) == "v1.28.3"
    assert version(CERT_MANAGER) == "v1.19.1"
    assert version(deployment("a", "b", "registry:5000/pilot@sha256:0f")) == ""
    assert version(None) == ""
    assert owner(item("Deployment", "a", "b", annotations=HELM)).startswith("Helm release")
    assert owner(item("Deployment", "a", "b", labels={"olm.owner": "x"})).endswith(" x")
    assert owner(item("Deployment", "a", "b", managedFields=[{"manager": "kubectl"}])) == (
        "field manager kubectl"
    )
    assert owner(item("Deployment", "a", "b")) == "unknown"


def pool(api_version: str, status: str = "True", gateway: str = "front") -> dict[str, Any]:
    """A pool that a gateway says it accepts."""
    parent = {
        "parentRef": {"kind": "Gateway", "name": gateway, "namespace": "edge"},
        "conditions": [{"type": "Accepted", "status": status}],
    }
    return {
        "apiVersion": api_version,
        **item("InferencePool", "m", "models"),
        "status": {"parents": [parent]},
    }


V1, ALPHA = "inference.networking.k8s.io/v1", "inference.networking.x-k8s.io/v1alpha2"


@pytest.mark.parametrize(
    ("found", "served", "words"),
    [
        (pool(V1), ("inference.networking.k8s.io",), ""),
        (pool(V1), ("inference.networking.x-k8s.io",), "serves no InferencePool of group"),
        (pool(ALPHA), ("inference.networking.k8s.io",), "serves no InferencePool of group"),
        (pool(V1), (), "serves no InferencePool of group"),
        (pool(V1), None, ""),
        (pool(V1, gateway="gone"), None, "Gateway edge/gone is gone"),
        (pool(V1, status="False"), (), ""),
        ({"apiVersion": V1, **item("InferencePool", "m", "models")}, (), ""),
    ],
)
def test_a_stale_pool_is_recognised(
    found: dict[str, Any], served: tuple[str, ...] | None, words: str
) -> None:
    gateways = [item("Gateway", "front", "edge")]
    findings = list(check_pools([found], gateways, served, "v1.26.2"))
    assert len(findings) == (1 if words else 0)
    for finding in findings:
        assert finding.severity == "warning"
        assert words in finding.message
