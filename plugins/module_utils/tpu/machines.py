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
    """One TPU generation.

    ``hbm`` is the published memory of a chip and ``usable`` what its runtime reported, both in GiB
    (None: not known). ``cloud_name`` begins the values of ``TPU_ACCELERATOR_TYPE``, which count
    cores where ``cores_per_chip`` is 2. ``minimum`` is the first GKE version with it, ``automatic``
    the first whose node auto-provisioning makes it. ``largest`` bounds the slices of those with
    three dimensions.
    """

    name: str
    labels: tuple[str, ...]
    dimensions: int
    hbm: int | None = None
    usable: float | None = None
    cloud_name: str = ""
    cores_per_chip: int = 1
    devices_per_chip: int = 1
    minimum: str = ""
    automatic: str = ""
    zones: tuple[str, ...] = ()
    largest: tuple[int, ...] = ()


@dataclass(frozen=True)
class Machine:
    """One machine type: its chips, the topology of a single machine, and the slices of several.

    ``vcpus`` and ``memory`` (GB of the host) are None where no source prints them.
    """

    name: str
    generation: str
    chips: int
    topology: str
    vcpus: int | None
    memory: int | None
    slices: tuple[str, ...] = ()
    confirmed: bool = True


# The memory that a runtime reported was measured on one chip (v5e, v6e) and on four (tpu7x).
# Zones are those of GKE's availability table; the Compute Engine catalogue names more, which
# proves neither support by GKE nor capacity.
GENERATIONS = (
    # v3 is known by its labels only: GKE's pages list no machine types for it any more.
    Generation("v3", ("tpu-v3-device", "tpu-v3-slice"), 2),
    Generation(
        "v4",
        ("tpu-v4-podslice",),
        3,
        hbm=32,
        cloud_name="v4",
        cores_per_chip=2,
        automatic="1.29.0",
        largest=(12, 16, 16),
    ),
    Generation(
        "v5e",
        ("tpu-v5-lite-podslice", "tpu-v5-lite-device"),
        2,
        hbm=16,
        usable=15.75,
        cloud_name="v5litepod",
        automatic="1.29.0",
    ),
    Generation(
        "v5p",
        ("tpu-v5p-slice",),
        3,
        hbm=95,
        cloud_name="v5p",
        cores_per_chip=2,
        automatic="1.29.0",
        largest=(16, 16, 24),
    ),
    Generation(
        "v6e",
        ("tpu-v6e-slice",),
        2,
        hbm=32,
        usable=31.24,
        cloud_name="v6e",
        minimum="1.31.2-gke.1115000",
        automatic="1.32.0",
        zones=(
            "asia-northeast1-b",
            "europe-west4-a",
            "southamerica-west1-a",
            "us-central1-b",
            "us-east1-d",
            "us-east5-a",
            "us-east5-b",
            "us-south1-ai1b",
        ),
    ),
    # One Ironwood chip shows as two JAX devices. No upper bound of its slices was found, and the
    # value of its TPU_ACCELERATOR_TYPE is not confirmed.
    Generation(
        "tpu7x",
        ("tpu7x",),
        3,
        hbm=192,
        usable=189.4,
        cloud_name="tpu7x",
        cores_per_chip=2,
        devices_per_chip=2,
        automatic="1.34.1-gke.2541000",
    ),
)

# Slices of several machines. In three dimensions these are the small ones; beyond them every
# side is a multiple of four, in ascending order (see topology.py).
_FLAT_SLICES = ("2x4", "4x4", "4x8", "8x8", "8x16", "16x16")
_CUBE_SLICES = ("2x2x2", "2x2x4", "2x4x4")

# The host memory of ct6e-standard-1t is 448 GB in one table of GKE's and about 172 on a real node.
MACHINES = (
    Machine("ct4p-hightpu-4t", "v4", 4, "2x2x1", 240, 407, _CUBE_SLICES),
    Machine("ct5lp-hightpu-1t", "v5e", 1, "1x1", 24, 48),
    Machine("ct5lp-hightpu-4t", "v5e", 4, "2x2", 112, 192, _FLAT_SLICES),
    Machine("ct5lp-hightpu-8t", "v5e", 8, "2x4", 224, 384),
    Machine("ct5p-hightpu-1t", "v5p", 1, "1x1x1", 52, 112, confirmed=False),
    Machine("ct5p-hightpu-2t", "v5p", 2, "1x2x1", 104, 224, confirmed=False),
    Machine("ct5p-hightpu-4t", "v5p", 4, "2x2x1", 208, 448, _CUBE_SLICES),
    Machine("ct6e-standard-1t", "v6e", 1, "1x1", 44, 176),
    Machine("ct6e-standard-4t", "v6e", 4, "2x2", 180, 720, _FLAT_SLICES),
    Machine("ct6e-standard-8t", "v6e", 8, "2x4", 180, 1440),
    Machine("tpu7x-standard-1t", "tpu7x", 1, "1x1x1", None, None, confirmed=False),
    Machine("tpu7x-standard-4t", "tpu7x", 4, "2x2x1", 224, 960, _CUBE_SLICES),
)
