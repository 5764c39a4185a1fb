# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Look at one service and all that KServe made of it. Asks only; it has no opinion.

Watches are of whole namespaces, so that any number of services there shares them, and so are the
lists where there are many (`shared.py`). Events are read only of pods that are not ready, nodes
only while a pod waits for one, logs as `logs.py` says.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from ansible_collections.llmd.tpu.plugins.module_utils.connection import Session
from ansible_collections.llmd.tpu.plugins.module_utils.manifests.client import Api, ApiError
from ansible_collections.llmd.tpu.plugins.module_utils.manifests.kinds import Kind
from ansible_collections.llmd.tpu.plugins.module_utils.readiness import pods as pod_rules
from ansible_collections.llmd.tpu.plugins.module_utils.readiness import refusals
from ansible_collections.llmd.tpu.plugins.module_utils.readiness.verdicts import (
    Object,
    Wish,
    status,
    with_status,
)
from ansible_collections.llmd.tpu.plugins.module_utils.serving.names import (
    ALL_SERVICES,
    service_selector,
)
from ansible_collections.llmd.tpu.plugins.module_utils.startup.logs import Logs
from ansible_collections.llmd.tpu.plugins.module_utils.startup.shared import (
    Neighbourhood,
    SharedLists,
    Surroundings,
)
from ansible_collections.llmd.tpu.plugins.module_utils.startup.sight import (
    Sight,
    is_ready,
    time_of,
    uid_of,
)
from ansible_collections.llmd.tpu.plugins.module_utils.tpu.chips import chips_of_pod
from ansible_collections.llmd.tpu.plugins.module_utils.tpu.machines import (
    ACCELERATOR_LABEL,
    TOPOLOGY_LABEL,
)
from ansible_collections.llmd.tpu.plugins.module_utils.tpu.room import Room, Wanted, room_for

LONG_AGO_SECONDS = 60.0
"""What was told longer ago than this when we first looked may be repaired since."""
_SERVICE_LABEL = "app.kubernetes.io/name"
_POOLS = ("inference.networking.k8s.io/v1", "inference.networking.x-k8s.io/v1alpha2")
_ROUTES = ("gateway.networking.k8s.io/v1",)


@dataclass
class Watched:
    """What is remembered of one service between looks."""

    logs: Logs
    started: datetime
    looked: bool = False
    tries: pod_rules.Tries = field(default_factory=dict)
    old: dict[str, int] = field(default_factory=dict)
    """Events that were old at the first look, with how often they had happened."""
    old_conditions: frozenset[tuple[str, str]] = frozenset()


@dataclass(frozen=True)
class Seen:
    """A sight, the places whose changes call for the next one, and whether to look soon anyway."""

    sight: Sight
    places: Sequence[str]
    log_goes_on: bool = False


class Eyes:
    """Looks at services over one session; safe for many threads, one service in each."""

    def __init__(
        self,
        api: Api,
        session: Session,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._api = api
        self._clock = clock
        self._now = now
        self._shared = SharedLists(api)
        self._neighbourhood = Neighbourhood(api, session, clock)

    def watched(self, among: int = 1) -> Watched:
        """What to remember of a service, one among so many, that has not been looked at."""
        return Watched(Logs(self._api, self._clock, among), self._now())

    def begin(self, wishes: Iterable[Wish]) -> None:
        """Before looks at all of these."""
        self._shared.begin(wishes)

    def knows(self, wish: Wish, *, learn: bool) -> bool:
        """Whether the server serves the kind; with ``learn`` it is asked again."""
        if learn and self._api.kind(wish.api_version, wish.kind) is None:
            self._api.learn(wish.api_version)
        return self._api.kind(wish.api_version, wish.kind) is not None

    def see(self, wish: Wish, watched: Watched) -> Seen:
        """Look once; raises ApiError, ConnectionLost, ConnectionProblem."""
        kind = self._api.kind(wish.api_version, wish.kind)
        if kind is None:
            raise LookupError(f"{wish.kind} is unknown: ask knows() first")
        namespace = wish.namespace or ""
        subject = f"{wish.kind} {namespace}/{wish.name}"
        place = [f"{kind.path(None, namespace)}?{urlencode({'limit': 500})}"]
        service = self._service(kind, namespace, wish.name)
        if service is None:
            return Seen(Sight(subject, None), place)
        deployments = self._list("apps/v1", "Deployment", namespace, wish.name)
        everything = self._list("v1", "Pod", namespace, wish.name)
        pods = pod_rules.newest(everything)
        waiting = [pod for pod in pods if not is_ready(pod)]
        events = [event for pod in waiting for event in self._events_of(pod, namespace)]
        told = self._told_refusals(namespace, deployments)
        self._remember(watched, service, pods, [*events, *told])
        unscheduled = [pod for pod in waiting if pod_rules.unschedulable(pod)]
        around = self._neighbourhood.look() if unscheduled else Surroundings()
        log_goes_on = [watched.logs.follow(pod) for pod in waiting]
        leaving = any(pod["metadata"].get("deletionTimestamp") for pod in everything)
        pools, routes = self._routing(service, namespace, wish.name)
        sight = Sight(
            subject=subject,
            service=service,
            deployments=deployments,
            pods=pods,
            leaving=leaving or around.leaving,
            events=[event for event in events if self._counts(event, watched)],
            refusals=[event for event in told if self._counts(event, watched)],
            pools=pools,
            routes=routes,
            room=_room(unscheduled[0], around) if unscheduled else None,
            autoscaler=around.autoscaler,
            tries=watched.tries,
            old_conditions=watched.old_conditions,
            downloads=watched.logs.downloads,
            servers=watched.logs.servers,
            last_words=watched.logs.last_words,
        )
        return Seen(sight, [*place, *self._places(namespace)], any(log_goes_on))

    def _places(self, namespace: str) -> list[str]:
        """What rings for every service of a namespace: Deployments, pods, and events about pods."""
        labels = {"labelSelector": ALL_SERVICES}
        wanted: list[tuple[str, str, dict[str, str]]] = [
            ("apps/v1", "Deployment", labels),
            ("v1", "Pod", labels),
            ("v1", "Event", {"fieldSelector": "involvedObject.kind=Pod"}),
        ]
        found = ((self._api.kind(version, kind), query) for version, kind, query in wanted)
        return [f"{kind.path(None, namespace)}?{urlencode(query)}" for kind, query in found if kind]

    def _service(self, kind: Kind, namespace: str, name: str) -> dict[str, Any] | None:
        shared = self._shared.find(kind, namespace, "", _name, name)
        if shared is None:
            return self._api.get(kind.path(name, namespace))
        return next(iter(shared), None)

    def _list(
        self, api_version: str, kind_name: str, namespace: str, name: str
    ) -> Sequence[dict[str, Any]]:
        """What KServe made for a service, of one kind."""
        kind = self._api.kind(api_version, kind_name)
        if kind is None:
            return ()
        shared = self._shared.find(kind, namespace, ALL_SERVICES, _service_of, name)
        if shared is not None:
            return shared
        return self._items(kind, namespace, {"labelSelector": service_selector(name)})

    def _routing(
        self, service: Object, namespace: str, name: str
    ) -> tuple[Sequence[Object], Sequence[Object]]:
        """Pools, whose endpoints KServe does not count, and routes until it calls them ready."""
        router = (service.get("spec") or {}).get("router") or {}
        pools: Sequence[Object] = ()
        routes: Sequence[Object] = ()
        if router.get("scheduler") is not None:
            pools = self._of_first(_POOLS, "InferencePool", namespace, name)
        if router.get("route") is not None and not with_status(service, "HTTPRoutesReady"):
            routes = self._of_first(_ROUTES, "HTTPRoute", namespace, name)
        return pools, routes

    def _of_first(
        self, versions: Sequence[str], kind: str, namespace: str, name: str
    ) -> Sequence[dict[str, Any]]:
        """The objects in the first version of the kind that has any."""
        for version in versions:
            found = self._list(version, kind, namespace, name)
            if found:
                return found
        return ()

    def _items(
        self, kind: Kind | None, namespace: str, query: Mapping[str, str]
    ) -> Sequence[dict[str, Any]]:
        """A list that helps to explain: an account that may not read it does without."""
        if kind is None:
            return ()
        try:
            answer = self._api.get(kind.path(None, namespace), query) or {}
        except ApiError as problem:
            if problem.status == 403:
                return ()
            raise
        return tuple(answer.get("items") or ())

    def _events_of(self, pod: Object, namespace: str) -> Sequence[dict[str, Any]]:
        kind, uid = self._api.kind("v1", "Event"), uid_of(pod)
        shared = self._shared.find(kind, namespace, "", _uid_of_subject, uid) if kind else None
        if shared is not None:
            return shared
        return self._items(kind, namespace, {"fieldSelector": f"involvedObject.uid={uid}"})

    def _told_refusals(
        self, namespace: str, deployments: Sequence[Object]
    ) -> Sequence[dict[str, Any]]:
        if not any(with_status(one, "ReplicaFailure") for one in deployments):
            return ()
        query = {"fieldSelector": f"reason={refusals.REASON}"}
        told = self._items(self._api.kind("v1", "Event"), namespace, query)
        return [dict(event) for event in refusals.of(told, {}, deployments)]

    def _remember(
        self,
        watched: Watched,
        service: Object,
        pods: Sequence[Object],
        events: Sequence[Object],
    ) -> None:
        """At the first look: what had happened long before it."""
        if watched.looked:
            return
        watched.looked = True
        long_ago = watched.started - timedelta(seconds=LONG_AGO_SECONDS)
        old_pods = [pod for pod in pods if _time(_born(pod)) < long_ago]
        watched.tries = pod_rules.begun(old_pods, events)
        watched.old_conditions = frozenset(
            (str(one.get("type")), str(one.get("message", "")))
            for one in status(service).get("conditions") or ()
            if _time(str(one.get("lastTransitionTime", ""))) < long_ago
        )
        for event in events:
            if _time(time_of(event)) < long_ago:
                watched.old[uid_of(event)] = pod_rules.times(event)

    def _counts(self, event: Object, watched: Watched) -> bool:
        """Whether an event is new, or has happened again since the first look."""
        return pod_rules.times(event) > watched.old.get(uid_of(event), 0)


def _room(pod: Object, around: Surroundings) -> Room | None:
    """Whether a pod without a node may get chips."""
    if around.nodes is None:
        return None
    selector = (pod.get("spec") or {}).get("nodeSelector") or {}
    accelerator = str(selector.get(ACCELERATOR_LABEL, ""))
    topology = str(selector.get(TOPOLOGY_LABEL, ""))
    wanted = Wanted(accelerator, topology, chips_of_pod(pod))
    return room_for(wanted, around.nodes, around.project)


def _name(item: Object) -> str:
    return str(item["metadata"]["name"])


def _service_of(item: Object) -> str:
    return str((item["metadata"].get("labels") or {}).get(_SERVICE_LABEL, ""))


def _uid_of_subject(event: Object) -> str:
    return str((event.get("involvedObject") or {}).get("uid", ""))


def _born(item: Object) -> str:
    return str(item["metadata"].get("creationTimestamp", ""))


def _time(stamp: str) -> datetime:
    """A time of the API server; what cannot be read counts as long ago."""
    try:
        return datetime.fromisoformat(stamp)
    except ValueError:
        return datetime.min.replace(tzinfo=UTC)
