# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""TPU chips of a cluster: what its nodes have, what pods hold, and what is left. Pure.

Sources: GKE "About TPUs" (labels, one container takes all chips of a node), GKE's device plugin
(a node shows ``google.com/tpu: 0`` until it has registered), GKE's provider id
(``gce://PROJECT/ZONE/INSTANCE``).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from ansible_collections.llmd.tpu.plugins.module_utils.tpu.machines import (
    ACCELERATOR_LABEL,
    RESOURCE,
    TOPOLOGY_LABEL,
)

POOL_LABEL = "cloud.google.com/gke-nodepool"
MACHINE_LABEL = "node.kubernetes.io/instance-type"
ZONE_LABEL = "topology.kubernetes.io/zone"
_BUYING_LABELS = {
    "cloud.google.com/gke-spot": "spot",
    "cloud.google.com/gke-flex-start": "flex-start",
    "cloud.google.com/reservation-name": "reservation",
}
_DRIVER_LABEL = "cloud.google.com/gke-tpu-dra-driver"
_PROVIDER = re.compile(r"gce://(?P<project>[^/]+)/(?P<zone>[^/]+)/")
_OVER = ("Succeeded", "Failed")


@dataclass(frozen=True)
class TpuNode:
    """One node with chips: ``chips`` can be given to pods, ``capacity`` is what the machine has.

    ``holders`` are the pods (namespace/name) and the chips of each. ``ready`` says whether the node
    takes pods. ``driver`` is true where chips are given out by a resource driver, and so never
    counted here.
    """

    name: str
    pool: str
    accelerator: str
    topology: str
    chips: int
    used: int
    ready: bool
    capacity: int = 0
    machine: str = ""
    zone: str = ""
    buying: str = "on demand"
    version: str = ""
    taints: tuple[str, ...] = ()
    holders: tuple[tuple[str, int], ...] = ()
    driver: bool = False

    @property
    def free(self) -> int:
        """Chips that no pod holds; none on a node that takes no pods."""
        return max(self.chips - self.used, 0) if self.ready else 0


@dataclass(frozen=True)
class Project:
    """Where in Google Cloud the cluster is."""

    project: str
    region: str


def tpu_nodes(
    nodes: Iterable[Mapping[str, Any]], pods: Iterable[Mapping[str, Any]]
) -> list[TpuNode]:
    """The nodes that carry the accelerator label, with what pods hold of their chips."""
    held: dict[str, dict[str, int]] = {}
    for pod in pods:
        node, chips = (pod.get("spec") or {}).get("nodeName"), chips_of_pod(pod)
        if node and chips and (pod.get("status") or {}).get("phase") not in _OVER:
            metadata = pod.get("metadata") or {}
            name = f"{metadata.get('namespace')}/{metadata.get('name')}"
            held.setdefault(node, {})[name] = chips
    return [
        _tpu_node(node, held.get(node["metadata"]["name"], {}))
        for node in nodes
        if ACCELERATOR_LABEL in (node["metadata"].get("labels") or {})
    ]


def _tpu_node(node: Mapping[str, Any], held: Mapping[str, int]) -> TpuNode:
    labels = node["metadata"]["labels"]
    status = node.get("status") or {}
    return TpuNode(
        name=str(node["metadata"]["name"]),
        pool=str(labels.get(POOL_LABEL, "")),
        accelerator=str(labels[ACCELERATOR_LABEL]),
        topology=str(labels.get(TOPOLOGY_LABEL, "")),
        chips=_whole(status.get("allocatable") or {}),
        used=sum(held.values()),
        ready=_takes_pods(node),
        capacity=_whole(status.get("capacity") or {}),
        machine=str(labels.get(MACHINE_LABEL, "")),
        zone=str(labels.get(ZONE_LABEL, "")),
        buying=next((w for label, w in _BUYING_LABELS.items() if label in labels), "on demand"),
        version=str((status.get("nodeInfo") or {}).get("kubeletVersion", "")),
        taints=tuple(_taint(one) for one in (node.get("spec") or {}).get("taints") or ()),
        holders=tuple(sorted(held.items())),
        driver=labels.get(_DRIVER_LABEL) == "true",
    )


def _taint(taint: Mapping[str, Any]) -> str:
    value = f"={taint['value']}" if taint.get("value") else ""
    return f"{taint.get('key')}{value}:{taint.get('effect')}"


def chips_of_pod(pod: Mapping[str, Any]) -> int:
    """The chips that a pod asks for; of an init container no more than all others need."""
    spec = pod.get("spec") or {}

    def chips(container: Mapping[str, Any]) -> int:
        return _whole((container.get("resources") or {}).get("limits") or {})

    together = sum(chips(one) for one in spec.get("containers") or ())
    return max([together, *(chips(one) for one in spec.get("initContainers") or ())])


def is_of_service(pod: Mapping[str, Any], namespace: str, name: str) -> bool:
    """Whether KServe made this pod for a service (pkg/controller/llmisvc, labels of workloads)."""
    labels = pod["metadata"].get("labels") or {}
    return (
        pod["metadata"].get("namespace") == namespace
        and labels.get("app.kubernetes.io/part-of") == "llminferenceservice"
        and labels.get("app.kubernetes.io/name") == name
    )


def fitting(nodes: Iterable[TpuNode], accelerator: str, topology: str) -> list[TpuNode]:
    """The nodes whose labels a service selects."""
    return [node for node in nodes if node.accelerator == accelerator and node.topology == topology]


def replicas_that_fit(nodes: Iterable[TpuNode], chips: int) -> int:
    """How many replicas of so many chips the free nodes take: a replica needs a node."""
    return sum(node.free // chips for node in nodes) if chips > 0 else 0


def occupied(
    nodes: Iterable[TpuNode], accelerator: str, topology: str, chips: int, replicas: int
) -> list[TpuNode]:
    """The nodes once so many replicas have started on them, as far as they fit."""
    found = []
    for node in nodes:
        fits = (node.accelerator, node.topology) == (accelerator, topology) and chips > 0
        here = min(node.free // chips, replicas) if fits else 0
        replicas -= here
        found.append(replace(node, used=node.used + here * chips) if here else node)
    return found


def project_of(nodes: Iterable[Mapping[str, Any]]) -> Project | None:
    """Project and region by the nodes' provider ids; None for a cluster that is not GKE's."""
    for node in nodes:
        found = _PROVIDER.match(str((node.get("spec") or {}).get("providerID", "")))
        if found:
            return Project(found["project"], found["zone"].rpartition("-")[0])
    return None


def _whole(quantities: Mapping[str, Any]) -> int:
    text = str(quantities.get(RESOURCE, "0"))
    return int(text) if text.isdigit() else 0


def _takes_pods(node: Mapping[str, Any]) -> bool:
    if (node.get("spec") or {}).get("unschedulable"):
        return False
    conditions = (node.get("status") or {}).get("conditions") or ()
    return any(one.get("type") == "Ready" and one.get("status") == "True" for one in conditions)
