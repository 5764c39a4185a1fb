# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Pods that a controller may not create: quota, admission, limits. Can it heal by itself? Pure.

Controllers tell it by events of reason FailedCreate on the ReplicaSet, Job, StatefulSet or
DaemonSet; only a Deployment has a condition for it besides. As with images, what was refused before
we looked does not count, since this run may just have repaired it. Words are those of
kube-apiserver's admission plugins (ResourceQuota, LimitRanger, PodSecurity, webhooks, policies).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from ansible_collections.llmd.tpu.plugins.module_utils.readiness.pods import TIMES, latest, times
from ansible_collections.llmd.tpu.plugins.module_utils.readiness.verdicts import (
    Object,
    Verdict,
    status,
    with_status,
)

REASON = "FailedCreate"
# Others may heal: a webhook that is not reached yet, a ServiceAccount that comes later.
_FINAL = (
    "denied the request",  # a webhook
    "denied request",  # a ValidatingAdmissionPolicy
    "exceeded quota",
    "failed quota",  # the quota wants requests or limits that the pod does not name
    "violates PodSecurity",
    "is invalid",
    "usage per Container",  # LimitRange
    "usage per Pod",
    "no PriorityClass with name",
)


def need_events(
    kind: str, live: Object, pods: Sequence[Object], deployments: Iterable[Object]
) -> bool:
    """Whether the events must be read: pods are missing, or a Deployment says they are refused."""
    if kind in ("StatefulSet", "DaemonSet", "Job"):
        return len(pods) < _wanted(kind, live)
    return any(with_status(deployment, "ReplicaFailure") for deployment in deployments)


def _wanted(kind: str, live: Object) -> int:
    if kind == "DaemonSet":
        return int(status(live).get("desiredNumberScheduled") or 0)
    field = "replicas" if kind == "StatefulSet" else "parallelism"
    return int((live.get("spec") or {}).get(field, 1))


def of(events: Iterable[Object], live: Object, deployments: Iterable[Object]) -> list[Object]:
    """The refusals of a workload's pods: its own, or those of its Deployments' ReplicaSets."""
    uid = live.get("metadata", {}).get("uid")
    names = [re.escape(str(deployment["metadata"]["name"])) for deployment in deployments]
    replica_set = re.compile(rf"(?:{'|'.join(names)})-[a-z0-9]+") if names else None
    found = []
    for event in events:
        place = event.get("involvedObject") or {}
        name = str(place.get("name", ""))
        ours = place.get("uid") == uid if uid else False
        theirs = place.get("kind") == "ReplicaSet" and replica_set and replica_set.fullmatch(name)
        if event.get("reason") == REASON and (ours or theirs):
            found.append(event)
    return found


def count(events: Iterable[Object]) -> int:
    """How often pods were refused."""
    return sum(times(event) for event in events)


def judge(events: Sequence[Object], before: int, *, leaving: bool) -> Verdict | None:
    """What the latest refusal says; None without one.

    `leaving`: pods of the workload are ending, which will give back what a quota counts.
    """
    if not events:
        return None
    words = str(latest(events).get("message", "")).removeprefix("Error creating: ")
    final = any(refusal in words for refusal in _FINAL) and not (leaving and "quota" in words)
    again = count(events) - before
    return Verdict(False, f"its pods are refused: {words}", hopeless=final and again >= TIMES)
