# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Is an object ready, and if not, what is it waiting for? A table from kind to predicate. Pure.

Sources: Kubernetes API reference (Deployment, CustomResourceDefinition, …), Gateway API v1.4
("Status conditions"), cert-manager's API reference, sail-operator `api/v1/istio_types.go`, KServe
`pkg/apis/serving/v1alpha1/llm_inference_service_lifecycle.go`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Wish:
    """An object to wait for, and what it needs beyond its kind's own rule."""

    api_version: str
    kind: str
    name: str
    namespace: str | None = None
    conditions: tuple[str, ...] = ()
    field: str | None = None
    keys: tuple[str, ...] = ()
    ca_bundle: bool = False
    gone: bool = False

    @property
    def title(self) -> str:
        """How messages call the object."""
        return f"{self.kind} {self.namespace + '/' if self.namespace else ''}{self.name}"


@dataclass(frozen=True)
class Verdict:
    """Ready or what it waits for; hopeless: it cannot become ready by itself."""

    ready: bool
    reason: str
    hopeless: bool = False


@dataclass(frozen=True)
class Sight:
    """What was read for one wish: the object, and for a Service its EndpointSlices."""

    live: Mapping[str, Any]
    slices: tuple[Mapping[str, Any], ...] = ()


READY = Verdict(True, "ready")
Predicate = Callable[[Sight, Wish], Verdict]


def judge(sight: Sight, wish: Wish) -> Verdict:
    """The verdict on an object that exists: its kind's rule, or the wish's own conditions."""
    if sight.live.get("metadata", {}).get("deletionTimestamp"):
        return _not_yet(still_there(sight.live))
    if wish.conditions or wish.field:
        verdict = _conditions(sight.live, wish.conditions)
        return _field(sight.live, wish.field) if verdict.ready and wish.field else verdict
    return _PREDICATES.get(wish.kind, _any_kind)(sight, wish)


def judge_gone(live: Mapping[str, Any] | None) -> Verdict:
    """The verdict on an object that shall not exist (None: it does not)."""
    return Verdict(True, "it is gone") if live is None else _not_yet(still_there(live))


def still_there(live: Mapping[str, Any]) -> str:
    """Why an object is not gone: who holds it, in the words of its finalizers and conditions.

    Sources: Kubernetes documentation, "Finalizers"; the conditions are those of the namespace
    controller (`NamespaceContentRemaining`, …) and of a CustomResourceDefinition (`Terminating`).
    """
    metadata = live.get("metadata", {})
    since = metadata.get("deletionTimestamp")
    if not since:
        return "it is there, and nobody has asked to delete it"
    finalizers = [
        *(metadata.get("finalizers") or ()),
        *(
            (live.get("spec") or {}).get("finalizers") or ()
            if live.get("kind") == "Namespace"
            else ()
        ),
    ]
    parts = [f"it is being deleted since {since}"]
    parts += [f"held by {', '.join(finalizers)}"] if finalizers else []
    for condition in (live.get("status") or {}).get("conditions") or ():
        name = str(condition.get("type", ""))
        if name.startswith(("Namespace", "Terminating")) and condition.get("status") == "True":
            parts.append(f"{name}: {condition.get('message')}")
    return "; ".join(parts)


def _not_yet(reason: str) -> Verdict:
    return Verdict(False, reason)


def _all(verdicts: Iterable[Verdict]) -> Verdict:
    """The first that is not ready; hopeless ones first."""
    unready = [verdict for verdict in verdicts if not verdict.ready]
    return next((v for v in unready if v.hopeless), unready[0] if unready else READY)


def _conditions(live: Mapping[str, Any], wanted: Iterable[str]) -> Verdict:
    """Conditions given as `Type` or `Type=Status`: all present, current and so."""
    conditions = (live.get("status") or {}).get("conditions") or ()
    generation = live.get("metadata", {}).get("generation")
    return _all(_condition(conditions, name, generation) for name in wanted)


def _condition(
    conditions: Iterable[Mapping[str, Any]], wanted: str, generation: int | None
) -> Verdict:
    name, _equals, status = wanted.partition("=")
    status = status or "True"
    found = next((c for c in conditions if c.get("type") == name), None)
    if found is None:
        return _not_yet(f"condition {name} is not reported yet")
    observed = found.get("observedGeneration")
    if observed is not None and generation is not None and observed < generation:
        return _not_yet(f"condition {name} is of an older generation ({observed} of {generation})")
    if found.get("status") != status:
        words = ": ".join(str(found[key]) for key in ("reason", "message") if found.get(key))
        return _not_yet(
            f"condition {name} is {found.get('status')}" + (f" ({words})" if words else "")
        )
    return READY


def _observed(live: Mapping[str, Any]) -> Verdict:
    """Whether the controller has seen the latest generation."""
    generation = live.get("metadata", {}).get("generation")
    observed = (live.get("status") or {}).get("observedGeneration")
    if observed is None:
        return _not_yet("its controller has not reported yet")
    if generation is not None and observed < generation:
        return _not_yet(f"its controller has seen generation {observed} of {generation}")
    return READY


def _field(live: Mapping[str, Any], wanted: str | None) -> Verdict:
    """A field given as `path` (there and not empty) or `path=value`."""
    path, equals, value = (wanted or "").lstrip(".").partition("=")
    node: Any = live
    for name in path.split("."):
        node = node.get(name) if isinstance(node, Mapping) else None
    if equals and str(node) != value:
        return _not_yet(f"{path} is {'not there' if node is None else node}, not {value}")
    if not equals and node in (None, "", [], {}):
        return _not_yet(f"{path} is empty")
    return READY


# Words of admission that refuse a pod for good; others (a webhook not reachable) may heal.
_REFUSALS = ("denied the request", "exceeded quota", "violates PodSecurity", "is invalid")


def _replica_failure(live: Mapping[str, Any]) -> Verdict:
    for condition in (live.get("status") or {}).get("conditions") or ():
        if condition.get("type") == "ReplicaFailure" and condition.get("status") == "True":
            words = str(condition.get("message", ""))
            return Verdict(
                False,
                f"its pods are refused: {words}",
                any(refusal in words for refusal in _REFUSALS),
            )
    return READY


def _deployment(sight: Sight, _wish: Wish) -> Verdict:
    live = sight.live
    observed = _observed(live)
    if not observed.ready:
        return observed
    status = live.get("status") or {}
    replicas = live.get("spec", {}).get("replicas", 1)
    counted = {
        name: int(status.get(f"{name}Replicas") or 0) for name in ("updated", "available")
    } | {"existing": int(status.get("replicas") or 0)}
    if all(count == replicas for count in counted.values()):
        return READY
    return _all(
        (
            _replica_failure(live),
            _not_yet(
                f"{counted['updated']} of {replicas} pods updated, "
                f"{counted['available']} available, {counted['existing']} exist"
            ),
        )
    )


def _stateful_set(sight: Sight, _wish: Wish) -> Verdict:
    status = sight.live.get("status") or {}
    replicas = sight.live.get("spec", {}).get("replicas", 1)
    updated, ready = int(status.get("updatedReplicas") or 0), int(status.get("readyReplicas") or 0)
    enough = updated == ready == replicas
    counts = READY if enough else _not_yet(f"{updated} of {replicas} pods updated, {ready} ready")
    return _all((_observed(sight.live), counts))


def _daemon_set(sight: Sight, _wish: Wish) -> Verdict:
    status = sight.live.get("status") or {}
    desired = int(status.get("desiredNumberScheduled") or 0)
    updated, ready = (
        int(status.get("updatedNumberScheduled") or 0),
        int(status.get("numberReady") or 0),
    )
    enough = updated == ready == desired
    counts = READY if enough else _not_yet(f"{updated} of {desired} pods updated, {ready} ready")
    return _all((_observed(sight.live), counts))


def _job(sight: Sight, _wish: Wish) -> Verdict:
    for condition in (sight.live.get("status") or {}).get("conditions") or ():
        if condition.get("type") == "Failed" and condition.get("status") == "True":
            words = f"{condition.get('reason')}: {condition.get('message')}"
            return Verdict(False, f"it failed ({words})", hopeless=True)
    return _conditions(sight.live, ("Complete",))


def _definition(sight: Sight, wish: Wish) -> Verdict:
    live = sight.live
    for condition in (live.get("status") or {}).get("conditions") or ():
        if condition.get("type") == "NamesAccepted" and condition.get("status") == "False":
            return Verdict(
                False, f"its names are refused: {condition.get('message')}", hopeless=True
            )
    verdict = _conditions(live, ("Established",))
    if not verdict.ready or not wish.ca_bundle:
        return verdict
    conversion = live.get("spec", {}).get("conversion") or {}
    client = (conversion.get("webhook") or {}).get("clientConfig") or {}
    if conversion.get("strategy") == "Webhook" and not client.get("caBundle"):
        return _not_yet("the caBundle of its conversion webhook is not injected yet")
    return READY


def _webhooks(sight: Sight, _wish: Wish) -> Verdict:
    bare = [
        str(webhook.get("name"))
        for webhook in sight.live.get("webhooks") or ()
        if not (webhook.get("clientConfig") or {}).get("caBundle")
    ]
    return _not_yet(f"no caBundle is injected yet into {', '.join(bare)}") if bare else READY


def _istio(sight: Sight, _wish: Wish) -> Verdict:
    state = (sight.live.get("status") or {}).get("state")
    healthy = READY if state == "Healthy" else _not_yet(f"status.state is {state}, not Healthy")
    return _all((_observed(sight.live), _conditions(sight.live, ("Reconciled", "Ready")), healthy))


def _gateway(sight: Sight, _wish: Wish) -> Verdict:
    verdict = _conditions(sight.live, ("Accepted", "Programmed"))
    if verdict.ready and not (sight.live.get("status") or {}).get("addresses"):
        return _not_yet("it is Programmed but has no address yet")
    return verdict


def _parents(wanted: tuple[str, ...]) -> Predicate:
    """For HTTPRoute and InferencePool: each parent reports these conditions as True."""

    def predicate(sight: Sight, _wish: Wish) -> Verdict:
        status = sight.live.get("status") or {}
        parents = status.get("parents") or status.get("parent") or ()
        if not parents:
            return _not_yet("no Gateway has reported on it yet")
        generation = sight.live.get("metadata", {}).get("generation")
        return _all(
            _condition(parent.get("conditions") or (), name, generation)
            for parent in parents
            for name in wanted
        )

    return predicate


def _inference_service(sight: Sight, _wish: Wish) -> Verdict:
    """Conditions must be there: KServe drops the ones it could not work out, and stays Ready."""
    router = sight.live.get("spec", {}).get("router") or {}
    wanted = ["PresetsCombined", "MainWorkloadReady"]
    if router.get("scheduler") is not None:
        wanted += ["SchedulerWorkloadReady", "InferencePoolReady"]
    if router.get("route") is not None:
        wanted += ["HTTPRoutesReady"]
    return _all((_observed(sight.live), _conditions(sight.live, [*wanted, "Ready"])))


def _namespace(sight: Sight, _wish: Wish) -> Verdict:
    phase = (sight.live.get("status") or {}).get("phase")
    return READY if phase == "Active" else _not_yet(f"status.phase is {phase}, not Active")


def _secret(sight: Sight, wish: Wish) -> Verdict:
    data = sight.live.get("data") or {}
    missing = [key for key in wish.keys if not data.get(key)]
    if missing:
        return _not_yet(
            f"it has no {', '.join(missing)} (it has {', '.join(sorted(data)) or 'nothing'})"
        )
    return READY


def _service(sight: Sight, _wish: Wish) -> Verdict:
    for slice_ in sight.slices:
        for endpoint in slice_.get("endpoints") or ():
            if (endpoint.get("conditions") or {}).get("ready", True):
                return READY
    return _not_yet("it has no ready endpoint")


def _any_kind(sight: Sight, _wish: Wish) -> Verdict:
    """Other kinds: there, and if one of the usual conditions is reported it is True."""
    reported = {c.get("type") for c in (sight.live.get("status") or {}).get("conditions") or ()}
    usual = [name for name in ("Ready", "Available", "Accepted") if name in reported]
    return _conditions(sight.live, usual)


def _named(*names: str) -> Predicate:
    return lambda sight, _wish: _conditions(sight.live, names)


_PREDICATES: dict[str, Predicate] = {
    "Certificate": _named("Ready"),
    "ClusterIssuer": _named("Ready"),
    "ConfigMap": _secret,
    "CustomResourceDefinition": _definition,
    "DaemonSet": _daemon_set,
    "Deployment": _deployment,
    "Gateway": _gateway,
    "GatewayClass": _named("Accepted"),
    "HTTPRoute": _parents(("Accepted", "ResolvedRefs")),
    "InferencePool": _parents(("Accepted",)),
    "Issuer": _named("Ready"),
    "Istio": _istio,
    "Job": _job,
    "LLMInferenceService": _inference_service,
    "MutatingWebhookConfiguration": _webhooks,
    "Namespace": _namespace,
    "Secret": _secret,
    "Service": _service,
    "StatefulSet": _stateful_set,
    "ValidatingWebhookConfiguration": _webhooks,
}
