# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Look at everything once: parts, gateway, services, webhooks, servers. Asks only; no opinion.

A few lists of each namespace, in parallel; logs and events of one service only as a start's look
reads them. Of Secrets only certificates are kept. What the account may not read counts as unknown.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from ansible_collections.llmd.tpu.plugins.module_utils.connection import (
    PARALLEL,
    ConnectionLost,
    Session,
    connect,
    connection_options,
)
from ansible_collections.llmd.tpu.plugins.module_utils.diagnosis.gateways import listeners_secrets
from ansible_collections.llmd.tpu.plugins.module_utils.diagnosis.hooks import (
    KINDS,
    clients_of_parts,
    slices_of,
)
from ansible_collections.llmd.tpu.plugins.module_utils.diagnosis.models import certificate_secret
from ansible_collections.llmd.tpu.plugins.module_utils.diagnosis.snapshot import (
    DNS_NAMESPACE,
    Asked,
    Places,
    Seen,
    Snapshot,
    Things,
)
from ansible_collections.llmd.tpu.plugins.module_utils.diagnosis.urls import base_of
from ansible_collections.llmd.tpu.plugins.module_utils.findings import Finding
from ansible_collections.llmd.tpu.plugins.module_utils.gateway import gateway_info
from ansible_collections.llmd.tpu.plugins.module_utils.gateway.judge import ca_certificate
from ansible_collections.llmd.tpu.plugins.module_utils.operators import reading as operators
from ansible_collections.llmd.tpu.plugins.module_utils.operators.objects import image
from ansible_collections.llmd.tpu.plugins.module_utils.operators.versions import running_istio
from ansible_collections.llmd.tpu.plugins.module_utils.reader import Question, Reader, items
from ansible_collections.llmd.tpu.plugins.module_utils.readiness.verdicts import (
    Answer,
    Object,
    Wish,
)
from ansible_collections.llmd.tpu.plugins.module_utils.readiness.webhooks import (
    answer_of,
    ready_endpoint,
)
from ansible_collections.llmd.tpu.plugins.module_utils.serving.compatibility import row_of
from ansible_collections.llmd.tpu.plugins.module_utils.serving.kserve_info import read_installation
from ansible_collections.llmd.tpu.plugins.module_utils.serving.tracks import KIND, TRACKS
from ansible_collections.llmd.tpu.plugins.module_utils.smoke import smoke_test
from ansible_collections.llmd.tpu.plugins.module_utils.startup.looking import Eyes
from ansible_collections.llmd.tpu.plugins.module_utils.startup.sight import (
    Sight,
    is_ready,
    name_of,
)
from ansible_collections.llmd.tpu.plugins.module_utils.startup.stages import Stage, Step, step_of

HURRY_SECONDS = 10.0
"""How long what stands behind the API server may take: webhooks, servers in pods."""
_VERSIONS = tuple(
    sorted({version for one in TRACKS.values() for version in one.accepted_api_versions})
)[::-1]
_EVERYWHERE = (
    ("Deployment", "apps/v1"),
    ("Pod", "v1"),
    ("Event", "v1"),
    ("Service", "v1"),
    ("EndpointSlice", "discovery.k8s.io/v1"),
    ("NetworkPolicy", "networking.k8s.io/v1"),
)
_OF_MODELS = (
    ("HTTPRoute", "gateway.networking.k8s.io/v1"),
    ("InferencePool", "inference.networking.k8s.io/v1"),
    ("InferencePool", "inference.networking.x-k8s.io/v1alpha2"),
)
_MOMENT = 3.0
"""Seconds after which a kubelet has told of a container that ended."""
_HEALTH = "/api/v1/namespaces/{}/pods/https:{}:8000/proxy/health"
_REDHAT = "registry.redhat.io/"


@dataclass(frozen=True)
class World:
    """What the diagnosis touches; tests pass stand-ins. ``hurried`` waits only a short time."""

    connect: Callable[[Mapping[str, Any]], Session] = connect
    hurried: Callable[[Mapping[str, Any]], Session] = lambda options: connect(
        options, HURRY_SECONDS
    )
    smoke: Callable[[Mapping[str, Any]], dict[str, Any]] = smoke_test.run
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    pause: Callable[[float], None] = time.sleep


def look(parameters: Mapping[str, Any], world: World) -> Snapshot:
    """See everything that `deciding` judges.

    Raises ConnectionProblem, ConnectionLost, ApiError and ObjectReadError.
    """
    session = world.connect(parameters)
    reader = Reader(session)
    places = Places(
        parameters["kserve_namespace"],
        parameters["mesh_namespace"],
        parameters["ca_secret_namespace"],
        parameters["ca_secret_name"],
    )
    services = _services(parameters, reader)
    namespaces = list(dict.fromkeys(namespace for namespace, _name, _live in services))
    with ThreadPoolExecutor(PARALLEL) as pool:
        gateway = pool.submit(gateway_info.read, reader, _gateway(parameters, places))
        view = pool.submit(operators.read, reader.api, pools=True)
        installation = pool.submit(read_installation, session)
        eyes = Eyes(reader.api, session)
        eyes.begin(_wish(space, name, live) for space, name, live in services if live)
        seen = [pool.submit(_see, eyes, *one) for one in services]
        things = pool.submit(_things, reader, places, namespaces, parameters)
        labels = pool.submit(_namespaces, reader)
        snapshot = Snapshot(
            now=world.now(),
            places=places,
            things=things.result(),
            namespaces=labels.result(),
            services=[one.result() for one in seen],
            gateway=gateway.result(),
            operators=view.result(),
            installation=installation.result(),
            url=parameters["url"] or "",
        )
    return _closer(_with_versions(snapshot), parameters, reader, world)


def _services(
    parameters: Mapping[str, Any], reader: Reader
) -> list[tuple[str, str, Object | None]]:
    """Namespace, name and object of each service; a name that is asked for may have none."""
    name, namespace = parameters["name"], parameters["namespace"]
    [answer] = reader.ask([Question(KIND, _VERSIONS, namespace=namespace)])
    found = [
        (str(one["metadata"]["namespace"]), str(one["metadata"]["name"]), one)
        for one in items(answer)
    ]
    if name is None:
        return list(found)
    return [one for one in found if one[1] == name] or [(namespace, name, None)]


def _gateway(parameters: Mapping[str, Any], places: Places) -> dict[str, Any]:
    """The parameters of `gateway_info`."""
    namespace, _slash, name = (parameters["gateway"] or "").rpartition("/")
    return {
        "name": name or None,
        "namespace": namespace or (places.kserve if name else None),
        "kserve_namespace": places.kserve,
        "mesh_namespace": places.mesh,
        "ca_secret_name": places.authority,
        "ca_secret_namespace": places.certificates,
    }


def _wish(namespace: str, name: str, live: Object) -> Wish:
    return Wish(str(live["apiVersion"]), KIND, name, namespace)


def _see(eyes: Eyes, namespace: str, name: str, live: Object | None) -> Seen:
    """A service as at a start; but whatever happened before counts, since nothing is repaired."""
    if live is None:
        sight = Sight(f"{KIND} {namespace}/{name}", None)
        return Seen(namespace, name, sight, Step(Stage.ACCEPTED, "it does not exist"))
    wish = _wish(namespace, name, live)
    watched = eyes.watched()
    watched.looked = True
    sight = eyes.see(wish, watched).sight
    return Seen(namespace, name, sight, step_of(sight, wish))


def _things(
    reader: Reader, places: Places, namespaces: Iterable[str], parameters: Mapping[str, Any]
) -> Things:
    gateway = (parameters["gateway"] or "").partition("/")[0] or places.kserve
    models = list(namespaces)
    shared = [places.kserve, gateway, places.mesh, places.certificates, DNS_NAMESPACE]
    wanted: list[tuple[str, str, str]] = [
        (kind, version, place)
        for place in dict.fromkeys([*shared, *models])
        for kind, version in _EVERYWHERE
    ]
    wanted += [(kind, version, place) for place in models for kind, version in _OF_MODELS]
    wanted += [(kind, "admissionregistration.k8s.io/v1", "") for kind in KINDS]
    wanted += [("Node", "v1", "")]
    questions = [
        Question(kind, (version,), namespace=place or None, optional=True)
        for kind, version, place in wanted
    ]
    configs = "LLMInferenceServiceConfig"
    wanted += [(configs, _VERSIONS[0], places.kserve)]
    questions += [Question(configs, _VERSIONS, namespace=places.kserve, optional=True)]
    answers = reader.ask(questions)
    unread = [
        (kind, place)
        for (kind, version, place), answer in zip(wanted, answers, strict=True)
        if answer is None and reader.api.kind(version, kind) is not None
    ]
    return Things((one for answer in answers for one in items(answer)), unread)


def _namespaces(reader: Reader) -> dict[str, dict[str, str]]:
    [answer] = reader.ask([Question("Namespace", metadata_only=True, optional=True)])
    return {
        str(one["metadata"]["name"]): one["metadata"].get("labels") or {} for one in items(answer)
    }


def _with_versions(snapshot: Snapshot) -> Snapshot:
    """Which InferencePools this Istio serves, as the table of combinations tells."""
    version = running_istio(snapshot.operators)
    istiod = next(iter(snapshot.operators.istiods), None)
    row = row_of("redhat" if image(istiod).startswith(_REDHAT) else "community", version)
    # The sandbox's stand-in of the vendor's build is upstream's; what a gateway says of a route
    # counts besides, so that a wrong row accuses nobody.
    return replace(snapshot, pool_groups=row.pool_groups if row else None, istio_version=version)


def _closer(
    snapshot: Snapshot, parameters: Mapping[str, Any], reader: Reader, world: World
) -> Snapshot:
    """What is worth asking now that the objects are known: servers, certificates, the models."""
    hurried = world.hurried(parameters)
    hooks = {
        client.proxy
        for _configuration, client in clients_of_parts(snapshot)
        if client.ca_bundle
        and ready_endpoint(slices_of(snapshot, client.namespace, client.service))
    }
    servers = {
        f"{seen.namespace}/{name_of(pod)}": _HEALTH.format(quote(seen.namespace), name_of(pod))
        for seen in snapshot.services
        for pod in seen.sight.servers_pods
        if is_ready(pod)
    }
    secrets = [
        *listeners_secrets(snapshot.gateway),
        *(certificate_secret(seen) for seen in snapshot.services if not seen.stopped),
    ]
    paths = sorted({*hooks, *servers.values()})
    with ThreadPoolExecutor(max(len(paths), PARALLEL)) as pool:
        certificates = pool.submit(_certificates, reader, secrets)
        told = pool.map(lambda path: _answer(hurried, path), paths)
        answers = dict(zip(paths, told, strict=True))
        services = list(
            pool.map(lambda seen: _asked(seen, parameters, world), snapshot.services)
            if parameters["ask"]
            else snapshot.services
        )
        return replace(
            snapshot,
            services=services,
            answers={path: answers[path] for path in hooks},
            alive=confirmed({name: answers[path] for name, path in servers.items()}, reader, world),
            certificates=certificates.result(),
        )


def confirmed(told: Mapping[str, Answer], reader: Reader, world: World) -> dict[str, Answer]:
    """What servers answer, without those whose pods are Ready no more a moment later.

    Between the end of a server and the kubelet's word about it a pod looks Ready.
    """
    silent = [name for name, one in told.items() if not one.reached and not one.forbidden]
    if not silent:
        return dict(told)
    world.pause(_MOMENT)
    places = [one.partition("/") for one in silent]
    pods = reader.ask(
        [
            Question("Pod", namespace=namespace, name=name, optional=True)
            for namespace, _slash, name in places
        ]
    )
    ended = {name for name, pod in zip(silent, pods, strict=True) if not (pod and is_ready(pod))}
    return {name: one for name, one in told.items() if name not in ended}


def _answer(session: Session, path: str) -> Answer:
    try:
        reply = session.send("GET", path, {"Accept": "*/*"})
    except ConnectionLost as problem:
        return Answer(False, str(problem))
    return answer_of(reply.status, reply.body)


def _certificates(reader: Reader, secrets: Sequence[str]) -> dict[tuple[str, str], str]:
    """The certificates of Secrets; their keys are left where they are."""
    places = [one.partition("/") for one in secrets]
    answers = reader.ask(
        [
            Question("Secret", namespace=namespace, name=name, optional=True)
            for namespace, _slash, name in places
        ]
    )
    return {
        (secret, "tls.crt"): ca_certificate({"data": {"tls.crt": answer["data"].get("tls.crt")}})
        for secret, answer in zip(secrets, answers, strict=True)
        if answer and answer.get("data")
    }


def _asked(seen: Seen, parameters: Mapping[str, Any], world: World) -> Seen:
    """Ask a service for its list of models and a completion; one that is stopped is left alone."""
    if seen.sight.service is None or seen.stopped or not seen.routed:
        return seen
    defaults = {name: one.get("default") for name, one in smoke_test.argument_spec().items()}
    given = ("connect_to", "way", "headers", "gateway_ca_cert", "first_timeout", "request_timeout")
    connection = {name: parameters.get(name) for name in connection_options()}
    result = world.smoke(
        {
            **defaults,
            **connection,
            **{name: parameters[name] for name in given},
            "name": seen.name,
            "namespace": seen.namespace,
            "url": base_of(parameters["url"].rstrip("/")) if parameters["url"] else None,
            "gateway": parameters["gateway"] or defaults["gateway"],
            "ask": ["models", "completion"],
            "wait_timeout": 0,
            "prefixes": 0,
        }
    )
    if "findings" not in result:
        return replace(seen, asked=Asked(problem=str(result.get("msg", ""))))
    findings = [Finding(**one) for one in result["findings"]]
    return replace(seen, asked=Asked(findings, result.get("summary") or ()))
