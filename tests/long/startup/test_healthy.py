# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Ten starts of different kinds that succeed: nothing in any of them is taken for a failure."""

from __future__ import annotations

import copy
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.long.startup.cases import Case
from tests.long.startup.services import (
    ACCELERATOR,
    GATED,
    NAMESPACE,
    TOPOLOGY,
    Object,
    secret,
    service,
    token,
)
from tests.long.startup.starting import SWITCH, Starting, remove, watch
from tests.sandbox.harness import Sandbox
from tests.sandbox.images.hub.hub import TOKEN

HERE = f"--namespace={NAMESPACE}"
ROUTER: Object = {"gateway": {}, "route": {}, "scheduler": {}}
OTHER_IMAGE = "registry.redhat.io/rhaiis/vllm-tpu-rhel9:3.3.0"

Meanwhile = Callable[[Sandbox, str], None]


def _nothing(_sandbox: Sandbox, _name: str) -> None:
    pass


def _late_secret(sandbox: Sandbox, _name: str) -> None:
    """The Secret that a volume needs comes a moment after the pod."""
    time.sleep(1.5)
    sandbox.apply(secret("startup-late", key="value"))


def _kill_pod(sandbox: Sandbox, name: str) -> None:
    """The node loses the pod while it compiles."""
    selector = f"--selector=app.kubernetes.io/name={name},kserve.io/component=workload"
    time.sleep(12)
    sandbox.kubectl("delete", "pods", HERE, selector, "--wait=false")


def _late(**more: Any) -> Object:
    volume = {"name": "late", "secret": {"secretName": "startup-late"}}
    mount = {"name": "late", "mountPath": "/late"}
    return {"template": {"volumes": [volume]}, "volumeMounts": [mount], **more}


EIGHT: Object = {"selector": {ACCELERATOR: "tpu-v6e-slice", TOPOLOGY: "2x4"}, "chips": 8}
STARTS: list[tuple[str, Object, Meanwhile]] = [
    ("plain", service("plain"), _nothing),
    ("behind-the-gateway", service("behind-the-gateway", router=ROUTER), _nothing),
    (
        "without-scheduler",
        service("without-scheduler", router={"gateway": {}, "route": {}}),
        _nothing,
    ),
    ("pool-from-zero", service("pool-from-zero", parallel=8, **EIGHT), _nothing),
    ("slow-to-compile", service("slow-to-compile", seconds=40), _nothing),
    ("gated", service("gated", uri=GATED, annotations=token("startup-good")), _nothing),
    ("newer-vllm", service("newer-vllm", image=OTHER_IMAGE), _nothing),
    ("late-secret", service("late-secret", **_late()), _late_secret),
    ("pod-replaced", service("pod-replaced", seconds=20), _kill_pod),
]


def check(starting: Starting) -> Object:
    """Ready, without a finding."""
    result = starting.end()
    told = "\n".join(f"{when:.1f} {line}" for when, line in starting.lines)
    assert not result.get("failed"), f"{result['msg']}\n{told}"
    assert all(one["ready"] and one["finding"] is None for one in result["services"])
    assert "STARTUP-" not in told
    return result


def case_of(name: str, made: Object) -> Case:
    """For its removal."""
    return Case(name, "", lambda *_: 0.0, made)


@pytest.mark.parametrize(("name", "made", "meanwhile"), STARTS, ids=[one[0] for one in STARTS])
def test_a_start_that_succeeds(
    world: Sandbox, name: str, made: Object, meanwhile: Meanwhile
) -> None:
    world.apply(secret("startup-good", HF_TOKEN=TOKEN))
    world.kubectl("create", *SWITCH, "--from-literal=maximum=5", "--from-literal=seconds=15")
    world.apply(made)
    try:
        starting = watch(world, made, wait_timeout=240)
        beside = threading.Thread(target=meanwhile, args=(world, name))
        beside.start()
        check(starting)
        beside.join()
    finally:
        world.kubectl("delete", "secret", "startup-late", HERE, "--ignore-not-found")
        world.kubectl("delete", *SWITCH, "--ignore-not-found")
        remove(world, case_of(name, made))


def test_a_change_of_a_service_that_runs(world: Sandbox) -> None:
    """The old pod serves until the new one does; Ready says nothing of it."""
    made = service("changed")
    world.apply(made)
    try:
        check(watch(world, made))
        changed = copy.deepcopy(made)
        [container] = changed["spec"]["template"]["containers"]
        container["env"].append({"name": "CHANGED", "value": "1"})
        world.apply(changed)
        result = check(watch(world, changed))
        assert result["services"][0]["stages"]
    finally:
        remove(world, case_of("changed", made))


def test_two_services_in_one_task(world: Sandbox) -> None:
    both = [service(name, chips=4) for name in ("first", "second")]
    world.apply(*both)
    try:
        result = check(watch(world, *both))
        assert [one["name"] for one in result["services"]] == ["first", "second"]
    finally:
        remove(world, *(case_of(one["metadata"]["name"], one) for one in both))
