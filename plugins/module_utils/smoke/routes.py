# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which route takes a path, through which gateway, and does it lead to the scheduler? Pure.

Source: Gateway API, HTTPRoute: an exact path wins, then the longest prefix, then a regular
expression. Of the conditions of a match only path and method are looked at.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

_POOL = "InferencePool"
_ANY_PATH = {"path": {"type": "PathPrefix", "value": "/"}}


@dataclass(frozen=True)
class Path:
    """The rule of a route that takes a path. ``gateway`` is namespace and name."""

    route: str
    prefix: str
    backends: tuple[str, ...]
    gateway: tuple[str, str] | None
    section: str = ""
    pooled: bool = False
    """Whether every backend is a pool, so that the scheduler chooses."""


@dataclass(frozen=True)
class Listener:
    """The listener of a gateway that a path comes in by."""

    name: str = ""
    port: int | None = None
    protocol: str = ""
    certificates: tuple[str, ...] = ()


def path_of(routes: Iterable[Mapping[str, Any]], wanted: str) -> Path | None:
    """Find the rule that takes a POST to a path; None when no accepted route does."""
    found = [
        (rank, number, _path(route, rule, prefix))
        for number, route in enumerate(routes)
        if _accepted(route)
        for rule in _objects(route.get("spec"), "rules")
        for rank, prefix in _matches(rule, wanted)
    ]
    # Of equals the first one, as the oldest route wins.
    return max(found, key=lambda one: (one[0], -one[1]))[2] if found else None


def listener_of(gateway: Mapping[str, Any], section: str, scheme: str) -> Listener:
    """Find the listener that a route names, else the first one that speaks the URL's scheme."""
    for one in _objects(gateway.get("spec"), "listeners"):
        if one.get("name") == section if section else one.get("protocol") == scheme.upper():
            names = [str(ref.get("name")) for ref in _objects(one.get("tls"), "certificateRefs")]
            port = one.get("port")
            return Listener(
                name=str(one.get("name", "")),
                port=port if isinstance(port, int) else None,
                protocol=str(one.get("protocol", "")),
                certificates=tuple(names),
            )
    return Listener()


def _accepted(route: Mapping[str, Any]) -> bool:
    """Whether a gateway has taken it; one that is refused takes no request."""
    return any(
        condition.get("type") == "Accepted" and condition.get("status") == "True"
        for parent in _objects(route.get("status"), "parents")
        for condition in _objects(parent, "conditions")
    )


def _matches(rule: Mapping[str, Any], wanted: str) -> Iterator[tuple[tuple[int, int], str]]:
    for match in _objects(rule, "matches") or [_ANY_PATH]:
        path = match.get("path") or _ANY_PATH["path"]
        kind, value = str(path.get("type", "PathPrefix")), str(path.get("value", "/"))
        if match.get("method", "POST") != "POST" or match.get("headers"):
            continue
        if kind == "Exact" and wanted == value:
            yield (2, len(value)), value
        elif kind == "PathPrefix" and f"{wanted}/".startswith(f"{value.rstrip('/')}/"):
            yield (1, len(value)), value
        elif kind == "RegularExpression" and _fits(value, wanted):
            yield (0, len(value)), value


def _fits(pattern: str, wanted: str) -> bool:
    try:
        return re.fullmatch(pattern, wanted) is not None
    except re.error:  # Envoy's expressions are not Python's
        return False


def _path(route: Mapping[str, Any], rule: Mapping[str, Any], prefix: str) -> Path:
    metadata = route.get("metadata") or {}
    namespace = str(metadata.get("namespace", ""))
    parents = _objects(route.get("spec"), "parentRefs")
    parent = next((one for one in parents if one.get("kind", "Gateway") == "Gateway"), None)
    backends = [
        (str(one.get("kind", "Service")), str(one.get("name", "")))
        for one in _objects(rule, "backendRefs")
        if one.get("weight", 1) != 0
    ]
    return Path(
        route=f"{namespace}/{metadata.get('name', '')}",
        prefix=prefix,
        backends=tuple(f"{kind} {name}" for kind, name in backends),
        gateway=(str(parent.get("namespace", namespace)), str(parent.get("name")))
        if parent
        else None,
        section=str((parent or {}).get("sectionName", "")),
        pooled=bool(backends) and all(kind == _POOL for kind, _name in backends),
    )


def _objects(parent: object, key: str) -> list[Mapping[str, Any]]:
    entries = parent.get(key) if isinstance(parent, Mapping) else None
    return [one for one in (entries or ()) if isinstance(one, Mapping)]
