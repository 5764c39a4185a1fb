# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Pools without endpoints and routes that are not accepted. Pure.

Source: Gateway API ("Route status"), inference extension (InferencePool), KServe
`pkg/controller/llmisvc/router.go`. KServe's first route names a pool kind that Istio does not know,
and is repaired by itself, so a reference that does not resolve is no sign.
"""

from __future__ import annotations

from collections.abc import Iterator

from ansible_collections.llmd.tpu.plugins.module_utils.findings import Finding
from ansible_collections.llmd.tpu.plugins.module_utils.readiness import routing
from ansible_collections.llmd.tpu.plugins.module_utils.readiness.verdicts import (
    Object,
    condition_words,
)
from ansible_collections.llmd.tpu.plugins.module_utils.startup.sight import (
    Sight,
    is_ready,
    name_of,
)
from ansible_collections.llmd.tpu.plugins.module_utils.startup.signs import Sign, quoted

STEADY_SECONDS = 2.0
_SOURCE = "Gateway API, Route status"


def signs_of_routing(sight: Sight) -> Iterator[Sign]:
    """What keeps requests from the pods, beyond what KServe's conditions say."""
    for pool in sight.pools:
        yield from _without_endpoints(pool, sight)
    for route in sight.routes:
        yield from _refused(route, sight.subject)


def _without_endpoints(pool: Object, sight: Sight) -> Iterator[Sign]:
    """A pool whose selector fits none of the pods; known as soon as there are pods."""
    pods = sight.servers_pods
    selector = (pool.get("spec") or {}).get("selector") or {}
    labels: Object = selector.get("matchLabels", selector)
    if not pods or not labels or any(_fits(pod, labels) for pod in pods):
        return
    ready = sum(is_ready(pod) for pod in pods)
    wanted = ", ".join(f"{name}={value}" for name, value in sorted(labels.items()))
    yield Sign(
        Finding(
            code="STARTUP-POOL-EMPTY",
            severity="error",
            message="the InferencePool selects none of the service's pods, so it has no endpoint",
            path=f"InferencePool {name_of(pool)}, spec.selector",
            subject=sight.subject,
            found=f"{wanted}; {len(pods)} pods of the server ({ready} ready), none with these",
            expected="labels that the service's pods carry",
            fix="correct spec.router.scheduler.pool of the service, or leave it out: KServe then "
            "makes a pool that fits",
            source="KServe, pkg/controller/llmisvc",
        ),
        STEADY_SECONDS,
    )


def _fits(pod: Object, labels: Object) -> bool:
    carried = pod["metadata"].get("labels") or {}
    return all(carried.get(name) == value for name, value in labels.items())


def _refused(route: Object, subject: str) -> Iterator[Sign]:
    for report in routing.parents_of(route):
        for one in report.get("conditions") or ():
            if one.get("type") == "Accepted" and one.get("status") == "False":
                place = routing.gateway_of(report, route["metadata"].get("namespace", ""))
                yield Sign(
                    Finding(
                        code="STARTUP-ROUTE-REFUSED",
                        severity="error",
                        message=f"Gateway {place or 'without a name'} does not accept the route",
                        path=f"HTTPRoute {name_of(route)}",
                        subject=subject,
                        found=quoted(condition_words(one)),
                        expected="a listener that allows routes from the service's namespace",
                        fix="set allowedRoutes of the Gateway's listener to namespaces from All, "
                        "or use the Gateway of phase gateway",
                        source=_SOURCE,
                    ),
                    STEADY_SECONDS,
                )
