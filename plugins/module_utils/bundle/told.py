# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is asked of a cluster, and what it told: records."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Command:
    """What to ask: a verb with its arguments, in a namespace."""

    verb: str
    arguments: tuple[str, ...]
    namespace: str = ""

    @property
    def words(self) -> str:
        """The command without the program, as one would type it."""
        place = (f"--namespace={self.namespace}",) if self.namespace else ()
        return " ".join((self.verb, *self.arguments, *place))


@dataclass(frozen=True)
class Answer:
    """What a command said; `late` when it was stopped because its time was over."""

    code: int
    out: str
    err: str = ""
    late: bool = False


@dataclass(frozen=True, order=True)
class Problem:
    """What could not be collected, and why."""

    what: str
    why: str


@dataclass
class Collected:
    """What a cluster told: texts by the names of their files, objects, and what is missing."""

    version: dict[str, Any] = field(default_factory=dict)
    namespaces: list[str] = field(default_factory=list)
    objects: list[tuple[Command, dict[str, Any]]] = field(default_factory=list)
    texts: list[tuple[str, Command, str]] = field(default_factory=list)
    secrets: list[dict[str, Any]] = field(default_factory=list, repr=False)
    """Only what to look for in all the rest; never a part of a bundle."""
    problems: list[Problem] = field(default_factory=list)
