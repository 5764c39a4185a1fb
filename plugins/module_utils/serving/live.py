# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Ask the API server for single objects and lists of pods."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote, urlencode

from ansible_collections.llmd.tpu.plugins.module_utils.connection import (
    ConnectionLost,
    Reply,
    Session,
)
from ansible_collections.llmd.tpu.plugins.module_utils.manifests.client import ApiError
from ansible_collections.llmd.tpu.plugins.module_utils.manifests.retry import (
    Persistence,
    patient,
)
from ansible_collections.llmd.tpu.plugins.module_utils.reader import METADATA_LIST
from ansible_collections.llmd.tpu.plugins.module_utils.serving.tracks import GROUP, KIND

LOST_SECONDS = 1.5
"""How long a read is asked again that got no answer: a proxy, or one of several API servers."""


class ObjectReadError(Exception):
    """The API server did not give the object; the text says what was asked and what to do."""

    def __init__(self, message: str, status: int = 0) -> None:
        """Keep the HTTP status; 0 when there was no reply."""
        super().__init__(message)
        self.status = status


def send(
    session: Session,
    method: str,
    path: str,
    body: dict[str, Any] | None = None,
    accept: str = "application/json",
    persist: Persistence | None = None,
) -> Any:
    """Send one request and parse the JSON reply; a busy server is asked again for half a minute.

    An API server that has just started, or whose CRDs have, answers 429 for some seconds ("storage
    is (re)initializing"). A read whose connection is lost is asked again for a moment. Raises
    ObjectReadError for any other answer than success, and for none at all.
    """
    data = None if body is None else json.dumps(body).encode()
    headers = {"Accept": accept}
    if body is not None:
        headers["Content-Type"] = "application/json"

    started = time.monotonic()

    def attempt() -> Reply:
        try:
            reply = session.send(method, path, headers, data)
        except ConnectionLost as problem:
            if method == "GET" and time.monotonic() - started < LOST_SECONDS:
                raise
            raise ObjectReadError(
                f"no answer from the API server {session.server} ({session.source}): {problem}. "
                "Check that the cluster runs and the address is right."
            ) from problem
        if reply.status == 429:
            words = reason_of(reply.body)
            raise ApiError(reply.status, "", words, retry_after=reply.retry_after)
        return reply

    asked = f"{method} {path} at {session.server}"
    try:
        reply = (persist or patient())(attempt)
    except ApiError as problem:
        text = f"{asked}: HTTP {problem.status}, {problem.message}"
        raise ObjectReadError(text, problem.status) from problem
    if not 200 <= reply.status < 300:
        text = f"{asked}: HTTP {reply.status}, {reason_of(reply.body)}"
        raise ObjectReadError(text, reply.status)
    try:
        answer = json.loads(reply.body)
    except ValueError as problem:
        raise ObjectReadError(f"{asked}: the reply is no JSON") from problem
    if not isinstance(answer, dict):
        raise ObjectReadError(f"{asked}: the reply is no JSON object")
    return answer


def list_objects(
    session: Session,
    path: str,
    query: Mapping[str, str] | None = None,
    accept: str = "application/json",
) -> list[dict[str, Any]]:
    """List objects; a server that has none may say null. Raises ObjectReadError as send does."""
    full = f"{path}?{urlencode(query)}" if query else path
    return list(send(session, "GET", full, accept=accept).get("items") or ())


def read_service(session: Session, namespace: str, name: str) -> dict[str, Any]:
    """Read one LLMInferenceService, in the API version that the server prefers.

    Raises ObjectReadError when there is no such object, kind or right to read it.
    """
    version = services_version(session)
    path = f"/apis/{version}/namespaces/{quote(namespace)}/llminferenceservices/{quote(name)}"
    problem: ObjectReadError | None = None
    if version:
        try:
            return dict(send(session, "GET", path))
        except ObjectReadError as refusal:
            if refusal.status != 404:
                raise
            problem = refusal
    raise ObjectReadError(
        f"{KIND} {namespace}/{name} is not in the cluster {session.server} ({session.source}). "
        "Check name and namespace: kubectl get llminferenceservices -A "
        f"({problem or f'the API group {GROUP} serves no {KIND}'})",
        404,
    ) from problem


def services_version(session: Session) -> str | None:
    """Find the newest API version that has the kind; None on a cluster without KServe.

    The group holds other kinds too, so it is not enough that it is there.
    """
    try:
        group = send(session, "GET", f"/apis/{GROUP}")
    except ObjectReadError as problem:
        if problem.status != 404:
            raise
        return None
    versions = [str(one["groupVersion"]) for one in group.get("versions", [])]
    for version in sorted(versions, reverse=True):
        kinds = send(session, "GET", f"/apis/{version}").get("resources", [])
        if any(one.get("kind") == KIND for one in kinds):
            return version
    return None


def list_services(
    session: Session, namespace: str | None, labels: Iterable[str] = ()
) -> tuple[str | None, list[dict[str, Any]]]:
    """List the services of a namespace, or of all, with the API version they were asked in.

    A cluster without KServe has none, and no version. Raises ObjectReadError as send does.
    """
    version = services_version(session)
    if not version:
        return None, []
    place = f"/namespaces/{quote(namespace)}" if namespace else ""
    selector = ",".join(labels)
    query = {"labelSelector": selector} if selector else None
    return version, list_objects(session, f"/apis/{version}{place}/llminferenceservices", query)


def list_pods(session: Session, namespace: str, selector: str) -> list[dict[str, Any]]:
    """List the pods that match a label selector."""
    path = f"/api/v1/namespaces/{quote(namespace)}/pods"
    return list_objects(session, path, {"labelSelector": selector})


def list_metadata(session: Session, path: str) -> list[dict[str, Any]]:
    """List objects without spec and status: a CRD alone may have hundreds of kilobytes.

    Raises ObjectReadError as send does.
    """
    return list_objects(session, path, accept=METADATA_LIST)


def reason_of(body: bytes) -> str:
    """Take the message out of a Status object, or quote the reply."""
    try:
        message = json.loads(body).get("message", "")
    except (ValueError, AttributeError):
        message = body[:200].decode("utf-8", "backslashreplace")
    return str(message)[:300] or "no reason given"
