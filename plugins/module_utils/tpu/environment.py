# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The environment that GKE's device plugin gives to a container that requests TPU chips. Pure.

Source: ai-on-gke/tpu-device-plugin, ``pkg/util``. What depends on the node alone (worker ids of
several hosts, sockets, network cards) is left out.
"""

from __future__ import annotations

import math

from ansible_collections.llmd.tpu.plugins.module_utils.tpu.machines import Generation
from ansible_collections.llmd.tpu.plugins.module_utils.tpu.topology import Placement, sides_of

_HOST_SHAPES = {1: (1, 1, 1), 2: (1, 2, 1), 4: (2, 2, 1), 8: (2, 4, 1)}
_FIRST_PORT = 8431
_WRAPS_AT = 16  # v5e and v6e close a ring only over a side of this length
_CUBE = 4  # the others do when every side is at least this long


def environment_of(generation: Generation, topology: str, placement: Placement) -> dict[str, str]:
    """The variables and their values, by name.

    Raises ValueError when the topology is none.
    """
    sides = sides_of(topology)
    if sides is None:
        raise ValueError(f"{topology!r} is no topology")
    chips = placement.machine.chips
    host = _HOST_SHAPES[chips]
    per_host = _joined(host)
    hosts = _joined(_hosts(sides, host, placement))
    wrap = ",".join(str(closed).lower() for closed in _wraps(generation, sides))
    cores = math.prod(sides) * generation.cores_per_chip
    environment = {
        "ALT": "false",
        "CHIPS_PER_HOST_BOUNDS": per_host,
        "HOST_BOUNDS": hosts,
        "TPU_ACCELERATOR_TYPE": f"{generation.cloud_name}-{cores}",
        "TPU_CHIPS_PER_HOST_BOUNDS": per_host,
        "TPU_HOST_BOUNDS": hosts,
        "TPU_RUNTIME_METRICS_PORTS": ",".join(str(_FIRST_PORT + i) for i in range(chips)),
        "TPU_SKIP_MDS_QUERY": "true",
        "TPU_TOPOLOGY": topology,
        "TPU_TOPOLOGY_ALT": "false",
        "TPU_TOPOLOGY_WRAP": wrap,
        "WRAP": wrap,
    }
    if placement.single_host and generation.name != "tpu7x":
        environment |= {"TPU_WORKER_ID": "0", "TPU_WORKER_HOSTNAMES": "localhost"}
    if generation.dimensions == 3 and all(side >= _CUBE for side in sides):
        environment["ENABLE_ICI_RESILIENCY"] = "true"
    return environment


def _hosts(sides: tuple[int, ...], host: tuple[int, ...], placement: Placement) -> tuple[int, ...]:
    """How many machines stand along each side."""
    if placement.single_host:
        return (1, 1, 1)
    return tuple(side // length for side, length in zip(_three(sides), host, strict=True))


def _three(sides: tuple[int, ...]) -> tuple[int, ...]:
    return (*sides, *(1,) * (3 - len(sides)))


def _wraps(generation: Generation, sides: tuple[int, ...]) -> tuple[bool, ...]:
    if generation.dimensions == 2:
        return tuple(side == _WRAPS_AT for side in _three(sides))
    return (all(side >= _CUBE for side in sides),) * 3


def _joined(values: tuple[int, ...]) -> str:
    return ",".join(str(value) for value in values)
