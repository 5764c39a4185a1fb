# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Look at the cluster, all at once, and ask it what this account may do. Nothing is written."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.llmd.tpu.plugins.module_utils.connection import (
    ConnectionLost,
    Session,
)
from ansible_collections.llmd.tpu.plugins.module_utils.manifests.client import Api
from ansible_collections.llmd.tpu.plugins.module_utils.preflight.installs import (
    SERVING_KINDS,
    Found,
)
from ansible_collections.llmd.tpu.plugins.module_utils.preflight.permissions import (
    Need,
    Question,
    by_name,
)
from ansible_collections.llmd.tpu.plugins.module_utils.serving.live import (
    ObjectReadError,
    list_metadata,
    list_objects,
    send,
)
from ansible_collections.llmd.tpu.plugins.module_utils.tpu.machines import ACCELERATOR_LABEL

_JSON = "application/json"
_REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"


@dataclass
class Sight:
    """What was seen. ``problems`` names what could not be looked at, and why."""

    version: Mapping[str, Any] = field(default_factory=dict)
    nodes: list[Mapping[str, Any]] = field(default_factory=list)
    pods: list[Mapping[str, Any]] = field(default_factory=list)
    definitions: list[Mapping[str, Any]] = field(default_factory=list)
    serving: list[Found] = field(default_factory=list)
    problems: dict[str, str] = field(default_factory=dict)


def look(
    session: Session, api: Api, serving_namespaces: Iterable[str], pool: ThreadPoolExecutor
) -> Sight:
    """Look at everything that the checks need, in parallel; what is refused is noted."""
    sight = Sight()

    def see(what: str, ask: Callable[[], None]) -> None:
        try:
            ask()
        except ObjectReadError as problem:
            if problem.status != 404:
                sight.problems[what] = str(problem)

    def see_version() -> None:
        sight.version = send(session, "GET", "/version")

    def see_nodes() -> None:
        sight.nodes.extend(list_objects(session, "/api/v1/nodes"))
        tpu = [node for node in sight.nodes if ACCELERATOR_LABEL in _labels(node)]
        for node in tpu:
            query = {"fieldSelector": f"spec.nodeName={node['metadata']['name']}"}
            sight.pods.extend(list_objects(session, "/api/v1/pods", query))

    def see_definitions() -> None:
        path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
        sight.definitions = _metadata(session, path)

    def see_serving(namespace: str, api_version: str, name: str) -> None:
        kind = api.kind(api_version, name)
        if kind is not None:
            sight.serving.extend(
                Found(api_version, name, metadata)
                for metadata in _metadata(session, kind.path(None, namespace))
            )

    tasks: list[tuple[str, Callable[[], None]]] = [
        ("the version of the server", see_version),
        ("nodes and the pods on them", see_nodes),
        ("CustomResourceDefinitions", see_definitions),
    ]
    for namespace in dict.fromkeys(serving_namespaces):
        for api_version, name in SERVING_KINDS:
            tasks.append(
                (
                    f"{name}s in namespace {namespace}",
                    lambda n=namespace, v=api_version, k=name: see_serving(n, v, k),  # type: ignore[misc]
                )
            )
    list(pool.map(lambda task: see(*task), tasks))
    return sight


def ask_permissions(
    session: Session, wanted: Mapping[Question, Need], pool: ThreadPoolExecutor
) -> dict[Question, bool | None]:
    """Ask for each permission, and for a denied one again object by object.

    None stands for a question that got no answer.
    """
    answers: dict[Question, bool | None] = {}

    def ask_all(questions: Iterable[Question]) -> None:
        todo = list(dict.fromkeys(questions))
        answers.update(zip(todo, pool.map(lambda one: _may(session, one), todo), strict=True))

    ask_all(wanted)
    ask_all(
        one
        for question, need in wanted.items()
        if answers[question] is False
        for one in by_name(question, need)
    )
    return answers


def _may(session: Session, question: Question) -> bool | None:
    headers = {"Accept": _JSON, "Content-Type": _JSON}
    try:
        reply = session.send("POST", _REVIEWS, headers, json.dumps(question.body()).encode())
        if reply.status == 201:
            return bool(json.loads(reply.body)["status"].get("allowed"))
    except (ConnectionLost, ValueError, KeyError):
        pass
    return None


def _metadata(session: Session, path: str) -> list[Mapping[str, Any]]:
    return [item["metadata"] for item in list_metadata(session, path)]


def _labels(item: Mapping[str, Any]) -> Mapping[str, str]:
    return item["metadata"].get("labels") or {}
