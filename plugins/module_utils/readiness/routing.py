# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Gateway, HTTPRoute and InferencePool: what their controllers say of them. Pure.

Sources: Gateway API v1.4 reference (GatewayStatus, ListenerStatus, RouteParentStatus); inference
extension `api/v1/inferencepool_types.go` (`status.parents`) and `apix/v1alpha2` (`status.parent`).
"""

from __future__ import annotations

from collections.abc import Iterable

from ansible_collections.llmd.tpu.plugins.module_utils.readiness.verdicts import (
    Object,
    Sight,
    Verdict,
    condition,
    condition_words,
    generation,
    named_conditions,
    not_yet,
    status,
    worst,
)


def gateway(sight: Sight) -> Verdict:
    """Accepted, programmed with an address, and each listener able to serve."""
    live = sight.live
    verdict = named_conditions(live, ("Accepted", "Programmed"))
    if not verdict.ready:
        return verdict
    if not status(live).get("addresses"):
        return not_yet("it is Programmed but has no address yet")
    return worst(
        not_yet(f"listener {listener.get('name')}: {found['type']} ({condition_words(found)})")
        for listener in status(live).get("listeners") or ()
        for found in listener.get("conditions") or ()
        if found.get("status") == ("True" if found.get("type") == "Conflicted" else "False")
    )


def route(sight: Sight) -> Verdict:
    """Every Gateway that the route asks for has taken it, and found its back ends."""
    live = sight.live
    home = str(live.get("metadata", {}).get("namespace", ""))
    parents = status(live).get("parents") or ()
    asked = [
        _reference(parent, home) for parent in (live.get("spec") or {}).get("parentRefs") or ()
    ]
    by_reference: dict[str, list[Object]] = {}
    for parent in parents:
        by_reference.setdefault(_reference(parent.get("parentRef") or {}, home), []).append(parent)
    if not parents:
        return not_yet("no Gateway has reported on it yet")
    silent = [reference for reference in asked if reference not in by_reference]
    if silent:
        return not_yet(f"Gateway {', '.join(silent)} has not reported on it yet")
    current = [
        parent
        for reference, reports in by_reference.items()
        if not asked or reference in asked
        for parent in reports
    ]
    return _reported(live, current, ("Accepted", "ResolvedRefs"))


def pool(sight: Sight) -> Verdict:
    """Every Gateway that uses the pool has taken it; reports of Gateways that are gone are stale.

    Istio leaves its report behind when the Gateway goes or an older Istio, which knows no pools,
    takes over; the v1alpha2 group begins with a report of nobody (`kind: Status`).
    """
    reports = parents_of(sight.live)
    if not reports:
        return not_yet("no Gateway has reported on it yet")
    home = str(sight.live.get("metadata", {}).get("namespace", ""))
    gone = [
        reference
        for reference in (gateway_of(report, home) for report in reports)
        if reference and sight.gateways.get(reference) is False
    ]
    current = [report for report in reports if gateway_of(report, home) not in gone]
    if not current:
        return not_yet(f"its status is stale: Gateway {', '.join(gone)} no longer exists")
    return _reported(sight.live, current, ("Accepted",))


def parents_of(live: Object) -> list[Object]:
    """The reports on an InferencePool, in the field of its group."""
    return list(status(live).get("parents") or status(live).get("parent") or ())


def gateway_of(report: Object, home: str) -> str:
    """The Gateway that a report is from, as `namespace/name`; empty for another kind."""
    reference = report.get("parentRef") or {}
    if reference.get("kind", "Gateway") != "Gateway":
        return ""
    return f"{reference.get('namespace') or home}/{reference.get('name')}"


def _reference(parent: Object, home: str) -> str:
    section = f":{parent['sectionName']}" if parent.get("sectionName") else ""
    return f"{parent.get('namespace') or home}/{parent.get('name')}{section}"


def _reported(live: Object, reports: Iterable[Object], wanted: tuple[str, ...]) -> Verdict:
    return worst(
        condition(report.get("conditions") or (), name, generation(live))
        for report in reports
        for name in wanted
    )
