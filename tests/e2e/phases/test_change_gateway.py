# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Another gateway than the first one: changed, second, without an address, of somebody else."""

from __future__ import annotations

import json
from typing import Any

from tests.e2e.phases.planted import account, silent
from tests.e2e.site.playbooks import play
from tests.sandbox.harness import Sandbox

HERE = "--namespace=opendatahub"
SWITCH = ("configmap", "sandbox-load-balancer", "--namespace=kube-system")
CHANGED: dict[str, Any] = {
    "gateway_https": True,
    "gateway_https_issuer": "opendatahub-ca-issuer",
    "gateway_https_hostname": "llm.example.com",
    "gateway_allowed_routes": "Selector",
    "gateway_allowed_namespaces": ["llm-d-inference-scheduling"],
    "gateway_source_ranges": ["192.0.2.0/24"],
    "gateway_service_annotations": {"example.com/team": "search"},
    "gateway_replicas": 2,
    "gateway_max_replicas": 3,
    "gateway_min_available": 1,
}
SECOND = {"gateway_name": "second", "gateway_wait_timeout": 20}


def writes(sandbox: Sandbox, start: int) -> list[str]:
    return [each.uri for each in sandbox.requests_by("llmd.tpu", start) if each.is_write]


def names(sandbox: Sandbox, kinds: str) -> set[str]:
    found = sandbox.get(kinds, HERE, "--selector=llmd.tpu/phase=gateway")["items"]
    return {f"{one['kind']}/{one['metadata']['name']}" for one in found}


def gateway_pods_revision(sandbox: Sandbox) -> str:
    live = sandbox.get("deployment", HERE, "inference-gateway-istio")
    return str(live["metadata"]["annotations"]["deployment.kubernetes.io/revision"])


def test_the_gateway_changes_and_changes_back(lived: Sandbox) -> None:
    before = gateway_pods_revision(lived)
    start = lived.position()
    predicted = play(lived.folder, "gateway", inputs=CHANGED, check=True)
    assert predicted.code == 0, predicted.output[-4000:]
    assert writes(lived, start) == []

    run = play(lived.folder, "gateway", inputs=CHANGED)
    assert run.code == 0, run.output[-4000:]
    assert run.changed_tasks == predicted.changed_tasks
    assert "GATEWAY-OPEN" not in run.output
    service = lived.get("service", HERE, "inference-gateway-istio")
    assert service["spec"]["loadBalancerSourceRanges"] == ["192.0.2.0/24"]
    assert service["metadata"]["annotations"]["example.com/team"] == "search"
    assert {port["port"] for port in service["spec"]["ports"]} >= {80, 443}
    gateway = lived.get("gateway", HERE, "inference-gateway")
    assert {one["name"] for one in gateway["spec"]["listeners"]} == {"http", "https"}
    # The models' route is still attached: its namespace is among those allowed.
    assert [one["attachedRoutes"] for one in gateway["status"]["listeners"]] == [1, 1]
    made = names(lived, "hpa,pdb,certificates.cert-manager.io")
    assert made == {
        "HorizontalPodAutoscaler/inference-gateway",
        "PodDisruptionBudget/inference-gateway",
        "Certificate/inference-gateway-tls",
    }

    again = play(lived.folder, "gateway", inputs=CHANGED)
    assert again.changed_tasks == []

    back = play(lived.folder, "gateway")
    assert back.code == 0, back.output[-4000:]
    assert "GATEWAY-OPEN" in back.output
    assert names(lived, "hpa,pdb,certificates.cert-manager.io") == set()
    assert (
        "loadBalancerSourceRanges"
        not in lived.get("service", HERE, "inference-gateway-istio")["spec"]
    )
    # No setting of these is a reason to restart the proxy.
    assert gateway_pods_revision(lived) == before


def test_no_address_is_told_with_its_reason_and_a_second_gateway_goes_alone(
    lived: Sandbox,
) -> None:
    reason = "quota IN_USE_ADDRESSES exceeded"
    lived.kubectl("create", *SWITCH, f"--from-literal=withhold={reason}")
    try:
        run = play(lived.folder, "gateway", inputs=SECOND)
    finally:
        lived.kubectl("delete", *SWITCH)
    assert run.code == 2, run.output[-4000:]
    for words in ("GATEWAY-NO-ADDRESS", "AddressNotAssigned", reason, "gateway_service_type"):
        assert words in run.text
    assert "Traceback" not in run.output

    # It would also have said that KServe attaches models elsewhere.
    gone = {**SECOND, "gateway_state": "absent", "gateway_wait_timeout": 60}
    predicted = play(lived.folder, "gateway", inputs=gone, check=True)
    assert predicted.code == 0, predicted.output[-4000:]
    removed = play(lived.folder, "gateway", inputs=gone)
    assert removed.code == 0, removed.output[-4000:]
    assert removed.changed_tasks == predicted.changed_tasks != []
    assert play(lived.folder, "gateway", inputs=gone).changed_tasks == []
    assert lived.kubectl("get", "service", HERE, "second-istio", "--ignore-not-found") == ""
    # What the first gateway needs as well is still there.
    assert names(lived, "configmap,secret") == {
        "ConfigMap/inference-gateway-config",
        "ConfigMap/odh-ca-bundle",
        "Secret/redhat-pull-secret",
    }


def test_a_gateway_of_others_is_checked_and_never_written(lived: Sandbox) -> None:
    foreign = {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "Gateway",
        "metadata": {
            "name": "shared",
            "namespace": "opendatahub",
            "labels": {"llmd.tpu/phase": "gateway"},
            "annotations": {"networking.istio.io/service-type": "ClusterIP"},
        },
        "spec": {
            "gatewayClassName": "istio",
            "listeners": [{"name": "http", "port": 8080, "protocol": "HTTP"}],
        },
    }
    lived.apply(foreign)
    try:
        start = lived.position()
        refused = play(lived.folder, "gateway", inputs={"gateway_name": "shared"})
        assert refused.code == 2, refused.output[-4000:]
        assert "GATEWAY-FOREIGN" in refused.text
        used = {"gateway_name": "shared", "gateway_existing": True}
        programmed = "--for=condition=Programmed"
        lived.kubectl("wait", "gateway/shared", HERE, programmed, "--timeout=120s")
        told = play(lived.folder, "gateway", inputs=used)
        # Its pods lack the CA, and KServe attaches models to another one.
        assert told.code == 2, told.output[-4000:]
        assert "GATEWAY-CA-NOT-MOUNTED" in told.text
        finding_codes = {
            one["code"] for one in told.result("Judge how the gateway serves")["findings"]
        }
        assert "GATEWAY-NOT-KSERVES" in finding_codes
        kept = play(lived.folder, "gateway", inputs={**used, "gateway_state": "absent"})
        assert kept.code == 0, kept.output[-4000:]
        assert writes(lived, start) == []
    finally:
        lived.kubectl("delete", "gateway", HERE, "shared")


def test_the_gateway_that_kserve_uses_may_be_somebody_else_s(lived: Sandbox) -> None:
    start = lived.position()
    run = play(lived.folder, "gateway", inputs={"gateway_existing": True})
    assert run.code == 0, run.output[-4000:]
    assert writes(lived, start) == []
    assert json.dumps(run.result("Judge how the gateway serves")).count("GATEWAY-OPEN") > 0


def test_the_password_of_the_registry_is_never_said(lived: Sandbox) -> None:
    run = play(lived.folder, "gateway", "-vvv", inputs=account("gateway"), check=True)
    assert run.code == 0, run.output[-4000:]
    assert "llmd.tpu.gateway : Apply the gateway's pull secret" in run.changed_tasks
    silent(run)
