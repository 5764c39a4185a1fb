# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""`make release`, on a copy: what it makes, and what it refuses."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
import yaml

CHECKOUT = Path(__file__).resolve().parents[2]
TOOLS = {"PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])}
AUTHOR = {
    f"GIT_{who}_{what}": text
    for who in ("AUTHOR", "COMMITTER")
    for what, text in (("NAME", "Releaser"), ("EMAIL", "releaser@example.com"))
}


def run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run a command in a copy."""
    return subprocess.run(
        words,
        cwd=folder,
        env={**os.environ, **TOOLS, **AUTHOR},
        capture_output=True,
        text=True,
        check=False,
    )


def git(folder: Path, *words: str) -> str:
    """What git says."""
    done = run(folder, "git", *words)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def release(folder: Path, version: str) -> subprocess.CompletedProcess[str]:
    """Release a version of a copy."""
    return run(folder, "bash", "tests/release.sh", version)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The checkout as it is, changes included, committed in a repository of its own."""
    folder = tmp_path / "copy"
    folder.mkdir()
    names = git(CHECKOUT, "ls-files", "-co", "--exclude-standard").splitlines()
    for name in names:
        source, target = CHECKOUT / name, folder / name
        if source.is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(source.read_bytes())
    git(folder, "init", "--quiet")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message=start")
    return folder


def test_a_release_has_changelog_tag_and_archive(copy: Path) -> None:
    fragments = list((copy / "changelogs/fragments").iterdir())
    done = release(copy, "7.8.9")
    assert done.returncode == 0, done.stdout + done.stderr
    assert git(copy, "status", "--porcelain") == ""
    assert git(copy, "describe", "--exact-match") == "v7.8.9"
    assert yaml.safe_load((copy / "galaxy.yml").read_text())["version"] == "7.8.9"
    assert 'VERSION = "7.8.9"' in (copy / "plugins/module_utils/connection.py").read_text()
    assert "v7.8.9" in (copy / "CHANGELOG.rst").read_text()
    assert fragments
    assert not list((copy / "changelogs/fragments").glob("*.yml"))
    with tarfile.open(copy / "dist/llmd-tpu-7.8.9.tar.gz") as archive:
        names = archive.getnames()
    assert "CHANGELOG.rst" in names
    assert not [name for name in names if name.startswith(("tests", "dist", ".git"))]
    linted = run(copy, "yamllint", "--strict", ".")
    assert linted.returncode == 0, linted.stdout
    assert "nothing that users would notice" in release(copy, "7.9.0").stderr


@pytest.mark.parametrize(
    ("version", "words"),
    [
        ("", "no version to release"),
        ("v1.0.0", "no version to release"),
        ("1.0.0", "the tree has changes"),
    ],
)
def test_what_cannot_be_released_is_refused(copy: Path, version: str, words: str) -> None:
    (copy / "README.md").write_text("half a thought")
    before = git(copy, "rev-parse", "HEAD")
    done = release(copy, version)
    assert done.returncode == 1
    assert words in done.stderr
    assert git(copy, "rev-parse", "HEAD") == before
    assert git(copy, "tag") == ""


def test_an_older_version_and_a_tag_that_exists_are_refused(copy: Path) -> None:
    known = copy / "changelogs/changelog.yaml"
    known.write_text("---\nancestor: null\nreleases:\n  2.10.0:\n    release_date: '2026-01-01'\n")
    git(copy, "commit", "--quiet", "--all", "--message=released")
    assert "2.10.0 was released already" in release(copy, "2.9.0").stderr
    git(copy, "tag", "v3.0.0")
    assert "the tag v3.0.0 exists" in release(copy, "3.0.0").stderr


def test_a_release_that_fails_leaves_nothing(copy: Path) -> None:
    (copy / "changelogs/fragments/wrong.yml").write_text("minor_changes: no list\n")
    git(copy, "add", "--all")
    git(copy, "commit", "--quiet", "--message=wrong")
    before = git(copy, "rev-parse", "HEAD")
    done = release(copy, "7.8.9")
    assert done.returncode != 0
    assert "the tree is as it was" in done.stderr
    assert (git(copy, "status", "--porcelain"), git(copy, "tag")) == ("", "")
    assert git(copy, "rev-parse", "HEAD") == before
