# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Does a prefix stay with one replica, and do different ones spread? Pure.

Source: gateway-api-inference-extension, prefix plugin: a prompt is cut into blocks of 64 characters
and a pod that has seen the first ones scores higher. So prompts must be long, and differ from their
first character on.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.llmd.tpu.plugins.module_utils.findings import Finding

TIMES = 3
"""Requests a prefix: the first is free to go anywhere, the others should follow it."""
FEWEST_TO_SPREAD = 4
_LENGTH = 1200
NOBODY = "?"
"""Stands for a replica that is not known: others asked at the same time, or nothing was counted."""


@dataclass(frozen=True)
class Row:
    """The replicas that answered one prefix, in the order of the requests."""

    prefix: int
    replicas: tuple[str, ...]

    @property
    def known(self) -> set[str]:
        """The replicas that are known."""
        return set(self.replicas) - {NOBODY}

    def to_dict(self) -> dict[str, Any]:
        """Give the row as plain data."""
        return {"prefix": self.prefix, "replicas": list(self.replicas)}


def prompt_of(prefix: int, run: str, question: str) -> str:
    """A long prompt; all of one prefix and run begin alike, and end with their question."""
    word = f"{run}{prefix} "
    return (word * _LENGTH)[:_LENGTH] + question


def table(rows: Sequence[Row]) -> list[str]:
    """Show how often each replica answered each prefix."""
    names = sorted({name for row in rows for name in row.replicas})
    if not names:
        return []
    width = max(len(name) for name in names)
    lines = [f"prefix  {'  '.join(name.rjust(width) for name in names)}"]
    for row in rows:
        counts = Counter(row.replicas)
        cells = "  ".join(str(counts[name]).rjust(width) for name in names)
        lines.append(f"{row.prefix:>6}  {cells}")
    return lines


def judge_prefixes(rows: Sequence[Row], url: str) -> list[Finding]:
    """Say what is not as a scheduler with a prefix cache does it."""
    scattered = [row for row in rows if len(row.known) > 1]
    if scattered:
        shown = "; ".join(f"prefix {row.prefix}: {', '.join(row.replicas)}" for row in scattered)
        return [
            Finding(
                code="SMOKE-PREFIX-SCATTERED",
                severity="warning",
                message="equal prefixes went to different replicas, so their caches are of no use",
                found=shown,
                expected="one replica a prefix",
                fix="look whether the scheduler's configuration has prefix-cache-scorer, and "
                "whether a replica is overloaded or was restarted",
                source="gateway-api-inference-extension, prefix plugin",
                subject=url,
            )
        ]
    replicas = {name for row in rows for name in row.known}
    if len(replicas) == 1 and len(rows) >= FEWEST_TO_SPREAD:
        return [
            Finding(
                code="SMOKE-PREFIX-ONE-REPLICA",
                severity="info",
                message="different prefixes all went to one replica",
                found=f"{len(rows)} prefixes, all to {', '.join(replicas)}",
                expected="prefixes that spread; by chance alone this happens once in "
                f"{2 ** (len(rows) - 1)} times with two replicas",
                fix="ask again; then look whether the scheduler can read the other replica's "
                "metrics (not from a server without TLS)",
                source="gateway-api-inference-extension, pickers",
                subject=url,
            )
        ]
    return []
