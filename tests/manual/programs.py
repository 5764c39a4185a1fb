# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Programs of the virtual environment."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.sandbox.paths import CHECKOUT


class NotBuilt(Exception):
    """A program found something wrong; its words."""


def run(program: str, *arguments: str | Path) -> str:
    """Run a program in the checkout and return its output. Raises NotBuilt when it fails."""
    command = [str(Path(sys.executable).with_name(program)), *map(str, arguments)]
    done = subprocess.run(
        command,
        cwd=CHECKOUT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        raise NotBuilt(f"{program} failed:\n{done.stdout}")
    return done.stdout
