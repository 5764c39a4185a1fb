# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How far a model has come from apply to Ready, and what it does now. Pure.

The slowest pod of the newest revision counts. A stage is left when the next one has begun, and
comes back when a pod is replaced.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from ansible_collections.llmd.tpu.plugins.module_utils.readiness.pods import unschedulable
from ansible_collections.llmd.tpu.plugins.module_utils.readiness.predicates import judge
from ansible_collections.llmd.tpu.plugins.module_utils.readiness.verdicts import (
    Object,
    Verdict,
    Wish,
    condition,
    generation,
    observed,
    status,
)
from ansible_collections.llmd.tpu.plugins.module_utils.readiness.verdicts import Sight as Judged
from ansible_collections.llmd.tpu.plugins.module_utils.serving.view import SERVER_CONTAINER
from ansible_collections.llmd.tpu.plugins.module_utils.startup.log_text import (
    DownloadLog,
    ServerLog,
)
from ansible_collections.llmd.tpu.plugins.module_utils.startup.sight import (
    DOWNLOADER,
    Sight,
    about_container,
    bad_end,
    events_about,
    is_over,
    is_ready,
    is_workload,
    name_of,
    state_of,
    statuses_of,
    uid_of,
)
from ansible_collections.llmd.tpu.plugins.module_utils.startup.signs import quoted

AUTOSCALER = ("TriggeredScaleUp", "NotTriggerScaleUp", "FailedScaleUp")
"""Reasons of the cluster autoscaler's events about pods."""


class Stage(StrEnum):
    """The stages in their order; each is named for what it ends with."""

    ACCEPTED = "accepted"
    CHILDREN = "children"
    SCHEDULED = "scheduled"
    IMAGE = "image"
    WEIGHTS = "weights"
    SERVER = "server"
    COMPILED = "compiled"
    WARM = "warm"
    POOL = "pool"
    ROUTE = "route"
    READY = "ready"


ORDER = tuple(Stage)


@dataclass(frozen=True)
class Step:
    """The stage under way, what is done in it, and numbers that change from look to look."""

    stage: Stage
    words: str
    detail: str = ""
    done: bool = False
    """Whether everything is: Ready and rolled out."""


def step_of(sight: Sight, wish: Wish) -> Step:
    """Find the stage under way."""
    service = sight.service
    if service is None:
        return Step(Stage.ACCEPTED, "it does not exist")
    seen = observed(service)
    if not seen.ready:
        return Step(Stage.ACCEPTED, seen.reason)
    verdict = judge(Judged(service, deployments=sight.deployments), wish)
    if verdict.ready:
        return Step(Stage.READY, "ready", done=True)
    pods = [pod for pod in sight.servers_pods if not is_over(pod)]
    wanted = sum(_replicas(one) for one in sight.deployments if is_workload(one))
    if len(pods) < max(wanted, 0 if sight.deployments else 1):
        made = f"{len(pods)} of {wanted} pods are made" if wanted else "KServe makes its objects"
        return Step(Stage.CHILDREN, made)
    steps = [_pod_step(pod, sight) for pod in pods]
    slowest = min(steps, key=lambda one: ORDER.index(one.stage), default=None)
    if slowest and slowest.stage != Stage.POOL:
        ready = sum(one.stage == Stage.POOL for one in steps)
        more = f" ({ready} of {len(pods)} pods are ready)" if len(pods) > 1 else ""
        return replace(slowest, words=slowest.words + more)
    return _after_pods(service, verdict)


def _replicas(deployment: Object) -> int:
    return int((deployment.get("spec") or {}).get("replicas", 1))


def _after_pods(service: Object, verdict: Verdict) -> Step:
    """What KServe still waits for when all pods of the server are ready."""
    router = (service.get("spec") or {}).get("router") or {}
    stages: list[tuple[Stage, Any, tuple[str, ...]]] = [
        (Stage.POOL, router.get("scheduler"), ("SchedulerWorkloadReady", "InferencePoolReady")),
        (Stage.ROUTE, router.get("route"), ("HTTPRoutesReady",)),
    ]
    conditions: Sequence[Object] = status(service).get("conditions") or ()
    for stage, asked, names in stages:
        for name in names if asked is not None else ():
            found = condition(conditions, name, generation(service))
            if not found.ready:
                return Step(stage, found.reason)
    return Step(Stage.READY, verdict.reason)


def _pod_step(pod: Object, sight: Sight) -> Step:
    name = name_of(pod)
    if is_ready(pod):
        return Step(Stage.POOL, f"pod {name} is ready")
    if not (pod.get("spec") or {}).get("nodeName"):
        told = events_about(sight, pod, *AUTOSCALER)
        words = str(told[-1].get("message", "")) if told else unschedulable(pod)
        return Step(
            Stage.SCHEDULED, f"pod {name} waits for a node" + (f": {words}" if words else "")
        )
    sidecars = {
        one.get("name")
        for one in (pod.get("spec") or {}).get("initContainers") or ()
        if one.get("restartPolicy") == "Always"
    }
    for container in statuses_of(pod):
        ended = state_of(container, "terminated")
        done = container.get("ready") or (ended and not ended.get("exitCode"))
        if done or container.get("name") in sidecars:
            continue
        return _container_step(pod, container, sight)
    return Step(Stage.IMAGE, f"pod {name} is on its node, its containers are not made yet")


def _container_step(pod: Object, container: Object, sight: Sight) -> Step:
    """What the first container does that is not done."""
    name, title = str(container.get("name")), f"pod {name_of(pod)}"
    key = (uid_of(pod), name)
    end = bad_end(container)
    if state_of(container, "running") is not None:
        if name == DOWNLOADER:
            loaded = sight.downloads.get(key, DownloadLog()).words
            return Step(
                Stage.WEIGHTS, f"{title} downloads the weights", f" ({loaded})" if loaded else ""
            )
        if name == SERVER_CONTAINER:
            return _server_step(title, sight.servers.get(key, ServerLog()))
        return Step(Stage.WARM, f"{title}, container {name} is not ready")
    if end:
        stage = Stage.WEIGHTS if name == DOWNLOADER else Stage.SERVER
        words = f"{title}, container {name} ended with exit code {end.get('exitCode')}"
        return Step(stage, f"{words} and is started again")
    return Step(Stage.IMAGE, _before_container(pod, container, sight))


def _before_container(pod: Object, container: Object, sight: Sight) -> str:
    name, title = str(container.get("name")), f"pod {name_of(pod)}"
    waiting = state_of(container, "waiting") or {}
    if waiting.get("reason") not in (None, "", "ContainerCreating", "PodInitializing"):
        words = ": ".join(filter(None, (waiting.get("reason"), waiting.get("message"))))
        return f"{title}, container {name} waits: {quoted(words, pod)}"
    told = events_about(sight, pod, "Pulling", "Pulled", "FailedMount")
    of_image = [one for one in told if about_container(one, name)]
    if of_image and of_image[-1].get("reason") == "Pulling":
        return f"{title} pulls image {container.get('image')}"
    if told and told[-1].get("reason") == "FailedMount":
        return f"{title} waits for a volume: {quoted(str(told[-1].get('message')))}"
    return f"{title} makes container {name}"


def _server_step(title: str, log: ServerLog) -> Step:
    if log.up:
        return Step(Stage.WARM, f"{title} serves, and is not ready yet")
    if log.compiling:
        count = f", graph {log.graphs} ({log.graph})" if log.graphs else ""
        return Step(Stage.COMPILED, f"{title} compiles", count)
    return Step(
        Stage.SERVER, f"{title} {'loads the weights' if log.loading else 'starts the server'}"
    )
