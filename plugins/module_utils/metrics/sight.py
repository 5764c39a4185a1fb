# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What was seen of the services and gateways in one or two looks, as plain data. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal

from ansible_collections.llmd.tpu.plugins.module_utils.metrics.catalogue import Metric
from ansible_collections.llmd.tpu.plugins.module_utils.metrics.figures import (
    Figures,
    Look,
    figures,
    rises,
    together,
)

Trouble = Literal["", "no-account", "no-right", "forbidden", "refused", "plain", "other"]
"""Why a pod was not read. ``no-account``: no token for the account; ``no-right``: its token is not
enough; ``forbidden``: the API server does not let us; ``refused``: nobody listens; ``plain``: it
speaks HTTP where HTTPS is expected."""


@dataclass(frozen=True)
class Pod:
    """One pod, and what it exposed: first, and at last. ``words`` say why it could not be read."""

    namespace: str
    name: str
    ready: bool = True
    before: Look | None = None
    after: Look | None = None
    trouble: Trouble = ""
    words: str = ""
    version: str = ""


@dataclass(frozen=True)
class Party:
    """The pods that play one part. ``problem`` says why they could not be listed."""

    metrics: tuple[Metric, ...]
    pods: tuple[Pod, ...] = ()
    problem: str = ""

    @cached_property
    def now(self) -> Figures:
        """All pods together: gauges now, everything else since their start."""
        return self._figures([pod.after for pod in self.pods])

    @cached_property
    def before(self) -> Figures:
        """The same at the first of two looks."""
        return self._figures([pod.before for pod in self.pods])

    @cached_property
    def recent(self) -> Figures:
        """What was counted between the two looks; empty after a single one."""
        rose = [
            rises(pod.before.totals, pod.after.totals, self.metrics)
            for pod in self.pods
            if pod.before and pod.after
        ]
        counted = tuple(one for one in self.metrics if one.kind != "gauge")
        return figures(together(rose, counted), counted) if rose else {}

    @property
    def read(self) -> tuple[Pod, ...]:
        """The pods that could be read."""
        return tuple(pod for pod in self.pods if pod.after)

    def alone(self, pod: Pod) -> Party:
        """One of its pods as if there were no other."""
        return replace(self, pods=(pod,))

    def told(self) -> dict[str, Any]:
        """Plain data for a task's result."""
        return {**self.now, "recent": dict(self.recent)}

    def _figures(self, looks: list[Look | None]) -> dict[str, Any]:
        there = [look for look in looks if look]
        found = figures(together([one.totals for one in there], self.metrics), self.metrics)
        sizes = [one.cache_tokens for one in there if one.cache_tokens is not None]
        if "kv_cache_percent" in found:
            found["kv_cache_tokens"] = int(sum(sizes)) if sizes else None
        return found


@dataclass(frozen=True)
class Service:
    """One LLMInferenceService. ``endpoints`` is what the gateway counted of its endpoints."""

    namespace: str
    name: str
    model: str
    stopped: bool
    scheduled: bool
    gateway: tuple[str, str]
    servers: Party
    scheduler: Party
    endpoints: Party

    @property
    def subject(self) -> str:
        """Name it for messages."""
        return f"LLMInferenceService {self.namespace}/{self.name}"


@dataclass(frozen=True)
class Gateway:
    """One Gateway, for all services behind it."""

    namespace: str
    name: str
    party: Party

    @property
    def subject(self) -> str:
        """Name it for messages."""
        return f"Gateway {self.namespace}/{self.name}"


@dataclass(frozen=True)
class Sight:
    """Everything that was seen. ``seconds`` lie between the two looks; 0 after a single one.

    ``monitors`` are the names of the PodMonitors in each namespace.
    """

    services: tuple[Service, ...]
    gateways: tuple[Gateway, ...]
    seconds: float
    account: str
    monitors: Mapping[str, frozenset[str]] = field(default_factory=dict)
