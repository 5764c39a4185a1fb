# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Nodes in the shape of GKE's, and the command line of the kubelet that plays each.

Labels and taint: https://cloud.google.com/kubernetes-engine/docs/concepts/tpus and the node
labels that GKE sets; machines: https://cloud.google.com/tpu/docs/v6e.
A node runs while its request file exists in the state folder: ``up`` writes the first ones, and
whoever plays an autoscaler may add one later.
"""

from __future__ import annotations

import ipaddress
import json
from dataclasses import asdict, dataclass
from typing import Any

from tests.sandbox import addresses, pki
from tests.sandbox.errors import SandboxError
from tests.sandbox.paths import SANDBOX_SOURCES, SHORT_STATE, State
from tests.sandbox.plan import Plan, write_atomically
from tests.sandbox.processes import Program

PROJECT = "llmd-sandbox"
REGION = "europe-west4"
ZONE = "europe-west4-a"
TPU_TAINT = "google.com/tpu=present:NoSchedule"
MAXIMUM_PODS = 110
# Pod ranges are 10.244.N.0/24: CPU nodes take N from 1, TPU nodes from 10.
FIRST_RANGE = {"cpu": 1, "tpu": 10}
FIRST_ADDRESS = {"cpu": addresses.CPU_NODES, "tpu": addresses.TPU_NODES}
LIMIT = {"cpu": 9, "tpu": 230}


@dataclass(frozen=True)
class Machine:
    """A Google Cloud machine type; memory as a Kubernetes quantity."""

    cpu: int
    memory: str
    chips: int = 0
    topology: str = ""


MACHINES = {
    "e2-standard-16": Machine(16, "64Gi"),
    "ct6e-standard-1t": Machine(44, "176Gi", 1, "1x1"),
    "ct6e-standard-4t": Machine(180, "720Gi", 4, "2x2"),
    "ct6e-standard-8t": Machine(180, "1440Gi", 8, "2x4"),
    # No machine of Google's: one hollow node in place of as many as its pods may be.
    "hollow-2x2": Machine(180, "1440Gi", 440, "2x2"),
}
TPU_ACCELERATOR = "tpu-v6e-slice"
CPU_MACHINE = "e2-standard-16"
TPU_MACHINE = "ct6e-standard-4t"


@dataclass(frozen=True)
class NodeRequest:
    """One node that should run."""

    kind: str
    """``cpu`` or ``tpu``."""
    index: int
    machine_type: str
    hollow: bool = False
    """Take pods and report them running, but start no process."""

    @property
    def name(self) -> str:
        """The Node's name."""
        return f"sandbox-{self.kind}-{self.index}"


def request(state: State, wanted: NodeRequest) -> None:
    """Ask the supervisor to run a node.

    Raises SandboxError for an unknown machine type or too many nodes.
    """
    if wanted.machine_type not in MACHINES:
        raise SandboxError(
            f"Machine type {wanted.machine_type!r} is unknown; known: {', '.join(MACHINES)}."
        )
    if wanted.index >= LIMIT[wanted.kind]:
        raise SandboxError(f"At most {LIMIT[wanted.kind]} {wanted.kind} nodes fit.")
    state.node_requests.mkdir(exist_ok=True)
    write_atomically(state.node_requests / f"{wanted.name}.json", json.dumps(asdict(wanted)))


def requested(state: State) -> dict[str, NodeRequest]:
    """Return every node that should run, by name."""
    files = sorted(state.node_requests.glob("[!.]*.json"))
    found = [NodeRequest(**json.loads(path.read_text())) for path in files]
    return {each.name: each for each in found}


def address(wanted: NodeRequest) -> str:
    """Return the node's address."""
    return str(ipaddress.ip_address(FIRST_ADDRESS[wanted.kind]) + wanted.index)


def labels(wanted: NodeRequest) -> dict[str, str]:
    """Return the labels that GKE gives such a node."""
    machine = MACHINES[wanted.machine_type]
    common = {
        "cloud.google.com/gke-boot-disk": "pd-balanced",
        "cloud.google.com/gke-container-runtime": "containerd",
        "cloud.google.com/gke-nodepool": "default-pool",
        "cloud.google.com/gke-os-distribution": "cos",
        "cloud.google.com/gke-provisioning": "standard",
        "cloud.google.com/machine-family": wanted.machine_type.split("-")[0],
        "node.kubernetes.io/instance-type": wanted.machine_type,
        "topology.gke.io/zone": ZONE,
        "topology.kubernetes.io/region": REGION,
        "topology.kubernetes.io/zone": ZONE,
    }
    if not machine.chips:
        return common
    return {
        **common,
        "cloud.google.com/gke-accelerator-count": str(machine.chips),
        "cloud.google.com/gke-nodepool": f"tpu-v6e-{machine.topology}",
        "cloud.google.com/gke-tpu-accelerator": TPU_ACCELERATOR,
        "cloud.google.com/gke-tpu-topology": machine.topology,
    }


def configuration(state: State, plan: Plan, wanted: NodeRequest) -> dict[str, Any]:
    """Return what the node program reads."""
    machine = MACHINES[wanted.machine_type]
    return {
        "name": wanted.name,
        "address": address(wanted),
        "provider_id": f"gce://{PROJECT}/{ZONE}/{wanted.name}",
        "labels": labels(wanted),
        "taints": [TPU_TAINT] if machine.chips else [],
        "cpu": machine.cpu,
        "memory": machine.memory,
        "tpu_chips": machine.chips,
        "accelerator": TPU_ACCELERATOR if machine.chips else "",
        "topology": machine.topology,
        "hollow": wanted.hollow,
        "resumed": plan.restored,
        "max_pods": MAXIMUM_PODS,
        "pod_cidr": f"10.244.{FIRST_RANGE[wanted.kind] + wanted.index}.0/24",
        "kubeconfig": str(pki.make_node_client(state, wanted.name)),
        "client_ca": str(state.pki / "ca.crt"),
        "cluster_dns": addresses.DNS,
        "images": str(SANDBOX_SOURCES / "images.yaml"),
        "variables": {
            "bin": str(state.binaries),
            "images": str(SANDBOX_SOURCES / "images"),
            "environment": plan.environment,
            "sources": str(state.sources),
            "state": str(state.root),
        },
        "state_dir": str(State(SHORT_STATE).node(wanted.name)),
        "log_dir": str(state.log / wanted.name),
    }


def program(state: State, plan: Plan, wanted: NodeRequest) -> Program:
    """Write the node's configuration and return its program."""
    folder = state.node(wanted.name)
    folder.mkdir(exist_ok=True)
    (state.log / wanted.name).mkdir(exist_ok=True)
    path = folder / "node.json"
    write_atomically(path, json.dumps(configuration(state, plan, wanted), indent=2))
    return Program(wanted.name, (str(state.binaries / "node"), f"--config={path}"))
