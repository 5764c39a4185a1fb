# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What ``up`` was asked for: written by the host's side, read by the first process inside."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.sandbox.paths import State


@dataclass(frozen=True)
class Plan:
    """One sandbox as asked for."""

    environment: str
    """Folder of the virtual environment that pods' Python programs use."""
    habits: tuple[str, ...] = ()
    """Words for ``python -m tests.sandbox.cloud --habit``."""
    restored: bool = False
    """Whether etcd's data come from a snapshot."""

    def write(self, state: State) -> None:
        """Store it in the state folder."""
        state.plan.write_text(json.dumps(asdict(self), indent=2))

    @staticmethod
    def read(state: State) -> Plan:
        """Read what :meth:`write` stored."""
        content = json.loads(state.plan.read_text())
        return Plan(content["environment"], tuple(content["habits"]), content["restored"])


def write_atomically(path: Path, content: str) -> None:
    """Write so that a reader sees the old content or the new one, never half."""
    temporary = path.with_name(f".{path.name}.new")
    temporary.write_text(content)
    temporary.replace(path)
