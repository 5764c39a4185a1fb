#!/usr/bin/python
# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Name what of a cluster costs money."""

from __future__ import annotations

DOCUMENTATION = r"""
module: cost_info
short_description: Name what of a cluster costs money, as far as the cluster shows it
version_added: 0.1.0
author:
  - llmd.tpu contributors (!UNKNOWN)
description:
  - Lists nodes with TPU chips by pool, load balancers with their addresses, disks, and the number
    of other nodes. Prices are not asked for, and what lies outside the cluster (reserved
    addresses, buckets, logs) is not seen.
  - In check mode the addresses of Gateways that this collection made are left out, since a removal
    takes them along. C(llmd.tpu.remove) uses it so.
extends_documentation_fragment:
  - kubernetes.core.k8s_auth_options
  - llmd.tpu.connection
  - llmd.tpu.connection.attributes
attributes:
  diff_mode:
    description: Can show what changes.
    support: none
"""

EXAMPLES = r"""
- name: Look at what costs
  llmd.tpu.cost_info:
  register: costs

- name: Show it
  ansible.builtin.debug:
    var: costs.report
"""

RETURN = r"""
findings:
  description: What costs; all of them are information.
  returned: success
  type: list
  elements: dict
  sample:
    - code: COST-TPU-NODES
      severity: info
      message: "1 node of tpu-v6e-slice 2x2, 4 chips: billed while they exist, used or not"
      subject: pool tpu-v6e
      found: gke-tpu-v6e-0
report:
  description: The same in words, line by line.
  returned: success
  type: list
  elements: str
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.llmd.tpu.plugins.module_utils.costs.info import argument_spec, run


def main() -> None:
    """Run as a module process."""
    module = AnsibleModule(argument_spec=argument_spec(), supports_check_mode=True)
    result = run(module.params, check=module.check_mode)
    if result.pop("failed", False):
        module.fail_json(**result)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
