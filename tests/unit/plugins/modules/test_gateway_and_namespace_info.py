# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Do the words fail, warn and stay silent as their options say, and hold no secret?"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any

from ansible_collections.llmd.tpu.plugins.module_utils.connection import Reply
from ansible_collections.llmd.tpu.plugins.module_utils.gateway import gateway_info
from ansible_collections.llmd.tpu.plugins.module_utils.namespaces import namespace_info
from ansible_collections.llmd.tpu.plugins.module_utils.reader import METADATA_LIST

KEY, CERTIFICATE = "the-private-key", "-----BEGIN CERTIFICATE-----\nabc"
_PLACES = {
    "v1": {
        "Namespace": "namespaces",
        "ServiceAccount": "serviceaccounts",
        "Secret": "secrets",
        "ConfigMap": "configmaps",
        "Service": "services",
        "Event": "events",
        "ResourceQuota": "resourcequotas",
        "LimitRange": "limitranges",
    },
    "gateway.networking.k8s.io/v1": {"Gateway": "gateways", "GatewayClass": "gatewayclasses"},
    "security.istio.io/v1": {"AuthorizationPolicy": "authorizationpolicies"},
}
_CLUSTER_WIDE = {"Namespace", "GatewayClass"}


def _discovery(core: bool) -> dict[str, Any]:
    """Aggregated discovery of the kinds above."""
    groups = []
    for api_version, kinds in _PLACES.items():
        group, _slash, version = api_version.rpartition("/")
        if core == (not group):
            resources = [
                {
                    "resource": plural,
                    "responseKind": {"kind": kind},
                    "scope": "Cluster" if kind in _CLUSTER_WIDE else "Namespaced",
                    "verbs": ["get", "list"],
                }
                for kind, plural in kinds.items()
            ]
            versions = [{"version": version or api_version, "resources": resources}]
            groups.append({"metadata": {"name": group}, "versions": versions})
    return {"items": groups}


class Server:
    """An API server that has the objects given by path, and empty lists."""

    server = "https://cluster.example"
    source = "a test"

    def __init__(self, objects: Mapping[str, Any], refuses: str = "(nothing)") -> None:
        self.objects = objects
        self.refuses = refuses
        self.accepted: dict[str, str] = {}

    def send(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes | None = None
    ) -> Reply:
        assert method == "GET"
        place = path.partition("?")[0]
        self.accepted[place] = headers["Accept"]
        if place in ("/api", "/apis"):
            return Reply(200, json.dumps(_discovery(place == "/api")).encode())
        if self.refuses in place:
            status = {"kind": "Status", "message": f"may not list {self.refuses}"}
            return Reply(403, json.dumps(status).encode())
        plurals = {plural for kinds in _PLACES.values() for plural in kinds.values()}
        default = {"items": None} if place.rpartition("/")[2] in plurals else None
        found = self.objects.get(place, default)
        return Reply(200 if found else 404, json.dumps(found or {"kind": "Status"}).encode())


def _run(word: Any, server: Server, **given: Any) -> dict[str, Any]:
    parameters = {name: option.get("default") for name, option in word.argument_spec().items()}
    result: dict[str, Any] = word.run({**parameters, **given}, lambda _options: server)
    return result


def _gateway_objects() -> dict[str, Any]:
    ca = {
        "ca.crt": base64.b64encode(CERTIFICATE.encode()).decode(),
        "tls.key": base64.b64encode(KEY.encode()).decode(),
    }
    live = {
        "metadata": {"name": "inference-gateway"},
        "spec": {"gatewayClassName": "istio"},
        "status": {
            "addresses": [{"value": "203.0.113.10"}],
            "conditions": [{"type": name, "status": "True"} for name in ("Accepted", "Programmed")],
        },
    }
    istio = {
        "metadata": {"name": "istio"},
        "spec": {"controllerName": "istio.io/gateway-controller"},
    }
    base = "/apis/gateway.networking.k8s.io/v1"
    return {
        "/api/v1/namespaces/cert-manager/secrets/opendatahub-ca": {"data": ca},
        f"{base}/namespaces/opendatahub/gateways": {"items": [live]},
        f"{base}/gatewayclasses": {"items": [istio]},
    }


def test_an_open_gateway_is_a_warning_and_the_key_of_the_ca_stays_away() -> None:
    result = _run(gateway_info, Server(_gateway_objects()))
    assert result["ok"]
    assert "failed" not in result
    assert [one["code"] for one in result["findings"]] == ["GATEWAY-OPEN"]
    assert "GATEWAY-OPEN" in result["warnings"][0]
    assert result["ca_certificate"] == CERTIFICATE
    assert KEY not in json.dumps(result)
    assert base64.b64encode(KEY.encode()).decode() not in json.dumps(result)


def test_findings_only_neither_warns_nor_fails() -> None:
    result = _run(gateway_info, Server({}), findings_only=True)
    assert not result["ok"]
    assert "failed" not in result
    assert "warnings" not in result


def test_a_missing_gateway_fails_with_its_name() -> None:
    result = _run(gateway_info, Server({}), name="shared", namespace="gateways")
    assert result["failed"]
    assert "Gateway gateways/shared" in result["msg"]


def test_policies_that_may_not_be_read_count_as_none() -> None:
    result = _run(gateway_info, Server(_gateway_objects(), refuses="authorizationpolicies"))
    assert [one["code"] for one in result["findings"]] == ["GATEWAY-OPEN"]


def test_what_must_be_read_and_may_not_is_told() -> None:
    result = _run(gateway_info, Server(_gateway_objects(), refuses="services"))
    assert result["failed"]
    assert "may not list services" in result["msg"]


def test_of_secrets_only_names_are_asked_for() -> None:
    server = Server({"/api/v1/namespaces/models": {"metadata": {"name": "models"}}})
    result = _run(namespace_info, server, names=["models", "models", "free"], state="present")
    assert server.accepted["/api/v1/namespaces/models/secrets"] == METADATA_LIST
    assert [one["origin"] for one in result["namespaces"]] == ["foreign", "missing"]
    assert result["failed"]
    assert "NAMESPACE-FOREIGN" in result["msg"]


def test_without_a_state_nothing_is_judged() -> None:
    server = Server({"/api/v1/namespaces/models": {"metadata": {"name": "models"}}})
    result = _run(namespace_info, server, names=["models"])
    assert result["ok"]
    assert result["findings"] == []


def test_a_bad_name_is_refused_before_anything_is_asked() -> None:
    server = Server({})
    result = _run(namespace_info, server, names=["Models"], state="present")
    assert result["failed"]
    assert server.accepted == {}
