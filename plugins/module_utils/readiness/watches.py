# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Doorbells: open watches that tell which place changed, and nothing more.

A place is the URL path of a list with a selector. What changed there is read anew by who waits, so
that a watch which loses events, repeats them or starts over can do no harm. A watch without a
resourceVersion starts with what exists now (Kubernetes documentation, "API Concepts", "Semantics
for watch"): it cannot be refused as too old, and it rings once for what was missed between the
last read and its start. Each one reads in a thread of its own, on a connection of its own.
"""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Callable, Iterable
from typing import Protocol

from ansible_collections.llmd.tpu.plugins.module_utils.connection import (
    ConnectionLost,
    ConnectionProblem,
    Stream,
    Streaming,
)
from ansible_collections.llmd.tpu.plugins.module_utils.manifests.client import Counts

MOST = 24
"""Watches, and so connections, at once; further places are read every second."""
LIFE_SECONDS = 300
FIRST_PAUSE, LONGEST_PAUSE, REFUSED_PAUSE = 0.1, 2.0, 30.0
FAREWELL_SECONDS = 2.0
# The names and versions are enough to ring: bodies would only cost.
_ACCEPT = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json"
# The account may not watch, or what serves the kind cannot.
_REFUSED = (403, 405)


class Doorbells(Protocol):
    """What a waiter waits on. Tests pass a scripted one."""

    def keep(self, places: Iterable[str]) -> None:
        """Watch these places, the first ones if there are too many, and no others."""

    def refused(self, place: str) -> bool:
        """Whether a place cannot be watched, so that it must be read instead."""

    def wait(self, seconds: float) -> set[str]:
        """The places that changed since the last call, as soon as there are any."""

    def close(self) -> None:
        """End all watches."""


class Watches:
    """Doorbells over a session that streams."""

    def __init__(self, session: Streaming, counts: Counts, most: int = MOST) -> None:
        self._most = most
        self._session = session
        self._counts = counts
        self._watches: dict[str, _Watch] = {}
        self._changed = threading.Condition()
        self._rung: set[str] = set()

    def keep(self, places: Iterable[str]) -> None:
        """Open and close watches until these are open."""
        wanted = list(dict.fromkeys(places))[: self._most]
        for place in set(self._watches) - set(wanted):
            self._watches.pop(place).stop()
        for place in wanted:
            if place not in self._watches:
                watch = _Watch(place, self._session, self._counts, self._ring)
                self._watches[place] = watch
                watch.start()

    def refused(self, place: str) -> bool:
        """Whether there is no watch, or the server refuses it."""
        watch = self._watches.get(place)
        return watch is None or watch.refused

    def wait(self, seconds: float) -> set[str]:
        """Wait for a ring."""
        with self._changed:
            if not self._rung:
                self._changed.wait(max(seconds, 0.0))
            rung, self._rung = self._rung, set()
        return rung

    def close(self) -> None:
        """End all watches; their threads have nothing more to do and end by themselves."""
        watches = list(self._watches.values())
        self._watches.clear()
        for watch in watches:
            watch.stop()
        for watch in watches:
            watch.join(FAREWELL_SECONDS)

    def _ring(self, place: str) -> None:
        with self._changed:
            self._rung.add(place)
            self._changed.notify_all()


class _Watch(threading.Thread):
    """Watches one place until it is stopped; whatever ends a stream, it opens the next."""

    def __init__(
        self, place: str, session: Streaming, counts: Counts, ring: Callable[[str], None]
    ) -> None:
        super().__init__(name=f"watch {place}", daemon=True)
        self.refused = False
        self._place = place
        self._session = session
        self._counts = counts
        self._ring = ring
        self._stopped = threading.Event()
        self._lock = threading.Lock()
        self._stream: Stream | None = None

    def stop(self) -> None:
        """End it, from another thread."""
        self._stopped.set()
        with self._lock:
            if self._stream:
                self._stream.stop()

    def run(self) -> None:
        """Stream after stream, with growing pauses while none lives."""
        pause = FIRST_PAUSE
        while not self._stopped.is_set():
            lived = False
            with contextlib.suppress(ConnectionLost, ConnectionProblem):
                lived = self._follow()
            pause = FIRST_PAUSE if lived else min(pause * 2, LONGEST_PAUSE)
            self._stopped.wait(REFUSED_PAUSE if self.refused else pause)

    def _follow(self) -> bool:
        """Ring for what one stream says; answers whether it was one."""
        self._counts.add(requests=1)
        query = f"watch=1&allowWatchBookmarks=true&timeoutSeconds={LIFE_SECONDS}"
        stream = self._session.open(f"{self._place}&{query}", {"Accept": _ACCEPT})
        try:
            with self._lock:
                if self._stopped.is_set():
                    return False
                self._stream = stream
            refused, self.refused = self.refused, stream.status in _REFUSED
            if stream.status != 200:
                if self.refused and not refused:
                    self._ring(self._place)  # so that it is read from now on
                return False
            self._ring(self._place)
            return self._listen(stream)
        finally:
            with self._lock:
                self._stream = None
            stream.close()

    def _listen(self, stream: Stream) -> bool:
        """Ring for each change; False when the server has ended the watch with an error."""
        try:
            for line in filter(None, stream.lines()):
                kind = _kind_of(line)
                if kind == "ERROR":  # 410 Gone, most often: the next one starts from now
                    return False
                if kind != "BOOKMARK":
                    self._ring(self._place)
        except ConnectionLost:
            if not self._stopped.is_set():
                self._ring(self._place)  # so that an outage is told
        return True


def _kind_of(line: bytes) -> str:
    """The type of a watch event; what is none counts as an error."""
    try:
        event = json.loads(line)
    except ValueError:
        return "ERROR"
    return str(event.get("type")) if isinstance(event, dict) else "ERROR"
