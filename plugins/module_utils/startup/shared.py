# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What many services of a namespace have in common, read once for all of them. Asks only.

A hundred services that are each read by five requests, again at every change, keep an API server
so busy that KServe gets no further (run). So in one round of looks each list is read once, when
the first service asks for it. The nodes are everybody's.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.llmd.tpu.plugins.module_utils.connection import Session
from ansible_collections.llmd.tpu.plugins.module_utils.manifests.ahead import FEW, listed
from ansible_collections.llmd.tpu.plugins.module_utils.manifests.client import Api, ApiError
from ansible_collections.llmd.tpu.plugins.module_utils.manifests.kinds import Kind
from ansible_collections.llmd.tpu.plugins.module_utils.readiness.verdicts import Object, Wish
from ansible_collections.llmd.tpu.plugins.module_utils.serving.live import (
    ObjectReadError,
    list_objects,
)
from ansible_collections.llmd.tpu.plugins.module_utils.tpu.chips import (
    Project,
    TpuNode,
    chips_of_pod,
    project_of,
    tpu_nodes,
)
from ansible_collections.llmd.tpu.plugins.module_utils.tpu.machines import ACCELERATOR_LABEL
from ansible_collections.llmd.tpu.plugins.module_utils.tpu.tpu_info import pods_on

NODES_SECONDS = 4.0
"""Between two looks at the nodes."""
_AUTOSCALER = "/api/v1/namespaces/kube-system/configmaps/cluster-autoscaler-status"

_OF_EACH = 4
"""So many objects of a kind a service is thought to have, when a list is bounded."""

Items = Sequence[dict[str, Any]]


class SharedLists:
    """Lists of one round of looks; safe for many threads."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._lock = threading.Lock()
        self._services: Counter[str] = Counter()
        self._lists: dict[tuple[str, str], Mapping[str, Items] | None] = {}

    def begin(self, wishes: Iterable[Wish]) -> None:
        """Before looks at all of these: what was read before is old."""
        self._services = Counter(wish.namespace or "" for wish in wishes)
        self._lists = {}

    def find(
        self,
        kind: Kind,
        namespace: str,
        selector: str,
        sort: Callable[[Object], str],
        name: str,
    ) -> Items | None:
        """The objects that `sort` puts under a name; None where each is to be read by itself."""
        number = self._services[namespace]
        if number < FEW:
            return None
        key = (kind.path(None, namespace), selector)
        with self._lock:
            if key not in self._lists:
                found = listed(self._api, kind, namespace, number * _OF_EACH, selector)
                self._lists[key] = None if found is None else _sorted(found, sort)
            groups = self._lists[key]
        return None if groups is None else groups.get(name, ())


def _sorted(items: Items, sort: Callable[[Object], str]) -> dict[str, Items]:
    groups: dict[str, list[dict[str, Any]]] = {}
    for item in items:
        groups.setdefault(sort(item), []).append(item)
    return dict(groups)


@dataclass(frozen=True)
class Surroundings:
    """The TPU nodes with what pods hold of them, and who else is in the cluster.

    ``nodes`` is None for an account that may not read them. ``leaving`` says whether a pod that
    holds chips is ending. ``autoscaler`` is None when nobody knows whether there is one.
    """

    nodes: Sequence[TpuNode] | None = None
    project: Project | None = None
    leaving: bool = False
    autoscaler: bool | None = None


class Neighbourhood:
    """Looks at nodes for all services, once in a while; safe for many threads."""

    def __init__(self, api: Api, session: Session, clock: Callable[[], float]) -> None:
        self._api = api
        self._session = session
        self._clock = clock
        self._lock = threading.Lock()
        self._read = float("-inf")
        self._seen = Surroundings()

    def look(self) -> Surroundings:
        """What is around, or was a moment ago."""
        with self._lock:
            if self._clock() - self._read >= NODES_SECONDS:
                self._read = self._clock()
                self._seen = self._ask()
            return self._seen

    def _ask(self) -> Surroundings:
        autoscaler = self._has_autoscaler()
        try:
            query = {"labelSelector": ACCELERATOR_LABEL}
            nodes = list_objects(self._session, "/api/v1/nodes", query)
            holders = pods_on(self._session, nodes)
        except ObjectReadError:
            return Surroundings(autoscaler=autoscaler)
        leaving = any(
            holder["metadata"].get("deletionTimestamp") and chips_of_pod(holder)
            for holder in holders
        )
        return Surroundings(tpu_nodes(nodes, holders), project_of(nodes), leaving, autoscaler)

    def _has_autoscaler(self) -> bool | None:
        """By the ConfigMap that the cluster autoscaler keeps its status in."""
        try:
            return self._api.get(_AUTOSCALER) is not None
        except ApiError:
            return None
