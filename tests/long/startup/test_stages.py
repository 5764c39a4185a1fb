# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A start that succeeds is told stage by stage; nothing in it is taken for a failure."""

from __future__ import annotations

from tests.long.startup.services import NAMESPACE, service
from tests.long.startup.starting import watch
from tests.sandbox.harness import Sandbox

IN_ORDER = ["children", "image", "weights", "server", "compiled", "warm"]


def test_stages_of_a_start(world: Sandbox) -> None:
    made = service("healthy", seconds=20)
    world.apply(made)
    begun = world.position()
    try:
        starting = watch(world, made)
        result = starting.end()
        told = "\n".join(line for _when, line in starting.lines)
        assert not result.get("failed"), result["msg"]
        [one] = result["services"]
        assert (one["ready"], one["stage"], one["finding"]) == (True, "ready", None)
        seconds = {stage["stage"]: stage["seconds"] for stage in one["stages"]}
        assert [name for name in seconds if name in IN_ORDER] == [
            name for name in IN_ORDER if name in seconds
        ]
        assert 6 < seconds["compiled"] < 24, seconds
        assert sum(seconds.values()) <= result["seconds"] + 1
        for words in ("downloads the weights", "compiles, graph", "s of usually"):
            assert words in told, told
        logs = [
            request
            for request in world.requests_by("llmd.tpu", begun)
            if request.uri.partition("?")[0].endswith("/log")
        ]
        assert len(logs) <= result["seconds"] + 3
    finally:
        world.kubectl("delete", "llminferenceservice", "healthy", f"--namespace={NAMESPACE}")
