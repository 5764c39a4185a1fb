# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Read what may cost money in a cluster, and name it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from ansible_collections.llmd.tpu.plugins.module_utils.connection import (
    ConnectionLost,
    ConnectionProblem,
    Session,
    connect,
    connection_options,
)
from ansible_collections.llmd.tpu.plugins.module_utils.costs.costs import PHASE_LABEL, costs
from ansible_collections.llmd.tpu.plugins.module_utils.findings import report
from ansible_collections.llmd.tpu.plugins.module_utils.manifests.client import (
    Api,
    ApiError,
    first_contact,
)

Object = Mapping[str, Any]
_LISTED = {
    "nodes": ("v1", "Node"),
    "services": ("v1", "Service"),
    "volumes": ("v1", "PersistentVolume"),
    "gateways": ("gateway.networking.k8s.io/v1", "Gateway"),
}


def argument_spec() -> dict[str, Any]:
    """Give the options of the task: those of the connection."""
    return connection_options()


def run(
    parameters: Mapping[str, Any],
    *,
    check: bool,
    open_session: Callable[[Mapping[str, Any]], Session] = connect,
) -> dict[str, Any]:
    """Name what costs; in check mode leave out what a removal would take along."""
    try:
        api = Api(open_session(parameters))
        first_contact(api)
    except ConnectionProblem as problem:
        return {"failed": True, "changed": False, "msg": str(problem)}
    refused: list[str] = []

    def listed(what: str) -> list[Object]:
        kind = api.kind(*_LISTED[what])
        if kind is None:
            return []
        try:
            return list((api.get(kind.path()) or {}).get("items") or ())
        except (ApiError, ConnectionLost) as problem:
            refused.append(f"{what} could not be looked at: {problem}")
            return []

    with ThreadPoolExecutor(len(_LISTED)) as pool:
        seen = dict(zip(_LISTED, pool.map(listed, _LISTED), strict=True))
    going = [
        (str(one["metadata"].get("namespace")), str(one["metadata"].get("name")))
        for one in seen["gateways"]
        if check and PHASE_LABEL in (one["metadata"].get("labels") or {})
    ]
    findings = costs(seen["nodes"], seen["services"], seen["volumes"], going)
    return {
        "changed": False,
        "findings": [finding.to_dict() for finding in findings],
        "report": [*report(findings), *sorted(refused)],
    }
