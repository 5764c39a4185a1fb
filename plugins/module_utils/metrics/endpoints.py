# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Read the metrics that pods give: of vLLM, of the scheduler (EPP), of the gateway's Envoy.

The scheduler wants a bearer token whose account may GET /metrics. It is asked through a port
forwarded by the API server: the API server's own proxy would take the token out of the request.
vLLM's metrics need no token and are asked through that proxy, which does not verify certificates of
pods. Envoy's administration interface listens inside its pod only, so it is asked through a
forwarded port as well.
Sources: gateway-api-inference-extension ``cmd/epp/runner`` (metrics server); kube-apiserver, which
removes Authorization before it proxies.
"""

from __future__ import annotations

import http.client
import threading
from collections.abc import Mapping
from contextlib import closing
from urllib.parse import quote

from ansible_collections.llmd.tpu.plugins.module_utils.connection import (
    ConnectionLost,
    Reply,
    Session,
)
from ansible_collections.llmd.tpu.plugins.module_utils.metrics.sight import Trouble
from ansible_collections.llmd.tpu.plugins.module_utils.serving.live import (
    ObjectReadError,
    reason_of,
    send,
)
from ansible_collections.llmd.tpu.plugins.module_utils.smoke.port_forward import OpenPort

SCHEDULER_PORT = 9090
SERVER_PORT = 8000
ADMIN_PORT = 15000
TOKEN_SECONDS = 600
"""The shortest life that the API server grants a token."""
_TIMEOUT = 10.0
_LARGEST = 16 * 1024 * 1024
_STATISTICS = "/stats/prometheus?usedonly&filter=istio_requests_total"


class MetricsReadError(Exception):
    """One pod's metrics could not be read; the text says why."""

    def __init__(self, message: str, trouble: Trouble = "other") -> None:
        super().__init__(message)
        self.trouble: Trouble = trouble


class Endpoints:
    """Asks pods. ``account`` is the ServiceAccount that may read the scheduler's metrics."""

    def __init__(self, session: Session, open_port: OpenPort, account: str) -> None:
        """Prepare; nothing is asked yet."""
        self._session = session
        self._open_port = open_port
        self._account = account
        self._tokens: dict[str, str] = {}
        self._lock = threading.Lock()

    def server(self, namespace: str, pod: str, path: str = "/metrics") -> str:
        """Ask a model server. Raises MetricsReadError, as all of these do."""
        where = (
            f"/api/v1/namespaces/{quote(namespace)}/pods/"
            f"https:{quote(pod)}:{SERVER_PORT}/proxy{path}"
        )
        try:
            reply = self._session.send("GET", where, {"Accept": "*/*"})
        except ConnectionLost as problem:
            raise MetricsReadError(f"no answer: {problem}") from problem
        if reply.status != 200:
            words = f"HTTP {reply.status} for {where}: {reason_of(reply.body)}"
            raise MetricsReadError(words, _trouble_of(reply))
        return reply.body.decode("utf-8", "replace")

    def scheduler(self, namespace: str, pod: str) -> str:
        """Ask a scheduler for its metrics."""
        headers = {"Authorization": f"Bearer {self._token(namespace)}"}
        reply = self._through_port(namespace, pod, SCHEDULER_PORT, "/metrics", headers)
        if reply.status in (401, 403):
            raise MetricsReadError(
                f"HTTP {reply.status}: ServiceAccount {self._account} may not GET /metrics "
                "(role model makes the account and its ClusterRoleBinding)",
                "no-right",
            )
        if reply.status != 200:
            raise MetricsReadError(f"HTTP {reply.status} from port {SCHEDULER_PORT}")
        return reply.body.decode("utf-8", "replace")

    def clusters(self, namespace: str, pod: str) -> str:
        """Ask the Envoy of a gateway for its clusters, as JSON."""
        return self._administration(namespace, pod, "/clusters?format=json")

    def gateway(self, namespace: str, pod: str) -> str:
        """Ask the Envoy of a gateway for Istio's metrics of requests."""
        return self._administration(namespace, pod, _STATISTICS)

    def _administration(self, namespace: str, pod: str, path: str) -> str:
        reply = self._through_port(namespace, pod, ADMIN_PORT, path, {})
        if reply.status != 200:
            raise MetricsReadError(f"HTTP {reply.status} from port {ADMIN_PORT}")
        return reply.body.decode("utf-8", "replace")

    def _through_port(
        self, namespace: str, pod: str, port: int, path: str, headers: Mapping[str, str]
    ) -> Reply:
        """Send a GET over a forwarded port of a pod."""
        try:
            opened = self._open_port(namespace, pod, port)
            with closing(opened) as connected:  # a forwarded port is no context manager
                connected.settimeout(_TIMEOUT)
                connection = http.client.HTTPConnection("localhost", port)
                connection.sock = connected
                connection.request("GET", path, headers={**headers, "Connection": "close"})
                response = connection.getresponse()
                return Reply(response.status, response.read(_LARGEST))
        except (OSError, http.client.HTTPException) as problem:
            trouble: Trouble = "forbidden" if "Forbidden" in str(problem) else "other"
            raise MetricsReadError(f"port {port}: {problem}", trouble) from problem

    def _token(self, namespace: str) -> str:
        with self._lock:
            if namespace not in self._tokens:
                self._tokens[namespace] = self._new_token(namespace)
            return self._tokens[namespace]

    def _new_token(self, namespace: str) -> str:
        path = f"/api/v1/namespaces/{quote(namespace)}/serviceaccounts/{quote(self._account)}/token"
        wanted = {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenRequest",
            "spec": {"expirationSeconds": TOKEN_SECONDS},
        }
        try:
            return str(send(self._session, "POST", path, wanted)["status"]["token"])
        except (ObjectReadError, KeyError, TypeError) as problem:
            raise MetricsReadError(
                f"no token for ServiceAccount {self._account}: {problem}", "no-account"
            ) from problem


def _trouble_of(reply: Reply) -> Trouble:
    if reply.status == 403:
        return "forbidden"
    if b"HTTP response to HTTPS client" in reply.body:
        return "plain"
    return "refused" if b"connection refused" in reply.body else "other"
