# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Is the right quota asked for, and its answer read as the API means it?"""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.llmd.tpu.plugins.module_utils.tpu.quota import (
    API,
    FAMILIES,
    SPOT_QUOTAS,
    chip_limit,
    quota_path,
)

BELOW = "/v1/projects/p/locations/global/services/compute.googleapis.com/quotaInfos/"


def test_where_each_quota_is() -> None:
    assert API == "https://cloudquotas.googleapis.com"
    assert quota_path("p") == f"{BELOW}TPUS-PER-TPU-FAMILY-per-project-region"
    assert quota_path("p", SPOT_QUOTAS["v6e"]) == f"{BELOW}PREEMPTIBLE-TPU-V6E-per-project-region"
    assert FAMILIES["v6e"] == "CT6E"


def _info(value: str, **dimensions: str) -> dict[str, Any]:
    return {"dimensions": dimensions, "details": {"value": value}}


HERE, THERE = ({"tpu_family": "CT6E", "region": region} for region in ("here", "there"))


@pytest.mark.parametrize(
    ("infos", "limit"),
    [
        ([_info("8", **HERE)], 8),
        ([_info("32", tpu_family="CT5LP", region="here"), _info("8", **HERE)], 8),
        ([_info("16", **THERE), _info("8", **HERE)], 8),
        ([_info("8", **HERE), _info("0", tpu_family="CT6E")], 8),
        ([_info("4", tpu_family="CT6E"), _info("8", **HERE)], 8),
        ([_info("-1", **HERE)], -1),
        ([_info("many", **HERE), _info("0")], 0),
        ([_info("many", **HERE)], None),
        ([{"dimensions": None, "details": None}], None),
        ([], None),
        (None, None),
    ],
)  # fmt: skip
def test_the_limit_of_a_region(infos: list[dict[str, Any]] | None, limit: int | None) -> None:
    assert chip_limit({"dimensionsInfos": infos}, "CT6E", "here") == limit
