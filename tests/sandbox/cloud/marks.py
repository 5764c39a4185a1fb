# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Files that tell the supervisor which habits are in place, so that `up` ends when they are."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

# The autoscaler only reacts, so there is nothing to wait for.
MARKED = frozenset({"gateway-api", "warden"})


def _file(folder: Path, habit: str) -> Path:
    return folder / f"{habit}.ready"


def mark(folder: Path, habit: str) -> None:
    """Say that a habit is in place."""
    _file(folder, habit).touch()


def clear(folder: Path) -> None:
    """Forget what an earlier run marked."""
    for habit in MARKED:
        _file(folder, habit).unlink(missing_ok=True)


def missing(folder: Path, habits: Iterable[str]) -> set[str]:
    """Return the habits that are not in place yet."""
    return {each for each in MARKED.intersection(habits) if not _file(folder, each).exists()}
