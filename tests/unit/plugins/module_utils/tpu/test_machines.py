# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Are the tables what Google's pages say? The figures are typed a second time, as they are read.

Sources: GKE "Plan TPUs in GKE" and "TPUs in GKE" (machine types, topologies, labels, taint), Cloud
TPU's page of each generation (memory of a chip); ``usable`` was reported by runtimes.
"""

from __future__ import annotations

import pytest
from ansible_collections.llmd.tpu.plugins.module_utils.tpu import machines

# Of each generation: labels, GiB of a chip, usable of them, devices of a chip, largest slice.
GENERATIONS = """
v3     tpu-v3-device,tpu-v3-slice                  -   -      1  -
v4     tpu-v4-podslice                             32  -      1  12x16x16
v5e    tpu-v5-lite-podslice,tpu-v5-lite-device     16  15.75  1  -
v5p    tpu-v5p-slice                               95  -      1  16x16x24
v6e    tpu-v6e-slice                               32  31.24  1  -
tpu7x  tpu7x                                       192 189.4  2  -
"""
# Of each machine type: chips, topology, vCPUs, GB of the host, and whether all of it is confirmed.
MACHINES = """
ct4p-hightpu-4t    4  2x2x1  240  407   confirmed
ct5lp-hightpu-1t   1  1x1    24   48    confirmed
ct5lp-hightpu-4t   4  2x2    112  192   confirmed
ct5lp-hightpu-8t   8  2x4    224  384   confirmed
ct5p-hightpu-1t    1  1x1x1  52   112   unconfirmed
ct5p-hightpu-2t    2  1x2x1  104  224   unconfirmed
ct5p-hightpu-4t    4  2x2x1  208  448   confirmed
ct6e-standard-1t   1  1x1    44   176   confirmed
ct6e-standard-4t   4  2x2    180  720   confirmed
ct6e-standard-8t   8  2x4    180  1440  confirmed
tpu7x-standard-1t  1  1x1x1  -    -     unconfirmed
tpu7x-standard-4t  4  2x2x1  224  960   confirmed
"""


def _rows(table: str) -> list[list[str]]:
    return [line.split() for line in table.strip().splitlines()]


def _shown(value: object) -> str:
    return "-" if value in (None, "") else str(value)


def test_generations() -> None:
    assert _rows(GENERATIONS) == [
        [
            one.name,
            ",".join(one.labels),
            _shown(one.hbm),
            _shown(one.usable),
            str(one.devices_per_chip),
            _shown("x".join(map(str, one.largest))),
        ]
        for one in machines.GENERATIONS
    ]


def test_machine_types() -> None:
    assert _rows(MACHINES) == [
        [
            one.name,
            str(one.chips),
            one.topology,
            _shown(one.vcpus),
            _shown(one.memory),
            "confirmed" if one.confirmed else "unconfirmed",
        ]
        for one in machines.MACHINES
    ]


@pytest.mark.parametrize(
    ("name", "minimum", "automatic"),
    [
        ("v4", "", "1.29.0"),
        ("v5e", "", "1.29.0"),
        ("v5p", "", "1.29.0"),
        ("v6e", "1.31.2-gke.1115000", "1.32.0"),
        ("tpu7x", "", "1.34.1-gke.2541000"),
    ],
)
def test_versions_of_gke(name: str, minimum: str, automatic: str) -> None:
    (one,) = (each for each in machines.GENERATIONS if each.name == name)
    assert (one.minimum, one.automatic) == (minimum, automatic)


def test_the_taint_of_tpu_nodes() -> None:
    taint = (machines.TAINT_KEY, machines.TAINT_VALUE, machines.TAINT_EFFECT)
    assert taint == ("google.com/tpu", "present", "NoSchedule")
