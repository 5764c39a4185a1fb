# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Run another program, for so long and no longer; a module's `run_command` knows no limit."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence


def run_program(
    words: Sequence[str], seconds: float, given: bytes = b""
) -> subprocess.CompletedProcess[bytes]:
    """Run a program with `given` as its input. Raises OSError, subprocess.TimeoutExpired."""
    with _Process(words) as process:
        try:
            output, complaints = process.communicate(given, seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
    return subprocess.CompletedProcess(words, process.returncode, output, complaints)


class _Process(subprocess.Popen[bytes]):
    def __init__(self, words: Sequence[str]) -> None:
        pipe = subprocess.PIPE
        super().__init__(words, stdin=pipe, stdout=pipe, stderr=pipe)
