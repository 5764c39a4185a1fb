# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Watches ring for changes, and come back whatever ends them."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from ansible_collections.llmd.tpu.plugins.module_utils.connection import ConnectionLost
from ansible_collections.llmd.tpu.plugins.module_utils.manifests.client import Counts
from ansible_collections.llmd.tpu.plugins.module_utils.readiness.watches import MOST, Watches

from tests.unit.plugins.module_utils.readiness.scripted import Script, ScriptedStream

PLACE = "/api/v1/pods?labelSelector=a"


def event(kind: str) -> bytes:
    return json.dumps({"type": kind, "object": {}}).encode()


class Gate:
    """Lets a stream go on, and knows that it has been read so far."""

    def __init__(self) -> None:
        self.open = threading.Event()
        self.passed = threading.Event()

    def lines(self, *then: bytes | Exception) -> Callable[[], Iterator[bytes]]:
        """Nothing until the gate opens; then these; then silence until the test ends."""

        def go() -> Iterator[bytes]:
            while not self.open.wait(0.01) and not self.end.is_set():
                pass
            for line in then:
                if isinstance(line, Exception):
                    raise line
                yield line
            self.passed.set()
            self.end.wait(5)

        return go

    end = threading.Event()


@pytest.fixture(autouse=True)
def _ends() -> Iterator[None]:
    Gate.end.clear()
    yield
    Gate.end.set()


def start(*streams: Any, most: int = MOST) -> tuple[Watches, Script, Counts]:
    script, counts = Script(), Counts()
    silent = [ScriptedStream(200, Gate().lines()) for _number in range(3)]
    script.streams = [*streams, *silent]
    it = Watches(script, counts, most)
    it.keep([PLACE])
    return it, script, counts


def finish(it: Watches) -> None:
    Gate.end.set()
    it.close()


def test_it_rings_when_it_opens_and_for_each_change() -> None:
    gate = Gate()
    stream = ScriptedStream(200, gate.lines(event("BOOKMARK"), b"", event("MODIFIED")))
    it, script, counts = start(stream)
    assert it.wait(5) == {PLACE}
    assert it.wait(0.05) == set()
    gate.open.set()
    assert it.wait(5) == {PLACE}
    assert gate.passed.wait(5)
    assert it.wait(0.05) == set()
    (path,) = script.opened
    assert path.startswith(f"{PLACE}&watch=1&allowWatchBookmarks=true&timeoutSeconds=")
    assert counts.requests == 1
    assert not it.refused(PLACE)
    finish(it)
    assert stream.stopped
    assert stream.closed
    assert threading.active_count() == 1


def test_a_bookmark_alone_does_not_ring() -> None:
    gate = Gate()
    it, _script, _counts = start(ScriptedStream(200, gate.lines(event("BOOKMARK"))))
    assert it.wait(5) == {PLACE}
    gate.open.set()
    assert gate.passed.wait(5)
    assert it.wait(0.05) == set()
    finish(it)


@pytest.mark.parametrize(
    "ends",
    [
        [event("ERROR")],  # 410 Gone
        [ConnectionLost("reset")],
        [b"<html>"],
        [],
    ],
)
def test_whatever_ends_a_watch_it_begins_again(ends: list[Any]) -> None:
    first = ScriptedStream(200, lambda: iter(_play(ends)))
    it, script, _counts = start(first)
    deadline = time.monotonic() + 5
    while len(script.opened) < 2 and time.monotonic() < deadline:
        it.wait(0.1)
    assert len(script.opened) == 2
    assert first.closed
    finish(it)


def _play(ends: list[Any]) -> Iterator[bytes]:
    for end in ends:
        if isinstance(end, Exception):
            raise end
        yield end


def test_a_server_that_is_away_is_asked_again() -> None:
    it, script, _counts = start(ConnectionLost("refused"), ConnectionLost("refused"))
    assert it.wait(5) == {PLACE}
    assert len(script.opened) == 3
    finish(it)


def test_a_refused_watch_rings_once_and_says_so() -> None:
    it, script, _counts = start(ScriptedStream(403, lambda: iter(())))
    assert it.wait(5) == {PLACE}
    assert it.refused(PLACE)
    assert it.wait(0.3) == set()
    assert len(script.opened) == 1
    finish(it)


def test_connections_are_bounded_and_closed_when_not_wanted() -> None:
    stream = ScriptedStream(200, Gate().lines())
    it, script, _counts = start(stream, most=1)
    it.wait(5)
    it.keep([PLACE, "/other?a"])
    assert it.refused("/other?a")
    it.keep(["/other?a"])
    assert stream.stopped
    assert it.wait(5) == {"/other?a"}
    assert len(script.opened) == 2
    finish(it)
