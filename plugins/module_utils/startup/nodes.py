# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Pods that wait for a node: what the autoscaler says, and whether anybody will bring one. Pure.

Sources: cluster autoscaler `processors/status` and `clusterstate` (events about pods; the status
ConfigMap), GKE's own reasons of a failed scale-up. What a healthy start shows as well counts for
nothing: no node of the kind while a pool grows from zero, a node that is Ready and has no chips for
half a minute, an older pod that ends and gives its chips back.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ansible_collections.llmd.tpu.plugins.module_utils.findings import Finding
from ansible_collections.llmd.tpu.plugins.module_utils.readiness.pods import unschedulable
from ansible_collections.llmd.tpu.plugins.module_utils.readiness.verdicts import Object
from ansible_collections.llmd.tpu.plugins.module_utils.startup.sight import (
    Sight,
    events_about,
    is_over,
    name_of,
    time_of,
)
from ansible_collections.llmd.tpu.plugins.module_utils.startup.signs import Sign, quoted

SILENCE_SECONDS = 30.0
"""How long no autoscaler may speak of a pod before there is none: it looks every ten seconds."""
STEADY_SECONDS = 2.0
_SOURCE = "cluster autoscaler, events about pods"
_QUOTA = re.compile(r"quota", re.IGNORECASE)
_STOCKOUT = re.compile(
    r"out of resources|STOCKOUT|does not have enough resources|RESOURCE_POOL_EXHAUSTED"
    r"|lack of capacity",
    re.IGNORECASE,
)
_WRONG = re.compile(r"Invalid TPU|Unsupported (?:TPU|Compact Placement)", re.IGNORECASE)
_FINAL = re.compile(
    r"IP space exhausted|Service Account was deleted|Invalid Reservation|Reservation not found"
    r"|Reservation incompatible",
    re.IGNORECASE,
)
_MAY_HEAL = "in backoff after failed scale-up"
_FULL = "max node group size reached"


def signs_of_placement(sight: Sight) -> Iterator[Sign]:
    """What is known of each pod that has no node."""
    for pod in sight.pods:
        if not is_over(pod) and unschedulable(pod):
            sign = _sign(pod, sight)
            if sign:
                yield sign


def _sign(pod: Object, sight: Sight) -> Sign | None:
    failed = events_about(sight, pod, "FailedScaleUp")
    grown = events_about(sight, pod, "TriggeredScaleUp")
    refused = events_about(sight, pod, "NotTriggerScaleUp")
    if failed and not (grown and time_of(grown[-1]) > time_of(failed[-1])):
        return _failed(pod, str(failed[-1].get("message", "")), sight.subject)
    if grown or _room_comes(sight):
        return None
    if refused:
        return _refused(pod, str(refused[-1].get("message", "")), sight)
    if sight.autoscaler is False and sight.room is not None:
        return Sign(
            Finding(
                code="STARTUP-NO-AUTOSCALER",
                severity="error",
                message="no node takes the pod, and no autoscaler will bring one",
                path=f"pod {name_of(pod)}",
                subject=sight.subject,
                found=quoted(f"{sight.room.reason}; {unschedulable(pod)}"),
                expected="a node with these labels and enough free chips, or an autoscaler",
                fix="add a node or free its chips, turn the node pool's autoscaling on, or correct "
                "spec.template.nodeSelector (llmd.tpu.tpu_info shows the nodes)",
                source="cluster autoscaler, ConfigMap kube-system/cluster-autoscaler-status",
            ),
            SILENCE_SECONDS,
        )
    return None


def _room_comes(sight: Sight) -> bool:
    """Whether chips are free, or will be: a node registers them, a pod gives them back."""
    return sight.leaving or (
        sight.room is not None and sight.room.when in ("now", "after_scale_up")
    )


def _refused(pod: Object, message: str, sight: Sight) -> Sign | None:
    if _MAY_HEAL in message:
        return None
    path, found = f"pod {name_of(pod)}", quoted(message)
    if _FULL in message:
        held = f"; {sight.room.reason}" if sight.room else ""
        return Sign(
            Finding(
                code="STARTUP-POOLS-FULL",
                severity="error",
                message="every node pool that fits the pod has its greatest size already",
                path=path,
                subject=sight.subject,
                found=found + held,
                expected="a pool that may grow, or free chips",
                fix="raise the pool's maximum (gcloud container node-pools update --max-nodes), "
                "or free chips",
                source=_SOURCE,
            ),
            STEADY_SECONDS,
        )
    return Sign(
        Finding(
            code="STARTUP-NO-POOL",
            severity="error",
            message="no node pool has nodes that the pod could run on, so none grows",
            path=path,
            subject=sight.subject,
            found=found,
            expected="a pool with the labels of spec.template.nodeSelector and enough chips a node",
            fix="correct accelerator and topology in spec.template.nodeSelector "
            "(llmd.tpu.model_check names the mistake), or make such a pool",
            source=_SOURCE,
        ),
        STEADY_SECONDS,
    )


def _failed(pod: Object, message: str, subject: str) -> Sign:
    path, found = f"pod {name_of(pod)}", quoted(message)
    if _QUOTA.search(message):
        return Sign(
            Finding(
                code="STARTUP-CLOUD-QUOTA",
                severity="error",
                message="the cloud's quota does not allow the node",
                path=path,
                subject=subject,
                found=found,
                expected="quota for the chips in this region",
                fix="ask for more quota (Compute Engine API, TPUs per TPU family), use another "
                "region, or free chips",
                source=_SOURCE,
            )
        )
    if _WRONG.search(message):
        return Sign(
            Finding(
                code="STARTUP-CLOUD-TOPOLOGY",
                severity="error",
                message="the cloud does not make nodes of this shape",
                path=path,
                subject=subject,
                found=found,
                expected="a topology and machine type that the zone offers",
                fix="correct the pool's machine type, topology or zone "
                "(llmd.tpu.model_check knows which topologies there are)",
                source=_SOURCE,
            )
        )
    if _FINAL.search(message):
        return Sign(
            Finding(
                code="STARTUP-SCALE-UP-FAILED",
                severity="error",
                message="the node pool cannot grow, and will not by itself",
                path=path,
                subject=subject,
                found=found,
                expected="a pool that can make nodes",
                fix="correct what the message names in the pool or project",
                source=_SOURCE,
            )
        )
    if _STOCKOUT.search(message):
        return Sign(
            Finding(
                code="STARTUP-STOCKOUT",
                severity="error",
                message="the zone has no such machine free; the autoscaler tries again",
                path=path,
                subject=subject,
                found=found,
                expected="capacity in the zone",
                fix="wait, use another zone or a reservation (llmd.tpu.tpu_info shows the pools)",
                source=_SOURCE,
            ),
            heals=True,
        )
    return Sign(
        Finding(
            code="STARTUP-SCALE-UP-PROBLEM",
            severity="error",
            message="the node pool did not grow; the autoscaler tries again",
            path=path,
            subject=subject,
            found=found,
            expected="a node",
            fix="look at the pool's operations: gcloud container operations list",
            source=_SOURCE,
        ),
        heals=True,
    )
