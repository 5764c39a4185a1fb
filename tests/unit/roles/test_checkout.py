# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""In a checkout the plain commands work, without any environment variable."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize(
    ("folder", "arguments"),
    [(".", ["playbooks/site.yml", "-i", "inventories/sandbox"]), ("playbooks", ["site.yml"])],
)
def test_the_site_resolves(folder: str, arguments: list[str]) -> None:
    environment = {name: text for name, text in os.environ.items() if "ANSIBLE" not in name}
    done = subprocess.run(
        [str(Path(sys.executable).with_name("ansible-playbook")), *arguments, "--list-tasks"],
        cwd=CHECKOUT / folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Ask the models through the gateway" in done.stdout
    assert not done.stderr
