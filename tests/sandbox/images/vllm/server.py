# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The HTTP(S) server: routes, keys, streaming, and certificates that are read again on change.

uvicorn's and FastAPI's behaviour as vLLM sets them up (vllm/entrypoints/launcher.py, ssl.py,
openai/api_server.py).
"""

from __future__ import annotations

import hmac
import json
import os
import ssl
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socket import socket
from typing import Any, cast

from . import api
from .arguments import Options
from .engine import Engine
from .log import log, uvicorn
from .release import Release

HANDSHAKE_SECONDS = 10
MAXIMUM_BODY = 64 * 2**20


class Server(ThreadingHTTPServer):
    """One thread a connection; connections stay open between requests."""

    daemon_threads = True
    request_queue_size = 512

    def __init__(
        self, options: Options, release: Release, engine: Engine, keys: Iterable[str] = ()
    ) -> None:
        """Listen at once; `keys` open the paths below /v1."""
        self.options = options
        self.release = release
        self.engine = engine
        self.keys = [key.encode() for key in keys]
        self.tls = _tls(options)
        super().__init__((options.host or "0.0.0.0", options.port), Handler)

    @property
    def scheme(self) -> str:
        """The URL scheme it speaks."""
        return "https" if self.tls else "http"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of clients that go away; anything else is a fault of this stand-in."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


def _tls(options: Options) -> ssl.SSLContext | None:
    if not options.ssl_certfile:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(options.ssl_certfile, options.ssl_keyfile)
    if options.ssl_ca_certs:
        context.load_verify_locations(options.ssl_ca_certs)
    return context


def watch_certificate(server: Server, stopped: threading.Event, period: float = 1.0) -> None:
    """Load the certificate again when its files change (vllm/entrypoints/ssl.py).

    Looks once a `period` of seconds; returns when `stopped` is set.
    """
    options = server.options
    if not (server.tls and options.ssl_certfile and options.ssl_keyfile):
        return
    paths = [options.ssl_keyfile, options.ssl_certfile]
    log("INFO", "ssl.py:54", f"SSLCertRefresher monitors files: {paths}")
    seen = _stamps(paths)
    while not stopped.wait(period):
        now = _stamps(paths)
        if now == seen:
            continue
        for path in paths:
            log("INFO", "ssl.py:58", f"File change detected: modified - {path}")
        log("INFO", "ssl.py:35", "Reloading SSL certificate chain")
        try:
            server.tls.load_cert_chain(options.ssl_certfile, options.ssl_keyfile)
            seen = now
        except (OSError, ssl.SSLError) as error:  # half written: tried again at the next look
            log(
                "ERROR",
                "ssl.py:61",
                f"SSLCertRefresher failed taking action on file change. Error: {error}",
            )


def _stamps(paths: Iterable[str]) -> list[tuple[int, int]]:
    """Return what changes when a file is replaced, also behind the kubelet's swapped symlink."""
    stamps = []
    for path in paths:
        try:
            status = os.stat(path)
            stamps.append((status.st_ino, status.st_mtime_ns))
        except OSError:
            stamps.append((0, 0))
    return stamps


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # head and body leave in one write
    timeout = 5  # seconds without a request (VLLM_HTTP_TIMEOUT_KEEP_ALIVE)
    server: Server
    request: socket

    GET_PATHS = ("/health", "/ping", "/load", "/version", "/metrics", "/v1/models")
    POST_PATHS = ("/v1/completions", "/v1/chat/completions", "/ping")

    def setup(self) -> None:
        """Do the TLS handshake here, so that a slow client blocks only its own thread."""
        if self.server.tls:
            self.request.settimeout(HANDSHAKE_SECONDS)
            self.request = self.server.tls.wrap_socket(self.request, server_side=True)
        super().setup()

    def finish(self) -> None:
        """Close the wrapped socket too."""
        super().finish()
        self.request.close()

    def version_string(self) -> str:
        """Name the server as uvicorn does."""
        return "uvicorn"

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Write uvicorn's access line."""
        options = self.server.options
        path = self.path.partition("?")[0]
        if options.access_log and path not in options.quiet_paths:
            status = HTTPStatus(int(code))
            host, port = self.client_address[:2]
            line = f'{host}:{port} - "{self.command} {self.path} HTTP/1.1" {status} {status.phrase}'
            uvicorn(line, access=True)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: http.server's own messages are not uvicorn's."""

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Answer what cannot be parsed as uvicorn does, whatever http.server found wrong.

        A TLS client on a plain port is the usual case.
        """
        if code == HTTPStatus.NOT_IMPLEMENTED:  # a method without do_…: known to FastAPI
            self._dispatch()
            return
        uvicorn("Invalid HTTP request received.", "WARNING")
        self.close_connection = True
        self.command = self.command or ""
        self.request_version = "HTTP/1.1"
        self._reply(HTTPStatus.BAD_REQUEST, b"Invalid HTTP request received.", "text/plain", False)

    def do_GET(self) -> None:
        """All GET routes."""
        self._dispatch()

    def do_POST(self) -> None:
        """All POST routes."""
        self._dispatch()

    def _dispatch(self) -> None:
        try:
            body = self._body()
            self._route(self.path.partition("?")[0], body)
        except api.RefusalError as refusal:
            self._json(refusal.body, refusal.status)
        except (BrokenPipeError, ConnectionResetError, ssl.SSLError):
            self.close_connection = True

    def _route(self, path: str, body: bytes) -> None:
        options, engine = self.server.options, self.server.engine
        if self.server.keys and path.startswith("/v1") and not self._has_key():
            self._json({"error": "Unauthorized"}, HTTPStatus.UNAUTHORIZED)
            return
        known = (
            self.GET_PATHS
            if self.command == "GET"
            else self.POST_PATHS
            if self.command == "POST"
            else ()
        )
        if path not in known:
            elsewhere = path in (*self.GET_PATHS, *self.POST_PATHS)
            raise api.RefusalError(
                HTTPStatus.METHOD_NOT_ALLOWED if elsewhere else HTTPStatus.NOT_FOUND,
                "Method Not Allowed" if elsewhere else "Not Found",
            )
        if path in ("/health", "/ping"):
            self._reply(HTTPStatus.OK, b"", None)
        elif path == "/load":
            self._json({"server_load": 0})
        elif path == "/version":
            self._json({"version": self.server.release.version})
        elif path == "/metrics":
            kind = "text/plain; version=0.0.4; charset=utf-8"
            self._reply(HTTPStatus.OK, engine.metrics.text(), kind)
        elif path == "/v1/models":
            length = engine.limits.max_model_len
            self._json(api.model_list(options.served_model_names, options.model, length))
        else:
            self._complete(body, chat=path.endswith("chat/completions"))

    def _complete(self, body: bytes, chat: bool) -> None:
        kind = self.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        if kind != "application/json":
            message = "Unsupported Media Type: Only 'application/json' is allowed"
            raise api.RefusalError(HTTPStatus.BAD_REQUEST, f"['{message}']")
        options, engine = self.server.options, self.server.engine
        length = engine.limits.max_model_len
        identifier = self.headers.get("X-Request-Id")
        call = api.parse_call(body, chat, options.served_model_names, length, identifier)
        if call.stream:
            self._stream(api.stream(engine, call))
        else:
            self._json(api.complete(engine, call))

    def _has_key(self) -> bool:
        scheme, _, key = self.headers.get("Authorization", "").partition(" ")
        known = [hmac.compare_digest(key.encode(), known) for known in self.server.keys]
        return scheme.lower() == "bearer" and any(known)

    def _body(self) -> bytes:
        if "chunked" in self.headers.get("Transfer-Encoding", "").lower():
            return b"".join(self._chunks())
        return self.rfile.read(min(MAXIMUM_BODY, int(self.headers.get("Content-Length") or 0)))

    def _chunks(self) -> Iterator[bytes]:
        while size := int(self.rfile.readline(1024).partition(b";")[0], 16):
            yield self.rfile.read(size)
            self.rfile.readline(4)
        while self.rfile.readline(65536).strip():  # trailers
            pass

    def _json(self, data: Any, status: HTTPStatus = HTTPStatus.OK) -> None:
        text = json.dumps(data, separators=(",", ":"), ensure_ascii=False)
        self._reply(status, text.encode(), "application/json")

    def _reply(
        self, status: HTTPStatus, body: bytes, kind: str | None, logged: bool = True
    ) -> None:
        if logged:
            self.log_request(status)
        self.send_response_only(status)
        self._common_headers()
        self.send_header("content-length", str(len(body)))
        if kind:
            self.send_header("content-type", kind)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
        self.wfile.flush()

    def _common_headers(self) -> None:
        self.send_header("date", self.date_time_string())
        self.send_header("server", self.version_string())
        if self.server.options.request_id_headers and (name := self.headers.get("X-Request-Id")):
            self.send_header("x-request-id", name)

    def _stream(self, events: Iterator[bytes]) -> None:
        self.log_request(HTTPStatus.OK)
        self.send_response_only(HTTPStatus.OK)
        self._common_headers()
        self.send_header("content-type", "text/event-stream; charset=utf-8")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        try:
            for event in events:
                self.wfile.write(b"%x\r\n%s\r\n" % (len(event), event))
                self.wfile.flush()
            self.wfile.write(b"0\r\n\r\n")
            self.wfile.flush()
        finally:
            cast(Any, events).close()  # a client that left ends the request in the engine


def serve(server: Server, wait_for_end: Callable[[], object]) -> None:
    """Serve until `wait_for_end` returns, then let running requests end (five seconds at most)."""
    stopped = threading.Event()
    threading.Thread(target=server.serve_forever, args=(0.2,), daemon=True).start()
    if server.tls and server.options.enable_ssl_refresh:
        threading.Thread(target=watch_certificate, args=(server, stopped), daemon=True).start()
    wait_for_end()
    stopped.set()
    log("INFO", "launcher.py:110", "Shutting down FastAPI HTTP server.")
    uvicorn("Shutting down")
    server.shutdown()
    server.server_close()
    deadline = time.monotonic() + 5
    while server.engine.running and time.monotonic() < deadline:
        time.sleep(0.05)
    uvicorn("Waiting for application shutdown.")
    uvicorn("Application shutdown complete.")
    uvicorn(f"Finished server process [{os.getpid()}]")
