# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from functools import partial

import pytest

from tests.e2e.operators.cluster import Document, Sandbox
from tests.e2e.operators.pods import pod
from tests.e2e.patience import eventually

HERE = "--namespace=default"
SWITCH = ("configmap", "sandbox-load-balancer", "--namespace=kube-system")


def service(name: str, kind: str = "LoadBalancer") -> Document:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {
            "type": kind,
            "selector": {"app": name},
            "ports": [{"port": 80, "targetPort": 8000}],
        },
    }


def address(sandbox: Sandbox, name: str) -> str:
    status = sandbox.get("service", name, HERE).get("status", {})
    ingress = status.get("loadBalancer", {}).get("ingress") or [{}]
    return str(ingress[0].get("ip", ""))


@pytest.fixture
def name(sandbox: Sandbox) -> Iterator[str]:
    name = f"balanced-{secrets.token_hex(3)}"
    yield name
    sandbox.kubectl("delete", *SWITCH, "--ignore-not-found")
    sandbox.kubectl("delete", "service,pod", name, HERE, "--ignore-not-found", "--wait=false")


def test_a_load_balancer_answers_at_its_address(sandbox: Sandbox, name: str) -> None:
    sandbox.apply(service(name), pod(name, {"app": name}, "python3 -m http.server 8000"))
    given = eventually(lambda: address(sandbox, name), "an address")
    assert given.startswith("203.0.113.")
    sandbox.kubectl("wait", "--for=condition=Ready", "pod", name, HERE, "--timeout=60s")
    url = f"http://{given}/"
    eventually(
        lambda: sandbox.inside("curl", "-sf", "--max-time", "2", url).returncode == 0,
        f"an answer from {url}",
    )
    events = sandbox.items("events", HERE, f"--field-selector=involvedObject.name={name}")
    assert "EnsuredLoadBalancer" in {each["reason"] for each in events}


def test_two_load_balancers_have_two_addresses(sandbox: Sandbox, name: str) -> None:
    other = f"{name}-other"
    sandbox.apply(service(name), service(other))
    try:
        pair = {eventually(partial(address, sandbox, each), each) for each in (name, other)}
        assert len(pair) == 2
    finally:
        sandbox.kubectl("delete", "service", other, HERE)


def test_another_type_loses_the_address(sandbox: Sandbox, name: str) -> None:
    sandbox.apply(service(name))
    eventually(lambda: address(sandbox, name), "an address")
    change = json.dumps({"spec": {"type": "ClusterIP"}})
    sandbox.kubectl("patch", "service", name, HERE, "--patch", change)
    eventually(lambda: not address(sandbox, name), "no address")


def test_the_cloud_can_withhold_addresses_and_gives_the_same_back(
    sandbox: Sandbox, name: str
) -> None:
    sandbox.apply(service(name))
    before = eventually(lambda: address(sandbox, name), "an address")
    reason = "googleapi: Error 403: Quota 'FORWARDING_RULES' exceeded."
    sandbox.kubectl("create", *SWITCH, f"--from-literal=withhold={reason}")
    eventually(lambda: not address(sandbox, name), "no address")

    def complaint() -> str:
        events = sandbox.items("events", HERE, f"--field-selector=involvedObject.name={name}")
        return "\n".join(
            each["message"] for each in events if each["reason"] == "SyncLoadBalancerFailed"
        )

    assert reason in eventually(complaint, "the cloud's reason")
    sandbox.kubectl("delete", *SWITCH)
    assert eventually(lambda: address(sandbox, name), "an address again") == before
