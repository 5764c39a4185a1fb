# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Ask the API server for single objects and lists of pods."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import quote, urlencode

from ansible_collections.llmd.tpu.plugins.module_utils.connection import (
    ConnectionLost,
    Session,
)
from ansible_collections.llmd.tpu.plugins.module_utils.serving.tracks import GROUP, KIND

_METADATA = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"


_BUSY, _BUSY_TIMES, _BUSY_SECONDS = 429, 30, 1.0


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
    sleep: Callable[[float], None] = time.sleep,
) -> Any:
    """Send one request and parse the JSON reply; a busy server is asked again for half a minute.

    An API server that has just started, or whose CRDs have, answers 429 for some seconds ("storage
    is (re)initializing"). Raises ObjectReadError for any other answer than success, and for none
    at all.
    """
    data = None if body is None else json.dumps(body).encode()
    headers = {"Accept": accept}
    if body is not None:
        headers["Content-Type"] = "application/json"
    try:
        reply = session.send(method, path, headers, data)
        for _time in range(_BUSY_TIMES):
            if reply.status != _BUSY:
                break
            sleep(_BUSY_SECONDS)
            reply = session.send(method, path, headers, data)
    except ConnectionLost as problem:
        raise ObjectReadError(
            f"no answer from the API server {session.server} ({session.source}): {problem}. "
            "Check that the cluster runs and the address is right."
        ) from problem
    if not 200 <= reply.status < 300:
        raise ObjectReadError(
            f"{method} {path} at {session.server}: HTTP {reply.status}, {_reason(reply.body)}",
            reply.status,
        )
    try:
        return json.loads(reply.body)
    except ValueError as problem:
        raise ObjectReadError(
            f"{method} {path} at {session.server}: the reply is no JSON"
        ) from problem


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


def list_pods(session: Session, namespace: str, selector: str) -> list[dict[str, Any]]:
    """List the pods that match a label selector."""
    query = urlencode({"labelSelector": selector})
    path = f"/api/v1/namespaces/{quote(namespace)}/pods?{query}"
    return list(send(session, "GET", path).get("items") or ())


def list_metadata(session: Session, path: str) -> list[dict[str, Any]]:
    """List objects without spec and status: a CRD alone may have hundreds of kilobytes.

    Raises ObjectReadError as send does.
    """
    # Without an object the server says null here.
    return list(send(session, "GET", path, accept=_METADATA).get("items") or ())


def _reason(body: bytes) -> str:
    """Take the message out of a Status object, or quote the reply."""
    try:
        message = json.loads(body).get("message", "")
    except (ValueError, AttributeError):
        message = body[:200].decode("utf-8", "backslashreplace")
    return str(message)[:300] or "no reason given"
