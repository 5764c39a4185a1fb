#!/usr/bin/python
# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Bring a GKE cluster and its TPU node pool about, or take them away."""

from __future__ import annotations

DOCUMENTATION = r"""
module: gke_cluster
short_description: Bring a GKE cluster and its TPU node pool about, or take them away
version_added: 0.1.0
author:
  - llmd.tpu contributors (!UNKNOWN)
description:
  - Makes a Standard cluster with a pool of ordinary machines and a pool of TPU machines, changes
    what can be changed in place, resizes, and removes; with O(existing) only the TPU pool.
  - It compares with the live cluster. What differs and cannot be changed is refused with the
    reason, unless O(recreate).
  - Long operations are watched with progress. A lost connection is survived, and an operation that
    runs already is joined, whoever began it; so a run that was cut off can be repeated.
  - What it makes carries the label C(llmd-tpu-phase=cluster). Clusters and pools without it are
    neither changed nor removed.
  - The modules of google.cloud cannot do it. Their node pool has no Spot, flex-start, reservation,
    placement, zones or image streaming, notices no change, and has no check mode; their cluster has
    no Workload Identity, and takes an operation that failed for a success. docs/cluster.md has the
    list, and tests hold it to that.
options:
  state:
    description:
      - Whether it is there. V(absent) takes the TPU pool first, then the cluster, then the firewall
        rule, and tells what is left and still costs.
    type: str
    choices: [present, absent]
    default: present
  name:
    description:
      - Name of the cluster.
    type: str
    required: true
  location:
    description:
      - Its zone, or its region for a control plane in several zones.
    type: str
    required: true
  plan_only:
    description:
      - Whether only the steps and the expected cost are told. Nothing is written then and nothing
        counts as changed, in check mode or not.
    type: bool
    default: false
  existing:
    description:
      - Whether the cluster is somebody else's. Then it must be there and only the TPU pool is made.
    type: bool
    default: false
  recreate:
    description:
      - Whether a pool or cluster is deleted and made anew when something differs that cannot be
        changed.
    type: bool
    default: false
  release_channel:
    description:
      - Release channel. Google's default when it is not given.
    type: str
    choices: [rapid, regular, stable, extended]
  version:
    description:
      - GKE version, as 1.33 or in full. The channel's default when it is not given.
    type: str
  network:
    description:
      - VPC network; Google's V(default) when it is not given.
    type: str
  subnetwork:
    description:
      - Subnetwork.
    type: str
  pods_range:
    description:
      - Addresses of pods. Google chooses when it is not given.
    type: str
  services_range:
    description:
      - Addresses of Services. Google chooses when it is not given.
    type: str
  private_nodes:
    description:
      - Whether nodes have no public addresses. Then a firewall rule lets the control plane reach
        the webhooks on ports 9443 and 15017, which time out without it.
    type: bool
    default: false
  control_plane_cidr:
    description:
      - Addresses of the control plane of a cluster with private nodes.
    type: str
    default: 172.16.0.32/28
  deletion_protection:
    description:
      - Whether V(absent) is refused. GKE has no such field; the label C(llmd-tpu-protected) stops
        this module only.
    type: bool
    default: true
  labels:
    description:
      - Labels of the cluster and its pools, such as C(owner) and C(purpose). Labels of others stay.
    type: dict
    default: {}
  expires_after_hours:
    description:
      - Hours after which the cluster should be gone, as the label C(llmd-tpu-expires). Set once;
        after that date each run warns. Nothing is removed by itself.
    type: float
  system_pool:
    description:
      - The pool of ordinary machines, which system pods and the operators need.
    type: dict
    default: {}
    suboptions:
      name:
        description: Its name.
        type: str
        default: system
      machine_type:
        description: Machine type.
        type: str
        default: e2-standard-8
      nodes:
        description: Nodes in each zone.
        type: int
        default: 2
      zones:
        description: Zones; those of the cluster when it is empty.
        type: list
        elements: str
        default: []
      disk_gb:
        description: Size of a node's disk.
        type: int
        default: 100
  tpu_pool:
    description:
      - The pool of TPU machines; none when it is not given.
    type: dict
    suboptions:
      name:
        description: Its name.
        type: str
        default: tpu
      accelerator:
        description: The value of the nodes' accelerator label, such as V(tpu-v6e-slice).
        type: str
        required: true
      topology:
        description: Shape of a slice, such as V(2x2).
        type: str
        required: true
      machine_type:
        description: Machine type. One whole machine a slice where there is one, unless given.
        type: str
      nodes:
        description:
          - Nodes in each zone; V(0) stops the pool. One slice when it is not given. With
            O(tpu_pool.max_nodes) the autoscaler decides after the start.
        type: int
      min_nodes:
        description: Least nodes of all zones, with autoscaling.
        type: int
        default: 0
      max_nodes:
        description: Most nodes of all zones; V(0) is no autoscaling.
        type: int
        default: 0
      zones:
        description: Zones; those of the cluster when it is empty. Needed in a regional cluster.
        type: list
        elements: str
        default: []
      mode:
        description: How the machines are bought.
        type: str
        choices: [on-demand, spot, flex-start, queued, reservation]
        default: on-demand
      reservation:
        description: Name of the reservation.
        type: str
      disk_gb:
        description: Size of a node's disk. Images for TPUs are large.
        type: int
        default: 200
      image_streaming:
        description: Whether containers start before their image is pulled as a whole.
        type: bool
        default: false
      cache_image:
        description: Disk image with container images in it, which nodes then need not pull.
        type: str
  price_per_chip_hour:
    description:
      - Price of one chip for one hour, for the expected cost.
    type: float
  price_from_catalogue:
    description:
      - Whether Google's price list is asked when O(price_per_chip_hour) is not given. It is taken
        only where exactly one price fits.
    type: bool
    default: false
  currency:
    description:
      - Currency of O(price_per_chip_hour).
    type: str
    default: USD
  other_cost_per_hour:
    description:
      - What the rest costs an hour (cluster fee, CPU nodes), to be added.
    type: float
    default: 0.0
  hourly_limit:
    description:
      - The most that it may cost an hour. What would add chips beyond it is refused before
        anything is made, as is a cost that nobody knows.
    type: float
  kubeconfig_path:
    description:
      - Where a kubeconfig is written, readable by its owner only; no file when it is not given. A
        new token in it is no change.
    type: path
  kubeconfig_auth:
    description:
      - How the kubeconfig logs in. V(token) holds a token that is good for an hour and needs no
        program. V(exec) calls C(gke-gcloud-auth-plugin).
    type: str
    choices: [token, exec]
    default: token
  wait_timeout:
    description:
      - How many seconds all operations together may take. A zone without machines says so after
        about 35 minutes.
    type: int
    default: 3600
  poll_interval:
    description:
      - Seconds between two looks at an operation.
    type: float
    default: 10.0
extends_documentation_fragment:
  - llmd.tpu.google
  - llmd.tpu.connection.attributes
"""

EXAMPLES = r"""
- name: Make a cluster with one v6e machine of four chips
  llmd.tpu.gke_cluster:
    project: my-project
    auth_kind: application
    name: llm
    location: europe-west4-a
    tpu_pool:
      accelerator: tpu-v6e-slice
      topology: 2x2

- name: The same on Spot machines, for at most 8 USD an hour
  llmd.tpu.gke_cluster:
    project: my-project
    auth_kind: application
    name: llm
    location: europe-west4-a
    labels: {owner: search, purpose: demo}
    expires_after_hours: 8
    tpu_pool:
      accelerator: tpu-v6e-slice
      topology: 2x2
      mode: spot
    price_per_chip_hour: 1.4
    hourly_limit: 8
    kubeconfig_path: ~/.kube/llm

- name: Stop the TPU nodes of somebody else's cluster
  llmd.tpu.gke_cluster:
    project: my-project
    auth_kind: application
    name: shared
    location: europe-west4-a
    existing: true
    tpu_pool:
      accelerator: tpu-v6e-slice
      topology: 2x2
      nodes: 0
"""

RETURN = r"""
steps:
  description: What was done, in order; in check mode what would be done.
  returned: always
  type: list
  elements: str
  sample:
    - create cluster llm in europe-west4-a
    - create node pool tpu of ct6e-standard-4t
cluster:
  description: The cluster as it is; after a failure its status is C(unknown).
  returned: always
  type: dict
  sample:
    name: llm
    location: europe-west4-a
    status: RUNNING
    version: 1.33.7-gke.1132000
    endpoint: 203.0.113.7
    ours: true
    labels: {llmd-tpu-phase: cluster, llmd-tpu-protected: "true", owner: search}
    pools:
      - name: tpu
        status: RUNNING
        machine_type: ct6e-standard-4t
        nodes: 1
        chips: 4
        zones: [europe-west4-a]
cost:
  description: What the TPU nodes cost at most; money is null where no price is known.
  returned: when O(state=present)
  type: dict
  sample:
    chips: 4
    chip_hours_per_day: 96
    price_per_chip_hour: {value: 1.4, currency: USD, source: cluster_price_per_chip_hour}
    other_per_hour: 0.0
    per_hour: 5.6
    per_day: 134.4
    words: "4 chips at 1.4 USD (cluster_price_per_chip_hour): 5.60 USD an hour, 134.40 USD a day,
      used or not; the cluster fee, CPU nodes, disks and addresses come on top"
kubeconfig:
  description:
    - Where the kubeconfig is, and its context; empty when none was asked for.
    - C(in_place) says whether the file leads to the cluster now. A check renews the token of one
      that does, and writes no other.
  returned: always
  type: dict
  sample:
    path: ~/.kube/llm
    context: gke_my-project_europe-west4-a_llm
    auth: token
    in_place: true
findings:
  description: What was found; errors fail the task.
  returned: always
  type: list
  elements: dict
  sample:
    - code: GOOGLE-STOCKOUT
      severity: error
      message: the zone has no free machine of this type now; quota does not help
      subject: create node pool tpu of ct6e-standard-4t (operation-1780000000000-1)
      fix: take another zone
ok:
  description: Whether there are no errors.
  returned: always
  type: bool
  sample: true
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.llmd.tpu.plugins.module_utils.gke.cluster import argument_spec, run


def main() -> None:
    """Run as a module process."""
    module = AnsibleModule(argument_spec=argument_spec(), supports_check_mode=True)
    result = run(module.params, check=module.check_mode)
    if result.pop("failed", False):
        module.fail_json(**result)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
