# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Why do the pods of a workload not run, and can that heal? Pure.

A pull that is refused twice, or a container that crashed twice while we watched, is taken as final.
What happened before we looked does not count: it may be what this run has just repaired. Words and
reasons are the kubelet's (Kubernetes documentation, "Images" and "Pod Lifecycle").
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from ansible_collections.llmd.tpu.plugins.module_utils.readiness.verdicts import Object, Verdict

TIMES = 2
_IMAGE_REASONS = frozenset({"ErrImagePull", "ImagePullBackOff"})
_HOPELESS_REASONS = frozenset({"InvalidImageName"})
Counts = dict[tuple[str, str], int]
"""Restarts or refused pulls by (pod uid, container)."""


def newest(pods: Iterable[Object]) -> list[Object]:
    """The pods of the latest revision: of each component those with its youngest pod's hash."""
    latest: dict[str, str] = {}
    ordered = sorted(pods, key=lambda pod: str(pod["metadata"].get("creationTimestamp", "")))
    for pod in ordered:
        latest[_label(pod, "app.kubernetes.io/component")] = _label(pod, "pod-template-hash")
    return [
        pod
        for pod in ordered
        if not pod["metadata"].get("deletionTimestamp")
        and _label(pod, "pod-template-hash") == latest[_label(pod, "app.kubernetes.io/component")]
    ]


def _label(pod: Object, name: str) -> str:
    return str((pod["metadata"].get("labels") or {}).get(name, ""))


def need_events(pods: Iterable[Object]) -> bool:
    """Whether the events must be read: only they count refused pulls."""
    return any(reason in _IMAGE_REASONS for pod in pods for _s, reason, _w in _waiting(pod))


def counts(pods: Iterable[Object], events: Sequence[Object]) -> Counts:
    """Crashes and refused pulls so far."""
    result: Counts = {}
    for pod in pods:
        uid = pod["metadata"]["uid"]
        for status in _statuses(pod):
            key = (uid, status["name"])
            result[key] = int(status.get("restartCount") or 0) + _refusals(
                uid, status["name"], events
            )
    return result


def _refusals(uid: str, container: str, events: Sequence[Object]) -> int:
    return sum(times(event) for event in _pull_failures(uid, container, events))


def _pull_failures(uid: str, container: str, events: Sequence[Object]) -> Iterator[Object]:
    for event in events:
        place = event.get("involvedObject") or {}
        if (
            place.get("uid") == uid
            and f"{{{container}}}" in str(place.get("fieldPath", ""))
            and event.get("reason") == "Failed"
            and "ailed to pull image" in str(event.get("message", ""))
        ):
            yield event


def latest(events: Iterable[Object]) -> Object:
    """The event that happened last."""
    return max(events, key=lambda e: str(e.get("lastTimestamp") or e.get("eventTime") or ""))


def times(event: Object) -> int:
    """How often an event happened."""
    series = event.get("series") or {}
    return int(event.get("count") or series.get("count") or 1)


def judge(pods: Iterable[Object], events: Sequence[Object], before: Counts) -> Verdict | None:
    """The worst that can be said of the pods; None when nothing is wrong with them.

    `before` are the counts at the first look, from where crashes and refusals are counted.
    """
    verdicts: list[Verdict] = []
    for pod in pods:
        name, uid = pod["metadata"]["name"], pod["metadata"]["uid"]
        now = counts([pod], events)
        for status, reason, words in _waiting(pod):
            key = (uid, status["name"])
            again = now.get(key, 0) - before.get(key, 0)
            verdicts.append(_container(name, status, reason, words, again, uid, events))
        unschedulable = _unschedulable(pod)
        if unschedulable:
            verdicts.append(Verdict(False, f"pod {name} is not scheduled: {unschedulable}"))
    return next((v for v in verdicts if v.hopeless), verdicts[0] if verdicts else None)


def _container(
    pod: str,
    status: Object,
    reason: str,
    words: str,
    again: int,
    uid: str,
    events: Sequence[Object],
) -> Verdict:
    place = f"pod {pod}, container {status['name']}"
    if reason in _IMAGE_REASONS:
        told = next((str(e["message"]) for e in _pull_failures(uid, status["name"], events)), words)
        text = f"{place}: the image {status.get('image')} is refused ({reason}): {told}"
        return Verdict(False, text, hopeless=again >= TIMES)
    if reason == "CrashLoopBackOff":
        last = (status.get("lastState") or {}).get("terminated") or {}
        told = f", last exit code {last.get('exitCode')}" if last else ""
        if last.get("message"):
            told += f": {str(last['message']).strip()[-300:]}"
        text = f"{place}: it crashes again and again ({status.get('restartCount')} restarts{told})"
        return Verdict(False, text, hopeless=again >= TIMES)
    text = f"{place}: {reason}" + (f": {words}" if words else "")
    return Verdict(False, text, hopeless=reason in _HOPELESS_REASONS)


def _statuses(pod: Object) -> Iterator[Object]:
    status = pod.get("status") or {}
    yield from status.get("initContainerStatuses") or ()
    yield from status.get("containerStatuses") or ()


def _waiting(pod: Object) -> Iterator[tuple[Object, str, str]]:
    """Containers that wait for something worth telling: status, reason, message."""
    for status in _statuses(pod):
        waiting = (status.get("state") or {}).get("waiting") or {}
        reason = str(waiting.get("reason", ""))
        if reason and reason not in ("ContainerCreating", "PodInitializing"):
            yield status, reason, str(waiting.get("message", ""))


def _unschedulable(pod: Object) -> str:
    for condition in (pod.get("status") or {}).get("conditions") or ():
        if condition.get("type") == "PodScheduled" and condition.get("status") == "False":
            return str(condition.get("message") or condition.get("reason") or "")
    return ""
