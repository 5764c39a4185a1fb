# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A real answer is proved to come by way of the scheduler, and whatever is taken away shows.

KServe repairs within a second what is deleted, so its controller rests while a part is missing.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from ansible_collections.llmd.tpu.plugins.module_utils.serving import model_check
from ansible_collections.llmd.tpu.plugins.module_utils.smoke import smoke_test

from tests.sandbox.harness import Sandbox

NAMESPACE, NAME = "llm-d-inference-scheduling", "qwen2-3b-pattern1"
GATEWAY_NAMESPACE = "opendatahub"
WORKLOAD = f"{NAME}-kserve"
SCHEDULER = f"{NAME}-kserve-router-scheduler"
ROUTE = f"{NAME}-kserve-route"
CONTROLLER = "deployment/llmisvc-controller-manager"
READER = "llmd-tpu-metrics-reader"


def ask(sandbox: Sandbox, **given: Any) -> dict[str, Any]:
    """Run inference_smoke as the demo does."""
    defaults = {name: option.get("default") for name, option in smoke_test.argument_spec().items()}
    return smoke_test.run(
        {
            **defaults,
            "kubeconfig": sandbox.kubeconfig,
            "name": NAME,
            "namespace": NAMESPACE,
            "connect_to": [sandbox.description["gateway"]["forward"]],
            "require_scheduler": True,
            "wait_timeout": 90,
            **given,
        }
    )


def codes(result: dict[str, Any]) -> list[str]:
    """List the codes of the errors."""
    return [one["code"] for one in result["findings"] if one["severity"] == "error"]


def ask_until(
    sandbox: Sandbox, expected: list[str], seconds: float, **given: Any
) -> dict[str, Any]:
    """Ask until these errors show: a change takes a moment to reach all threads of Envoy."""
    deadline = time.monotonic() + seconds
    while True:
        result = ask(sandbox, wait_timeout=0, **given)
        if codes(result) == expected or time.monotonic() > deadline:
            return result
        time.sleep(1)


def scale(sandbox: Sandbox, namespace: str, target: str, replicas: int) -> None:
    """Scale a Deployment and wait until its pods are there, or gone."""
    sandbox.kubectl("scale", f"--namespace={namespace}", target, f"--replicas={replicas}")
    if replicas:
        sandbox.kubectl("rollout", "status", f"--namespace={namespace}", target, "--timeout=120s")
        return
    name = target.rpartition("/")[2]
    deadline = time.monotonic() + 60
    while any(
        pod["metadata"]["name"].startswith(f"{name}-")
        for pod in sandbox.get("pods", f"--namespace={namespace}")["items"]
    ):
        assert time.monotonic() < deadline, f"the pods of {target} do not go"
        time.sleep(0.5)


@pytest.fixture
def controller_at_rest(converged: Sandbox) -> Iterator[Sandbox]:
    """Stop KServe's controller; afterwards it repairs what the test took away."""
    scale(converged, GATEWAY_NAMESPACE, CONTROLLER, 0)
    try:
        yield converged
    finally:
        scale(converged, GATEWAY_NAMESPACE, CONTROLLER, 1)
        # Webhooks are called again only when the endpoint is known.
        healed = ask(converged, wait_timeout=180)
        assert healed["ok"], healed["msg"]


def test_a_real_answer_is_proved(converged: Sandbox) -> None:
    result = ask(converged)
    assert result["ok"], result["msg"]
    assert result["status"] == 200
    assert result["url_origin"] == "status.url"
    assert result["url"].endswith(f"/{NAMESPACE}/{NAME}")
    assert result["text"].strip()
    assert result["latency_seconds"] < 5
    scheduler = result["scheduler"]
    assert scheduler["verdict"] == "proved"
    assert scheduler["after"] == scheduler["before"] + 1
    assert scheduler["answered_by"].startswith(f"{WORKLOAD}-")
    assert "response header x-went-into-resp-headers present" in scheduler["reasons"]


def test_an_unknown_model_is_told_from_a_missing_route(converged: Sandbox) -> None:
    result = ask(converged, model="no/such-model", wait_timeout=5)
    assert codes(result) == ["SMOKE-MODEL-NOT-FOUND", "SMOKE-MODEL-NOT-LISTED"]


def test_the_running_service_has_no_mistakes(converged: Sandbox) -> None:
    result = model_check.run(
        dict.fromkeys(model_check.argument_spec())
        | {
            "kubeconfig": converged.kubeconfig,
            "name": NAME,
            "namespace": NAMESPACE,
            "kserve_track": "release-v0.17",
        }
    )
    assert result["ok"], result["msg"]
    warned = {one["code"] for one in result["findings"] if one["severity"] == "warning"}
    # The stand-in for vLLM starts in seconds, so the sandbox's inventory gives it five minutes.
    assert warned <= {"PROBE-STARTUP-SHORT"}


def test_without_the_token_nothing_is_proved(converged: Sandbox) -> None:
    account = ("serviceaccount", READER, f"--namespace={NAMESPACE}")
    kept = converged.get(*account)
    converged.kubectl("delete", *account)
    try:
        result = ask(converged)
        assert codes(result) == ["SMOKE-ROUTING-UNPROVED"]
        assert f"no token for ServiceAccount {READER}" in result["msg"]
        assert ask(converged, require_scheduler=False)["ok"]
    finally:
        for field in ("uid", "resourceVersion", "creationTimestamp", "managedFields"):
            kept["metadata"].pop(field, None)
        converged.apply(kept)
    assert ask(converged)["ok"]


def test_without_the_right_to_read_metrics(converged: Sandbox) -> None:
    binding = ("clusterrolebinding", f"{READER}-{NAMESPACE}")
    kept = converged.get(*binding)
    converged.kubectl("delete", *binding)
    try:
        result = ask(converged)
        assert codes(result) == ["SMOKE-ROUTING-UNPROVED"]
        assert "HTTP 403" in result["msg"]
    finally:
        for field in ("uid", "resourceVersion", "creationTimestamp", "managedFields"):
            kept["metadata"].pop(field, None)
        converged.apply(kept)
    assert ask(converged)["ok"]


def test_without_the_route(controller_at_rest: Sandbox) -> None:
    sandbox = controller_at_rest
    sandbox.kubectl("delete", "httproute", ROUTE, f"--namespace={NAMESPACE}")
    expected = ["SMOKE-ROUTE-NOT-FOUND", "SMOKE-ROUTE-NOT-FOUND"]
    result = ask_until(sandbox, expected, 30)
    assert codes(result) == expected
    assert result["status"] == 404


def test_without_the_scheduler(controller_at_rest: Sandbox) -> None:
    """The pool fails open: the answer is right, and only the counters show it."""
    sandbox = controller_at_rest
    scale(sandbox, NAMESPACE, f"deployment/{SCHEDULER}", 0)
    result = ask(sandbox, wait_timeout=30)
    assert codes(result) == ["SMOKE-NOT-ROUTED"]
    assert result["status"] == 200
    assert result["scheduler"]["answered_by"].startswith(f"{WORKLOAD}-")
    relaxed = ask(sandbox, wait_timeout=30, require_scheduler=False)
    assert (relaxed["ok"], relaxed["scheduler"]["verdict"]) == (True, "not routed")
    scale(sandbox, NAMESPACE, f"deployment/{SCHEDULER}", 1)


@contextmanager
def _gateway_without_authority(sandbox: Sandbox) -> Iterator[None]:
    """Run the gateway's pod with an empty CA bundle, then with the right one again."""
    bundle = ("configmap", "odh-ca-bundle", f"--namespace={GATEWAY_NAMESPACE}")
    kept = sandbox.get(*bundle)["data"]

    def put(data: dict[str, str] | None) -> None:
        patch = json.dumps([{"op": "replace", "path": "/data", "value": data}])
        sandbox.kubectl("patch", *bundle, "--type=json", f"--patch={patch}")
        # Not scaled: istiod keeps to the replicas that the gateway's settings ask for.
        place = f"--namespace={GATEWAY_NAMESPACE}"
        labels = "--selector=gateway.networking.k8s.io/gateway-name=inference-gateway"
        sandbox.kubectl("delete", "pods", place, labels, "--timeout=60s")
        target = "deployment/inference-gateway-istio"
        sandbox.kubectl("rollout", "status", place, target, "--timeout=120s")

    try:
        put({"other": "nothing"})
        yield
    finally:
        put(kept)


def test_without_the_authority_in_the_gateway(converged: Sandbox) -> None:
    """Completions go on to work, as the scheduler's endpoints are not verified."""
    with _gateway_without_authority(converged):
        result = ask(converged, wait_timeout=60)
        assert codes(result) == ["SMOKE-GATEWAY-CA"]
        assert result["status"] == 200
        assert "/v1/models" in result["msg"]
    healed = ask(converged, wait_timeout=120)
    assert healed["ok"], healed["msg"]
