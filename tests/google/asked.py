# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The APIs that are only asked: Cloud Quotas, Cloud Billing, Cloud Logging, Service Usage."""

from __future__ import annotations

import re
from typing import Any

from google.cloud.cloudquotas_v1.types import resources
from google.protobuf import json_format
from tests.google import errors
from tests.google.project import NUMBER, TITLES, Project

Json = dict[str, Any]
QUOTA_PATH = re.compile(
    r"/v1/projects/(?P<project>[^/]+)/locations/global/services/(?P<service>[^/]+)/quotaInfos/"
    r"(?P<quota>[^/]+)"
)
# Cloud Quotas has an id for each quota of Compute Engine; the family is a dimension of one.
FAMILY_QUOTA = "TPUS-PER-TPU-FAMILY-per-project-region"


def quota_info(project: Project, path: str) -> Json:
    """quotaInfos.get, checked by the types of the client package. Raises ApiError."""
    match = QUOTA_PATH.fullmatch(path)
    if not match:
        raise errors.not_found(path)
    if "cloudquotas.quotas.get" in project.denied:
        raise errors.permission_denied("cloudquotas.quotas.get", f"projects/{project.id}")
    quota = match["quota"]
    rows = []
    for (name, region), value in project.quota.items():
        if quota == FAMILY_QUOTA and "-TPU-" not in name:
            dimensions = {"region": region, "tpu_family": name}
        elif quota == f"{name}-per-project-region":
            dimensions = {"region": region}
        else:
            continue
        rows.append(
            {
                "dimensions": dimensions,
                "details": {"value": str(value)},
                "applicableLocations": [region],
            }
        )
    if not rows and quota != FAMILY_QUOTA and quota != "PREEMPTIBLE-TPU-V6E-per-project-region":
        raise errors.ApiError(404, f"Quota {quota} is not found.")
    metric = quota.split("-per-")[0].lower().replace("-", "_")
    body = {
        "name": path.removeprefix("/v1/"),
        "quotaId": quota,
        "metric": f"compute.googleapis.com/{metric}",
        "service": match["service"],
        "containerType": "PROJECT",
        "dimensions": ["region", "tpu_family"] if quota == FAMILY_QUOTA else ["region"],
        "dimensionsInfos": rows,
    }
    message = resources.QuotaInfo.pb(resources.QuotaInfo())
    json_format.ParseDict(body, message)
    answer: Json = json_format.MessageToDict(message)
    return answer


def skus(project: Project, service: str, query: Json) -> Json:
    """services.skus.list, in pages of two so that readers have to turn them."""
    known = [one for one in project.skus if one["service"] == service]
    start = int(query.get("pageToken") or 0)
    page = [{k: v for k, v in one.items() if k != "service"} for one in known[start : start + 2]]
    token = str(start + 2) if start + 2 < len(known) else ""
    return {"skus": page, "nextPageToken": token}


def log_entries(project: Project, body: Json) -> Json:
    """entries.list: newest first where asked, and those that the filter's log and time name."""
    if "logging.logEntries.list" in project.denied:
        raise errors.ApiError(403, "Permission denied for all log views", "PERMISSION_DENIED")
    if not body.get("resourceNames"):
        raise errors.rule("resource_names must contain at least one resource name.")
    words = body.get("filter", "")
    since = re.search(r'timestamp *>= *"([^"]+)"', words)
    found = [
        one
        for one in project.log_entries
        if one["logName"] in words and (not since or one["timestamp"] >= since[1])
    ]
    found.sort(key=lambda one: one["timestamp"], reverse=body.get("orderBy") == "timestamp desc")
    return {"entries": found[: body.get("pageSize", 50)]}


def services(project: Project, names: list[str]) -> Json:
    """services.batchGet."""
    return {
        "services": [
            {
                "name": f"projects/{NUMBER}/services/{name.rsplit('/', 1)[-1]}",
                "parent": f"projects/{NUMBER}",
                "config": {
                    "name": name.rsplit("/", 1)[-1],
                    "title": TITLES.get(name.rsplit("/", 1)[-1], ""),
                },
                "state": "DISABLED" if name.rsplit("/", 1)[-1] in project.disabled else "ENABLED",
            }
            for name in names
        ]
    }
