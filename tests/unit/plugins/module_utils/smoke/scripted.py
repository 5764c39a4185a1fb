# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""An API server that answers from a script and fails on everything else."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.llmd.tpu.plugins.module_utils.connection import ConnectionLost, Reply

from tests.unit.plugins.module_utils.smoke.misbehaving import MODEL

Answer = Reply | Exception | Callable[[], Reply]


@dataclass
class ScriptedSession:
    """Answers by "METHOD path"; the path without its query. Records what was asked."""

    answers: dict[str, Answer]
    server: str = "https://cluster.example"
    source: str = "a test"
    asked: list[str] = field(default_factory=list)
    bodies: list[bytes | None] = field(default_factory=list)

    def send(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes | None = None
    ) -> Reply:
        """Give the scripted answer."""
        key = f"{method} {path.partition('?')[0]}"
        self.asked.append(key)
        self.bodies.append(body)
        answer = self.answers[key]
        if isinstance(answer, Exception):
            raise answer
        return answer if isinstance(answer, Reply) else answer()


def found(body: Any) -> Reply:
    """Give a JSON reply."""
    return Reply(200, json.dumps(body).encode())


def refused(status: int, message: str) -> Reply:
    """Give a Status object as the API server does."""
    return Reply(status, json.dumps({"kind": "Status", "message": message}).encode())


def pods(*names: str) -> Reply:
    """Give a list of pods."""
    return found({"items": [{"metadata": {"name": name, "uid": name}} for name in names]})


LOST = ConnectionLost("connection refused")
NAMESPACE, NAME, ACCOUNT = "ns", "name", "llmd-tpu-metrics-reader"
PODS = f"GET /api/v1/namespaces/{NAMESPACE}/pods"
TOKEN = f"POST /api/v1/namespaces/{NAMESPACE}/serviceaccounts/{ACCOUNT}/token"


def server_metrics(pod: str) -> str:
    """Name the request for a model server's metrics."""
    return f"GET /api/v1/namespaces/{NAMESPACE}/pods/https:{pod}:8000/proxy/metrics"


def log(pod: str) -> str:
    """Name the request for a pod's log."""
    return f"GET /api/v1/namespaces/{NAMESPACE}/pods/{pod}/log"


def metrics(name: str, value: float, kind: str = "counter") -> str:
    """Write one counter, or gauge, in the Prometheus format."""
    return f'# TYPE {name} {kind}\n{name}{{model_name="{MODEL}",x="y"}} {value}\n'


class Forwarded:
    """Has what the forwarded socket of the kubernetes library has: no context manager."""

    def __init__(self, connected: socket.socket) -> None:
        """Wrap a real connection."""
        self._connected = connected

    def __getattr__(self, name: str) -> Any:
        """Pass everything else on."""
        return getattr(self._connected, name)


def dial(port: int) -> Callable[[str, str, int], Any]:
    """Stand in for a port-forward: connects to a port of 127.0.0.1 instead."""
    return lambda namespace, pod, wanted: Forwarded(
        socket.create_connection(("127.0.0.1", port), 5)
    )
