# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""One look at an object: read it and what its readiness depends on, and say where to look again.

The object itself says whether it is ready; why it is not is often known only by its pods, their
events, or the Service behind it. Each look names the places whose changes call for the next one.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from urllib.parse import urlencode

from ansible_collections.llmd.tpu.plugins.module_utils.connection import ConnectionLost
from ansible_collections.llmd.tpu.plugins.module_utils.manifests.ahead import (
    FEW,
    listed,
    read_ahead,
)
from ansible_collections.llmd.tpu.plugins.module_utils.manifests.client import Api, ApiError
from ansible_collections.llmd.tpu.plugins.module_utils.manifests.kinds import Kind
from ansible_collections.llmd.tpu.plugins.module_utils.readiness import (
    pods,
    refusals,
    routing,
    webhooks,
)
from ansible_collections.llmd.tpu.plugins.module_utils.readiness.predicates import (
    judge,
    judge_absent,
    judge_left,
)
from ansible_collections.llmd.tpu.plugins.module_utils.readiness.verdicts import (
    Answer,
    Object,
    Sight,
    Verdict,
    Wish,
)

SAFETY_SECONDS = 15.0
"""The longest time without a look: what stands between us and the server may hold back watches."""
EVENT_SECONDS = 2.0
"""Between looks while events count, which are not watched."""
READ_SECONDS = 1.0
"""Between looks where no watch helps: an unknown kind, a webhook's answer, a refused watch."""

_WEBHOOKS = ("MutatingWebhookConfiguration", "ValidatingWebhookConfiguration")
_WORKLOADS = ("Deployment", "StatefulSet", "DaemonSet", "Job")
# Which phase of this collection installs the CRDs of a group.
_PHASES = {
    "cert-manager.io": "operators",
    "gateway.networking.k8s.io": "operators",
    "inference.networking.k8s.io": "operators",
    "inference.networking.x-k8s.io": "operators",
    "leaderworkerset.x-k8s.io": "operators",
    "networking.istio.io": "operators",
    "sailoperator.io": "operators",
    "telemetry.istio.io": "operators",
    "serving.kserve.io": "kserve",
}


@dataclass
class Memory:
    """What the first look counted: what began before it is not held against anyone."""

    looked: bool = False
    tries: pods.Tries = field(default_factory=dict)
    refusals: int = 0
    crashed: bool = False
    """Whether pods crashed since: between two crashes a workload looks ready for a moment."""


@dataclass
class Look:
    """What a look found, the places that ring for the next one, and its latest time."""

    verdict: Verdict
    places: list[str] = field(default_factory=list)
    again: float = SAFETY_SECONDS

    def soon(self, seconds: float) -> None:
        """Look again after this long, or sooner."""
        self.again = min(self.again, seconds)


# Labels that KServe puts on all it makes for services (pkg/controller/llmisvc).
_OF_SERVICES = "app.kubernetes.io/part-of=llminferenceservice"
_SERVICE_LABEL = "app.kubernetes.io/name"

_NOT_READ: Object = {}
_UNSEEN = Verdict(False, "not looked at yet")


class Looker:
    """Looks at objects; `kinds_exist` makes a kind that is not served a reason to give up."""

    def __init__(self, api: Api, *, kinds_exist: bool = False) -> None:
        self._api = api
        self._kinds_exist = kinds_exist
        self._ahead: dict[str, Object | None] = {}
        self._children: dict[str, Sequence[Object]] = {}
        self._gateways_seen: dict[str, bool] = {}
        self._asking = threading.Lock()

    def begin(self, wishes: Sequence[Wish], pool: ThreadPoolExecutor) -> None:
        """Before looks at all of these: read by lists what they have in common."""
        self._gateways_seen = {}
        known = [(self._api.kind(wish.api_version, wish.kind), wish) for wish in wishes]
        places = [(kind, wish.namespace, wish.name) for kind, wish in known if kind]
        self._ahead = dict(read_ahead(self._api, places, pool))
        self._children = self._read_children(wishes)

    def _read_children(self, wishes: Sequence[Wish]) -> dict[str, Sequence[Object]]:
        """The Deployments of many LLMInferenceServices, by the selector of each."""
        by_namespace: dict[str, list[Wish]] = {}
        for wish in wishes:
            if wish.kind == "LLMInferenceService" and wish.by_kind and wish.namespace:
                by_namespace.setdefault(wish.namespace, []).append(wish)
        kind, found = self._api.kind("apps/v1", "Deployment"), dict[str, Sequence[Object]]()
        for namespace, services in by_namespace.items():
            if kind is None or len(services) < FEW:
                continue
            items = listed(self._api, kind, namespace, len(services) * 2, _OF_SERVICES)
            for wish in services if items is not None else ():
                found[f"{namespace}/{_children(wish)}"] = [
                    item
                    for item in items or ()
                    if item["metadata"]["labels"].get(_SERVICE_LABEL) == wish.name
                ]
        return found

    def look(self, wish: Wish, memory: Memory) -> Look:
        """Look once; raises ApiError, ConnectionLost, ConnectionProblem."""
        look = Look(_UNSEEN)
        kind = self._kind(wish, memory)
        if kind is None:
            look.verdict = judge_absent(wish) if wish.gone else self._unknown(wish)
            look.soon(READ_SECONDS)
        elif kind.namespaced and not wish.namespace:
            words = f"namespace is not given, and {wish.kind} needs one"
            look.verdict = Verdict(False, words, hopeless=True)
        elif wish.selector:
            left = self._list(wish.api_version, wish.kind, wish.namespace, wish.selector, look)
            look.verdict = judge_left(left)
        else:
            self._look_at(kind, wish, memory, look)
        memory.looked = True
        return look

    def _kind(self, wish: Wish, memory: Memory) -> Kind | None:
        kind = self._api.kind(wish.api_version, wish.kind)
        if kind is None and memory.looked and "/" in wish.api_version:
            self._api.learn(wish.api_version)
            kind = self._api.kind(wish.api_version, wish.kind)
        return kind

    def _unknown(self, wish: Wish) -> Verdict:
        words = f"the server does not know the kind {wish.kind} in {wish.api_version}"
        group = wish.api_version.rpartition("/")[0]
        others = self._api.versions_of(group, wish.kind)
        if others:
            words += f"; it knows it in {', '.join(others)}"
        elif "." in group:
            words += ": its CustomResourceDefinition is not installed"
            words += f" (phase {_PHASES[group]} brings it)" if group in _PHASES else ""
        return Verdict(False, words, hopeless=self._kinds_exist)

    def _look_at(self, kind: Kind, wish: Wish, memory: Memory, look: Look) -> None:
        namespace = wish.namespace if kind.namespaced else None
        look.places.append(_one(kind, wish.name, namespace))
        path = kind.path(wish.name, namespace)
        live = self._ahead.pop(path, _NOT_READ)
        if live is _NOT_READ:
            live = self._api.get(path)
        if live is None:
            look.verdict = judge_absent(wish)
            return
        sight = self._sight(wish, live, look)
        look.verdict = judge(sight, wish)
        if look.verdict.ready or look.verdict.hopeless or wish.gone:
            return
        if any(not answer.reached for answer in sight.answers.values()):
            look.soon(READ_SECONDS)
        trouble = self._trouble(wish, sight, memory, look)
        if trouble:
            look.verdict = _joined(look.verdict, trouble)

    def _sight(self, wish: Wish, live: Object, look: Look) -> Sight:
        """The object with what its kind's rule looks at besides."""
        if not wish.by_kind:
            return Sight(live)
        if wish.kind == "Service":
            place = f"{wish.namespace}/{wish.name}"
            return Sight(live, slices={place: self._slices(place, look)})
        if wish.kind in _WEBHOOKS or (wish.kind == "CustomResourceDefinition" and wish.ca_bundle):
            return self._webhooks(live, look)
        if wish.kind == "InferencePool":
            return Sight(live, gateways=self._gateways(live, wish, look))
        if wish.kind == "LLMInferenceService":
            return Sight(live, deployments=self._deployments_of(wish, look))
        return Sight(live, deployments=(live,) if wish.kind == "Deployment" else ())

    def _deployments_of(self, wish: Wish, look: Look) -> Sequence[Object]:
        selector = _children(wish)
        found = self._children.pop(f"{wish.namespace}/{selector}", None)
        kind = self._api.kind("apps/v1", "Deployment")
        if found is None or kind is None:
            return self._helpful("apps/v1", "Deployment", wish.namespace, selector, look)
        look.places.append(_some(kind, wish.namespace, selector))
        return found

    def _slices(self, place: str, look: Look) -> Sequence[Object]:
        namespace, _slash, name = place.partition("/")
        selector = f"kubernetes.io/service-name={name}"
        return self._list("discovery.k8s.io/v1", "EndpointSlice", namespace, selector, look)

    def _webhooks(self, live: Object, look: Look) -> Sight:
        services = {client.place for client in webhooks.clients(live) if client.service}
        slices = {place: self._slices(place, look) for place in sorted(services)}
        paths = webhooks.to_ask(live, Sight(live, slices=slices))
        return Sight(live, slices=slices, answers={path: self._answer(path) for path in paths})

    def _answer(self, path: str) -> Answer:
        try:
            reply = self._api.ask(path)
        except ConnectionLost as problem:
            return Answer(False, str(problem))
        return webhooks.answer_of(reply.status, reply.body)

    def _gateways(self, live: Object, wish: Wish, look: Look) -> dict[str, bool]:
        """Whether the Gateways exist that have reported on a pool; unreadable ones do."""
        kind = self._api.kind("gateway.networking.k8s.io/v1", "Gateway")
        found: dict[str, bool] = {}
        for report in routing.parents_of(live):
            place = routing.gateway_of(report, wish.namespace or "")
            if place and kind and place not in found:
                namespace, _slash, name = place.partition("/")
                look.places.append(_one(kind, name, namespace))
                found[place] = self._gateway_exists(place, kind.path(name, namespace))
        return found

    def _gateway_exists(self, place: str, path: str) -> bool:
        """Asked once a pass, although all pools report on the same one."""
        with self._asking:
            if place not in self._gateways_seen:
                try:
                    self._gateways_seen[place] = self._api.get(path) is not None
                except ApiError:
                    self._gateways_seen[place] = True
            return self._gateways_seen[place]

    def _trouble(self, wish: Wish, sight: Sight, memory: Memory, look: Look) -> Verdict | None:
        """Why an object that is not ready is not, as others tell it."""
        if wish.kind == "Gateway" and wish.by_kind:
            return self._trouble_with_load_balancer(wish, look)
        selector = _pod_selector(wish, sight.live)
        if not selector:
            return self._stopped(sight, look)
        namespace = wish.namespace
        all_pods = self._helpful("v1", "Pod", namespace, selector, look)
        newest = pods.newest(all_pods)
        events: Sequence[Object] = ()
        if pods.need_events(newest):
            events = self._events(namespace, "reason=Failed", look)
        refused: Sequence[Object] = ()
        if refusals.need_events(wish.kind, sight.live, newest, sight.deployments):
            told = self._events(namespace, f"reason={refusals.REASON}", look)
            refused = refusals.of(told, sight.live, sight.deployments)
        if not memory.looked:
            pulls = self._events(namespace, "reason=Pulling", look) if events else ()
            memory.tries = pods.begun(newest, [*events, *pulls])
            memory.refusals = refusals.count(refused)
        memory.crashed = memory.crashed or pods.crashing(newest)
        leaving = any(pod["metadata"].get("deletionTimestamp") for pod in all_pods)
        verdict = refusals.judge(refused, memory.refusals, leaving=leaving)
        return verdict or pods.judge(newest, events, memory.tries)

    def _stopped(self, sight: Sight, look: Look) -> Verdict | None:
        """Whether somebody scaled to 0 what should answer for a Service."""
        kind = self._api.kind("v1", "Service")
        for place, slices in sight.slices.items():
            if kind is None or webhooks.ready_endpoint(slices):
                continue
            namespace, _slash, name = place.partition("/")
            try:
                service = self._api.get(kind.path(name, namespace)) or {}
            except ApiError:
                continue
            deployments = self._helpful("apps/v1", "Deployment", namespace, "", look)
            verdict = webhooks.stopped(place, service, deployments)
            if verdict:
                return verdict
        return None

    def _trouble_with_load_balancer(self, wish: Wish, look: Look) -> Verdict | None:
        """What a cloud says of the Service that Gateway controllers make for a Gateway."""
        selector = f"gateway.networking.k8s.io/gateway-name={wish.name}"
        services = self._helpful("v1", "Service", wish.namespace, selector, look)
        if not services:
            return None
        told = self._events(wish.namespace, "involvedObject.kind=Service,type=Warning", look)
        ours = {service["metadata"].get("uid") for service in services}
        events = [e for e in told if (e.get("involvedObject") or {}).get("uid") in ours]
        if not events:
            return None
        last = pods.latest(events)
        place = f"Service {wish.namespace}/{last['involvedObject'].get('name')}"
        return Verdict(False, f"{place}: {last.get('reason')}: {last.get('message')}")

    def _events(self, namespace: str | None, selector: str, look: Look) -> Sequence[Object]:
        look.soon(EVENT_SECONDS)
        kind = self._api.kind("v1", "Event")
        return self._items(kind, namespace, {"fieldSelector": selector}, helpful=True) or ()

    def _helpful(
        self, api_version: str, kind: str, namespace: str | None, selector: str, look: Look
    ) -> Sequence[Object]:
        """A list that only helps to explain: an account that may not read it does without."""
        return self._list(api_version, kind, namespace, selector, look, helpful=True)

    def _list(
        self,
        api_version: str,
        kind: str,
        namespace: str | None,
        selector: str,
        look: Look,
        *,
        helpful: bool = False,
    ) -> Sequence[Object]:
        place = self._api.kind(api_version, kind)
        found = self._items(place, namespace, {"labelSelector": selector}, helpful=helpful)
        if place and found is not None:
            look.places.append(_some(place, namespace, selector))
        return found or ()

    def _items(
        self, kind: Kind | None, namespace: str | None, query: Mapping[str, str], *, helpful: bool
    ) -> Sequence[Object] | None:
        """The objects of a list; None when only the account forbids it and we can do without."""
        if kind is None:
            return None
        try:
            answer = self._api.get(kind.path(None, namespace), query) or {}
        except ApiError as problem:
            if helpful and problem.status == 403:
                return None
            raise
        return tuple(answer.get("items") or ())


def _one(kind: Kind, name: str, namespace: str | None) -> str:
    """The place of a single object."""
    query = urlencode({"fieldSelector": f"metadata.name={name}"})
    return f"{kind.path(None, namespace)}?{query}"


def _some(kind: Kind, namespace: str | None, selector: str) -> str:
    """The place of the objects that carry labels."""
    return f"{kind.path(None, namespace)}?{urlencode({'labelSelector': selector})}"


def _joined(verdict: Verdict, trouble: Verdict) -> Verdict:
    """What an object says of itself, and what others say; a refusal is not told twice."""
    both = not (verdict.reason.startswith("its pods are refused") and "refused" in trouble.reason)
    reason = f"{verdict.reason}; {trouble.reason}" if both else trouble.reason
    return Verdict(False, reason, trouble.hopeless)


def _children(wish: Wish) -> str:
    """Selects all that KServe makes for a service."""
    return f"{_OF_SERVICES},{_SERVICE_LABEL}={wish.name}"


def _pod_selector(wish: Wish, live: Object) -> str:
    """The label selector of a workload's pods; empty for kinds without pods."""
    if wish.kind == "LLMInferenceService":
        return _children(wish)
    if wish.kind not in _WORKLOADS:
        return ""
    labels = ((live.get("spec") or {}).get("selector") or {}).get("matchLabels") or {}
    return ",".join(f"{name}={value}" for name, value in sorted(labels.items()))
