# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Is each failure class brought back as itself, in time, from a real socket?"""

from __future__ import annotations

import socket
import ssl
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.llmd.tpu.plugins.module_utils.smoke.address import AddressError
from ansible_collections.llmd.tpu.plugins.module_utils.smoke.exchange import (
    Failure,
    Reply,
    Request,
    completion,
)
from ansible_collections.llmd.tpu.plugins.module_utils.smoke.transport import (
    LARGEST_BODY,
    HttpTransport,
)
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.unit.plugins.module_utils.smoke.misbehaving import (
    MODEL,
    Behaviour,
    answer,
    raw,
    reply,
    serving,
)


def _get(url: str, timeout: float = 5, **options: Any) -> Reply | Failure:
    return HttpTransport(timeout, **options).send(Request("GET", url))


def test_a_good_reply() -> None:
    with serving(reply(200, answer(), X_Went_Into_Resp_Headers="true")) as server:
        transport = HttpTransport(5)
        request = completion(f"{server.url}/ns/name/", MODEL, "Hi", 16, {"Authorization": "b"})
        outcome = transport.send(request)
    assert isinstance(outcome, Reply)
    assert outcome.status == 200
    assert outcome.headers["x-went-into-resp-headers"] == "true"
    assert 0 < outcome.seconds < 5
    received = server.requests[0]
    assert (received.method, received.path) == ("POST", "/ns/name/v1/completions")
    assert received.headers["host"] == f"127.0.0.1:{server.port}"
    assert received.headers["authorization"] == "b"
    assert b'"seed"' not in received.body  # vLLM on TPU refuses it


@pytest.mark.parametrize(
    ("behaviour", "kind"),
    [
        (raw(b""), "lost"),
        (raw(b"SSH-2.0-OpenSSH_9.2\r\n"), "not-http"),
        (raw(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nshort"), "lost"),
        (raw(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n"), "lost"),
        (raw(b"HTTP/1.1 abc\r\n\r\n"), "not-http"),
        (raw(b"HTTP/1.1 200 OK\r\n" + b"x-a: b\r\n" * 200 + b"\r\n"), "not-http"),
        (raw(b"HTTP/1.1 200 OK\r\nx: " + b"a" * 70_000 + b"\r\n\r\n"), "not-http"),
    ],
)
def test_broken_replies(behaviour: Behaviour, kind: str) -> None:
    with serving(behaviour) as server:
        outcome = _get(server.url)
    assert isinstance(outcome, Failure)
    assert outcome.kind == kind


def test_nothing_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    outcome = _get(f"http://127.0.0.1:{port}")
    assert isinstance(outcome, Failure)
    assert (outcome.kind, outcome.where) == ("refused", f"127.0.0.1:{port}")


def test_a_name_that_does_not_resolve() -> None:
    outcome = _get("http://no-such-host.invalid/")
    assert isinstance(outcome, Failure)
    assert outcome.kind == "dns"


def _drip(connection: socket.socket, _received: object) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n")
    while True:
        connection.sendall(b"x")
        time.sleep(0.05)


def _drip_headers(connection: socket.socket, _received: object) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\n")
    while True:
        connection.sendall(b"x")
        time.sleep(0.05)


@pytest.mark.parametrize("behaviour", [lambda c, r: time.sleep(30), _drip, _drip_headers])
def test_the_limit_is_for_the_whole_exchange(behaviour: Behaviour) -> None:
    with serving(behaviour) as server:
        started = time.monotonic()
        outcome = _get(server.url, timeout=0.4)
        took = time.monotonic() - started
    assert isinstance(outcome, Failure)
    assert outcome.kind == "timeout"
    assert 0.3 < took < 2


def test_an_endless_body_is_bounded() -> None:
    def endless(connection: socket.socket, _received: object) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            connection.sendall(b"y" * 65536)

    with serving(endless) as server:
        outcome = _get(server.url)
    assert isinstance(outcome, Reply)
    assert outcome.truncated
    assert len(outcome.body) == LARGEST_BODY


def test_connect_to_keeps_url_and_host() -> None:
    with serving(reply(200)) as server:
        transport = HttpTransport(5, connect_to=[f"127.0.0.1:{server.port}"])
        url = "http://203.0.113.10/ns/name"
        assert transport.where(url) == f"127.0.0.1:{server.port}"
        assert isinstance(transport.send(Request("GET", url)), Reply)
    assert server.requests[0].headers["host"] == "203.0.113.10"


def test_a_redirect_is_not_followed() -> None:
    with serving(reply(302, location="http://elsewhere.invalid/")) as server:
        outcome = _get(server.url)
    assert isinstance(outcome, Reply)
    assert outcome.status == 302


@pytest.mark.parametrize(
    "url", ["", "ftp://a/b", "http://", "http://a b/", "http://a:99999/", "http://u:p@a/", "a/b"]
)
def test_addresses_that_are_none(url: str) -> None:
    with pytest.raises(AddressError, match="Expected"):
        _get(url)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a self-signed certificate for gateway.example with its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "gateway.example")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("gateway.example")]), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    path.write_bytes(
        made.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return path


def _tls(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


def test_tls_with_its_authority(certificate: Path) -> None:
    with serving(reply(200, b"ok"), _tls(certificate)) as server:
        rules = [f"127.0.0.1:{server.port}"]
        outcome = _get("https://gateway.example/x", connect_to=rules, ca_cert=str(certificate))
    assert isinstance(outcome, Reply)
    assert outcome.body == b"ok"
    assert server.requests[0].headers["host"] == "gateway.example"


@pytest.mark.parametrize(
    ("host", "trusted", "words"),
    [
        ("gateway.example", False, "self-signed certificate"),
        ("other.example", True, "Hostname mismatch"),
    ],
)
def test_tls_refused(certificate: Path, host: str, trusted: bool, words: str) -> None:
    with serving(reply(200), _tls(certificate)) as server:
        outcome = _get(
            f"https://{host}/",
            connect_to=[f"127.0.0.1:{server.port}"],
            ca_cert=str(certificate) if trusted else None,
        )
    assert isinstance(outcome, Failure)
    assert outcome.kind == "tls"
    assert words in outcome.detail
    assert host in outcome.detail


def test_https_to_a_plain_server_and_the_other_way_round(certificate: Path) -> None:
    with serving(reply(200)) as server:
        outcome = _get(f"https://127.0.0.1:{server.port}/")
    assert isinstance(outcome, Failure)
    assert outcome.kind in ("tls", "lost")
    with serving(reply(200), _tls(certificate)) as server:
        outcome = _get(f"http://127.0.0.1:{server.port}/")
    assert isinstance(outcome, Failure)
    assert outcome.kind == "lost"


def test_the_limit_holds_within_tls(certificate: Path) -> None:
    with serving(_drip, _tls(certificate)) as server:
        started = time.monotonic()
        outcome = _get(
            "https://gateway.example/",
            timeout=0.4,
            connect_to=[f"127.0.0.1:{server.port}"],
            ca_cert=str(certificate),
        )
    assert isinstance(outcome, Failure)
    assert outcome.kind == "timeout"
    assert time.monotonic() - started < 2


def test_an_authority_that_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(AddressError, match="gateway_ca_cert"):
        HttpTransport(1, ca_cert=str(tmp_path / "none.pem"))
