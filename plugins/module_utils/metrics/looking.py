# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Look at the pods of services and gateways, once or twice, many at a time. No opinion."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote

from ansible_collections.llmd.tpu.plugins.module_utils.connection import PARALLEL, Session
from ansible_collections.llmd.tpu.plugins.module_utils.metrics.catalogue import (
    ENDPOINTS,
    GATEWAY,
    SCHEDULER,
    SERVER,
    Metric,
)
from ansible_collections.llmd.tpu.plugins.module_utils.metrics.endpoints import (
    Endpoints,
    MetricsReadError,
)
from ansible_collections.llmd.tpu.plugins.module_utils.metrics.envoy import Statistics, statistics
from ansible_collections.llmd.tpu.plugins.module_utils.metrics.figures import (
    look_at,
    look_at_endpoints,
)
from ansible_collections.llmd.tpu.plugins.module_utils.metrics.sight import (
    Gateway,
    Party,
    Pod,
    Service,
    Sight,
)
from ansible_collections.llmd.tpu.plugins.module_utils.serving.live import (
    ObjectReadError,
    list_metadata,
    list_objects,
    list_pods,
)
from ansible_collections.llmd.tpu.plugins.module_utils.serving.names import (
    POOL,
    SCHEDULER_SERVICE,
    WORKLOAD_SERVICE,
    child_name,
    gateway_selector,
    scheduler_selector,
    workload_selector,
)
from ansible_collections.llmd.tpu.plugins.module_utils.serving.rollout import is_stopped
from ansible_collections.llmd.tpu.plugins.module_utils.serving.view import View
from ansible_collections.llmd.tpu.plugins.module_utils.smoke.asking import Clock
from ansible_collections.llmd.tpu.plugins.module_utils.smoke.exchange import parse_json
from ansible_collections.llmd.tpu.plugins.module_utils.smoke.routes import path_of

_ENDED = ("Succeeded", "Failed")


@dataclass(frozen=True)
class Wish:
    """How to look: the Gateway where no route names one, and seconds between the two looks."""

    gateway: tuple[str, str]
    interval: float
    account: str


class Looker:
    """Looks at services. Raises ConnectionProblem; whatever else fails is part of the sight."""

    def __init__(self, session: Session, endpoints: Endpoints, clock: Clock, wish: Wish) -> None:
        """Prepare; nothing is asked yet."""
        self._session = session
        self._endpoints = endpoints
        self._clock = clock
        self._wish = wish

    def look(self, services: Sequence[Mapping[str, Any]]) -> Sight:
        """Look once, and again after the interval; none with an interval of 0."""
        with ThreadPoolExecutor(PARALLEL) as pool:
            sight = self._find(services, pool)
            started = self._clock.monotonic()
            first = self._visit(sight, pool)
            if not self._wish.interval:
                return first
            self._clock.sleep(self._wish.interval)
            seconds = self._clock.monotonic() - started
            return _both(first, self._visit(sight, pool), seconds)

    def _find(self, services: Sequence[Mapping[str, Any]], pool: ThreadPoolExecutor) -> Sight:
        """Find every pod that is to be asked."""
        views = [View(service) for service in services]
        namespaces = sorted({view.namespace for view in views})
        routes = dict(zip(namespaces, pool.map(self._routes, namespaces), strict=True))
        monitors = dict(zip(namespaces, pool.map(self._monitors, namespaces), strict=True))
        gateways = [self._gateway_of(view, routes[view.namespace]) for view in views]
        places = [
            *((view.namespace, workload_selector(view.name)) for view in views),
            *((view.namespace, scheduler_selector(view.name)) for view in views),
            *((namespace, gateway_selector(name)) for namespace, name in dict.fromkeys(gateways)),
        ]
        parties = dict(zip(places, pool.map(self._pods, places), strict=True))

        def party(metrics: tuple[Metric, ...], namespace: str, selector: str) -> Party:
            return replace(parties[namespace, selector], metrics=metrics)

        found = [
            Service(
                namespace=view.namespace,
                name=view.name,
                model=view.served_name,
                stopped=is_stopped(service),
                scheduled=view.router.get("scheduler") is not None,
                gateway=gateway,
                servers=party(SERVER, view.namespace, workload_selector(view.name)),
                scheduler=party(SCHEDULER, view.namespace, scheduler_selector(view.name)),
                endpoints=party(ENDPOINTS, gateway[0], gateway_selector(gateway[1])),
            )
            for view, service, gateway in zip(views, services, gateways, strict=True)
        ]
        fronts = tuple(
            Gateway(namespace, name, party(GATEWAY, namespace, gateway_selector(name)))
            for namespace, name in dict.fromkeys(gateways)
        )
        return Sight(tuple(found), fronts, 0.0, self._wish.account, monitors)

    def _routes(self, namespace: str) -> list[dict[str, Any]]:
        path = f"/apis/gateway.networking.k8s.io/v1/namespaces/{quote(namespace)}/httproutes"
        try:
            return list_objects(self._session, path)
        except ObjectReadError:
            return []  # then the Gateway is the one that was given

    def _monitors(self, namespace: str) -> frozenset[str]:
        path = f"/apis/monitoring.coreos.com/v1/namespaces/{quote(namespace)}/podmonitors"
        try:
            found = list_metadata(self._session, path)
        except ObjectReadError:
            return frozenset()  # most clusters do not have the kind
        return frozenset(str(one["metadata"]["name"]) for one in found)

    def _gateway_of(self, view: View, routes: Sequence[Mapping[str, Any]]) -> tuple[str, str]:
        path = path_of(routes, f"/{view.namespace}/{view.name}/v1/completions")
        return (path.gateway if path else None) or self._wish.gateway

    def _pods(self, place: tuple[str, str]) -> Party:
        namespace, selector = place
        try:
            pods = list_pods(self._session, namespace, selector)
        except ObjectReadError as problem:
            return Party((), problem=str(problem))
        return Party((), tuple(_pod(namespace, one) for one in pods if _lives(one)))

    def _visit(self, sight: Sight, pool: ThreadPoolExecutor) -> Sight:
        """Ask every pod at once."""
        front = [pod for gateway in sight.gateways for pod in gateway.party.pods]
        jobs: list[tuple[Callable[[Pod], Pod], Pod]] = [(self._front, pod) for pod in front]
        for service in sight.services:
            jobs += [(self._server, pod) for pod in service.servers.pods]
            jobs += [(self._scheduler, pod) for pod in service.scheduler.pods]
        asked = pool.map(self._clusters, front), pool.map(lambda job: job[0](job[1]), jobs)
        clusters = dict(zip(map(_key, front), asked[0], strict=True))
        seen = {_key(pod): pod for pod in asked[1]}

        def filled(party: Party) -> Party:
            return replace(party, pods=tuple(seen[_key(pod)] for pod in party.pods))

        def counted(service: Service) -> Party:
            pods = service.endpoints.pods
            told = tuple(_of_service(service, pod, clusters[_key(pod)]) for pod in pods)
            return replace(service.endpoints, pods=told)

        services = (
            replace(
                service,
                servers=filled(service.servers),
                scheduler=filled(service.scheduler),
                endpoints=counted(service),
            )
            for service in sight.services
        )
        gateways = (replace(one, party=filled(one.party)) for one in sight.gateways)
        return replace(sight, services=tuple(services), gateways=tuple(gateways))

    def _front(self, pod: Pod) -> Pod:
        return _read(pod, self._endpoints.gateway, GATEWAY)

    def _server(self, pod: Pod) -> Pod:
        seen = _read(pod, self._endpoints.server, SERVER)
        return replace(seen, version=self._version(pod)) if seen.after else seen

    def _version(self, pod: Pod) -> str:
        try:
            answer = parse_json(self._endpoints.server(pod.namespace, pod.name, "/version"))
        except MetricsReadError:
            return ""
        return str(answer.get("version", "")) if isinstance(answer, dict) else ""

    def _scheduler(self, pod: Pod) -> Pod:
        seen = _read(pod, self._endpoints.scheduler, SCHEDULER)
        return replace(seen, version=seen.after.version) if seen.after else seen

    def _clusters(self, pod: Pod) -> Mapping[tuple[str, str], Statistics] | None:
        try:
            return statistics(self._endpoints.clusters(pod.namespace, pod.name))
        except (MetricsReadError, ValueError):
            return None  # the same pod's metrics say why


def _read(pod: Pod, ask: Callable[[str, str], str], metrics: Iterable[Metric]) -> Pod:
    """The pod with what it exposes, or with why that is not known."""
    try:
        return replace(pod, after=look_at(ask(pod.namespace, pod.name), metrics))
    except MetricsReadError as problem:
        return replace(pod, trouble=problem.trouble, words=str(problem))
    except ValueError as problem:
        words = f"its answer is not in the Prometheus format: {problem}"
        return replace(pod, trouble="other", words=words)


def _of_service(
    service: Service, pod: Pod, counted: Mapping[tuple[str, str], Statistics] | None
) -> Pod:
    """What a pod of the gateway counted of one service."""
    if counted is None:
        return pod
    workload = child_name(service.name, WORKLOAD_SERVICE)
    scheduler = child_name(service.name, SCHEDULER_SERVICE)
    # Istio makes a Service of its own for a pool: POOL-ip-HASH.
    pool = f"{child_name(service.name, POOL)}-ip-"
    servers: dict[str, float] = {}
    for (namespace, name), numbers in counted.items():
        if namespace == service.namespace and (name == workload or name.startswith(pool)):
            for statistic, number in numbers.items():
                servers[statistic] = servers.get(statistic, 0.0) + number
    asked = counted.get((service.namespace, scheduler), {})
    return replace(pod, after=look_at_endpoints(ENDPOINTS, server=servers, scheduler=asked))


def _key(pod: Pod) -> tuple[str, str]:
    return pod.namespace, pod.name


def _both(first: Sight, last: Sight, seconds: float) -> Sight:
    """The second look, with what the first one saw."""

    def joined(before: Party, after: Party) -> Party:
        pairs = zip(before.pods, after.pods, strict=True)
        return replace(after, pods=tuple(replace(new, before=old.after) for old, new in pairs))

    services = tuple(
        replace(
            new,
            servers=joined(old.servers, new.servers),
            scheduler=joined(old.scheduler, new.scheduler),
            endpoints=joined(old.endpoints, new.endpoints),
        )
        for old, new in zip(first.services, last.services, strict=True)
    )
    gateways = tuple(
        replace(new, party=joined(old.party, new.party))
        for old, new in zip(first.gateways, last.gateways, strict=True)
    )
    return replace(last, services=services, gateways=gateways, seconds=seconds)


def _pod(namespace: str, pod: Mapping[str, Any]) -> Pod:
    conditions = (pod.get("status") or {}).get("conditions") or ()
    ready = any(one.get("type") == "Ready" and one.get("status") == "True" for one in conditions)
    return Pod(namespace, str(pod["metadata"]["name"]), ready)


def _lives(pod: Mapping[str, Any]) -> bool:
    ended = (pod.get("status") or {}).get("phase") in _ENDED
    return not ended and "deletionTimestamp" not in pod["metadata"]
