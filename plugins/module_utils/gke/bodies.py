# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The bodies that create a cluster and its pools. Pure.

Sources: the discovery document of container.v1 (field names), GKE "About TPUs" (a single-host pool
takes its topology from the machine type and refuses one of its own; a multi-host pool is placed
compactly), GoogleCloudPlatform/cluster-toolkit and Google's GKE skills (flex-start).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.llmd.tpu.plugins.module_utils.gke.wishes import Pool, Wish

Json = dict[str, Any]
_SCOPES = ["https://www.googleapis.com/auth/cloud-platform"]
# Webhooks of KServe and Istio. GKE opens 443 and 10250 by itself, the port of cert-manager's.
WEBHOOK_PORTS = ("9443", "15017")


def cluster_body(wish: Wish, labels: Mapping[str, str]) -> Json:
    """A Standard cluster with its CPU pool; the TPU pool is made on its own afterwards.

    So a zone without TPUs costs the pool and not the cluster.
    """
    addresses: Json = {"useIpAliases": True}
    if wish.pods_range:
        addresses["clusterIpv4CidrBlock"] = wish.pods_range
    if wish.services_range:
        addresses["servicesIpv4CidrBlock"] = wish.services_range
    body: Json = {
        "name": wish.name,
        "ipAllocationPolicy": addresses,
        "workloadIdentityConfig": {"workloadPool": workload_pool(wish)},
        "resourceLabels": dict(labels),
    }
    if wish.channel:
        body["releaseChannel"] = {"channel": wish.channel.upper()}
    if wish.version:
        body["initialClusterVersion"] = wish.version
    for key, value in (("network", wish.network), ("subnetwork", wish.subnetwork)):
        if value:
            body[key] = value
    if wish.private:
        body["privateClusterConfig"] = {
            "enablePrivateNodes": True,
            "masterIpv4CidrBlock": wish.control_plane_cidr,
        }
    if wish.system:
        body["nodePools"] = [pool_body(wish, wish.system, labels)]
    return body


def pool_body(wish: Wish, pool: Pool, labels: Mapping[str, str]) -> Json:
    """One node pool."""
    config: Json = {
        "machineType": pool.machine_type,
        "diskSizeGb": pool.disk_gb,
        "oauthScopes": _SCOPES,
        "workloadMetadataConfig": {"mode": "GKE_METADATA"},
        "resourceLabels": dict(labels),
        **buying(pool),
    }
    if pool.image_streaming or pool.cache_image:
        # A disk with images in it is read through image streaming.
        config["gcfsConfig"] = {"enabled": True}
    if pool.cache_image:
        config["secondaryBootDisks"] = [
            {"diskImage": pool.cache_image, "mode": "CONTAINER_IMAGE_CACHE"}
        ]
    if wish.guarded:
        config["tags"] = [wish.tag]
    body: Json = {
        "name": pool.name,
        "initialNodeCount": 0 if pool.mode in ("flex-start", "queued") else pool.nodes,
        "config": config,
        "autoscaling": scaling_body(pool),
        "management": management_body(pool),
    }
    if pool.zones:
        body["locations"] = sorted(pool.zones)
    if pool.slices and not pool.slices.single_host:
        body["placementPolicy"] = {"type": "COMPACT", "tpuTopology": pool.slices.topology}
    if pool.mode == "queued":
        body["queuedProvisioning"] = {"enabled": True}
    return body


def buying(pool: Pool) -> Json:
    """The part of a node's configuration that says how it is bought."""
    if pool.mode == "spot":
        return {"spot": True}
    if pool.mode == "flex-start":
        return {"flexStart": True}
    if pool.mode == "reservation":
        return {
            "reservationAffinity": {
                "consumeReservationType": "SPECIFIC_RESERVATION",
                "key": "compute.googleapis.com/reservation-name",
                "values": [pool.reservation],
            }
        }
    return {}


def scaling_body(pool: Pool) -> Json:
    """The limits of the autoscaler, over all zones."""
    if not pool.scaling:
        return {"enabled": False}
    least, most = pool.scaling
    return {
        "enabled": True,
        "totalMinNodeCount": least,
        "totalMaxNodeCount": most,
        "locationPolicy": "ANY",
    }


def management_body(pool: Pool) -> Json:
    """Upgrades and repair; flex-start goes without repair."""
    return {"autoUpgrade": True, "autoRepair": pool.mode != "flex-start"}


def workload_pool(wish: Wish) -> str:
    """The pool of Workload Identity, of which a project has one."""
    return f"{wish.project}.svc.id.goog"


def firewall_body(wish: Wish, cluster: Mapping[str, Any]) -> Json:
    """The rule that lets the control plane of private nodes reach webhooks."""
    private = cluster.get("privateClusterConfig") or {}
    source = private.get("masterIpv4CidrBlock") or wish.control_plane_cidr
    network = (cluster.get("networkConfig") or {}).get("network") or (
        f"projects/{wish.project}/global/networks/{wish.network or 'default'}"
    )
    return {
        "name": wish.firewall,
        "description": f"llmd.tpu: webhooks of GKE cluster {wish.name}",
        "network": network,
        "direction": "INGRESS",
        "sourceRanges": [source],
        "targetTags": [wish.tag],
        "allowed": [{"IPProtocol": "tcp", "ports": list(WEBHOOK_PORTS)}],
    }
