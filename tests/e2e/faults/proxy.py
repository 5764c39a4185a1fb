# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A proxy in front of the API server that does to chosen requests what networks and servers do.

Plain HTTP on 127.0.0.1, towards the API server TLS. What a client sends as its credentials goes
on; a client certificate cannot (it belongs to the connection), so the proxy brings its own. Each
rule counts what it saw and what it did, so that a test can prove that its fault happened.
"""

from __future__ import annotations

import contextlib
import http.client
import http.server
import json
import re
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

CHUNK = 65536
UPSTREAM_SECONDS = 600.0
# Headers that belong to one connection (RFC 9110, section 7.6.1).
HOP_BY_HOP = frozenset({"connection", "keep-alive", "transfer-encoding", "host", "content-length"})

# The API server's own words for what it may answer.
STATUSES = {
    404: ("NotFound", "the server could not find the requested resource"),
    409: (
        "Conflict",
        "the object has been modified; please apply your changes to the latest version",
    ),
    429: ("TooManyRequests", "the server has received too many requests, please try again later"),
    500: ("InternalError", "Internal error occurred: etcdserver: leader changed"),
    503: ("ServiceUnavailable", "the server is currently unable to handle the request"),
    504: ("Timeout", "Timeout: request did not complete within the allotted timeout"),
}
WRITES = "POST|PUT|PATCH|DELETE"


@dataclass(frozen=True)
class Upstream:
    """The API server, and how to get in."""

    host: str
    port: int
    context: ssl.SSLContext

    def connection(self) -> http.client.HTTPSConnection:
        """Open a connection of its own for one client's connection."""
        return http.client.HTTPSConnection(
            self.host, self.port, context=self.context, timeout=UPSTREAM_SECONDS
        )


@dataclass
class Rule:
    """Which requests get which fault: the `first` of those that match, and `times` of them.

    `fault` is a status of STATUSES, or one of:
    `drop` (no reply, never forwarded), `lose` (forwarded, the reply is lost), `hang` (no reply
    while the test lasts), `call` (goes on as if nothing had happened). `action` is called before.
    """

    fault: int | str
    method: str = WRITES
    path: str = ""
    first: int = 1
    times: int = 1
    action: Callable[[], object] | None = None
    seen: int = 0
    fired: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def hits(self, method: str, path: str) -> bool:
        """Whether this request gets the fault; counts it."""
        if not re.fullmatch(self.method, method) or not re.search(self.path, path):
            return False
        with self._lock:
            self.seen += 1
            hit = self.first <= self.seen < self.first + self.times
            self.fired += hit
            return hit


class Proxy:
    """A running proxy; its rules may be changed at any time."""

    def __init__(self, upstream: Upstream) -> None:
        self.upstream = upstream
        self.rules: list[Rule] = []
        self.requests = 0
        self.ended = threading.Event()
        proxy = self

        class Handler(_Handler):
            @property
            def proxy(self) -> Proxy:
                return proxy

        self._server = _Server(("127.0.0.1", 0), Handler)
        self.port = int(self._server.server_address[1])
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        """Where clients connect."""
        return f"http://127.0.0.1:{self.port}"

    def kubeconfig(self, original: Path, file: Path) -> Path:
        """Write a kubeconfig as the original, but through the proxy."""
        content = yaml.safe_load(original.read_text())
        for entry in content["clusters"]:
            entry["cluster"] = {"server": self.url}
        for entry in content["users"]:
            token = entry["user"].get("token")
            entry["user"] = {"token": token} if token else {}
        file.touch(mode=0o600)
        file.write_text(yaml.safe_dump(content))
        return file

    def rule_for(self, method: str, path: str) -> Rule | None:
        """The rule whose turn it is; every rule counts the request."""
        self.requests += 1
        hits = [rule for rule in self.rules if rule.hits(method, path)]
        return hits[0] if hits else None

    @contextlib.contextmanager
    def under(self, *rules: Rule) -> Iterator[Sequence[Rule]]:
        """With these rules, and without them afterwards."""
        self.rules = list(rules)
        try:
            yield rules
        finally:
            self.rules = []

    def close(self) -> None:
        """Stop; requests that hang end."""
        self.ended.set()
        self._server.shutdown()
        self._server.server_close()


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: clients that went away are what this is about."""


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    _upstream: http.client.HTTPSConnection | None = None

    @property
    def proxy(self) -> Proxy:
        raise NotImplementedError

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""

    def finish(self) -> None:
        if self._upstream:
            self._upstream.close()
        with contextlib.suppress(OSError):
            super().finish()

    def _any(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        rule = self.proxy.rule_for(self.command, self.path)
        if rule and rule.action:
            rule.action()
        if rule is None or rule.fault == "call":
            self._forward(body)
        elif isinstance(rule.fault, int):
            self._refuse(rule.fault)
        else:
            if rule.fault == "lose":
                self._exchange(body).read()
            elif rule.fault == "hang":
                self.proxy.ended.wait(UPSTREAM_SECONDS)
            self._cut()

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _any  # noqa: N815 - the base class looks for these

    def _cut(self) -> None:
        """End the connection without a word."""
        self.close_connection = True
        with contextlib.suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)

    def _refuse(self, code: int) -> None:
        reason, message = STATUSES[code]
        status = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": message,
            "reason": reason,
            "code": code,
        }
        content = json.dumps(status).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        if code == 429:
            self.send_header("Retry-After", "1")
        self.end_headers()
        self.wfile.write(content)

    def _exchange(self, body: bytes) -> http.client.HTTPResponse:
        """Send the request on. Raises OSError or HTTPException when the API server is away."""
        if self._upstream is None:
            self._upstream = self.proxy.upstream.connection()
        self._upstream.putrequest(self.command, self.path, skip_accept_encoding=True)
        for name, value in self.headers.items():
            if name.lower() not in HOP_BY_HOP:
                self._upstream.putheader(name, value)
        self._upstream.putheader("Content-Length", str(len(body)))
        self._upstream.endheaders(body)
        return self._upstream.getresponse()

    def _forward(self, body: bytes) -> None:
        if "upgrade" in (self.headers.get("Connection") or "").lower():
            self._splice()
            return
        try:
            reply = self._exchange(body)
        except (OSError, http.client.HTTPException):
            self._cut()  # as the API server's own socket would
            return
        self.send_response_only(reply.status, reply.reason)
        for name, value in reply.getheaders():
            if name.lower() not in HOP_BY_HOP:
                self.send_header(name, value)
        if reply.length is None:
            self._stream(reply)
        else:
            content = reply.read()
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

    def _stream(self, reply: http.client.HTTPResponse) -> None:
        """Pass on what comes when it comes, as a watch needs it."""
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        try:
            while part := reply.read1(CHUNK):
                self.wfile.write(b"%x\r\n%s\r\n" % (len(part), part))
                self.wfile.flush()
            self.wfile.write(b"0\r\n\r\n")
        except (OSError, http.client.HTTPException):
            self._cut()

    def _splice(self) -> None:
        """Carry a connection that stops speaking HTTP (port-forward)."""
        self.close_connection = True
        upstream = self.proxy.upstream
        with (
            socket.create_connection((upstream.host, upstream.port)) as plain,
            upstream.context.wrap_socket(plain, server_hostname=upstream.host) as onward,
        ):
            lines = [f"{self.command} {self.path} HTTP/1.1"]
            lines += [f"{name}: {value}" for name, value in self.headers.items()]
            onward.sendall("\r\n".join([*lines, "", ""]).encode("latin-1"))
            back = threading.Thread(target=_copy, args=(onward, self.connection), daemon=True)
            back.start()
            _copy(self.connection, onward)
            back.join(1)


def _copy(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError, ValueError):
        while data := source.recv(CHUNK):
            target.sendall(data)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_RDWR)


@contextlib.contextmanager
def running(upstream: Upstream) -> Iterator[Proxy]:
    """Start a proxy; stop it at the end."""
    proxy = Proxy(upstream)
    try:
        yield proxy
    finally:
        proxy.close()


def sandbox_upstream(api_server: str, pki: Path) -> Upstream:
    """A sandbox's API server (HOST:PORT), with the administrator's certificate."""
    context = ssl.create_default_context(cafile=pki / "ca.crt")
    context.load_cert_chain(pki / "admin.crt", pki / "admin.key")
    host, _, port = api_server.partition(":")
    return Upstream(host, int(port), context)


def plane_upstream(url: str, certificate: Path) -> Upstream:
    """A bare control plane; its client sends a token."""
    host, _, port = url.removeprefix("https://").partition(":")
    return Upstream(host, int(port), ssl.create_default_context(cafile=certificate))
