# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A pool's status that nobody keeps up to date any more. Pure.

A gateway's controller writes into an InferencePool that it accepts it. When Istio goes to a version
that does not serve the pool's API group, or the Gateway goes, nobody takes that back: the pool
looks accepted, and requests get 500 [run: Istio 1.28.3 to 1.26.2].
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ansible_collections.llmd.tpu.plugins.module_utils.findings import Finding
from ansible_collections.llmd.tpu.plugins.module_utils.operators.objects import Document, title


def check_pools(
    pools: Sequence[Document],
    gateways: Sequence[Document],
    served: Sequence[str] | None,
    istio_version: str,
) -> Iterator[Finding]:
    """Is each parent in a pool's status one that serves it? `served` None: nobody knows."""
    known = {
        (gateway["metadata"]["namespace"], gateway["metadata"]["name"]) for gateway in gateways
    }
    for pool in pools:
        group = str(pool.get("apiVersion", "")).partition("/")[0]
        for parent in (pool.get("status") or {}).get("parents") or ():
            reference = parent.get("parentRef") or {}
            if reference.get("kind", "Gateway") != "Gateway" or not _accepted(parent):
                continue
            place = (
                str(reference.get("namespace") or pool["metadata"]["namespace"]),
                str(reference.get("name", "")),
            )
            reason = ""
            if place not in known:
                reason = f"Gateway {'/'.join(place)} is gone"
            elif served is not None and group not in served:
                reason = f"Istio {istio_version} serves no InferencePool of group {group}"
            if reason:
                yield _stale(pool, group, place, reason)


def _accepted(parent: Mapping[str, Any]) -> bool:
    return any(
        one.get("type") == "Accepted" and one.get("status") == "True"
        for one in parent.get("conditions") or ()
    )


def _stale(pool: Document, group: str, place: tuple[str, str], reason: str) -> Finding:
    return Finding(
        "OPERATORS-POOL-STATUS-STALE",
        "warning",
        f"the pool says that Gateway {'/'.join(place)} accepts it, which nobody keeps up to date: "
        f"{reason}",
        subject=f"{title(pool)} ({group})",
        path="status.parents",
        fix="go back to an Istio version that serves this group; do not believe Accepted here. "
        "A real request tells (playbook smoke_test)",
        source="upstream Istio 1.28.3 to 1.26.2 [run]",
    )
