# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Starts that fail, each by its cause: what is made, the finding's code, and its first sign.

A sign is read afterwards from what the cluster noted (to the second): the end of a container, an
event, a condition. Only the memory of chips, and the devices, are the stand-in's own words.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from tests.long.startup.services import (
    ACCELERATOR,
    GATED,
    LARGE,
    NAMESPACE,
    TOPOLOGY,
    Object,
    probe,
    secret,
    service,
    token,
)
from tests.sandbox.harness import Sandbox
from tests.sandbox.images.hub.hub import STRANGERS_TOKEN

CROWDED = "startup-full"
"""A namespace whose quota allows no pod."""
STRICT = "startup-strict"
"""A namespace where a policy refuses Deployments."""
PLAIN = "startup-plain"
"""A namespace without pull secrets."""
V6E = {ACCELERATOR: "tpu-v6e-slice"}
# Fails before it needs its chips; four such pods share a node.
ONE_CHIP: Object = {"chips": 1, "parallel": 1}
# Lives long enough that nothing else goes wrong before.
SLOW: Object = {**ONE_CHIP, "seconds": 60}

Sign = Callable[[Sandbox, str, str], float]
"""When the first sign that counts was seen, in seconds since the epoch."""


@dataclass(frozen=True)
class Case:
    """One failing start; ``beside`` is made first, and removed with the service."""

    name: str
    code: str
    sign: Sign
    made: Object | None
    beside: list[Object] = field(default_factory=list)
    words: str = ""
    """What the finding quotes."""
    cloud: dict[str, str] = field(default_factory=dict)
    """How the sandbox's cloud behaves meanwhile."""
    quick: bool = False
    """Whether `make test` runs it; others are in tests/long."""

    @property
    def namespace(self) -> str:
        """Where the service is."""
        return str(self.made["metadata"]["namespace"]) if self.made else NAMESPACE


# --- signs ----------------------------------------------------------------------------------------


def seconds_of(stamp: str | None) -> float:
    """A time of the API server; what was never seen is no number."""
    return datetime.fromisoformat(stamp).timestamp() if stamp else float("nan")


def _pods(sandbox: Sandbox, namespace: str, name: str) -> list[Object]:
    selector = f"--selector=app.kubernetes.io/name={name},kserve.io/component=workload"
    return list(sandbox.get("pods", f"--namespace={namespace}", selector)["items"])


def container_ends(container: str, run: int = 1) -> Sign:
    """The end of a container's run that failed; of the first one by default.

    What is read soon afterwards has the first run in `lastState`, once a second one has begun.
    """
    states = ("lastState", "state") if run == 1 else ("state", "lastState")

    def sign(sandbox: Sandbox, namespace: str, name: str) -> float:
        for pod in _pods(sandbox, namespace, name):
            status = pod["status"]
            for one in (
                *status.get("initContainerStatuses", ()),
                *status.get("containerStatuses", ()),
            ):
                for state in states:
                    ended = one.get(state, {}).get("terminated", {})
                    if one["name"] == container and ended.get("exitCode"):
                        return seconds_of(ended["finishedAt"])
        return float("nan")

    return sign


def event(reason: str, *, last: bool = False, about: str = "") -> Sign:
    """An event about the service's pods or ReplicaSets: when it was first (or last) told."""

    def sign(sandbox: Sandbox, namespace: str, name: str) -> float:
        told = sandbox.get(
            "events", f"--namespace={namespace}", f"--field-selector=reason={reason}"
        )
        times = [
            seconds_of(one["lastTimestamp"] if last else one["firstTimestamp"])
            for one in told["items"]
            if one["involvedObject"]["name"].startswith(f"{name}-kserve")
            and about in one["message"]
        ]
        begun = made(sandbox, namespace, name)  # an earlier service may have had the same name
        times = [one for one in times if one >= begun]
        return max(times) if last and times else min(times, default=float("nan"))

    return sign


def condition(*names: str) -> Sign:
    """A condition of the service that turned to False."""

    def sign(sandbox: Sandbox, namespace: str, name: str) -> float:
        live = sandbox.get("llminferenceservice", f"--namespace={namespace}", name)
        return min(
            seconds_of(one["lastTransitionTime"])
            for one in live["status"]["conditions"]
            if one["type"] in names and one["status"] != "True"
        )

    return sign


def made(sandbox: Sandbox, namespace: str, name: str) -> float:
    """The moment when the service was made."""
    live = sandbox.get("llminferenceservice", f"--namespace={namespace}", name)
    return seconds_of(live["metadata"]["creationTimestamp"])


def pod_made(sandbox: Sandbox, namespace: str, name: str) -> float:
    """The moment when its first pod was made."""
    return min(
        seconds_of(pod["metadata"]["creationTimestamp"]) for pod in _pods(sandbox, namespace, name)
    )


def route_told(sandbox: Sandbox, namespace: str, name: str) -> float:
    """The moment when the Gateway refused the route."""
    route = sandbox.get("httproute", f"--namespace={namespace}", f"{name}-kserve-route")
    return min(
        seconds_of(one["lastTransitionTime"])
        for parent in route["status"]["parents"]
        for one in parent["conditions"]
        if one["type"] == "Accepted" and one["status"] == "False"
    )


# --- cases ----------------------------------------------------------------------------------------

SERVER, DOWNLOAD = container_ends("main"), container_ends("storage-initializer")


def _server() -> Iterator[Case]:
    """The model server ends."""
    bad_flag = "--max-model-len 2048 --prefix-cache-block-size 64 --api-key hunter2hunter2"
    yield Case(
        "flags",
        "STARTUP-FLAGS-REFUSED",
        SERVER,
        service("flags", flags=bad_flag, **ONE_CHIP),
        words="unrecognized arguments: --prefix-cache-block-size 64",
        quick=True,
    )
    yield Case(
        "parallelism",
        "STARTUP-PARALLELISM-WRONG",
        SERVER,
        service("parallelism", chips=1, parallel=3),
        words="(16) must be divisible by tensor parallel size (3)",
    )
    yield Case(
        "length",
        "STARTUP-LENGTH-WRONG",
        SERVER,
        service("length", flags="--max-model-len 65536", **ONE_CHIP),
        words="max_model_len (65536) is greater",
    )
    yield Case(
        "memory-of-chips",
        "STARTUP-HBM-WEIGHTS",
        SERVER,
        service("memory-of-chips", uri=LARGE),
        words="exceeds total_hbm_limit_cap_gb",
    )
    bounds = [{"name": "TPU_HOST_BOUNDS", "value": "2,2,1"}]
    yield Case(
        "tpu",
        "STARTUP-TPU-FAILED",
        SERVER,
        service("tpu", env=bounds),
        words="Failed to get global TPU topology",
    )
    yield Case(
        "certificate-file",
        "STARTUP-SERVER-CERTIFICATE",
        SERVER,
        service("certificate-file", flags="--max-model-len 2048 --ssl-certfile /none/tls.crt"),
        words="FileNotFoundError",
    )
    yield Case(
        "memory",
        "STARTUP-MEMORY-LIMIT",
        SERVER,
        service("memory", limits={"memory": "8Mi"}, seconds=20, **ONE_CHIP),
        words="OOMKilled",
    )
    yield Case(
        "probe",
        "STARTUP-PROBE-KILLED",
        event("Killing", about="failed startup probe"),
        service("probe", seconds=60, startupProbe=probe(periodSeconds=2, failureThreshold=4)),
        words="failed startup probe",
        quick=True,
    )
    wrong = {"path": "/health", "port": 8000, "scheme": "HTTP"}
    yield Case(
        "probe-scheme",
        "STARTUP-PROBE-REFUSED",
        event("Killing", about="failed startup probe"),
        service(
            "probe-scheme",
            startupProbe={"httpGet": wrong, "periodSeconds": 3, "failureThreshold": 4},
        ),
        words="failed startup probe",
    )
    yield Case(
        "crash",
        "STARTUP-CRASH-LOOP",
        container_ends("main", run=3),
        service("crash", command=["/bin/bash", "-c", "echo nobody knows; exit 3"], **ONE_CHIP),
        words="its log ends with: nobody knows",
    )


def _download() -> Iterator[Case]:
    """The download of the weights fails."""
    yield Case(
        "bad-token",
        "STARTUP-DOWNLOAD-REFUSED",
        DOWNLOAD,
        service("bad-token", uri=GATED, annotations=token("startup-bad"), **ONE_CHIP),
        [secret("startup-bad", HF_TOKEN="hf_wrongwrongwrong")],
        words="Invalid credentials",
        quick=True,
    )
    yield Case(
        "no-token",
        "STARTUP-DOWNLOAD-REFUSED",
        DOWNLOAD,
        service("no-token", uri=GATED, annotations=token("startup-empty"), **ONE_CHIP),
        [secret("startup-empty", other="the token has another key")],
        words="gated repo",
    )
    yield Case(
        "strangers-token",
        "STARTUP-DOWNLOAD-REFUSED",
        DOWNLOAD,
        service("strangers-token", uri=GATED, annotations=token("startup-403"), **ONE_CHIP),
        [secret("startup-403", HF_TOKEN=STRANGERS_TOKEN)],
        words="gated repo",
    )
    yield Case(
        "no-model",
        "STARTUP-DOWNLOAD-NOT-FOUND",
        DOWNLOAD,
        service("no-model", uri="hf://nobody/nothing", **ONE_CHIP),
        words="Repository Not Found",
    )
    small = {
        "name": "kserve-provision-location",
        "emptyDir": {"medium": "Memory", "sizeLimit": "4Ki"},
    }
    yield Case(
        "disk",
        "STARTUP-DISK-FULL",
        DOWNLOAD,
        service("disk", template={"volumes": [small]}, **ONE_CHIP),
        words="No space left on device",
        quick=True,
    )
    yield Case(
        "uri",
        "STARTUP-URI-INVALID",
        DOWNLOAD,
        service("uri", uri="hf://a/b/c", **ONE_CHIP),
        words="hf://a/b/c",
    )


def _pod() -> Iterator[Case]:
    """The pod's parts are not there."""
    second = event("Failed", last=True, about="ailed to pull image")
    yield Case(
        "image",
        "STARTUP-IMAGE-MISSING",
        second,
        service("image", image="ghcr.io/none/none:1", **ONE_CHIP),
        words="ghcr.io/none/none:1",
        quick=True,
    )
    yield Case(
        "image-secret",
        "STARTUP-IMAGE-CREDENTIALS",
        second,
        service("image-secret", namespace=PLAIN, template={"imagePullSecrets": []}, **ONE_CHIP),
        words="registry.redhat.io",
    )
    reference = {"secretKeyRef": {"name": "startup-none", "key": "key"}}
    yield Case(
        "variable",
        "STARTUP-VARIABLE-MISSING",
        event("Failed", about="startup-none"),
        service("variable", env=[{"name": "OTHER", "valueFrom": reference}], **ONE_CHIP),
        words='secret "startup-none" not found',
    )
    volume = {"name": "other", "secret": {"secretName": "startup-none"}}
    mount = {"name": "other", "mountPath": "/other"}
    yield Case(
        "volume",
        "STARTUP-VOLUME-MISSING",
        event("FailedMount", about="startup-none"),
        service("volume", template={"volumes": [volume]}, volumeMounts=[mount], **ONE_CHIP),
        words='secret "startup-none" not found',
    )


def _admission() -> Iterator[Case]:
    """Objects that are refused."""
    yield Case(
        "warden",
        "STARTUP-WARDEN-REFUSED",
        event("FailedCreate"),
        service("warden", selector=V6E),
        words=f"Missing nodeSelector/nodeAffinity label {TOPOLOGY}",
        quick=True,
    )
    yield Case(
        "quota",
        "STARTUP-QUOTA-EXCEEDED",
        event("FailedCreate"),
        service("quota", namespace=CROWDED),
        words="exceeded quota: none",
        quick=True,
    )
    yield Case(
        "webhook",
        "STARTUP-CHILD-REFUSED",
        condition("MainWorkloadReady"),
        service("webhook", namespace=STRICT),
        words="not in this house",
        quick=True,
    )
    yield Case(
        "probe-handlers",
        "STARTUP-CHILD-REFUSED",
        condition("MainWorkloadReady"),
        service("probe-handlers", readinessProbe={"tcpSocket": {"port": 8000}}),
        words="may not specify more than 1 handler type",
    )


def _kserve() -> Iterator[Case]:
    """KServe has not what the service needs."""
    preset = service("preset")
    preset["spec"]["baseRefs"] = [{"name": "startup-none"}]
    yield Case(
        "preset",
        "STARTUP-PRESET-MISSING",
        condition("PresetsCombined"),
        preset,
        words="startup-none",
        quick=True,
    )
    yield Case(
        "stopped",
        "STARTUP-STOPPED",
        made,
        service("stopped", annotations={"serving.kserve.io/stop": "true"}),
    )
    nowhere = {"refs": [{"name": "startup-none", "namespace": "opendatahub"}]}
    yield Case(
        "gateway",
        "STARTUP-GATEWAY-MISSING",
        condition("HTTPRoutesReady", "GatewaysReady"),
        service("gateway", router={"gateway": nowhere, "route": {}}, **SLOW),
        words="startup-none",
        quick=True,
    )
    closed: Object = {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "Gateway",
        "metadata": {"name": "startup-closed", "namespace": STRICT},
        "spec": {
            "gatewayClassName": "istio",
            "listeners": [
                {
                    "name": "http",
                    "port": 80,
                    "protocol": "HTTP",
                    "allowedRoutes": {"namespaces": {"from": "Same"}},
                }
            ],
        },
    }
    to_it = {"refs": [{"name": "startup-closed", "namespace": STRICT}]}
    yield Case(
        "route",
        "STARTUP-ROUTE-REFUSED",
        route_told,
        service("route", router={"gateway": to_it, "route": {}}, **SLOW),
        [closed],
        words="NotAllowedByListeners",
    )
    pool: Object = {
        "spec": {
            "selector": {"matchLabels": {"app": "nobody"}},
            "targetPorts": [{"number": 8000}],
            "endpointPickerRef": {"name": "pool-epp-service", "port": {"number": 9002}},
        }
    }
    yield Case(
        "pool",
        "STARTUP-POOL-EMPTY",
        pod_made,
        service("pool", router={"gateway": {}, "route": {}, "scheduler": {"pool": pool}}, **SLOW),
        words="app=nobody",
    )


def _nodes() -> Iterator[Case]:
    """No node comes."""
    eight: Object = {"selector": {**V6E, TOPOLOGY: "2x4"}, "chips": 8, "parallel": 8}
    yield Case(
        "label",
        "STARTUP-NO-POOL",
        event("NotTriggerScaleUp"),
        service("label", selector={ACCELERATOR: "tpu-v6e", TOPOLOGY: "2x2"}),
        words="didn't match Pod's node affinity/selector",
        quick=True,
    )
    yield Case(
        "full",
        "STARTUP-POOLS-FULL",
        event("NotTriggerScaleUp"),
        service("full", **eight),
        words="max node group size reached",
        cloud={"maximum": "0"},
    )
    for name, code, reason in (
        ("cloud-quota", "STARTUP-CLOUD-QUOTA", "GCE quota exceeded"),
        ("cloud-topology", "STARTUP-CLOUD-TOPOLOGY", "Invalid TPU topology"),
        ("cloud-account", "STARTUP-SCALE-UP-FAILED", "Service Account was deleted"),
    ):
        yield Case(
            name,
            code,
            event("FailedScaleUp"),
            service(name, **eight),
            words=reason,
            cloud={"failure": reason, "seconds": "1"},
            quick=name == "cloud-quota",
        )


def _all() -> list[Case]:
    parts = (_server, _download, _pod, _admission, _kserve, _nodes)
    return [case for part in parts for case in part()]


CASES: list[Case] = _all()


def surroundings() -> list[Any]:
    """What the cases need beside them, made once."""
    version = "admissionregistration.k8s.io/v1"
    here = {"matchLabels": {"kubernetes.io/metadata.name": STRICT}}
    rule = {"apiGroups": ["apps"], "apiVersions": ["v1"], "resources": ["deployments"]}
    return [
        *(
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": n}}
            for n in (CROWDED, STRICT, PLAIN)
        ),
        {
            "apiVersion": "v1",
            "kind": "ResourceQuota",
            "metadata": {"name": "none", "namespace": CROWDED},
            "spec": {"hard": {"pods": "0"}},
        },
        {
            "apiVersion": version,
            "kind": "ValidatingAdmissionPolicy",
            "metadata": {"name": STRICT},
            "spec": {
                "matchConstraints": {"resourceRules": [{**rule, "operations": ["CREATE"]}]},
                "validations": [
                    {
                        "expression": "!object.metadata.name.endsWith('-kserve')",
                        "message": "not in this house",
                    }
                ],
            },
        },
        {
            "apiVersion": version,
            "kind": "ValidatingAdmissionPolicyBinding",
            "metadata": {"name": STRICT},
            "spec": {
                "policyName": STRICT,
                "validationActions": ["Deny"],
                "matchResources": {"namespaceSelector": here},
            },
        },
    ]
