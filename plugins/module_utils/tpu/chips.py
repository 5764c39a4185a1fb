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
from dataclasses import dataclass
from typing import Any

from ansible_collections.llmd.tpu.plugins.module_utils.tpu.machines import (
    ACCELERATOR_LABEL,
    RESOURCE,
    TOPOLOGY_LABEL,
)

POOL_LABEL = "cloud.google.com/gke-nodepool"
_PROVIDER = re.compile(r"gce://(?P<project>[^/]+)/(?P<zone>[^/]+)/")
_OVER = ("Succeeded", "Failed")


@dataclass(frozen=True)
class TpuNode:
    """One node with chips."""

    name: str
    pool: str
    accelerator: str
    topology: str
    chips: int
    used: int
    ready: bool

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
    used: dict[str, int] = {}
    for pod in pods:
        node = (pod.get("spec") or {}).get("nodeName")
        if node and (pod.get("status") or {}).get("phase") not in _OVER:
            used[node] = used.get(node, 0) + chips_of_pod(pod)
    found = []
    for node in nodes:
        labels = node["metadata"].get("labels") or {}
        if ACCELERATOR_LABEL in labels:
            name = str(node["metadata"]["name"])
            found.append(
                TpuNode(
                    name,
                    str(labels.get(POOL_LABEL, "")),
                    str(labels[ACCELERATOR_LABEL]),
                    str(labels.get(TOPOLOGY_LABEL, "")),
                    _whole((node.get("status") or {}).get("allocatable") or {}),
                    used.get(name, 0),
                    _takes_pods(node),
                )
            )
    return found


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
