# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is wrong with one service beyond what its start tells: its objects, rollout, servers. Pure.

KServe calls a service Ready without route, pool, scheduler or address, while an update hangs behind
the only TPU node, and after all that it was made of is gone (guide corrections C56, C57; run with
release-v0.15). So each of its parts is looked at.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ansible_collections.llmd.tpu.plugins.module_utils.diagnosis.certificates import (
    certificate_of,
    signed_by,
)
from ansible_collections.llmd.tpu.plugins.module_utils.diagnosis.controller import expired
from ansible_collections.llmd.tpu.plugins.module_utils.diagnosis.hooks import slices_of
from ansible_collections.llmd.tpu.plugins.module_utils.diagnosis.parts import (
    SETTLING_SECONDS,
    away,
)
from ansible_collections.llmd.tpu.plugins.module_utils.diagnosis.snapshot import (
    Seen,
    Snapshot,
    Suspect,
)
from ansible_collections.llmd.tpu.plugins.module_utils.findings import Finding
from ansible_collections.llmd.tpu.plugins.module_utils.readiness.pods import unschedulable
from ansible_collections.llmd.tpu.plugins.module_utils.readiness.verdicts import (
    Object,
    observed,
    status,
    with_status,
)
from ansible_collections.llmd.tpu.plugins.module_utils.readiness.webhooks import ready_endpoint
from ansible_collections.llmd.tpu.plugins.module_utils.serving.names import (
    SCHEDULER_SERVICE,
    child_name,
)
from ansible_collections.llmd.tpu.plugins.module_utils.serving.rollout import replicas_of
from ansible_collections.llmd.tpu.plugins.module_utils.smoke.address import address_from_status
from ansible_collections.llmd.tpu.plugins.module_utils.smoke.routes import path_of
from ansible_collections.llmd.tpu.plugins.module_utils.startup.sight import (
    is_over,
    is_ready,
    is_workload,
    name_of,
    uid_of,
)
from ansible_collections.llmd.tpu.plugins.module_utils.startup.signs import quoted

SHADOW_OF = "istio.io/inferencepool-name"
_SHADOW = "istio.io/inferencepool-extension-"
_POOL = "InferencePool"
_CONTROLLER_FIX = (
    "kubectl -n {namespace} annotate llminferenceservice {name} llmd.tpu/touched=$(date +%s) "
    "--overwrite makes KServe look again; if it does not come back, restart KServe's controller"
)
_TIMED_OUT = re.compile(r"time.?out|deadline exceeded|timed out", re.IGNORECASE)


def suspects_of_model(seen: Seen, snapshot: Snapshot) -> Iterator[Suspect]:
    """Everything about a service that its conditions do not tell."""
    service = seen.sight.service
    if service is None or not observed(service).ready:
        return
    settled = snapshot.born(service) > SETTLING_SECONDS
    if settled:
        for finding in (
            *_workload(seen),
            *_route(seen, snapshot),
            *_pool(seen, snapshot),
            *_scheduler(seen, snapshot),
            *_services(seen, snapshot),
            *_address(seen),
        ):
            yield Suspect("model", finding, seen.subject)
    for finding in (
        *_stuck_rollout(seen, snapshot),
        *_shadow(seen, snapshot),
        *_servers(seen, snapshot),
        *_certificate(seen, snapshot),
    ):
        yield Suspect("model", finding, seen.subject)


def _again(seen: Seen) -> str:
    return _CONTROLLER_FIX.format(namespace=seen.namespace, name=seen.name)


def _workload(seen: Seen) -> Iterator[Finding]:
    spec = (seen.sight.service or {}).get("spec") or {}
    if "worker" in spec or any(is_workload(one) for one in seen.sight.deployments):
        return
    yield Finding(
        code="DIAGNOSIS-WORKLOAD-MISSING",
        severity="error",
        message="the Deployment of the model server is not there",
        subject=seen.subject,
        path=f"Deployment {child_name(seen.name, '-kserve')}",
        found="no Deployment with kserve.io/component=workload",
        expected="the Deployment that KServe makes of the service",
        fix=_again(seen),
        source="KServe, pkg/controller/llmisvc",
    )


def routes_of(seen: Seen, snapshot: Snapshot) -> list[Object]:
    """The service's routes: KServe's own, or those that it names."""
    refs = (((seen.router.get("route") or {}).get("http") or {}).get("refs")) or ()
    names = {str(one.get("name")) for one in refs} or {child_name(seen.name, "-kserve-route")}
    found = snapshot.things.all("HTTPRoute", seen.namespace)
    return [one for one in found if one["metadata"]["name"] in names]


def _effective(seen: Seen, snapshot: Snapshot) -> list[Object]:
    """The route that takes the service's completions, whoever made it, besides its own."""
    found = snapshot.things.all("HTTPRoute", seen.namespace)
    taken = path_of(found, f"/{seen.namespace}/{seen.name}/v1/completions")
    own = routes_of(seen, snapshot)
    others = [
        one
        for one in found
        if taken and taken.route == f"{seen.namespace}/{one['metadata']['name']}"
    ]
    return [*own, *(one for one in others if one not in own)]


def _route(seen: Seen, snapshot: Snapshot) -> Iterator[Finding]:
    if not seen.routed or not snapshot.things.read("HTTPRoute", seen.namespace):
        return
    if not routes_of(seen, snapshot):
        yield Finding(
            code="DIAGNOSIS-ROUTE-MISSING",
            severity="error",
            message="the service has no HTTPRoute, so the gateway answers 404; Ready may say True "
            "all the same",
            subject=seen.subject,
            path=f"HTTPRoute {seen.namespace}/{child_name(seen.name, '-kserve-route')}",
            found="it does not exist",
            expected="the route that KServe makes of spec.router.route",
            fix=_again(seen),
            source="KServe release-v0.15, run",
        )


def _pool(seen: Seen, snapshot: Snapshot) -> Iterator[Finding]:
    """The pools that the route leads to: they exist, in a group that the gateway serves."""
    if not seen.scheduled or not snapshot.things.read(_POOL, seen.namespace):
        return
    pools = snapshot.things.all(_POOL, seen.namespace)
    wanted = list(
        dict.fromkeys(
            (str(one.get("group", "")), str(one.get("name")))
            for route in _effective(seen, snapshot)
            for rule in (route.get("spec") or {}).get("rules") or ()
            for one in rule.get("backendRefs") or ()
            if one.get("kind") == _POOL
        )
    )
    named = ((seen.router.get("scheduler") or {}).get("pool") or {}).get("ref") or {}
    name = str(named.get("name") or child_name(seen.name, "-inference-pool"))
    for group, pool in wanted or [("", name)]:
        same = [one for one in pools if one["metadata"]["name"] == pool]
        groups = sorted({_group(one) for one in same})
        if not same:
            yield Finding(
                code="DIAGNOSIS-POOL-MISSING",
                severity="error",
                message="the service has no InferencePool, so the gateway cannot ask the "
                "scheduler; Ready may say True all the same",
                subject=seen.subject,
                path=f"InferencePool {seen.namespace}/{pool}",
                found="it does not exist",
                expected="the pool that KServe makes of spec.router.scheduler",
                fix=_again(seen),
                source="KServe release-v0.15, run",
            )
        elif group and group not in groups:
            yield _wrong_group(seen, pool, group, f"the pool is of {', '.join(groups)}")
        elif group and _unserved(group, snapshot) and _unresolved_for_long(seen, snapshot):
            served = ", ".join(snapshot.pool_groups or ()) or "no InferencePool at all"
            words = f"Istio {snapshot.istio_version} serves {served}"
            yield _wrong_group(seen, pool, group, words)


def _group(item: Object) -> str:
    return str(item.get("apiVersion", "")).partition("/")[0]


def _unserved(group: str, snapshot: Snapshot) -> bool:
    return snapshot.pool_groups is not None and group not in snapshot.pool_groups


def _unresolved_for_long(seen: Seen, snapshot: Snapshot) -> bool:
    """Whether a gateway does not know a backend's kind: KServe repairs it within seconds."""
    return any(
        one.get("type") == "ResolvedRefs"
        and one.get("status") == "False"
        and snapshot.age(one.get("lastTransitionTime")) > SETTLING_SECONDS
        for route in _effective(seen, snapshot)
        for parent in status(route).get("parents") or ()
        for one in parent.get("conditions") or ()
    )


def _wrong_group(seen: Seen, pool: str, group: str, found: str) -> Finding:
    return Finding(
        code="DIAGNOSIS-POOL-GROUP",
        severity="error",
        message="the route names an InferencePool of another API group than the one that serves, "
        "so the gateway answers 500",
        subject=seen.subject,
        path=f"HTTPRoute, backendRefs to InferencePool {pool} of {group}",
        found=found,
        expected="the group in which the pool exists and which Istio serves",
        fix=f"delete the route, KServe makes its own anew: kubectl -n {seen.namespace} delete "
        "httproute NAME; docs/operators.md lists which Istio serves "
        "which group",
        source="upstream Istio 1.28.3, run; kserve/kserve pull request 5007",
    )


def _scheduler(seen: Seen, snapshot: Snapshot) -> Iterator[Finding]:
    if not seen.scheduled:
        return
    name = child_name(seen.name, "-kserve-router-scheduler")
    if not snapshot.things.read("Deployment", seen.namespace):
        return
    deployment = snapshot.things.one("Deployment", seen.namespace, name)
    down = away(deployment, snapshot) if deployment is not None else None
    if (deployment is None and _own_scheduler(seen)) or down:
        yield Finding(
            code="DIAGNOSIS-SCHEDULER-DOWN",
            severity="error",
            message="the scheduler (EPP) does not run: the gateway answers 500, or spreads "
            "requests at random where the pool fails open",
            subject=seen.subject,
            path=f"Deployment {seen.namespace}/{name}",
            found=down.words if down else "it does not exist",
            expected="at least one pod that is available",
            fix=_again(seen) + (f"; {down.look} tells more" if down else ""),
            source="gateway-api-inference-extension, endpoint picker",
        )


def _own_scheduler(seen: Seen) -> bool:
    """Whether KServe makes the scheduler: not for a pool that somebody else made."""
    scheduler = seen.router.get("scheduler") or {}
    return not (scheduler.get("pool") or {}).get("ref")


def _services(seen: Seen, snapshot: Snapshot) -> Iterator[Finding]:
    """Services that are gone, or that select none of the pods that are ready."""
    if not snapshot.things.read("Service", seen.namespace):
        return
    servers = [pod for pod in seen.sight.servers_pods if is_ready(pod)]
    schedulers = [pod for pod in seen.sight.pods if is_ready(pod) and not is_workload(pod)]
    wanted = [(child_name(seen.name, "-kserve-workload-svc"), servers)] if seen.routed else []
    if seen.scheduled and _own_scheduler(seen):
        wanted.append((child_name(seen.name, SCHEDULER_SERVICE), schedulers))
    for name, pods in wanted:
        live = snapshot.things.one("Service", seen.namespace, name)
        if live is None:
            yield Finding(
                code="DIAGNOSIS-SERVICE-MISSING",
                severity="error",
                message="a Service that the gateway sends requests to is not there",
                subject=seen.subject,
                path=f"Service {seen.namespace}/{name}",
                found="it does not exist",
                expected="the Service that KServe makes",
                fix=_again(seen),
                source="KServe, pkg/controller/llmisvc",
            )
            continue
        slices = slices_of(snapshot, seen.namespace, name)
        settled = all(_ready_for(pod, snapshot) > SETTLING_SECONDS for pod in pods)
        if pods and settled and not ready_endpoint(slices):
            selector = (live.get("spec") or {}).get("selector") or {}
            words = ", ".join(f"{key}={value}" for key, value in sorted(selector.items()))
            yield Finding(
                code="DIAGNOSIS-SERVICE-NO-ENDPOINT",
                severity="error",
                message="a Service selects none of the pods that are ready, so the gateway has "
                "nobody to send requests to",
                subject=seen.subject,
                path=f"Service {seen.namespace}/{name}, spec.selector",
                found=f"{words or 'no selector'}; {len(pods)} ready pods, none of them an endpoint",
                expected="labels that the pods carry",
                fix=f"delete the Service, KServe makes it anew: kubectl -n {seen.namespace} delete "
                f"service {name}",
                source="Kubernetes, Service",
            )


def _ready_for(pod: Object, snapshot: Snapshot) -> float:
    said = with_status(pod, "Ready") or {}
    return snapshot.age(said.get("lastTransitionTime"))


def _address(seen: Seen) -> Iterator[Finding]:
    service = seen.sight.service or {}
    if seen.routed and with_status(service, "Ready") and address_from_status(service) is None:
        yield Finding(
            code="DIAGNOSIS-URL-MISSING",
            severity="error",
            message="the service says Ready and has no address: nobody can reach it",
            subject=seen.subject,
            path="status.url, status.addresses",
            found="neither",
            expected="the address of the Gateway with the service's path",
            fix="look at its route and at the Gateway's address; if both are there, restart "
            "KServe's controller",
            source="KServe release-v0.15, run",
        )


def _stuck_rollout(seen: Seen, snapshot: Snapshot) -> Iterator[Finding]:
    """A new pod that waits for the chips that an old one of the same service holds."""
    newest = {uid_of(pod) for pod in seen.sight.pods}
    waiting = [
        pod
        for pod in seen.sight.servers_pods
        if not is_over(pod) and unschedulable(pod) and snapshot.born(pod) > SETTLING_SECONDS
    ]
    labels = {"app.kubernetes.io/name": seen.name, "kserve.io/component": "workload"}
    old = [
        pod
        for pod in snapshot.things.labelled("Pod", seen.namespace, labels)
        if uid_of(pod) not in newest
        and is_ready(pod)
        and not pod["metadata"].get("deletionTimestamp")
    ]
    room = seen.sight.room
    grows = room is not None and room.when in ("now", "after_scale_up")
    if not waiting or not old or grows or seen.sight.leaving:
        return
    counted = replicas_of(next(filter(is_workload, seen.sight.deployments), None))
    yield Finding(
        code="DIAGNOSIS-ROLLOUT-STUCK",
        severity="error",
        message="an update hangs: the new pod waits for chips that the old pod holds until the new "
        "one is ready; the old one serves, and Ready says True",
        subject=seen.subject,
        path=f"pod {name_of(waiting[0])}",
        found=quoted(
            f"{counted.updated} of {counted.wanted} pods updated, {counted.present} exist, pod "
            f"{name_of(old[0])} holds the chips; {unschedulable(waiting[0])}"
        ),
        expected="as many free chips as the new pod asks for, or no old pod",
        fix=f"kubectl -n {seen.namespace} delete pod {name_of(old[0])} (it stops serving until the "
        "new one is up), or add a TPU node; role model does it with model_update_strategy",
        source="KServe release-v0.15, run; maxSurge 25 % of one replica is one pod",
    )


def _shadow(seen: Seen, snapshot: Snapshot) -> Iterator[Finding]:
    """Istio's own Service of a pool, whose labels keep what the pool asked for at first."""
    for pool in snapshot.things.all(_POOL, seen.namespace):
        name = pool["metadata"]["name"]
        picker = (pool.get("spec") or {}).get("endpointPickerRef")
        if not picker or name != child_name(seen.name, "-inference-pool"):
            continue
        now = {
            "service": str(picker.get("name", "")),
            "port": str((picker.get("port") or {}).get("number", "")),
            "failure-mode": str(picker.get("failureMode", "")),
        }
        for shadow in snapshot.things.labelled("Service", seen.namespace, {SHADOW_OF: str(name)}):
            labels = shadow["metadata"].get("labels") or {}
            old = {
                key: labels[_SHADOW + key]
                for key, value in now.items()
                if value and labels.get(_SHADOW + key, value) != value
            }
            if old:
                kept = ", ".join(f"{key} {value}" for key, value in sorted(old.items()))
                yield Finding(
                    code="DIAGNOSIS-SHADOW-OLD",
                    severity="error",
                    message="Istio goes on with what the InferencePool asked for before it was "
                    "changed",
                    subject=seen.subject,
                    path=f"Service {seen.namespace}/{shadow['metadata']['name']}",
                    found=f"{kept}, as the pool was once",
                    expected=", ".join(f"{key} {now[key]}" for key in sorted(old)),
                    fix="delete that Service, istiod makes it anew at once: kubectl -n "
                    f"{seen.namespace} delete service {shadow['metadata']['name']}",
                    source="upstream Istio 1.28.3, run",
                )


def _servers(seen: Seen, snapshot: Snapshot) -> Iterator[Finding]:
    """Pods that are Ready and whose server does not answer."""
    answered = seen.asked is not None and not seen.asked.findings and not seen.asked.problem
    for pod in seen.sight.servers_pods:
        answer = snapshot.alive.get(f"{seen.namespace}/{name_of(pod)}")
        if answer is None or answer.reached or answer.forbidden:
            continue
        # Lost packets may be a firewall's; a question that was answered speaks for the server.
        if answered and _TIMED_OUT.search(answer.words):
            continue
        yield Finding(
            code="DIAGNOSIS-SERVER-DEAD",
            severity="error",
            message="the pod is Ready, and the model server in it does not answer: requests that "
            "the scheduler sends there fail or hang",
            subject=seen.subject,
            path=f"pod {name_of(pod)}",
            found=quoted(f"GET /health on port 8000: {answer.words}"),
            expected="an answer within seconds",
            fix=f"kubectl -n {seen.namespace} delete pod {name_of(pod)}; a livenessProbe on "
            "/health restarts it by itself (the preset has one)",
            source="run: the scheduler goes on choosing a dead server, since it looks idle",
        )


def certificate_secret(seen: Seen) -> str:
    """The Secret of the server's certificate, as namespace/name."""
    return f"{seen.namespace}/{child_name(seen.name, '-kserve-self-signed-certs')}"


def _certificate(seen: Seen, snapshot: Snapshot) -> Iterator[Finding]:
    """The server's own certificate: valid, and signed by somebody whom the gateway trusts."""
    secret = certificate_secret(seen)
    pem = snapshot.certificates.get((secret, "tls.crt"), "")
    read = certificate_of(pem)
    name = secret.rpartition("/")[2]
    again = f"kubectl -n {seen.namespace} delete secret {name}: KServe makes it anew"
    over = expired(pem, f"Secret {secret}", again, snapshot.now)
    if over:
        yield over
    bundle = ((snapshot.gateway.bundle if snapshot.gateway else None) or {}).get("data") or {}
    trusted = _authorities(str(bundle.get("ca.crt", "")))
    if read is None or not trusted or any(signed_by(read, one) for one in trusted):
        return
    yield Finding(
        code="DIAGNOSIS-CERTIFICATE-FOREIGN",
        severity="error",
        message="the model server's certificate is signed by an authority that the gateway does "
        "not trust: /v1/models and /health fail, and everything does without a scheduler",
        subject=seen.subject,
        path=f"Secret {secret}",
        found=f"signed by {read.issuer.rfc4514_string()}, before the authority was re-issued",
        expected="the authority in ConfigMap odh-ca-bundle of the gateway's namespace",
        fix=again,
        source="KServe, pkg/controller/llmisvc/workload_tls_self_signed.go",
    )


def _authorities(text: str) -> list[str]:
    end = "-----END CERTIFICATE-----"
    return [part + end for part in text.split(end) if "-----BEGIN CERTIFICATE-----" in part]
