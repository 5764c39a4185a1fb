# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""One HTTP exchange as plain data: what was asked, and what came back. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

FailureKind = Literal["dns", "refused", "unreachable", "tls", "timeout", "lost", "not-http"]


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

    ``seconds`` is from connecting to the last byte; ``truncated``: the body was longer than read.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    seconds: float
    truncated: bool = False


@dataclass(frozen=True)
class Failure:
    """Why nothing came back. ``where`` is the address that was connected to, as host:port."""

    kind: FailureKind
    detail: str
    seconds: float
    where: str


Outcome = Reply | Failure


def completion(
    base_url: str, model: str, prompt: str, max_tokens: int, headers: Mapping[str, str]
) -> Request:
    """Ask for one completion. No ``seed``: vLLM on TPU refuses it (vllm-project/tpu-inference)."""
    body = {"model": model, "prompt": prompt, "max_tokens": max_tokens, "temperature": 0}
    return Request(
        method="POST",
        url=f"{base_url.rstrip('/')}/v1/completions",
        headers={**headers, "Content-Type": "application/json", "Accept": "application/json"},
        body=json.dumps(body).encode(),
    )


def model_list(base_url: str, headers: Mapping[str, str]) -> Request:
    """Ask which models are served. This path goes round the scheduler, to the Service."""
    return Request(
        method="GET",
        url=f"{base_url.rstrip('/')}/v1/models",
        headers={**headers, "Accept": "application/json"},
    )


def bad_header(headers: Mapping[str, str]) -> str | None:
    """Find a header that cannot be sent; gives its name, never its value."""
    for name, value in headers.items():
        if not re.fullmatch(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+", name):
            return quote(name)
        if not re.fullmatch(r"[\t\x20-\x7e\x80-\xff]*", value):
            return name
    return None


def quote(data: bytes | str, limit: int = 200) -> str:
    """Show a foreign text in a message: one line, printable, bounded."""
    text = data if isinstance(data, str) else data[: limit * 4].decode("utf-8", "backslashreplace")
    shown = "".join(char if char.isprintable() else repr(char)[1:-1] for char in text[:limit])
    return shown + ("…" if len(text) > limit else "")


def parse_json(body: bytes) -> Any:
    """Parse a body; None when it is not JSON (JSON's own null counts as not JSON)."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None
