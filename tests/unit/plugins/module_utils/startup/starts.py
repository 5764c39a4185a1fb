# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A service on its way, as the API server shows it; each test changes one thing."""

from __future__ import annotations

from typing import Any

from ansible_collections.llmd.tpu.plugins.module_utils.readiness.verdicts import Wish
from ansible_collections.llmd.tpu.plugins.module_utils.startup.sight import Sight

from tests.unit.plugins.module_utils.serving.manifests import good

NAMESPACE, NAME = "llm-d-inference-scheduling", "qwen2-3b-pattern1"
WISH = Wish("serving.kserve.io/v1alpha1", "LLMInferenceService", NAME, NAMESPACE)
SUBJECT = WISH.title
UID = "pod-uid"
LABELS = {
    "app.kubernetes.io/name": NAME,
    "app.kubernetes.io/part-of": "llminferenceservice",
    "kserve.io/component": "workload",
    "pod-template-hash": "r1",
}
CONDITIONS = (
    "PresetsCombined",
    "MainWorkloadReady",
    "SchedulerWorkloadReady",
    "InferencePoolReady",
    "HTTPRoutesReady",
    "Ready",
)


def service(**given: Any) -> dict[str, Any]:
    """The good manifest as accepted, with every condition true but those given as `reason: words`.

    A value of None leaves a condition out.
    """
    made = good()
    made["metadata"] |= {"generation": 1, "annotations": given.pop("annotations", {})}
    conditions = []
    for name in (*CONDITIONS, *(set(given) - set(CONDITIONS))):
        if name in given and given[name] is None:
            continue
        reason, _colon, message = str(given.get(name, "")).partition(": ")
        state = {"status": "False", "reason": reason, "message": message}
        conditions.append({"type": name, **(state if name in given else {"status": "True"})})
    made["status"] = {"observedGeneration": 1, "conditions": conditions}
    return made


def deployment(**changes: Any) -> dict[str, Any]:
    """The server's Deployment with one replica that is there."""
    counted = {"replicas": 1, "updatedReplicas": 1, "availableReplicas": 1}
    return {
        "metadata": {"name": f"{NAME}-kserve", "labels": LABELS, "generation": 1},
        "spec": {"replicas": 1},
        "status": {"observedGeneration": 1, **counted, **changes},
    }


def container(name: str = "main", *, restarts: int = 0, **state: Any) -> dict[str, Any]:
    """A container's status; states are given by name, `last` is how an earlier run ended."""
    last = {"terminated": state.pop("last")} if "last" in state else {}
    return {
        "name": name,
        "image": "vllm:1",
        "restartCount": restarts,
        "ready": state.pop("ready", False),
        "state": state,
        "lastState": last,
    }


DOWNLOADED = container("storage-initializer", terminated={"exitCode": 0}, ready=True)


def pod(*statuses: dict[str, Any], node: str = "tpu-node", **changes: Any) -> dict[str, Any]:
    """A pod of the server; the last status is the server's, those before are init containers'."""
    *before, server = statuses or (container(waiting={"reason": "PodInitializing"}),)
    scheduled = {"type": "PodScheduled", "status": "True" if node else "False"}
    if not node:
        scheduled["message"] = "0/1 nodes are available: 1 node(s) didn't match"
    ready = {"type": "Ready", "status": "True" if server.get("ready") else "False"}
    return {
        "metadata": {
            "name": f"{NAME}-kserve-1",
            "namespace": NAMESPACE,
            "uid": UID,
            "labels": LABELS,
            "creationTimestamp": "2026-01-01T00:00:00Z",
        },
        "spec": {"containers": [], **({"nodeName": node} if node else {})},
        "status": {
            "phase": "Pending",
            "conditions": [scheduled, ready],
            "initContainerStatuses": before,
            "containerStatuses": [server] if node else [],
            **changes,
        },
    }


def event(reason: str, message: str, *, at: str = "00", count: int = 1, where: str = "") -> Any:
    """An event about the pod, or about one of its containers."""
    field = {"fieldPath": f"spec.containers{{{where}}}"} if where else {}
    return {
        "metadata": {"uid": f"{reason}-{message}"},
        "involvedObject": {"kind": "Pod", "uid": UID, **field},
        "reason": reason,
        "message": message,
        "count": count,
        "lastTimestamp": f"2026-01-01T00:00:{at}Z",
    }


def sight(*pods: dict[str, Any], **given: Any) -> Sight:
    """A look at a service whose workload is not ready yet."""
    waits = "MinimumReplicasUnavailable: Deployment does not have minimum availability."
    seen: dict[str, Any] = {
        "service": service(MainWorkloadReady=waits, Ready=waits),
        "deployments": [deployment(availableReplicas=0)],
        "pods": list(pods),
    }
    return Sight(SUBJECT, **{**seen, **given})


READY_POD = pod(DOWNLOADED, container(running={}, ready=True))
