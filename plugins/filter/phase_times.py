# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Filters for the words at the end of a run."""

from __future__ import annotations

from typing import Any


def phase_times(started: dict[str, float], now: float) -> list[str]:
    """How long each phase took ("operators 41 s"), from when each one started (Unix seconds)."""
    order = sorted(started, key=lambda phase: started[phase])
    ends = [*(started[phase] for phase in order[1:]), now][: len(order)]
    return [
        f"{phase} {max(0.0, end - started[phase]):.0f} s"
        for phase, end in zip(order, ends, strict=True)
    ]


class FilterModule:
    """The filters of this file, as Ansible asks for them."""

    def filters(self) -> dict[str, Any]:
        """Filter name to function."""
        return {"phase_times": phase_times}
