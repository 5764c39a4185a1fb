# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Is the URL in the user's hand the one that leads to the service? Pure.

Source: opendatahub-io/kserve ``pkg/controller/llmisvc/router_discovery.go``: the path is
``/<namespace>/<name>``, without a host name; the guide's ``/v1/chat/completions`` answers 404.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from urllib.parse import urlsplit

from ansible_collections.llmd.tpu.plugins.module_utils.diagnosis.snapshot import (
    Seen,
    Snapshot,
    Suspect,
)
from ansible_collections.llmd.tpu.plugins.module_utils.findings import Finding
from ansible_collections.llmd.tpu.plugins.module_utils.gateway.judge import addresses
from ansible_collections.llmd.tpu.plugins.module_utils.smoke.address import (
    AddressError,
    address_from_gateway,
    address_from_status,
    split_url,
)
from ansible_collections.llmd.tpu.plugins.module_utils.smoke.routes import path_of

_SUFFIXES = ("/v1/chat/completions", "/v1/completions", "/v1/models", "/health", "/v1")
_CHAT = "/v1/completions"


def suspects_of_url(snapshot: Snapshot) -> Iterator[Suspect]:
    """What is wrong with the URL, part by part; nothing when none was given."""
    if not snapshot.url:
        return
    try:
        target = split_url(snapshot.url)
    except AddressError as problem:
        yield Suspect("model", _wrong("URL", str(problem), "http://ADDRESS/NAMESPACE/NAME", ""))
        return
    right = _right(snapshot)
    gateway = snapshot.gateway
    known = addresses(gateway) if gateway else []
    numeric = _is_address(target.host)
    names = {
        urlsplit(str(one.get("url"))).hostname
        for seen in snapshot.services
        for one in ((seen.sight.service or {}).get("status") or {}).get("addresses") or ()
    }
    if numeric and known and target.host not in known and target.host not in names:
        yield Suspect("model", _wrong("host", target.host, " or ".join(known), right))
    listeners = ((gateway.live if gateway else None) or {}).get("spec", {}).get("listeners") or ()
    schemes = {(str(one.get("protocol", "")).lower(), one.get("port")) for one in listeners}
    if schemes and (target.scheme, target.port) not in schemes:
        wanted = ", ".join(f"{scheme} on port {port}" for scheme, port in sorted(schemes, key=str))
        found = f"{target.scheme} on port {target.port}"
        yield Suspect("model", _wrong("scheme and port", found, wanted, right))
    path = target.path.partition("?")[0].rstrip("/")
    base = base_of(path)
    routes = [
        route
        for place in sorted({seen.namespace for seen in snapshot.services})
        for route in snapshot.things.all("HTTPRoute", place)
    ]
    if routes and path_of(routes, base + _CHAT) is None:
        taken = sorted({f"/{seen.namespace}/{seen.name}" for seen in snapshot.services})
        yield Suspect("model", _wrong("path", path or "/", " or ".join(taken), right))


def base_of(url: str) -> str:
    """A URL or path without what clients put behind a service's URL."""
    return next((url.removesuffix(one) for one in _SUFFIXES if url.endswith(one)), url)


def url_of(seen: Seen) -> str:
    """The URL of a service, empty while it has none or is stopped: its status keeps the last."""
    address = None if seen.stopped else address_from_status(seen.sight.service or {})
    return address.url if address else ""


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _right(snapshot: Snapshot) -> str:
    """The URL of the service, when there is one of which it can only be."""
    if len(snapshot.services) != 1:
        return ""
    [seen] = snapshot.services
    live = snapshot.gateway.live if snapshot.gateway else None
    address = address_from_status(seen.sight.service or {}) or (
        address_from_gateway(live, seen.namespace, seen.name) if live else None
    )
    return address.url if address else ""


def _wrong(part: str, found: str, expected: str, right: str) -> Finding:
    return Finding(
        code="DIAGNOSIS-URL-WRONG",
        severity="error",
        message=f"the URL's {part} leads to no model: clients get 404, or no connection",
        subject="option url",
        path=part,
        found=found,
        expected=expected,
        fix=f"use {right} (an OpenAI client's base_url is {right}/v1), without a Host header"
        if right
        else "use status.url of the service: kubectl get llminferenceservices -A",
        source="KServe, pkg/controller/llmisvc/router_discovery.go",
    )
