# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The README's commands work as they are written, in their order.

What they do to a cluster is tested on one (tests/long/examples): here playbooks list their tasks.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.examples.commands import commands
from tests.sandbox.paths import CHECKOUT

# Programs of others, which no test machine needs to have.
OTHERS = ("gcloud container clusters get-credentials ", "podman login ")
# What stands behind a command here, so that it needs neither the Internet nor a cluster. A test's
# Ansible knows the checkout itself already, hence the force.
QUALIFIED = {
    "ansible-galaxy": " --offline --force",
    "ansible-playbook": " --list-tasks",
    "make": " --dry-run",
    "pip": " --no-index",
}


def test_the_start_page_tells_the_readme_s_commands() -> None:
    assert set(commands("docs/start.md")) <= set(commands("README.md"))


def test_commands_work_as_they_are_written(tmp_path: Path) -> None:
    folder, home = tmp_path / "checkout", tmp_path / "home"
    names = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"],
        cwd=CHECKOUT,
        capture_output=True,
        check=True,
        text=True,
    ).stdout.splitlines()
    for name in names:
        if (CHECKOUT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes((CHECKOUT / name).read_bytes())
    # ansible.cfg of a checkout points to the link tree of its own virtual environment.
    (folder / "ansible.cfg").unlink()
    home.mkdir()
    environment = {
        **{name: text for name, text in os.environ.items() if not name.startswith("ANSIBLE")},
        "HOME": str(home),
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
    }
    ran = 0
    for command in commands("README.md"):
        if command.startswith(OTHERS):
            continue
        done = subprocess.run(
            ["bash", "-euc", command + QUALIFIED.get(command.split()[0], "")],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        assert "WARNING" not in done.stderr, f"{command}\n{done.stderr}"
        ran += 1
    assert ran >= 7
    assert (home / ".ansible/collections/ansible_collections/llmd/tpu/MANIFEST.json").is_file()
