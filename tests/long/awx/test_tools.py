# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The installed archive in an empty folder, by ansible-playbook and by ansible-navigator."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.archive.building import CHECKOUT, build, install
from tests.awx.jobs import BIN
from tests.sandbox.harness import Sandbox


@pytest.fixture(scope="module")
def collections(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A collections folder that holds the archive alone."""
    place = tmp_path_factory.mktemp("installed")
    for name in ("source", "archive", "collections"):
        (place / name).mkdir()
    return install(build(place / "source", place / "archive"), place / "collections")


PLAYBOOK = ["ansible-playbook", "llmd.tpu.preflight"]
NAVIGATOR = [
    "ansible-navigator",
    "run",
    "llmd.tpu.preflight",
    "--mode=stdout",
    "--execution-environment=false",
    "--playbook-artifact-enable=false",
    "--log-file=/dev/null",
]


@pytest.mark.parametrize("words", [PLAYBOOK, NAVIGATOR], ids=lambda words: str(words[0]))
def test_preflight(words: list[str], converged: Sandbox, collections: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [str(BIN / words[0]), *words[1:], "-i", str(CHECKOUT / "inventories/sandbox")],
        cwd=tmp_path,
        env={
            **os.environ,
            "ANSIBLE_COLLECTIONS_PATH": str(collections),
            "ANSIBLE_NOCOLOR": "1",
            "SANDBOX_DIR": str(converged.folder),
            "PATH": f"{BIN}:{os.environ['PATH']}",
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-6000:]
    assert "ok: cluster https://" in done.stdout
    assert "changed=0" in done.stdout
    assert list(tmp_path.iterdir()) == []
