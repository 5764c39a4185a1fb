# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a removed cluster leaves behind that still costs, from Compute Engine's listings. Pure.

Sources: GKE "Persistent volumes" (its disks carry the label goog-k8s-cluster-name), the service
controller of cloud-provider-gcp (a forwarding rule's description names the Service).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ansible_collections.llmd.tpu.plugins.module_utils.findings import Finding

Resource = Mapping[str, Any]
_CLUSTER_LABEL = "goog-k8s-cluster-name"


def leftovers(
    cluster: str,
    disks: Iterable[tuple[str, Resource]],
    rules: Iterable[tuple[str, Resource]],
    addresses: Iterable[tuple[str, Resource]],
) -> Iterator[Finding]:
    """Name them. Each resource comes with its place, such as "zones/europe-west4-a"."""
    for place, disk in disks:
        if (disk.get("labels") or {}).get(_CLUSTER_LABEL) == cluster and not disk.get("users"):
            yield Finding(
                code="CLUSTER-LEFT-DISK",
                severity="warning",
                message=f"a disk of the cluster is still there ({disk.get('sizeGb')} GB), used by "
                "nobody",
                subject=f"disk {disk['name']}",
                path=place,
                expected="no disk of a removed cluster",
                fix=f"gcloud compute disks delete {disk['name']}, when its data is not needed",
                source="GKE, Persistent volumes",
            )
    for place, rule in rules:
        description = str(rule.get("description", ""))
        if "kubernetes.io/service-name" in description:
            yield Finding(
                code="CLUSTER-LEFT-LOAD-BALANCER",
                severity="warning",
                message="a load balancer made for a Service of Kubernetes is there; whose cluster "
                "it was, Google does not say",
                subject=f"forwarding rule {rule['name']}",
                path=place,
                found=f"{rule.get('IPAddress', '')} {description}",
                expected="none, if no other cluster of the project has this Service",
                fix="delete it with its target pool or backend service, when no cluster has it",
                source="cloud-provider-gcp, service controller",
            )
    for place, address in addresses:
        if address.get("status") == "RESERVED":
            yield Finding(
                code="CLUSTER-LEFT-ADDRESS",
                severity="info",
                message="a reserved address that nobody uses is billed",
                subject=f"address {address['name']}",
                path=place,
                found=str(address.get("address", "")),
                fix="release it, if it was for this cluster",
                source="Compute Engine, IP addresses",
            )
