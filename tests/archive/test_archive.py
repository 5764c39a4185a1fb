# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The archive that users install: what is in it, and that it works in an empty folder."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
from collections.abc import Sequence
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
ROOMS = {"changelogs", "docs", "inventories", "meta", "playbooks", "plugins", "roles"}
FILES = {
    "FILES.json",
    "LICENSE",
    "MANIFEST.json",
    "README.md",
    "bindep.txt",
    "requirements-report.txt",
    "requirements.txt",
}


def run(words: Sequence[str], folder: Path, collections: Path | None = None) -> str:
    """Run a program of the virtual environment that makes the tests; return its output."""
    environment = dict(os.environ)
    if collections:
        environment["ANSIBLE_COLLECTIONS_PATH"] = str(collections)
    program = Path(sys.executable).with_name(words[0])
    done = subprocess.run(
        [str(program), *words[1:]], cwd=folder, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The archive, built from the files that git knows or would add."""
    source = tmp_path_factory.mktemp("source")
    target = tmp_path_factory.mktemp("archive")
    names = subprocess.run(
        ["git", "ls-files", "-coz", "--exclude-standard"],
        cwd=CHECKOUT,
        capture_output=True,
        check=True,
    ).stdout
    with subprocess.Popen(
        ["tar", "--null", "--ignore-failed-read", "-T", "-", "-cf", "-"],
        cwd=CHECKOUT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as pack:
        assert pack.stdin is not None
        pack.stdin.write(names)
        pack.stdin.close()
        subprocess.run(["tar", "-xf", "-"], cwd=source, stdin=pack.stdout, check=True)
    run(["ansible-galaxy", "collection", "build", "--output-path", str(target)], source)
    return next(target.glob("llmd-tpu-*.tar.gz"))


@pytest.fixture(scope="module")
def installed(archive: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A collections folder that holds nothing but the installed archive."""
    folder = tmp_path_factory.mktemp("collections")
    command = ["ansible-galaxy", "collection", "install", str(archive), "--offline", "--force"]
    run([*command, "--collections-path", str(folder)], folder)
    # Without this, a copy that ansible finds elsewhere would be tested instead.
    assert (folder / "ansible_collections/llmd/tpu/MANIFEST.json").is_file()
    return folder


def test_holds_what_belongs_and_nothing_else(archive: Path) -> None:
    with tarfile.open(archive) as files:
        names = files.getnames()
    top = {name.split("/")[0] for name in names}
    assert top == ROOMS | FILES
    assert not [name for name in names if name.endswith("ansible.cfg")]
    assert not [name for name in names if "__pycache__" in name]


@pytest.mark.parametrize("module", ["apply", "inference_smoke", "model_check", "wait_ready"])
def test_modules_are_documented(installed: Path, module: str) -> None:
    assert f"llmd.tpu.{module}" in run(
        ["ansible-doc", "-t", "module", f"llmd.tpu.{module}"], installed, installed
    )


def test_playbooks_resolve_by_full_name(installed: Path) -> None:
    output = run(["ansible-playbook", "llmd.tpu.site", "--list-tasks"], installed, installed)
    for phase in ("operators", "kserve", "gateway", "namespace", "model"):
        assert phase in output
