# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""P1: applying KServe's real overlay to a cluster that has it already."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.bench.figures import Figure, against, alone
from tests.bench.plays import Task, tasks
from tests.sandbox.harness import Sandbox

Object = dict[str, Any]

OURS, KUBECTL, KUBERNETES_CORE = "llmd.tpu", "kubectl", "kubernetes.core"
KUBECTL_PROGRAM = str(Path(sys.executable).with_name("kubectl"))
# A manager of the bench's own: the roles' objects keep their labels.
MANAGER = "llmd.tpu-bench"
WORK = "no-op apply of KServe's overlay"


def render(sandbox: Sandbox, file: Path) -> None:
    """Write the overlay as kustomize renders it."""
    folder = Path(sandbox.description["sources"]["kserve"]) / "config" / "overlays" / "odh-xks"
    command = [KUBECTL_PROGRAM, "kustomize", "--load-restrictor=LoadRestrictionsNone", str(folder)]
    with file.open("wb") as output:
        subprocess.run(command, stdout=output, check=True)


def measure(sandbox: Sandbox, folder: Path, runs: int) -> Iterator[Figure]:
    """Each contender in turn, again and again, in one play."""
    file = folder / "overlay.yaml"
    render(sandbox, file)
    # The first round brings each contender's own field manager in; only then is it a no-op.
    tasks(_round(sandbox.kubeconfig, str(file), 0))
    start = sandbox.position()
    done = tasks(
        [task for number in range(runs) for task in _round(sandbox.kubeconfig, str(file), number)]
    )
    ours = [task for task in done if task.name.startswith(OURS)]
    yield against("P1", WORK, KUBECTL, _seconds(ours), _process_seconds(done), 0.25)
    theirs = [task for task in done if task.name.startswith(KUBERNETES_CORE)]
    yield against("P1", WORK, KUBERNETES_CORE, _seconds(ours), _seconds(theirs), 0.12)
    changed = sum(bool(task.result["changed"]) for task in ours)
    yield alone("P1", f"{WORK}: changed", runs, changed, "tasks", 0)
    writes = [each for each in sandbox.requests_by("llmd.tpu/", start) if each.is_write]
    yield alone("P1", f"{WORK}: writes", runs, len(writes), "in the audit log", 0)


def _round(kubeconfig: str, file: str, number: int) -> list[Object]:
    connection = {"kubeconfig": kubeconfig}
    command = [KUBECTL_PROGRAM, f"--kubeconfig={kubeconfig}", "apply", "--server-side"]
    apply = {"field_manager": MANAGER, "force_conflicts": True}
    theirs = {"field_manager": "kubernetes.core", "force_conflicts": True}
    target = {"ansible_python_interpreter": "{{ ansible_playbook_python }}"}
    return [
        {
            "name": f"{OURS} {number}",
            "llmd.tpu.apply": {"src": file, "server_side_apply": apply, **connection},
        },
        {
            "name": f"{KUBECTL} {number}",
            "ansible.builtin.command": {
                "argv": [*command, "--force-conflicts", f"--filename={file}"]
            },
            "vars": target,
        },
        {
            "name": f"{KUBERNETES_CORE} {number}",
            "kubernetes.core.k8s": {
                "src": file,
                "apply": True,
                "server_side_apply": theirs,
                **connection,
            },
            "vars": target,
        },
    ]


def _seconds(done: list[Task]) -> list[float]:
    return [task.seconds for task in done]


def _process_seconds(done: list[Task]) -> list[float]:
    """What kubectl itself took, without Ansible's part of the task."""
    return [_parsed(task.result["delta"]) for task in done if task.name.startswith(KUBECTL)]


def _parsed(delta: str) -> float:
    hours, minutes, seconds = delta.split(":")
    return int(hours) * 3600 + int(minutes) * 60 + float(seconds)
