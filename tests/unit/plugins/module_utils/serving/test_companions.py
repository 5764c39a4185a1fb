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
        {"kind": "Secret", "data": ["wrong"], "metadata": 3},
        {"kind": ["Secret"]},
    ],
)
def test_what_is_right_or_of_others_stays_unsaid(other: dict[str, Any]) -> None:
    assert check_companions([service()], [other]) == []


def test_the_service_may_name_the_pull_secret_itself() -> None:
    account = _object("ServiceAccount", "qwen", imagePullSecrets=PULL)
    assert check_companions([good()], [account]) == []


def test_every_code_is_triggered_here() -> None:
    source = Path(str(companions.__file__)).read_text()
    assert set(re.findall(r'"(COMPANION-[A-Z-]+)"', source)) == {case[0] for case in CASES}
