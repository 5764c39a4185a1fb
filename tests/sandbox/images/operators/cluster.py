# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Reading, writing and watching objects as plain dictionaries, for the stand-ins that reconcile."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from kubernetes import client, config, dynamic
from kubernetes.dynamic.exceptions import (
    DynamicApiError,
    NotFoundError,
    ResourceNotFoundError,
)
from urllib3.exceptions import HTTPError

Document = dict[str, Any]
Key = tuple[str, str]
"""Namespace (empty for cluster-scoped objects) and name."""
Kind = tuple[str, str]
"""apiVersion and kind."""

TROUBLE = (DynamicApiError, ResourceNotFoundError, HTTPError, OSError)
"""What a call may raise when the cluster does not answer or refuses."""
WATCH_SECONDS = 300
RETRY_SECONDS = 1.0
# The client keeps what it discovered in a file named for the server's address, which is the same
# in every sandbox. It does without when the file cannot be written.
NO_FILE = "/dev/null/discovery"
CONNECTIONS = 40

log = logging.getLogger(__name__)


def key_of(document: Document) -> Key:
    """Return where an object is."""
    return document["metadata"].get("namespace", ""), document["metadata"]["name"]


def kind_of(document: Document) -> Kind:
    """Return what an object is."""
    return document["apiVersion"], document["kind"]


def name_of(document: Document) -> str:
    """Return an object's name for a person."""
    namespace, name = key_of(document)
    return f"{document['kind']} {namespace}/{name}" if namespace else f"{document['kind']} {name}"


def reason_of(error: BaseException) -> str:
    """Return what the API server said, without the headers of its answer."""
    body = getattr(error, "body", None)
    try:
        return str(json.loads(body or "")["message"])
    except (TypeError, ValueError, KeyError):
        return str(error)


class Cluster:
    """One account's access to the API server."""

    def __init__(self, api_client: client.ApiClient, manager: str) -> None:
        """`manager` is the field manager of everything applied."""
        # The audit log shows who asked.
        api_client.user_agent = manager
        self._client = dynamic.DynamicClient(api_client, cache_file=NO_FILE)  # type: ignore[no-untyped-call]
        self._manager = manager
        # What the client knows of the server's kinds is made for one thread.
        self._discovery = threading.Lock()

    @classmethod
    def of_this_pod(cls, manager: str) -> Cluster:
        """Use the pod's own ServiceAccount."""
        settings = client.Configuration()
        config.load_incluster_config(settings)  # type: ignore[no-untyped-call]
        return cls(_api_client(settings), manager)

    @classmethod
    def of_kubeconfig(cls, path: str, manager: str) -> Cluster:
        """Use the current context of a kubeconfig file."""
        settings = client.Configuration()
        config.load_kube_config(path, client_configuration=settings)  # type: ignore[no-untyped-call]
        return cls(_api_client(settings), manager)

    def read(self, kind: Kind, key: Key) -> Document | None:
        """Return an object, or None when it or its kind does not exist."""
        try:
            found = self._resource(kind).get(name=key[1], namespace=key[0] or None)
        except (NotFoundError, ResourceNotFoundError):
            return None
        return dict(found.to_dict())

    def listing(
        self, kind: Kind, selector: str = "", fields: str = ""
    ) -> tuple[list[Document], str]:
        """Return all objects of a kind, and the version to watch from."""
        selectors = {"label_selector": selector or None, "field_selector": fields or None}
        found = self._resource(kind).get(**selectors).to_dict()
        for item in found["items"]:
            item.update(apiVersion=kind[0], kind=kind[1])
        return found["items"], found["metadata"]["resourceVersion"]

    def changes(
        self, kind: Kind, selector: str, fields: str, version: str
    ) -> Iterator[tuple[str, Document]]:
        """Yield (event, object) until the server ends the watch."""
        stream = self._client.watch(  # type: ignore[no-untyped-call]
            self._resource(kind),
            label_selector=selector or None,
            field_selector=fields or None,
            resource_version=version,
            timeout=WATCH_SECONDS,
        )
        for event in stream:
            yield event["type"], event["raw_object"]

    def apply(self, document: Document) -> Document:
        """Write an object by server-side apply; conflicts are taken over."""
        applied = self._resource(kind_of(document)).server_side_apply(
            body=document, field_manager=self._manager, force_conflicts=True
        )
        return dict(applied.to_dict())

    def merge(self, kind: Kind, key: Key, change: Document) -> None:
        """Merge `change` into an object."""
        self._patch(self._resource(kind), key, change)

    def merge_status(self, kind: Kind, key: Key, status: Document) -> None:
        """Merge `status` into an object's status."""
        self._patch(self._resource(kind).status, key, {"status": status})

    def create(self, document: Document) -> None:
        """Create an object."""
        self._resource(kind_of(document)).create(
            body=document, namespace=document["metadata"].get("namespace")
        )

    def delete(self, kind: Kind, key: Key) -> None:
        """Delete an object and what it owns; fine when it is gone already."""
        try:
            self._resource(kind).delete(
                name=key[1],
                namespace=key[0] or None,
                body={"propagationPolicy": "Background"},
            )
        except NotFoundError:
            return

    def _resource(self, kind: Kind) -> Any:
        with self._discovery:
            return self._client.resources.get(api_version=kind[0], kind=kind[1])

    def _patch(self, resource: Any, key: Key, change: Document) -> None:
        resource.patch(
            body=change,
            name=key[1],
            namespace=key[0] or None,
            content_type="application/merge-patch+json",
            field_manager=self._manager,
        )


def _api_client(settings: client.Configuration) -> client.ApiClient:
    settings.connection_pool_maxsize = CONNECTIONS
    return client.ApiClient(settings)


class Watch(threading.Thread):
    """Keeps all objects of one kind at hand, and says when one changed in a way that counts."""

    def __init__(
        self,
        cluster: Cluster,
        kind: Kind,
        wake: Callable[[], object],
        selector: str = "",
        with_status: bool = False,
        fields: str = "",
    ) -> None:
        """Call `wake` after every change that counts; `with_status`: status changes count."""
        super().__init__(name=f"watch-{kind[1]}", daemon=True)
        self.kind = kind
        self.synced = threading.Event()
        self._cluster = cluster
        self._wake = wake
        self._selector = selector
        self._fields = fields
        self._with_status = with_status
        self._lock = threading.Lock()
        self._objects: dict[Key, Document] = {}

    def objects(self) -> dict[Key, Document]:
        """Return every object as last seen; they must not be changed."""
        with self._lock:
            return dict(self._objects)

    def run(self) -> None:
        """List, then follow; begin again after every end and every trouble."""
        while True:
            try:
                self._follow()
            except TROUBLE as error:
                if self.synced.is_set():
                    log.warning("watch of %s: %s", self.kind[1], reason_of(error))
                time.sleep(RETRY_SECONDS)

    def _follow(self) -> None:
        items, version = self._cluster.listing(self.kind, self._selector, self._fields)
        listed = {key_of(item): item for item in items}
        for key in self.objects().keys() - listed.keys():
            self._forget(key)
        for item in items:
            self._keep(item)
        if not self.synced.is_set():
            self.synced.set()
            self._wake()
        for event, item in self._cluster.changes(self.kind, self._selector, self._fields, version):
            if event == "ERROR":
                return
            if event == "DELETED":
                self._forget(key_of(item))
            elif event != "BOOKMARK":
                self._keep(item)

    def _keep(self, item: Document) -> None:
        with self._lock:
            before = self._objects.get(key_of(item))
            self._objects[key_of(item)] = item
        if before is None or self._content(before) != self._content(item):
            self._wake()

    def _forget(self, key: Key) -> None:
        with self._lock:
            self._objects.pop(key, None)
        self._wake()

    def _content(self, item: Document) -> Document:
        """Return what counts: neither bookkeeping nor, by default, status."""
        noise = {"resourceVersion", "managedFields", "generation"}
        kept = {name: value for name, value in item.items() if name != "status"}
        kept["metadata"] = {
            name: value for name, value in item["metadata"].items() if name not in noise
        }
        return {**kept, "status": item.get("status")} if self._with_status else kept
