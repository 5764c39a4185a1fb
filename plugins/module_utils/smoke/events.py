# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Server-sent events of a reply, each with the time of its arrival. Pure.

Source: the HTML standard, section 9.2 ("Server-sent events"): lines end with CR, LF or both, a
blank line ends an event, a line that begins with a colon is a comment.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from dataclasses import dataclass

from ansible_collections.llmd.tpu.plugins.module_utils.smoke.exchange import Reply

_LINE = re.compile(rb"([^\r\n]*)(\r\n|\r|\n)")


@dataclass(frozen=True)
class Event:
    """The data of one event, and when its last byte was there, in seconds after the request."""

    data: str
    seconds: float


def read_events(reply: Reply) -> tuple[Event, ...]:
    """Split a body into its events; one that the end of the body cuts off is left out."""
    events: list[Event] = []
    lines: list[bytes] = []
    for match in _LINE.finditer(reply.body):
        line = match[1]
        if line.startswith(b"data:"):
            lines.append(line.removeprefix(b"data:").removeprefix(b" "))
        elif not line and lines:
            text = b"\n".join(lines).decode("utf-8", "replace")
            events.append(Event(text, _arrival(reply, match.end())))
            lines = []
    return tuple(events)


def _arrival(reply: Reply, position: int) -> float:
    """When that much of the body was there."""
    index = bisect_left(reply.arrivals, position, key=lambda arrival: arrival[0])
    return reply.arrivals[index][1] if index < len(reply.arrivals) else reply.seconds
