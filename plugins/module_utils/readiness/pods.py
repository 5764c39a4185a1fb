# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Why do the pods of a workload not run, and can that heal? Pure.

A pull that is refused for the second time, or a container that is restarted for the second time and
crashes again, is taken as final. But at least one try must have begun after we first looked: what
began before may be what this run has just repaired. Words and reasons are the kubelet's (Kubernetes
documentation, "Images" and "Pod Lifecycle").
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from ansible_collections.llmd.tpu.plugins.module_utils.readiness.verdicts import Object, Verdict

TIMES = 2
_IMAGE_REASONS = frozenset({"ErrImagePull", "ImagePullBackOff"})
_CRASH = "CrashLoopBackOff"
_HOPELESS_REASONS = frozenset({"InvalidImageName"})


@dataclass(frozen=True)
class Begun:
    """Of one container, how many runs and how many pulls of its image have begun."""

    runs: int = 0
    pulls: int = 0


Tries = Mapping[tuple[str, str], Begun]
"""By pod uid and container."""
_NONE = Begun()


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


def crashing(pods: Iterable[Object]) -> bool:
    """Whether a container crashes again and again."""
    return any(reason == _CRASH for pod in pods for _s, reason, _w in _waiting(pod))


def begun(pods: Iterable[Object], events: Sequence[Object]) -> Tries:
    """The tries so far; of the events those of reason Pulling and Failed."""
    return {
        (uid, status["name"]): Begun(
            runs=_restarts(status) + (1 if _has_run(status) else 0),
            pulls=max(
                _count(_of(uid, status["name"], "Pulling", events)),
                _count(_pull_failures(uid, status["name"], events)),
            ),
        )
        for pod in pods
        for uid in (pod["metadata"]["uid"],)
        for status in _statuses(pod)
    }


def _restarts(status: Object) -> int:
    return int(status.get("restartCount") or 0)


def _has_run(status: Object) -> bool:
    """Whether the latest run has begun: it goes on, or it is what the last state tells of."""
    state = status.get("state") or {}
    return "running" in state or "terminated" in state or bool(status.get("lastState"))


def _of(uid: str, container: str, reason: str, events: Sequence[Object]) -> Iterator[Object]:
    for event in events:
        place = event.get("involvedObject") or {}
        if (
            place.get("uid") == uid
            and f"{{{container}}}" in str(place.get("fieldPath", ""))
            and event.get("reason") == reason
        ):
            yield event


def _pull_failures(uid: str, container: str, events: Sequence[Object]) -> Iterator[Object]:
    for event in _of(uid, container, "Failed", events):
        if "ailed to pull image" in str(event.get("message", "")):
            yield event


def _count(events: Iterable[Object]) -> int:
    return sum(times(event) for event in events)


def latest(events: Iterable[Object]) -> Object:
    """The event that happened last."""
    return max(events, key=lambda e: str(e.get("lastTimestamp") or e.get("eventTime") or ""))


def times(event: Object) -> int:
    """How often an event happened."""
    series = event.get("series") or {}
    return int(event.get("count") or series.get("count") or 1)


@dataclass(frozen=True)
class Trouble:
    """What is wrong with one container; `kind` is the state that the kubelet puts it in."""

    pod: Object
    status: Object
    kind: Literal["image", "crash", "other"]
    verdict: Verdict

    @property
    def place(self) -> str:
        """How messages call the container."""
        return f"pod {self.pod['metadata']['name']}, container {self.status['name']}"


def troubles(pods: Iterable[Object], events: Sequence[Object], before: Tries) -> Iterator[Trouble]:
    """What is wrong with each container; `before` as for `judge`."""
    for pod in pods:
        uid = pod["metadata"]["uid"]
        for status, reason, words in _waiting(pod):
            failures = list(_pull_failures(uid, status["name"], events))
            tries = before.get((uid, status["name"]), _NONE)
            verdict = _container(status, reason, words, tries, failures)
            kind: Literal["image", "crash", "other"] = "other"
            if reason in _IMAGE_REASONS or reason in _HOPELESS_REASONS:
                kind = "image"
            elif reason == _CRASH:
                kind = "crash"
            yield Trouble(pod, status, kind, verdict)


def judge(pods: Sequence[Object], events: Sequence[Object], before: Tries) -> Verdict | None:
    """The worst that can be said of the pods; None when nothing is wrong with them.

    `before` are the tries that had begun at the first look.
    """
    found = troubles(pods, events, before)
    verdicts = [
        Verdict(False, f"{one.place}: {one.verdict.reason}", one.verdict.hopeless) for one in found
    ]
    for pod in pods:
        waits = unschedulable(pod)
        if waits:
            words = f"pod {pod['metadata']['name']} is not scheduled: {waits}"
            verdicts.append(Verdict(False, words))
    return next((v for v in verdicts if v.hopeless), verdicts[0] if verdicts else None)


def _container(
    status: Object, reason: str, words: str, before: Begun, failures: Sequence[Object]
) -> Verdict:
    if reason in _IMAGE_REASONS:
        told = next((str(event["message"]) for event in failures), words)
        refused = _count(failures)
        return Verdict(
            False,
            f"the image {status.get('image')} is refused ({reason}): {told}",
            hopeless=refused >= TIMES and refused > before.pulls,
        )
    if reason == _CRASH:
        last = _crash(status) or (status.get("lastState") or {}).get("terminated") or {}
        told = f", last exit code {last.get('exitCode')}" if last else ""
        if last.get("message"):
            told += f": {str(last['message']).strip()[-300:]}"
        restarts = _restarts(status)
        return Verdict(
            False,
            f"it crashes again and again ({restarts} restarts{told})",
            hopeless=restarts >= TIMES and restarts + 1 > before.runs,
        )
    told = f"{reason}: {words}" if words else reason
    return Verdict(False, told, hopeless=reason in _HOPELESS_REASONS)


def _statuses(pod: Object) -> Iterator[Object]:
    status = pod.get("status") or {}
    yield from status.get("initContainerStatuses") or ()
    yield from status.get("containerStatuses") or ()


def _crash(status: Object) -> Object:
    """How the latest run ended, if badly: the kubelet tells of its back-off only later."""
    ended = (status.get("state") or {}).get("terminated") or {}
    return ended if ended.get("exitCode") else {}


def _waiting(pod: Object) -> Iterator[tuple[Object, str, str]]:
    """Containers that wait for something worth telling: status, reason, message."""
    for status in _statuses(pod):
        waiting = (status.get("state") or {}).get("waiting") or {}
        reason = str(waiting.get("reason", ""))
        if _restarts(status) and _crash(status):
            yield status, _CRASH, ""
        elif reason and reason not in ("ContainerCreating", "PodInitializing"):
            yield status, reason, str(waiting.get("message", ""))


def unschedulable(pod: Object) -> str:
    """Why the scheduler finds no node for a pod; empty when it has one, or was not tried."""
    for condition in (pod.get("status") or {}).get("conditions") or ():
        if condition.get("type") == "PodScheduled" and condition.get("status") == "False":
            return str(condition.get("message") or condition.get("reason") or "")
    return ""
