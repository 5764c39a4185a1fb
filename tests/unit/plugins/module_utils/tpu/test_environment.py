# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Does a container get what GKE's device plugin gives it?"""

from __future__ import annotations

import pytest
from ansible_collections.llmd.tpu.plugins.module_utils.tpu.environment import environment_of
from ansible_collections.llmd.tpu.plugins.module_utils.tpu.topology import generation_of, placements


def _environment(accelerator: str, topology: str, machine: str) -> dict[str, str]:
    generation = generation_of(accelerator)
    assert generation is not None
    placement = next(p for p in placements(generation, topology) if p.machine.name == machine)
    return environment_of(generation, topology, placement)


@pytest.mark.parametrize(
    ("accelerator", "topology", "machine", "per_host", "hosts", "name"),
    [
        ("tpu-v6e-slice", "1x1", "ct6e-standard-1t", "1,1,1", "1,1,1", "v6e-1"),
        ("tpu-v6e-slice", "2x2", "ct6e-standard-4t", "2,2,1", "1,1,1", "v6e-4"),
        ("tpu-v6e-slice", "2x4", "ct6e-standard-8t", "2,4,1", "1,1,1", "v6e-8"),
        ("tpu-v6e-slice", "2x4", "ct6e-standard-4t", "2,2,1", "1,2,1", "v6e-8"),
        ("tpu-v6e-slice", "4x4", "ct6e-standard-4t", "2,2,1", "2,2,1", "v6e-16"),
        ("tpu-v6e-slice", "8x16", "ct6e-standard-4t", "2,2,1", "4,8,1", "v6e-128"),
        ("tpu-v5-lite-podslice", "2x4", "ct5lp-hightpu-8t", "2,4,1", "1,1,1", "v5litepod-8"),
        ("tpu-v5p-slice", "1x1x1", "ct5p-hightpu-1t", "1,1,1", "1,1,1", "v5p-2"),
        ("tpu-v5p-slice", "1x2x1", "ct5p-hightpu-2t", "1,2,1", "1,1,1", "v5p-4"),
        ("tpu-v5p-slice", "2x2x1", "ct5p-hightpu-4t", "2,2,1", "1,1,1", "v5p-8"),
        ("tpu-v5p-slice", "2x2x4", "ct5p-hightpu-4t", "2,2,1", "1,1,4", "v5p-32"),
        ("tpu-v4-podslice", "8x8x12", "ct4p-hightpu-4t", "2,2,1", "4,4,12", "v4-1536"),
    ],
)
def test_bounds_and_name(
    accelerator: str, topology: str, machine: str, per_host: str, hosts: str, name: str
) -> None:
    found = _environment(accelerator, topology, machine)
    assert found["TPU_CHIPS_PER_HOST_BOUNDS"] == found["CHIPS_PER_HOST_BOUNDS"] == per_host
    assert found["TPU_HOST_BOUNDS"] == found["HOST_BOUNDS"] == hosts
    assert found["TPU_ACCELERATOR_TYPE"] == name
    assert found["TPU_TOPOLOGY"] == topology


def test_what_a_single_host_gets_besides() -> None:
    found = _environment("tpu-v6e-slice", "2x2", "ct6e-standard-4t")
    assert found["TPU_WORKER_HOSTNAMES"] == "localhost"
    assert found["TPU_RUNTIME_METRICS_PORTS"] == "8431,8432,8433,8434"
    assert not {"PJRT_DEVICE", "JAX_PLATFORMS", "TPU_PROCESS_BOUNDS"} & found.keys()
    assert "TPU_WORKER_ID" not in _environment("tpu-v6e-slice", "4x4", "ct6e-standard-4t")
    assert "TPU_WORKER_ID" not in _environment("tpu7x", "2x2x1", "tpu7x-standard-4t")


def test_which_slices_close_a_ring() -> None:
    def wrap(accelerator: str, topology: str, machine: str) -> str:
        return _environment(accelerator, topology, machine)["TPU_TOPOLOGY_WRAP"]

    assert wrap("tpu-v6e-slice", "8x16", "ct6e-standard-4t") == "false,true,false"
    assert wrap("tpu-v6e-slice", "8x8", "ct6e-standard-4t") == "false,false,false"
    assert wrap("tpu-v5p-slice", "4x4x4", "ct5p-hightpu-4t") == "true,true,true"
    assert wrap("tpu-v5p-slice", "2x4x4", "ct5p-hightpu-4t") == "false,false,false"


def test_large_cubes_survive_a_broken_link() -> None:
    cube = _environment("tpu-v5p-slice", "4x4x4", "ct5p-hightpu-4t")
    assert cube["ENABLE_ICI_RESILIENCY"] == "true"
    assert "ENABLE_ICI_RESILIENCY" not in _environment("tpu-v6e-slice", "8x8", "ct6e-standard-4t")


def test_a_topology_that_is_none_is_refused() -> None:
    generation = generation_of("tpu-v6e-slice")
    assert generation is not None
    with pytest.raises(ValueError, match="no topology"):
        environment_of(generation, "two", placements(generation, "2x2")[0])
