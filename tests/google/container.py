# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""GKE: clusters and node pools, in the shape in which the API answers."""

from __future__ import annotations

import base64
import copy
import hashlib
import json
import math
from collections.abc import Callable, Mapping
from typing import Any

from tests.google import errors
from tests.google.operations import HOST, Operations
from tests.google.project import Project, region_of, stamp

Json = dict[str, Any]
VERSIONS = ("1.34.4-gke.1047000", "1.33.7-gke.1132000", "1.32.11-gke.1020000")
_CHIPS = {"1t": 1, "2t": 2, "4t": 4, "8t": 8}
_ZONES = {
    "europe-west4": ("a", "b", "c"),
    "us-east5": ("a", "b", "c"),
    "us-central1": ("a", "b", "c", "f"),
}


def chips_of_machine(machine: str) -> int:
    """TPU chips of a machine type; 0 for one without."""
    family = machine.split("-")[0]
    return _CHIPS[machine.rsplit("-", 1)[-1]] if family.startswith(("ct", "tpu")) else 0


class Container:
    """container.googleapis.com."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.operations = Operations(project)
        self.clusters: dict[str, Json] = {}
        self.sizes: dict[str, int] = {}
        """Nodes by instance group manager (its link)."""
        self.requests: list[tuple[str, str]] = []
        """What was changed: method id and target."""

    # Reading

    def get_cluster(self, values: Mapping[str, str], _body: Json) -> Json:
        """projects.locations.clusters.get."""
        self._need("container.clusters.get")
        return copy.deepcopy(self._cluster(values))

    def list_clusters(self, values: Mapping[str, str], _body: Json) -> Json:
        """projects.locations.clusters.list."""
        self._need("container.clusters.list")
        place = values["locationsId"]
        found = [one for one in self.clusters.values() if place in ("-", one["location"])]
        return {"clusters": copy.deepcopy(found)} if found else {}

    def get_pool(self, values: Mapping[str, str], _body: Json) -> Json:
        """projects.locations.clusters.nodePools.get."""
        self._need("container.clusters.get")
        return copy.deepcopy(self._pool(values))

    def list_pools(self, values: Mapping[str, str], _body: Json) -> Json:
        """projects.locations.clusters.nodePools.list."""
        self._need("container.clusters.get")
        return {"nodePools": copy.deepcopy(self._cluster(values)["nodePools"])}

    def get_operation(self, values: Mapping[str, str], _body: Json) -> Json:
        """projects.locations.operations.get."""
        self._need("container.operations.get")
        full = f"{self._place(values)}/operations/{values['operationsId']}"
        return self.operations.get(values["operationsId"], full)

    def list_operations(self, values: Mapping[str, str], _body: Json) -> Json:
        """projects.locations.operations.list."""
        self._need("container.operations.list")
        return self.operations.list(values["locationsId"])

    def server_config(self, _values: Mapping[str, str], _body: Json) -> Json:
        """projects.locations.getServerConfig."""
        self._need("container.clusters.list")
        channels = [
            {"channel": name, "defaultVersion": VERSIONS[index], "validVersions": list(VERSIONS)}
            for index, name in enumerate(("RAPID", "REGULAR", "STABLE"))
        ]
        return {
            "defaultClusterVersion": VERSIONS[1],
            "validMasterVersions": list(VERSIONS),
            "validNodeVersions": list(VERSIONS),
            "channels": channels,
        }

    # Clusters

    def create_cluster(self, values: Mapping[str, str], body: Json) -> Json:
        """projects.locations.clusters.create."""
        self._need("container.clusters.create")
        wanted = body.get("cluster", {})
        if not wanted.get("name"):
            raise errors.rule("Cluster.name is required.")
        name = f"{self._place(values)}/clusters/{wanted['name']}"
        if name in self.clusters:
            raise errors.already_exists(name)
        pools = wanted.get("nodePools", [])
        autopilot = wanted.get("autopilot", {}).get("enabled", False)
        if "initialNodeCount" in wanted and pools:
            raise errors.rule("Cluster.initial_node_count and node_pools must not both be set.")
        if not pools and not wanted.get("initialNodeCount") and not autopilot:
            raise errors.rule("Cluster.initial_node_count must be greater than zero.")
        location = values["locationsId"]
        cluster = self._with_defaults(name, location, wanted)
        self.clusters[name] = cluster
        for pool in pools or [_default_pool(wanted)]:
            self._check_pool(cluster, pool)
            cluster["nodePools"].append(self._pool_body(cluster, pool, "PROVISIONING"))

        def made() -> str:
            if "CREATE_CLUSTER" in self.project.half_way:
                self.project.half_way.discard("CREATE_CLUSTER")
                cluster.update(status="ERROR", statusMessage="Internal error")
                return "Internal error while creating the cluster; try to delete it."
            machines = self.project.machines
            real = machines.make(cluster["name"]) if machines else {}
            cluster["status"] = "RUNNING"
            cluster["endpoint"] = real.get("endpoint", "203.0.113.7")
            cluster["masterAuth"]["clusterCaCertificate"] = real.get(
                "clusterCaCertificate", base64.b64encode(b"a certificate").decode()
            )
            for pool in cluster["nodePools"]:
                pool["status"] = "RUNNING"
                self._resize(cluster, pool, pool.get("initialNodeCount", 0))
            return ""

        return self._begin("CREATE_CLUSTER", name, made)

    def update_cluster(self, values: Mapping[str, str], body: Json) -> Json:
        """projects.locations.clusters.update: one change a request, as the API demands."""
        self._need("container.clusters.update")
        cluster = self._free_cluster(values)
        update = body.get("update", {})
        if len(update) != 1:
            raise errors.rule("Exactly one update can be applied to a cluster with each request.")
        ((field, value),) = update.items()

        def done() -> str:
            if field == "desiredReleaseChannel":
                cluster["releaseChannel"] = value
            elif field == "desiredWorkloadIdentityConfig":
                cluster["workloadIdentityConfig"] = value
            elif field == "desiredMasterVersion":
                cluster["currentMasterVersion"] = _resolve(value)
            elif field == "desiredMasterAuthorizedNetworksConfig":
                cluster["masterAuthorizedNetworksConfig"] = value
            elif field == "desiredControlPlaneEndpointsConfig":
                _merge(cluster.setdefault("controlPlaneEndpointsConfig", {}), value)
            return ""

        return self._begin("UPDATE_CLUSTER", _name(cluster), done)

    def set_labels(self, values: Mapping[str, str], body: Json) -> Json:
        """projects.locations.clusters.setResourceLabels."""
        self._need("container.clusters.update")
        cluster = self._free_cluster(values)
        if body.get("labelFingerprint") != cluster["labelFingerprint"]:
            raise errors.ApiError(
                412, "Labels could not be set due to a fingerprint mismatch.", "FAILED_PRECONDITION"
            )

        def done() -> str:
            cluster["resourceLabels"] = body.get("resourceLabels", {})
            cluster["labelFingerprint"] = _fingerprint(cluster["resourceLabels"])
            return ""

        return self._begin("SET_LABELS", _name(cluster), done)

    def delete_cluster(self, values: Mapping[str, str], _body: Json) -> Json:
        """projects.locations.clusters.delete."""
        self._need("container.clusters.delete")
        cluster = self._free_cluster(values)
        cluster["status"] = "STOPPING"

        def gone() -> str:
            if self.project.machines:
                self.project.machines.remove(cluster["name"])
            for pool in cluster["nodePools"]:
                self._resize(cluster, pool, 0)
            del self.clusters[_name(cluster)]
            return ""

        return self._begin("DELETE_CLUSTER", _name(cluster), gone)

    # Node pools

    def create_pool(self, values: Mapping[str, str], body: Json) -> Json:
        """projects.locations.clusters.nodePools.create."""
        self._need("container.clusters.update")
        cluster = self._free_cluster(values)
        wanted = body.get("nodePool", {})
        target = f"{_name(cluster)}/nodePools/{wanted.get('name')}"
        if cluster.get("autopilot", {}).get("enabled"):
            raise errors.rule("Autopilot clusters do not support mutating node pools.")
        if any(pool["name"] == wanted.get("name") for pool in cluster["nodePools"]):
            raise errors.already_exists(target)
        self._check_pool(cluster, wanted)
        pool = self._pool_body(cluster, wanted, "PROVISIONING")
        cluster["nodePools"].append(pool)
        problem, seconds = self._lack(pool, pool.get("initialNodeCount", 0))

        def made() -> str:
            if problem or "CREATE_NODE_POOL" in self.project.half_way:
                told = problem or "Internal error"
                self.project.half_way.discard("CREATE_NODE_POOL")
                pool.update(status="ERROR", statusMessage=told)
                return told
            pool["status"] = "RUNNING"
            self._resize(cluster, pool, pool.get("initialNodeCount", 0))
            return ""

        return self._begin("CREATE_NODE_POOL", target, made, seconds)

    def update_pool(self, values: Mapping[str, str], body: Json) -> Json:
        """projects.locations.clusters.nodePools.update."""
        self._need("container.clusters.update")
        cluster = self._free_cluster(values)
        pool = self._pool(values)
        if "machineType" in body and chips_of_machine(pool["config"]["machineType"]):
            raise errors.rule("The machine type of a TPU node pool cannot be changed.")

        def done() -> str:
            config = pool["config"]
            if "labels" in body:
                config["labels"] = body["labels"].get("labels", {})
            if "resourceLabels" in body:
                config["resourceLabels"] = {
                    **body["resourceLabels"].get("labels", {}),
                    "goog-gke-node": "",
                }
            if "taints" in body:
                config["taints"] = body["taints"].get("taints", [])
            if "gcfsConfig" in body:
                config["gcfsConfig"] = body["gcfsConfig"]
            if "diskSizeGb" in body:
                config["diskSizeGb"] = int(body["diskSizeGb"])
                config["bootDisk"]["sizeGb"] = str(body["diskSizeGb"])
            if "machineType" in body:
                config["machineType"] = body["machineType"]
            return ""

        return self._begin("UPDATE_CLUSTER", _target(cluster, pool), done)

    def set_autoscaling(self, values: Mapping[str, str], body: Json) -> Json:
        """projects.locations.clusters.nodePools.setAutoscaling."""
        self._need("container.clusters.update")
        cluster = self._free_cluster(values)
        pool = self._pool(values)

        def done() -> str:
            # What is false or 0 is left out of answers, as JSON of Google's APIs is written.
            pool["autoscaling"] = {k: v for k, v in body.get("autoscaling", {}).items() if v}
            return ""

        return self._begin("UPDATE_CLUSTER", _target(cluster, pool), done)

    def set_management(self, values: Mapping[str, str], body: Json) -> Json:
        """projects.locations.clusters.nodePools.setManagement."""
        self._need("container.clusters.update")
        cluster = self._free_cluster(values)
        pool = self._pool(values)

        def done() -> str:
            pool["management"] = {k: v for k, v in body.get("management", {}).items() if v}
            return ""

        return self._begin("UPDATE_CLUSTER", _target(cluster, pool), done)

    def set_size(self, values: Mapping[str, str], body: Json) -> Json:
        """projects.locations.clusters.nodePools.setSize: nodes a zone."""
        self._need("container.clusters.update")
        cluster = self._free_cluster(values)
        pool = self._pool(values)
        nodes = body.get("nodeCount", 0)
        topology = pool.get("placementPolicy", {}).get("tpuTopology", "")
        if topology and nodes not in (0, _machines_of(pool, topology)):
            raise errors.rule("A multi-host TPU slice node pool has none or all of its nodes.")
        problem, seconds = self._lack(pool, nodes)

        def done() -> str:
            if not problem:
                self._resize(cluster, pool, nodes)
            return problem

        return self._begin("SET_NODE_POOL_SIZE", _target(cluster, pool), done, seconds)

    def delete_pool(self, values: Mapping[str, str], _body: Json) -> Json:
        """projects.locations.clusters.nodePools.delete."""
        self._need("container.clusters.update")
        cluster = self._free_cluster(values)
        pool = self._pool(values)
        pool["status"] = "STOPPING"

        def gone() -> str:
            self._resize(cluster, pool, 0)
            cluster["nodePools"].remove(pool)
            return ""

        return self._begin("DELETE_NODE_POOL", _target(cluster, pool), gone)

    # What they share

    def _need(self, permission: str) -> None:
        if permission in self.project.denied:
            raise errors.permission_denied(permission, f"projects/{self.project.id}")

    def _place(self, values: Mapping[str, str]) -> str:
        return f"projects/{values['projectsId']}/locations/{values['locationsId']}"

    def _cluster(self, values: Mapping[str, str]) -> Json:
        name = f"{self._place(values)}/clusters/{values['clustersId']}"
        if name not in self.clusters:
            raise errors.not_found(name)
        return self.clusters[name]

    def _free_cluster(self, values: Mapping[str, str]) -> Json:
        cluster = self._cluster(values)
        running = self.operations.running(_name(cluster))
        if running:
            raise errors.busy(running.name)
        return cluster

    def _pool(self, values: Mapping[str, str]) -> Json:
        cluster = self._cluster(values)
        for pool in cluster["nodePools"]:
            if pool["name"] == values["nodePoolsId"]:
                found: Json = pool
                return found
        raise errors.not_found(f"{_name(cluster)}/nodePools/{values['nodePoolsId']}")

    def _begin(
        self, kind: str, target: str, effect: Callable[[], str], seconds: float | None = None
    ) -> Json:
        self.requests.append((kind, target))
        return self.operations.start(kind, target.split("/")[3], target, effect, seconds=seconds)

    def _lack(self, pool: Json, nodes: int) -> tuple[str, float | None]:
        """Why machines cannot be had, and how long it takes until that is told."""
        config = pool["config"]
        chips = chips_of_machine(config["machineType"])
        used = sum(self.sizes.get(link, 0) for link in pool["instanceGroupUrls"])
        more = nodes * len(pool["locations"]) - used
        if not chips or more <= 0 or config.get("reservationAffinity"):
            return "", None
        region = region_of(pool["locations"][0])
        instance = f"gke-{pool['name']}-0"
        preemptible = config.get("spot") or config.get("flexStart")
        quota = "PREEMPTIBLE-TPU-V6E" if preemptible else "CT6E"
        limit = self.project.quota.get((quota, region), 0)
        if self.chips_used(region, preemptible=bool(preemptible)) + more * chips > limit:
            name = "PREEMPTIBLE_TPU_V6E" if preemptible else "TPUS_PER_TPU_FAMILY"
            return errors.quota_exceeded(instance, name, float(limit), region), 72.4
        for zone in pool["locations"]:
            if zone in self.project.stocked_out:
                return errors.stockout(instance, zone), 35 * 60 + 7.9
        return "", None

    def chips_used(self, region: str, *, preemptible: bool) -> int:
        """Chips of all pools of a region that count against one of its quotas."""
        return sum(
            chips_of_machine(pool["config"]["machineType"]) * self.sizes.get(link, 0)
            for cluster in self.clusters.values()
            for pool in cluster["nodePools"]
            for link in pool["instanceGroupUrls"]
            if region_of(pool["locations"][0]) == region
            and bool(pool["config"].get("spot") or pool["config"].get("flexStart")) == preemptible
        )

    def _resize(self, cluster: Json, pool: Json, nodes: int) -> None:
        for link in pool["instanceGroupUrls"]:
            self.sizes[link] = nodes
        machine = pool["config"]["machineType"]
        if self.project.machines and chips_of_machine(machine):
            self.project.machines.resize(pool["name"], machine, nodes * len(pool["locations"]))

    def _check_pool(self, cluster: Json, pool: Json) -> None:
        """Refuse what GKE refuses at once."""
        if not pool.get("name"):
            raise errors.rule("NodePool.name is required.")
        config = pool.get("config", {})
        machine = config.get("machineType", "e2-medium")
        chips = chips_of_machine(machine)
        zones = pool.get("locations") or cluster["locations"]
        for zone in zones if chips else ():
            if machine not in self.project.offered.get(zone, ()):
                raise errors.machine_not_found(machine, zone)
            if zone not in self.project.supported:
                raise errors.unsupported_tpu()
        policy = pool.get("placementPolicy", {})
        topology = policy.get("tpuTopology")
        if topology and chips and _product(topology) == chips:
            raise errors.topology_on_single_host()
        if topology and policy.get("type") != "COMPACT":
            raise errors.rule("A TPU topology needs placement type COMPACT.")
        if topology and chips:
            machines = _product(topology) // chips
            if pool.get("initialNodeCount", 0) not in (0, machines):
                raise errors.rule("A multi-host TPU slice node pool has none or all of its nodes.")
        scaling = pool.get("autoscaling", {})
        if (
            scaling.get("enabled")
            and scaling.get("totalMaxNodeCount")
            and (scaling.get("maxNodeCount") or scaling.get("minNodeCount"))
        ):
            raise errors.rule("Limits of all zones and limits a zone exclude each other.")
        if config.get("flexStart") and (
            pool.get("initialNodeCount", 0)
            or not scaling.get("enabled")
            or pool.get("management", {}).get("autoRepair", True)
        ):
            raise errors.rule(
                "Flex-start needs autoscaling, no nodes at first and no automatic repair."
            )

    def _with_defaults(self, name: str, location: str, wanted: Json) -> Json:
        parts = name.split("/")
        region = region_of(location)
        zonal = location.count("-") == 2
        zones = [f"{region}-{letter}" for letter in _ZONES.get(region, ("a", "b", "c"))[:3]]
        version = _resolve(wanted.get("initialClusterVersion", ""))
        network = wanted.get("network", "default").rsplit("/", 1)[-1]
        labels = wanted.get("resourceLabels", {})
        cluster = copy.deepcopy(wanted)
        cluster.pop("nodePools", None)
        cluster.pop("initialNodeCount", None)
        address = wanted.get("ipAllocationPolicy", {})
        private = wanted.get("privateClusterConfig", {})
        cluster.update(
            id=hashlib.sha256(name.encode()).hexdigest(),
            etag=_fingerprint(wanted),
            selfLink=f"{HOST}/{name}",
            location=location,
            zone=location,
            locations=wanted.get("locations") or ([location] if zonal else zones),
            status="PROVISIONING",
            createTime=stamp(self.project.clock()),
            initialClusterVersion=version,
            currentMasterVersion=version,
            currentNodeVersion=version,
            masterAuth={"clientCertificateConfig": {}},
            network=network,
            subnetwork=wanted.get("subnetwork", network).rsplit("/", 1)[-1],
            networkConfig={
                **wanted.get("networkConfig", {}),
                "network": f"projects/{parts[1]}/global/networks/{network}",
                "subnetwork": f"projects/{parts[1]}/regions/{region}/subnetworks/{network}",
            },
            clusterIpv4Cidr="10.40.0.0/14",
            servicesIpv4Cidr="34.118.224.0/20",
            ipAllocationPolicy={
                "clusterIpv4Cidr": "10.40.0.0/14",
                "clusterIpv4CidrBlock": "10.40.0.0/14",
                "stackType": "IPV4",
                **address,
                "useIpAliases": True,
            },
            labelFingerprint=_fingerprint(labels),
            resourceLabels=labels,
            releaseChannel=wanted.get("releaseChannel", {"channel": "REGULAR"}),
            shieldedNodes={"enabled": True},
            nodePools=[],
        )
        if not labels:
            del cluster["resourceLabels"]
        if private.get("enablePrivateNodes"):
            # The field that was asked for is an old name: answers carry the new one as well.
            cluster["networkConfig"]["defaultEnablePrivateNodes"] = True
            cluster["privateClusterConfig"] = {**private, "privateEndpoint": "172.16.0.34"}
        return cluster

    def _pool_body(self, cluster: Json, wanted: Json, status: str) -> Json:
        pool = copy.deepcopy(wanted)
        zones = wanted.get("locations") or cluster["locations"]
        config: Json = {
            "machineType": "e2-medium",
            "diskSizeGb": 100,
            "diskType": "pd-balanced",
            "imageType": "COS_CONTAINERD",
            "serviceAccount": "default",
            "metadata": {"disable-legacy-endpoints": "true"},
            "shieldedInstanceConfig": {"enableIntegrityMonitoring": True},
            **pool.get("config", {}),
        }
        config["bootDisk"] = {"sizeGb": str(config["diskSizeGb"]), "diskType": config["diskType"]}
        config["resourceLabels"] = {**config.get("resourceLabels", {}), "goog-gke-node": ""}
        if chips_of_machine(config["machineType"]):
            # GKE taints TPU nodes by itself; the pool says so, too.
            taint = {"key": "google.com/tpu", "value": "present", "effect": "NO_SCHEDULE"}
            config["taints"] = [*config.get("taints", []), taint]
        policy = pool.get("placementPolicy")
        pool.update(
            config=config,
            locations=sorted(zones),
            status=status,
            version=pool.get("version") or cluster["currentMasterVersion"],
            selfLink=f"{cluster['selfLink']}/nodePools/{pool['name']}",
            podIpv4CidrSize=24,
            maxPodsConstraint={"maxPodsPerNode": "110"},
            management=pool.get("management", {"autoUpgrade": True, "autoRepair": True}),
            upgradeSettings={"maxSurge": 1, "strategy": "SURGE"},
            etag=_fingerprint(wanted),
            instanceGroupUrls=[
                f"https://www.googleapis.com/compute/v1/projects/{self.project.id}/zones/{zone}"
                f"/instanceGroupManagers/gke-{cluster['name']}-{pool['name']}-grp"
                for zone in sorted(zones)
            ],
        )
        if policy is not None:
            pool["placementPolicy"] = policy
        shown: Json = _without_zeros(pool)
        return shown


def _resolve(version: str) -> str:
    """A full version for an alias such as "1.33", "latest" or nothing."""
    if version in ("", "-", "latest"):
        return VERSIONS[1] if version != "latest" else VERSIONS[0]
    found = next((one for one in VERSIONS if one.startswith(version)), "")
    if not found:
        raise errors.rule(f'Master version "{version}" is unsupported.')
    return found


def _default_pool(wanted: Json) -> Json:
    return {
        "name": "default-pool",
        "initialNodeCount": wanted.get("initialNodeCount", 1),
        "config": wanted.get("nodeConfig", {}),
    }


def _machines_of(pool: Json, topology: str) -> int:
    return _product(topology) // chips_of_machine(pool["config"]["machineType"])


def _product(topology: str) -> int:
    return math.prod(int(side) for side in topology.split("x"))


def _name(cluster: Json) -> str:
    return str(cluster["selfLink"]).removeprefix(f"{HOST}/")


def _target(cluster: Json, pool: Json) -> str:
    return f"{_name(cluster)}/nodePools/{pool['name']}"


def _fingerprint(value: Any) -> str:
    digest = hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()
    return digest[:8]


def _merge(target: Json, source: Json) -> None:
    for key, value in source.items():
        if isinstance(value, dict) and isinstance(target.get(key), dict):
            _merge(target[key], value)
        else:
            target[key] = value


def _without_zeros(value: Any) -> Any:
    """Leave out what is 0, false or empty, as JSON of Google's APIs does; keep messages."""
    if not isinstance(value, dict):
        return value
    return {
        key: _without_zeros(one)
        for key, one in value.items()
        if isinstance(one, dict) or one or one == ""
    }
