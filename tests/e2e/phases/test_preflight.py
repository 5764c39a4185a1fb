# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What preflight says of a real cluster, registry and hub, and that it writes nothing."""

from __future__ import annotations

import base64
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.llmd.tpu.plugins.module_utils.preflight.preflight import run

from tests.certificates import self_signed
from tests.e2e.site.playbooks import Run, play
from tests.sandbox.harness import Sandbox
from tests.unit.plugins.module_utils.preflight.phases import docker_config, parameters
from tests.unit.plugins.module_utils.smoke.misbehaving import Received, Server, reply, serving

OURS = "llmd.tpu"
MODELS = "llm-d-inference-scheduling"
SECRETS = ("sandbox-registry-password", "sandbox-hub-token", "hunter2")
# The one POST of preflight. Its object is virtual: the server answers it and keeps nothing.
REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"


def writes(sandbox: Sandbox, start: int) -> list[str]:
    """What was written since then by us or by Ansible's Kubernetes client."""
    return [
        f"{each.verb} {each.uri}"
        for agent in (OURS, "OpenAPI-Generator")
        for each in sandbox.requests_by(agent, start)
        if each.is_write and each.uri != REVIEWS
    ]


def findings(run: Run, severity: str) -> list[str]:
    """The codes of a severity."""
    found = run.result("Look at everything")["findings"]
    return [one["code"] for one in found if one["severity"] == severity]


def test_a_converged_cluster_is_fit_for_another_run(lived: Sandbox) -> None:
    start = lived.position()
    done = play(lived.folder, "preflight", "-v")
    assert done.code == 0, done.output[-6000:]
    assert done.count("changed") == 0
    assert writes(lived, start) == []
    asked = [each for each in lived.requests_by(OURS, start) if each.uri == REVIEWS]
    assert len(asked) > 100
    result = done.result("Look at everything")
    assert findings(done, "error") == [], done.output[-6000:]
    assert any("permissions asked for" in words for words in result["checked"])
    assert any("TPU nodes of tpu-v6e-slice 2x2" in words for words in result["checked"])
    assert result["seconds"] < 150
    assert "ok: cluster https://" in done.text
    assert not [secret for secret in SECRETS if secret in done.output]


@contextmanager
def planted(sandbox: Sandbox, *objects: dict[str, Any]) -> Iterator[None]:
    """Objects that are there for a while."""
    sandbox.apply(*objects)
    try:
        yield
    finally:
        for one in objects:
            place = one["metadata"].get("namespace")
            options = [f"--namespace={place}"] if place else []
            sandbox.kubectl("delete", one["kind"], one["metadata"]["name"], *options)


def limited_account(sandbox: Sandbox) -> list[dict[str, Any]]:
    """A user who may do everything but create Gateways."""
    listed = sandbox.kubectl("api-versions").split()
    groups = sorted({name.rpartition("/")[0] for name in listed} - {"gateway.networking.k8s.io"})
    rules = [
        {"apiGroups": groups, "resources": ["*"], "verbs": ["*"]},
        {
            "apiGroups": ["gateway.networking.k8s.io"],
            "resources": ["*"],
            "verbs": ["get", "list", "watch", "patch", "update", "delete"],
        },
        {
            "apiGroups": ["gateway.networking.k8s.io"],
            "resources": ["gatewayclasses"],
            "verbs": ["create"],
        },
        {"nonResourceURLs": ["*"], "verbs": ["*"]},
    ]
    rbac, name = "rbac.authorization.k8s.io", "almost-everything"
    return [
        {
            "apiVersion": f"{rbac}/v1",
            "kind": "ClusterRole",
            "metadata": {"name": name},
            "rules": rules,
        },
        {
            "apiVersion": f"{rbac}/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": name},
            "roleRef": {"apiGroup": rbac, "kind": "ClusterRole", "name": name},
            "subjects": [{"apiGroup": rbac, "kind": "User", "name": name}],
        },
    ]


def route_of_a_release() -> dict[str, Any]:
    """A route as llm-d's charts make one."""
    return {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": {
            "name": "llm-d-route",
            "namespace": MODELS,
            "labels": {"app.kubernetes.io/managed-by": "Helm"},
            "annotations": {
                "meta.helm.sh/release-name": "infra-inference-scheduling",
                "meta.helm.sh/release-namespace": MODELS,
            },
        },
        "spec": {"parentRefs": [{"name": "nobody"}]},
    }


def test_a_missing_permission_and_a_helm_release_are_named(lived: Sandbox) -> None:
    with planted(lived, *limited_account(lived), route_of_a_release()):
        start = lived.position()
        done = play(lived.folder, "preflight", K8S_AUTH_IMPERSONATE_USER="almost-everything")
        assert writes(lived, start) == []
    assert done.code == 2, done.output[-6000:]
    assert findings(done, "error") == ["PERMISSION-MISSING"]
    assert (
        "the account may not create gateways.gateway.networking.k8s.io in namespace opendatahub; "
        "needed by phase gateway for inference-gateway" in done.text
    )
    assert "INSTALL-HELM-PATTERN" in findings(done, "warning")
    assert "Helm release infra-inference-scheduling" in done.text
    assert "Traceback" not in done.output


@pytest.fixture
def outside(tmp_path: Path) -> Iterator[tuple[Server, str]]:
    """Registry and hub in one, over TLS, with one account and one token; and its certificate."""
    certificate, key = self_signed("outside")
    both = tmp_path / "both.pem"
    both.write_bytes(certificate + key)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(both)
    basic = "Basic " + base64.b64encode(b"robot:hunter2").decode()

    def behave(connection: socket.socket, received: Received) -> None:
        sent = received.headers.get("authorization")
        host = received.headers["host"]
        if received.path.startswith("/login"):
            status = 200 if sent == basic else 401
            reply(status, {"token": "t0ken"})(connection, received)
        elif received.path.startswith("/v2/"):
            wanted = f'Bearer realm="https://{host}/login",service="here"'
            granted = sent == "Bearer t0ken"
            reply(200 if granted else 401, www_authenticate=wanted)(connection, received)
        elif sent == "Bearer hf_good":
            reply(307, location="https://elsewhere.example/")(connection, received)
        else:
            reply(401, x_error_code="GatedRepo")(connection, received)

    with serving(behave, tls) as server:
        yield server, str(both)


def ask(lived: Sandbox, outside: tuple[Server, str], password: str, token: str) -> dict[str, Any]:
    """Preflight of a model whose image and weights are on the server of the test."""
    server, certificate = outside
    registry = f"127.0.0.1:{server.port}"
    auth = base64.b64encode(f"robot:{password}".encode()).decode()
    config = docker_config("quay.io")
    config["auths"][registry] = {"auth": auth}
    model = {
        "name": "model",
        "images": [f"{registry}/rhaiis/vllm:1"],
        "pull_secret": config,
        "models": [{"uri": "hf://owner/gated", "gated": True, "token": token}],
    }
    options = {
        "kubeconfig": lived.kubeconfig,
        "hub_url": f"https://{registry}",
        "web_ca_cert": certificate,
        "findings_only": True,
    }
    return run(parameters(model, **options))


def test_good_credentials_open_image_and_model(lived: Sandbox, outside: tuple[Server, str]) -> None:
    result = ask(lived, outside, "hunter2", "hf_good")
    assert result["ok"], result["report"]
    assert "model hf://owner/gated can be read with the token" in result["checked"]
    assert any(words.startswith("image 127.0.0.1:") for words in result["checked"])
    assert result["seconds"] < 3


def test_wrong_credentials_are_told_and_never_shown(
    lived: Sandbox, outside: tuple[Server, str]
) -> None:
    result = ask(lived, outside, "wrong-hunter2", "hf_bad_hunter2")
    codes = {one["code"] for one in result["findings"] if one["severity"] == "error"}
    assert codes == {"IMAGE-REFUSED", "HUB-MODEL-GATED"}
    assert "hunter2" not in str(result)
    # No secret went anywhere but to the login and the hub.
    for received in outside[0].requests:
        if received.path.startswith("/v2/"):
            assert "authorization" not in received.headers
