# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Where does a service answer, and where do we connect for it? Pure.

Source: opendatahub-io/kserve ``pkg/controller/llmisvc/router_discovery.go``: ``status.url`` is the
first public address and absent for a private one; ``status.addresses`` lists all; the path is
``/<namespace>/<name>``, without any host name.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

_PORTS = {"http": 80, "https": 443}


class AddressError(Exception):
    """An address given by the user cannot be used; the text says what was expected."""


class WayProblem(Exception):
    """The way to the gateway that was asked for cannot be taken; the text is for the user."""


@dataclass(frozen=True)
class ServiceAddress:
    """The URL of a service, and which field it was taken from."""

    url: str
    origin: str


@dataclass(frozen=True)
class Target:
    """A URL in its parts. ``path`` includes the query."""

    scheme: str
    host: str
    port: int
    path: str


def address_from_status(service: Mapping[str, Any]) -> ServiceAddress | None:
    """Take the URL that the service itself reports; None while it reports none."""
    status = service.get("status")
    if not isinstance(status, Mapping):
        return None
    if isinstance(status.get("url"), str):
        return ServiceAddress(status["url"], "status.url")
    entries = status.get("addresses")
    addresses = [
        one
        for one in (entries if isinstance(entries, list) else [])
        if isinstance(one, Mapping) and isinstance(one.get("url"), str)
    ]
    # The Service name of the gateway resolves inside the cluster only, so it comes last.
    addresses.sort(key=lambda one: one.get("name") == "gateway-internal")
    if addresses:
        name = addresses[0].get("name", "unnamed")
        return ServiceAddress(addresses[0]["url"], f"status.addresses ({name})")
    return None


def address_from_gateway(
    gateway: Mapping[str, Any], namespace: str, name: str
) -> ServiceAddress | None:
    """Build the URL from a Gateway's address and first HTTP listener; None without an address."""
    addresses = (gateway.get("status") or {}).get("addresses") or []
    listeners = (gateway.get("spec") or {}).get("listeners") or []
    if not addresses or not listeners:
        return None
    scheme = "https" if listeners[0].get("protocol") == "HTTPS" else "http"
    port = listeners[0].get("port", _PORTS[scheme])
    host = _in_brackets(str(addresses[0].get("value", "")))
    shown = host if port == _PORTS[scheme] else f"{host}:{port}"
    return ServiceAddress(f"{scheme}://{shown}/{namespace}/{name}", "address of the Gateway")


def split_url(url: str) -> Target:
    """Split a URL. Raises AddressError for anything but http and https with a host."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as problem:
        raise AddressError(f"{url!r} is no URL: {problem}. Expected {_FORM}.") from problem
    if parts.scheme not in _PORTS or not parts.hostname or parts.username is not None:
        raise AddressError(f"{url!r} cannot be used. Expected {_FORM}, without a user name.")
    if re.search(r"[\s\x00-\x1f\x7f]", url) or not url.isascii():
        raise AddressError(
            f"{url!r} holds blanks or characters a URL cannot have. Expected {_FORM}."
        )
    path = parts.path or "/"
    if parts.query:
        path += f"?{parts.query}"
    return Target(parts.scheme, parts.hostname, port or _PORTS[parts.scheme], path)


_FORM = "http://HOST[:PORT]/PATH or https://…"


def connect_address(rules: list[str], target: Target) -> tuple[str, int]:
    """Find the host and port to connect to, as curl's --connect-to does.

    A rule is ``HOST:PORT`` (for everything) or ``HOST1:PORT1:HOST2:PORT2``, where an empty first
    host or port matches any and an empty second one keeps the URL's. Raises AddressError.
    """
    for rule in rules:
        parts = _split_rule(rule)
        if len(parts) == 2:
            parts = ["", "", *parts]
        from_host, from_port, to_host, to_port = parts
        if from_host not in ("", target.host) or from_port not in ("", str(target.port)):
            continue
        return to_host or target.host, int(to_port or target.port)
    return target.host, target.port


def _split_rule(rule: str) -> list[str]:
    parts = [part.strip("[]") for part in re.findall(r"(\[[^\]]*\]|[^:]*)(?::|$)", rule)]
    # The pattern also matches the empty text at the end.
    parts = parts[:-1] if parts and not rule.endswith(":") else parts
    ports = parts[1::2]
    if len(parts) not in (2, 4) or not all(p == "" or _is_port(p) for p in ports) or not any(parts):
        raise AddressError(
            f"connect_to {rule!r} cannot be used. Expected HOST:PORT, or HOST1:PORT1:HOST2:PORT2 "
            "as curl's --connect-to; an IPv6 address stands in brackets."
        )
    return parts


def _is_port(text: str) -> bool:
    return text.isascii() and text.isdigit() and 0 < int(text) < 65536


def _in_brackets(host: str) -> str:
    try:
        return f"[{host}]" if ipaddress.ip_address(host).version == 6 else host
    except ValueError:
        return host


def host_and_port(host: str, port: int) -> str:
    """Write host and port for a message."""
    return f"{_in_brackets(host)}:{port}"
