# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Ask the API server, and write to it: kinds, GET, server-side apply. No opinion about objects."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from ansible_collections.llmd.tpu.plugins.module_utils.connection import (
    ConnectionLost,
    ConnectionProblem,
    Reply,
    Session,
)
from ansible_collections.llmd.tpu.plugins.module_utils.manifests.kinds import Kind


@dataclass(frozen=True)
class Cause:
    """One field that the server complained about, and why."""

    reason: str
    field: str
    message: str


class ApiError(Exception):
    """The API server refused a request; the words are its own."""

    def __init__(
        self,
        status: int,
        reason: str,
        message: str,
        causes: tuple[Cause, ...] = (),
        retry_after: float = 0.0,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason
        self.message = message
        self.causes = causes
        self.retry_after = retry_after

    @property
    def conflicts(self) -> tuple[Cause, ...]:
        """Fields that another field manager owns."""
        return tuple(cause for cause in self.causes if cause.reason == "FieldManagerConflict")


_PARTIAL = "application/json;as=PartialObjectMetadata{};g=meta.k8s.io;v=v1,application/json"
"""Only the metadata (Kubernetes API concepts, "Metadata-only fetches")."""
_PAGE = 500
_DISCOVERY = ",".join(
    f"application/json;g=apidiscovery.k8s.io;v={version};as=APIGroupDiscoveryList"
    for version in ("v2", "v2beta1")
)


@dataclass
class Counts:
    """What was asked of the API server; a dry run counts as a request, not as a write."""

    requests: int = 0
    writes: int = 0
    retries: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def add(self, *, requests: int = 0, writes: int = 0, retries: int = 0) -> None:
        """Count from any thread."""
        with self._lock:
            self.requests += requests
            self.writes += writes
            self.retries += retries


class Api:
    """The API server's kinds and objects over a session; safe to use from many threads."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._kinds: dict[tuple[str, str], Kind] = {}
        self.counts = Counts()
        self.where = f"{session.server} ({session.source})"

    def discover(self) -> None:
        """Learn all kinds the server knows, in two requests (aggregated discovery)."""
        kinds: dict[tuple[str, str], Kind] = {}
        for path in ("/api", "/apis"):
            for group in self._json(self._send("GET", path, _DISCOVERY)).get("items", ()):
                kinds.update(_kinds_of(group, self.where))
        self._kinds = kinds

    def learn(self, api_version: str) -> None:
        """Learn the kinds of one group and version, in one small request; for a CRD that comes."""
        reply = self._send("GET", f"/apis/{api_version}", "application/json")
        if reply.status == 404:
            return
        found = {
            (api_version, resource["kind"]): Kind(
                api_version, resource["kind"], resource["name"], bool(resource["namespaced"])
            )
            for resource in self._json(reply).get("resources") or ()
            if "/" not in resource["name"]
        }
        self._kinds = {**self._kinds, **found}

    def versions_of(self, group: str, kind: str) -> list[str]:
        """The API versions in which the server knows a kind of a group."""
        return sorted(
            version
            for version, name in self._kinds
            if name == kind and version.rpartition("/")[0] == group
        )

    def ask(self, path: str) -> Reply:
        """The reply to a GET as it is, for what is no object: a server behind a Service."""
        return self._send("GET", path, "*/*")

    def kind(self, api_version: str, kind: str) -> Kind | None:
        """Where objects of this kind live; None when the server does not know it."""
        return self._kinds.get((api_version, kind))

    def kinds_of(self, api_version: str) -> list[str]:
        """The kinds that the server knows in a group and version."""
        return sorted(kind for version, kind in self._kinds if version == api_version)

    def preferred(self, group: str, kind: str) -> Kind | None:
        """A kind in the version of its group that the server prefers; None when there is none."""
        return self._preferred().get((group, kind))

    def removable(self) -> list[Kind]:
        """All kinds whose objects can be listed and deleted, each in one version."""
        return [kind for kind in self._preferred().values() if kind.removable]

    def _preferred(self) -> dict[tuple[str, str], Kind]:
        kinds: dict[tuple[str, str], Kind] = {}
        for kind in self._kinds.values():  # discovery names the preferred version first
            kinds.setdefault((kind.group, kind.kind), kind)
        return kinds

    def get(
        self,
        path: str,
        query: Mapping[str, str] | None = None,
        accept: str = "application/json",
    ) -> dict[str, Any] | None:
        """An object or list as it is; None when there is none. Raises ApiError, ConnectionLost."""
        full = f"{path}?{urlencode(query)}" if query else path
        reply = self._send("GET", full, accept)
        if reply.status == 404:
            return None
        return self._json(reply)

    def metadata(self, path: str) -> dict[str, Any] | None:
        """The metadata of an object; None when there is no object."""
        reply = self._send("GET", path, _PARTIAL.format(""))
        if reply.status == 404:
            return None
        metadata: dict[str, Any] = self._json(reply)["metadata"]
        return metadata

    def list_metadata(self, path: str, labels: Mapping[str, str]) -> list[dict[str, Any]]:
        """The metadata of all objects that carry the labels."""
        query = {"limit": str(_PAGE)}
        if labels:
            query["labelSelector"] = ",".join(f"{name}={labels[name]}" for name in sorted(labels))
        found: list[dict[str, Any]] = []
        while True:
            answer = self._json(
                self._send("GET", f"{path}?{urlencode(query)}", _PARTIAL.format("List"))
            )
            found += [item["metadata"] for item in answer.get("items") or ()]
            more = (answer.get("metadata") or {}).get("continue")
            if not more:
                return found
            query["continue"] = more

    def delete(
        self, path: str, options: Mapping[str, Any], *, dry_run: bool = False
    ) -> dict[str, Any]:
        """Delete an object; answers a Status when it is gone, the object while it goes.

        The server reads the options of the body and then none of the URL; there the dry run is for
        those who count writes in an audit log.
        """
        body = {"apiVersion": "v1", "kind": "DeleteOptions", **options}
        if dry_run:
            body["dryRun"] = ["All"]
            path += "?dryRun=All"
        self.counts.add(writes=0 if dry_run else 1)
        content = json.dumps(body).encode()
        return self._json(
            self._send("DELETE", path, "application/json", content, "application/json")
        )

    def apply(
        self,
        path: str,
        body: Mapping[str, Any],
        manager: str,
        *,
        force: bool = False,
        dry_run: bool = False,
    ) -> dict[str, Any]:
        """Server-side apply; answers the object as the server has it afterwards."""
        query = {"fieldManager": manager, "fieldValidation": "Strict", "force": str(force).lower()}
        if dry_run:
            query["dryRun"] = "All"
        self.counts.add(writes=0 if dry_run else 1)
        reply = self._send(
            "PATCH",
            f"{path}?{urlencode(query)}",
            "application/json",
            json.dumps(body, separators=(",", ":")).encode(),
            "application/apply-patch+yaml",
        )
        return self._json(reply)

    def _send(
        self,
        method: str,
        path: str,
        accept: str,
        body: bytes | None = None,
        sent: str | None = None,
    ) -> Reply:
        self.counts.add(requests=1)
        headers = {"Accept": accept, **({"Content-Type": sent} if sent else {})}
        return self._session.send(method, path, headers, body)

    def _json(self, reply: Reply) -> dict[str, Any]:
        if reply.status == 401:
            raise ConnectionProblem(
                f"the API server {self.where} refused the credentials (401 Unauthorized). "
                "Expected: a valid token or client certificate. Renew the kubeconfig, or check "
                "api_key, client_cert and client_key."
            )
        try:
            body = json.loads(reply.body)
        except ValueError:
            body = None
        if 200 <= reply.status < 300 and isinstance(body, dict):
            return body
        raise _api_error(reply, body)


def _kinds_of(group: Mapping[str, Any], where: str) -> dict[tuple[str, str], Kind]:
    if "versions" not in group:
        raise ConnectionProblem(
            f"the API server {where} does not answer aggregated discovery. Expected: Kubernetes "
            "1.27 or newer."
        )
    name = group["metadata"].get("name", "")
    found: dict[tuple[str, str], Kind] = {}
    for version in group["versions"]:
        api_version = f"{name}/{version['version']}" if name else str(version["version"])
        for resource in version.get("resources") or ():
            kind = resource["responseKind"]["kind"]
            found[api_version, kind] = Kind(
                api_version,
                kind,
                resource["resource"],
                resource["scope"] == "Namespaced",
                {"list", "delete"} <= set(resource.get("verbs") or ()),
            )
    return found


def _api_error(reply: Reply, body: Any) -> ApiError:
    if not isinstance(body, dict) or body.get("kind") != "Status":
        text = reply.body[:200].decode(errors="replace").strip()
        return ApiError(
            reply.status,
            "",
            f"HTTP {reply.status}: {text or 'no text'}",
            retry_after=reply.retry_after,
        )
    causes = tuple(
        Cause(str(c.get("reason", "")), str(c.get("field", "")), str(c.get("message", "")))
        for c in (body.get("details") or {}).get("causes") or ()
    )
    message = str(body.get("message") or f"HTTP {reply.status}")
    return ApiError(reply.status, str(body.get("reason", "")), message, causes, reply.retry_after)


FIRST_CONTACT_SECONDS = 5.0
"""Patience with a server that does not answer at all; a wrong address is not worth more."""


def first_contact(
    api: Api,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Discover; raises ConnectionProblem in words for the user when nothing answers."""
    # retry judges this file's errors, so it cannot be imported above
    from ansible_collections.llmd.tpu.plugins.module_utils.manifests.retry import (
        TROUBLE_SECONDS,
        Persistence,
    )

    started = clock()

    def discover() -> None:
        try:
            api.discover()
        except ConnectionLost as problem:
            if clock() - started < FIRST_CONTACT_SECONDS:
                raise
            raise ConnectionProblem(
                f"no API server answers at {api.where}: {problem}. Expected: a running Kubernetes "
                "cluster. Check that it runs, that this machine reaches it, and that the "
                "kubeconfig and context are the ones you mean."
            ) from problem

    def retried() -> None:
        api.counts.add(retries=1)

    try:
        Persistence(TROUBLE_SECONDS, clock, sleep, retried)(discover)
    except ApiError as problem:
        busy = problem.status == 429 or problem.status >= 500
        raise ConnectionProblem(
            f"the API server {api.where} does not tell its kinds: {problem.message}. "
            + (
                f"Asked again for {TROUBLE_SECONDS:g} s. Wait until it is well, and run again."
                if busy
                else "Expected: an account that may read /api and /apis (ClusterRole "
                "system:discovery)."
            )
        ) from problem
