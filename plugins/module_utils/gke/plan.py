# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What to do next: the live cluster beside the one that is asked for. Pure.

Sources: the discovery document of container.v1. What `UpdateNodePoolRequest` and
`ClusterUpdate` have a field for can be changed in place; what they lack cannot be changed at all.
One request changes one thing, and one operation has the cluster at a time.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.llmd.tpu.plugins.module_utils.findings import Finding
from ansible_collections.llmd.tpu.plugins.module_utils.gke.bodies import (
    cluster_body,
    firewall_body,
    management_body,
    pool_body,
    scaling_body,
    workload_pool,
)
from ansible_collections.llmd.tpu.plugins.module_utils.gke.wishes import (
    EXPIRES_LABEL,
    PHASE,
    PHASE_LABEL,
    PROTECTED_LABEL,
    Pool,
    Wish,
)
from ansible_collections.llmd.tpu.plugins.module_utils.tpu.machines import MACHINES

Json = dict[str, Any]
Live = Mapping[str, Any]
_GKE = "projects.locations.clusters"


@dataclass(frozen=True)
class Step:
    """One request that changes something, and the difference that it takes away."""

    words: str
    api: str
    method: str
    arguments: Json
    before: Any = None
    after: Any = None
    chips: int = 0
    """TPU chips that it may add."""


@dataclass(frozen=True)
class Seen:
    """What is there. `sizes` are the nodes a zone of each pool, by name."""

    cluster: Live | None = None
    sizes: Mapping[str, int] = field(default_factory=dict)
    firewall: Live | None = None

    @property
    def pools(self) -> dict[str, Live]:
        """The pools by name."""
        found = (self.cluster or {}).get("nodePools") or ()
        return {pool["name"]: pool for pool in found}


@dataclass(frozen=True)
class Plan:
    """The steps, in order, and what stands in their way."""

    steps: tuple[Step, ...] = ()
    findings: tuple[Finding, ...] = ()


def is_ours(labels: Mapping[str, str] | None) -> bool:
    """Whether the phase made what carries these labels."""
    return (labels or {}).get(PHASE_LABEL) == PHASE


def wanted_labels(wish: Wish, live: Mapping[str, str], expires: str) -> dict[str, str]:
    """Our labels beside those of others. A date once given stays until it is given anew."""
    labels = {**live, **wish.labels}
    labels.update({PROTECTED_LABEL: "true" if wish.protected else "false"})
    if expires:
        labels.setdefault(EXPIRES_LABEL, expires)
    return labels


def plan_present(wish: Wish, seen: Seen, expires: str, *, recreate: bool) -> Plan:
    """Bring about what is asked for."""
    cluster = seen.cluster
    if cluster is None:
        if wish.existing:
            return Plan(findings=(_missing(wish),))
        return Plan(tuple(_from_nothing(wish, expires)))
    ours = is_ours(cluster.get("resourceLabels"))
    if not wish.existing and not ours:
        return Plan(findings=(_foreign(wish, cluster),))
    again = (_delete_cluster(wish, cluster), *_from_nothing(wish, expires))
    if not wish.existing and cluster.get("status") == "ERROR":
        # Without an address it was only half made, and nobody's work is in it.
        if not cluster.get("endpoint") or (recreate and not wish.protected):
            return Plan(again)
        return Plan(findings=(_broken(wish, cluster),))
    findings: list[Finding] = []
    steps: list[Step] = []
    fixed: list[Finding] = []
    if not wish.existing:
        steps += _cluster_steps(wish, cluster, expires)
        fixed += _fixed_in_cluster(wish, cluster)
        if fixed and recreate:
            return Plan(findings=(_protected(wish),)) if wish.protected else Plan(again)
        findings += fixed
    autopilot = (cluster.get("autopilot") or {}).get("enabled")
    if autopilot:
        findings.append(_autopilot(wish))
        return Plan(tuple(steps), tuple(findings))
    findings += _fitness(wish, seen, cluster)
    for pool in (None if wish.existing else wish.system, wish.tpu):
        if pool:
            more = _pool_plan(wish, seen, pool, recreate=recreate)
            steps += more.steps
            findings += more.findings
    steps += _firewall_steps(wish, seen, cluster)
    if wish.existing and (cluster.get("privateClusterConfig") or {}).get("enablePrivateNodes"):
        findings.append(_private_of_others(wish, cluster))
    return Plan(tuple(steps), tuple(findings))


def _fitness(wish: Wish, seen: Seen, cluster: Live) -> Iterator[Finding]:
    """Whether TPU nodes can be used in this cluster."""
    if not (wish.tpu and wish.tpu.slices):
        return
    version = str(cluster.get("currentMasterVersion", ""))
    minimum = wish.tpu.slices.generation.minimum
    if minimum and version and numbers_of(version) < numbers_of(minimum):
        yield Finding(
            code="CLUSTER-GKE-OLD-FOR-TPU",
            severity="warning",
            message="Google names a newer GKE as the first with TPU "
            f"{wish.tpu.slices.generation.name}",
            subject=wish.full_name,
            found=version,
            expected=f"{minimum} or newer",
            fix="upgrade the control plane (cluster_version), then the pools",
            source="GKE tutorials and Ray's documentation; smaller machine types may be older",
        )
    if wish.existing and not any(
        machine_chips(str((pool.get("config") or {}).get("machineType", ""))) == 0
        for pool in seen.pools.values()
    ):
        yield Finding(
            code="CLUSTER-NO-CPU-POOL",
            severity="error",
            message="the cluster has no node pool without TPUs, on which system pods and the "
            "operators run",
            subject=wish.full_name,
            found=", ".join(seen.pools) or "no pool",
            expected="at least one pool of ordinary machines",
            fix="add one, e.g. of e2-standard-8",
            source="GKE, About TPUs",
        )


def machine_chips(name: str) -> int:
    """TPU chips of a machine type; 0 for one that is no TPU machine."""
    return next((one.chips for one in MACHINES if one.name == name), 0)


def plan_absent(wish: Wish, seen: Seen) -> Plan:
    """Take away what the phase made: TPU nodes first, for they cost most."""
    cluster = seen.cluster
    steps: list[Step] = []
    if cluster is not None:
        if wish.existing:
            # Not every pool of ours: the cluster, with its pool for the system, may be ours too.
            pool = seen.pools.get(wish.tpu.name) if wish.tpu else None
            if pool and is_ours((pool.get("config") or {}).get("resourceLabels")):
                steps.append(_delete_pool(wish, pool))
            return Plan(tuple(steps))
        if not is_ours(cluster.get("resourceLabels")):
            return Plan(findings=(_foreign(wish, cluster),))
        if (cluster.get("resourceLabels") or {}).get(PROTECTED_LABEL) == "true":
            return Plan(findings=(_protected(wish),))
        tpu = wish.tpu.name if wish.tpu else "tpu"
        steps += [_delete_pool(wish, pool) for name, pool in seen.pools.items() if name == tpu]
        steps.append(_delete_cluster(wish, cluster))
    if seen.firewall is not None and not wish.existing:
        steps.append(
            Step(
                f"delete firewall rule {wish.firewall}",
                "compute",
                "firewalls.delete",
                {"project": wish.project, "firewall": wish.firewall},
                before=seen.firewall.get("allowed"),
            )
        )
    return Plan(tuple(steps))


def _from_nothing(wish: Wish, expires: str) -> Iterator[Step]:
    labels = wanted_labels(wish, {}, expires)
    body = cluster_body(wish, labels)
    yield Step(
        f"create cluster {wish.name} in {wish.location}",
        "container",
        f"{_GKE}.create",
        {"parent": wish.parent, "body": {"cluster": body}},
        after=body,
    )
    if wish.tpu:
        yield _create_pool(wish, wish.tpu)
    yield from _firewall_steps(wish, Seen(), {})


def _cluster_steps(wish: Wish, cluster: Live, expires: str) -> Iterator[Step]:
    """What of a cluster can be changed while it runs."""
    labels = cluster.get("resourceLabels") or {}
    wanted = wanted_labels(wish, labels, expires)
    if wanted != labels:
        yield Step(
            f"set labels of cluster {wish.name}",
            "container",
            f"{_GKE}.setResourceLabels",
            {
                "name": wish.full_name,
                "body": {
                    "resourceLabels": wanted,
                    "labelFingerprint": cluster.get("labelFingerprint", ""),
                },
            },
            before=dict(labels),
            after=wanted,
        )
    channel = (cluster.get("releaseChannel") or {}).get("channel", "")
    if wish.channel and wish.channel.upper() != channel:
        yield _update(
            wish,
            "release channel",
            {"desiredReleaseChannel": {"channel": wish.channel.upper()}},
            channel,
            wish.channel.upper(),
        )
    identity = (cluster.get("workloadIdentityConfig") or {}).get("workloadPool", "")
    if identity != workload_pool(wish):
        yield _update(
            wish,
            "Workload Identity",
            {"desiredWorkloadIdentityConfig": {"workloadPool": workload_pool(wish)}},
            identity,
            workload_pool(wish),
        )
    live = str(cluster.get("currentMasterVersion", ""))
    if wish.version and not live.startswith(wish.version) and not _older(wish.version, live):
        yield _update(wish, "version", {"desiredMasterVersion": wish.version}, live, wish.version)


def _older(wanted: str, live: str) -> bool:
    one, other = numbers_of(wanted), numbers_of(live)
    return bool(one) and one < other[: len(one)]


def numbers_of(version: str) -> tuple[int, ...]:
    """The numbers of a GKE version: (1, 33, 7, 1132000) of 1.33.7-gke.1132000."""
    return tuple(int(one) for one in re.findall(r"[0-9]+", version))


def _update(wish: Wish, what: str, update: Json, before: str, after: str) -> Step:
    return Step(
        f"change {what} of cluster {wish.name}",
        "container",
        f"{_GKE}.update",
        {"name": wish.full_name, "body": {"update": update}},
        before=before,
        after=after,
    )


def _fixed_in_cluster(wish: Wish, cluster: Live) -> Iterator[Finding]:
    """What differs and cannot be changed."""
    addresses = cluster.get("ipAllocationPolicy") or {}
    private = (cluster.get("networkConfig") or {}).get("defaultEnablePrivateNodes") or (
        cluster.get("privateClusterConfig") or {}
    ).get("enablePrivateNodes", False)
    live = str(cluster.get("currentMasterVersion", ""))
    pairs = (
        ("network", _last(wish.network), _last(str(cluster.get("network", "")))),
        ("subnetwork", _last(wish.subnetwork), _last(str(cluster.get("subnetwork", "")))),
        ("pods_range", wish.pods_range, addresses.get("clusterIpv4CidrBlock", "")),
        ("services_range", wish.services_range, addresses.get("servicesIpv4CidrBlock", "")),
        ("private_nodes", str(wish.private), str(bool(private))),
        ("version", wish.version if _older(wish.version, live) else "", live),
    )
    for name, wanted, there in pairs:
        if wanted and wanted != there:
            reason = (
                "GKE does not go back to an older version"
                if name == "version"
                else "GKE sets it when it makes a cluster"
            )
            yield _fixed(f"cluster {wish.name}", name, there, wanted, reason)


def _pool_plan(wish: Wish, seen: Seen, pool: Pool, *, recreate: bool) -> Plan:
    live = seen.pools.get(pool.name)
    if live is None:
        return Plan((_create_pool(wish, pool, seen.cluster),))
    config = live.get("config") or {}
    if not is_ours(config.get("resourceLabels")):
        return Plan(findings=(_foreign_pool(wish, pool),))
    again = (_delete_pool(wish, live), _create_pool(wish, pool, seen.cluster))
    if live.get("status") == "ERROR":
        # It has never had a node: GKE keeps what it could not make.
        return Plan(again)
    fixed = list(_fixed_in_pool(wish, pool, live))
    if fixed:
        return Plan(again) if recreate else Plan(findings=tuple(fixed))
    return Plan(tuple(_pool_steps(wish, pool, live, seen.sizes.get(pool.name))))


def _fixed_in_pool(wish: Wish, pool: Pool, live: Live) -> Iterator[Finding]:
    config = live.get("config") or {}
    policy = live.get("placementPolicy") or {}
    topology = ""
    if pool.slices and not pool.slices.single_host:
        topology = pool.slices.topology
    disks = [_last(str(one.get("diskImage"))) for one in config.get("secondaryBootDisks") or ()]
    there = str(policy.get("tpuTopology", ""))
    if pool.slices and pool.slices.single_host and there == pool.slices.topology:
        there = ""
    pairs = (
        ("machine_type", pool.machine_type, config.get("machineType", "")),
        ("topology", topology, there),
        ("mode", pool.mode, _mode_of(live)),
        ("reservation", _last(pool.reservation), _reservation_of(live)),
        ("cache_image", [_last(pool.cache_image)] if pool.cache_image else [], disks),
        ("zones", sorted(pool.zones) or live.get("locations"), live.get("locations")),
        ("disk_gb", pool.disk_gb, config.get("diskSizeGb", pool.disk_gb)),
    )
    for name, wanted, found in pairs:
        if wanted != found:
            reason = (
                "GKE would replace every node, and a TPU machine that is given back may not come "
                "again"
                if name in ("zones", "disk_gb", "machine_type")
                else "the API has no field to change it"
            )
            yield _fixed(
                f"node pool {pool.name} of cluster {wish.name}", name, found, wanted, reason
            )


def _mode_of(live: Live) -> str:
    config = live.get("config") or {}
    if config.get("spot"):
        return "spot"
    if config.get("flexStart"):
        return "flex-start"
    if (live.get("queuedProvisioning") or {}).get("enabled"):
        return "queued"
    return "reservation" if _reservation_of(live) else "on-demand"


def _reservation_of(live: Live) -> str:
    """The reservation that a pool is of: the others may say ANY or NO."""
    affinity = (live.get("config") or {}).get("reservationAffinity") or {}
    if affinity.get("consumeReservationType") != "SPECIFIC_RESERVATION":
        return ""
    return _last(str((affinity.get("values") or [""])[0]))


def _pool_steps(wish: Wish, pool: Pool, live: Live, size: int | None) -> Iterator[Step]:
    """What of a pool can be changed in place, less before more."""
    name = f"{wish.full_name}/nodePools/{pool.name}"
    labels = (live.get("config") or {}).get("resourceLabels") or {}
    mine = {key: one for key, one in labels.items() if not key.startswith("goog-")}
    if any(mine.get(key) != one for key, one in wish.labels.items()):
        yield Step(
            f"set labels of node pool {pool.name}",
            "container",
            f"{_GKE}.nodePools.update",
            {"name": name, "body": {"resourceLabels": {"labels": {**mine, **wish.labels}}}},
            before=mine,
            after={**mine, **wish.labels},
        )
    scaling = scaling_body(pool)
    there = live.get("autoscaling") or {}
    if any(there.get(key, False if key == "enabled" else 0) != one for key, one in scaling.items()):
        yield Step(
            f"change autoscaling of node pool {pool.name}",
            "container",
            f"{_GKE}.nodePools.setAutoscaling",
            {"name": name, "body": {"autoscaling": scaling}},
            before=dict(there),
            after=scaling,
            chips=pool.chips_per_node * pool.most_nodes if pool.scaling else 0,
        )
    repair = (live.get("management") or {}).get("autoRepair", False)
    wanted = management_body(pool)
    if repair != wanted["autoRepair"]:
        yield Step(
            f"change management of node pool {pool.name}",
            "container",
            f"{_GKE}.nodePools.setManagement",
            {"name": name, "body": {"management": wanted}},
            before=dict(live.get("management") or {}),
            after=wanted,
        )
    # The autoscaler decides how many nodes there are; only a stop overrules it.
    if size is not None and size != pool.nodes and (not pool.scaling or pool.nodes == 0):
        yield Step(
            f"resize node pool {pool.name} from {size} to {pool.nodes}",
            "container",
            f"{_GKE}.nodePools.setSize",
            {"name": name, "body": {"nodeCount": pool.nodes}},
            before={"nodes": size},
            after={"nodes": pool.nodes},
            chips=max(pool.nodes - size, 0) * pool.chips_per_node,
        )


def _create_pool(wish: Wish, pool: Pool, cluster: Live | None = None) -> Step:
    body = pool_body(wish, pool, {**wish.labels})
    if wish.existing and not ((cluster or {}).get("workloadIdentityConfig") or {}):
        # GKE refuses its metadata server where the cluster has no Workload Identity.
        del body["config"]["workloadMetadataConfig"]
    return Step(
        f"create node pool {pool.name} of {pool.machine_type}",
        "container",
        f"{_GKE}.nodePools.create",
        {"parent": wish.full_name, "body": {"nodePool": body}},
        after=body,
        chips=pool.chips_per_node * pool.most_nodes,
    )


def _delete_pool(wish: Wish, live: Live) -> Step:
    return Step(
        f"delete node pool {live['name']}",
        "container",
        f"{_GKE}.nodePools.delete",
        {"name": f"{wish.full_name}/nodePools/{live['name']}"},
        before={"machineType": (live.get("config") or {}).get("machineType")},
    )


def _delete_cluster(wish: Wish, cluster: Live) -> Step:
    return Step(
        f"delete cluster {wish.name}",
        "container",
        f"{_GKE}.delete",
        {"name": wish.full_name},
        before={"resourceLabels": cluster.get("resourceLabels")},
    )


def _firewall_steps(wish: Wish, seen: Seen, cluster: Live) -> Iterator[Step]:
    if not wish.guarded:
        return
    body = firewall_body(wish, cluster)
    if seen.firewall is None:
        yield Step(
            f"create firewall rule {wish.firewall}",
            "compute",
            "firewalls.insert",
            {"project": wish.project, "body": body},
            after=body,
        )
        return
    keys = ("sourceRanges", "targetTags", "allowed")
    if any(seen.firewall.get(key) != body[key] for key in keys):
        yield Step(
            f"change firewall rule {wish.firewall}",
            "compute",
            "firewalls.patch",
            {"project": wish.project, "firewall": wish.firewall, "body": body},
            before={key: seen.firewall.get(key) for key in keys},
            after={key: body[key] for key in keys},
        )


def _last(name: str) -> str:
    return name.rsplit("/", 1)[-1]


def _fixed(subject: str, name: str, there: Any, wanted: Any, reason: str) -> Finding:
    return Finding(
        code="CLUSTER-IMMUTABLE",
        severity="error",
        message=f"{name} cannot be changed: {reason}",
        subject=subject,
        path=name,
        found=str(there or "nothing"),
        expected=str(wanted or "nothing"),
        fix="take the live value, or set cluster_recreate: true: it is deleted and made anew",
        source="container.v1, discovery document",
    )


def _missing(wish: Wish) -> Finding:
    return Finding(
        code="CLUSTER-MISSING",
        severity="error",
        message="the cluster is said to exist and is not there",
        subject=wish.full_name,
        found="HTTP 404",
        expected="a running cluster of this name",
        fix="check cluster_name and cluster_location, or let the phase make it "
        "(cluster_existing: false)",
        source="GKE API",
    )


def _foreign(wish: Wish, cluster: Live) -> Finding:
    return Finding(
        code="CLUSTER-FOREIGN",
        severity="error",
        message="a cluster of this name is there, and somebody else made it",
        subject=wish.full_name,
        found=f"labels {dict(cluster.get('resourceLabels') or {})}",
        expected=f"label {PHASE_LABEL}={PHASE}",
        fix="use it as it is (cluster_existing: true), or take another name; it is never changed "
        "or removed",
        source="GKE API",
    )


def _foreign_pool(wish: Wish, pool: Pool) -> Finding:
    return Finding(
        code="CLUSTER-POOL-FOREIGN",
        severity="error",
        message="a node pool of this name is there, and somebody else made it",
        subject=f"{wish.full_name}/nodePools/{pool.name}",
        expected=f"label {PHASE_LABEL}={PHASE} in its config.resourceLabels",
        fix="take another name (cluster_tpu_pool_name), or leave the pool to its owner "
        "(cluster_tpu: false)",
        source="GKE API",
    )


def _broken(wish: Wish, cluster: Live) -> Finding:
    return Finding(
        code="CLUSTER-BROKEN",
        severity="error",
        message="GKE says that the cluster cannot be used any more",
        subject=wish.full_name,
        found=str(cluster.get("statusMessage") or cluster.get("status")),
        expected="RUNNING",
        fix="ask Google's support, or make it anew with cluster_recreate: true and "
        "cluster_deletion_protection: false, which loses all that is in it",
        source="container.v1, discovery document (Cluster.status)",
    )


def _protected(wish: Wish) -> Finding:
    return Finding(
        code="CLUSTER-PROTECTED",
        severity="error",
        message="the cluster is protected against deletion",
        subject=wish.full_name,
        found=f"label {PROTECTED_LABEL}=true",
        expected="false",
        fix="set cluster_deletion_protection: false; for a removal run the phase once with it "
        "first. GKE has no such protection of its own: the label stops this collection only",
        source="container.v1, discovery document (no deletionProtection)",
    )


def _autopilot(wish: Wish) -> Finding:
    return Finding(
        code="CLUSTER-AUTOPILOT",
        severity="error" if wish.tpu else "warning",
        message="the cluster is an Autopilot cluster: GKE makes TPU nodes for pods by itself and "
        "refuses node pools; Gateway API is on with GKE's own CRDs; privileged pods are refused",
        subject=wish.full_name,
        expected="a Standard cluster, on which this collection is tested",
        fix="set cluster_tpu: false to use it as it is, or take a Standard cluster",
        source="GKE, Autopilot overview; About privileged workloads in Autopilot",
    )


def _private_of_others(wish: Wish, cluster: Live) -> Finding:
    source = (cluster.get("privateClusterConfig") or {}).get("masterIpv4CidrBlock", "unknown")
    return Finding(
        code="CLUSTER-WEBHOOKS-BLOCKED",
        severity="warning",
        message="its nodes are private and its firewall is not ours: webhooks time out unless the "
        "control plane may reach ports 9443 and 15017",
        subject=wish.full_name,
        found=f"control plane {source}",
        expected="a rule that lets it reach the nodes on tcp:9443,15017",
        fix=f"allow tcp:9443,15017 from {source} to the nodes, if no rule does so yet",
        source="GKE, Private clusters (firewall rules for webhooks)",
    )
