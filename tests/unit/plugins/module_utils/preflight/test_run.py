# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Does the whole look at a cluster hold together, also where something cannot be seen?"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.llmd.tpu.plugins.module_utils.connection import (
    ConnectionLost,
    ConnectionProblem,
    Reply,
    Session,
)
from ansible_collections.llmd.tpu.plugins.module_utils.preflight.preflight import run

from tests.unit.plugins.module_utils.preflight.phases import NAMESPACE, parameters, target

REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
DISCOVERY = {
    "/api": {
        "items": [
            {
                "metadata": {"name": ""},
                "versions": [
                    {
                        "version": "v1",
                        "resources": [
                            {
                                "resource": "configmaps",
                                "responseKind": {"kind": "ConfigMap"},
                                "scope": "Namespaced",
                                "verbs": ["get", "list"],
                            }
                        ],
                    }
                ],
            }
        ]
    },
    "/apis": {"items": []},
}


@dataclass
class Cluster:
    """An API server that knows ConfigMaps, and answers questions about permissions."""

    allowed: Callable[[Mapping[str, Any]], bool] = lambda _attributes: True
    refused: tuple[str, ...] = ()
    asked: list[Mapping[str, Any]] = field(default_factory=list)
    written: list[str] = field(default_factory=list)
    server: str = "https://cluster.example"
    source: str = "a test"

    def send(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes | None = None
    ) -> Reply:
        """Answer as the API server would."""
        plain = path.partition("?")[0]
        if method == "POST" and plain == REVIEWS:
            attributes = json.loads(body or b"")["spec"]["resourceAttributes"]
            self.asked.append(attributes)
            if "reviews" in self.refused:
                raise ConnectionLost("reset")
            status = {"allowed": self.allowed(attributes)}
            return Reply(201, json.dumps({"status": status}).encode())
        if method != "GET":
            self.written.append(f"{method} {path}")
        if plain in self.refused:
            return Reply(403, b'{"kind": "Status", "message": "no"}')
        answer = DISCOVERY.get(plain, {"items": []})
        if plain == "/version":
            answer = {"gitVersion": "v1.34.1"}
        return Reply(200, json.dumps(answer).encode())


def look(cluster: Session, *phases: dict[str, Any], **options: Any) -> dict[str, Any]:
    """The result of the task on this cluster."""
    return run(parameters(*phases, **options), lambda _parameters: cluster, {})


def codes(result: dict[str, Any]) -> list[str]:
    """The codes of the findings."""
    return [one["code"] for one in result["findings"]]


SETTINGS = {"name": "gateway", "objects": [target("ConfigMap", "settings", NAMESPACE)]}


def test_a_cluster_where_all_is_well() -> None:
    cluster = Cluster()
    result = look(cluster, SETTINGS)
    assert result["ok"]
    assert codes(result) == []
    assert result["checked"] == [
        "cluster https://cluster.example answers, Kubernetes v1.34.1",
        "3 permissions asked for, 3 granted",
    ]
    assert cluster.written == []
    assert {one["verb"] for one in cluster.asked} == {"get", "create", "patch"}


def test_a_denied_permission_is_asked_again_by_name() -> None:
    cluster = Cluster(lambda one: one["verb"] != "patch" or one.get("name") == "settings")
    assert codes(look(cluster, SETTINGS)) == []
    assert [one.get("name") for one in cluster.asked].count("settings") == 1
    strict = Cluster(lambda one: one["verb"] != "patch")
    result = look(strict, SETTINGS)
    assert codes(result) == ["PERMISSION-MISSING"]
    assert result["failed"]
    assert "PERMISSION-MISSING" in result["msg"]


def test_findings_alone_never_fail() -> None:
    result = look(Cluster(lambda _one: False), SETTINGS, findings_only=True)
    assert not result["ok"]
    assert "failed" not in result


def test_what_cannot_be_seen_is_information() -> None:
    result = look(Cluster(refused=(CRDS,)), SETTINGS)
    assert codes(result) == ["CLUSTER-NOT-LOOKED-AT"]
    assert result["ok"]


def test_questions_without_answers_are_a_warning() -> None:
    assert codes(look(Cluster(refused=("reviews",)), SETTINGS)) == ["PERMISSION-NOT-ASKED"]


def test_a_cluster_that_cannot_be_reached() -> None:
    def refuse(_parameters: Mapping[str, Any]) -> Session:
        raise ConnectionProblem("no API server answers at https://gone.example")

    result = run(parameters(SETTINGS), refuse, {})
    assert codes(result) == ["CLUSTER-UNREACHABLE"]


def test_what_other_words_found_is_told_with_the_rest() -> None:
    other = {"code": "KSERVE-FOREIGN", "severity": "error", "message": "another KServe"}
    result = look(Cluster(), {**SETTINGS, "findings": [other], "unknown": ["helm: no such chart"]})
    assert sorted(codes(result)) == ["KSERVE-FOREIGN", "SOURCE-UNREADABLE"]
    assert "error KSERVE-FOREIGN: another KServe" in result["report"]


def test_certificates_that_cannot_be_read_are_named() -> None:
    result = look(Cluster(), SETTINGS, web_ca_cert="/nowhere/ca.pem")
    assert result["failed"]
    assert result["msg"].startswith("web_ca_cert /nowhere/ca.pem")
