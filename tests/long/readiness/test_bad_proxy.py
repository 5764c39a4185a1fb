# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Between us and the API server there may be something that does not understand watches."""

from __future__ import annotations

import contextlib
import http.client
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import yaml

from tests.e2e.apply.control_plane import TOKEN, ControlPlane
from tests.e2e.readiness.test_watching import deploy, make_ready, space
from tests.e2e.readiness.waiting import Waiting, entry

__all__ = ["space"]


class Proxy(ThreadingHTTPServer):
    """Passes GETs on with the administrator's token; `treat` does what it likes to watches."""

    daemon_threads = True

    def __init__(
        self, plane: ControlPlane, treat: Callable[[Any, http.client.HTTPResponse], None]
    ) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.plane = plane
        self.treat = treat
        self.watches = 0


class Handler(BaseHTTPRequestHandler):
    """One request."""

    protocol_version = "HTTP/1.1"
    server: Proxy

    def do_GET(self) -> None:
        """Ask the API server, and give its answer as it is."""
        plane = self.server.plane
        context = ssl.create_default_context(cafile=str(plane.folder / "pki" / "apiserver.crt"))
        upstream = http.client.HTTPSConnection("127.0.0.1", plane.port, context=context)
        wanted = {"Authorization": f"Bearer {TOKEN}", "Accept": self.headers["Accept"]}
        upstream.request("GET", self.path, headers=wanted)
        reply = upstream.getresponse()
        self.send_response(reply.status)
        if "watch=1" in self.path:
            self.server.watches += 1
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            self.server.treat(self.wfile, reply)
            self.close_connection = True
        else:
            body = reply.read()
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
        upstream.close()

    def log_message(self, *_arguments: Any) -> None:
        """Nothing."""


@contextmanager
def proxy(
    plane: ControlPlane,
    folder: Path,
    treat: Callable[[Any, http.client.HTTPResponse], None],
) -> Iterator[tuple[Proxy, str]]:
    """The proxy, and a kubeconfig that leads to it."""
    server = Proxy(plane, treat)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    config = yaml.safe_load(plane.kubeconfig.read_text())
    config["clusters"][0]["cluster"] = {"server": f"http://127.0.0.1:{server.server_port}"}
    path = folder / "kubeconfig"
    path.write_text(yaml.safe_dump(config))
    yield server, str(path)
    server.shutdown()
    server.server_close()


def hold_back(_client: Any, reply: http.client.HTTPResponse) -> None:
    """A proxy that waits for the end of a body before it passes it on."""
    with contextlib.suppress(http.client.IncompleteRead):  # the API server ends with the test
        reply.read()


def cut(client: Any, reply: http.client.HTTPResponse) -> None:
    """A proxy that allows a connection one second and then drops it in the middle of a chunk."""
    time.sleep(1)
    client.write(b"ffff\r\n" + reply.read1(10))


def test_a_proxy_that_holds_watches_back(plane: ControlPlane, space: str, tmp_path: Path) -> None:
    deploy(plane, space, "d")
    with proxy(plane, tmp_path, hold_back) as (server, kubeconfig):
        waiting = Waiting(kubeconfig, entry("Deployment", "d", space))
        waiting.told("has not reported yet")
        time.sleep(2)
        ready = make_ready(plane, space, "d")
        assert not waiting.end().get("failed"), waiting.result
    assert server.watches >= 1
    print(f"ready was seen after {waiting.ended - ready:.1f} s")
    assert waiting.ended - ready < 16


def test_a_proxy_that_cuts_watches(plane: ControlPlane, space: str, tmp_path: Path) -> None:
    deploy(plane, space, "d")
    with proxy(plane, tmp_path, cut) as (server, kubeconfig):
        waiting = Waiting(kubeconfig, entry("Deployment", "d", space))
        waiting.told("has not reported yet")
        time.sleep(10)
        ready = make_ready(plane, space, "d")
        result = waiting.end()
    assert not result.get("failed"), result
    assert server.watches > 4
    assert waiting.ended - ready < 3
