# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Start the programs that a run will start, to hear their versions."""

from __future__ import annotations

import os.path
import subprocess
from collections.abc import Iterable

from ansible_collections.llmd.tpu.plugins.module_utils.preflight.plan import Phase, Program
from ansible_collections.llmd.tpu.plugins.module_utils.preflight.programs import Answer
from ansible_collections.llmd.tpu.plugins.module_utils.process import run_program

_SECONDS = 10


def programs_of(phases: Iterable[Phase]) -> dict[Program, tuple[str, ...]]:
    """Each program once, with the phases that start it."""
    found: dict[Program, tuple[str, ...]] = {}
    for phase in phases:
        for program in phase.programs:
            found[program] = (*found.get(program, ()), phase.name)
    return found


def hear(program: Program, phases: tuple[str, ...]) -> Answer:
    """Ask one program for its version."""
    try:
        done = run_program([program.path, *_version_words(program)], _SECONDS)
    except (OSError, ValueError, subprocess.TimeoutExpired) as problem:
        words = problem.strerror if isinstance(problem, OSError) else type(problem).__name__
        return Answer(program, phases, False, str(words))
    said = done.stdout or done.stderr
    return Answer(program, phases, True, said.decode(errors="replace"))


def _version_words(program: Program) -> list[str]:
    if program.name == "helm":
        return ["version", "--short"]
    if program.name == "git":
        return ["--version"]
    if os.path.basename(program.path).startswith("kubectl"):
        return ["version", "--client", "--output=json"]
    return ["version"]
