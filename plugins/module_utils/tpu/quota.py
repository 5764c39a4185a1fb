# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How many TPU chips a project may use in a region, from Google's answer. Pure.

Sources: Cloud Quotas API (``quotaInfos``: ``dimensionsInfos[].dimensions``, ``details.value``), GKE
"Plan TPUs in GKE" (quota is counted in chips, per region, in the Compute Engine API: id
``TPUS-PER-TPU-FAMILY-per-project-region`` with the dimension ``tpu_family``; Spot and flex-start
have one of their own).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

API = "https://cloudquotas.googleapis.com"
SERVICE = "compute.googleapis.com"
QUOTA = "TPUS-PER-TPU-FAMILY-per-project-region"
# Generation to the value of the dimension tpu_family; the others have quotas of their own.
FAMILIES = {"v6e": "CT6E"}
# Generation to the quota of its Spot machines, which has no family.
SPOT_QUOTAS = {"v6e": "PREEMPTIBLE-TPU-V6E-per-project-region"}


def quota_path(project: str, quota: str = QUOTA) -> str:
    """The path of a quota below the API's host."""
    return f"/v1/projects/{project}/locations/global/services/{SERVICE}/quotaInfos/{quota}"


def chip_limit(answer: Mapping[str, Any], family: str, region: str) -> int | None:
    """The chips allowed for a family in a region; None when the answer does not say."""
    general: int | None = None
    for info in answer.get("dimensionsInfos") or ():
        dimensions = info.get("dimensions") or {}
        value = str((info.get("details") or {}).get("value", ""))
        if not value.lstrip("-").isdigit() or dimensions.get("tpu_family", family) != family:
            continue
        if dimensions.get("region") == region:
            return int(value)
        # An entry without a region is for those it lists, or for all that no other names.
        if "region" not in dimensions and region in info.get("applicableLocations", [region]):
            general = int(value)
    return general
