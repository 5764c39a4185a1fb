# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Run tasks and playbooks as a user does; what Ansible says they took, and what they held."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from tests.sandbox.paths import CHECKOUT

Object = dict[str, Any]

PROGRAM = str(Path(sys.executable).with_name("ansible-playbook"))
LOOK_EVERY = 0.005


class RunFailed(Exception):
    """A run that should have succeeded did not; the text is the end of its output."""


@dataclass(frozen=True)
class Task:
    """One task that ended: how long it took, and its result."""

    name: str
    seconds: float
    result: Object


@dataclass(frozen=True)
class Forks:
    """The peak memory (MB) of a run's forks, in the order in which they were made: one a task."""

    peaks: tuple[float, ...]


def environment(**more: str) -> dict[str, str]:
    """The environment of a run that prints one JSON line an event."""
    return {
        **os.environ,
        "ANSIBLE_STDOUT_CALLBACK": "ansible.posix.jsonl",
        "ANSIBLE_LOCALHOST_WARNING": "False",
        "ANSIBLE_INVENTORY_UNPARSED_WARNING": "False",
        **more,
    }


def tasks(list_of_tasks: Iterable[Object]) -> list[Task]:
    """Run tasks on localhost in one play; each must succeed."""
    with tempfile.TemporaryDirectory() as folder:
        return _ended(_run([_playbook(Path(folder), list_of_tasks)], environment()))


def playbook(
    name: str, sandbox: Path, inputs: Mapping[str, Any] | None = None, **more: str
) -> list[Task]:
    """Run one of the collection's playbooks against a sandbox."""
    command = [f"playbooks/{name}.yml", "--inventory=inventories/sandbox"]
    command += [f"--extra-vars={json.dumps(inputs)}"] if inputs else []
    return _ended(_run(command, environment(SANDBOX_DIR=str(sandbox), **more)))


def forks(list_of_tasks: Iterable[Object]) -> Forks:
    """Run tasks on localhost and watch the memory of the process that does each of them."""
    todo = list(list_of_tasks)
    with tempfile.TemporaryDirectory() as folder, (Path(folder) / "output").open("w+") as output:
        process = subprocess.Popen(
            [PROGRAM, _playbook(Path(folder), todo)],
            cwd=CHECKOUT,
            env=environment(),
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        peaks: dict[int, float] = {}
        while process.poll() is None:
            own = _command(process.pid)
            for child in _children(process.pid):
                if _command(child) == own:  # a fork; what it or Ansible starts has its own
                    peaks[child] = max(peaks.get(child, 0.0), _peak(child))
            time.sleep(LOOK_EVERY)
        if process.returncode:
            output.seek(0)
            raise RunFailed(_why(output.read()))
    return Forks(tuple(peaks.values())[-len(todo) :])


def _children(pid: int) -> list[int]:
    try:
        text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    except OSError:
        return []
    return [int(each) for each in text.split()]


def _command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def _peak(pid: int) -> float:
    """The most memory that a process has held so far: VmHWM (proc(5)), in MB."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0.0
    for line in status.splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    return 0.0


def _playbook(folder: Path, list_of_tasks: Iterable[Object]) -> str:
    file = folder / "playbook.yml"
    play = {"hosts": "localhost", "gather_facts": False, "tasks": list(list_of_tasks)}
    file.write_text(json.dumps([play]))
    return str(file)


def _run(arguments: Sequence[str], variables: Mapping[str, str]) -> str:
    done = subprocess.run(
        [PROGRAM, *arguments],
        cwd=CHECKOUT,
        env=variables,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RunFailed(_why(done.stdout + done.stderr))
    return done.stdout


def _why(output: str) -> str:
    """The failed tasks in few words, or the end of the output."""
    failed = [task for task in _ended(output) if task.result.get("failed")]
    words = [
        f"{task.name}: {task.result.get('stderr') or task.result.get('msg')}" for task in failed
    ]
    return "\n".join(words)[-4000:] or output[-4000:]


def _ended(output: str) -> list[Task]:
    """The tasks of a run, out of the events of ansible.posix.jsonl."""
    found = []
    for line in output.splitlines():
        event = json.loads(line) if line.startswith("{") else {}
        if event.get("_event") in ("v2_runner_on_ok", "v2_runner_on_failed"):
            task = event["task"]
            result = next(iter(event["hosts"].values()))
            found.append(Task(task["name"], _seconds(task["duration"]), result))
    return found


def _seconds(duration: Mapping[str, str]) -> float:
    start, end = (datetime.fromisoformat(duration[name]) for name in ("start", "end"))
    return (end - start).total_seconds()
