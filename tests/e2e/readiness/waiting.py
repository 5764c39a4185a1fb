# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""`wait_ready` in this process, as the action plugin calls it, in a thread beside the test."""

from __future__ import annotations

import threading
import time
from typing import Any

from ansible_collections.llmd.tpu.plugins.module_utils.connection import Streaming, connect
from ansible_collections.llmd.tpu.plugins.module_utils.readiness.wait import wait_ready

Object = dict[str, Any]


def entry(kind: str, name: str, namespace: str, **more: Any) -> Object:
    """An object to wait for, of one of the kinds of these tests."""
    versions = {"Job": "batch/v1", "ConfigMap": "v1", "Namespace": "v1", "Service": "v1"}
    place = {} if kind == "Namespace" else {"namespace": namespace}
    return {
        "api_version": versions.get(kind, "apps/v1"),
        "kind": kind,
        "name": name,
        **place,
        **more,
    }


class Waiting:
    """A wait under way: its lines with their times, and its result with the time it came."""

    what = "objects"
    """The option that says what to wait for."""

    def __init__(self, kubeconfig: str, *objects: Object, **params: Any) -> None:
        self.began = time.monotonic()
        self.lines: list[tuple[float, str]] = []
        self.result: Object = {}
        self.ended = 0.0
        options = {"kubeconfig": kubeconfig, "wait_timeout": 60, self.what: list(objects), **params}
        # Not in the thread: kubernetes' client keeps a kubeconfig's certificates in files that all
        # threads share, and another one would read them while they are written.
        session = connect(options)
        self._thread = threading.Thread(target=self._run, args=(options, session))
        self._thread.start()

    def _run(self, options: Object, session: Streaming) -> None:
        self.result = self.work(options, session)
        self.ended = time.monotonic()

    def work(self, options: Object, session: Streaming) -> Object:
        """Wait, in the thread."""
        return wait_ready(options, session, check=False, progress=self._tell)

    def _tell(self, line: str) -> None:
        self.lines.append((time.monotonic() - self.began, line))

    def told(self, words: str, seconds: float = 30.0) -> float:
        """Wait until a line with these words is told; answers when it was, since the beginning."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            for when, line in list(self.lines):
                if words in line:
                    return when
            time.sleep(0.02)
        raise AssertionError(f"not told within {seconds:.0f} s: {words}; only {self.lines}")

    def end(self) -> Object:
        """The result, when it is there."""
        self._thread.join(120)
        assert not self._thread.is_alive(), f"still waiting; told so far: {self.lines}"
        return self.result

    @property
    def seconds(self) -> float:
        """How long it took."""
        return self.ended - self.began
