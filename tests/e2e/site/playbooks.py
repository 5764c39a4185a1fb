# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Run the collection's playbooks as a user does, and read what they said."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.sandbox.paths import CHECKOUT

PLAYBOOK = str(Path(sys.executable).with_name("ansible-playbook"))


@dataclass(frozen=True)
class Run:
    """What a run printed and how it ended."""

    code: int
    output: str
    results: tuple[tuple[str, dict[str, Any]], ...] = ()
    """Name and result of every task that was not skipped, in order."""

    @property
    def text(self) -> str:
        """The output with line breaks as blanks: Ansible wraps long messages where it likes."""
        return re.sub(r"\s+", " ", self.output)

    def count(self, word: str) -> int:
        """A number of the recap, such as changed or failed."""
        found = re.search(rf"\b{word}=(\d+)", self.output.rpartition("PLAY RECAP")[2])
        assert found, self.output[-3000:]
        return int(found[1])

    @property
    def changed_tasks(self) -> list[str]:
        """The tasks that changed something."""
        found: list[str] = []
        for part in self.output.split("\nTASK [")[1:]:
            name, _, rest = part.partition("]")
            if re.search(r"^changed: ", rest, flags=re.MULTILINE):
                found.append(name)
        return found

    def result(self, task: str) -> dict[str, Any]:
        """What the last task with this text in its name returned."""
        found = [result for name, result in self.results if task in name]
        assert found, f"no task {task!r} among {[name for name, _result in self.results]}"
        return found[-1]


def command(
    playbook: str, *options: str, inputs: Mapping[str, Any] | None = None, check: bool = False
) -> list[str]:
    """The command line for a playbook (its name, or a path) on the sandbox's inventory."""
    path = playbook if playbook.endswith(".yml") else f"playbooks/{playbook}.yml"
    mode = ["--check", "--diff"] if check else []
    extra = ["--extra-vars", json.dumps(inputs)] if inputs else []
    return [PLAYBOOK, path, "-i", "inventories/sandbox", *mode, *options, *extra]


def environment(folder: Path | str, **more: str) -> dict[str, str]:
    """The environment of a run against the sandbox in a folder."""
    return {**os.environ, "SANDBOX_DIR": str(folder), "ANSIBLE_NOCOLOR": "1", **more}


def play(
    folder: Path | str,
    playbook: str,
    *options: str,
    inputs: Mapping[str, Any] | None = None,
    check: bool = False,
    **more: str,
) -> Run:
    """Run a playbook to its end; keyword arguments are its environment."""
    with tempfile.NamedTemporaryFile(prefix="results-", suffix=".jsonl") as written:
        recorded = {
            "ANSIBLE_CALLBACK_PLUGINS": str(CHECKOUT / "tests/e2e/callbacks"),
            "ANSIBLE_CALLBACKS_ENABLED": "task_results",
            "TASK_RESULTS": written.name,
        }
        done = subprocess.run(
            command(playbook, *options, inputs=inputs, check=check),
            cwd=CHECKOUT,
            env=environment(folder, **recorded, **more),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        lines = [json.loads(line) for line in Path(written.name).read_text().splitlines()]
    results = tuple((line["task"], line["result"]) for line in lines)
    return Run(done.returncode, done.stdout, results)


def killed_at(
    folder: Path | str, playbook: str, task: str, log: Path, inputs: Mapping[str, Any] | None = None
) -> int:
    """Start a playbook, kill it with all its children when it comes to a task; its return code."""
    with log.open("w") as output:
        process = subprocess.Popen(
            command(playbook, inputs=inputs),
            cwd=CHECKOUT,
            env=environment(folder),
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        while process.poll() is None and task not in log.read_text():
            time.sleep(0.1)
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        return process.wait()


def play_role(
    folder: Path | str,
    role: str,
    *options: str,
    tasks_from: str = "main.yml",
    inputs: Mapping[str, Any] | None = None,
    check: bool = False,
) -> Run:
    """Run one role, or one of its task files, as a playbook of a user's own would."""
    imported = {"name": f"llmd.tpu.{role}", "tasks_from": tasks_from}
    plays = [
        {
            "name": f"Role {role}",
            "hosts": "localhost",
            "gather_facts": False,
            "module_defaults": {"group/llmd.tpu.all": {"kubeconfig": "{{ llmd_kubeconfig }}"}},
            "tasks": [{"name": "Run it", "ansible.builtin.import_role": imported}],
        }
    ]
    with tempfile.NamedTemporaryFile("w", prefix="role-", suffix=".yml") as written:
        yaml.safe_dump(plays, written)
        written.flush()
        return play(folder, written.name, *options, inputs=inputs, check=check)
