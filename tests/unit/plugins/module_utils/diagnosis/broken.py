# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Clusters in which one thing is broken, with the code of its cause, and what it makes others say.

Each as it shows everywhere: at the objects, and at what a client sees.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from ansible_collections.llmd.tpu.plugins.module_utils.diagnosis.snapshot import Asked, Snapshot
from ansible_collections.llmd.tpu.plugins.module_utils.readiness.verdicts import Answer
from ansible_collections.llmd.tpu.plugins.module_utils.serving.installation import Installation
from ansible_collections.llmd.tpu.plugins.module_utils.smoke.servers import Server, explain
from ansible_collections.llmd.tpu.plugins.module_utils.startup.stages import step_of
from ansible_collections.llmd.tpu.plugins.module_utils.tpu.room import Room

from tests.unit.plugins.module_utils.diagnosis.clusters import (
    GATEWAY_LABELS,
    ISTIO_PROXY,
    KSERVE,
    LONG_AGO,
    MESH,
    NO_CA,
    NO_ENDPOINT,
    NO_UPSTREAM,
    NODE,
    NOT_FOUND,
    POOL_ALPHA,
    POOLS_CRD,
    PROXY,
    REFUSED,
    SCHEDULER_FAILED,
    SCHEDULER_LABELS,
    SERVER,
    SHADOW,
    TIMED_OUT,
    TRACK,
    URL,
    WELL,
    adding,
    asked,
    certificate,
    cluster,
    made,
    pod,
    pool,
    route,
    secret,
    service,
    slices,
    together,
    unavailable,
    waiting,
    without,
)
from tests.unit.plugins.module_utils.gateway import test_judge as gateways
from tests.unit.plugins.module_utils.startup import failing, starts
from tests.unit.plugins.module_utils.startup.starts import NAME, NAMESPACE

Object = dict[str, Any]
WORKLOAD, WORKLOAD_SERVICE = f"{NAME}-kserve", f"{NAME}-kserve-workload-svc"
SCHEDULER, ROUTE = f"{NAME}-kserve-router-scheduler", f"{NAME}-kserve-route"
GATEWAY = "inference-gateway-istio"


@dataclass(frozen=True)
class Broken:
    """A cluster, the code of its cause, and codes that must be its evidence only."""

    name: str
    code: str
    make: Callable[[], Snapshot]
    follows: tuple[str, ...] = ()
    words: str = ""
    """What the finding says of where, what was found, or what to do."""
    severity: str = "error"


def _change(**status: Any) -> Callable[[list[Object]], None]:
    """The gateway's only pod is in this state."""
    broken = pod("gateway-1", KSERVE, GATEWAY_LABELS, **status)
    return together(unavailable(GATEWAY), without("Pod", "gateway-1"), adding(broken))


def event(kind: str, name: str, namespace: str, reason: str, message: str, **more: Any) -> Object:
    """An event about an object that `made` made."""
    return made(
        "Event",
        f"{name}.{reason}",
        namespace,
        involvedObject={"kind": kind, "name": name, "uid": f"{kind}-{name}", **more},
        reason=reason,
        message=message,
        count=3,
        lastTimestamp=LONG_AGO,
    )


def _gateway_image() -> Snapshot:
    told = 'Failed to pull image "proxyv2": unexpected status: 401 Unauthorized'
    failed = event(
        "Pod", "gateway-1", KSERVE, "Failed", told, fieldPath="spec.containers{istio-proxy}"
    )
    state = waiting("ImagePullBackOff", "Back-off pulling image", "istio-proxy")
    change = together(_change(**state), adding(failed))
    not_yet = gateways.condition("Programmed", "False", "Pending", "waiting for pods")
    live = gateways.gateway(conditions=[gateways.condition("Accepted"), not_yet])
    return cluster(change, gateway={"live": live}, sight={"asked": asked(REFUSED)})


def _gateway_bundle() -> Snapshot:
    words = 'MountVolume.SetUp failed for volume "ca" : configmap "odh-ca-bundle" not found'
    mount = event("Pod", "gateway-1", KSERVE, "FailedMount", words)
    change = together(_change(**waiting("ContainerCreating")), adding(mount))
    return cluster(change, gateway={"bundle": None}, sight={"asked": asked(TIMED_OUT)})


def _gateway_scaled() -> Snapshot:
    def change(items: list[Object]) -> None:
        unavailable(GATEWAY)(items)
        without("Pod", "gateway-1")(items)
        for one in items:
            if one["metadata"]["name"] == GATEWAY:
                one["spec"]["replicas"] = 0

    return cluster(change, sight={"asked": asked(REFUSED, REFUSED)})


def _gateway_without_address() -> Snapshot:
    """Istio keeps the old address in the status, KServe keeps Ready and url (run)."""
    waits = gateways.condition("Programmed", "False", "AddressNotAssigned", "no address yet")
    live = gateways.gateway(conditions=[gateways.condition("Accepted"), waits])
    return cluster(gateway={"live": live}, sight={"asked": asked(TIMED_OUT)})


def _starts(code: str) -> Snapshot:
    """A start that fails, in a cluster where all else is well."""
    return _starting(code, without("Pod", SERVER), asked(NO_ENDPOINT, NO_UPSTREAM))


def _starting(
    code: str, change: Callable[[list[Object]], None], told: Asked | None = None
) -> Snapshot:
    given = dict(failing.FAILURES)[code]
    live: Any = copy.deepcopy(given.service)
    live["metadata"]["creationTimestamp"] = LONG_AGO
    sight = replace(given, service=live)
    found = cluster(change)
    [one] = found.services
    step = step_of(sight, starts.WISH)
    return replace(found, services=[replace(one, sight=sight, step=step, asked=told)])


def _controller_down() -> Snapshot:
    change = together(
        unavailable(TRACK.controller),
        without("Pod", "kserve-1"),
        without("EndpointSlice", "kserve-webhook-abc"),
        without("HTTPRoute"),
    )
    return cluster(change, sight={"asked": asked(NOT_FOUND)}, answers={ISTIO_PROXY: WELL})


def _hook(words: str) -> Snapshot:
    return cluster(answers={PROXY: Answer(False, words), ISTIO_PROXY: WELL})


def _policy_before_hook() -> Snapshot:
    lost = Answer(False, "HTTP 503: error trying to reach service: dial tcp: i/o timeout")
    closed = _policy(KSERVE, {"control-plane": TRACK.controller})
    return cluster(adding(closed), answers={PROXY: lost, ISTIO_PROXY: WELL})


def _bare_hook() -> Snapshot:
    def change(items: list[Object]) -> None:
        for one in items:
            if one["metadata"]["name"] == "istio-validator":
                del one["webhooks"][0]["clientConfig"]["caBundle"]

    return cluster(change)


def _istio_hook_times_out() -> Snapshot:
    lost = Answer(False, "dial tcp 10.244.0.7:15017: i/o timeout")
    return cluster(answers={PROXY: WELL, ISTIO_PROXY: lost})


def _blind() -> Snapshot:
    """The Gateway API came after the controller, and somebody deleted the route (run)."""
    installation = cluster().installation
    crds = {**installation.crds, "httproutes.gateway.networking.k8s.io": "2026-01-01T00:20:00Z"}
    return cluster(
        without("HTTPRoute"),
        installation=replace(installation, crds=crds),
        sight={"asked": asked(NOT_FOUND)},
    )


def _without_definition() -> Snapshot:
    """Nobody knows InferencePools, so KServe cannot make one, and the gateway's route fails."""
    installation = cluster().installation
    crds = {name: made for name, made in installation.crds.items() if name != POOLS_CRD}
    return cluster(
        without("InferencePool"),
        installation=replace(installation, crds=crds),
        live=service(InferencePoolReady="ReconcileError: no matches for kind InferencePool"),
        sight={"asked": asked(SCHEDULER_FAILED)},
    )


def _never_routed() -> Snapshot:
    """Ready=True with neither route, pool, scheduler nor address (run)."""
    live = service(HTTPRoutesReady=None, InferencePoolReady=None, SchedulerWorkloadReady=None)
    del live["status"]["url"], live["status"]["addresses"]
    return cluster(without("HTTPRoute"), live=live)


def _rollout_stuck() -> Snapshot:
    """KServe calls it Ready, with the current generation (C57, run)."""
    new = starts.pod(node="")
    new["metadata"] |= {"name": f"{NAME}-kserve-2", "uid": "new"}
    new["metadata"]["labels"] = {**starts.LABELS, "pod-template-hash": "r2"}

    def change(items: list[Object]) -> None:
        items.append({**new, "kind": "Pod"})
        for one in items:
            if one["kind"] == "Deployment" and one["metadata"]["name"] == WORKLOAD:
                one["status"] |= {"replicas": 2, "updatedReplicas": 1}

    room = Room("after_others", 0, "others hold the chips")
    found = cluster(change)
    [one] = found.services
    newest = [p for p in one.sight.pods if p["metadata"]["name"] != SERVER]
    sight = replace(one.sight, pods=newest, room=room, autoscaler=False)
    step = replace(one.step, done=False)
    return replace(found, services=[replace(one, sight=sight, step=step)])


def _pending(message: str, change: Callable[[list[Object]], None]) -> Snapshot:
    """The only pod has no node any more."""
    alone = starts.pod(node="")
    alone["status"]["conditions"][0]["message"] = message
    alone["spec"]["nodeSelector"] = {"kind": "tpu"}
    found = cluster(together(without("Pod", SERVER), adding({**alone, "kind": "Pod"}), change))
    [one] = found.services
    room = Room("unknown", 0, "no node can be seen")
    sight = replace(one.sight, room=room, autoscaler=False)
    step = replace(one.step, done=False)
    seen = replace(one, sight=sight, step=step, asked=asked(NO_ENDPOINT, NO_UPSTREAM))
    return replace(found, services=[seen], alive={})


def _drained() -> Snapshot:
    def cordon(items: list[Object]) -> None:
        for one in items:
            if one["kind"] == "Node":
                one["metadata"]["labels"] = {"kind": "tpu"}
                one["spec"] = {"unschedulable": True}

    return _pending("0/1 nodes are available: 1 node(s) were unschedulable.", cordon)


def _reclaimed() -> Snapshot:
    told = f"Successfully assigned {NAMESPACE}/{SERVER} to {NODE}"
    scheduled = event("Pod", SERVER, NAMESPACE, "Scheduled", told)
    change = together(without("Node"), adding(scheduled))
    return _pending("0/1 nodes are available: 1 node(s) didn't match", change)


def _lost_node() -> Snapshot:
    unknown = {"type": "Ready", "status": "Unknown", "message": "Kubelet stopped posting status."}
    silent = made("Node", NODE, status={"conditions": [unknown]})
    return cluster(
        together(without("Node"), adding(silent)),
        alive={f"{NAMESPACE}/{SERVER}": Answer(False, "i/o timeout")},
        sight={"asked": asked(TIMED_OUT)},
    )


def _dead_server() -> Snapshot:
    """The scheduler goes on choosing it, since it looks idle (run)."""
    words = "HTTP 503: error trying to reach service: dial tcp 10.244.1.7:8000: connection refused"
    return cluster(
        alive={f"{NAMESPACE}/{SERVER}": Answer(False, words)}, sight={"asked": asked(NO_UPSTREAM)}
    )


def _policy(namespace: str, labels: dict[str, str], **spec: Any) -> Object:
    """A policy that selects pods and lets nobody in, unless ``spec`` says whom."""
    rules = {"podSelector": {"matchLabels": labels}, "policyTypes": ["Ingress"], **spec}
    return made("NetworkPolicy", "closed", namespace, spec=rules)


def _policy_at(namespace: str, labels: dict[str, str]) -> Snapshot:
    return cluster(adding(_policy(namespace, labels)), sight={"asked": asked(TIMED_OUT)})


def _download_blocked() -> Snapshot:
    inside: Object = {"to": [{"namespaceSelector": {}}]}
    closed = _policy(NAMESPACE, starts.LABELS, policyTypes=["Egress"], egress=[inside])
    closed["spec"]["podSelector"] = {"matchLabels": {"kserve.io/component": "workload"}}
    return _starting("STARTUP-DOWNLOAD-NETWORK", together(without("Pod", SERVER), adding(closed)))


def _without_endpoints() -> Snapshot:
    empty = slices(WORKLOAD_SERVICE, NAMESPACE, ready=False)
    change = together(without("EndpointSlice", f"{WORKLOAD_SERVICE}-abc"), adding(empty))
    return cluster(change, sight={"asked": asked(NO_UPSTREAM)})


def _shadow() -> Snapshot:
    change = together(
        without("InferencePool"),
        adding(
            pool(
                endpointPickerRef={
                    "name": f"{NAME}-epp-service",
                    "port": {"number": 9002},
                    "failureMode": "FailClose",
                }
            )
        ),
    )
    return cluster(change)


def _expired_listener() -> Snapshot:
    pem, _key = certificate("gateway", days=-1)
    live = gateways.gateway()
    live["spec"]["listeners"] = [
        {
            "name": "https",
            "port": 443,
            "protocol": "HTTPS",
            "tls": {"certificateRefs": [{"name": "listener"}]},
        }
    ]
    return cluster(gateway={"live": live}, certificates={(f"{KSERVE}/listener", "tls.crt"): pem})


def _expired_authority() -> Snapshot:
    pem, _key = certificate("authority", days=-1)
    bundle = {"metadata": {"name": "odh-ca-bundle"}, "data": {"ca.crt": pem}}
    return cluster(gateway={"ca_secret": secret(pem), "bundle": bundle})


def _reissued() -> Snapshot:
    """Another authority signs now, the gateway follows it, the server keeps its certificate."""
    _old_pem, old = certificate("authority")
    new_pem, _new = certificate("authority")
    server, _key = certificate("server", signed_by=old)
    bundle = {"metadata": {"name": "odh-ca-bundle"}, "data": {"ca.crt": new_pem}}
    return cluster(
        gateway={"ca_secret": secret(new_pem), "bundle": bundle},
        certificates={(f"{NAMESPACE}/{NAME}-kserve-self-signed-certs", "tls.crt"): server},
        sight={"asked": asked(NO_CA)},
    )


def _gateway_behind() -> Snapshot:
    new_pem, new = certificate("authority")
    old_pem, _old = certificate("authority")
    server, _key = certificate("server", signed_by=new)
    bundle = {"metadata": {"name": "odh-ca-bundle"}, "data": {"ca.crt": old_pem}}
    return cluster(
        gateway={"ca_secret": secret(new_pem), "bundle": bundle},
        certificates={(f"{NAMESPACE}/{NAME}-kserve-self-signed-certs", "tls.crt"): server},
        sight={"asked": asked(NO_CA)},
    )


def _without_mount() -> Snapshot:
    bare = gateways.deployment("/elsewhere")
    bare["metadata"]["namespace"] = KSERVE
    bare["spec"]["selector"] = {"matchLabels": GATEWAY_LABELS}
    bare["status"] = {"availableReplicas": 1, "replicas": 1, "updatedReplicas": 1}
    return cluster(gateway={"deployments": [bare]}, sight={"asked": asked(NO_CA)})


def _url(url: str) -> Snapshot:
    return cluster(url=url, sight={"asked": asked(NOT_FOUND)})


def _scheduler_down() -> Snapshot:
    crashed = pod(
        "scheduler-1", NAMESPACE, SCHEDULER_LABELS, **waiting("CrashLoopBackOff", "back-off 40s")
    )
    change = together(unavailable(SCHEDULER), without("Pod", "scheduler-1"), adding(crashed))
    return cluster(change, sight={"asked": asked(SCHEDULER_FAILED)})


def _late() -> Snapshot:
    """The first inference: the server is at work on it, and the client gives up."""
    told, explained = asked(TIMED_OUT), explain([Server("pod", ready=True, running=1)], URL)
    assert explained
    return cluster(sight={"asked": replace(told, findings=[*told.findings, explained])})


def _kserve_config_gone() -> Snapshot:
    return cluster(gateway={"kserve_config": None})


def _wrong_group() -> Snapshot:
    change = together(without("HTTPRoute"), adding(route(POOL_ALPHA, resolved="False")))
    return cluster(change, sight={"asked": asked(SCHEDULER_FAILED)})


def _no_pool() -> Snapshot:
    return cluster(without("InferencePool"), sight={"asked": asked(SCHEDULER_FAILED)})


def _stale_pool() -> Snapshot:
    """After Istio went back to a version that serves no pools, its report stays (run)."""
    return cluster(pool_groups=(), sight={"asked": asked(SCHEDULER_FAILED)})


def _missing_preset() -> Snapshot:
    live = service(PresetsCombined=failing.PRESET)
    return cluster(without("LLMInferenceServiceConfig", "kserve-config-llm-scheduler"), live=live)


BROKEN: list[Broken] = [
    # The guide's eight.
    Broken(
        "gateway pod cannot pull its image",
        "DIAGNOSIS-GATEWAY-IMAGE",
        _gateway_image,
        ("GATEWAY-NOT-PROGRAMMED", "SMOKE-CONNECT"),
        "401 Unauthorized",
    ),
    *(
        Broken(f"start: {code}", code, lambda code=code: _starts(code), ("SMOKE-NO-ENDPOINT",))  # type: ignore[misc]
        for code, _sight in failing.FAILURES
        if code not in ("STARTUP-STOPPED", "STARTUP-SERVICE-MISSING")
    ),
    Broken(
        "policy before the webhook",
        "DIAGNOSIS-NETWORK-POLICY",
        _policy_before_hook,
        (),
        "the control plane",
    ),
    Broken("webhook without authority", "DIAGNOSIS-WEBHOOK-CA", _bare_hook, (), "caBundle"),
    Broken(
        "webhook without endpoints",
        "DIAGNOSIS-WEBHOOK-NO-ENDPOINT",
        lambda: cluster(without("EndpointSlice", "kserve-webhook-abc")),
        words="kserve-webhook",
    ),
    Broken("no InferencePool", "DIAGNOSIS-POOL-MISSING", _no_pool, ("SMOKE-SCHEDULER-FAILED",)),
    Broken(
        "no kind InferencePool",
        "DIAGNOSIS-CRD-MISSING",
        _without_definition,
        ("DIAGNOSIS-POOL-MISSING", "STARTUP-RECONCILE-FAILED", "SMOKE-SCHEDULER-FAILED"),
        POOLS_CRD,
    ),
    Broken("first inference times out", "SMOKE-TIMEOUT", _late, ("SMOKE-SERVER-WORKING",)),
    Broken(
        "no route",
        "DIAGNOSIS-ROUTE-MISSING",
        lambda: cluster(without("HTTPRoute"), sight={"asked": asked(NOT_FOUND)}),
        ("SMOKE-ROUTE-NOT-FOUND",),
    ),
    Broken("gateway scaled to 0", "DIAGNOSIS-GATEWAY-DOWN", _gateway_scaled, ("SMOKE-CONNECT",)),
    Broken(
        "service without endpoints",
        "DIAGNOSIS-SERVICE-NO-ENDPOINT",
        _without_endpoints,
        ("SMOKE-NO-UPSTREAM",),
        WORKLOAD_SERVICE,
    ),
    # And beyond them.
    Broken(
        "the guide's path",
        "DIAGNOSIS-URL-WRONG",
        lambda: _url("http://203.0.113.10/v1/chat/completions"),
        ("SMOKE-ROUTE-NOT-FOUND",),
        f"use {URL}",
    ),
    Broken(
        "another host",
        "DIAGNOSIS-URL-WRONG",
        lambda: _url(f"http://203.0.113.99/{NAMESPACE}/{NAME}"),
        (),
        "203.0.113.10",
    ),
    Broken(
        "another port",
        "DIAGNOSIS-URL-WRONG",
        lambda: _url(f"http://203.0.113.10:8000/{NAMESPACE}/{NAME}"),
        (),
        "port 8000",
    ),
    Broken(
        "a scheme that is not served",
        "DIAGNOSIS-URL-WRONG",
        lambda: _url(f"https://203.0.113.10/{NAMESPACE}/{NAME}"),
        (),
        "https",
    ),
    Broken("no URL", "DIAGNOSIS-URL-WRONG", lambda: _url("inference-gateway"), (), "http://"),
    Broken("CA not mounted", "GATEWAY-CA-NOT-MOUNTED", _without_mount, ("SMOKE-GATEWAY-CA",)),
    Broken(
        "CA bundle gone",
        "DIAGNOSIS-GATEWAY-CA-MISSING",
        _gateway_bundle,
        ("DIAGNOSIS-GATEWAY-DOWN", "SMOKE-TIMEOUT"),
    ),
    Broken(
        "Ready without route and address",
        "DIAGNOSIS-ROUTE-MISSING",
        _never_routed,
        ("DIAGNOSIS-URL-MISSING",),
    ),
    Broken(
        "rollout stuck",
        "DIAGNOSIS-ROLLOUT-STUCK",
        _rollout_stuck,
        ("STARTUP-NO-AUTOSCALER",),
        f"delete pod {SERVER}",
    ),
    Broken(
        "preset lost",
        "STARTUP-PRESET-MISSING",
        _missing_preset,
        words="kserve-config-llm-scheduler",
    ),
    Broken("configuration lost", "DIAGNOSIS-CONFIG-MISSING", _kserve_config_gone),
    Broken(
        "authority lost",
        "STARTUP-CERTIFICATE-MISSING",
        lambda: cluster(gateway={"ca_secret": None}),
    ),
    Broken("address lost", "GATEWAY-NO-ADDRESS", _gateway_without_address, ("SMOKE-TIMEOUT",)),
    Broken(
        "scheduler crashes",
        "DIAGNOSIS-SCHEDULER-DOWN",
        _scheduler_down,
        ("SMOKE-SCHEDULER-FAILED",),
    ),
    Broken(
        "scheduler gone",
        "DIAGNOSIS-SCHEDULER-DOWN",
        lambda: cluster(without("Deployment", SCHEDULER)),
    ),
    Broken(
        "pool of another group", "DIAGNOSIS-POOL-GROUP", _wrong_group, ("SMOKE-SCHEDULER-FAILED",)
    ),
    Broken("stale pool", "OPERATORS-POOL-STATUS-STALE", _stale_pool, ("SMOKE-SCHEDULER-FAILED",)),
    Broken(
        "controller blind",
        "DIAGNOSIS-CONTROLLER-BLIND",
        _blind,
        ("DIAGNOSIS-ROUTE-MISSING", "SMOKE-ROUTE-NOT-FOUND"),
    ),
    Broken(
        "controller down",
        "DIAGNOSIS-CONTROLLER-DOWN",
        _controller_down,
        ("DIAGNOSIS-WEBHOOK-NO-ENDPOINT", "DIAGNOSIS-ROUTE-MISSING", "SMOKE-ROUTE-NOT-FOUND"),
    ),
    Broken(
        "istiod down",
        "DIAGNOSIS-ISTIO-DOWN",
        lambda: cluster(together(unavailable("istiod"), without("EndpointSlice", "istiod-abc"))),
        ("DIAGNOSIS-WEBHOOK-NO-ENDPOINT",),
    ),
    Broken(
        "istiod gone",
        "DIAGNOSIS-ISTIO-DOWN",
        lambda: cluster(without("Deployment", "istiod")),
        (),
        MESH,
    ),
    Broken(
        "cert-manager down",
        "DIAGNOSIS-CERT-MANAGER-DOWN",
        lambda: cluster(unavailable("cert-manager")),
    ),
    Broken("DNS down", "DIAGNOSIS-DNS-DOWN", lambda: cluster(unavailable("coredns"))),
    Broken("listener's certificate expired", "DIAGNOSIS-CERTIFICATE-EXPIRED", _expired_listener),
    Broken("authority expired", "DIAGNOSIS-CERTIFICATE-EXPIRED", _expired_authority),
    Broken(
        "authority re-issued", "DIAGNOSIS-CERTIFICATE-FOREIGN", _reissued, ("SMOKE-GATEWAY-CA",)
    ),
    Broken(
        "gateway behind the re-issued authority",
        "GATEWAY-CA-OLD",
        _gateway_behind,
        ("DIAGNOSIS-CERTIFICATE-FOREIGN", "SMOKE-GATEWAY-CA"),
    ),
    Broken(
        "policy before the server",
        "DIAGNOSIS-NETWORK-POLICY",
        lambda: _policy_at(NAMESPACE, {"kserve.io/component": "workload"}),
        ("SMOKE-TIMEOUT",),
        "the gateway to the model server",
    ),
    Broken(
        "policy before the scheduler",
        "DIAGNOSIS-NETWORK-POLICY",
        lambda: _policy_at(NAMESPACE, SCHEDULER_LABELS),
        ("SMOKE-TIMEOUT",),
        "scheduler",
    ),
    Broken(
        "policy before the gateway",
        "DIAGNOSIS-NETWORK-POLICY",
        lambda: _policy_at(KSERVE, GATEWAY_LABELS),
        ("SMOKE-TIMEOUT",),
        "clients",
    ),
    Broken(
        "policy before the hub",
        "DIAGNOSIS-NETWORK-POLICY",
        _download_blocked,
        ("STARTUP-DOWNLOAD-NETWORK",),
        "hub",
    ),
    Broken(
        "firewall before KServe's webhook",
        "DIAGNOSIS-WEBHOOK-FIREWALL",
        lambda: _hook("HTTP 503: error trying to reach service: dial tcp: i/o timeout"),
        (),
        "tcp:9443",
    ),
    Broken(
        "firewall before Istio's webhook",
        "DIAGNOSIS-WEBHOOK-FIREWALL",
        _istio_hook_times_out,
        (),
        "tcp:15017",
    ),
    Broken(
        "webhook refuses the connection",
        "DIAGNOSIS-WEBHOOK-SILENT",
        lambda: _hook("HTTP 503: dial tcp 10.244.0.7:9443: connect: connection refused"),
    ),
    Broken("server dead", "DIAGNOSIS-SERVER-DEAD", _dead_server, ("SMOKE-NO-UPSTREAM",)),
    Broken("shadow Service", "DIAGNOSIS-SHADOW-OLD", _shadow, (), SHADOW),
    Broken(
        "node drained",
        "DIAGNOSIS-NODE-DRAINED",
        _drained,
        ("STARTUP-NO-AUTOSCALER",),
        f"uncordon {NODE}",
    ),
    Broken(
        "node reclaimed", "DIAGNOSIS-NODE-RECLAIMED", _reclaimed, ("STARTUP-NO-AUTOSCALER",), NODE
    ),
    Broken("node lost", "DIAGNOSIS-NODE-LOST", _lost_node, ("DIAGNOSIS-SERVER-DEAD",)),
    Broken(
        "no workload",
        "DIAGNOSIS-WORKLOAD-MISSING",
        lambda: cluster(without("Deployment", WORKLOAD)),
    ),
    Broken(
        "no Service",
        "DIAGNOSIS-SERVICE-MISSING",
        lambda: cluster(without("Service", WORKLOAD_SERVICE), sight={"asked": asked(NO_UPSTREAM)}),
    ),
    Broken(
        "KServe is not there",
        "STARTUP-KIND-MISSING",
        lambda: cluster(installation=Installation(crds={"other": LONG_AGO})),
    ),
    Broken("no namespace", "DIAGNOSIS-NAMESPACE-MISSING", lambda: cluster(namespaces={KSERVE: {}})),
    Broken("no Gateway", "GATEWAY-MISSING", lambda: cluster(gateway={"live": None})),
]
