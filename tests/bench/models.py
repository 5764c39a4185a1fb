# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""P4m: what one model more costs a run of phase model that has nothing to do.

Their pods are on hollow nodes and start no process; KServe's controller and Istio are real, and so
is all that they report. Each number of models has a namespace of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from statistics import median
from typing import Any

from tests.bench import clusters, plays
from tests.bench.figures import Figure, alone
from tests.sandbox import nodes
from tests.sandbox.harness import Sandbox

ONE, *MORE = NUMBERS = (1, 10, 100)
PREPARATION_SECONDS = 3600
_CPU_NODES, _TPU_NODES = 5, 2


def measure(runs: int) -> Iterator[Figure]:
    """Unchanged runs with one, ten and a hundred models; no request to any of them."""
    with clusters.converged() as sandbox:
        _prepare(sandbox)
        start = sandbox.position()
        done = {number: [_run(sandbox, number) for _run_ in range(runs)] for number in NUMBERS}
        writes = [each for each in sandbox.requests_by("llmd.tpu/", start) if each.is_write]
    seconds = {number: median(map(_seconds, some)) for number, some in done.items()}
    for number in MORE:
        value = (seconds[number] - seconds[ONE]) / (number - ONE) * 1000
        work = f"unchanged run with {number} models"
        yield alone("P4m", work, runs, value, "ms each on top of one", 15, seconds[number])
    tasks = [task for some in done.values() for run in some for task in run]
    changed = sum(bool(task.result.get("changed")) for task in tasks)
    yield alone("P4m", "unchanged runs: changed", runs, changed, "tasks", 0)
    yield alone("P4m", "unchanged runs: writes", runs, len(writes), "in the audit log", 0)


def _seconds(tasks: list[plays.Task]) -> float:
    return sum(task.seconds for task in tasks)


def _inputs(number: int, **more: Any) -> dict[str, Any]:
    return {
        "model_namespace": _namespace(number),
        "model_services": [{"name": f"model-{each}"} for each in range(number)],
        "model_smoke_test": False,
        **more,
    }


def _namespace(number: int) -> str:
    return f"bench-{number}"


def _run(sandbox: Sandbox, number: int) -> list[plays.Task]:
    return plays.playbook("model", sandbox.folder, _inputs(number))


def _prepare(sandbox: Sandbox) -> None:
    """The models, each with all that KServe makes, on nodes that start nothing."""
    real = [name for name in nodes.requested(sandbox.state) if name.startswith("sandbox-cpu")]
    for index in range(1, _CPU_NODES + 1):
        nodes.request(sandbox.state, nodes.NodeRequest("cpu", index, nodes.CPU_MACHINE, True))
    for index in range(1, _TPU_NODES + 1):
        nodes.request(sandbox.state, nodes.NodeRequest("tpu", index, "hollow-2x2", True))
    count = len(nodes.requested(sandbox.state))
    sandbox.kubectl("wait", "--for=create", f"node/sandbox-tpu-{_TPU_NODES}", "--timeout=120s")
    sandbox.kubectl("wait", "--for=condition=Ready", "nodes", "--all", "--timeout=180s")
    assert len(sandbox.get("nodes")["items"]) == count
    for name in real:
        sandbox.kubectl("cordon", name)  # the schedulers of the models go to hollow nodes
    spaces = {"namespace_names": [_namespace(number) for number in NUMBERS]}
    plays.playbook("namespace", sandbox.folder, spaces)
    for number in NUMBERS:
        more = _inputs(number, model_wait_timeout=PREPARATION_SECONDS)
        plays.playbook("model", sandbox.folder, more)
