# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The stand-in behind TLS: a proxy that answers for every host of Google's APIs by itself.

Clients find it by HTTPS_PROXY and trust it by REQUESTS_CA_BUNDLE, so they and their libraries run
unchanged. One plain path of the proxy plays the login: POST /token.
"""

from __future__ import annotations

import contextlib
import json
import secrets
import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.google.google import Dropped, Google
from tests.sandbox import pki

HOSTS = ("*.googleapis.com",)


class Server:
    """A running stand-in: its address, and the environment that leads clients to it."""

    def __init__(self, google: Google, folder: Path) -> None:
        self.google = google
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        authority = pki.make_authority(folder, "ca")
        pki.issue(authority, folder / "server", "googleapis.com", server_names=HOSTS)
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(folder / "server.crt", folder / "server.key")
        lock = threading.Lock()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_arguments: Any) -> None:
                """Keep quiet."""

            def do_CONNECT(self) -> None:
                """Play the host that is asked for."""
                self.send_response(200, "Connection established")
                self.end_headers()
                self.host = self.path.split(":")[0]
                try:
                    self.connection = outer._context.wrap_socket(self.connection, server_side=True)
                except (ssl.SSLError, OSError):
                    self.close_connection = True
                    return
                self.rfile = self.connection.makefile("rb", -1)
                self.wfile = self.connection.makefile("wb", 0)
                self.close_connection = False

            def _serve(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                body = self.rfile.read(length) if length else None
                if not hasattr(self, "host"):
                    self._login()
                    return
                url = f"https://{self.host}{self.path}"
                try:
                    with lock:
                        status, answer = outer.google.answer(
                            self.command, url, dict(self.headers.items()), body
                        )
                except Dropped:
                    self.close_connection = True
                    return
                self._send(status, answer)

            def _login(self) -> None:
                project = outer.google.project
                token = project.new_token() if project.new_token else secrets.token_hex(8)
                project.tokens.add(token)
                seconds = project.token_seconds
                self._send(
                    200, {"access_token": token, "expires_in": seconds, "token_type": "Bearer"}
                )

            def _send(self, status: int, answer: dict[str, Any]) -> None:
                data = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json; charset=UTF-8")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

        for verb in ("GET", "POST", "PUT", "PATCH", "DELETE"):
            setattr(Handler, f"do_{verb}", Handler._serve)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.address = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    @property
    def environment(self) -> dict[str, Any]:
        """What leads google.cloud's modules and ours to the stand-in."""
        return {
            "HTTPS_PROXY": self.address,
            "https_proxy": self.address,
            "NO_PROXY": "127.0.0.1,localhost",
            "no_proxy": "127.0.0.1,localhost",
            "REQUESTS_CA_BUNDLE": str(self.folder / "ca.crt"),
            "GCP_AUTH_KIND": "serviceaccount",
            "GCP_SERVICE_ACCOUNT_FILE": str(self.account()),
            "GCP_PROJECT": self.google.project.id,
        }

    def account(self) -> Path:
        """A service account's key file, whose login is here."""
        path = self.folder / "account.json"
        if not path.exists():
            key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
            words = {
                "type": "service_account",
                "project_id": self.google.project.id,
                "private_key_id": "1",
                "private_key": key.private_bytes(
                    serialization.Encoding.PEM,
                    serialization.PrivateFormat.PKCS8,
                    serialization.NoEncryption(),
                ).decode(),
                "client_email": f"tester@{self.google.project.id}.iam.gserviceaccount.com",
                "client_id": "1",
                "token_uri": f"{self.address}/token",
                "universe_domain": "googleapis.com",
            }
            path.write_text(json.dumps(words))
            path.chmod(0o600)
        return path

    def stop(self) -> None:
        """Stop answering."""
        self._server.shutdown()
        self._server.server_close()


@contextlib.contextmanager
def serving(google: Google, folder: Path) -> Iterator[Server]:
    """A stand-in that runs as long as the block."""
    server = Server(google, folder)
    try:
        yield server
    finally:
        server.stop()
