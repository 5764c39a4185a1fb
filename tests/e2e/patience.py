# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A cluster does things in its own time: what is to come about is asked for until it has."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
WITHIN = 240.0
"""Long enough for a machine that does much else; what is there is found at once."""


def eventually(ask: Callable[[], T | None], what: str, within: float = WITHIN) -> T:
    """Ask until the answer counts as true, and return it."""
    deadline = time.monotonic() + within
    while not (answer := ask()):
        assert time.monotonic() < deadline, f"not within {within:.0f} s: {what}; last: {answer!r}"
        time.sleep(0.3)
    return answer
