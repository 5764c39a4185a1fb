# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What one look at a cluster saw: plain data, and small questions to it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from ansible_collections.llmd.tpu.plugins.module_utils.findings import Finding
from ansible_collections.llmd.tpu.plugins.module_utils.gateway.judge import Sight as GatewaySight
from ansible_collections.llmd.tpu.plugins.module_utils.operators.view import View as OperatorsView
from ansible_collections.llmd.tpu.plugins.module_utils.readiness.verdicts import Answer, Object
from ansible_collections.llmd.tpu.plugins.module_utils.serving.installation import Installation
from ansible_collections.llmd.tpu.plugins.module_utils.serving.rollout import is_stopped
from ansible_collections.llmd.tpu.plugins.module_utils.startup.sight import Sight
from ansible_collections.llmd.tpu.plugins.module_utils.startup.stages import Step

Phase = Literal["operators", "kserve", "gateway", "namespace", "model"]
PHASES: tuple[Phase, ...] = ("operators", "kserve", "gateway", "namespace", "model")
DNS_NAMESPACE = "kube-system"


@dataclass(frozen=True)
class Places:
    """The namespaces of the parts."""

    kserve: str = "opendatahub"
    mesh: str = "istio-system"
    certificates: str = "cert-manager"
    authority: str = "opendatahub-ca"
    """The Secret, in ``certificates``, of the authority that signs the servers' certificates."""


class Things:
    """The objects that were read, by kind and namespace; of no namespace for the cluster's own."""

    def __init__(self, items: Iterable[Object] = (), unread: Iterable[tuple[str, str]] = ()):
        """``unread``: kinds and namespaces that this account may not read."""
        self._items: dict[tuple[str, str], list[Object]] = {}
        for item in items:
            namespace = str(item["metadata"].get("namespace") or "")
            self._items.setdefault((str(item.get("kind")), namespace), []).append(item)
        self._unread = frozenset(unread)

    def all(self, kind: str, namespace: str = "") -> Sequence[Object]:
        """Those of a namespace."""
        return self._items.get((kind, namespace), [])

    def one(self, kind: str, namespace: str, name: str) -> Object | None:
        """One by its name."""
        return next(
            (one for one in self.all(kind, namespace) if one["metadata"]["name"] == name), None
        )

    def read(self, kind: str, namespace: str = "") -> bool:
        """Whether they could be read: only then does "none" mean that there is none."""
        return (kind, namespace) not in self._unread

    def labelled(self, kind: str, namespace: str, labels: Mapping[str, str]) -> list[Object]:
        """Those that carry all of these labels."""
        return [
            one
            for one in self.all(kind, namespace)
            if labels.items() <= (one["metadata"].get("labels") or {}).items()
        ]

    def pods(self, namespace: str, selector: Mapping[str, str] | None) -> list[Object]:
        """The pods that a selector chooses; an empty one chooses none."""
        return self.labelled("Pod", namespace, selector) if selector else []


@dataclass(frozen=True)
class Asked:
    """What a request to a service showed; ``problem``: why none could be sent."""

    findings: Sequence[Finding] = ()
    summary: Sequence[str] = ()
    problem: str = ""


@dataclass(frozen=True)
class Seen:
    """One service: its objects as at a start, how far it is, and what a request showed."""

    namespace: str
    name: str
    sight: Sight
    step: Step
    asked: Asked | None = None

    @property
    def subject(self) -> str:
        """How messages call it."""
        return self.sight.subject

    @property
    def router(self) -> Object:
        """What it asks for in front of it."""
        return ((self.sight.service or {}).get("spec") or {}).get("router") or {}

    @property
    def scheduled(self) -> bool:
        """Whether it asks for a scheduler."""
        return self.router.get("scheduler") is not None

    @property
    def routed(self) -> bool:
        """Whether it asks for a route."""
        return self.router.get("route") is not None

    @property
    def stopped(self) -> bool:
        """Whether it is stopped on purpose."""
        return self.sight.service is not None and is_stopped(self.sight.service)


@dataclass(frozen=True)
class Snapshot:
    """All that was seen.

    ``answers`` are those of webhooks, by their path at the API server; ``alive`` tells of pods that
    are Ready (by ``namespace/name``) what their server answers. ``certificates`` are PEM texts of
    Secrets, by ``namespace/name`` and key, without any private key.
    """

    now: datetime
    places: Places = field(default_factory=Places)
    things: Things = field(default_factory=Things)
    namespaces: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """The labels of each; empty when they cannot be read."""
    services: Sequence[Seen] = ()
    gateway: GatewaySight | None = None
    operators: OperatorsView = field(default_factory=OperatorsView)
    installation: Installation = field(default_factory=Installation)
    pool_groups: Sequence[str] | None = None
    """The API groups of InferencePool that this Istio serves; None when nobody knows."""
    istio_version: str = ""
    answers: Mapping[str, Answer] = field(default_factory=dict)
    alive: Mapping[str, Answer] = field(default_factory=dict)
    certificates: Mapping[tuple[str, str], str] = field(default_factory=dict)
    url: str = ""
    """The URL that the user holds."""

    def age(self, stamp: Any) -> float:
        """Seconds since a time of the API server; what cannot be read is long ago."""
        try:
            then = datetime.fromisoformat(str(stamp))
        except ValueError:
            return float("inf")
        return (self.now - (then if then.tzinfo else then.replace(tzinfo=UTC))).total_seconds()

    def born(self, item: Object) -> float:
        """Seconds since an object was made."""
        return self.age(item["metadata"].get("creationTimestamp"))


@dataclass(frozen=True)
class Suspect:
    """One thing that is wrong, before it is known whether it is a cause or a consequence.

    ``service`` is the one that it is about, empty for what all share; ``place`` is the namespace of
    a part, so that a part explains its own webhooks only.
    """

    phase: Phase
    finding: Finding
    service: str = ""
    place: str = ""
