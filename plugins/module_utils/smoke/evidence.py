# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Ask the scheduler, the model servers and the gateway what they counted."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from ansible_collections.llmd.tpu.plugins.module_utils.connection import (
    ConnectionLost,
    Session,
)
from ansible_collections.llmd.tpu.plugins.module_utils.metrics.endpoints import (
    Endpoints,
    MetricsReadError,
)
from ansible_collections.llmd.tpu.plugins.module_utils.metrics.envoy import requests_to
from ansible_collections.llmd.tpu.plugins.module_utils.metrics.exposition import missing_library
from ansible_collections.llmd.tpu.plugins.module_utils.serving.live import (
    ObjectReadError,
    list_pods,
)
from ansible_collections.llmd.tpu.plugins.module_utils.serving.names import (
    SCHEDULER_SERVICE,
    child_name,
    gateway_selector,
    scheduler_selector,
    workload_selector,
)
from ansible_collections.llmd.tpu.plugins.module_utils.serving.view import SERVER_CONTAINER
from ansible_collections.llmd.tpu.plugins.module_utils.smoke.port_forward import OpenPort
from ansible_collections.llmd.tpu.plugins.module_utils.smoke.routing import (
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

_LOG_BYTES = 65536
_END_OF_LOG = f"container={SERVER_CONTAINER}&tailLines=200"


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
        self._endpoints = Endpoints(session, open_port, place.account)
        self._namespace, self._name = place.namespace, place.name
        self._gateway = place.gateway

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
        scheduler = child_name(self._name, SCHEDULER_SERVICE)

        def count_of(pod: str) -> float:
            clusters = self._endpoints.clusters(namespace, pod)
            return requests_to(clusters, self._namespace, scheduler)

        return self._of_pods(namespace, gateway_selector(name), count_of)

    def log(self, model: str, answer: str, seconds: float) -> Witness | None:
        """Look in the schedulers' logs of the last seconds; None when no log can be read."""
        selector = scheduler_selector(self._name)
        try:
            pods = list_pods(self._session, self._namespace, selector)
        except ObjectReadError:
            return None
        # Some more than the question took: the log is read after the counters, and later still
        # where this machine is busy.
        query = f"container={SERVER_CONTAINER}&sinceSeconds={math.ceil(seconds) + 10}"
        texts = [self._log(str(pod["metadata"]["name"]), query) for pod in pods]
        if not any(texts):
            return None
        return read_log("\n".join(texts), model, answer)

    def scheduler(self, model: str) -> Counters:
        """Count the requests for ``model`` that each pod of the scheduler handled."""
        return self._read(
            scheduler_selector(self._name), self._endpoints.scheduler, SCHEDULER_COUNTERS, model
        )

    def servers(self, model: str) -> Counters:
        """Count the requests for ``model`` that each pod of the model server answered."""
        return self._read(
            workload_selector(self._name), self._endpoints.server, SERVER_COUNTERS, model
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
            metrics = self._endpoints.server(self._namespace, name)
            running = count(metrics, SERVER_GAUGES, model)
        return server_of(pod, self._log(name, _END_OF_LOG), running)

    def _log(self, pod: str, query: str) -> str:
        path = f"/api/v1/namespaces/{quote(self._namespace)}/pods/{quote(pod)}/log?{query}"
        with contextlib.suppress(ConnectionLost):
            reply = self._session.send("GET", f"{path}&limitBytes={_LOG_BYTES}", {"Accept": "*/*"})
            if reply.status == 200:
                return reply.body.decode("utf-8", "replace")
        return ""

    def _read(
        self, selector: str, read: Callable[[str, str], str], names: tuple[str, ...], model: str
    ) -> Counters:
        if problem := missing_library():
            return Counters(problem=problem)
        namespace = self._namespace
        return self._of_pods(
            namespace, selector, lambda pod: count(read(namespace, pod), names, model)
        )

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
