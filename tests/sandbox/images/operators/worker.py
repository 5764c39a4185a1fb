# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""One loop that reconciles whenever something woke it, and the probes that kubelets ask."""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.sandbox.images.operators.cluster import TROUBLE, reason_of

# Events come in bursts, and an object is never written more than once a second.
PAUSE_SECONDS = 1.0
RETRY_SECONDS = 5.0
RESYNC_SECONDS = 120.0

log = logging.getLogger(__name__)


class Worker:
    """Runs one function again and again, when woken or from time to time."""

    def __init__(self, pause: float = PAUSE_SECONDS) -> None:
        """Begin awake; rest `pause` seconds after each run."""
        self._pause = pause
        self._awake = threading.Event()
        self._awake.set()

    def wake(self) -> None:
        """Make the loop run once more."""
        self._awake.set()

    def run(self, reconcile: Callable[[], bool]) -> None:
        """Call `reconcile` for ever; False means that it should be tried again soon."""
        wait = RESYNC_SECONDS
        while True:
            self._awake.wait(timeout=wait)
            self._awake.clear()
            try:
                settled = reconcile()
            except TROUBLE as error:
                log.warning("reconcile: %s", reason_of(error))
                settled = False
            wait = RESYNC_SECONDS if settled else RETRY_SECONDS
            time.sleep(self._pause)


class _Probe(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = b"ok\n"
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_arguments: object) -> None:
        """Say nothing: probes come every few seconds."""


def stop_when_asked() -> None:
    """End at once on SIGTERM, which the first process of a container ignores otherwise.

    A thread that dies takes the process along, as a panic does in Go: the kubelet starts it anew.
    """
    signal.signal(signal.SIGTERM, lambda *_arguments: os._exit(0))
    threading.excepthook = _end


def _end(died: threading.ExceptHookArgs) -> None:
    log.error("a thread died", exc_info=died.exc_value)
    os._exit(2)


def serve_probes(port: int) -> None:
    """Answer /healthz and /readyz on all addresses from now on."""
    server = ThreadingHTTPServer(("0.0.0.0", port), _Probe)
    threading.Thread(target=server.serve_forever, name="probes", daemon=True).start()
