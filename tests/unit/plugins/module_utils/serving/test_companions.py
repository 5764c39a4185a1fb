# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Is it said when something beside a service does not do what it looks like?"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.llmd.tpu.plugins.module_utils.serving import companions
from ansible_collections.llmd.tpu.plugins.module_utils.serving.companions import check_companions

from tests.unit.plugins.module_utils.serving.manifests import good

NAMESPACE = "llm-d-inference-scheduling"


def _object(kind: str, name: str = "one", **fields: Any) -> dict[str, Any]:
    metadata = {"name": name, "namespace": NAMESPACE, **fields.pop("metadata", {})}
    return {"apiVersion": "v1", "kind": kind, "metadata": metadata, **fields}


def _egress(**rule: Any) -> dict[str, Any]:
    return _object("NetworkPolicy", spec={"egress": [rule]})


def _route(path: str, backend: str) -> dict[str, Any]:
    rule = {"matches": [{"path": {"value": path}}], "backendRefs": [{"name": backend}]}
    return _object("HTTPRoute", spec={"rules": [rule]})


PULL = [{"name": "registry-pull-secret"}]
HTTPS_PORT = [{"port": 443, "protocol": "TCP"}]
CASES = [
    ("COMPANION-PULL-SECRET", "warning", _object("ServiceAccount", "qwen", imagePullSecrets=PULL)),
    ("COMPANION-TOKEN-KEY", "warning", _object("Secret", "hf", stringData={"token": "planted"})),
    (
        "COMPANION-SIDECARS",
        "warning",
        _object("Namespace", metadata={"labels": {"istio-injection": "enabled"}}),
    ),
    (
        "COMPANION-GATEWAY-CLASS",
        "warning",
        _object("Gateway", spec={"gatewayClassName": "gke-l7-regional-external-managed"}),
    ),
    (
        "COMPANION-EGRESS",
        "warning",
        _egress(to=[{"namespaceSelector": {}}], ports=HTTPS_PORT),
    ),
    (
        "COMPANION-TOKEN-WITH-S3",
        "warning",
        _object("Secret", "hub", stringData={"HF_TOKEN": "planted", "AWS_ACCESS_KEY_ID": "x"}),
    ),
    (
        "COMPANION-SELECTOR",
        "warning",
        _object("NetworkPolicy", spec={"podSelector": {"matchLabels": {"app": "epp-scheduler"}}}),
    ),
    (
        "COMPANION-SELECTOR",
        "warning",
        _object(
            "Service",
            spec={"selector": {"serving.kserve.io/llminferenceservice": "qwen2-3b-pattern1"}},
        ),
    ),
    ("COMPANION-ROUTE", "warning", _route("/x", "qwen2-3b-pattern1-pool")),
    ("COMPANION-ROUTE", "warning", _route(f"/{NAMESPACE}/qwen2-3b-pattern1/v1", "another")),
    ("COMPANION-ENVOY-FILTER", "info", _object("EnvoyFilter")),
    (
        "COMPANION-DESTINATION-RULE",
        "warning",
        _object("DestinationRule", spec={"host": "qwen2-3b-pattern1-kserve-workload-svc"}),
    ),
]


def service() -> dict[str, Any]:
    """The manifest that leaves the pull secret to the ServiceAccount."""
    service = good()
    service["spec"]["template"].pop("imagePullSecrets")
    return service


@pytest.mark.parametrize(("code", "severity", "other"), CASES)
def test_it_is_said(code: str, severity: str, other: dict[str, Any]) -> None:
    [finding] = check_companions([service()], [other])
    assert (finding.code, finding.severity) == (code, severity)
    assert finding.subject.startswith(str(other["kind"]))
    assert "planted" not in str(finding)
    assert finding.fix


@pytest.mark.parametrize(
    "other",
    [
        _object("ServiceAccount", "default", imagePullSecrets=PULL),
        _object("ServiceAccount", "qwen"),
        _object("Secret", "hf", stringData={"HF_TOKEN": "x", "token": "x"}),
        _object("Secret", "tls", data={"tls.crt": ""}),
        _object("Namespace", metadata={"labels": {"istio-injection": "disabled"}}),
        _object("Gateway", spec={"gatewayClassName": "istio"}),
        _egress(to=[{"ipBlock": {"cidr": "0.0.0.0/0"}}], ports=HTTPS_PORT),
        _egress(ports=HTTPS_PORT),
        _object("NetworkPolicy", spec={"egress": [{"to": [{"podSelector": {}}]}]}),
        _object("DestinationRule", spec={"host": "other"}),
        _object("ConfigMap"),
        _object("Secret", "s3", stringData={"AWS_ACCESS_KEY_ID": "x"}),
        _object("Service", spec={"selector": {"app": "other", "kserve.io/component": "workload"}}),
        _object("PodMonitor", spec={"selector": {"matchLabels": ["wrong"]}}),
        _route("/llm-d-inference-scheduling/qwen2-3b-pattern1-b", "qwen2"),
        {"kind": "HTTPRoute", "spec": {"rules": [{"matches": [{"path": 1}]}, 3]}},
        {"kind": "Secret", "data": ["wrong"], "metadata": 3},
        {"kind": ["Secret"]},
    ],
)
def test_what_is_right_or_of_others_stays_unsaid(other: dict[str, Any]) -> None:
    assert check_companions([service()], [other]) == []


def test_the_service_may_name_the_pull_secret_itself() -> None:
    account = _object("ServiceAccount", "qwen", imagePullSecrets=PULL)
    assert check_companions([good()], [account]) == []


def test_a_route_that_the_service_names_is_its_own() -> None:
    named = service()
    named["spec"]["router"]["route"] = {"http": {"refs": [{"name": "one"}]}}
    assert check_companions([named], [_route("/x", "qwen2-3b-pattern1-kserve-workload-svc")]) == []


def gated(**metadata: Any) -> dict[str, Any]:
    """A service of a model that the hub gives only with a token."""
    manifest = good()
    manifest["metadata"] |= metadata
    manifest["spec"]["model"]["uri"] = "hf://meta-llama/Llama-3.1-8B-Instruct"
    return manifest


@pytest.mark.parametrize(
    ("manifest", "others", "codes"),
    [
        (gated(), [], ["COMPANION-TOKEN-NEEDED"]),
        (gated(), [_object("ServiceAccount", "other", secrets=PULL)], ["COMPANION-TOKEN-NEEDED"]),
        (gated(), [_object("ServiceAccount", "default", secrets=PULL)], []),
        (gated(annotations={"serving.kserve.io/storageSecretName": "hub"}), [], []),
        (good(), [], []),
    ],
)
def test_a_gated_model_needs_a_token(
    manifest: dict[str, Any], others: list[dict[str, Any]], codes: list[str]
) -> None:
    found = check_companions([manifest], others)
    assert [(one.code, one.severity) for one in found] == [(code, "info") for code in codes]


def test_every_code_is_triggered_here() -> None:
    source = Path(str(companions.__file__)).read_text()
    assert set(re.findall(r'"(COMPANION-[A-Z0-9-]+)"', source)) == {
        "COMPANION-TOKEN-NEEDED",
        *(case[0] for case in CASES),
    }
