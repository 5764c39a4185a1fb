# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A running sandbox in the hands of a test."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.sandbox import audit, commands, world
from tests.sandbox.api import Api
from tests.sandbox.paths import CHECKOUT, State


@dataclass(frozen=True)
class Sandbox:
    """One sandbox, driven through the same commands that people use."""

    folder: Path

    @property
    def state(self) -> State:
        """Its files."""
        return State(self.folder)

    @property
    def kubeconfig(self) -> str:
        """Path of the administrator's kubeconfig."""
        return str(self.state.kubeconfig)

    @property
    def description(self) -> dict[str, Any]:
        """The content of state.json."""
        return commands.description(self.state)

    @property
    def api(self) -> Api:
        """A client of its API server."""
        return commands.api(self.state)

    def run(self, command: str, *arguments: str, check: bool = True) -> str:
        """Run one of the sandbox's commands and return what it printed, errors included.

        Raises AssertionError with the output when it fails and `check` is on.
        """
        words = [sys.executable, "-m", "tests.sandbox", command, f"--dir={self.folder}"]
        return _run([*words, *arguments], check)

    def kubectl(self, *arguments: str, check: bool = True) -> str:
        """Run kubectl of the virtual environment and return what it printed, errors included."""
        program = str(Path(sys.executable).with_name("kubectl"))
        return _run([program, f"--kubeconfig={self.kubeconfig}", *arguments], check)

    def get(self, *arguments: str) -> Any:
        """Return what ``kubectl get … --output=json`` prints."""
        return json.loads(self.kubectl("get", *arguments, "--output=json"))

    def apply(self, *objects: Mapping[str, Any], manager: str | None = None) -> None:
        """Create or change objects; with a field manager by server-side apply, as that one."""
        document = {"apiVersion": "v1", "kind": "List", "items": list(objects)}
        program = str(Path(sys.executable).with_name("kubectl"))
        command = [program, f"--kubeconfig={self.kubeconfig}", "apply", "--filename=-"]
        if manager:
            command += ["--server-side", "--force-conflicts", f"--field-manager={manager}"]
        _run(command, check=True, text=json.dumps(document))

    @contextmanager
    def without(self, *arguments: str) -> Iterator[None]:
        """Delete an object, named as for `get`, and bring it back afterwards."""
        kept = self.get(*arguments)
        self.kubectl("delete", *arguments)
        try:
            yield
        finally:
            for field in ("uid", "resourceVersion", "creationTimestamp", "managedFields"):
                kept["metadata"].pop(field, None)
            self.apply(kept)

    def kill(self, program: str) -> None:
        """Kill one of its programs without a word; its supervisor starts it again."""
        pid = world.running(self.state)
        assert pid is not None
        victim = (self.state.pids / program).read_text()
        subprocess.run(world.command_inside(pid, ["kill", "-9", victim]), check=True)

    def position(self) -> int:
        """Return the end of the audit log, as a start for :meth:`requests_by`."""
        return audit.position(self.state.audit_log)

    def requests_by(self, user_agent: str, start: int = 0) -> list[audit.Request]:
        """Return the requests whose user agent begins so, from a position of the log on."""
        return audit.requests_by(user_agent, self.state.audit_log, start)


def _run(command: list[str], check: bool, text: str | None = None) -> str:
    done = subprocess.run(
        command,
        input=text,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        cwd=CHECKOUT,
    )
    assert not check or done.returncode == 0, f"{' '.join(command)}:\n{done.stdout}"
    return done.stdout
