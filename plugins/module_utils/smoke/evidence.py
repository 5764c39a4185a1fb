# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Ask the scheduler and the model servers what they counted.

The scheduler (EPP) wants a bearer token whose account may GET /metrics. It is asked through a port
forwarded by the API server: the API server's own proxy would take the token out of the request.
vLLM's metrics need no token and are asked through that proxy, which does not verify certificates of
pods.
Sources: gateway-api-inference-extension ``cmd/epp/runner`` (metrics server); kube-apiserver, which
removes Authorization before it proxies.
"""

from __future__ import annotations

import contextlib
import http.client
import socket
from collections.abc import Callable, Mapping
from contextlib import closing
from typing import Any
from urllib.parse import quote

from ansible_collections.llmd.tpu.plugins.module_utils.connection import ConnectionLost, Session
from ansible_collections.llmd.tpu.plugins.module_utils.serving.live import (
    ObjectReadError,
    list_pods,
    send,
)
from ansible_collections.llmd.tpu.plugins.module_utils.serving.names import (
    scheduler_selector,
    workload_selector,
)
from ansible_collections.llmd.tpu.plugins.module_utils.serving.view import SERVER_CONTAINER
from ansible_collections.llmd.tpu.plugins.module_utils.smoke.routing import (
    IMPORT_PROBLEM,
    SCHEDULER_COUNTERS,
    SERVER_COUNTERS,
    SERVER_GAUGES,
    Counters,
    count,
)
from ansible_collections.llmd.tpu.plugins.module_utils.smoke.servers import Server, server_of

SCHEDULER_METRICS_PORT = 9090
SERVER_PORT = 8000
TOKEN_SECONDS = 600
"""The shortest life that the API server grants a token."""
_TIMEOUT = 10.0
_LOG_LINES, _LOG_BYTES = 200, 65536
_LARGEST_METRICS = 16 * 1024 * 1024

OpenPort = Callable[[str, str, int], socket.socket]
"""Opens a connection to a port of a pod: namespace, pod, port. Raises OSError."""


class MetricsReadError(Exception):
    """One pod's metrics could not be read; the text says why."""


class Evidence:
    """Reads the counters of one service's pods. Never raises: what fails becomes ``problem``."""

    def __init__(
        self, session: Session, open_port: OpenPort, namespace: str, name: str, account: str
    ) -> None:
        """Prepare; ``account`` is the ServiceAccount that may read the scheduler's metrics."""
        self._session = session
        self._open_port = open_port
        self._namespace = namespace
        self._name = name
        self._account = account
        self._token = ""

    def scheduler(self, model: str) -> Counters:
        """Count the requests for ``model`` that each pod of the scheduler handled."""
        return self._read(
            scheduler_selector(self._name), self._scheduler_metrics, SCHEDULER_COUNTERS, model
        )

    def servers(self, model: str) -> Counters:
        """Count the requests for ``model`` that each pod of the model server answered."""
        return self._read(
            workload_selector(self._name), self._server_metrics, SERVER_COUNTERS, model
        )

    def model_servers(self, model: str) -> list[Server] | None:
        """Look at the pods of the model server; None when they cannot be listed."""
        try:
            pods = list_pods(self._session, self._namespace, workload_selector(self._name))
        except ObjectReadError:
            return None
        return [self._model_server(pod, model) for pod in pods]

    def _model_server(self, pod: Mapping[str, Any], model: str) -> Server:
        name = str(pod["metadata"]["name"])
        running: float | None = None
        with contextlib.suppress(MetricsReadError, ValueError):
            running = count(self._server_metrics(name), SERVER_GAUGES, model)
        return server_of(pod, self._end_of_log(name), running)

    def _end_of_log(self, pod: str) -> str:
        path = (
            f"/api/v1/namespaces/{quote(self._namespace)}/pods/{quote(pod)}/log"
            f"?container={SERVER_CONTAINER}&tailLines={_LOG_LINES}&limitBytes={_LOG_BYTES}"
        )
        with contextlib.suppress(ConnectionLost):
            reply = self._session.send("GET", path, {"Accept": "*/*"})
            if reply.status == 200:
                return reply.body.decode("utf-8", "replace")
        return ""

    def _read(
        self, selector: str, read: Callable[[str], str], names: tuple[str, ...], model: str
    ) -> Counters:
        if IMPORT_PROBLEM:
            return Counters(
                problem=f"the Python package prometheus_client is missing: {IMPORT_PROBLEM}"
            )
        values: dict[str, float] = {}
        problems: list[str] = []
        try:
            pods = list_pods(self._session, self._namespace, selector)
        except ObjectReadError as unread:
            return Counters(problem=str(unread))
        if not pods:
            problem = f"no pod in {self._namespace} has the labels {selector}"
            return Counters(problem=problem, absent=True)
        for pod in pods:
            name = str(pod["metadata"]["name"])
            try:
                values[name] = count(read(name), names, model)
            except (MetricsReadError, ValueError) as unread:
                problems.append(f"{name}: {unread}")
        return Counters(values, "; ".join(problems))

    def _server_metrics(self, pod: str) -> str:
        path = (
            f"/api/v1/namespaces/{quote(self._namespace)}/pods/"
            f"https:{quote(pod)}:{SERVER_PORT}/proxy/metrics"
        )
        try:
            reply = self._session.send("GET", path, {"Accept": "text/plain"})
        except ConnectionLost as problem:
            raise MetricsReadError(f"no answer: {problem}") from problem
        if reply.status != 200:
            raise MetricsReadError(f"HTTP {reply.status} for {path}")
        return reply.body.decode("utf-8", "replace")

    def _scheduler_metrics(self, pod: str) -> str:
        token = self._bearer_token()
        try:
            opened = self._open_port(self._namespace, pod, SCHEDULER_METRICS_PORT)
            with closing(opened) as connected:  # a forwarded port is no context manager
                connected.settimeout(_TIMEOUT)
                connection = http.client.HTTPConnection("localhost", SCHEDULER_METRICS_PORT)
                connection.sock = connected
                headers = {"Authorization": f"Bearer {token}", "Connection": "close"}
                connection.request("GET", "/metrics", headers=headers)
                response = connection.getresponse()
                body = response.read(_LARGEST_METRICS)
        except (OSError, http.client.HTTPException) as problem:
            raise MetricsReadError(f"port {SCHEDULER_METRICS_PORT}: {problem}") from problem
        if response.status in (401, 403):
            raise MetricsReadError(
                f"HTTP {response.status}: ServiceAccount {self._account} may not GET /metrics "
                "(role model makes the account and its ClusterRoleBinding)"
            )
        if response.status != 200:
            raise MetricsReadError(f"HTTP {response.status} from port {SCHEDULER_METRICS_PORT}")
        return body.decode("utf-8", "replace")

    def _bearer_token(self) -> str:
        if not self._token:
            path = (
                f"/api/v1/namespaces/{quote(self._namespace)}/serviceaccounts/"
                f"{quote(self._account)}/token"
            )
            wanted = {
                "apiVersion": "authentication.k8s.io/v1",
                "kind": "TokenRequest",
                "spec": {"expirationSeconds": TOKEN_SECONDS},
            }
            try:
                self._token = str(send(self._session, "POST", path, wanted)["status"]["token"])
            except (ObjectReadError, KeyError, TypeError) as problem:
                raise MetricsReadError(
                    f"no token for ServiceAccount {self._account}: {problem}"
                ) from problem
        return self._token
