#!/usr/bin/python
# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Tell which TPU nodes a cluster has, and whether a model fits."""

from __future__ import annotations

DOCUMENTATION = r"""
module: tpu_info
short_description: Tell which TPU nodes a cluster has, and whether a model fits
version_added: 0.1.0
author:
  - llmd.tpu contributors (!UNKNOWN)
description:
  - Reads the nodes that carry the label C(cloud.google.com/gke-tpu-accelerator) and the pods on
    them - on GKE, and on any cluster whose nodes are labelled so.
  - With O(accelerator), O(topology) and O(chips) it also tells whether the replicas of a model find
    chips now, later, or never, and why.
  - What a pool may still grow to is not in the cluster. It stays V(unknown) or V(after_scale_up),
    and is never taken for granted.
options:
  accelerator:
    description: The accelerator label that the model selects.
    type: str
  topology:
    description: The topology label that the model selects.
    type: str
  chips:
    description: The chips of one replica, which runs on one node.
    type: int
  replicas:
    description: The number of replicas.
    type: int
    default: 1
extends_documentation_fragment:
  - kubernetes.core.k8s_auth_options
  - llmd.tpu.connection
  - llmd.tpu.connection.attributes
seealso:
  - module: llmd.tpu.model_check
  - module: llmd.tpu.preflight_info
"""

EXAMPLES = r"""
- name: List the TPU nodes
  llmd.tpu.tpu_info:
  register: tpu

- name: Ask whether two replicas fit
  llmd.tpu.tpu_info:
    accelerator: tpu-v6e-slice
    topology: 2x2
    chips: 4
    replicas: 2
  register: tpu

- name: Stop when they never will
  ansible.builtin.assert:
    that: tpu.room.when != 'never'
    fail_msg: "{{ tpu.room.reason }}"
"""

RETURN = r"""
nodes:
  description: The TPU nodes. V(buying) is C(on demand), C(spot), C(flex-start) or C(reservation).
  returned: success
  type: list
  elements: dict
  sample:
    - name: gke-tpu-1
      pool: tpu-v6e
      accelerator: tpu-v6e-slice
      topology: 2x2
      machine_type: ct6e-standard-4t
      zone: europe-west4-a
      buying: on demand
      version: v1.34.3-gke.1245000
      ready: true
      taints: ["google.com/tpu=present:NoSchedule"]
      chips: {capacity: 4, allocatable: 4, used: 4, free: 0}
      pods:
        - {name: llm-d-inference-scheduling/qwen2-3b-pattern1-kserve-7d9f, chips: 4}
pools:
  description: The nodes of one pool, accelerator and topology together.
  returned: success
  type: list
  elements: dict
  sample:
    - name: tpu-v6e
      accelerator: tpu-v6e-slice
      topology: 2x2
      nodes: 1
      ready_nodes: 1
      chips: {capacity: 4, allocatable: 4, used: 4, free: 0}
chips:
  description: The chips of all TPU nodes.
  returned: success
  type: dict
  sample: {capacity: 4, allocatable: 4, used: 4, free: 0}
room:
  description:
    - Whether the model fits. RV(room.when) is V(now), V(after_others) when other pods hold the
      chips, V(after_scale_up), V(unknown) or V(never). RV(room.replicas) says how many fit now.
  returned: when O(accelerator) is given
  type: dict
  contains:
    when:
      description: From when on the model fits.
      type: str
    replicas:
      description: How many fit now.
      type: int
    reason:
      description: Why, in words.
      type: str
  sample:
    when: after_others
    replicas: 0
    reason: "others hold the chips: llm-d-inference-scheduling/qwen2-3b-pattern1-kserve-7d9f (4)"
server_version:
  description: The version of the API server, GKE's own on GKE.
  returned: success
  type: str
  sample: v1.34.3-gke.1245000
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.llmd.tpu.plugins.module_utils.tpu.tpu_info import (
    CONSTRAINTS,
    argument_spec,
    run,
)


def main() -> None:
    """Run as a module process."""
    module = AnsibleModule(argument_spec=argument_spec(), supports_check_mode=True, **CONSTRAINTS)
    result = run(module.params)
    if result.pop("failed", False):
        module.fail_json(**result)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
