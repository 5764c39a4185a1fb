# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The smoke test through the HTTPS listener of phase gateway: who is trusted, and by which name."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.clusters import converged_cluster
from tests.e2e.site.playbooks import play
from tests.e2e.smoke.test_inference import NAME, NAMESPACE, ask, codes
from tests.sandbox.harness import Sandbox

HOST = "llm.example.com"
URL = f"https://{HOST}/{NAMESPACE}/{NAME}"
LISTENER = {
    "gateway_https": True,
    "gateway_https_issuer": "opendatahub-ca-issuer",
    "gateway_https_hostname": HOST,
    "gateway_replicas": 2,
}


@pytest.fixture(scope="module")
def encrypted() -> Iterator[Sandbox]:
    """A cluster of its own with that listener, and two pods behind it."""
    with converged_cluster("https") as sandbox:
        run = play(sandbox.folder, "gateway", inputs=LISTENER)
        assert run.code == 0, run.output[-4000:]
        yield sandbox


@pytest.fixture
def authority(encrypted: Sandbox, tmp_path: Path) -> str:
    """The file with the certificate of who signed the listener's."""
    secret = encrypted.get("secret", "--namespace=cert-manager", "opendatahub-ca")
    file = tmp_path / "ca.crt"
    file.write_bytes(base64.b64decode(secret["data"]["ca.crt"]))
    return str(file)


@pytest.mark.parametrize("way", ["port-forward", "job"])
def test_an_encrypted_answer_is_proved(way: str, encrypted: Sandbox, authority: str) -> None:
    # A Job has no name server for the host, so it is told where to connect to.
    front = "inference-gateway-istio.opendatahub.svc:443"
    connect_to = [f"{HOST}:443:{front}"] if way == "job" else []
    result = ask(encrypted, url=URL, way=way, connect_to=connect_to, gateway_ca_cert=authority)
    assert result["ok"], result["msg"]
    assert (result["way"], result["scheduler"]["verdict"]) == (way, "proved")


def test_who_is_not_trusted_is_told(encrypted: Sandbox) -> None:
    result = ask(encrypted, url=URL, way="port-forward", connect_to=[], wait_timeout=0)
    assert codes(result) == ["SMOKE-TLS-AUTHORITY"]
    assert HOST in result["msg"]


def test_another_name_is_told(encrypted: Sandbox, authority: str) -> None:
    other = URL.replace(HOST, "other.example.com")
    given = {"connect_to": [], "wait_timeout": 0, "gateway_ca_cert": authority}
    result = ask(encrypted, url=other, way="port-forward", **given)
    # Envoy has no listener for the name, so it ends the connection before it shows a certificate.
    assert codes(result)[0].startswith(("SMOKE-TLS", "SMOKE-CONNECTION")), result["msg"]
