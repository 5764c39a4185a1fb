# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Keep programs running: start, wait until ready, restart with back-off, stop."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.sandbox.errors import SandboxError

FIRST_BACK_OFF = 1.0
LONGEST_BACK_OFF = 30.0
# A program that ran this long starts with the first back-off again (seconds).
STABLE_AFTER = 60.0
# Readiness is asked at 5 Hz while a program starts, and never again later.
READINESS_INTERVAL = 0.2
LAST_LINES = 15


@dataclass(frozen=True)
class Program:
    """One program of the sandbox."""

    name: str
    command: tuple[str, ...]
    ready: Callable[[], bool] | None = None
    """Asked in a thread until it answers True; None: ready as soon as started."""
    ready_within: float = 120.0
    environment: Mapping[str, str] = field(default_factory=dict)


class Processes:
    """Every program of one sandbox, each in a task that keeps it running."""

    def __init__(self, log: Path, pids: Path, report: Callable[[str], None]) -> None:
        """Write logs and process ids into the two folders; `report` takes lines for the user."""
        self._log = log
        self._pids = pids
        self._report = report
        self._tasks: dict[str, asyncio.Task[None]] = {}
        pids.mkdir(exist_ok=True)

    def names(self) -> set[str]:
        """Names of the programs that are kept running."""
        return set(self._tasks)

    def launch(self, program: Program) -> None:
        """Start a program and keep it running; does not wait."""
        self._tasks[program.name] = asyncio.create_task(self._keep_running(program))

    async def start(self, program: Program) -> None:
        """Start a program and wait until it is ready.

        Raises SandboxError with the end of its log when that takes too long.
        """
        began = time.monotonic()
        self.launch(program)
        while program.ready and not await asyncio.to_thread(program.ready):
            if time.monotonic() - began > program.ready_within:
                raise SandboxError(self._not_ready(program))
            await asyncio.sleep(READINESS_INTERVAL)
        self._report(f"  {program.name} … ready {time.monotonic() - began:.1f} s")

    async def stop(self, name: str) -> None:
        """Stop one program."""
        task = self._tasks.pop(name)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

    def _not_ready(self, program: Program) -> str:
        path = self._log / f"{program.name}.log"
        lines = path.read_text(errors="replace").splitlines()[-LAST_LINES:]
        return (
            f"{program.name} is not ready after {program.ready_within:.0f} s."
            f" End of {path}:\n" + "\n".join(lines)
        )

    async def _keep_running(self, program: Program) -> None:
        back_off = FIRST_BACK_OFF
        while True:
            began = time.monotonic()
            code = await self._run_once(program)
            if time.monotonic() - began > STABLE_AFTER:
                back_off = FIRST_BACK_OFF
            print(f"{program.name} ended with {code}; again in {back_off:.0f} s", flush=True)
            await asyncio.sleep(back_off)
            back_off = min(back_off * 2, LONGEST_BACK_OFF)

    async def _run_once(self, program: Program) -> int | str:
        with (self._log / f"{program.name}.log").open("ab") as log:
            try:
                process = await asyncio.create_subprocess_exec(
                    *program.command,
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    env={**os.environ, **program.environment},
                )
            except OSError as error:
                return f"an error at start: {error}"
        (self._pids / program.name).write_text(str(process.pid))
        try:
            return await process.wait()
        finally:
            if process.returncode is None:
                await _terminate(process)


async def _terminate(process: asyncio.subprocess.Process) -> None:
    process.terminate()
    try:
        await asyncio.wait_for(process.wait(), 10)
    except TimeoutError:
        process.kill()
        await process.wait()
