# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The cluster autoscaler for TPU pods that no node can take: its events, and nodes that come late.

Reasons and messages: kubernetes/autoscaler, cluster-autoscaler/processors/status and
cluster-autoscaler/clusterstate. ConfigMap ``kube-system/sandbox-autoscaler`` changes what happens:
- ``seconds``: how long a new node takes (default 20; minutes on GKE);
- ``maximum``: nodes per pool (default 2);
- ``failure``: the cloud's reason, such as ``GCE out of resources``; then no node comes.
Nodes are never taken away. As the real one it keeps ConfigMap ``cluster-autoscaler-status``, of
which only the name and the health are imitated.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from tests.sandbox import nodes
from tests.sandbox.cloud.events import event
from tests.sandbox.images.operators.cluster import Cluster, Document, Key, Watch
from tests.sandbox.images.operators.worker import Worker
from tests.sandbox.nodes import MACHINES, PROJECT, ZONE, NodeRequest
from tests.sandbox.paths import State

TPU = "google.com/tpu"
COMPONENT = "cluster-autoscaler"
STATUS: Key = ("kube-system", "cluster-autoscaler-status")
SWITCH: Key = ("kube-system", "sandbox-autoscaler")
DEFAULT_SECONDS = 20.0
DEFAULT_MAXIMUM = 2
POLL_SECONDS = 1.0
# The autoscaler cuts the cloud's message (cluster-autoscaler, FailedScaleUp).
MESSAGE_LENGTH = 250
GROUPS = f"https://www.googleapis.com/compute/v1/projects/{PROJECT}/zones/{ZONE}/instanceGroups"

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Settings:
    """How the cloud behaves."""

    seconds: float = DEFAULT_SECONDS
    maximum: int = DEFAULT_MAXIMUM
    failure: str = ""


@dataclass(frozen=True)
class Pool:
    """A node pool; `labels` are those of its nodes."""

    machine_type: str
    chips: int
    size: int
    labels: Mapping[str, str]
    backoff: bool = False


@dataclass(frozen=True)
class Verdict:
    """What the autoscaler says about a pod; `machine_type` is empty when nothing grows."""

    reason: str
    message: str
    machine_type: str = ""


@dataclass(frozen=True)
class Growth:
    """A node on its way; `free` chips are not promised to a pod yet."""

    machine_type: str
    due: float
    free: int
    pods: list[Document] = field(default_factory=list)


def settings_of(switch: Document) -> Settings:
    """Read the ConfigMap's data."""
    data = switch.get("data") or {}
    return Settings(
        float(data.get("seconds", DEFAULT_SECONDS)),
        int(data.get("maximum", DEFAULT_MAXIMUM)),
        data.get("failure", ""),
    )


def chips_of(pod: Document) -> int:
    """Return how many TPU chips a pod requests."""
    requests = [
        (each.get("resources") or {}).get("requests") or {} for each in pod["spec"]["containers"]
    ]
    return sum(int(each.get(TPU, 0)) for each in requests)


def is_waiting(pod: Document) -> bool:
    """Return whether the scheduler found no node for a pod that wants TPUs."""
    conditions = (pod.get("status") or {}).get("conditions") or ()
    unschedulable = any(
        each["type"] == "PodScheduled" and each.get("reason") == "Unschedulable"
        for each in conditions
    )
    deleted = "deletionTimestamp" in pod["metadata"]
    return unschedulable and chips_of(pod) > 0 and not deleted and not pod["spec"].get("nodeName")


def fits(pod: Document, pool: Pool) -> bool:
    """Return whether a new node of the pool could take the pod, by selector, affinity and chips."""
    selector = pod["spec"].get("nodeSelector") or {}
    if any(pool.labels.get(name) != value for name, value in selector.items()):
        return False
    affinity = (pod["spec"].get("affinity") or {}).get("nodeAffinity") or {}
    required = affinity.get("requiredDuringSchedulingIgnoredDuringExecution") or {}
    terms = required.get("nodeSelectorTerms") or []
    if terms and not any(_term_holds(term, pool.labels) for term in terms):
        return False
    return chips_of(pod) <= pool.chips


def _term_holds(term: Document, labels: Mapping[str, str]) -> bool:
    operators: dict[str, Callable[[str, list[str]], bool]] = {
        "In": lambda key, values: labels.get(key) in values,
        "NotIn": lambda key, values: labels.get(key) not in values,
        "Exists": lambda key, _values: key in labels,
        "DoesNotExist": lambda key, _values: key not in labels,
    }
    return all(
        operators[each["operator"]](each["key"], each.get("values") or [])
        for each in term.get("matchExpressions") or ()
    )


def decide(pod: Document, pools: list[Pool], maximum: int) -> Verdict:
    """Return whether a pool grows for a pod, in the autoscaler's words."""
    counts = {"node(s) didn't match Pod's node affinity/selector": 0}
    full, backoff = "max node group size reached", "in backoff after failed scale-up"
    for pool in pools:
        if not fits(pod, pool):
            counts["node(s) didn't match Pod's node affinity/selector"] += 1
        elif pool.backoff:
            counts[backoff] = counts.get(backoff, 0) + 1
        elif pool.size >= maximum:
            counts[full] = counts.get(full, 0) + 1
        else:
            group = f"{GROUPS}/gke-sandbox-{pool.machine_type}-grp"
            grown = f"{{{group} {pool.size}->{pool.size + 1} (max: {maximum})}}"
            message = f"pod triggered scale-up: [{grown}]"
            return Verdict("TriggeredScaleUp", message, pool.machine_type)
    reasons = ", ".join(f"{count} {words}" for words, count in counts.items() if count)
    return Verdict("NotTriggerScaleUp", f"pod didn't trigger scale-up: {reasons}")


def failure_message(reason: str) -> str:
    """Return the message of FailedScaleUp."""
    message = (
        f"Node scale up in zones {ZONE} associated with this pod failed: {reason}."
        " Pod is at risk of not being scheduled."
    )
    return message[:MESSAGE_LENGTH]


class Autoscaler:
    """Follows pods; adds nodes through the sandbox's node requests."""

    def __init__(self, cluster: Cluster, state: State, clock: Callable[[], float]) -> None:
        """`clock` gives seconds."""
        self.worker = Worker()
        self._cluster = cluster
        self._state = state
        self._clock = clock
        self._pods = Watch(cluster, ("v1", "Pod"), self.worker.wake, with_status=True)
        self._switches = Watch(
            cluster, ("v1", "ConfigMap"), self.worker.wake, fields=f"metadata.name={SWITCH[1]}"
        )
        self._growing: list[Growth] = []
        self._said: dict[str, str] = {}
        self._backoff: set[str] = set()

    def run(self) -> None:
        """Follow for ever."""
        for watch in (self._pods, self._switches):
            watch.start()
        for watch in (self._pods, self._switches):
            watch.synced.wait()
        self.worker.run(self.reconcile)

    def reconcile(self) -> bool:
        """Judge every waiting pod, and let nodes that are due appear."""
        settings = settings_of(self._switches.objects().get(SWITCH, {}))
        if not settings.failure:
            self._backoff.clear()
        waiting = [pod for pod in self._pods.objects().values() if is_waiting(pod)]
        promised = {pod["metadata"]["uid"] for each in self._growing for pod in each.pods}
        for pod in waiting:
            if pod["metadata"]["uid"] not in promised:
                self._judge(pod, settings)
        due = [each for each in self._growing if each.due <= self._clock()]
        self._growing = [each for each in self._growing if each not in due]
        for growth in due:
            self._finish(growth, settings)
        if self._growing:
            # Nothing else wakes the worker when a node is due.
            time.sleep(POLL_SECONDS)
            self.worker.wake()
        return True

    def _pools(self) -> list[Pool]:
        existing = nodes.requested(self._state).values()
        pools = []
        for name, machine in MACHINES.items():
            if machine.chips:
                size = sum(each.machine_type == name for each in existing)
                size += sum(each.machine_type == name for each in self._growing)
                labels = nodes.labels(NodeRequest("tpu", 0, name))
                pools.append(Pool(name, machine.chips, size, labels, name in self._backoff))
        return pools

    def _judge(self, pod: Document, settings: Settings) -> None:
        chips = chips_of(pod)
        pools = self._pools()
        suitable = {each.machine_type for each in pools if fits(pod, each)}
        for number, growth in enumerate(self._growing):
            if growth.machine_type in suitable and growth.free >= chips:
                pods = [*growth.pods, pod]
                self._growing[number] = replace(growth, free=growth.free - chips, pods=pods)
                return
        verdict = decide(pod, pools, settings.maximum)
        self._say(pod, verdict.reason, verdict.message)
        if verdict.machine_type:
            free = MACHINES[verdict.machine_type].chips - chips
            due = self._clock() + settings.seconds
            self._growing.append(Growth(verdict.machine_type, due, free, [pod]))

    def _finish(self, growth: Growth, settings: Settings) -> None:
        if settings.failure:
            self._backoff.add(growth.machine_type)
            for pod in growth.pods:
                self._say(pod, "FailedScaleUp", failure_message(settings.failure))
            return
        taken = {each.index for each in nodes.requested(self._state).values() if each.kind == "tpu"}
        index = next(number for number in range(len(taken) + 1) if number not in taken)
        wanted = NodeRequest("tpu", index, growth.machine_type)
        nodes.request(self._state, wanted)
        log.info("node %s (%s) comes up", wanted.name, growth.machine_type)

    def _say(self, pod: Document, reason: str, message: str) -> None:
        """Emit an event unless it was the last one about this pod."""
        uid = pod["metadata"]["uid"]
        if self._said.get(uid) == message:
            return
        self._said[uid] = message
        kind = "Warning" if reason == "FailedScaleUp" else "Normal"
        self._cluster.create(event(pod, COMPONENT, reason, message, kind))


def status_map() -> Document:
    """Return the ConfigMap that the autoscaler keeps its status in (clusterstate/utils)."""
    namespace, name = STATUS
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": namespace},
        "data": {
            "status": "autoscalerStatus: Running\nclusterWide:\n  health:\n    status: Healthy\n"
        },
    }


def remove(cluster: Cluster) -> None:
    """Take back what an earlier run with this habit left."""
    cluster.delete(("v1", "ConfigMap"), STATUS)


def run(cluster: Cluster, state: State) -> None:
    """Follow for ever."""
    cluster.apply(status_map())
    Autoscaler(cluster, state, time.monotonic).run()
