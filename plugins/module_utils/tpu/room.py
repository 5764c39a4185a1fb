# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Is there room for a model's replicas: now, after something changes, or never? Pure.

The Kubernetes API shows nodes, not what a pool may grow to: a pool at 0 is invisible. So "never"
is said only of what no machine offers, and what cannot be seen stays "unknown".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from ansible_collections.llmd.tpu.plugins.module_utils.tpu.chips import (
    Project,
    TpuNode,
    fitting,
    replicas_that_fit,
)
from ansible_collections.llmd.tpu.plugins.module_utils.tpu.topology import (
    generation_of,
    known_labels,
    machines_of,
    placements,
    topologies_of,
)

When = Literal["now", "after_others", "after_scale_up", "unknown", "never"]


@dataclass(frozen=True)
class Wanted:
    """What one service asks for: each replica takes ``chips`` on one node."""

    accelerator: str
    topology: str
    chips: int
    replicas: int = 1


@dataclass(frozen=True)
class Room:
    """When the replicas fit, how many fit now, and why, in words."""

    when: When
    replicas: int
    reason: str


def room_for(wanted: Wanted, nodes: Sequence[TpuNode], project: Project | None) -> Room:
    """Judge whether the replicas find chips; ``nodes`` count what others hold."""
    impossible = _impossible(wanted)
    if impossible:
        return Room("never", 0, impossible)
    place = f"{wanted.accelerator} {wanted.topology}"
    suitable = fitting(nodes, wanted.accelerator, wanted.topology)
    fits = replicas_that_fit(suitable, wanted.chips)
    if fits >= wanted.replicas:
        free = sum(node.free for node in suitable)
        return Room("now", fits, f"{free} chips of {place} are free")
    if any(node.driver for node in suitable):
        return Room("unknown", fits, f"a resource driver gives out the chips of {place}")
    starting = [node for node in suitable if node.ready and not node.chips]
    if starting:
        names = ", ".join(node.name for node in starting[:3])
        return Room("after_scale_up", fits, f"chips are not registered yet on {names}")
    whole = sum(max(node.chips, node.capacity) // wanted.chips for node in suitable if node.ready)
    if whole >= wanted.replicas:
        return Room("after_others", fits, f"others hold the chips: {_holders(suitable)}")
    grows = "its pool may grow, which only Google's API tells" if project else "no node can be seen"
    if suitable:
        count = f"{len(suitable)} node(s) of {place} hold {whole} of {wanted.replicas} replicas"
        return Room("after_scale_up" if project else "unknown", fits, f"{count}; {grows}")
    return Room("unknown", 0, f"no node is of {place}; {grows}")


def _impossible(wanted: Wanted) -> str:
    """Why no cluster can have it; empty when one could."""
    generation = generation_of(wanted.accelerator)
    if generation is None:
        return (
            f"no node carries the accelerator label {wanted.accelerator!r}; labels are "
            f"{', '.join(known_labels())}"
        )
    if not machines_of(generation):
        return ""
    offers = placements(generation, wanted.topology)
    if not offers:
        return (
            f"generation {generation.name} has no topology {wanted.topology!r}; it has "
            f"{', '.join(topologies_of(generation))}"
        )
    if not any(one.machine.chips == wanted.chips for one in offers):
        machines = ", ".join(f"{one.machine.name} ({one.machine.chips})" for one in offers)
        return (
            f"no machine of topology {wanted.topology} has {wanted.chips} chips; there are "
            f"{machines}"
        )
    return ""


def _holders(nodes: Sequence[TpuNode]) -> str:
    pods = [f"{name} ({chips})" for node in nodes for name, chips in node.holders]
    return ", ".join(pods[:4]) + (f" and {len(pods) - 4} more" if len(pods) > 4 else "")
