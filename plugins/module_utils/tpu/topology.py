# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The arithmetic of TPU slices: chips, machines and nodes of a topology. Pure."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from ansible_collections.llmd.tpu.plugins.module_utils.tpu.machines import (
    GENERATIONS,
    MACHINES,
    Generation,
    Machine,
)

_TOPOLOGY = re.compile(r"[1-9][0-9]{0,3}(x[1-9][0-9]{0,3}){0,2}")


@dataclass(frozen=True)
class Placement:
    """One way to get a topology: the machine type, and how many of them."""

    machine: Machine
    nodes: int

    @property
    def single_host(self) -> bool:
        """Tell whether one machine holds the whole slice."""
        return self.nodes == 1


def generation_of(accelerator: str) -> Generation | None:
    """Find the generation whose nodes carry this accelerator label; None when there is none."""
    return next((one for one in GENERATIONS if accelerator in one.labels), None)


def known_labels() -> list[str]:
    """List every value that the accelerator label can have."""
    return [label for generation in GENERATIONS for label in generation.labels]


def suggest_label(accelerator: str) -> str | None:
    """Guess which label was meant by a value that no node carries, e.g. tpu-v6e or v6e.

    Only the generation is looked for: the nearest spelling may be another generation's label.
    """
    text = re.sub(r"[^a-z0-9]", "", accelerator.lower()).replace("v5lite", "v5e")
    for generation in GENERATIONS:
        if generation.name in text:
            return generation.labels[0]
    return None


def sides_of(topology: str) -> tuple[int, ...] | None:
    """Split "2x4" into (2, 4); None when the text is no topology."""
    if not _TOPOLOGY.fullmatch(topology):
        return None
    return tuple(int(side) for side in topology.split("x"))


def chips_of(topology: str) -> int | None:
    """Count the chips of a slice: the product of its sides."""
    sides = sides_of(topology)
    return None if sides is None else math.prod(sides)


def placements(generation: Generation, topology: str) -> list[Placement]:
    """List the machines that offer this topology; empty when the generation does not have it."""
    chips = chips_of(topology)
    if chips is None:
        return []
    return [
        Placement(machine, nodes=chips // machine.chips)
        for machine in machines_of(generation)
        if topology == machine.topology
        or topology in machine.slices
        or (machine.slices and _is_large_slice(generation, topology))
    ]


def machines_of(generation: Generation) -> list[Machine]:
    """List the machine types of a generation, smallest first."""
    return [machine for machine in MACHINES if machine.generation == generation.name]


def topologies_of(generation: Generation) -> list[str]:
    """List the topologies worth naming in a message; three dimensions have larger ones too."""
    names = {
        topology
        for machine in machines_of(generation)
        for topology in (machine.topology, *machine.slices)
    }
    return sorted(names, key=lambda name: (chips_of(name) or 0, name))


def generations_with(topology: str) -> list[Generation]:
    """Find the generations that offer a topology, to say whose it is."""
    return [generation for generation in GENERATIONS if placements(generation, topology)]


def _is_large_slice(generation: Generation, topology: str) -> bool:
    """Tell whether a three-dimensional slice follows the rule of the large ones."""
    sides = sides_of(topology)
    if generation.dimensions != 3 or sides is None or len(sides) != 3:
        return False
    if any(side % 4 for side in sides) or tuple(sorted(sides)) != sides:
        return False
    return all(side <= limit for side, limit in zip(sides, generation.largest, strict=False))
