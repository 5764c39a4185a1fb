# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which of the things that are wrong are causes, and which only follow from them? Pure.

A table says which code explains which; what is explained is no finding of its own and becomes
evidence of its cause. A cause of one service explains only what is wrong with that service, a part
only the webhooks of its namespace. The cause that explains most comes first.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import Any

from ansible_collections.llmd.tpu.plugins.module_utils.diagnosis.snapshot import PHASES, Suspect
from ansible_collections.llmd.tpu.plugins.module_utils.findings import Finding, Severity

_SEVERITIES: tuple[Severity, ...] = ("error", "warning", "info")

# What a client sees when nobody listens, no route takes its path, no server is behind it, the
# scheduler does not choose.
_UNREACHED = (
    "SMOKE-CONNECT",
    "SMOKE-UNREACHABLE",
    "SMOKE-TIMEOUT",
    "SMOKE-STALLED",
    "SMOKE-CONNECTION-LOST",
    "SMOKE-BROKEN-OFF",
    "SMOKE-NOT-TLS",
    "SMOKE-WAY",
)
_NO_ROUTE = ("SMOKE-ROUTE-NOT-FOUND", "SMOKE-NOT-FOUND")
_NO_SERVER = (
    "SMOKE-NO-ENDPOINT",
    "SMOKE-NO-UPSTREAM",
    "SMOKE-UPSTREAM",
    "SMOKE-TIMEOUT",
    "SMOKE-STALLED",
    "SMOKE-CONNECTION-LOST",
    "SMOKE-BROKEN-OFF",
    "SMOKE-GATEWAY-TIMEOUT",
    "SMOKE-UNAVAILABLE",
    "SMOKE-SERVER-*",
    "SMOKE-SCHEDULER-FAILED",
)
_UNROUTED = (
    "SMOKE-SCHEDULER-FAILED",
    "SMOKE-NOT-ROUTED",
    "SMOKE-ROUTING-UNPROVED",
    "SMOKE-ROUTE-BYPASS",
    "SMOKE-NO-ENDPOINT",
    "SMOKE-NO-UPSTREAM",
    "SMOKE-UPSTREAM",
    "SMOKE-TIMEOUT",
    "SMOKE-GATEWAY-TIMEOUT",
    "SMOKE-UNAVAILABLE",
    "SMOKE-SERVER-IDLE",
)
_ANY_ANSWER = (*_UNREACHED, *_NO_ROUTE, *_NO_SERVER, *_UNROUTED)
# What KServe makes of a service, and what it says while it cannot.
_CHILDREN = (
    "DIAGNOSIS-WORKLOAD-MISSING",
    "DIAGNOSIS-ROUTE-MISSING",
    "DIAGNOSIS-POOL-MISSING",
    "DIAGNOSIS-SCHEDULER-DOWN",
    "DIAGNOSIS-SERVICE-MISSING",
    "DIAGNOSIS-URL-MISSING",
)
_CONDITIONS = ("STARTUP-RECONCILE-FAILED", "STARTUP-TIMEOUT")
_WEBHOOKS = ("DIAGNOSIS-WEBHOOK-*",)
_NO_NODE = ("STARTUP-NO-AUTOSCALER", "STARTUP-POOLS-FULL", "STARTUP-NO-POOL")
_GATEWAY_AWAY = (
    "GATEWAY-NOT-PROGRAMMED",
    "GATEWAY-NOT-ACCEPTED",
    "GATEWAY-LISTENER",
    "GATEWAY-NO-ADDRESS",
    "DIAGNOSIS-GATEWAY-DOWN",
    "OPERATORS-POOL-STATUS-STALE",
)

EXPLAINS: Mapping[str, Sequence[str]] = {
    "DIAGNOSIS-NAMESPACE-MISSING": ("STARTUP-SERVICE-MISSING",),
    "STARTUP-KIND-MISSING": (
        "STARTUP-SERVICE-MISSING",
        "DIAGNOSIS-CONTROLLER-DOWN",
        "DIAGNOSIS-CONFIG-MISSING",
        "STARTUP-CERTIFICATE-MISSING",
        "GATEWAY-MISSING",
    ),
    "DIAGNOSIS-DNS-DOWN": (
        "STARTUP-DOWNLOAD-NETWORK",
        "STARTUP-CRASH-LOOP",
        "DIAGNOSIS-GATEWAY-DOWN",
        "DIAGNOSIS-ISTIO-DOWN",
        *_NO_SERVER,
        *_UNROUTED,
    ),
    "DIAGNOSIS-CERT-MANAGER-DOWN": (
        *_WEBHOOKS,
        "DIAGNOSIS-CERTIFICATE-EXPIRED",
        "STARTUP-CERTIFICATE-MISSING",
    ),
    "DIAGNOSIS-ISTIO-DOWN": (*_WEBHOOKS, *_GATEWAY_AWAY, "SMOKE-ROUTE-NOT-FOUND", "SMOKE-CONNECT"),
    "DIAGNOSIS-CONTROLLER-DOWN": (
        *_WEBHOOKS,
        *_CHILDREN,
        *_CONDITIONS,
        "DIAGNOSIS-POOL-GROUP",
        "DIAGNOSIS-SERVICE-NO-ENDPOINT",
        "DIAGNOSIS-CONTROLLER-BLIND",
        *_ANY_ANSWER,
    ),
    "DIAGNOSIS-CRD-MISSING": (
        "GATEWAY-MISSING",
        "GATEWAY-CLASS-VENDOR",
        "STARTUP-GATEWAY-MISSING",
        "STARTUP-CHILD-REFUSED",
        "DIAGNOSIS-CONTROLLER-DOWN",
        "DIAGNOSIS-CONTROLLER-BLIND",
        "DIAGNOSIS-POOL-GROUP",
        *_CHILDREN,
        *_CONDITIONS,
        *_ANY_ANSWER,
    ),
    "DIAGNOSIS-CONFIG-MISSING": (
        "DIAGNOSIS-CONTROLLER-DOWN",
        "GATEWAY-MISSING",
        "GATEWAY-NOT-KSERVES",
        *_CHILDREN,
        *_CONDITIONS,
        *_WEBHOOKS,
    ),
    "DIAGNOSIS-CONTROLLER-BLIND": (*_CHILDREN, *_NO_ROUTE, *_UNROUTED),
    "DIAGNOSIS-WEBHOOK-*": _CONDITIONS,
    "STARTUP-PRESET-MISSING": ("STARTUP-PRESET-MISSING", *_CHILDREN, *_CONDITIONS, *_NO_ROUTE),
    "STARTUP-CERTIFICATE-MISSING": (
        "STARTUP-CERTIFICATE-MISSING",
        *_CHILDREN,
        *_CONDITIONS,
        *_NO_ROUTE,
    ),
    "GATEWAY-MISSING": (
        "STARTUP-GATEWAY-MISSING",
        "DIAGNOSIS-ROUTE-MISSING",
        "DIAGNOSIS-POOL-MISSING",
        "DIAGNOSIS-SCHEDULER-DOWN",
        "DIAGNOSIS-SERVICE-MISSING",
        "DIAGNOSIS-URL-MISSING",
        "OPERATORS-POOL-STATUS-STALE",
        *_CONDITIONS,
        *_UNREACHED,
        *_NO_ROUTE,
    ),
    "GATEWAY-NO-ADDRESS": (
        "GATEWAY-NOT-PROGRAMMED",
        "DIAGNOSIS-URL-MISSING",
        "DIAGNOSIS-URL-WRONG",
        *_UNREACHED,
    ),
    "GATEWAY-NOT-ACCEPTED": (*_GATEWAY_AWAY, "DIAGNOSIS-URL-MISSING", *_UNREACHED, *_NO_ROUTE),
    "GATEWAY-CLASS-VENDOR": (*_GATEWAY_AWAY, "SMOKE-UPSTREAM"),
    "GATEWAY-NOT-PROGRAMMED": ("DIAGNOSIS-URL-MISSING", *_UNREACHED),
    "GATEWAY-LISTENER": (*_UNREACHED, *_NO_ROUTE),
    "DIAGNOSIS-GATEWAY-CA-MISSING": (
        "DIAGNOSIS-GATEWAY-DOWN",
        "GATEWAY-NOT-PROGRAMMED",
        "SMOKE-GATEWAY-CA",
        *_UNREACHED,
    ),
    "DIAGNOSIS-GATEWAY-IMAGE": ("GATEWAY-NOT-PROGRAMMED", *_UNREACHED),
    "DIAGNOSIS-GATEWAY-DOWN": ("GATEWAY-NOT-PROGRAMMED", *_UNREACHED),
    "GATEWAY-CA-NOT-MOUNTED": ("SMOKE-GATEWAY-CA", "SMOKE-UPSTREAM"),
    "GATEWAY-CA-OLD": ("SMOKE-GATEWAY-CA", "SMOKE-UPSTREAM", "DIAGNOSIS-CERTIFICATE-FOREIGN"),
    "DIAGNOSIS-CERTIFICATE-FOREIGN": ("SMOKE-GATEWAY-CA", "SMOKE-UPSTREAM"),
    "DIAGNOSIS-CERTIFICATE-EXPIRED": (
        "SMOKE-TLS-TIME",
        "SMOKE-GATEWAY-CA",
        "SMOKE-UPSTREAM",
        "GATEWAY-LISTENER",
        "STARTUP-CERTIFICATE-MISSING",
        *_WEBHOOKS,
    ),
    "DIAGNOSIS-NETWORK-POLICY": (
        "STARTUP-DOWNLOAD-NETWORK",
        "DIAGNOSIS-SERVER-DEAD",
        *_ANY_ANSWER,
    ),
    "DIAGNOSIS-NODE-*": (
        *_NO_NODE,
        "STARTUP-CLOUD-QUOTA",
        "STARTUP-STOCKOUT",
        "STARTUP-SCALE-UP-PROBLEM",
        "DIAGNOSIS-SERVER-DEAD",
        "DIAGNOSIS-ROLLOUT-STUCK",
        *_NO_SERVER,
    ),
    "DIAGNOSIS-ROLLOUT-STUCK": _NO_NODE,
    "DIAGNOSIS-ROUTE-MISSING": ("DIAGNOSIS-URL-MISSING", "DIAGNOSIS-URL-WRONG", *_NO_ROUTE),
    "DIAGNOSIS-POOL-GROUP": ("OPERATORS-POOL-STATUS-STALE", *_UNROUTED),
    "OPERATORS-POOL-STATUS-STALE": ("DIAGNOSIS-POOL-GROUP", *_UNROUTED),
    "DIAGNOSIS-POOL-MISSING": _UNROUTED,
    "DIAGNOSIS-SCHEDULER-DOWN": _UNROUTED,
    "DIAGNOSIS-SERVICE-MISSING": (*_NO_SERVER, *_UNROUTED),
    "DIAGNOSIS-SERVICE-NO-ENDPOINT": (*_NO_SERVER, *_UNROUTED),
    "DIAGNOSIS-SHADOW-OLD": _UNROUTED,
    "DIAGNOSIS-SERVER-DEAD": _NO_SERVER,
    "DIAGNOSIS-URL-WRONG": (*_UNREACHED, *_NO_ROUTE, "SMOKE-DNS", "SMOKE-TLS*", "SMOKE-NOT-*"),
    "DIAGNOSIS-WORKLOAD-MISSING": _NO_SERVER,
    "STARTUP-POOL-EMPTY": _NO_SERVER,
    "STARTUP-ROUTE-REFUSED": ("DIAGNOSIS-URL-MISSING", *_NO_ROUTE),
    "STARTUP-GATEWAY-MISSING": (
        "DIAGNOSIS-ROUTE-MISSING",
        "DIAGNOSIS-POOL-MISSING",
        "DIAGNOSIS-SCHEDULER-DOWN",
        "DIAGNOSIS-SERVICE-MISSING",
        *_NO_ROUTE,
    ),
    "STARTUP-CHILD-REFUSED": (*_CHILDREN, *_NO_ROUTE, *_NO_SERVER, *_UNROUTED),
    "STARTUP-PRESETS-INVALID": (*_CHILDREN, *_NO_ROUTE, *_NO_SERVER),
    "STARTUP-RECONCILE-FAILED": (*_CHILDREN, *_NO_ROUTE),
    "STARTUP-IMAGE-*": ("DIAGNOSIS-SCHEDULER-DOWN", *_NO_SERVER, *_UNROUTED),
    # A model that does not start has no route that answers.
    "STARTUP-*": ("STARTUP-TIMEOUT", "DIAGNOSIS-SCHEDULER-DOWN", *_NO_SERVER),
    # The first answer is late because the server compiles; a port is closed, and the request fails.
    "SMOKE-TIMEOUT": ("SMOKE-SERVER-*", "SMOKE-ROUTING-UNPROVED"),
    "SMOKE-SERVER-BROKEN": _NO_SERVER,
    "SMOKE-GATEWAY-TIMEOUT": ("SMOKE-SERVER-*",),
    "SMOKE-SCHEDULER-FAILED": ("SMOKE-ROUTING-UNPROVED", "SMOKE-SERVER-*"),
    "SMOKE-NO-ENDPOINT": ("SMOKE-SERVER-*", "SMOKE-NO-UPSTREAM"),
    "SMOKE-NO-UPSTREAM": ("SMOKE-SERVER-*",),
    "SMOKE-UPSTREAM": ("SMOKE-SERVER-*",),
    "SMOKE-CONNECTION-LOST": ("SMOKE-SERVER-*",),
}


@dataclass(frozen=True)
class Cause:
    """A suspect that nothing else explains, with what follows from it."""

    suspect: Suspect
    consequences: tuple[Suspect, ...] = ()

    @property
    def severity(self) -> Severity:
        """The worst of its own and of what it leads to: who breaks something is no warning."""
        all_of_it = (self.suspect, *self.consequences)
        return min((one.finding.severity for one in all_of_it), key=_SEVERITIES.index)

    @property
    def finding(self) -> Finding:
        """What is told of it."""
        return replace(self.suspect.finding, severity=self.severity)

    @property
    def follows(self) -> list[str]:
        """What follows from it, in words."""
        return list(dict.fromkeys(_told(one.finding) for one in self.consequences))

    @property
    def evidence(self) -> list[str]:
        """What was seen, the consequences last."""
        return [*filter(None, [self.suspect.finding.found]), *self.follows]

    def to_dict(self) -> dict[str, Any]:
        """A finding with its phase, rank and evidence, for a task's result."""
        return {
            **self.finding.to_dict(),
            "phase": self.suspect.phase,
            "service": self.suspect.service,
            "evidence": self.evidence,
            "explains": sorted({one.finding.code for one in self.consequences}),
        }


def _told(finding: Finding) -> str:
    place = " at ".join(part for part in (finding.subject, finding.path) if part)
    words = f": {finding.found}" if finding.found else ""
    return f"{finding.code}: {finding.message} ({place}){words}"


def explains(cause: Suspect, other: Suspect) -> bool:
    """Whether one thing that is wrong is enough to make the other one so."""
    if cause is other or (cause.service and cause.service != other.service):
        return False
    if cause.place and other.place and cause.place != other.place:
        return False
    # The same rule told of all and of one: the shared one is the cause.
    if cause.finding.code == other.finding.code and cause.service == other.service:
        return False
    return any(
        fnmatchcase(other.finding.code, wanted)
        for code, explained in EXPLAINS.items()
        if fnmatchcase(cause.finding.code, code)
        for wanted in explained
    )


def rank(suspects: Iterable[Suspect]) -> list[Cause]:
    """The causes, the one that explains most first; each suspect is told once.

    Of two that explain each other the earlier phase is the cause.
    """
    known = sorted(_once(suspects), key=_depth)
    parents = [_parent(number, known) for number in range(len(known))]
    roots = [_root(number, parents) for number in range(len(known))]
    causes = [
        Cause(
            known[root],
            tuple(one for number, one in enumerate(known) if roots[number] == root != number),
        )
        for root in sorted(set(roots))
    ]
    return sorted(
        causes,
        key=lambda one: (
            _SEVERITIES.index(one.severity),
            -len(one.consequences),
            PHASES.index(one.suspect.phase),
            one.suspect.finding.subject,
            one.suspect.finding.code,
        ),
    )


def _parent(number: int, known: Sequence[Suspect]) -> int | None:
    """The first that explains one; of two that explain each other the earlier one does."""
    return next(
        (
            other
            for other, suspect in enumerate(known)
            if explains(suspect, known[number])
            and (other < number or not explains(known[number], suspect))
        ),
        None,
    )


def _root(number: int, parents: Sequence[int | None]) -> int:
    """Follow the explanations up; a circle ends at its earliest member."""
    path = [number]
    while (above := parents[path[-1]]) is not None:
        if above in path:
            return min(path[path.index(above) :])
        path.append(above)
    return path[-1]


def _depth(suspect: Suspect) -> tuple[int, int]:
    """Earlier phases first, and what all share before what one has."""
    return PHASES.index(suspect.phase), bool(suspect.service)


def _once(suspects: Iterable[Suspect]) -> list[Suspect]:
    """Each thing once: two looks may tell the same of the same place."""
    found: dict[tuple[str, str, str, str], Suspect] = {}
    for one in suspects:
        key = (one.finding.code, one.finding.subject, one.finding.path, one.service)
        found.setdefault(key, one)
    return list(found.values())
