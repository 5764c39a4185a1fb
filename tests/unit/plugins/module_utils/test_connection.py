# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The way to the API server: what is wrong is told in words; headers are right."""

from __future__ import annotations

import datetime
import ipaddress
import json
import os
import socket
import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.llmd.tpu.plugins.module_utils.connection import (
    USER_AGENT,
    ConnectionLost,
    ConnectionProblem,
    as_kubeconfig,
    connect,
)
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec


def kubeconfig(server: str = "https://127.0.0.1:1", **user: Any) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "one",
        "clusters": [{"name": "c", "cluster": {"server": server}}],
        "users": [{"name": "u", "user": user}],
        "contexts": [{"name": "one", "context": {"cluster": "c", "user": "u"}}],
    }


@pytest.fixture(autouse=True)
def _no_surroundings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("KUBECONFIG", "K8S_AUTH_KUBECONFIG", "K8S_AUTH_CONTEXT"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "kubeconfig"
    path.write_text(yaml.safe_dump(kubeconfig()))
    return path


@pytest.fixture
def echo() -> Iterator[str]:
    """A server that answers with the headers it got."""

    class Echo(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps(self.headers.items()).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_arguments: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Echo)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def refusal(**options: Any) -> str:
    with pytest.raises(ConnectionProblem) as problem:
        connect(options)
    return str(problem.value)


def test_a_path_a_dictionary_and_the_environment(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert connect({"kubeconfig": str(file)}).source == f"kubeconfig {file}"
    assert "dictionary" in connect({"kubeconfig": kubeconfig()}).source
    monkeypatch.setenv("K8S_AUTH_KUBECONFIG", str(file))
    session = connect({"context": "one"})
    assert (session.server, session.source) == (
        "https://127.0.0.1:1",
        f"kubeconfig {file}, context one",
    )


def test_what_is_wrong_is_told_in_words(file: Path, tmp_path: Path) -> None:
    missing = tmp_path / "missing"
    assert f"kubeconfig {missing} does not exist" in refusal(kubeconfig=str(missing))
    assert "has no context 'two'. It has: one." in refusal(kubeconfig=str(file), context="two")
    assert ".kube/config does not exist" in refusal()
    secret = tmp_path / "secret"
    secret.write_text("token: {{{hunter2")
    words = refusal(kubeconfig=str(secret))
    assert "is not YAML" in words
    assert "hunter2" not in words
    secret.write_text("just text")
    assert "cannot be used" in refusal(kubeconfig=str(secret))
    assert "cannot be used" in refusal(kubeconfig={"kind": "Config"})


def test_headers(echo: str) -> None:
    options = {
        "kubeconfig": kubeconfig(echo, token="t0ken"),
        "impersonate_user": "jane",
        "impersonate_groups": ["a", "b"],
    }
    reply = connect(options).send("GET", "/x", {"Accept": "application/json"})
    headers = [tuple(header) for header in json.loads(reply.body)]
    for header in (
        ("User-Agent", USER_AGENT),
        ("authorization", "Bearer t0ken"),
        ("Accept", "application/json"),
        ("Impersonate-User", "jane"),
    ):
        assert header in headers
    assert ("Accept-Encoding", "gzip") not in headers  # the server is near
    groups = [value for name, value in headers if name == "Impersonate-Group"]
    assert groups == ["a", "b"]


@pytest.mark.parametrize(
    ("server", "near"),
    [
        ("https://127.0.0.1:6443", True),
        ("https://localhost", True),
        ("https://[::1]:6443", True),
        ("https://10.0.0.1", False),
        ("https://127.example.com", False),
    ],
)
def test_only_what_comes_over_a_network_is_compressed(server: str, near: bool) -> None:
    session = connect({"kubeconfig": kubeconfig(server)})
    assert ("Accept-Encoding" not in session._headers({})) is near


@pytest.fixture
def talker() -> Iterator[str]:
    """A server that says two and a half lines and then nothing; on /none it has nothing to say."""
    over = threading.Event()

    class Talker(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            if self.path == "/none":
                self.send_response(403)
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            self.send_response(200)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for chunk in (b"one\ntw", b"o\nthr"):
                self.wfile.write(b"%x\r\n%s\r\n" % (len(chunk), chunk))
            if self.path == "/ends":
                self.wfile.write(b"0\r\n\r\n")
            else:
                over.wait(5)
                self.close_connection = True

        def log_message(self, *_arguments: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Talker)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    over.set()
    server.shutdown()
    server.server_close()


def test_a_stream_gives_lines_as_they_come_and_ends_when_it_is_stopped(talker: str) -> None:
    stream = connect({"kubeconfig": kubeconfig(talker)}).open("/", {})
    lines = stream.lines()
    assert (stream.status, next(lines), next(lines)) == (200, b"one", b"two")
    stopper = threading.Timer(0.2, stream.stop)
    stopper.start()
    with pytest.raises(ConnectionLost):
        next(lines)
    stopper.join()
    stream.close()


def test_a_stream_may_end_by_itself_or_be_empty(talker: str) -> None:
    session = connect({"kubeconfig": kubeconfig(talker)})
    stream = session.open("/ends", {})
    assert list(stream.lines()) == [b"one", b"two", b"thr"]
    stream.close()
    nothing = session.open("/none", {})
    assert (nothing.status, list(nothing.lines())) == (403, [])
    nothing.stop()
    nothing.close()


def test_no_answer_is_a_lost_connection(file: Path) -> None:
    with pytest.raises(ConnectionLost, match="Connection refused"):
        connect({"kubeconfig": str(file)}).send("GET", "/", {})


def test_a_server_that_goes_away_in_the_middle_of_a_handshake_is_lost() -> None:
    """What a client sees when the API server is killed: nothing is wrong with certificates."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def hang_up() -> None:
            client, _address = listening.accept()
            client.recv(1)
            client.shutdown(socket.SHUT_WR)
            client.recv(65536)
            client.close()

        going = threading.Thread(target=hang_up)
        going.start()
        server = f"https://127.0.0.1:{listening.getsockname()[1]}"
        session = connect({"kubeconfig": kubeconfig(server)})
        with pytest.raises(ConnectionLost, match="EOF"):
            session.send("GET", "/version", {})
        going.join()


def certificate(folder: Path) -> Path:
    """A key and a self-signed certificate for 127.0.0.1 in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "stranger")])
    now = datetime.datetime.now(datetime.UTC)
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    signed = (
        x509.CertificateBuilder(name, name, key.public_key(), 1, now, now + datetime.timedelta(1))
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    file = folder / "certificate.pem"
    file.write_bytes(key.private_bytes(pem, *plain) + signed.public_bytes(pem))
    return file


@pytest.fixture
def secured(tmp_path: Path) -> Iterator[str]:
    """The address of a server with a certificate that nobody signed."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate(tmp_path))
    server = ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"https://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_a_certificate_of_a_stranger(secured: str) -> None:
    session = connect({"kubeconfig": kubeconfig(secured)})
    with pytest.raises(ConnectionProblem, match="does not show a certificate that can be trusted"):
        session.send("GET", "/", {})


def test_a_client_certificate_that_is_none(secured: str, tmp_path: Path) -> None:
    file = tmp_path / "client.pem"
    file.write_text("no certificate")
    pair = {"client_cert": str(file), "client_key": str(file)}
    session = connect({"host": secured, **pair, "validate_certs": False})
    with pytest.raises(ConnectionProblem, match=r"no TLS connection .* Check .*client_cert"):
        session.send("GET", "/", {})


def test_the_same_connection_for_other_programs(file: Path) -> None:
    content, source = as_kubeconfig({"kubeconfig": str(file)})
    assert content["clusters"][0]["cluster"]["server"] == "https://127.0.0.1:1"
    assert source == f"kubeconfig {file}"
    given, _source = as_kubeconfig(
        {
            "host": "https://192.0.2.1:6443",
            "api_key": "abc",
            "ca_cert": "ca.pem",
            "proxy": "http://proxy:3128",
            "impersonate_user": "jane",
            "impersonate_groups": ["ops", "dev"],
        }
    )
    cluster, user = given["clusters"][0]["cluster"], given["users"][0]["user"]
    assert cluster == {
        "server": "https://192.0.2.1:6443",
        "certificate-authority": os.path.abspath("ca.pem"),
        "proxy-url": "http://proxy:3128",
    }
    assert user == {"token": "abc", "as": "jane", "as-groups": ["ops", "dev"]}
    plain, _source = as_kubeconfig(
        {"host": "https://h", "api_key": "abc", "ca_cert": "ca.pem", "validate_certs": False}
    )
    assert plain["clusters"][0]["cluster"] == {
        "server": "https://h",
        "insecure-skip-tls-verify": True,
    }


def test_a_bad_kubeconfig_is_told_there_too() -> None:
    with pytest.raises(ConnectionProblem, match="does not exist"):
        as_kubeconfig({"kubeconfig": "/nowhere"})
