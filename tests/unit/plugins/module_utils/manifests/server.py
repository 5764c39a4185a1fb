# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A scripted API server with a memory, and a clock that only sleeping moves."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

from ansible_collections.llmd.tpu.plugins.module_utils.connection import Reply

KINDS: dict[str, dict[str, tuple[str, str]]] = {
    "v1": {
        "Namespace": ("namespaces", "Cluster"),
        "ConfigMap": ("configmaps", "Namespaced"),
        "Secret": ("secrets", "Namespaced"),
    },
    "apps/v1": {"Deployment": ("deployments", "Namespaced")},
    "admissionregistration.k8s.io/v1": {
        "ValidatingWebhookConfiguration": ("validatingwebhookconfigurations", "Cluster")
    },
    "apiextensions.k8s.io/v1": {
        "CustomResourceDefinition": ("customresourcedefinitions", "Cluster")
    },
}


def status(code: int, message: str, causes: list[dict[str, str]] | None = None) -> Reply:
    """A refusal in the API server's form."""
    body = {"kind": "Status", "message": message, "details": {"causes": causes or []}}
    return Reply(code, json.dumps(body).encode())


class Server:
    """An API server with a memory, whose troubles can be scripted per request."""

    server, source = "https://server", "kubeconfig /k"

    def __init__(self) -> None:
        self.objects: dict[str, dict[str, Any]] = {}
        self.kinds = {version: dict(kinds) for version, kinds in KINDS.items()}
        self.log: list[str] = []
        self.troubles: list[Callable[[str, str], Reply | None]] = []

    def send(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes | None = None
    ) -> Reply:
        """Answer as the API server would, or as the trouble says."""
        url = urlsplit(path)
        if method == "PATCH":
            self.log.append(f"{url.path.rpartition('/')[2]} {url.query}")
        for trouble in self.troubles:
            reply = trouble(method, path)
            if reply:
                return reply
        if url.path in ("/api", "/apis"):
            return self._discovery(core=url.path == "/api")
        if method == "DELETE":
            return self._delete(url.path, json.loads(body or b""))
        if method == "GET" and "as=PartialObjectMetadataList" in headers.get("Accept", ""):
            return self._list(url.path, parse_qs(url.query).get("labelSelector", [""])[0])
        if url.path == "/apis/things.io/v1/things":
            served = "things.io/v1" in self.kinds
            return Reply(200, b"{}") if served else status(404, "not found")
        if method == "GET":
            found = self.objects.get(url.path)
            return Reply(200, json.dumps(found).encode()) if found else status(404, "not found")
        wanted = json.loads(body or b"")
        result = {**self.objects.get(url.path, {}), **wanted}
        if wanted["kind"] == "CustomResourceDefinition":
            result["status"] = {"conditions": [{"type": "Established", "status": "True"}]}
        if "dryRun" not in parse_qs(url.query):
            self.objects[url.path] = result
            if wanted["kind"] == "CustomResourceDefinition":
                self.kinds["things.io/v1"] = {"Thing": ("things", "Namespaced")}
        return Reply(200, json.dumps(result).encode())

    def _list(self, path: str, selector: str) -> Reply:
        place, _slash, plural = path.rpartition("/")
        asked = [pair.partition("=") for pair in selector.split(",") if pair]
        items = [
            body
            for where, body in self.objects.items()
            if where.startswith(place)
            and where.split("/")[-2] == plural
            and all(
                (body["metadata"].get("labels") or {}).get(name) == value
                for name, _equals, value in asked
            )
        ]
        return Reply(200, json.dumps({"metadata": {}, "items": items}).encode())

    def _delete(self, path: str, options: Mapping[str, Any]) -> Reply:
        found = self.objects.get(path)
        if found is None:
            return status(404, "not found")
        metadata = found["metadata"]
        if options["preconditions"]["uid"] != metadata["uid"]:
            return status(409, "Precondition failed: UID in precondition: a, in object meta: b")
        if "dryRun" in options:
            return Reply(200, json.dumps(found).encode())
        self.log.append(f"DELETE {path.rpartition('/')[2]}")
        if metadata.get("finalizers"):
            metadata["deletionTimestamp"] = "2026-01-01T00:00:00Z"
            return Reply(200, json.dumps(found).encode())
        del self.objects[path]
        return Reply(200, json.dumps({"kind": "Status", "status": "Success"}).encode())

    def _discovery(self, *, core: bool) -> Reply:
        items = []
        for api_version, kinds in self.kinds.items():
            group, _slash, version = api_version.rpartition("/")
            if bool(group) == core:
                continue
            resources = [
                {
                    "resource": plural,
                    "scope": scope,
                    "responseKind": {"kind": kind},
                    "verbs": ["delete", "get", "list", "patch"],
                }
                for kind, (plural, scope) in kinds.items()
            ]
            versions = [{"version": version, "resources": resources}]
            items.append({"metadata": {"name": group}, "versions": versions})
        return Reply(200, json.dumps({"items": items}).encode())


class Clock:
    """Time that only passes while somebody sleeps."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        """Tell the time."""
        return self.now

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.now += seconds
