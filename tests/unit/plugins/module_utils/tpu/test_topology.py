# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Is the arithmetic of slices right?"""

from __future__ import annotations

import math

import pytest
from ansible_collections.llmd.tpu.plugins.module_utils.tpu.machines import GENERATIONS, MACHINES
from ansible_collections.llmd.tpu.plugins.module_utils.tpu.topology import (
    chips_of,
    generation_of,
    generations_with,
    placements,
    sides_of,
    suggest_label,
    topologies_of,
)


def _machines(accelerator: str, topology: str) -> list[tuple[str, int]]:
    generation = generation_of(accelerator)
    assert generation is not None
    return [(one.machine.name, one.nodes) for one in placements(generation, topology)]


@pytest.mark.parametrize(
    ("accelerator", "topology", "machines"),
    [
        ("tpu-v6e-slice", "1x1", [("ct6e-standard-1t", 1)]),
        ("tpu-v6e-slice", "2x2", [("ct6e-standard-4t", 1)]),
        # One machine of eight chips, or two of four: the guide's own caveat.
        ("tpu-v6e-slice", "2x4", [("ct6e-standard-4t", 2), ("ct6e-standard-8t", 1)]),
        ("tpu-v6e-slice", "4x4", [("ct6e-standard-4t", 4)]),
        ("tpu-v6e-slice", "16x16", [("ct6e-standard-4t", 64)]),
        ("tpu-v6e-slice", "2x2x1", []),
        ("tpu-v6e-slice", "4x2", []),
        ("tpu-v5-lite-podslice", "2x4", [("ct5lp-hightpu-4t", 2), ("ct5lp-hightpu-8t", 1)]),
        ("tpu-v5p-slice", "2x2x1", [("ct5p-hightpu-4t", 1)]),
        ("tpu-v5p-slice", "4x4x4", [("ct5p-hightpu-4t", 16)]),
        ("tpu-v5p-slice", "16x16x24", [("ct5p-hightpu-4t", 1536)]),
        ("tpu-v5p-slice", "16x16x28", []),
        ("tpu-v5p-slice", "8x4x4", []),
        ("tpu-v4-podslice", "12x16x16", [("ct4p-hightpu-4t", 768)]),
        ("tpu-v4-podslice", "16x16x16", []),
        ("tpu7x", "2x2x2", [("tpu7x-standard-4t", 2)]),
        ("tpu7x", "4x4x4", [("tpu7x-standard-4t", 16)]),
        ("tpu-v6e-slice", "4x4x4", []),
        ("tpu-v5-lite-podslice", "4x4x4", []),
        ("tpu-v3-slice", "2x2", []),
    ],
)
def test_machines_of_a_topology(
    accelerator: str, topology: str, machines: list[tuple[str, int]]
) -> None:
    found = _machines(accelerator, topology)
    assert found == machines
    assert all(isinstance(nodes, int) for _name, nodes in found)


def test_topologies_are_listed_by_size() -> None:
    flat = ["1x1", "2x2", "2x4", "4x4", "4x8", "8x8", "8x16", "16x16"]
    assert topologies_of(generations_with("2x2")[0]) == flat


@pytest.mark.parametrize(
    "text", ["", "2", "x", "2x", "0x2", "2x2x2x2", "02x2", "2X2", "2x-2", "²x2"]
)
def test_no_topology_but_a_single_number(text: str) -> None:
    assert sides_of(text) == ((2,) if text == "2" else None)


def test_every_table_entry_agrees_with_itself() -> None:
    for machine in MACHINES:
        assert chips_of(machine.topology) == machine.chips
        for topology in machine.slices:
            chips = chips_of(topology)
            assert chips is not None
            assert chips > machine.chips
            assert chips % machine.chips == 0


def test_product_of_a_topology_is_chips_times_nodes() -> None:
    for generation in GENERATIONS:
        for topology in topologies_of(generation):
            sides = sides_of(topology)
            assert sides is not None
            assert len(sides) == generation.dimensions
            for placement in placements(generation, topology):
                assert placement.nodes * placement.machine.chips == math.prod(sides)
                assert placement.single_host == (placement.machine.topology == topology)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("tpu-v6e", "tpu-v6e-slice"),
        ("v6e", "tpu-v6e-slice"),
        ("TPU-V5P", "tpu-v5p-slice"),
        ("tpu-v5e", "tpu-v5-lite-podslice"),
        ("tpu-v5-lite-slice", "tpu-v5-lite-podslice"),
        ("tpu-v6e-podslice", "tpu-v6e-slice"),
        ("tpu-7x", "tpu7x"),
        ("nvidia-l4", None),
        ("", None),
    ],
)
def test_the_label_that_was_meant(written: str, meant: str | None) -> None:
    assert suggest_label(written) == meant


def test_whose_topology_it_is() -> None:
    assert [one.name for one in generations_with("2x2x1")] == ["v4", "v5p", "tpu7x"]
    assert [one.name for one in generations_with("2x4")] == ["v5e", "v6e"]
