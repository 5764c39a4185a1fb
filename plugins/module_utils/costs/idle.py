# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which TPU nodes cost and serve nobody: chips held against requests answered. Pure.

Source: KServe's naming (a service's model server pods are named after it: NAME-kserve-…), and GKE
"About TPUs" (a node is billed while it exists, used or not).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

Item = Mapping[str, Any]


@dataclass(frozen=True)
class Use:
    """One node: its chips, who holds them, and how many requests came.

    `verdict` is "free" (nobody holds a chip), "unused" (no request since its pods started),
    "quiet" (none within the look), "used" or "unknown" (its metrics could not be read).
    """

    node: str
    pool: str
    chips: int
    held: int
    services: tuple[str, ...]
    requests: int | None
    recent: int | None
    verdict: str
    words: str


def idle_nodes(nodes: Iterable[Item], services: Iterable[Item], seconds: float) -> list[Use]:
    """Judge the nodes of tpu_info by the services of metrics_info."""
    known = list(services)
    return [_use(node, known, seconds) for node in nodes]


def as_rows(uses: Iterable[Use]) -> list[dict[str, Any]]:
    """As plain data."""
    return [asdict(use) for use in uses]


def _use(node: Item, services: list[Item], seconds: float) -> Use:
    chips = node["chips"]
    pods = [str(pod["name"]) for pod in node.get("pods") or ()]
    serving = [one for one in services if any(_is_of(pod, one) for pod in pods)]
    names = tuple(f"{one['namespace']}/{one['name']}" for one in serving)
    total = _sum(serving, "requests_finished")
    recent = _sum({"servers": (one.get("servers") or {}).get("recent")} for one in serving)
    running = _sum(serving, "requests_running")
    verdict = _verdict(bool(chips["used"]), bool(serving), total, recent, running)
    reasons = {
        "free": "idle: no pod holds a chip",
        "unused": "idle: not one request since its pods started",
        "quiet": f"quiet: no request within {seconds:.0f} s, {total} since its pods started",
        "used": f"in use: {recent} requests within {seconds:.0f} s, {total} since its pods started",
        "unknown": "not known: its pods' metrics could not be read",
    }
    held = f" by {', '.join(names or pods)}" if pods else ""
    return Use(
        node=str(node["name"]),
        pool=str(node.get("pool", "")),
        chips=int(chips["capacity"]),
        held=int(chips["used"]),
        services=names,
        requests=total,
        recent=recent,
        verdict=verdict,
        words=f"{node['name']}: {chips['used']} of {chips['capacity']} chips held{held}; "
        f"{reasons[verdict]}",
    )


def _is_of(pod: str, service: Item) -> bool:
    return pod.startswith(f"{service['namespace']}/{service['name']}-kserve-")


def _sum(parts: Iterable[Item], figure: str = "requests_finished") -> int | None:
    """The sum of a figure; None when nobody told it."""
    found = []
    for part in parts:
        value = (part.get("servers") or {}).get(figure)
        if value is None:
            return None
        found.append(int(value))
    return sum(found) if found else None


def _verdict(
    held: bool, known: bool, total: int | None, recent: int | None, running: int | None
) -> str:
    if not held:
        return "free"
    if not known or total is None or recent is None:
        return "unknown"
    if recent or running:
        return "used"
    return "quiet" if total else "unused"
