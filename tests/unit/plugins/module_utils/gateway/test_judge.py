# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Does the judgement see an open, a broken, a foreign and a mismatched Gateway?"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.llmd.tpu.plugins.module_utils.findings import Finding
from ansible_collections.llmd.tpu.plugins.module_utils.gateway.judge import (
    Sight,
    Wishes,
    ca_certificate,
    check_plan,
    check_removal,
    check_serving,
    describe,
    is_external,
    kserve_gateway,
    open_addresses,
)

LABELS = {"llmd.tpu/phase": "gateway"}
WISHES = Wishes(labels=LABELS)
CERTIFICATE = "-----BEGIN CERTIFICATE-----\nabc\n-----END CERTIFICATE-----\n"
POD_LABELS = {"gateway.networking.k8s.io/gateway-name": "inference-gateway"}


def condition(name: str, status: str = "True", reason: str = "", message: str = "") -> Any:
    return {"type": name, "status": status, "reason": reason, "message": message}


def gateway(**given: Any) -> dict[str, Any]:
    """A Gateway of ours that serves."""
    return {
        "metadata": {
            "name": "inference-gateway",
            "namespace": "opendatahub",
            "labels": LABELS,
            "managedFields": [{"manager": "llmd.tpu", "operation": "Apply"}],
        },
        "spec": {
            "gatewayClassName": "istio",
            "listeners": [{"name": "http", "port": 80, "protocol": "HTTP"}],
        },
        "status": {
            "addresses": [{"type": "IPAddress", "value": "203.0.113.10"}],
            "conditions": [condition("Accepted"), condition("Programmed")],
            "listeners": [{"name": "http", "attachedRoutes": 1}],
            **given,
        },
    }


def service(annotations: dict[str, str] | None = None, **spec: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": "inference-gateway-istio", "annotations": annotations or {}},
        "spec": {"type": "LoadBalancer", **spec},
    }


def deployment(folder: str = "/var/run/secrets/opendatahub") -> dict[str, Any]:
    container = {"name": "istio-proxy", "volumeMounts": [{"name": "ca", "mountPath": folder}]}
    pod = {"metadata": {"labels": POD_LABELS}, "spec": {"containers": [container]}}
    return {"metadata": {"name": "inference-gateway-istio"}, "spec": {"template": pod}}


def policy(namespace: str, **spec: Any) -> dict[str, Any]:
    return {"metadata": {"name": "who", "namespace": namespace}, "spec": spec}


def kserve_config(name: str) -> dict[str, Any]:
    return {
        "metadata": {"namespace": "opendatahub", "name": "inferenceservice-config"},
        "data": {"ingress": json.dumps({"kserveIngressGateway": name})},
    }


def seen(**given: Any) -> Sight:
    """What is read when all is well, but for the open address."""
    istio = {
        "metadata": {"name": "istio"},
        "spec": {"controllerName": "istio.io/gateway-controller"},
    }
    known: dict[str, Any] = {
        "live": gateway(),
        "classes": [istio],
        "services": [service()],
        "deployments": [deployment()],
        "kserve_config": kserve_config("opendatahub/inference-gateway"),
        "ca_secret": {"data": {"ca.crt": base64.b64encode(CERTIFICATE.encode()).decode()}},
        "bundle": {"metadata": {"name": "odh-ca-bundle"}, "data": {"ca.crt": CERTIFICATE}},
        **given,
    }
    return Sight("inference-gateway", "opendatahub", **known)


def codes(findings: Iterable[Finding]) -> list[str]:
    return [finding.code for finding in findings]


def test_an_external_address_that_nothing_restricts_is_all_there_is_to_say() -> None:
    (finding,) = check_serving(seen(), WISHES)
    assert finding.code == "GATEWAY-OPEN"
    assert finding.severity == "warning"
    assert finding.found == "203.0.113.10"


@pytest.mark.parametrize(
    "given",
    [
        {"services": [service(loadBalancerSourceRanges=["192.0.2.0/24"])]},
        {"services": [service({"networking.gke.io/load-balancer-type": "Internal"})]},
        {"live": gateway(addresses=[{"value": "10.1.2.3"}])},
        {"live": gateway(addresses=[{"value": "gw-istio.opendatahub.svc.cluster.local"}])},
        {"policies": [policy("opendatahub")]},
        {"policies": [policy("istio-system", selector={"matchLabels": POD_LABELS})]},
        {
            "policies": [
                policy("opendatahub", targetRefs=[{"kind": "Gateway", "name": "inference-gateway"}])
            ]
        },
    ],
)
def test_what_restricts_it(given: dict[str, Any]) -> None:
    assert codes(check_serving(seen(**given), WISHES)) == []


@pytest.mark.parametrize(
    "given",
    [
        {"services": [service(loadBalancerSourceRanges=["0.0.0.0/0"])]},
        {"policies": [policy("elsewhere")]},
        {"policies": [policy("opendatahub", selector={"matchLabels": {"app": "other"}})]},
        {"policies": [policy("opendatahub", targetRefs=[{"kind": "Gateway", "name": "other"}])]},
        {"policies": [policy("elsewhere", targetRefs=[{"kind": "Gateway", "name": "x"}])]},
    ],
)
def test_what_does_not_restrict_it(given: dict[str, Any]) -> None:
    assert open_addresses(seen(**given), WISHES) == ["203.0.113.10"]


@pytest.mark.parametrize(
    ("address", "external"),
    [
        ("8.8.8.8", True),
        ("203.0.113.10", True),
        ("2001:4860::1", True),
        ("lb.example.com", True),
        ("10.0.0.1", False),
        ("172.20.1.1", False),
        ("100.64.0.1", False),
        ("fd00::1", False),
        ("gw-istio.ns.svc.cluster.local", False),
    ],
)
def test_which_addresses_are_external(address: str, external: bool) -> None:
    assert is_external(address) is external


def test_no_address_comes_with_what_the_cloud_said() -> None:
    live = gateway(
        addresses=None,
        conditions=[
            condition("Accepted"),
            condition("Programmed", "False", "AddressNotAssigned", "address pending"),
        ],
    )
    events = [
        {"type": "Normal", "reason": "EnsuringLoadBalancer", "lastTimestamp": "3"},
        {
            "type": "Warning",
            "reason": "SyncLoadBalancerFailed",
            "message": "old",
            "lastTimestamp": "1",
        },
        {
            "type": "Warning",
            "reason": "SyncLoadBalancerFailed",
            "message": "quota",
            "lastTimestamp": "2",
        },
    ]
    (finding,) = check_serving(seen(live=live, events=events), WISHES)
    assert finding.code == "GATEWAY-NO-ADDRESS"
    assert finding.found == "AddressNotAssigned; address pending; SyncLoadBalancerFailed: quota"
    assert "ClusterIP" in finding.fix


def test_a_listener_without_its_certificate() -> None:
    broken = {
        "name": "https",
        "conditions": [condition("ResolvedRefs", "False", "InvalidCertificateRef", "no Secret")],
    }
    found = list(check_serving(seen(live=gateway(listeners=[broken])), WISHES))
    assert "GATEWAY-LISTENER" in codes(found)
    assert found[0].found == "InvalidCertificateRef: no Secret"


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"classes": []}, "GATEWAY-CLASS-VENDOR"),
        ({"deployments": [deployment("/etc/other")]}, "GATEWAY-CA-NOT-MOUNTED"),
        (
            {"bundle": {"metadata": {"name": "odh-ca-bundle"}, "data": {"ca.crt": "old"}}},
            "GATEWAY-CA-OLD",
        ),
        ({"kserve_config": kserve_config("opendatahub/other")}, "GATEWAY-NOT-KSERVES"),
        ({"kserve_config": kserve_config("other")}, "GATEWAY-NOT-KSERVES"),
        ({"live": None}, "GATEWAY-MISSING"),
        ({"live": gateway(conditions=[])}, "GATEWAY-NOT-ACCEPTED"),
    ],
)
def test_what_breaks_serving(given: dict[str, Any], code: str) -> None:
    assert code in codes(check_serving(seen(**given), WISHES))


@pytest.mark.parametrize("config", [None, kserve_config("inference-gateway"), {"data": {}}])
def test_kserve_that_names_this_gateway_or_none_is_no_finding(config: Any) -> None:
    assert "GATEWAY-NOT-KSERVES" not in codes(check_serving(seen(kserve_config=config), WISHES))


def test_broken_settings_of_kserve_name_no_gateway() -> None:
    assert kserve_gateway({"data": {"ingress": "{"}}) == ""


def test_whose_it_is_decides_what_may_be_done() -> None:
    foreign = gateway()
    foreign["metadata"] = {"name": "inference-gateway", "labels": LABELS}
    assert codes(check_plan(seen(), WISHES)) == []
    assert codes(check_plan(seen(live=None), WISHES)) == []
    assert codes(check_plan(seen(live=foreign), WISHES)) == ["GATEWAY-FOREIGN"]
    existing = replace(WISHES, existing=True)
    assert codes(check_plan(seen(live=foreign), existing)) == []
    assert codes(check_plan(seen(live=None), existing)) == ["GATEWAY-MISSING"]


def test_a_removal_names_the_routes() -> None:
    assert codes(check_removal(seen(), WISHES)) == ["GATEWAY-IN-USE"]
    assert codes(check_removal(seen(live=gateway(listeners=[])), WISHES)) == []


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ({"ca.crt": CERTIFICATE, "tls.crt": "other"}, CERTIFICATE),
        ({"ca.crt": "", "tls.crt": CERTIFICATE}, CERTIFICATE),
        ({"tls.key": CERTIFICATE}, ""),
        ({"ca.crt": "no certificate"}, ""),
    ],
)
def test_the_ca_s_certificate(data: dict[str, str], expected: str) -> None:
    encoded = {key: base64.b64encode(text.encode()).decode() for key, text in data.items()}
    assert ca_certificate({"data": encoded}) == expected


def test_a_secret_that_cannot_be_read_is_no_certificate() -> None:
    assert ca_certificate(None) == ""
    assert ca_certificate({"data": {"ca.crt": "x"}}) == ""


def test_what_is_told_of_it() -> None:
    mine = {
        **gateway(),
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
    }
    other = gateway()
    other["metadata"] = {**other["metadata"], "name": "second"}
    told = describe(seen(others=[mine], neighbours=[gateway(), other]), WISHES)
    assert told["origin"] == "ours"
    assert told["listeners"] == [{"name": "http", "protocol": "HTTP", "port": 80}]
    assert told["neighbours"] == ["second"]
    assert [one["kind"] for one in told["objects"]] == ["PodDisruptionBudget"]
