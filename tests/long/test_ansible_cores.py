# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The whole site on the oldest and the newest ansible-core, with what users install beside them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.archive.building import build, install
from tests.e2e.clusters import empty_cluster
from tests.sandbox.paths import CHECKOUT

FOLDER = CHECKOUT / "tests/ansible_cores"
CELLS = [line.split() for line in (FOLDER / "cells.txt").read_text().splitlines()]
WITH_SITE = [(core, python) for core, python, ansible in CELLS if ansible != "-"]


@pytest.fixture(scope="module")
def collections(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The archive, installed in an empty folder."""
    places = (tmp_path_factory.mktemp(name) for name in ("source", "archive", "collections"))
    source, archive, folder = places
    return install(build(source, archive), folder)


def programs(core: str, python: str) -> Path:
    """The `bin` of an environment with this ansible-core."""
    made = subprocess.run(
        ["bash", str(FOLDER / "environment.sh"), "site", core, python],
        capture_output=True,
        text=True,
        check=False,
    )
    assert made.returncode == 0, f"no environment of ansible-core {core}: {made.stderr}"
    return Path(made.stdout.strip()) / "bin"


@pytest.mark.parametrize(("core", "python"), WITH_SITE)
def test_the_whole_site_twice_and_in_check_mode(
    core: str, python: str, collections: Path, tmp_path: Path
) -> None:
    path = programs(core, python)
    with empty_cluster("core") as sandbox:
        environment = {
            **os.environ,
            "PATH": f"{path}:{os.environ['PATH']}",
            "ANSIBLE_COLLECTIONS_PATH": str(collections),
            "ANSIBLE_NOCOLOR": "1",
            "SANDBOX_DIR": str(sandbox.folder),
        }

        def play(*options: str) -> str:
            kustomize = f"kserve_kustomize_binary={Path(sys.executable).with_name('kubectl')}"
            given = ["-i", str(CHECKOUT / "inventories/sandbox"), "-e", kustomize]
            words = [str(path / "ansible-playbook"), "llmd.tpu.site", *given, *options]
            done = subprocess.run(
                words, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
            )
            assert done.returncode == 0, (done.stdout + done.stderr)[-6000:]
            # A release that drops what we use says so first.
            assert "DEPRECATION" not in done.stderr
            return done.stdout

        assert "scheduler: proved" in play()
        for options in ((), ("--check", "--diff")):
            again = play(*options)
            assert re.search(r"\bchanged=0\b", again.rpartition("PLAY RECAP")[2]), again[-3000:]
