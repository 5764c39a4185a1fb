# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How a changed service is brought about: by rolling update, or stopped first. Pure.

A rolling update of few replicas starts a new pod before it ends an old one, and so needs chips that
nobody holds. Without them the new pod stays Pending for good, while KServe goes on to call the
service ready (release-v0.15, run). A service that is stopped first gives its chips back.
Sources: Kubernetes documentation, Deployments (maxSurge 25 %, maxUnavailable 25 %, which KServe
does not change); opendatahub-io/kserve ``pkg/controller/llmisvc/scheduler.go`` (an InferenceModel's
model name is immutable; the configuration of a scheduler that runs is kept).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from ansible_collections.llmd.tpu.plugins.module_utils.serving.merge import merged
from ansible_collections.llmd.tpu.plugins.module_utils.serving.rollout import (
    STOP_ANNOTATION,
    is_stopped,
)
from ansible_collections.llmd.tpu.plugins.module_utils.serving.storage import SECRET_ANNOTATION
from ansible_collections.llmd.tpu.plugins.module_utils.serving.tracks import Track
from ansible_collections.llmd.tpu.plugins.module_utils.serving.view import View
from ansible_collections.llmd.tpu.plugins.module_utils.tpu.chips import (
    TpuNode,
    chips_of_pod,
    fitting,
    is_of_service,
    occupied,
    replicas_that_fit,
    tpu_nodes,
)
from ansible_collections.llmd.tpu.plugins.module_utils.tpu.machines import (
    ACCELERATOR_LABEL,
    TOPOLOGY_LABEL,
)
from ansible_collections.llmd.tpu.plugins.module_utils.tpu.room import Wanted, room_for

Object = Mapping[str, Any]
Does = Literal["nothing", "create", "change", "roll", "stop", "start"]
How = Literal["", "rolling", "stop-first"]

# A change below one of these makes new pods of the model server.
_POD_FIELDS = (
    "spec.annotations", "spec.baseRefs", "spec.labels", "spec.model", "spec.parallelism",
    "spec.prefill", "spec.storageInitializer", "spec.template", "spec.worker",
)  # fmt: skip
_SURGE = 4
"""From so many replicas on an old pod is ended at once, and its chips serve the next new one."""


@dataclass(frozen=True)
class Seen:
    """One service: what it is to be, what it is, and the fields that differ.

    ``ending``: it was stopped, and pods of it are still there. ``waiting``: a pod that an earlier
    update made, and that finds no chips beside those of the old pods (`waits_beside_old`).
    """

    wanted: Object
    live: Object | None
    fields: tuple[str, ...] = ()
    strategy: str = "auto"
    ending: bool = False
    waiting: str = ""


@dataclass(frozen=True)
class Update:
    """What is done to one service, how, and why so; ``how`` is empty where no pod is replaced."""

    namespace: str
    name: str
    does: Does
    how: How = ""
    reason: str = ""


def waits_for_chips(pod: Object) -> bool:
    """Whether the pod asks for chips, and the scheduler has found it no node."""
    conditions = (pod.get("status") or {}).get("conditions") or ()
    return chips_of_pod(pod) > 0 and any(
        (one.get("type"), one.get("reason")) == ("PodScheduled", "Unschedulable")
        for one in conditions
    )


def waits_beside_old(pods: Sequence[Object]) -> str:
    """The pod of a service that waits while pods of another revision hold chips; else empty.

    `pods` are those of one service's model servers.
    """
    held = {_revision(pod) for pod in pods if pod["spec"].get("nodeName") and chips_of_pod(pod)}
    waiting = (pod for pod in pods if waits_for_chips(pod) and held - {_revision(pod)})
    return next((str(pod["metadata"]["name"]) for pod in waiting), "")


def _revision(pod: Object) -> str:
    return str((pod["metadata"].get("labels") or {}).get("pod-template-hash"))


def must_see_nodes(seen: Iterable[Seen]) -> bool:
    """Whether any of the services is such that free chips decide."""
    return any(one.strategy == "auto" and _does(one) == "roll" for one in seen)


def choose(
    seen: Sequence[Seen],
    track: Track,
    nodes: Sequence[Object],
    pods: Sequence[Object],
    *,
    hidden: bool = False,
) -> list[Update]:
    """Say how each service is updated; nodes and pods count only where `must_see_nodes`.

    ``hidden``: the account may not read them.
    """
    if hidden:
        return [_update(one, track, None) for one in seen]
    free = tpu_nodes(nodes, pods)
    for one in seen:  # what starts in the same run takes its chips as well
        if _does(one) in ("create", "start"):
            new = _wanted(one.wanted)
            free = occupied(free, new.accelerator, new.topology, new.chips, new.replicas)
    return [_update(one, track, Nodes(free, nodes, pods)) for one in seen]


@dataclass(frozen=True)
class Nodes:
    """The TPU nodes: with what is free, what starts in this run counted; and as they were read."""

    free: Sequence[TpuNode]
    read: Sequence[Object]
    pods: Sequence[Object]

    def without(self, namespace: str, name: str) -> list[TpuNode]:
        """The nodes as they would be without one service's pods."""
        others = [pod for pod in self.pods if not is_of_service(pod, namespace, name)]
        return tpu_nodes(self.read, others)


def stopped(wanted: Object) -> dict[str, Any]:
    """The same service, stopped."""
    result: dict[str, Any] = merged(
        wanted, {"metadata": {"annotations": {STOP_ANNOTATION: "true"}}}
    )
    return result


def _update(one: Seen, track: Track, nodes: Nodes | None) -> Update:
    update = _brought_about(one, track, nodes)
    if one.fields or not one.waiting or update.does != "roll":
        return update
    if update.how == "rolling":  # it may go on waiting
        return Update(update.namespace, update.name, "nothing")
    return replace(update, reason=f"pod {one.waiting} of an earlier update waits: {update.reason}")


def _brought_about(one: Seen, track: Track, nodes: Nodes | None) -> Update:
    view = View(one.wanted)
    place = (view.namespace, view.name)
    does = _does(one)
    if does == "start" and one.ending:
        reason = "it was stopped, and its pods have not ended yet"
        return Update(*place, does, "stop-first", reason)
    kept = _kept_while_it_runs(view, one.live, track) if does in ("change", "roll") else ""
    if kept and one.strategy == "rolling":
        return Update(*place, does, "rolling", f"its update strategy is rolling, although {kept}")
    if kept:
        return Update(*place, does, "stop-first", kept)
    if does != "roll":
        return Update(*place, does)
    if one.strategy == "rolling":
        return Update(*place, does, "rolling", "its update strategy is rolling")
    if one.strategy == "stop-first":
        return Update(*place, does, "stop-first", "its update strategy is stop-first")
    if nodes is None:
        reason = (
            "the account may not read nodes, so that nobody knows whether a new pod finds chips"
        )
        return Update(*place, does, "stop-first", reason)
    room = _by_room(_wanted(one.wanted), nodes.free, nodes.without(*place))
    return Update(*place, does, *room)


def _does(one: Seen) -> Does:
    if one.live is None:
        return "nothing" if is_stopped(one.wanted) else "create"
    was, will = is_stopped(one.live), is_stopped(one.wanted)
    if was != will:
        return "stop" if will else "start"
    if not one.fields and not one.waiting:
        return "nothing"
    runs = not will and View(one.live).spec.get("replicas", 1) != 0
    rolls = one.waiting or any(map(_makes_pods, one.fields))
    return "roll" if runs and rolls else "change"


def _makes_pods(field: str) -> bool:
    return field.startswith(_POD_FIELDS) or SECRET_ANNOTATION in field


def _kept_while_it_runs(wanted: View, before: Object | None, track: Track) -> str:
    """What KServe does not change while the service runs, in words; empty when all is changed."""
    if before is None or is_stopped(before):
        return ""
    live = View(before)
    scheduled = wanted.router.get("scheduler") is not None
    if scheduled and track.model_object and wanted.served_name != live.served_name:
        return (
            f"KServe {track.name} cannot rename the model of a service that runs "
            f"({live.served_name} to {wanted.served_name})"
        )
    if scheduled and _configured(live) and not _configured(wanted):
        return "KServe keeps a scheduler's configuration as long as its Deployment is there"
    return ""


def _configured(view: View) -> bool:
    """Whether the scheduler has a configuration of its own (its preset has none in the spec)."""
    scheduler = view.router.get("scheduler")
    if not isinstance(scheduler, Mapping):
        return False
    template = scheduler.get("template") or {}
    return bool(scheduler.get("config")) or "--config-text" in str(template.get("containers"))


def _wanted(service: Object) -> Wanted:
    view = View(service)

    def label(name: str) -> str:
        values = view.selector_values(name)
        return str(values[0].value) if values else ""

    replicas = view.spec.get("replicas", 1)
    return Wanted(
        label(ACCELERATOR_LABEL),
        label(TOPOLOGY_LABEL),
        chips_of_pod({"spec": view.template}),
        replicas if isinstance(replicas, int) else 1,
    )


def _by_room(
    wanted: Wanted, free: Sequence[TpuNode], without_own: Sequence[TpuNode]
) -> tuple[How, str]:
    """Whether a new pod finds chips beside the old ones, or only in their place.

    What a pool may grow to is not in the cluster, so it is not counted on.
    """
    if not wanted.chips:
        return "rolling", "it holds no TPU chips"
    if wanted.replicas >= _SURGE:
        return "rolling", f"of {wanted.replicas} replicas some end before the new ones start"
    place = f"{wanted.accelerator} {wanted.topology}"
    suitable = fitting(free, wanted.accelerator, wanted.topology)
    if replicas_that_fit(suitable, wanted.chips):
        return "rolling", f"one replica more fits on the nodes of {place}"
    chips = sum(node.free for node in suitable)
    words = f"a new pod needs {wanted.chips} free chips of {place}, and {chips} are free"
    after = room_for(replace(wanted, replicas=1), without_own, None)
    if after.when == "now":
        return "stop-first", words
    return "rolling", f"{words}; stopping the service would free none ({after.reason})"
