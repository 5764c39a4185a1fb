# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""TPU nodes that went: drained, lost, or taken back by the cloud. Pure.

Sources: Kubernetes documentation, "Safely Drain a Node" (spec.unschedulable) and "Taints and
Tolerations" (node.kubernetes.io/unreachable); the scheduler's words about cordoned nodes; events
`Scheduled` tell on which node the earlier pods of a service were.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from ansible_collections.llmd.tpu.plugins.module_utils.diagnosis.snapshot import (
    Seen,
    Snapshot,
    Suspect,
)
from ansible_collections.llmd.tpu.plugins.module_utils.findings import Finding
from ansible_collections.llmd.tpu.plugins.module_utils.readiness.pods import unschedulable
from ansible_collections.llmd.tpu.plugins.module_utils.readiness.verdicts import (
    Object,
    with_status,
)
from ansible_collections.llmd.tpu.plugins.module_utils.startup.sight import is_over, name_of
from ansible_collections.llmd.tpu.plugins.module_utils.startup.signs import quoted

_ASSIGNED = re.compile(r"Successfully assigned (\S+)/(\S+) to (\S+)")
_CORDONED = "were unschedulable"


def suspects_of_machines(seen: Seen, snapshot: Snapshot) -> Iterator[Suspect]:
    """Why a service's pods have no node any more, or one that does not answer."""
    nodes = snapshot.things.all("Node")
    if not snapshot.things.read("Node"):
        return
    by_name = {name_of(node): node for node in nodes}
    for pod in seen.sight.servers_pods:
        node = by_name.get(str((pod.get("spec") or {}).get("nodeName")))
        if node is not None and not is_over(pod) and not with_status(node, "Ready"):
            yield Suspect("model", _lost(pod, node, seen), seen.subject)
            return
    waiting = [pod for pod in seen.sight.servers_pods if not is_over(pod) and unschedulable(pod)]
    for pod in waiting:
        fitting = [node for node in nodes if _fits(pod, node)]
        cordoned = [node for node in fitting if (node.get("spec") or {}).get("unschedulable")]
        if cordoned and _CORDONED in unschedulable(pod):
            yield Suspect("model", _drained(pod, cordoned, seen), seen.subject)
            return
        gone = [name for name in _earlier(seen, snapshot) if name not in by_name]
        if gone:
            yield Suspect("model", _gone(pod, gone[-1], fitting, seen), seen.subject)
            return


def _fits(pod: Object, node: Object) -> bool:
    wanted = (pod.get("spec") or {}).get("nodeSelector") or {}
    labels = node["metadata"].get("labels") or {}
    return all(labels.get(name) == value for name, value in wanted.items())


def _earlier(seen: Seen, snapshot: Snapshot) -> list[str]:
    """The nodes on which the service's pods were, the latest last."""
    found: list[tuple[str, str]] = []
    for event in snapshot.things.all("Event", seen.namespace):
        told = _ASSIGNED.search(str(event.get("message", "")))
        theirs = told is not None and told[2].startswith(f"{seen.name}-kserve-")
        if told and theirs and event.get("reason") == "Scheduled":
            stamp = str(event.get("eventTime") or event.get("lastTimestamp") or "")
            found.append((stamp, told[3]))
    return [node for _stamp, node in sorted(found)]


def _lost(pod: Object, node: Object, seen: Seen) -> Finding:
    said: Object = next(
        (
            one
            for one in (node.get("status") or {}).get("conditions") or ()
            if one.get("type") == "Ready"
        ),
        {},
    )
    return Finding(
        code="DIAGNOSIS-NODE-LOST",
        severity="error",
        message="the node on which the model runs does not answer any more",
        path=f"pod {name_of(pod)} on node {name_of(node)}",
        subject=seen.subject,
        found=quoted(f"Ready is {said.get('status', 'not reported')}: {said.get('message', '')}"),
        expected="a node that is Ready",
        fix=f"wait for GKE to repair it, or delete the node so that another comes: kubectl delete "
        f"node {name_of(node)}",
        source="Kubernetes, Nodes",
    )


def _drained(pod: Object, cordoned: Sequence[Object], seen: Seen) -> Finding:
    names = ", ".join(name_of(node) for node in cordoned)
    return Finding(
        code="DIAGNOSIS-NODE-DRAINED",
        severity="error",
        message="the node that the pod would run on takes no pods: it is cordoned or drained",
        path=f"pod {name_of(pod)}",
        subject=seen.subject,
        found=quoted(f"{names}: spec.unschedulable is true; {unschedulable(pod)}"),
        expected="a node of this kind that takes pods",
        fix=f"when the maintenance is over: kubectl uncordon {name_of(cordoned[0])}",
        source="Kubernetes, Safely Drain a Node",
    )


def _gone(pod: Object, name: str, fitting: Sequence[Object], seen: Seen) -> Finding:
    left = f"{len(fitting) or 'no'} node of this kind is left"
    return Finding(
        code="DIAGNOSIS-NODE-RECLAIMED",
        severity="error",
        message="the node on which the model ran is gone (a spot node that the cloud took back, an "
        "upgrade, a pool that shrank), and no other takes its place",
        path=f"pod {name_of(pod)}",
        subject=seen.subject,
        found=quoted(f"node {name} does not exist any more, {left}; {unschedulable(pod)}"),
        expected="a node of this kind",
        fix="wait for the pool to make one, or use on-demand or reserved nodes (llmd.tpu.tpu_info "
        "shows the pools)",
        source="Google Cloud documentation, Spot VMs",
    )
