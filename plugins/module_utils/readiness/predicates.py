# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Is an object ready, and if not, what is it waiting for? A table from kind to predicate. Pure.

Sources: Kubernetes API reference (Deployment, CustomResourceDefinition, …), Gateway API v1.4
("Status conditions"), cert-manager's API reference, sail-operator `api/v1/istio_types.go`, KServe
`pkg/apis/serving/v1alpha1/llm_inference_service_lifecycle.go`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ansible_collections.llmd.tpu.plugins.module_utils.readiness import routing, webhooks
from ansible_collections.llmd.tpu.plugins.module_utils.readiness.verdicts import (
    READY,
    Object,
    Sight,
    Verdict,
    Wish,
    condition_words,
    has_field,
    named_conditions,
    not_yet,
    observed,
    status,
    still_there,
    with_status,
    worst,
)

Predicate = Callable[[Sight, Wish], Verdict]


def judge(sight: Sight, wish: Wish) -> Verdict:
    """The verdict on an object that exists: its kind's rule, or the wish's own conditions."""
    if wish.gone or sight.live.get("metadata", {}).get("deletionTimestamp"):
        return not_yet(still_there(sight.live))
    if wish.by_kind:
        group = wish.api_version.rpartition("/")[0]
        ours = _GROUPS.get(wish.kind, group) == group
        return (_PREDICATES.get(wish.kind, _any_kind) if ours else _any_kind)(sight, wish)
    verdict = named_conditions(sight.live, wish.conditions)
    return has_field(sight.live, wish.field) if verdict.ready and wish.field else verdict


def judge_absent(wish: Wish) -> Verdict:
    """The verdict on an object that does not exist."""
    return Verdict(True, "it is gone") if wish.gone else not_yet("it does not exist")


def judge_left(left: Sequence[Object]) -> Verdict:
    """The verdict on objects that are all to go: who is left, and what holds the first."""
    if not left:
        return Verdict(True, "they are gone")
    names = [str(one["metadata"].get("name")) for one in left]
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return not_yet(f"{', '.join(names[:3])}{more} left; of the first: {still_there(left[0])}")


def _replicas(live: Object) -> int:
    return int((live.get("spec") or {}).get("replicas", 1))


def _deployment(sight: Sight, _wish: Wish) -> Verdict:
    return rolled_out(sight.live)


def rolled_out(live: Object) -> Verdict:
    """Whether all pods of a Deployment are new, available, and no old ones are left."""
    seen = observed(live)
    if not seen.ready:
        return seen
    counted = status(live)
    updated, available, existing = (
        int(counted.get(name) or 0) for name in ("updatedReplicas", "availableReplicas", "replicas")
    )
    replicas = _replicas(live)
    if updated == available == existing == replicas:
        return READY
    refused = with_status(live, "ReplicaFailure")
    if refused:
        return not_yet(f"its pods are refused: {refused.get('message')}")
    words = f"{updated} of {replicas} pods updated, {available} available, {existing} exist"
    stuck = with_status(live, "Progressing", "False")
    return not_yet(f"{words} ({condition_words(stuck)})" if stuck else words)


def _stateful_set(sight: Sight, _wish: Wish) -> Verdict:
    counted, replicas = status(sight.live), _replicas(sight.live)
    return _ready_pods(
        sight.live, counted.get("updatedReplicas"), counted.get("readyReplicas"), replicas
    )


def _daemon_set(sight: Sight, _wish: Wish) -> Verdict:
    counted = status(sight.live)
    return _ready_pods(
        sight.live,
        counted.get("updatedNumberScheduled"),
        counted.get("numberReady"),
        int(counted.get("desiredNumberScheduled") or 0),
    )


def _ready_pods(live: Object, updated: int | None, ready: int | None, wanted: int) -> Verdict:
    enough = (updated or 0) == (ready or 0) == wanted
    words = f"{updated or 0} of {wanted} pods updated, {ready or 0} ready"
    return worst((observed(live), READY if enough else not_yet(words)))


def _job(sight: Sight, _wish: Wish) -> Verdict:
    failed = with_status(sight.live, "Failed")
    if failed:
        return Verdict(False, f"it failed ({condition_words(failed)})", hopeless=True)
    return named_conditions(sight.live, ("Complete",))


def _definition(sight: Sight, wish: Wish) -> Verdict:
    refused = with_status(sight.live, "NamesAccepted", "False")
    if refused:
        return Verdict(False, f"its names are refused: {refused.get('message')}", hopeless=True)
    verdict = named_conditions(sight.live, ("Established",))
    return webhooks.judge(sight) if verdict.ready and wish.ca_bundle else verdict


def _certificate(sight: Sight, _wish: Wish) -> Verdict:
    verdict = named_conditions(sight.live, ("Ready",))
    failed = with_status(sight.live, "Issuing", "False")
    if verdict.ready or not failed:
        return verdict
    return not_yet(f"{verdict.reason}; the last try failed ({condition_words(failed)})")


def _istio(sight: Sight, _wish: Wish) -> Verdict:
    state = status(sight.live).get("state")
    healthy = READY if state == "Healthy" else not_yet(f"status.state is {state}, not Healthy")
    return worst(
        (observed(sight.live), named_conditions(sight.live, ("Reconciled", "Ready")), healthy)
    )


def _inference_service(sight: Sight, _wish: Wish) -> Verdict:
    """Conditions must be there: KServe drops the ones it could not work out, and stays Ready.

    It stays Ready, too, while a rolling update is stuck, so its Deployments are looked at.
    """
    live = sight.live
    metadata, router = live.get("metadata", {}), (live.get("spec") or {}).get("router") or {}
    if (metadata.get("annotations") or {}).get("serving.kserve.io/stop") == "true":
        return not_yet("it is stopped (annotation serving.kserve.io/stop)")
    wanted = ["PresetsCombined", "MainWorkloadReady"]
    if router.get("scheduler") is not None:
        wanted += ["SchedulerWorkloadReady", "InferencePoolReady"]
    if router.get("route") is not None:
        wanted += ["HTTPRoutesReady"]
    reported = [str(c.get("type")) for c in status(live).get("conditions") or ()]
    others = [name for name in reported if name.endswith("Ready") and name not in wanted]
    parts = sorted(others, key=lambda name: name in ("RouterReady", "WorkloadsReady", "Ready"))
    return worst(
        (
            observed(live),
            named_conditions(live, [*wanted, *parts, "Ready"]),
            *map(_child, sight.deployments),
        )
    )


def _child(deployment: Object) -> Verdict:
    verdict = rolled_out(deployment)
    name = deployment["metadata"].get("name")
    return verdict if verdict.ready else not_yet(f"Deployment {name}: {verdict.reason}")


def _namespace(sight: Sight, _wish: Wish) -> Verdict:
    phase = status(sight.live).get("phase")
    return READY if phase == "Active" else not_yet(f"status.phase is {phase}, not Active")


def _secret(sight: Sight, wish: Wish) -> Verdict:
    data = sight.live.get("data") or {}
    missing = [key for key in wish.keys if not data.get(key)]
    if missing:
        return not_yet(
            f"it has no {', '.join(missing)} (it has {', '.join(sorted(data)) or 'nothing'})"
        )
    return READY


def _service(sight: Sight, wish: Wish) -> Verdict:
    slices = sight.slices.get(f"{wish.namespace}/{wish.name}", ())
    return READY if webhooks.ready_endpoint(slices) else not_yet("it has no ready endpoint")


def _any_kind(sight: Sight, _wish: Wish) -> Verdict:
    """Other kinds: there, and if one of the usual conditions is reported it is True."""
    reported = {c.get("type") for c in status(sight.live).get("conditions") or ()}
    usual = [name for name in ("Ready", "Available", "Accepted") if name in reported]
    return named_conditions(sight.live, usual)


def _named(*names: str) -> Predicate:
    return lambda sight, _wish: named_conditions(sight.live, names)


def _of(rule: Callable[[Sight], Verdict]) -> Predicate:
    return lambda sight, _wish: rule(sight)


# Names that other groups use for something else: Istio's Gateway, Knative's Service.
_GROUPS = {
    "Certificate": "cert-manager.io",
    "Gateway": "gateway.networking.k8s.io",
    "Service": "",
}
_PREDICATES: dict[str, Predicate] = {
    "Certificate": _certificate,
    "ClusterIssuer": _named("Ready"),
    "ConfigMap": _secret,
    "CustomResourceDefinition": _definition,
    "DaemonSet": _daemon_set,
    "Deployment": _deployment,
    "Gateway": _of(routing.gateway),
    "GatewayClass": _named("Accepted"),
    "HTTPRoute": _of(routing.route),
    "InferencePool": _of(routing.pool),
    "Issuer": _named("Ready"),
    "Istio": _istio,
    "Job": _job,
    "LLMInferenceService": _inference_service,
    "MutatingWebhookConfiguration": _of(webhooks.judge),
    "Namespace": _namespace,
    "Secret": _secret,
    "Service": _service,
    "StatefulSet": _stateful_set,
    "ValidatingWebhookConfiguration": _of(webhooks.judge),
}
