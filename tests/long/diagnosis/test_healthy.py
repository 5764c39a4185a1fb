# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Healthy shapes: from the first moment to the last, nothing is told of them."""

from __future__ import annotations

import base64
import copy
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from tests.e2e.clusters import converged_cluster
from tests.e2e.diagnosis.breaks import signal_server
from tests.e2e.diagnosis.diagnosing import NAME, NAMESPACE, Object, codes, diagnose, kept, told
from tests.e2e.site.playbooks import play
from tests.long.diagnosis.outcomes import OUTCOMES
from tests.long.startup.cases import Case
from tests.long.startup.services import service
from tests.long.startup.starting import remove
from tests.sandbox.harness import Sandbox

ROUTER: Object = {"gateway": {}, "route": {}, "scheduler": {}}
HERE = f"--namespace={NAMESPACE}"
LONGEST_SECONDS = 120.0


def watch(sandbox: Sandbox, shape: str, until: Callable[[Object], bool], **given: Any) -> None:
    """Diagnose again and again until the shape is reached, and a little longer: no alarm at all."""
    deadline = time.monotonic() + LONGEST_SECONDS
    alarms: list[str] = []
    reached = 0
    while reached < 3:
        result = diagnose(sandbox, **{"name": None, **given})
        alarms += [code for code in codes(result, "warning") if code not in alarms]
        OUTCOMES.healthy[shape] = alarms
        assert not alarms, told(result)
        reached += until(result)
        assert time.monotonic() < deadline, f"{shape} is not reached:\n{told(result)}"


def ready(*names: str) -> Callable[[Object], bool]:
    """Whether these services are rolled out, and answer."""

    def so(result: Object) -> bool:
        found = {one["name"] for one in result["services"] if one["stage"] == "ready"}
        return set(names) <= found

    return so


def made(name: str, **given: Any) -> Object:
    """A service behind the gateway."""
    return service(name, **{"router": ROUTER, **given})


def gone(sandbox: Sandbox, one: Object) -> None:
    """Remove it."""
    remove(sandbox, Case(one["metadata"]["name"], "", lambda *_: 0.0, one))


def test_all_restarted() -> None:
    """A cluster that comes back after it was away: every part of it starts at once."""
    with converged_cluster("diagnosis-restarted") as restored:
        restored.run("down")
        restored.run("up")
        watch(restored, "all restarted", ready(NAME))


def test_fresh_restarted_and_two_models(world: Sandbox) -> None:
    second = made("second", seconds=5)
    world.apply(second)
    try:
        watch(world, "fresh", ready("second"), name="second")
        watch(world, "two models", ready(NAME, "second"))
        signal_server(world, "second", "SIGKILL")
        watch(world, "restarted", ready("second"), name="second", ask=False)
    finally:
        gone(world, second)


def test_without_a_scheduler(world: Sandbox) -> None:
    plain = made("plain", router={"gateway": {}, "route": {}})
    world.apply(plain)
    try:
        watch(world, "no scheduler", ready("plain"), name="plain")
    finally:
        gone(world, plain)


def test_stopped_on_purpose(world: Sandbox) -> None:
    halted = made("halted")
    world.apply(halted)
    try:
        watch(world, "started", ready("halted"), name="halted")
        halted = copy.deepcopy(halted)
        halted["metadata"]["annotations"] = {"serving.kserve.io/stop": "true"}
        world.apply(halted)
        watch(
            world,
            "stopped on purpose",
            lambda result: result["services"][0]["state"] == "stopped on purpose",
            name="halted",
        )
    finally:
        gone(world, halted)


def test_in_the_middle_of_a_rollout(world: Sandbox) -> None:
    rolling = made("rolling")
    world.apply(rolling)
    try:
        watch(world, "started", ready("rolling"), name="rolling")
        changed = copy.deepcopy(rolling)
        [container] = changed["spec"]["template"]["containers"]
        container["env"] += [{"name": "CHANGED", "value": "1"}]
        container["env"][1]["value"] = "25"
        world.apply(changed)
        watch(
            world,
            "in the middle of a rollout",
            lambda result: result["services"][0]["stage"] != "ready",
            name="rolling",
        )
        watch(world, "after the rollout", ready("rolling"), name="rolling")
    finally:
        gone(world, rolling)


def test_https(world: Sandbox, tmp_path: Path) -> None:
    host = "llm.example.com"
    inputs = {
        "gateway_https": True,
        "gateway_https_issuer": "opendatahub-ca-issuer",
        "gateway_https_hostname": host,
    }
    run = play(world.folder, "gateway", inputs=inputs)
    try:
        assert run.code == 0, run.output[-4000:]
        secret = world.get("secret", "--namespace=cert-manager", "opendatahub-ca")["data"]
        authority = tmp_path / "ca.crt"
        authority.write_bytes(base64.b64decode(secret["ca.crt"]))
        url = f"https://{host}/{NAMESPACE}/{NAME}"
        watch(world, "HTTPS", ready(NAME), name=NAME, url=url, gateway_ca_cert=str(authority))
    finally:
        assert play(world.folder, "gateway").code == 0


def test_a_private_address(world: Sandbox) -> None:
    """A Gateway that only the cluster reaches."""
    here = "--namespace=opendatahub"
    place = {"name": "tests-private", "namespace": "opendatahub"}
    spec = world.get("gateway", "inference-gateway", here)["spec"]
    settings = kept(world, "configmap", spec["infrastructure"]["parametersRef"]["name"], here)
    settings["metadata"] = dict(place)
    settings["data"]["service"] = yaml.safe_dump({"spec": {"type": "ClusterIP"}})
    spec["infrastructure"]["parametersRef"]["name"] = place["name"]
    world.apply(
        settings,
        {
            "apiVersion": "gateway.networking.k8s.io/v1",
            "kind": "Gateway",
            "metadata": place,
            "spec": spec,
        },
    )
    private = made("private", router={**ROUTER, "gateway": {"refs": [place]}})
    try:
        target = "gateway/tests-private"
        world.kubectl("wait", target, here, "--for=condition=Programmed", "--timeout=60s")
        world.apply(private)
        watch(
            world,
            "private address",
            ready("private"),
            name="private",
            gateway="opendatahub/tests-private",
            connect_to=[],
            way="port-forward",
        )
        addresses = world.get("llminferenceservice", "private", HERE)["status"]["addresses"]
        assert {one["name"] for one in addresses} == {"gateway-internal"}
    finally:
        gone(world, private)
        world.kubectl("delete", "gateway,configmap", "tests-private", here)
