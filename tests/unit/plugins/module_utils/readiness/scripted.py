# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""An API server and doorbells that do what a test wrote down, on a clock of their own."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from ansible_collections.llmd.tpu.plugins.module_utils.connection import Reply
from ansible_collections.llmd.tpu.plugins.module_utils.manifests.client import Api
from ansible_collections.llmd.tpu.plugins.module_utils.readiness.look import Looker
from ansible_collections.llmd.tpu.plugins.module_utils.readiness.verdicts import Wish
from ansible_collections.llmd.tpu.plugins.module_utils.readiness.wait import Waiter

RESOURCES = {
    "v1": {"Namespace": "namespaces", "Pod": "pods", "Event": "events", "Service": "services"},
    "apps/v1": {"Deployment": "deployments"},
    "batch/v1": {"Job": "jobs"},
    "discovery.k8s.io/v1": {"EndpointSlice": "endpointslices"},
    "admissionregistration.k8s.io/v1": {"ValidatingWebhookConfiguration": "webhooks"},
    "gateway.networking.k8s.io/v1": {"Gateway": "gateways", "HTTPRoute": "httproutes"},
    "inference.networking.k8s.io/v1": {"InferencePool": "inferencepools"},
    "serving.kserve.io/v1alpha1": {"LLMInferenceService": "llminferenceservices"},
}
CLUSTER_WIDE = ("Namespace", "ValidatingWebhookConfiguration")


class ScriptedStream:
    """A watch that says what a function yields."""

    def __init__(self, status: int, lines: Callable[[], Iterator[bytes]]) -> None:
        self.status = status
        self.lines = lines
        self.stopped = False
        self.closed = False

    def stop(self) -> None:
        """Only noted."""
        self.stopped = True

    def close(self) -> None:
        """Only noted."""
        self.closed = True


class Script:
    """Answers by path; a list is gone through look by look and stays at its last."""

    server, source = "https://server", "kubeconfig /k"

    def __init__(self) -> None:
        self.answers: dict[str, list[Any]] = {}
        self.now = 0.0
        self.asked: list[tuple[float, str]] = []
        self.streams: list[Any] = []
        self.opened: list[str] = []

    def send(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes | None = None
    ) -> Reply:
        """The next answer for a path; 404 without one."""
        assert method == "GET"
        if path in ("/api", "/apis"):
            return Reply(200, json.dumps(discovery(core=path == "/api")).encode())
        place = path.partition("?")[0]
        self.asked.append((self.now, place))
        answers = self.answers.get(place, [None])
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, Reply):
            return answer
        return Reply(200 if answer else 404, json.dumps(answer or {}).encode())

    def open(self, path: str, headers: Mapping[str, str]) -> ScriptedStream:
        """The next stream."""
        assert "PartialObjectMetadata" in headers["Accept"]
        self.opened.append(path)
        stream = self.streams.pop(0)
        if isinstance(stream, Exception):
            raise stream
        assert isinstance(stream, ScriptedStream)
        return stream

    def clock(self) -> float:
        """The time of the script."""
        return self.now

    def looks(self, path: str) -> list[float]:
        """When a path was read."""
        return [now for now, place in self.asked if place == path]


class ScriptedDoorbells:
    """Rings at the times given; waiting moves the script's clock."""

    def __init__(self, script: Script, *rings: tuple[float, str]) -> None:
        self._script = script
        self._rings = list(rings)
        self.kept: list[list[str]] = []
        self.without: set[str] = set()
        self.closed = False

    def keep(self, places: Iterable[str]) -> None:
        """Note what is watched."""
        self.kept.append(list(places))

    def refused(self, place: str) -> bool:
        """Whether the test wants it so."""
        return place in self.without

    def wait(self, seconds: float) -> set[str]:
        """Move on to the next ring, or by all of the time."""
        end = self._script.now + max(seconds, 0.0)
        due = [ring for ring in self._rings if ring[0] <= end]
        if not due:
            self._script.now = end
            return set()
        self._rings.remove(due[0])
        self._script.now = max(self._script.now, due[0][0])
        return {due[0][1]}

    def close(self) -> None:
        """Note it."""
        self.closed = True


def discovery(*, core: bool) -> dict[str, Any]:
    """Aggregated discovery of RESOURCES."""
    items = []
    for api_version, kinds in RESOURCES.items():
        group, _slash, version = api_version.rpartition("/")
        if bool(group) != core:
            resources = [
                {
                    "resource": plural,
                    "scope": "Cluster" if kind in CLUSTER_WIDE else "Namespaced",
                    "responseKind": {"kind": kind},
                }
                for kind, plural in kinds.items()
            ]
            versions = [{"version": version, "resources": resources}]
            items.append({"metadata": {"name": group}, "versions": versions})
    return {"items": items}


def waiter(
    script: Script,
    *wishes: Wish,
    rings: Iterable[tuple[float, str]] = (),
    kinds_exist: bool = False,
) -> tuple[Waiter, list[str], ScriptedDoorbells]:
    """A waiter on the script, the lines it tells, and its doorbells."""
    api, lines = Api(script), list[str]()
    api.discover()
    bells = ScriptedDoorbells(script, *rings)
    looker = Looker(api, kinds_exist=kinds_exist)
    return Waiter(looker, wishes, lines.append, bells, script.clock), lines, bells
