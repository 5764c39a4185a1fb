# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Starts that fail, each with the code that names it, and starts that only look as if they did.

The texts are quoted from real programs: kube-apiserver, kubelet, scheduler, autoscaler, KServe,
kserve-storage with huggingface_hub, vLLM; their sources stand in the modules that judge them.
"""

from __future__ import annotations

from typing import Any

from ansible_collections.llmd.tpu.plugins.module_utils.readiness.pods import Begun
from ansible_collections.llmd.tpu.plugins.module_utils.startup.log_text import ServerLog
from ansible_collections.llmd.tpu.plugins.module_utils.startup.sight import DOWNLOADER, Sight
from ansible_collections.llmd.tpu.plugins.module_utils.tpu.room import Room, When

from tests.unit.plugins.module_utils.startup.starts import (
    DOWNLOADED,
    NAME,
    READY_POD,
    SUBJECT,
    UID,
    container,
    deployment,
    event,
    pod,
    service,
    sight,
)

WAITING = pod(node="")
GROUPS = "https://www.googleapis.com/compute/v1/projects/p/zones/z/instanceGroups/tpu"
GROWN = f"pod triggered scale-up: [{{{GROUPS} 0->1 (max: 2)}}]"
NO_FIT = "pod didn't trigger scale-up: 2 node(s) didn't match Pod's node affinity/selector"
FULL = f"{NO_FIT}, 1 max node group size reached"
BACKOFF = f"{NO_FIT}, 1 in backoff after failed scale-up"
WARDEN = (
    'Error creating: admission webhook "warden-validating.common-webhooks.networking.gke.io" '
    "denied the request: GKE Warden rejected the request because it violates one or more "
    "constraints. "
    'Violations details: {"[denied by tpu-accelerator-topology-constraints]":["Missing '
    'nodeSelector/nodeAffinity label cloud.google.com/gke-tpu-topology"]}'
)
QUOTA = (
    'Error creating: pods "q" is forbidden: exceeded quota: chips, requested: '
    "requests.google.com/tpu=4, used: requests.google.com/tpu=0, limited: requests.google.com/tpu=0"
)
POLICY = (
    "Error creating: pods \"q\" is forbidden: ValidatingAdmissionPolicy 'images' with binding "
    "'images' denied request: images must come from registry.example.com"
)
CERTIFICATE = (
    "ReconcileCertsError: failed to get expected self-signed certificate secret: failed to create "
    "self-signed TLS certificate: failed to load CA certificate (required for signing): failed to "
    'get CA secret cert-manager/opendatahub-ca: Secret "opendatahub-ca" not found'
)
PRESET = (
    'CombineBaseError: failed to get LLMInferenceServiceConfig "kserve-config-llm-scheduler" from '
    'namespaces ["models", "opendatahub"]: LLMInferenceServiceConfig.serving.kserve.io '
    '"kserve-config-llm-scheduler" not found'
)
TEMPLATE = (
    "CombineBaseError: failed to parse template config: template: config:1: function "
    '"messages" not defined'
)
GATEWAY = (
    "RefsInvalid: Managed HTTPRoute references non-existent Gateway opendatahub/inference-gateway"
)
INVALID = (
    'ReconcileSingleNodeWorkloadError: failed to reconcile main workload: Deployment.apps "q" is '
    "invalid: spec.template.spec.containers[0].readinessProbe.tcpSocket: Forbidden: may not "
    "specify more than 1 handler type"
)
BAD_URI = "ReconcileMultiNodeWorkloadError: invalid model URI: Qwen/Qwen2.5-3B-Instruct"
GATED = (
    "ERROR [entrypoint.py:main():42] HuggingFace error for hf://a/b: 401 Client Error.\n\n"
    "Cannot access gated repo for url http://hub/a/b/resolve/main/model.safetensors.\n"
    "Access to model a/b is restricted. You must have access to it and be authenticated."
)
NO_MODEL = (
    "404 Client Error. (Request ID: Root=1)\n\nRepository Not Found for url: http://hub/api/a/b.\n"
    "If you are trying to access a private or gated repo, make sure you are authenticated"
)


def refused(message: str) -> Any:
    """Pods that were refused three times."""
    place = {"kind": "ReplicaSet", "name": f"{NAME}-kserve-5d8f"}
    return {**event("FailedCreate", message, count=3), "involvedObject": place}


def waits(*events: Any, when: When | None = None, **given: Any) -> Sight:
    """A pod without a node."""
    room = Room(when, 0, "no node is of tpu-v6e-slice 2x2") if when else None
    return sight(WAITING, events=list(events), room=room, **given)


def ended(
    log: str, *, name: str = "main", code: int = 1, reason: str = "Error", restarts: int = 0
) -> Sight:
    """A run of a container that ended, with the end of its log."""
    over = container(name, restarts=restarts, terminated={"exitCode": code, "reason": reason})
    rest = [] if name == "main" else [container(waiting={"reason": "PodInitializing"})]
    made = pod(*([DOWNLOADED, over] if name == "main" else [over, *rest]))
    return sight(made, last_words={(UID, name): log})


def server(log: str, **given: Any) -> Sight:
    """A run of the server that ended."""
    return ended(f"INFO starting\n{log}\n", **given)


def download(log: str, **given: Any) -> Sight:
    """A download that ended."""
    return ended(log, name=DOWNLOADER, **given)


def image(words: str, times: int = 2) -> Sight:
    """An image that was refused so many times."""
    failed = event("Failed", f'Failed to pull image "vllm:1": {words}', count=times, where="main")
    status = container(waiting={"reason": "ImagePullBackOff", "message": "Back-off pulling image"})
    return sight(pod(DOWNLOADED, status), events=[failed])


def killed(**known: Any) -> Sight:
    """A server that a probe killed."""
    running = pod(DOWNLOADED, container(running={}))
    events = [
        event("Unhealthy", "Liveness probe failed: connection refused", count=3, where="main"),
        event("Killing", "Container main failed liveness probe, will be restarted", where="main"),
    ]
    return sight(running, events=events, servers={(UID, "main"): ServerLog(**known)})


def pool(labels: dict[str, str]) -> dict[str, Any]:
    """An InferencePool with this selector."""
    return {"metadata": {"name": "pool"}, "spec": {"selector": {"matchLabels": labels}}}


def route(reason: str, name: str = "Accepted", status: str = "False") -> dict[str, Any]:
    """A route with one report of its Gateway."""
    said = {"type": name, "status": status, "reason": reason, "message": "in words"}
    parent = {"name": "inference-gateway", "namespace": "opendatahub"}
    return {
        "metadata": {"name": "route", "namespace": "models"},
        "status": {"parents": [{"parentRef": parent, "conditions": [said]}]},
    }


def failed_scale_up(reason: str, *others: Any) -> Sight:
    """A pool that could not grow, in the cloud's words."""
    words = f"Node scale up in zones z associated with this pod failed: {reason}. Pod is at risk"
    return waits(event("TriggeredScaleUp", GROWN), event("FailedScaleUp", words, at="30"), *others)


MOUNT = 'MountVolume.SetUp failed for volume "tls-certs" : secret "q-self-signed-certs" not found'
NO_SECRET = container(
    DOWNLOADER,
    waiting={"reason": "CreateContainerConfigError", "message": 'secret "hf-token" not found'},
)
AS_ROOT = {
    "reason": "CreateContainerConfigError",
    "message": "container has runAsNonRoot and image will run as root",
}
CRASHED = container(
    restarts=2,
    waiting={"reason": "CrashLoopBackOff", "message": "back-off 20s"},
    last={"exitCode": 1, "reason": "Error"},
)
EVICTED = {
    "phase": "Failed",
    "reason": "Evicted",
    "message": "The node was low on resource: ephemeral-storage.",
}
STOPPED = service(annotations={"serving.kserve.io/stop": "true"})

FAILURES: list[tuple[str, Sight]] = [
    ("STARTUP-SERVICE-MISSING", Sight(SUBJECT, None)),
    ("STARTUP-STOPPED", sight(service=STOPPED)),
    ("STARTUP-PRESET-MISSING", sight(service=service(PresetsCombined=PRESET))),
    ("STARTUP-PRESETS-INVALID", sight(service=service(PresetsCombined=TEMPLATE))),
    ("STARTUP-CERTIFICATE-MISSING", sight(service=service(MainWorkloadReady=CERTIFICATE))),
    ("STARTUP-GATEWAY-MISSING", sight(service=service(HTTPRoutesReady=GATEWAY, Ready=GATEWAY))),
    ("STARTUP-CHILD-REFUSED", sight(service=service(MainWorkloadReady=INVALID))),
    ("STARTUP-RECONCILE-FAILED", sight(service=service(WorkerWorkloadReady=BAD_URI))),
    ("STARTUP-WARDEN-REFUSED", sight(refusals=[refused(WARDEN)])),
    ("STARTUP-QUOTA-EXCEEDED", sight(refusals=[refused(QUOTA)])),
    ("STARTUP-PODS-REFUSED", sight(refusals=[refused(POLICY)])),
    ("STARTUP-NO-POOL", waits(event("NotTriggerScaleUp", NO_FIT), when="unknown")),
    ("STARTUP-POOLS-FULL", waits(event("NotTriggerScaleUp", FULL), when="after_others")),
    ("STARTUP-NO-AUTOSCALER", waits(when="unknown", autoscaler=False)),
    ("STARTUP-CLOUD-QUOTA", failed_scale_up("GCE quota exceeded")),
    ("STARTUP-CLOUD-TOPOLOGY", failed_scale_up("Invalid TPU topology")),
    ("STARTUP-SCALE-UP-FAILED", failed_scale_up("Service Account was deleted")),
    ("STARTUP-STOCKOUT", failed_scale_up("GCE out of resources")),
    ("STARTUP-SCALE-UP-PROBLEM", failed_scale_up("Internal error")),
    ("STARTUP-IMAGE-CREDENTIALS", image("failed to authorize: 401 Unauthorized")),
    ("STARTUP-IMAGE-MISSING", image("registry.example.com/vllm:1: not found")),
    ("STARTUP-IMAGE-REFUSED", image("dial tcp 192.0.2.1:443: i/o timeout")),
    ("STARTUP-VOLUME-MISSING", sight(pod(), events=[event("FailedMount", MOUNT)])),
    ("STARTUP-VARIABLE-MISSING", sight(pod(NO_SECRET, container(waiting={})))),
    (
        "STARTUP-CONTAINER-INVALID",
        sight(pod(container(DOWNLOADER, waiting=AS_ROOT), container(waiting={}))),
    ),
    ("STARTUP-DISK-FULL", download("OSError: [Errno 28] No space left on device")),
    ("STARTUP-DISK-EVICTED", sight(pod(**EVICTED))),
    ("STARTUP-DOWNLOAD-REFUSED", download(GATED)),
    ("STARTUP-DOWNLOAD-NOT-FOUND", download(NO_MODEL)),
    ("STARTUP-URI-INVALID", download("RuntimeError: Invalid Hugging Face URI format. Expected")),
    ("STARTUP-DOWNLOAD-NETWORK", download("[Errno -2] Name or service not known", restarts=2)),
    ("STARTUP-SCRIPT-DESTROYED", server("/bin/bash: --: invalid option", code=2)),
    (
        "STARTUP-FLAGS-REFUSED",
        server("vllm: error: unrecognized arguments: --prefix-cache-block-size 64", code=2),
    ),
    (
        "STARTUP-PARALLELISM-WRONG",
        server(
            "  Value error, Total number of attention heads (28) must be divisible by tensor "
            "parallel size (8)."
        ),
    ),
    (
        "STARTUP-LENGTH-WRONG",
        server(
            "Value error, User-specified max_model_len (65536) is greater than the derived "
            "max_model_len (max_position_embeddings=32768)"
        ),
    ),
    (
        "STARTUP-HBM-CACHE",
        server(
            "(22.00 GiB KV cache is needed, which is larger than the available KV cache memory "
            "(1.10 GiB)"
        ),
    ),
    (
        "STARTUP-HBM-WEIGHTS",
        server("ValueError: total_hbm_used_gb=135.43GiB exceeds total_hbm_limit_cap_gb=112.46GiB"),
    ),
    (
        "STARTUP-HBM-COMPILE",
        server("RESOURCE_EXHAUSTED: HLO temporaries (16.23G) exceeds available HBM (15.75G)"),
    ),
    (
        "STARTUP-TPU-FAILED",
        server(
            "RuntimeError: Unable to initialize backend 'tpu': INTERNAL: Failed to get global TPU "
            "topology."
        ),
    ),
    ("STARTUP-SHARED-MEMORY", server("RuntimeError: Insufficient space in /dev/shm")),
    (
        "STARTUP-MODEL-FILES",
        server("RuntimeError: Cannot find any *.safetensors files in /mnt/models."),
    ),
    (
        "STARTUP-SERVER-CERTIFICATE",
        server("FileNotFoundError: [Errno 2] No such file or directory"),
    ),
    (
        "STARTUP-TPU-BUSY",
        server("ABORTED: The TPU is already in use by process with pid 7.", restarts=2),
    ),
    ("STARTUP-PORT-TAKEN", server("OSError: [Errno 98] Address already in use", restarts=2)),
    ("STARTUP-MEMORY-LIMIT", server("", code=137, reason="OOMKilled")),
    ("STARTUP-CRASH-LOOP", sight(pod(DOWNLOADED, CRASHED))),
    ("STARTUP-PROBE-KILLED", killed(compiling=True, graphs=3)),
    ("STARTUP-PROBE-REFUSED", killed(up=True)),
    ("STARTUP-POOL-EMPTY", sight(READY_POD, pools=[pool({"app": "other"})])),
    ("STARTUP-ROUTE-REFUSED", sight(READY_POD, routes=[route("NotAllowedByListeners")])),
]

# Every one is seen in the course of starts that succeed.
HEALTHY: list[tuple[str, Sight]] = [
    ("nothing made yet", sight()),
    ("a pool grows from zero: no node of the kind", waits(when="unknown", autoscaler=True)),
    ("it grows", waits(event("TriggeredScaleUp", GROWN), when="unknown", autoscaler=True)),
    (
        "it grows to its limit, which the autoscaler then tells of",
        waits(event("TriggeredScaleUp", GROWN), event("NotTriggerScaleUp", FULL, at="20")),
    ),
    (
        "the node is Ready and has no chips yet",
        waits(event("NotTriggerScaleUp", FULL), when="after_scale_up"),
    ),
    ("chips are free by now", waits(event("NotTriggerScaleUp", FULL), when="now")),
    (
        "the old pod ends and gives its chips back",
        waits(event("NotTriggerScaleUp", FULL), when="after_others", leaving=True),
    ),
    ("the autoscaler waits after a stockout", waits(event("NotTriggerScaleUp", BACKOFF))),
    ("nobody may read whether there is an autoscaler", waits(when="unknown", autoscaler=None)),
    (
        "another zone is tried after the quota of one",
        failed_scale_up("GCE quota exceeded", event("TriggeredScaleUp", GROWN, at="59")),
    ),
    (
        "pods are refused once",
        sight(refusals=[{**refused(QUOTA), "count": 1}]),
    ),
    ("an image is refused once", image("not found", times=1)),
    ("a Secret came late", sight(READY_POD, events=[event("FailedMount", MOUNT)])),
    (
        "the download failed for the network once",
        download("[Errno -2] Name or service not known"),
    ),
    ("a crash that nothing explains, once", server("Segmentation fault", code=139)),
    (
        "a run that began before we came",
        sight(
            pod(DOWNLOADED, container(terminated={"exitCode": 2})),
            tries={(UID, "main"): Begun(runs=1)},
            last_words={(UID, "main"): "vllm: error: unrecognized arguments: --x"},
        ),
    ),
    (
        "readiness probes fail until the server is up",
        sight(
            pod(DOWNLOADED, container(running={})),
            events=[event("Unhealthy", "Startup probe failed: connection refused", where="main")],
        ),
    ),
    ("Istio does not know the first pool", sight(routes=[route("InvalidKind", "ResolvedRefs")])),
    ("the pool fits the pod", sight(READY_POD, pools=[pool({"kserve.io/component": "workload"})])),
    ("the pool comes before the pods", sight(pools=[pool({"app": "other"})])),
    (
        "two controllers write at once",
        sight(
            service=service(
                MainWorkloadReady="ReconcileSingleNodeWorkloadError: Operation cannot be fulfilled "
                'on deployments.apps "q": the object has been modified; please apply your changes'
            )
        ),
    ),
    (
        "the controller has not seen yet what it has just made",
        sight(
            service=service(
                SchedulerWorkloadReady="SchedulerReconcileError: Failed to reconcile scheduler: "
                "failed to get current deployment models/q-kserve-router-scheduler: "
                'Deployment.apps "q-kserve-router-scheduler" not found'
            )
        ),
    ),
    (
        "a webhook that does not answer yet",
        sight(
            service=service(
                MainWorkloadReady='ReconcileCertsError: failed calling webhook "x": no endpoints '
                "available for service"
            )
        ),
    ),
    ("the Deployment has no pods yet", sight(deployments=[deployment(replicas=0)])),
]
