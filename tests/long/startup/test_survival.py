# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whatever happens to those who tell, the start goes on to be told, and nothing is made of it."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator

import pytest
from ansible_collections.llmd.tpu.plugins.module_utils.readiness import watches

from tests.long.startup.services import service
from tests.long.startup.starting import Starting, remove, watch
from tests.long.startup.test_healthy import case_of, check
from tests.sandbox.harness import Sandbox

SECONDS = 30.0


@contextlib.contextmanager
def start(world: Sandbox, name: str) -> Iterator[Starting]:
    """A slow start under watch, that must end well."""
    made = service(name, seconds=SECONDS)
    world.apply(made)
    try:
        starting = watch(world, made, wait_timeout=240)
        yield starting
        check(starting)
    finally:
        remove(world, case_of(name, made))


def test_the_api_server_restarts(world: Sandbox) -> None:
    with start(world, "restarted") as starting:
        starting.told("compiles", 60)
        world.kill("kube-apiserver")
        starting.told("the API server does not answer", 30)


def test_watches_expire(world: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """The server ends each watch after two seconds instead of five minutes."""
    monkeypatch.setattr(watches, "LIFE_SECONDS", 2)
    begun = world.position()
    with start(world, "expired"):
        pass
    opened = [one for one in world.requests_by("llmd.tpu", begun) if one.verb == "watch"]
    assert len(opened) > 4 * SECONDS / 4


def test_the_controller_restarts(world: Sandbox) -> None:
    with start(world, "controlled") as starting:
        starting.told("loads the weights", 60)
        world.kubectl(
            "delete",
            "pods",
            "--namespace=opendatahub",
            "--selector=control-plane=llmisvc-controller-manager",
            "--wait=false",
        )


def test_the_pod_is_replaced(world: Sandbox) -> None:
    with start(world, "replaced") as starting:
        starting.told("compiles", 60)
        before = time.monotonic() - starting.began
        selector = "--selector=app.kubernetes.io/name=replaced"
        place = "--namespace=llm-d-inference-scheduling"
        world.kubectl("delete", "pods", place, selector, "--wait=false")
        deadline = time.monotonic() + 60
        while not any(
            when > before and "loads the weights" in line for when, line in starting.lines
        ):
            assert time.monotonic() < deadline, starting.lines
            time.sleep(0.2)
