# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""HTTPS of the stand-in for vLLM: handshake, wrong protocol on either side, new certificates."""

from __future__ import annotations

import contextlib
import os
import socket
import ssl
import threading
import time
from collections.abc import Callable
from http.client import HTTPSConnection, RemoteDisconnected
from pathlib import Path

import pytest
from cryptography import x509

from tests.certificates import self_signed
from tests.sandbox.images.vllm.server import watch_certificate
from tests.unit.sandbox.conftest import Client

Serve = Callable[..., Client]


def issue(folder: Path, name: str) -> None:
    """A certificate in a Secret volume, swapped in at once as the kubelet does."""
    certificate, key = self_signed(name)
    data = folder / f"..{name}"
    data.mkdir(parents=True)
    (data / "tls.crt").write_bytes(certificate)
    (data / "tls.key").write_bytes(key)
    link = folder / "..new"
    link.symlink_to(data.name)
    os.replace(link, folder / "..data")
    for file in ("tls.crt", "tls.key"):
        if not (folder / file).is_symlink():
            (folder / file).symlink_to(f"..data/{file}")


@pytest.fixture
def volume(tmp_path: Path) -> Path:
    folder = tmp_path / "tls"
    issue(folder, "first")
    return folder


def flags(volume: Path) -> list[str]:
    files = [f"--ssl-certfile={volume}/tls.crt", f"--ssl-keyfile={volume}/tls.key"]
    return [*files, "--enable-ssl-refresh"]


def shown_name(client: Client) -> str:
    """Common name of the certificate that a new connection gets."""
    connection = HTTPSConnection(
        *client.address, timeout=5, context=ssl._create_unverified_context()
    )
    connection.connect()
    assert isinstance(connection.sock, ssl.SSLSocket)
    der = connection.sock.getpeercert(binary_form=True)
    connection.close()
    assert der
    (attribute,) = x509.load_der_x509_certificate(der).subject
    return str(attribute.value)


def test_https_with_the_mounted_certificate(serve: Serve, volume: Path) -> None:
    assert serve(*flags(volume)).ask("GET", "/health") == (200, b"")


def test_a_new_certificate_is_taken_without_restart(
    serve: Serve, volume: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    client = serve(*flags(volume))
    stopped = threading.Event()
    watcher = threading.Thread(target=watch_certificate, args=(client.server, stopped, 0.02))
    watcher.start()
    assert client.ask("GET", "/health")[0] == 200
    assert shown_name(client) == "first"
    issue(volume, "second")
    deadline = time.monotonic() + 5
    while shown_name(client) != "second":
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert client.ask("GET", "/health")[0] == 200, "open connections stay"
    stopped.set()
    watcher.join()
    assert "Reloading SSL certificate chain" in capsys.readouterr().out


def test_half_a_certificate_is_tried_again(
    serve: Serve, volume: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    client = serve(*flags(volume))
    stopped = threading.Event()
    watcher = threading.Thread(target=watch_certificate, args=(client.server, stopped, 0.02))
    watcher.start()
    time.sleep(0.1)  # the first look
    (volume / "..data" / "tls.key").write_text("broken")
    deadline = time.monotonic() + 5
    while "SSLCertRefresher failed taking action on file change" not in capsys.readouterr().out:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert shown_name(client) == "first"
    issue(volume, "third")
    while shown_name(client) != "third":
        assert time.monotonic() < deadline
        time.sleep(0.02)
    stopped.set()
    watcher.join()


def test_plain_http_to_the_tls_port_gets_no_answer(serve: Serve, volume: Path) -> None:
    client = serve(*flags(volume))
    with socket.create_connection(client.address, timeout=5) as plain:
        plain.sendall(b"GET /health HTTP/1.1\r\nHost: a\r\n\r\n")
        with contextlib.suppress(ConnectionResetError):
            assert not plain.recv(100).startswith(b"HTTP")


def test_tls_to_the_plain_port_is_an_invalid_request(
    serve: Serve, capsys: pytest.CaptureFixture[str]
) -> None:
    client = serve()
    connection = HTTPSConnection(*client.address, timeout=5)
    with pytest.raises((ssl.SSLError, RemoteDisconnected, ConnectionResetError)):
        connection.request("GET", "/health")
    assert "WARNING:  Invalid HTTP request received." in capsys.readouterr().err


def test_a_silent_client_does_not_block_others(serve: Serve, volume: Path) -> None:
    client = serve(*flags(volume))
    with socket.create_connection(client.address, timeout=5):
        assert client.ask("GET", "/health")[0] == 200
