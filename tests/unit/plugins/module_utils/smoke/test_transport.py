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
from ansible_collections.llmd.tpu.plugins.module_utils.smoke.events import read_events
from ansible_collections.llmd.tpu.plugins.module_utils.smoke.exchange import (
    Failure,
    Reply,
    Request,
)
from ansible_collections.llmd.tpu.plugins.module_utils.smoke.questions import Wish, request_of
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
    Received,
    answer,
    chunks,
    raw,
    reply,
    serving,
    stream,
)


def _get(url: str, timeout: float = 5, **options: Any) -> Reply | Failure:
    return HttpTransport(timeout, **options).send(Request("GET", url))


def test_a_good_reply() -> None:
    with serving(reply(200, answer(), X_Went_Into_Resp_Headers="true")) as server:
        transport = HttpTransport(5)
        wish = Wish(MODEL, "Hi", 16, headers={"Authorization": "b"})
        request = request_of("completion", f"{server.url}/ns/name/", wish)
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
        (raw(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nshort"), "broken-off"),
        (raw(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n"), "broken-off"),
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


@pytest.mark.parametrize(
    ("behaviour", "kind", "received"),
    [
        (lambda c, r: time.sleep(30), "timeout", range(1)),
        (_drip_headers, "timeout", range(1)),
        (_drip, "stalled", range(2, 40)),
        (stream(*chunks("a", "b")[:2], 30.0), "stalled", range(50, 500)),
    ],
)
def test_the_limit_is_for_the_whole_exchange(
    behaviour: Behaviour, kind: str, received: range
) -> None:
    with serving(behaviour) as server:
        started = time.monotonic()
        outcome = _get(server.url, timeout=0.8)
        took = time.monotonic() - started
    assert isinstance(outcome, Failure)
    assert outcome.kind == kind
    assert outcome.received in received
    assert 0.7 < took < 4


def test_a_question_may_have_a_limit_of_its_own() -> None:
    with serving(lambda c, r: time.sleep(30)) as server:
        outcome = HttpTransport(20).send(Request("GET", server.url), timeout=0.2)
    assert isinstance(outcome, Failure)
    assert outcome.kind == "timeout"
    assert "within 0.2 s" in outcome.detail


def test_a_stream_that_breaks_off() -> None:
    with serving(stream(*chunks("a", "b")[:2], None)) as server:
        outcome = _get(server.url)
    assert isinstance(outcome, Failure)
    assert outcome.kind == "broken-off"
    assert outcome.received > 50


def test_every_piece_has_its_time() -> None:
    with serving(stream("a", 0.05, "b", 0.1, "[DONE]")) as server:
        outcome = _get(server.url)
    assert isinstance(outcome, Reply)
    first, second, third = read_events(outcome)
    assert (first.data, second.data, third.data) == ("a", "b", "[DONE]")
    # How exact the times are is measured in test_measure.py, over many of them; a busy machine
    # reads a piece late, but none before it was sent.
    assert first.seconds <= second.seconds <= third.seconds < 1.5
    assert second.seconds > 0.04
    assert third.seconds > 0.14
    assert outcome.seconds >= third.seconds + outcome.connect_seconds


def test_many_at_once() -> None:
    def slow(connection: socket.socket, received: Received) -> None:
        time.sleep(0.5)
        reply(200)(connection, received)

    with serving(slow) as server:
        transport = HttpTransport(5)
        started = time.monotonic()
        outcomes = transport.send_all([Request("GET", server.url)] * 6, parallel=6)
        took = time.monotonic() - started
    assert took < 2, "one after the other takes three seconds"
    assert [one.status for one in outcomes if isinstance(one, Reply)] == [200] * 6


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
    return _certificate(tmp_path_factory.mktemp("tls") / "server.pem", days=1)


@pytest.fixture(scope="module")
def expired(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make one whose time is over."""
    return _certificate(tmp_path_factory.mktemp("tls") / "expired.pem", days=-1)


def _certificate(path: Path, days: int) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "gateway.example")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=9))
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("gateway.example")]), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        .sign(key, hashes.SHA256())
    )
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
    ("host", "trusted", "kind", "words"),
    [
        (
            "gateway.example",
            False,
            "certificate-authority",
            "self-signed certificate; asked for the name gateway.example, trusting this "
            "machine's authorities; the certificate is for gateway.example, issued by "
            "CN=gateway.example, valid from",
        ),
        (
            "other.example",
            True,
            "certificate-name",
            "asked for the name other.example, trusting gateway_ca_cert /",
        ),
    ],
)
def test_tls_refused(certificate: Path, host: str, trusted: bool, kind: str, words: str) -> None:
    with serving(reply(200), _tls(certificate)) as server:
        outcome = _get(
            f"https://{host}/",
            connect_to=[f"127.0.0.1:{server.port}"],
            ca_cert=str(certificate) if trusted else None,
        )
    assert isinstance(outcome, Failure)
    assert outcome.kind == kind
    assert words in outcome.detail
    assert "is for gateway.example" in outcome.detail


def test_a_certificate_whose_time_is_over(expired: Path) -> None:
    with serving(reply(200), _tls(expired)) as server:
        rules = [f"127.0.0.1:{server.port}"]
        outcome = _get("https://gateway.example/", connect_to=rules, ca_cert=str(expired))
    assert isinstance(outcome, Failure)
    assert outcome.kind == "certificate-time"
    assert "expired" in outcome.detail
    assert server.requests == [], "nothing is sent to who cannot be trusted"


def test_https_to_a_plain_server_and_the_other_way_round(certificate: Path) -> None:
    refuses = b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n"
    with serving(raw(refuses), greeting=refuses) as server:
        outcome = _get(f"https://127.0.0.1:{server.port}/")
    assert isinstance(outcome, Failure)
    assert outcome.kind == "not-tls"
    with serving(reply(200), _tls(certificate)) as server:
        outcome = _get(f"http://127.0.0.1:{server.port}/")
    assert isinstance(outcome, Failure)
    assert outcome.kind == "lost"


def test_the_limit_holds_within_tls(certificate: Path) -> None:
    with serving(_drip_headers, _tls(certificate)) as server:
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
