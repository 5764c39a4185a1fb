# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What phase model is going to do for all its services, as lists for one task each. Pure.

What is said of a service is read from the finished object, so that an override counts everywhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from ansible_collections.llmd.tpu.plugins.module_utils.metrics.monitoring import (
    METRICS_READER,
    Monitoring,
    everything_that_monitors,
    metrics_readers,
)
from ansible_collections.llmd.tpu.plugins.module_utils.serving.names import (
    ChildNames,
    names_of,
    service_selector,
)
from ansible_collections.llmd.tpu.plugins.module_utils.serving.rollout import is_stopped
from ansible_collections.llmd.tpu.plugins.module_utils.serving.service_inputs import (
    ServiceInputs,
    read_services,
)
from ansible_collections.llmd.tpu.plugins.module_utils.serving.service_manifest import manifest_of
from ansible_collections.llmd.tpu.plugins.module_utils.serving.storage import (
    SECRET_ANNOTATION,
    claim_of,
    hub_id,
    keys_of,
)
from ansible_collections.llmd.tpu.plugins.module_utils.serving.tracks import KIND, TRACKS, Track
from ansible_collections.llmd.tpu.plugins.module_utils.serving.view import View
from ansible_collections.llmd.tpu.plugins.module_utils.tpu.chips import chips_of_pod
from ansible_collections.llmd.tpu.plugins.module_utils.tpu.machines import (
    ACCELERATOR_LABEL,
    TOPOLOGY_LABEL,
)

Object = dict[str, Any]

_GATEWAY = "gateway.networking.k8s.io/v1"

# What earlier phases make for every service.
_FOUNDATIONS: tuple[Object, ...] = (
    {
        "api_version": "v1",
        "kind": "Secret",
        "namespace": "cert-manager",
        "name": "opendatahub-ca",
    },
    {
        "api_version": "serving.kserve.io/v1alpha1",
        "kind": "LLMInferenceServiceConfig",
        "namespace": "opendatahub",
        "name": "kserve-config-llm-template",
    },
    {
        "api_version": _GATEWAY,
        "kind": "Gateway",
        "namespace": "opendatahub",
        "name": "inference-gateway",
    },
)


_NO_MONITORING = Monitoring()


def plan(
    variables: Mapping[str, Any],
    entries: Sequence[Mapping[str, Any]],
    track_name: str,
    monitoring: Monitoring = _NO_MONITORING,
) -> dict[str, Any]:
    """Everything that the role's tasks take; `problems` says what is wrong with the inputs."""
    track = TRACKS[track_name]
    inputs, problems = read_services(variables, entries)
    services = [_Service(one, track) for one in inputs]
    running = [one for one in services if not one.stopped]
    spaces = list(dict.fromkeys(one.view.namespace for one in services))
    return {
        "problems": [*problems, *monitoring.problems()],
        "services": [one.told() for one in services],
        "objects": [one.manifest for one in services],
        "monitoring": [*(metrics_readers(spaces) if spaces else ()), *monitoring.objects(spaces)],
        "leftovers": monitoring.leftovers(spaces),
        "needs": _once([*(need for one in services for need in one.needs()), *monitoring.needs()]),
        "running": [{"namespace": s.inputs.namespace, "name": s.inputs.name} for s in running],
        "ready": [one.wish for one in running],
        "children": [
            *(child for one in running for child in one.children()),
            *monitoring.wishes(spaces),
        ],
        "gone": [gone_pods(*one.inputs.place) for one in services if one.stopped],
        "strategies": {
            f"{one.inputs.namespace}/{one.inputs.name}": one.inputs.update_strategy
            for one in services
        },
        "models": [
            {"uri": one.view.model_uri, "gated": one.inputs.gated}
            for one in services
            if one.view.model_uri
        ],
        "slices": [one.slice() for one in running],
        "pull_secrets": _once(one for service in services for one in service.pull_secrets()),
        "hub_secrets": _once(one for service in services for one in service.hub_secrets()),
        "access": [one for namespace in spaces for one in _access(namespace)],
        "namespaces": spaces,
    }


def removal(
    planned: Iterable[Mapping[str, Any]],
    ours: Sequence[Mapping[str, Any]],
    track_name: str,
    *,
    everything: bool,
    dashboard_namespace: str = "",
) -> dict[str, Any]:
    """What goes: which of our services (as model_info tells them), and what nobody needs then.

    ``everything`` names no objects: the task then takes all that carry the phase's label. The
    dashboard of ``dashboard_namespace`` goes with the last service.
    """
    named = {(str(one["namespace"]), str(one["name"])) for one in planned}
    places = [(str(one["namespace"]), str(one["name"])) for one in ours]
    going = [place for place in places if everything or place in named]
    staying = {namespace for namespace, _name in places if (namespace, _name) not in going}
    version = TRACKS[track_name].api_version
    left = sorted({namespace for namespace, _name in named} - staying)
    monitoring = everything_that_monitors(left, "" if staying else dashboard_namespace)
    readers = metrics_readers(left, shared=not staying)
    return {
        "services": [{"namespace": namespace, "name": name} for namespace, name in going],
        "objects": []
        if everything
        else [
            *(_object(version, KIND, name, namespace) for namespace, name in sorted(named)),
            *monitoring,
            *readers,
        ],
        "gone": [gone_pods(namespace, name) for namespace, name in going],
    }


def gone_pods(namespace: str, name: str) -> Object:
    """All pods of a service, for wait_ready: ready when none is left, and so its chips free."""
    return {
        "api_version": "v1",
        "kind": "Pod",
        "namespace": namespace,
        "selector": service_selector(name),
        "gone": True,
    }


class _Service:
    """One service: its inputs, the object they come to, and what follows from it."""

    def __init__(self, inputs: ServiceInputs, track: Track) -> None:
        self.inputs = inputs
        self.manifest = manifest_of(inputs, track)
        self.view = View(self.manifest)
        self.stopped = is_stopped(self.manifest)
        self._track = track

    @property
    def wish(self) -> Object:
        """The service itself, for wait_ready."""
        return self._wish(self._track.api_version, KIND, self.inputs.name)

    def told(self) -> dict[str, Any]:
        """What tasks say of it, and ask it with."""
        return {
            "namespace": self.inputs.namespace,
            "name": self.inputs.name,
            "model": self.view.served_name,
            "stopped": self.stopped,
            "scheduler": self._scheduled,
        }

    def needs(self) -> Iterator[Object]:
        """What must be there before it can start."""
        yield from _FOUNDATIONS
        yield {"api_version": "v1", "kind": "Namespace", "name": self.inputs.namespace}
        template = self.view.template
        yield from self.pull_secrets()
        storage = self.view.annotations.get(SECRET_ANNOTATION)
        if storage:
            keys = list(keys_of(self.view.model_uri))
            yield {**self._wish("v1", "Secret", storage), "keys": keys}
        if template.get("serviceAccountName"):
            yield self._wish("v1", "ServiceAccount", template["serviceAccountName"])
        claim = claim_of(self.view.model_uri)
        if claim:
            yield self._wish("v1", "PersistentVolumeClaim", claim)

    def pull_secrets(self) -> Iterator[Object]:
        """The Secrets that its image is pulled with."""
        for secret in self.view.template.get("imagePullSecrets") or ():
            yield self._wish("v1", "Secret", secret["name"])

    def hub_secrets(self) -> Iterator[Object]:
        """The Secret that a download from the hub finds: by name, or with its ServiceAccount."""
        name = self.view.annotations.get(SECRET_ANNOTATION) or self.inputs.token_secret_name
        if name and hub_id(self.view.model_uri):
            yield self._wish("v1", "Secret", name)

    def children(self) -> Iterator[Object]:
        """What KServe makes of it, which Ready alone does not prove."""
        names = self._names
        yield self._wish("apps/v1", "Deployment", names.workload)
        if self._scheduled:
            yield self._wish("apps/v1", "Deployment", names.scheduler)
        if self.view.router.get("route") is not None:
            yield self._wish(_GATEWAY, "HTTPRoute", names.route)
        if self._scheduled and self._track.pool_api_version:
            yield self._wish(self._track.pool_api_version, "InferencePool", names.pool)

    def slice(self) -> dict[str, Any]:
        """The TPU chips that it asks for."""

        def label(name: str) -> str:
            values = self.view.selector_values(name)
            return str(values[0].value) if values else ""

        return {
            "accelerator": label(ACCELERATOR_LABEL),
            "topology": label(TOPOLOGY_LABEL),
            "chips": chips_of_pod({"spec": self.view.template}),
            "replicas": self.view.spec.get("replicas", 1),
            "service": self.inputs.name,
            "namespace": self.inputs.namespace,
        }

    @property
    def _scheduled(self) -> bool:
        return self.view.router.get("scheduler") is not None

    @property
    def _names(self) -> ChildNames:
        return names_of(self.inputs.namespace, self.inputs.name, self._track)

    def _wish(self, api_version: str, kind: str, name: str) -> Object:
        return {
            "api_version": api_version,
            "kind": kind,
            "namespace": self.inputs.namespace,
            "name": name,
        }


def _access(namespace: str) -> Iterator[Object]:
    """What is asked beside the service and its children: how it starts, and by the smoke test."""
    yield {"resource": "pods", "verbs": ["list", "watch"], "namespace": namespace}
    yield {"resource": "pods/log", "verbs": ["get"], "namespace": namespace}
    yield {"resource": "events", "verbs": ["list", "watch"], "namespace": namespace}
    yield {"resource": "pods/proxy", "verbs": ["get"], "namespace": namespace}
    yield {"resource": "pods/portforward", "verbs": ["create"], "namespace": namespace}
    yield {
        "resource": "serviceaccounts/token",
        "verbs": ["create"],
        "namespace": namespace,
        "name": METRICS_READER,
    }
    yield {
        "group": _GATEWAY.partition("/")[0],
        "resource": "gateways",
        "verbs": ["get"],
        "namespace": "opendatahub",
        "name": "inference-gateway",
    }


def _object(api_version: str, kind: str, name: str, namespace: str = "") -> Object:
    metadata = {"name": name, **({"namespace": namespace} if namespace else {})}
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata}


def _once(wishes: Iterable[Object]) -> list[Object]:
    """Each wish once, although several services have it."""
    found: list[Object] = []
    seen: set[str] = set()
    for wish in wishes:
        if repr(wish) not in seen:
            seen.add(repr(wish))
            found.append(wish)
    return found
