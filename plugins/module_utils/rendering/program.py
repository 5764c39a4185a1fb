# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Programs that render: where they are, which they are, and one run of one."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ansible_collections.llmd.tpu.plugins.module_utils.manifests.load import BadManifest
from ansible_collections.llmd.tpu.plugins.module_utils.process import run_program

RENDER_SECONDS = 300.0
_VERSION_SECONDS = 30.0


@dataclass(frozen=True)
class Program:
    """A program that was found, and how to ask for its version."""

    path: str
    version_arguments: tuple[str, ...]

    def version(self) -> str:
        """What it says about its version; its complaint when it cannot."""
        try:
            done = run_program([self.path, *self.version_arguments], _VERSION_SECONDS)
        except (OSError, subprocess.TimeoutExpired) as problem:
            return str(problem)
        return (done.stdout + done.stderr).decode(errors="replace")

    def identity(self) -> tuple[str, ...]:
        """What tells this program from another one, without running it where that can be.

        A script may start now one program, now another (a version manager's shim), so it is
        asked.
        """
        file = Path(self.path)
        state = file.stat()
        version = self.version() if _may_start_another(file) else ""
        return str(file.resolve()), str(state.st_size), str(state.st_mtime_ns), version

    def output(self, arguments: Sequence[str], given: bytes = b"") -> tuple[int, str, str]:
        """Run it: exit code, output and complaints. What is secret comes by standard input.

        Arguments are seen by everybody on the machine. Raises BadManifest when it cannot run.
        """
        try:
            done = run_program([self.path, *arguments], RENDER_SECONDS, given)
        except subprocess.TimeoutExpired as problem:
            raise BadManifest(
                f"{self.path} {arguments[0]} did not end within {RENDER_SECONDS:g} s. Expected: "
                "rendering takes seconds. Check whether it waits for a network."
            ) from problem
        except OSError as problem:
            raise BadManifest(f"{self.path} cannot be run: {problem}") from problem
        return (
            done.returncode,
            done.stdout.decode(errors="replace"),
            done.stderr.decode(errors="replace"),
        )


def _may_start_another(file: Path) -> bool:
    """A script; or a program that may be run and not be read."""
    try:
        with file.open("rb") as content:
            return content.read(2) == b"#!"
    except OSError:
        return True


def find(names: Sequence[str]) -> str | None:
    """The path of the first of these programs: a path as it is, a name in PATH."""
    for name in names:
        path = shutil.which(os.path.expanduser(name))
        if path:
            return os.path.abspath(path)
    return None
