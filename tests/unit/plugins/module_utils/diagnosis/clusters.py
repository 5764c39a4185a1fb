# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A cluster that serves one model, as plain data; each test changes one thing.

Names, labels and conditions are those of a run on the sandbox.
"""

from __future__ import annotations

import base64
import copy
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from ansible_collections.llmd.tpu.plugins.module_utils.diagnosis.snapshot import (
    Asked,
    Seen,
    Snapshot,
    Things,
)
from ansible_collections.llmd.tpu.plugins.module_utils.findings import Finding
from ansible_collections.llmd.tpu.plugins.module_utils.operators.view import View
from ansible_collections.llmd.tpu.plugins.module_utils.readiness.verdicts import Answer
from ansible_collections.llmd.tpu.plugins.module_utils.serving.installation import (
    SERVICES_CRD,
    Controller,
    Installation,
)
from ansible_collections.llmd.tpu.plugins.module_utils.serving.tracks import TRACKS
from ansible_collections.llmd.tpu.plugins.module_utils.smoke.exchange import Failure, Outcome, Reply
from ansible_collections.llmd.tpu.plugins.module_utils.smoke.refusals import refusal
from ansible_collections.llmd.tpu.plugins.module_utils.startup.sight import Sight
from ansible_collections.llmd.tpu.plugins.module_utils.startup.stages import Stage, Step, step_of
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.unit.plugins.module_utils.gateway import test_judge as gateways
from tests.unit.plugins.module_utils.startup import starts
from tests.unit.plugins.module_utils.startup.starts import NAME, NAMESPACE, WISH

Object = dict[str, Any]
Change = Callable[[list[Object]], None]

NOW = datetime(2026, 1, 1, 1, 0, tzinfo=UTC)
LONG_AGO = "2026-01-01T00:00:00Z"
JUST_NOW = "2026-01-01T00:59:58Z"
TRACK = TRACKS["release-v0.15"]
KSERVE, MESH, CERTIFICATES = "opendatahub", "istio-system", "cert-manager"
POOLS_CRD = "inferencepools.inference.networking.k8s.io"
POOL_V1, POOL_ALPHA = "inference.networking.k8s.io", "inference.networking.x-k8s.io"
URL = f"http://203.0.113.10/{NAMESPACE}/{NAME}"
NODE = "tpu-node"


def made(kind: str, name: str, namespace: str = "", **rest: Any) -> Object:
    """An object."""
    place = {"namespace": namespace} if namespace else {}
    given = rest.pop("metadata", {})
    metadata = {"name": name, "uid": f"{kind}-{name}", "creationTimestamp": LONG_AGO, **place}
    return {"kind": kind, "metadata": {**metadata, **given}, **rest}


def deployment(
    name: str, namespace: str, labels: dict[str, str] | None = None, available: int = 1
) -> Object:
    """A Deployment with one replica."""
    counted = {"replicas": 1, "updatedReplicas": 1, "availableReplicas": available}
    known = labels or {"app": name}
    condition = {
        "type": "Available",
        "status": "True" if available else "False",
        "lastTransitionTime": LONG_AGO,
    }
    return made(
        "Deployment",
        name,
        namespace,
        metadata={"labels": known, "generation": 1},
        spec={"replicas": 1, "selector": {"matchLabels": known}},
        status={"observedGeneration": 1, "conditions": [condition], **counted},
    )


def pod(name: str, namespace: str, labels: dict[str, str], **status: Any) -> Object:
    """A pod that is ready, unless its status says otherwise."""
    ready = {"type": "Ready", "status": "True", "lastTransitionTime": LONG_AGO}
    return made(
        "Pod",
        name,
        namespace,
        metadata={"labels": labels},
        spec={"nodeName": NODE, "containers": [{"name": "main"}]},
        status={"phase": "Running", "conditions": [ready], "podIP": "10.244.1.5", **status},
    )


def waiting(reason: str, message: str = "", name: str = "main") -> Object:
    """The status of a pod whose container waits."""
    state = {"name": name, "image": "image:1", "state": {"waiting": {"reason": reason}}}
    state["state"]["waiting"]["message"] = message  # type: ignore[index]
    return {
        "phase": "Pending",
        "conditions": [{"type": "Ready", "status": "False", "lastTransitionTime": LONG_AGO}],
        "containerStatuses": [state],
    }


def slices(service: str, namespace: str, *, ready: bool = True, port: int = 9443) -> Object:
    """The EndpointSlice of a Service."""
    endpoints = [{"conditions": {"ready": True}, "addresses": ["10.244.1.5"]}] if ready else []
    return made(
        "EndpointSlice",
        f"{service}-abc",
        namespace,
        metadata={"labels": {"kubernetes.io/service-name": service}},
        endpoints=endpoints,
        ports=[{"name": "metrics", "port": 8080}, {"name": "https", "port": port}],
    )


def _service(name: str, namespace: str, selector: dict[str, str]) -> Object:
    """A Service of two ports, the second one for the webhook."""
    ports = [{"name": "metrics", "port": 8080}, {"name": "https", "port": 443}]
    return made("Service", name, namespace, spec={"selector": selector, "ports": ports})


def hook(name: str, service: str, namespace: str) -> Object:
    """A webhook configuration."""
    place = {"namespace": namespace, "name": service, "path": "/validate"}
    webhook = {"name": name, "clientConfig": {"caBundle": "Zm9v", "service": place}}
    return made("ValidatingWebhookConfiguration", name, webhooks=[webhook])


PROXY = f"/api/v1/namespaces/{KSERVE}/services/https:kserve-webhook:443/proxy/validate"
ISTIO_PROXY = f"/api/v1/namespaces/{MESH}/services/https:istiod:443/proxy/validate"
WELL = Answer(True, "HTTP 400: empty body")


def pool(group: str = POOL_V1, **spec: Any) -> Object:
    """The service's InferencePool, accepted."""
    version = "v1" if group == POOL_V1 else "v1alpha2"
    picker = {"name": f"{NAME}-epp-service", "port": {"number": 9002}, "failureMode": "FailOpen"}
    # The older group's pool keeps the status that its CRD begins with.
    known = "True" if group == POOL_V1 else "Unknown"
    accepted = {"type": "Accepted", "status": known}
    parent = {"kind": "Gateway", "name": "inference-gateway", "namespace": KSERVE}
    return made(
        "InferencePool",
        f"{NAME}-inference-pool",
        NAMESPACE,
        apiVersion=f"{group}/{version}",
        metadata={"labels": {"app.kubernetes.io/name": NAME}},
        spec={
            "selector": {"matchLabels": {"kserve.io/component": "workload"}},
            "endpointPickerRef": picker,
            **spec,
        },
        status={"parents": [{"parentRef": parent, "conditions": [accepted]}]},
    )


def route(group: str = POOL_V1, resolved: str = "True") -> Object:
    """The service's route, as KServe makes it."""
    parent = {"name": "inference-gateway", "namespace": KSERVE}
    said = [
        {"type": "Accepted", "status": "True", "lastTransitionTime": LONG_AGO},
        {"type": "ResolvedRefs", "status": resolved, "lastTransitionTime": LONG_AGO},
    ]
    backend = {"kind": "InferencePool", "group": group, "name": f"{NAME}-inference-pool"}
    path = {"type": "PathPrefix", "value": f"/{NAMESPACE}/{NAME}/v1/completions"}
    everything = {"type": "PathPrefix", "value": f"/{NAMESPACE}/{NAME}"}
    return made(
        "HTTPRoute",
        f"{NAME}-kserve-route",
        NAMESPACE,
        metadata={"labels": {"app.kubernetes.io/name": NAME}},
        spec={
            "parentRefs": [parent],
            "rules": [
                {"matches": [{"path": path}], "backendRefs": [backend]},
                {
                    "matches": [{"path": everything}],
                    "backendRefs": [{"kind": "Service", "name": f"{NAME}-kserve-workload-svc"}],
                },
            ],
        },
        status={"parents": [{"parentRef": parent, "conditions": said}]},
    )


GATEWAY_LABELS = {"gateway.networking.k8s.io/gateway-name": "inference-gateway"}
SCHEDULER_LABELS = {
    "app.kubernetes.io/name": NAME,
    "app.kubernetes.io/part-of": "llminferenceservice",
    "app.kubernetes.io/component": "llminferenceservice-router-scheduler",
}
SERVER = f"{NAME}-kserve-1"
SHADOW = f"{NAME}-inference-pool-ip-abc"


def gateway_deployment(available: int = 1) -> Object:
    """The gateway's Deployment, with the authority mounted."""
    one = deployment("inference-gateway-istio", KSERVE, GATEWAY_LABELS, available)
    one["spec"]["template"] = gateways.deployment()["spec"]["template"]
    volume = {"name": "ca", "configMap": {"name": "odh-ca-bundle"}}
    one["spec"]["template"]["spec"]["volumes"] = [volume]
    return one


def objects() -> list[Object]:
    """All objects of the healthy cluster but the service."""
    server = starts.pod(
        starts.DOWNLOADED, starts.container(running={}, ready=True), phase="Running"
    )
    server["status"]["podIP"] = "10.244.1.7"
    workload = starts.deployment()
    workload["metadata"]["namespace"] = NAMESPACE
    picker_service = made("Service", f"{NAME}-epp-service", NAMESPACE)
    workload_service = made("Service", f"{NAME}-kserve-workload-svc", NAMESPACE)
    prefix = "istio.io/inferencepool-extension-"
    shadow_labels = {
        "istio.io/inferencepool-name": f"{NAME}-inference-pool",
        f"{prefix}service": f"{NAME}-epp-service",
        f"{prefix}port": "9002",
        f"{prefix}failure-mode": "FailOpen",
    }
    return [
        deployment("istiod", MESH, {"app": "istiod"}),
        deployment("cert-manager", CERTIFICATES, {"app.kubernetes.io/name": "cert-manager"}),
        deployment("coredns", "kube-system", {"k8s-app": "kube-dns"}),
        deployment(TRACK.controller, KSERVE, {"control-plane": TRACK.controller}),
        pod("kserve-1", KSERVE, {"control-plane": TRACK.controller}),
        gateway_deployment(),
        pod("gateway-1", KSERVE, GATEWAY_LABELS),
        hook("llminferenceservice.serving.kserve.io", "kserve-webhook", KSERVE),
        hook("istio-validator", "istiod", MESH),
        slices("kserve-webhook", KSERVE),
        slices("istiod", MESH, port=15017),
        _service("kserve-webhook", KSERVE, {"control-plane": TRACK.controller}),
        _service("istiod", MESH, {"app": "istiod"}),
        *(made("LLMInferenceServiceConfig", name, KSERVE) for name in TRACK.presets),
        made("Node", NODE, status={"conditions": [{"type": "Ready", "status": "True"}]}),
        {**workload, "kind": "Deployment"},
        {**server, "kind": "Pod"},
        deployment(f"{NAME}-kserve-router-scheduler", NAMESPACE, SCHEDULER_LABELS),
        pod("scheduler-1", NAMESPACE, SCHEDULER_LABELS),
        picker_service,
        slices(f"{NAME}-epp-service", NAMESPACE),
        workload_service,
        slices(f"{NAME}-kserve-workload-svc", NAMESPACE),
        made("Service", SHADOW, NAMESPACE, metadata={"labels": shadow_labels}),
        route(),
        pool(),
        pool(POOL_ALPHA),
    ]


def service(**conditions: Any) -> Object:
    """The service, Ready with an address."""
    live = starts.service(**conditions)
    live["metadata"]["creationTimestamp"] = LONG_AGO
    live["status"]["url"] = URL
    live["status"]["addresses"] = [{"url": URL}]
    return live


def seen(items: list[Object], live: Object | None = None, **given: Any) -> Seen:
    """The service as the look at a start gives it, from the cluster's objects."""
    live = service() if live is None else live
    own = [
        one
        for one in items
        if (one["metadata"].get("labels") or {}).get("app.kubernetes.io/name") == NAME
    ]
    known: dict[str, Any] = {
        "deployments": [one for one in own if one["kind"] == "Deployment"],
        "pods": [one for one in own if one["kind"] == "Pod"],
        "pools": [one for one in own if one["kind"] == "InferencePool"],
        **given,
    }
    asked = known.pop("asked", None)
    sight = Sight(WISH.title, live, **known)
    return Seen(NAMESPACE, NAME, sight, step_of(sight, WISH), asked)


def cluster(
    change: Change | None = None,
    *,
    live: Object | None = None,
    sight: dict[str, Any] | None = None,
    gateway: dict[str, Any] | None = None,
    pools: bool = True,
    **given: Any,
) -> Snapshot:
    """The healthy cluster, after a change of its objects."""
    items = copy.deepcopy(objects())
    if change:
        change(items)
    by_name = {(one["kind"], one["metadata"]["name"]): one for one in items}
    deployments = [one for one in (by_name.get(("Deployment", "inference-gateway-istio")),) if one]
    istiods = [one for one in items if one["metadata"]["name"] == "istiod"]
    known: dict[str, Any] = {
        "things": Things(items),
        "namespaces": {
            name: {"kubernetes.io/metadata.name": name}
            for name in (KSERVE, MESH, CERTIFICATES, "kube-system", NAMESPACE)
        },
        "services": [seen(items, live, **(sight or {}))],
        "gateway": gateways.seen(**{"deployments": deployments, **(gateway or {})}),
        "operators": View(
            istiods=tuple(one for one in istiods if one["kind"] == "Deployment"),
            cert_managers=tuple(one for one in items if one["metadata"]["name"] == "cert-manager"),
            pools=tuple(one for one in items if one["kind"] == "InferencePool" and pools),
            gateways=(gateways.gateway(),),
        ),
        "installation": Installation(
            controllers=(Controller(KSERVE, TRACK.controller, ours=True),),
            crds=dict.fromkeys((SERVICES_CRD, *TRACK.watched_crds, POOLS_CRD), LONG_AGO),
            started={TRACK.controller: "2026-01-01T00:10:00Z"},
        ),
        "pool_groups": (POOL_V1,),
        "istio_version": "v1.28.3",
        "answers": {PROXY: WELL, ISTIO_PROXY: WELL},
        "alive": {f"{NAMESPACE}/{SERVER}": Answer(True, "HTTP 200: ")},
        **given,
    }
    return Snapshot(now=NOW, **known)


def without(kind: str, *names: str) -> Change:
    """Take objects of a kind away: all of them, or those with these names."""

    def change(items: list[Object]) -> None:
        gone = [
            one
            for one in items
            if one["kind"] == kind and (not names or one["metadata"]["name"] in names)
        ]
        assert gone, f"there is no {kind} {names}"
        for one in gone:
            items.remove(one)

    return change


def unavailable(name: str) -> Change:
    """No pod of a Deployment is available."""

    def change(items: list[Object]) -> None:
        for one in items:
            if one["kind"] == "Deployment" and one["metadata"]["name"] == name:
                one["status"] |= {"availableReplicas": 0}
                one["status"]["conditions"][0]["status"] = "False"

    return change


def together(*changes: Change) -> Change:
    """Several changes, one after the other."""

    def change(items: list[Object]) -> None:
        for one in changes:
            one(items)

    return change


def adding(*new: Object) -> Change:
    """More objects."""
    return lambda items: items.extend(copy.deepcopy(list(new)))


def asked(*outcomes: Outcome) -> Asked:
    """What requests showed that were refused so."""
    return Asked([one for one in (refusal(outcome, URL) for outcome in outcomes) if one])


NOT_FOUND = Reply(404, {"server": "istio-envoy"}, b"", 0.1)
REFUSED = Failure("refused", "Connection refused", 0.1, "203.0.113.10:80")
TIMED_OUT = Failure("timeout", "timed out", 30.0, "203.0.113.10:80")
NO_UPSTREAM = Reply(503, {}, b"no healthy upstream", 0.1)
NO_ENDPOINT = Reply(
    503, {}, b"inference gateway: ServiceUnavailable - failed to find candidate pods", 0.1
)
SCHEDULER_FAILED = Reply(500, {}, b"", 0.1)
NO_CA = Reply(503, {}, b"TLS error: Secret is not supplied by SDS", 0.1)


def certificate(
    name: str = "server",
    *,
    signed_by: tuple[x509.Name, ec.EllipticCurvePrivateKey] | None = None,
    days: int = 30,
) -> tuple[str, tuple[x509.Name, ec.EllipticCurvePrivateKey]]:
    """A certificate as PEM, and what signs others with it; one of negative days has expired."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    issuer, signer = signed_by or (subject, key)
    ends = NOW + timedelta(days=days)
    read = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(ends - timedelta(days=60))
        .not_valid_after(ends)
        .sign(signer, hashes.SHA256())
    )
    return read.public_bytes(serialization.Encoding.PEM).decode(), (subject, key)


def secret(pem: str) -> Object:
    """The authority's Secret."""
    return {"data": {"ca.crt": base64.b64encode(pem.encode()).decode()}}


def codes(findings: Iterable[Finding]) -> list[str]:
    """Their codes."""
    return [one.code for one in findings]


def another_step(snapshot: Snapshot, stage: Stage, words: str) -> Snapshot:
    """The same, with the service at another stage."""
    [one] = snapshot.services
    return replace(snapshot, services=[replace(one, step=Step(stage, words))])
