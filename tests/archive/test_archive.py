# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The archive that users install: what is in it, and that it works in an empty folder."""

from __future__ import annotations

import tarfile
from pathlib import Path

import pytest

from tests.archive.building import run

ROOMS = {"awx", "changelogs", "docs", "inventories", "meta", "playbooks", "plugins", "roles"}
FILES = {
    "FILES.json",
    "LICENSE",
    "MANIFEST.json",
    "README.md",
    "bindep.txt",
    "requirements-report.txt",
    "requirements.txt",
}


def test_holds_what_belongs_and_nothing_else(archive: Path) -> None:
    with tarfile.open(archive) as files:
        names = files.getnames()
    top = {name.split("/")[0] for name in names}
    # The changelog comes with the first release.
    assert top - {"CHANGELOG.rst"} == ROOMS | FILES
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
