# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""`apply` in this process, as the action plugin calls it, and as Ansible itself runs it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from ansible_collections.llmd.tpu.plugins.module_utils.connection import connect
from ansible_collections.llmd.tpu.plugins.module_utils.manifests.apply import apply

from tests.e2e.apply.control_plane import ControlPlane

Object = dict[str, Any]


def converge(plane: ControlPlane, *, check: bool = False, **params: Any) -> Object:
    """The task's result; it must not have failed."""
    result = attempt(plane, check=check, **params)
    assert not result.get("failed"), result["msg"]
    return result


def attempt(plane: ControlPlane, *, check: bool = False, **params: Any) -> Object:
    """The task's result, failed or not."""
    options = {"kubeconfig": str(plane.kubeconfig), "wait_timeout": 30, **params}
    return apply(options, connect(options), check=check)


def actions(result: Object) -> list[str]:
    """What happened to each object."""
    return [entry["action"] for entry in result["objects"]]


def play(
    folder: Path, tasks: list[Object], *arguments: str, expected: int = 0
) -> tuple[list[Object], str]:
    """Run tasks on localhost by ansible-playbook; answers each task's result and all output."""
    playbook = folder / "playbook.yml"
    playbook.write_text(json.dumps([{"hosts": "localhost", "gather_facts": False, "tasks": tasks}]))
    environment = {
        **os.environ,
        "ANSIBLE_LOCALHOST_WARNING": "False",
        "ANSIBLE_INVENTORY_UNPARSED_WARNING": "False",
        "ANSIBLE_STDOUT_CALLBACK": "ansible.posix.jsonl",
        "ANSIBLE_HOME": str(folder / "ansible"),
    }
    ansible = Path(sys.executable).with_name("ansible-playbook")
    command = [str(ansible), str(playbook), *arguments]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, env=environment, cwd=folder
    )
    output = done.stdout + done.stderr
    assert done.returncode == expected, output
    assert "Traceback" not in output, output
    return _results(done.stdout), output


def _results(output: str) -> list[Object]:
    results = []
    for line in output.splitlines():
        event = json.loads(line) if line.startswith("{") else {}
        if str(event.get("_event", "")).startswith(("v2_runner_on_ok", "v2_runner_on_failed")):
            results.append(event["hosts"]["localhost"])
    return results
