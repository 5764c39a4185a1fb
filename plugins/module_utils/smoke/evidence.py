# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Ask the scheduler, the model servers and the gateway what they counted.

The scheduler (EPP) wants a bearer token whose account may GET /metrics. It is asked through a port
forwarded by the API server: the API server's own proxy would take the token out of the request.
vLLM's metrics need no token and are asked through that proxy, which does not verify certificates of
pods. Envoy's administration interface listens inside its pod only, so it is asked through a
forwarded port as well.
Sources: gateway-api-inference-extension ``cmd/epp/runner`` (metrics server); kube-apiserver, which
removes Authorization before it proxies.
"""

from __future__ import annotations

import contextlib
import http.client
import math
import socket
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from ansible_collections.llmd.tpu.plugins.module_utils.connection import (
    ConnectionLost,
    Reply,
    Session,
)
from ansible_collections.llmd.tpu.plugins.module_utils.serving.live import (
    ObjectReadError,
    list_pods,
    send,
)
from ansible_collections.llmd.tpu.plugins.module_utils.serving.names import (
    SCHEDULER_SERVICE,
    child_name,
    gateway_selector,
    scheduler_selector,
    workload_selector,
)
from ansible_collections.llmd.tpu.plugins.module_utils.serving.view import SERVER_CONTAINER
from ansible_collections.llmd.tpu.plugins.module_utils.smoke.envoy import (
    ADMIN_PORT,
    CLUSTERS,
    requests_to,
)
from ansible_collections.llmd.tpu.plugins.module_utils.smoke.routing import (
    IMPORT_PROBLEM,
    SCHEDULER_COUNTERS,
    SERVER_COUNTERS,
    SERVER_GAUGES,
    Counters,
    Counts,
    Witness,
    count,
    read_log,
)
from ansible_collections.llmd.tpu.plugins.module_utils.smoke.servers import Server, server_of

SCHEDULER_METRICS_PORT = 9090
SERVER_PORT = 8000
TOKEN_SECONDS = 600
"""The shortest life that the API server grants a token."""
_TIMEOUT = 10.0
_LOG_BYTES = 65536
_END_OF_LOG = f"container={SERVER_CONTAINER}&tailLines=200"
_LARGEST_METRICS = 16 * 1024 * 1024

OpenPort = Callable[[str, str, int], socket.socket]
"""Opens a connection to a port of a pod: namespace, pod, port. Raises OSError."""


class MetricsReadError(Exception):
    """One pod's metrics could not be read; the text says why."""


@dataclass(frozen=True)
class Place:
    """The service whose pods are asked. ``account`` may read the scheduler's metrics."""

    namespace: str
    name: str
    account: str
    gateway: tuple[str, str] | None = None
    """Namespace and name of its Gateway, when that is known."""


class Evidence:
    """Reads the counters of one service's pods. Never raises: what fails becomes ``problem``."""

    def __init__(self, session: Session, open_port: OpenPort, place: Place) -> None:
        """Prepare; nothing is asked yet."""
        self._session = session
        self._open_port = open_port
        self._namespace, self._name = place.namespace, place.name
        self._account, self._gateway = place.account, place.gateway
        self._token = ""

    def counts(self, model: str) -> Counts:
        """Ask all of them at once."""
        with ThreadPoolExecutor(3) as pool:
            scheduler = pool.submit(self.scheduler, model)
            servers = pool.submit(self.servers, model)
            gateway = pool.submit(self.gateway)
            return Counts(scheduler.result(), servers.result(), gateway.result())

    def gateway(self) -> Counters:
        """Count the questions to the scheduler by each pod of the gateway."""
        if not self._gateway:
            return Counters(problem="its Gateway is not known")
        namespace, name = self._gateway
        scheduler = f"{child_name(self._name, SCHEDULER_SERVICE)}.{self._namespace}.svc"

        def count_of(pod: str) -> float:
            reply = self._through_port(namespace, pod, ADMIN_PORT, CLUSTERS, {})
            return requests_to(reply.body.decode("utf-8", "replace"), scheduler)

        return self._of_pods(namespace, gateway_selector(name), count_of)

    def log(self, model: str, answer: str, seconds: float) -> Witness | None:
        """Look in the schedulers' logs of the last seconds; None when no log can be read."""
        selector = scheduler_selector(self._name)
        try:
            pods = list_pods(self._session, self._namespace, selector)
        except ObjectReadError:
            return None
        query = f"container={SERVER_CONTAINER}&sinceSeconds={math.ceil(seconds) + 1}"
        texts = [self._log(str(pod["metadata"]["name"]), query) for pod in pods]
        if not any(texts):
            return None
        return read_log("\n".join(texts), model, answer)

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
        return server_of(pod, self._log(name, _END_OF_LOG), running)

    def _log(self, pod: str, query: str) -> str:
        path = f"/api/v1/namespaces/{quote(self._namespace)}/pods/{quote(pod)}/log?{query}"
        with contextlib.suppress(ConnectionLost):
            reply = self._session.send("GET", f"{path}&limitBytes={_LOG_BYTES}", {"Accept": "*/*"})
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
        return self._of_pods(self._namespace, selector, lambda pod: count(read(pod), names, model))

    def _of_pods(self, namespace: str, selector: str, count_of: Callable[[str], float]) -> Counters:
        values: dict[str, float] = {}
        problems: list[str] = []
        try:
            pods = list_pods(self._session, namespace, selector)
        except ObjectReadError as unread:
            return Counters(problem=str(unread))
        if not pods:
            problem = f"no pod in {namespace} has the labels {selector}"
            return Counters(problem=problem, absent=True)
        for pod in pods:
            name = str(pod["metadata"]["name"])
            try:
                values[name] = count_of(name)
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
        headers = {"Authorization": f"Bearer {self._bearer_token()}"}
        port = SCHEDULER_METRICS_PORT
        reply = self._through_port(self._namespace, pod, port, "/metrics", headers)
        if reply.status in (401, 403):
            raise MetricsReadError(
                f"HTTP {reply.status}: ServiceAccount {self._account} may not GET /metrics "
                "(role model makes the account and its ClusterRoleBinding)"
            )
        if reply.status != 200:
            raise MetricsReadError(f"HTTP {reply.status} from port {port}")
        return reply.body.decode("utf-8", "replace")

    def _through_port(
        self, namespace: str, pod: str, port: int, path: str, headers: Mapping[str, str]
    ) -> Reply:
        """Send a GET over a forwarded port of a pod. Raises MetricsReadError."""
        try:
            opened = self._open_port(namespace, pod, port)
            with closing(opened) as connected:  # a forwarded port is no context manager
                connected.settimeout(_TIMEOUT)
                connection = http.client.HTTPConnection("localhost", port)
                connection.sock = connected
                connection.request("GET", path, headers={**headers, "Connection": "close"})
                response = connection.getresponse()
                return Reply(response.status, response.read(_LARGEST_METRICS))
        except (OSError, http.client.HTTPException) as problem:
            raise MetricsReadError(f"port {port}: {problem}") from problem

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
