# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What of a cluster costs money, as far as its own objects show it. Pure.

Sources: GKE "About TPUs" (a node is billed while it exists, used or not), Kubernetes "Service"
(type LoadBalancer) and "Persistent Volumes" (reclaim policy: with Retain a disk outlives its
claim).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ansible_collections.llmd.tpu.plugins.module_utils.findings import Finding
from ansible_collections.llmd.tpu.plugins.module_utils.tpu.chips import TpuNode, tpu_nodes

PHASE_LABEL = "llmd.tpu/phase"
Object = Mapping[str, Any]


def costs(
    nodes: Iterable[Object],
    services: Iterable[Object],
    volumes: Iterable[Object],
    going: Iterable[tuple[str, str]] = (),
) -> list[Finding]:
    """Name what costs. `going` are Gateways (namespace, name) whose addresses go with them."""
    known = list(nodes)
    tpu = tpu_nodes(known, ())
    return [
        *_tpu(tpu),
        *_addresses(services, set(going)),
        *_disks(volumes),
        *_other_nodes(len(known) - len(tpu)),
    ]


def _tpu(nodes: Iterable[TpuNode]) -> Iterator[Finding]:
    pools: dict[tuple[str, str, str], list[TpuNode]] = {}
    for node in nodes:
        pools.setdefault((node.pool, node.accelerator, node.topology), []).append(node)
    for (pool, accelerator, topology), members in sorted(pools.items()):
        count = f"{len(members)} node{'s' if len(members) > 1 else ''}"
        yield Finding(
            code="COST-TPU-NODES",
            severity="info",
            message=f"{count} of {accelerator} {topology}, {sum(one.chips for one in members)} "
            "chips: billed while they exist, used or not",
            subject=f"pool {pool}" if pool else f"nodes of {accelerator} {topology}",
            found=", ".join(one.name for one in members[:4]) + (", ..." if members[4:] else ""),
            fix="an autoscaled pool gives idle nodes back by itself; else "
            f"gcloud container node-pools resize {pool or 'POOL'} --num-nodes=0, or delete it",
            source="GKE, About TPUs",
        )


def _addresses(services: Iterable[Object], going: set[tuple[str, str]]) -> Iterator[Finding]:
    for service in services:
        if (service.get("spec") or {}).get("type") != "LoadBalancer" or _goes(service, going):
            continue
        status = (service.get("status") or {}).get("loadBalancer") or {}
        found = [one.get("ip") or one.get("hostname") for one in status.get("ingress") or ()]
        yield Finding(
            code="COST-ADDRESS",
            severity="info",
            message="a load balancer and its address: billed while the Service exists",
            subject=f"Service {_place(service)}",
            found=", ".join(str(one) for one in found if one) or "no address yet",
            fix="delete the Service, or the Gateway that owns it, when nobody needs it",
            source="Kubernetes, Service (type LoadBalancer)",
        )


def _disks(volumes: Iterable[Object]) -> Iterator[Finding]:
    for volume in volumes:
        spec = volume.get("spec") or {}
        claim = spec.get("claimRef") or {}
        place = f"{claim.get('namespace')}/{claim.get('name')}" if claim else "nobody"
        yield Finding(
            code="COST-DISK",
            severity="info",
            message=f"a disk of {(spec.get('capacity') or {}).get('storage', 'unknown size')}, "
            f"claimed by {place}; reclaim policy {spec.get('persistentVolumeReclaimPolicy')}",
            subject=f"PersistentVolume {volume['metadata'].get('name')}",
            found=str((volume.get("status") or {}).get("phase", "")),
            fix="delete the claim; with the policy Retain delete volume and disk by hand as well",
            source="Kubernetes, Persistent Volumes (reclaiming)",
        )


def _other_nodes(count: int) -> Iterator[Finding]:
    if count > 0:
        yield Finding(
            code="COST-CLUSTER",
            severity="info",
            message=f"the cluster itself and its {count} other node{'s' if count > 1 else ''}",
            subject="the cluster",
            fix="delete the cluster when nothing else runs in it",
        )


def _goes(service: Object, going: set[tuple[str, str]]) -> bool:
    """Whether a Service belongs to one of the Gateways that go."""
    metadata = service["metadata"]
    return any(
        owner.get("kind") == "Gateway"
        and (str(metadata.get("namespace")), str(owner.get("name"))) in going
        for owner in metadata.get("ownerReferences") or ()
    )


def _place(item: Object) -> str:
    return f"{item['metadata'].get('namespace')}/{item['metadata'].get('name')}"
