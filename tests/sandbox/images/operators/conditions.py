# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Status conditions. A condition's time changes only with its status."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from tests.sandbox.images.operators.cluster import Document


def condition(kind: str, status: str, reason: str = "", message: str = "") -> Document:
    """Return a condition without its time; empty reason and message are left out."""
    optional = {"reason": reason, "message": message}
    return {"type": kind, "status": status, **{k: v for k, v in optional.items() if v}}


def timed(
    conditions: Iterable[Document], previous: Iterable[Document], now: datetime
) -> list[Document]:
    """Add the times: the old one where the status did not change."""
    known = {each["type"]: each for each in previous}
    stamp = now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return [
        {**each, "lastTransitionTime": _time(each, known.get(each["type"]), stamp)}
        for each in conditions
    ]


def _time(new: Document, old: Document | None, stamp: str) -> str:
    if old and old.get("status") == new["status"]:
        return str(old.get("lastTransitionTime", stamp))
    return stamp
