# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Are there TPU nodes for the service, or may there be? Pure.

Sources: GKE "About TPUs"; the cluster autoscaler adds nodes of pools that exist or, with node
auto-provisioning, new pools, and the Kubernetes API does not show which: the settings lie in
Google's own API.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.llmd.tpu.plugins.module_utils.findings import Finding
from ansible_collections.llmd.tpu.plugins.module_utils.preflight.plan import Slice
from ansible_collections.llmd.tpu.plugins.module_utils.tpu.chips import (
    Project,
    TpuNode,
    fitting,
    replicas_that_fit,
)
from ansible_collections.llmd.tpu.plugins.module_utils.tpu.quota import FAMILIES, chip_limit
from ansible_collections.llmd.tpu.plugins.module_utils.tpu.topology import generation_of


def check_nodes(wanted: Slice, nodes: Sequence[TpuNode], project: Project | None) -> list[Finding]:
    """Judge whether the replicas find chips; `nodes` do not count the service's own pods."""
    place = f"{wanted.accelerator} {wanted.topology}"
    suitable = fitting(nodes, wanted.accelerator, wanted.topology)
    fit = replicas_that_fit(suitable, wanted.chips)
    if fit >= wanted.replicas:
        return []
    need = f"{wanted.replicas} with {wanted.chips} free chips"
    if suitable:
        states = [f"{node.name}: {node.free} of {node.chips} chips free" for node in suitable]
        return [
            Finding(
                code="TPU-NODES-FULL",
                severity="warning",
                message=f"the nodes of {place} have room for {fit} of {wanted.replicas} replicas; "
                "the rest waits until chips are freed or the autoscaler adds a node",
                subject=f"nodes of {place}",
                found="; ".join(states[:4]),
                expected=need,
                fix="free chips, let the pool grow, or lower model_replicas",
                source="GKE, About TPUs",
            )
        ]
    others = sorted({f"{node.accelerator} {node.topology}" for node in nodes})
    if project is None:
        return [
            Finding(
                code="TPU-NODES-MISSING",
                severity="warning",
                message=f"no node is of {place}, and this is no GKE cluster that could add one",
                subject=f"nodes of {place}",
                found=", ".join(others) or "no TPU node",
                expected=need,
                fix="add nodes with these labels, or change model_accelerator and model_topology",
                source="GKE, About TPUs",
            )
        ]
    return [
        Finding(
            code="TPU-NODES-ADDABLE-UNKNOWN",
            severity="info",
            message=f"no node is of {place} now; whether the autoscaler may add one is set in "
            "Google's API, which the cluster does not show",
            subject=f"nodes of {place}",
            found=", ".join(others) or "no TPU node",
            expected=f"{need}, or a pool of this kind that may grow",
            fix="gcloud container node-pools list shows the pools and their limits",
            source="GKE, Cluster autoscaling",
        )
    ]


def check_quota(
    wanted: Slice,
    nodes: Sequence[TpuNode],
    project: Project,
    answer: Mapping[str, Any] | None,
    problem: str,
) -> list[Finding]:
    """Compare the chips that are still needed with what Google allows, where it could be asked."""
    generation = generation_of(wanted.accelerator)
    family = FAMILIES.get(generation.name, "") if generation else ""
    limit = chip_limit(answer, family, project.region) if answer and family else None
    if limit is None:
        why = problem or "no quota of this TPU generation is known by name"
        return [
            Finding(
                code="TPU-QUOTA-NOT-ASKED",
                severity="info",
                message="how many chips the quota still allows is not known",
                subject=f"project {project.project}, region {project.region}",
                found=why,
                expected="credentials that may read quotas (roles/cloudquotas.viewer)",
                fix="set GOOGLE_APPLICATION_CREDENTIALS where the task runs, or look at "
                "IAM & Admin, Quotas in the console",
                source="Cloud Quotas API",
            )
        ]
    present = [node for node in nodes if node.accelerator == wanted.accelerator]
    here = sum(node.chips for node in present)
    suitable = fitting(nodes, wanted.accelerator, wanted.topology)
    more = max(wanted.replicas - replicas_that_fit(suitable, wanted.chips), 0) * wanted.chips
    if more <= limit - here:
        return []
    return [
        Finding(
            code="TPU-QUOTA-TOO-SMALL",
            severity="warning",
            message=f"{more} more chips are needed; the quota of the region allows {limit}, of "
            f"which this cluster holds {here} (other clusters are not counted)",
            subject=f"project {project.project}, region {project.region}",
            found=f"{limit - here} left",
            expected=f"{more}",
            fix="ask for more quota (Compute Engine API, TPUs per TPU family), use another "
            "region, or free chips",
            source="Cloud Quotas API; GKE, Plan TPUs in GKE",
        )
    ]
