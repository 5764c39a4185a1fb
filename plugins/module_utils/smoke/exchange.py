# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""One HTTP exchange as plain data: what was asked, and what came back. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

FailureKind = Literal[
    "dns",
    "refused",
    "unreachable",
    "certificate-authority",
    "certificate-name",
    "certificate-time",
    "not-tls",
    "tls",
    "timeout",
    "stalled",
    "lost",
    "broken-off",
    "not-http",
]
SHORTEST_SECRET = 6
"""Characters; a shorter header value says nothing, and hiding it would hide half of a text."""


_PUBLIC = frozenset({"accept", "content-type", "user-agent"})


@dataclass(frozen=True)
class Request:
    """What to send. ``headers`` may hold secrets and never appear in a message."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes | None = None


@dataclass(frozen=True)
class Reply:
    """What came back; header names are in lower case.

    ``seconds`` is from connecting to the last byte, ``connect_seconds`` the part of it until the
    request could be sent. ``arrivals``: how much of the body was there how many seconds after the
    request was sent. ``started``: on the sender's clock. ``truncated``: the body was longer than
    read. ``hidden``: what a message must not quote, since it was sent as a header.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    seconds: float
    truncated: bool = False
    connect_seconds: float = 0.0
    arrivals: tuple[tuple[int, float], ...] = ()
    started: float = 0.0
    hidden: tuple[str, ...] = field(default=(), repr=False)

    def quoted(self, limit: int = 200) -> str:
        """Show the body in a message."""
        return quote(self.body, limit, self.hidden)


@dataclass(frozen=True)
class Failure:
    """Why nothing whole came back. ``where`` was connected to, as host:port.

    ``detail`` says more, for a person; ``received`` is how many bytes of a body had come.
    """

    kind: FailureKind
    detail: str
    seconds: float
    where: str
    started: float = 0.0
    received: int = 0


Outcome: TypeAlias = "Reply | Failure"


def bad_header(headers: Mapping[str, str]) -> str | None:
    """Find a header that cannot be sent; gives its name, never its value."""
    for name, value in headers.items():
        if not re.fullmatch(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+", name):
            return quote(name)
        if not re.fullmatch(r"[\t\x20-\x7e\x80-\xff]*", value):
            return name
    return None


def secrets_of(headers: Mapping[str, str]) -> tuple[str, ...]:
    """List what must not be shown of the user's headers: whole values, and a token after a word."""
    parts = {
        part
        for name, value in headers.items()
        if name.lower() not in _PUBLIC
        for part in (value, value.rpartition(" ")[2])
    }
    return tuple(sorted((one for one in parts if len(one) >= SHORTEST_SECRET), key=len)[::-1])


def quote(data: bytes | str, limit: int = 200, hidden: Collection[str] = ()) -> str:
    """Show a foreign text in a message: one line, printable, bounded, without what is hidden."""
    longest = max((len(secret) for secret in hidden), default=0)
    text = (
        data
        if isinstance(data, str)
        else data[: (limit + longest) * 4].decode("utf-8", "backslashreplace")
    )
    for secret in hidden:
        text = text.replace(secret, "********")
    shown = "".join(char if char.isprintable() else repr(char)[1:-1] for char in text[:limit])
    return shown + ("…" if len(text) > limit else "")


def parse_json(body: bytes | str) -> Any:
    """Parse a body; None when it is not JSON (JSON's own null counts as not JSON)."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None
