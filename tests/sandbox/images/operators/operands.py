# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The objects that a custom resource stands for: kept as rendered, removed with it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from typing import Any

from tests.sandbox.images.operators.cluster import (
    Cluster,
    Document,
    Key,
    Kind,
    Watch,
    key_of,
    kind_of,
    name_of,
)

# An object with this annotation is left alone: sail-operator PR 1651 of istio-ecosystem.
IGNORE = "sailoperator.io/ignore"
# Who needs it comes after it.
FIRST_KINDS = ("Namespace", "ServiceAccount", "ConfigMap", "Secret", "ClusterRole", "Role")
WEBHOOK_KINDS = ("MutatingWebhookConfiguration", "ValidatingWebhookConfiguration")

log = logging.getLogger(__name__)


class Refused(Exception):
    """What was asked for cannot be installed; the message goes into the status."""


def contains(live: Any, wanted: Any) -> bool:
    """Return whether `live` already has everything that `wanted` says.

    Lists must agree element by element; empty values count as absent, since the API server
    drops them.
    """
    if isinstance(wanted, dict):
        return isinstance(live or {}, dict) and all(
            contains((live or {}).get(name), value) for name, value in wanted.items()
        )
    if isinstance(wanted, list):
        live = live or []
        return len(live) == len(wanted) and all(map(contains, live, wanted))
    return bool(live == wanted) or (wanted in (None, "") and not live)


def in_order(documents: Iterable[Document]) -> list[Document]:
    """Sort so that accounts and rights come before workloads, and webhooks last."""

    def rank(document: Document) -> int:
        kind = document["kind"]
        if kind in FIRST_KINDS:
            return FIRST_KINDS.index(kind)
        return 20 if kind in WEBHOOK_KINDS else 10

    return sorted(documents, key=rank)


def keep_what_others_own(wanted: Document, live: Document | None) -> Document:
    """Leave an existing webhook's failurePolicy alone: istiod sets it once it can answer."""
    if live is None or wanted["kind"] != "ValidatingWebhookConfiguration":
        return wanted
    policies = {each["name"]: each.get("failurePolicy") for each in live.get("webhooks", [])}
    webhooks = [
        {**each, "failurePolicy": policies.get(each["name"]) or each.get("failurePolicy", "Fail")}
        for each in wanted.get("webhooks", [])
    ]
    return {**wanted, "webhooks": webhooks}


class Operands:
    """All objects that carry this operator's label."""

    def __init__(self, cluster: Cluster, label: tuple[str, str], wake: Callable[[], None]) -> None:
        """`label` (name, value) marks what this operator made."""
        self._cluster = cluster
        self._label = label
        self._wake = wake
        self._watches: dict[Kind, Watch] = {}

    def converge(
        self, wanted: Iterable[Document], check_owner: Callable[[Document], None]
    ) -> list[str]:
        """Write what differs, delete what is wanted no more; return a line for each write.

        `check_owner` gets every existing object without our label, and raises Refused when it
        must not be taken over.
        """
        marked = [self._marked(document) for document in in_order(wanted)]
        self._follow({kind_of(document) for document in marked})
        written = []
        for document in marked:
            if self._converge_one(document, check_owner):
                written.append(f"applied {name_of(document)}")
        kept = {(kind_of(document), key_of(document)) for document in marked}
        for kind, watch in self._watches.items():
            for key in watch.objects():
                if (kind, key) not in kept:
                    self._cluster.delete(kind, key)
                    written.append(f"deleted {kind[1]} {'/'.join(key).strip('/')}")
        return written

    def remove(self, kinds: Iterable[Kind]) -> bool:
        """Delete everything of these kinds; return whether all of it is gone."""
        kinds = set(kinds)
        self._follow(kinds)
        left = [(kind, key) for kind in kinds for key in self._watches[kind].objects()]
        for kind, key in left:
            self._cluster.delete(kind, key)
        return not left

    def object(self, kind: Kind, key: Key) -> Document | None:
        """Return one of our objects as last seen."""
        watch = self._watches.get(kind)
        return watch.objects().get(key) if watch else None

    def _marked(self, document: Document) -> Document:
        metadata = document["metadata"]
        labels = {**metadata.get("labels", {}), self._label[0]: self._label[1]}
        return {**document, "metadata": {**metadata, "labels": labels}}

    def _converge_one(self, wanted: Document, check_owner: Callable[[Document], None]) -> bool:
        kind, key = kind_of(wanted), key_of(wanted)
        live = self._watches[kind].objects().get(key)
        if live is None:
            live = self._cluster.read(kind, key)
            if live is not None and not self._is_ours(live):
                check_owner(live)
        if live and live["metadata"].get("annotations", {}).get(IGNORE) == "true":
            return False
        wanted = keep_what_others_own(wanted, live)
        if live is not None and contains(live, wanted):
            return False
        before = live["metadata"]["resourceVersion"] if live else None
        return bool(self._cluster.apply(wanted)["metadata"]["resourceVersion"] != before)

    def _is_ours(self, live: Document) -> bool:
        name, value = self._label
        return bool(live["metadata"].get("labels", {}).get(name) == value)

    def _follow(self, kinds: Iterable[Kind]) -> None:
        """Watch these kinds, and wait for the first list of each."""
        for kind in set(kinds) - self._watches.keys():
            watch = Watch(
                self._cluster,
                kind,
                self._wake,
                selector="=".join(self._label),
                with_status=kind[1] == "Deployment",
            )
            watch.start()
            self._watches[kind] = watch
        for kind, watch in self._watches.items():
            if not watch.synced.wait(timeout=10):
                raise Refused(f"no matches for kind {kind[1]!r} in version {kind[0]!r}")
