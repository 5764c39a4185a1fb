# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Sights in short: one service with one server, one scheduler and one pod of the gateway."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ansible_collections.llmd.tpu.plugins.module_utils.metrics.catalogue import (
    ENDPOINTS,
    GATEWAY,
    SCHEDULER,
    SERVER,
    Metric,
)
from ansible_collections.llmd.tpu.plugins.module_utils.metrics.figures import Look
from ansible_collections.llmd.tpu.plugins.module_utils.metrics.sight import (
    Gateway,
    Party,
    Pod,
    Service,
    Sight,
)

NAMESPACE, ACCOUNT = "team", "llmd-tpu-metrics-reader"
SECONDS = 2.0


def look(metrics: tuple[Metric, ...], **values: Any) -> Look:
    """All figures 0 but those that are given: a number, a mapping by label, or None for missing."""
    totals: dict[str, dict[str, float]] = {}
    for metric in metrics:
        nothing = {"sum": 0.0, "count": 0.0} if metric.kind == "mean" else {"": 0.0}
        value = values.get(metric.figure, nothing)
        if value is not None:
            totals[metric.figure] = value if isinstance(value, dict) else {"": float(value)}
    return Look(totals)


def pod(
    name: str, metrics: tuple[Metric, ...], before: dict[str, Any] | None, after: dict[str, Any]
) -> Pod:
    """A pod that was read, twice when there is a before."""
    first = None if before is None else look(metrics, **before)
    return Pod(NAMESPACE, name, True, first, look(metrics, **after))


def party(
    name: str, metrics: tuple[Metric, ...], after: dict[str, Any], before: dict[str, Any] | None
) -> Party:
    """One pod that plays a part."""
    return Party(metrics, (pod(name, metrics, before, after),))


def unread(name: str, metrics: tuple[Metric, ...], trouble: Any, ready: bool = True) -> Party:
    """One pod that could not be read."""
    words = f"why {trouble}"
    return Party(metrics, (Pod(NAMESPACE, name, ready, trouble=trouble, words=words),))


BUSY: dict[str, Any] = {"requests_finished": {"stop": 4, "length": 1}}


def service(**changes: Any) -> Service:
    """A service that serves; a party is given as (after, before) of its figures, or whole."""
    parties = {
        "servers": ("server-1", SERVER, BUSY),
        "scheduler": ("scheduler-1", SCHEDULER, {"requests": 5, "pool_ready_pods": 1}),
        "endpoints": ("gateway-1", ENDPOINTS, {"server_requests": 5, "scheduler_requests": 5}),
    }
    made: dict[str, Party] = {}
    for key, (name, metrics, usual) in parties.items():
        given = changes.pop(key, (usual, usual))
        if not isinstance(given, Party):
            after, before = given
            both = None if before is None else {**usual, **before}
            given = party(name, metrics, {**usual, **after}, both)
        made[key] = given
    plain = Service(
        namespace=NAMESPACE,
        name="qwen",
        model="Qwen/Qwen2.5-3B-Instruct",
        stopped=False,
        scheduled=True,
        gateway=("gateways", "shared"),
        **made,
    )
    return replace(plain, **changes)


def sight(*services: Service, seconds: float = SECONDS, gateway: Party | None = None) -> Sight:
    """What was seen of them."""
    front = gateway or party("gateway-1", GATEWAY, {"responses": None}, {"responses": None})
    gateways = (Gateway("gateways", "shared", front),)
    return Sight(services, gateways, seconds, ACCOUNT)
