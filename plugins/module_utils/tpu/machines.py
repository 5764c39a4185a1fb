# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The TPU generations and machine types that GKE offers, as data.

Sources: GKE "About TPUs" and "Plan TPUs in GKE" pages (labels, machine types, topologies), GKE's
TPU device plugin in ai-on-gke/tpu-device-plugin (label patterns), AI-Hypercomputer/xpk
``system_characteristics.py`` and GoogleCloudPlatform/cluster-toolkit ``tpu-definition`` (slices).
Read between 2025-10 and 2026-08. ``confirmed=False`` marks what only one of them shows: enough for
a warning, never for an error.
"""

from __future__ import annotations

from dataclasses import dataclass

RESOURCE = "google.com/tpu"
ACCELERATOR_LABEL = "cloud.google.com/gke-tpu-accelerator"
TOPOLOGY_LABEL = "cloud.google.com/gke-tpu-topology"
TAINT_KEY = "google.com/tpu"
TAINT_VALUE = "present"
TAINT_EFFECT = "NoSchedule"


@dataclass(frozen=True)
class Generation:
    """One TPU generation; ``largest`` bounds the slices of those with three dimensions."""

    name: str
    labels: tuple[str, ...]
    dimensions: int
    devices_per_chip: int = 1
    largest: tuple[int, ...] = ()


@dataclass(frozen=True)
class Machine:
    """One machine type: its chips, the topology of a single machine, and the slices of several."""

    name: str
    generation: str
    chips: int
    topology: str
    slices: tuple[str, ...] = ()
    confirmed: bool = True


GENERATIONS = (
    # v3 is known by its labels only: GKE's pages list no machine types for it any more.
    Generation("v3", ("tpu-v3-device", "tpu-v3-slice"), dimensions=2),
    Generation("v4", ("tpu-v4-podslice",), dimensions=3, largest=(12, 16, 16)),
    Generation("v5e", ("tpu-v5-lite-podslice", "tpu-v5-lite-device"), dimensions=2),
    Generation("v5p", ("tpu-v5p-slice",), dimensions=3, largest=(16, 16, 24)),
    Generation("v6e", ("tpu-v6e-slice",), dimensions=2),
    # One Ironwood chip shows as two JAX devices. No upper bound of its slices was found.
    Generation("tpu7x", ("tpu7x",), dimensions=3, devices_per_chip=2),
)

# Slices of several machines. In three dimensions these are the small ones; beyond them every
# side is a multiple of four, in ascending order (see topology.py).
_FLAT_SLICES = ("2x4", "4x4", "4x8", "8x8", "8x16", "16x16")
_CUBE_SLICES = ("2x2x2", "2x2x4", "2x4x4")

MACHINES = (
    Machine("ct4p-hightpu-4t", "v4", 4, "2x2x1", _CUBE_SLICES),
    Machine("ct5lp-hightpu-1t", "v5e", 1, "1x1"),
    Machine("ct5lp-hightpu-4t", "v5e", 4, "2x2", _FLAT_SLICES),
    Machine("ct5lp-hightpu-8t", "v5e", 8, "2x4"),
    Machine("ct5p-hightpu-1t", "v5p", 1, "1x1x1", confirmed=False),
    Machine("ct5p-hightpu-2t", "v5p", 2, "1x2x1", confirmed=False),
    Machine("ct5p-hightpu-4t", "v5p", 4, "2x2x1", _CUBE_SLICES),
    Machine("ct6e-standard-1t", "v6e", 1, "1x1"),
    Machine("ct6e-standard-4t", "v6e", 4, "2x2", _FLAT_SLICES),
    Machine("ct6e-standard-8t", "v6e", 8, "2x4"),
    Machine("tpu7x-standard-1t", "tpu7x", 1, "1x1x1", confirmed=False),
    Machine("tpu7x-standard-4t", "tpu7x", 4, "2x2x1", _CUBE_SLICES),
)
