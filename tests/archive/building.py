# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Build the collection's archive as a clean checkout would, install it, and use it.

`python -m tests.archive.building SOURCE TARGET` does the first, with two empty folders.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]


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


def build(source: Path, target: Path) -> Path:
    """Copy what git knows or would add to `source`, and build the archive in `target`."""
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


def install(archive: Path, folder: Path) -> Path:
    """Install the archive in a collections folder; gives the folder."""
    command = ["ansible-galaxy", "collection", "install", str(archive), "--offline", "--force"]
    run([*command, "--collections-path", str(folder)], folder)
    # Without this, a copy that ansible finds elsewhere would be tested instead.
    assert (folder / "ansible_collections/llmd/tpu/MANIFEST.json").is_file()
    return folder


if __name__ == "__main__":
    build(Path(sys.argv[1]), Path(sys.argv[2]))
