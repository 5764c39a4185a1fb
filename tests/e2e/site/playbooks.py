# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Run the collection's playbooks as a user does, and read what they said."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.sandbox.paths import CHECKOUT

PLAYBOOK = str(Path(sys.executable).with_name("ansible-playbook"))


@dataclass(frozen=True)
class Run:
    """What a run printed and how it ended."""

    code: int
    output: str

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


def command(playbook: str, *options: str, inputs: dict[str, Any] | None = None) -> list[str]:
    """The command line for a playbook on the sandbox's inventory."""
    extra = ["--extra-vars", json.dumps(inputs)] if inputs else []
    return [PLAYBOOK, f"playbooks/{playbook}.yml", "-i", "inventories/sandbox", *options, *extra]


def environment(folder: Path | str, **more: str) -> dict[str, str]:
    """The environment of a run against the sandbox in a folder."""
    return {**os.environ, "SANDBOX_DIR": str(folder), "ANSIBLE_NOCOLOR": "1", **more}


def play(
    folder: Path | str,
    playbook: str,
    *options: str,
    inputs: dict[str, Any] | None = None,
    **more: str,
) -> Run:
    """Run a playbook to its end; keyword arguments are its environment."""
    done = subprocess.run(
        command(playbook, *options, inputs=inputs),
        cwd=CHECKOUT,
        env=environment(folder, **more),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return Run(done.returncode, done.stdout)
