# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What was seen of one model that starts: plain data, and small questions to it. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from ansible_collections.llmd.tpu.plugins.module_utils.readiness.pods import Tries
from ansible_collections.llmd.tpu.plugins.module_utils.readiness.verdicts import Object, status
from ansible_collections.llmd.tpu.plugins.module_utils.serving.view import SERVER_CONTAINER
from ansible_collections.llmd.tpu.plugins.module_utils.startup.log_text import (
    DownloadLog,
    ServerLog,
)
from ansible_collections.llmd.tpu.plugins.module_utils.tpu.room import Room

DOWNLOADER = "storage-initializer"
"""KServe's init container that fetches the weights (pkg/utils/storage.go)."""
MODEL_CONTAINERS = (DOWNLOADER, SERVER_CONTAINER)
"""The containers whose logs are read; no others are."""

Place = tuple[str, str]
"""A pod's uid and a container's name."""


@dataclass(frozen=True)
class Sight:
    """One look at a service and at what KServe made of it.

    ``pods`` are those of the newest revision. ``events`` are those of the service and of pods that
    are not ready yet; like ``refusals`` (of pods that may not be made) without what was told long
    before the first look. ``room`` is None when no pod waits for a node, or nodes cannot be read;
    ``autoscaler`` is None when nobody knows whether there is one.
    """

    subject: str
    service: Object | None
    deployments: Sequence[Object] = ()
    pods: Sequence[Object] = ()
    leaving: bool = False
    events: Sequence[Object] = ()
    refusals: Sequence[Object] = ()
    pools: Sequence[Object] = ()
    routes: Sequence[Object] = ()
    room: Room | None = None
    autoscaler: bool | None = None
    tries: Tries = field(default_factory=dict)
    """What containers had tried long before the first look."""
    old_conditions: frozenset[tuple[str, str]] = frozenset()
    """Type and message of conditions that the service had long before the first look."""
    downloads: Mapping[Place, DownloadLog] = field(default_factory=dict)
    servers: Mapping[Place, ServerLog] = field(default_factory=dict)
    last_words: Mapping[Place, str] = field(default_factory=dict)
    """The end of the log of a run that ended badly."""

    @property
    def servers_pods(self) -> list[Object]:
        """The pods that run the model server, without the scheduler's."""
        return [pod for pod in self.pods if is_workload(pod)]


def is_workload(item: Object) -> bool:
    """Whether a pod runs the model server (pkg/controller/llmisvc, labels of workloads)."""
    labels = item["metadata"].get("labels") or {}
    return bool(labels.get("kserve.io/component") == "workload")


def uid_of(pod: Object) -> str:
    """What tells a pod from its successor of the same name."""
    return str(pod["metadata"].get("uid", ""))


def name_of(pod: Object) -> str:
    """The name."""
    return str(pod["metadata"].get("name", ""))


def is_over(pod: Object) -> bool:
    """Whether the pod has ended for good."""
    return status(pod).get("phase") in ("Failed", "Succeeded")


def is_ready(pod: Object) -> bool:
    """Whether the pod is ready to serve."""
    conditions = status(pod).get("conditions") or ()
    return any(one.get("type") == "Ready" and one.get("status") == "True" for one in conditions)


def statuses_of(pod: Object) -> Iterator[Object]:
    """The state of each container, in the order in which they start."""
    yield from status(pod).get("initContainerStatuses") or ()
    yield from status(pod).get("containerStatuses") or ()


def state_of(container: Object, name: str) -> Object | None:
    """The state `waiting`, `running` or `terminated`, when the container is in it."""
    found = (container.get("state") or {}).get(name)
    return None if found is None else dict(found)


def bad_end(container: Object) -> Object | None:
    """How the latest run ended that did not succeed, whether or not another one has begun."""
    for where in ("state", "lastState"):
        ended = (container.get(where) or {}).get("terminated") or {}
        if ended.get("exitCode"):
            return dict(ended)
    return None


def bad_run(container: Object) -> int:
    """The number of the run that ended badly, the first one being 1."""
    restarts = int(container.get("restartCount") or 0)
    return restarts if state_of(container, "running") is not None else restarts + 1


def events_about(sight: Sight, pod: Object, *reasons: str) -> list[Object]:
    """The events about a pod with one of these reasons, the latest last."""
    uid = uid_of(pod)
    found = [
        event
        for event in sight.events
        if (event.get("involvedObject") or {}).get("uid") == uid and event.get("reason") in reasons
    ]
    return sorted(found, key=time_of)


def time_of(event: Object) -> str:
    """When an event happened last; texts that sort as the times do."""
    series = event.get("series") or {}
    metadata = event.get("metadata") or {}
    return str(
        series.get("lastObservedTime")
        or event.get("lastTimestamp")
        or event.get("eventTime")
        or metadata.get("creationTimestamp")
        or ""
    )


def about_container(event: Object, name: str) -> bool:
    """Whether an event is about this container of its pod."""
    return f"{{{name}}}" in str((event.get("involvedObject") or {}).get("fieldPath", ""))
