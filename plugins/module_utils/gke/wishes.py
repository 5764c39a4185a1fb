# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is asked for: a cluster and its TPU pool, from a task's options. Pure.

Sources: GKE "About TPUs" and "Plan TPUs in GKE" (single-host and multi-host slices), GKE
"Requirements for labels" (keys and values of resource labels), and the flags that
GoogleCloudPlatform/cluster-toolkit and Google's GKE skills give for each way to buy.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.llmd.tpu.plugins.module_utils.findings import Finding
from ansible_collections.llmd.tpu.plugins.module_utils.tpu.machines import Generation, Machine
from ansible_collections.llmd.tpu.plugins.module_utils.tpu.topology import (
    generation_of,
    known_labels,
    placements,
    suggest_label,
    topologies_of,
)

PHASE_LABEL = "llmd-tpu-phase"
PHASE = "cluster"
PROTECTED_LABEL = "llmd-tpu-protected"
EXPIRES_LABEL = "llmd-tpu-expires"
MODES = ("on-demand", "spot", "flex-start", "queued", "reservation")
_NAME = re.compile(r"[a-z]([-a-z0-9]{0,38}[a-z0-9])?")
_LOCATION = re.compile(r"[a-z]+-[a-z]+[0-9]+(-[a-z0-9]+)?")
_LABEL_KEY = re.compile(r"[a-z][-_a-z0-9]{0,62}")
_LABEL_VALUE = re.compile(r"[-_a-z0-9]{0,63}")


@dataclass(frozen=True)
class Slices:
    """What TPU nodes are: their machine type, and how many make one slice."""

    generation: Generation
    machine: Machine
    topology: str
    nodes: int

    @property
    def single_host(self) -> bool:
        """Whether each machine is a slice of its own."""
        return self.nodes == 1


@dataclass(frozen=True)
class Pool:
    """A node pool as it should be. `nodes` and both limits count a zone's and all zones' nodes."""

    name: str
    machine_type: str
    nodes: int
    zones: tuple[str, ...] = ()
    slices: Slices | None = None
    mode: str = "on-demand"
    reservation: str = ""
    scaling: tuple[int, int] | None = None
    """Least and most nodes of all zones; None: no autoscaling."""
    disk_gb: int = 100
    image_streaming: bool = False
    cache_image: str = ""

    @property
    def chips_per_node(self) -> int:
        """TPU chips of one node."""
        return self.slices.machine.chips if self.slices else 0

    @property
    def most_nodes(self) -> int:
        """The most nodes that it may have, over all zones."""
        if self.scaling:
            return self.scaling[1]
        return self.nodes * max(len(self.zones), 1)


@dataclass(frozen=True)
class Wish:
    """Everything that is asked for."""

    project: str
    location: str
    name: str
    existing: bool = False
    channel: str = ""
    version: str = ""
    network: str = ""
    subnetwork: str = ""
    pods_range: str = ""
    services_range: str = ""
    private: bool = False
    control_plane_cidr: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    protected: bool = True
    expires_after_hours: float = 0.0
    system: Pool | None = None
    tpu: Pool | None = None

    @property
    def parent(self) -> str:
        """Project and location as the API names them."""
        return f"projects/{self.project}/locations/{self.location}"

    @property
    def full_name(self) -> str:
        """The cluster as the API names it."""
        return f"{self.parent}/clusters/{self.name}"

    @property
    def guarded(self) -> bool:
        """Whether the phase opens the nodes' firewall for webhooks."""
        return self.private and not self.existing

    @property
    def tag(self) -> str:
        """The network tag of the nodes that the firewall rule is for."""
        return f"llmd-tpu-{self.name}"

    @property
    def firewall(self) -> str:
        """Name of the rule that lets the control plane of private nodes reach webhooks."""
        return f"{self.tag}-webhooks"


def region_of(location: str) -> str:
    """The region of a zone, or of a region."""
    return "-".join(location.split("-")[:2])


def read_wish(options: Mapping[str, Any]) -> tuple[Wish, list[Finding]]:
    """Make the wish of a task's options; the findings are errors in them."""
    problems: list[Finding] = [*_names(options), *_labels(options.get("labels") or {})]
    tpu: Pool | None = None
    wanted = options.get("tpu_pool")
    if wanted:
        tpu, told = _tpu_pool(options, wanted)
        problems += told
    system = options.get("system_pool") or {}
    wish = Wish(
        project=options["project"],
        location=options["location"],
        name=options["name"],
        existing=options.get("existing") or False,
        channel=options.get("release_channel") or "",
        version=options.get("version") or "",
        network=options.get("network") or "",
        subnetwork=options.get("subnetwork") or "",
        pods_range=options.get("pods_range") or "",
        services_range=options.get("services_range") or "",
        private=options.get("private_nodes") or False,
        control_plane_cidr=options.get("control_plane_cidr") or "",
        labels={**(options.get("labels") or {}), PHASE_LABEL: PHASE},
        protected=options.get("deletion_protection", True),
        expires_after_hours=options.get("expires_after_hours") or 0.0,
        system=Pool(
            name=system.get("name") or "system",
            machine_type=system.get("machine_type") or "e2-standard-8",
            nodes=system["nodes"] if system.get("nodes") is not None else 2,
            zones=tuple(system.get("zones") or ()),
            disk_gb=system.get("disk_gb") or 100,
        ),
        tpu=tpu,
    )
    return wish, problems


def slices_of(
    accelerator: str, topology: str, machine_type: str = ""
) -> tuple[Slices | None, list[Finding]]:
    """Find the machines of a topology: one whole machine where there is one, unless named."""
    generation = generation_of(accelerator)
    if generation is None:
        meant = suggest_label(accelerator)
        return None, [
            Finding(
                code="CLUSTER-TPU-ACCELERATOR-UNKNOWN",
                severity="error",
                message="no TPU node carries this accelerator label",
                path="accelerator",
                found=accelerator,
                expected=", ".join(known_labels()),
                fix=f"write {meant}" if meant else "take one of the labels",
                source="GKE, About TPUs",
            )
        ]
    offers = placements(generation, topology)
    if not offers:
        return None, [
            Finding(
                code="CLUSTER-TPU-TOPOLOGY-UNKNOWN",
                severity="error",
                message=f"{generation.name} has no slices of this topology",
                path="topology",
                found=topology,
                expected=", ".join(topologies_of(generation)),
                fix="take one of these; a large model needs more chips, not another shape",
                source="GKE, Plan TPUs in GKE",
            )
        ]
    chosen = [one for one in offers if machine_type in ("", one.machine.name)]
    if not chosen:
        return None, [
            Finding(
                code="CLUSTER-TPU-MACHINE-TYPE",
                severity="error",
                message=f"this machine type does not make slices of {topology}",
                path="machine_type",
                found=machine_type,
                expected=", ".join(one.machine.name for one in offers),
                fix="leave machine_type out, or change the topology",
                source="GKE, Plan TPUs in GKE",
            )
        ]
    best = min(chosen, key=lambda one: (one.nodes, not one.machine.confirmed))
    return Slices(generation, best.machine, topology, best.nodes), []


def _names(options: Mapping[str, Any]) -> list[Finding]:
    found = []
    for key, pattern, rule in (
        ("name", _NAME, "lower case letters, digits and dashes, at most 40, a letter first"),
        ("location", _LOCATION, "a zone such as europe-west4-a, or a region"),
    ):
        value = options[key]
        if not pattern.fullmatch(value):
            found.append(
                Finding(
                    code="CLUSTER-NAME-INVALID",
                    severity="error",
                    message=f"Google does not take this {key}",
                    path=key,
                    found=repr(value),
                    expected=rule,
                    fix=f"change {key}",
                    source="GKE, API reference (Cluster)",
                )
            )
    return found


def _labels(labels: Mapping[str, Any]) -> list[Finding]:
    wrong = [
        f"{key}={value}"
        for key, value in labels.items()
        if not _LABEL_KEY.fullmatch(key) or not _LABEL_VALUE.fullmatch(str(value))
    ]
    if not wrong:
        return []
    return [
        Finding(
            code="CLUSTER-LABEL-INVALID",
            severity="error",
            message="Google does not take these labels",
            path="labels",
            found=", ".join(wrong),
            expected="lower case letters, digits, - and _; keys begin with a letter; at most 63",
            fix="change them, e.g. owner=search",
            source="GKE, Labels of clusters",
        )
    ]


def _tpu_pool(
    options: Mapping[str, Any], wanted: Mapping[str, Any]
) -> tuple[Pool | None, list[Finding]]:
    slices, problems = slices_of(
        wanted["accelerator"], wanted["topology"], wanted.get("machine_type") or ""
    )
    if slices is None:
        return None, problems
    nodes = wanted["nodes"] if wanted.get("nodes") is not None else slices.nodes
    most = wanted.get("max_nodes") or 0
    mode = wanted.get("mode") or "on-demand"
    least = wanted.get("min_nodes") or 0
    # Stopped is stopped: with 0 nodes nobody's waiting pod brings one back. These two ways to buy
    # have no nodes but those that the autoscaler asks for.
    scaling = (least, most) if most and nodes else None
    if mode in ("flex-start", "queued"):
        scaling = (0, max(most, nodes, 1))
    pool = Pool(
        name=wanted.get("name") or "tpu",
        machine_type=slices.machine.name,
        nodes=nodes,
        zones=tuple(wanted.get("zones") or ()),
        slices=slices,
        mode=mode,
        reservation=wanted.get("reservation") or "",
        scaling=scaling,
        disk_gb=wanted.get("disk_gb") or 200,
        image_streaming=wanted.get("image_streaming") or False,
        cache_image=wanted.get("cache_image") or "",
    )
    return pool, [*problems, *_check_pool(pool, slices, options["location"])]


def _check_pool(pool: Pool, slices: Slices, location: str) -> list[Finding]:
    found = []
    if not slices.single_host and pool.nodes not in (0, slices.nodes):
        found.append(
            Finding(
                code="CLUSTER-TPU-NODES",
                severity="error",
                message=f"a slice of {slices.topology} is {slices.nodes} machines of "
                f"{slices.machine.name}, and its pool has all of them or none",
                path="tpu_pool.nodes",
                found=str(pool.nodes),
                expected=f"0 or {slices.nodes}",
                fix="make a second pool for a second slice, or take a topology of one machine "
                f"({slices.machine.topology})",
                source="GKE, About TPUs (multi-host slices are atomic)",
            )
        )
    if not pool.zones and location.count("-") == 1:
        found.append(
            Finding(
                code="CLUSTER-TPU-ZONE-MISSING",
                severity="error",
                message="in a regional cluster a pool without zones has its nodes in each of "
                "them, and few of them have TPUs",
                path="tpu_pool.zones",
                found="no zones",
                expected=f"a zone of {location}",
                fix="name one (cluster_tpu_zones); llmd.tpu.tpu_capacity_info ranks them",
                source="GKE, API reference (NodePool.locations)",
            )
        )
    outside = [zone for zone in pool.zones if not zone.startswith(region_of(location) + "-")]
    if outside:
        found.append(
            Finding(
                code="CLUSTER-TPU-ZONES",
                severity="error",
                message="a pool's zones are in the region of its cluster",
                path="tpu_pool.zones",
                found=", ".join(outside),
                expected=f"zones of {region_of(location)}",
                fix="move the cluster (location), or take a zone of its region",
                source="GKE, API reference (NodePool.locations)",
            )
        )
    wrong = ""
    if pool.mode == "reservation" and not pool.reservation:
        wrong = "a reservation's name is missing"
    elif pool.mode != "reservation" and pool.reservation:
        wrong = f"a reservation is named, and the mode is {pool.mode}"
    if wrong:
        found.append(
            Finding(
                code="CLUSTER-TPU-RESERVATION",
                severity="error",
                message=wrong,
                path="tpu_pool.reservation",
                found=pool.reservation or "nothing",
                expected="mode: reservation together with the name of one",
                fix="set both or none",
                source="GKE, Consuming reserved zonal resources",
            )
        )
    return found
