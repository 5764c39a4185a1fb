#!/usr/bin/python
# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Tell where TPU machines are likely to be had, before anything is paid for."""

from __future__ import annotations

DOCUMENTATION = r"""
module: tpu_capacity_info
short_description: Tell where TPU machines are likely to be had, before anything is paid for
version_added: 0.1.0
author:
  - llmd.tpu contributors (!UNKNOWN)
description:
  - Asks for each zone and way to buy whether GKE offers the machine type, what the quota allows and
    GKE uses of it, which reservations have room, and what the cluster autoscaler said of it within
    the last hours. It ranks the zones, with the reasons.
  - Nothing is written and no machine is tried. So no zone is ever called available; a catalogue
    entry, a quota and a quiet log are no machine. V(likely) means that all that can be asked
    speaks for it, V(unlikely) that something recent speaks against it, V(unknown) that too little
    is known, and V(impossible) that Google says no.
  - What may not be asked is unknown, and told as information.
options:
  accelerator:
    description:
      - The value of the nodes' accelerator label, such as V(tpu-v6e-slice).
    type: str
    required: true
  topology:
    description:
      - Shape of a slice, such as V(2x2).
    type: str
    required: true
  machine_type:
    description:
      - Machine type. One whole machine a slice where there is one, unless given.
    type: str
  count:
    description:
      - How many slices.
    type: int
    default: 1
  modes:
    description:
      - Ways to buy, the preferred one first.
    type: list
    elements: str
    choices: [on-demand, spot, flex-start, queued, reservation]
    default: [on-demand]
  regions:
    description:
      - Regions to look at; all when it is empty.
    type: list
    elements: str
    default: []
  hours:
    description:
      - How far back the autoscaler's log is read.
    type: float
    default: 24.0
  price_per_chip_hour:
    description:
      - Price of one chip for one hour.
    type: float
  price_from_catalogue:
    description:
      - Whether Google's price list is asked. Without a price only chip-hours are told.
    type: bool
    default: false
  currency:
    description:
      - Currency of O(price_per_chip_hour).
    type: str
    default: USD
  findings_only:
    description:
      - Whether errors are findings that do not fail the task.
    type: bool
    default: false
extends_documentation_fragment:
  - llmd.tpu.google
  - llmd.tpu.connection.attributes
attributes:
  diff_mode:
    description: Can show what changes.
    support: none
"""

EXAMPLES = r"""
- name: Where is a v6e machine of four chips likely to be had?
  llmd.tpu.tpu_capacity_info:
    project: my-project
    auth_kind: application
    accelerator: tpu-v6e-slice
    topology: 2x2
  register: capacity

- name: Show the zones, the best first
  ansible.builtin.debug:
    var: capacity.report

- name: Two of them, Spot before on demand, in two regions
  llmd.tpu.tpu_capacity_info:
    project: my-project
    auth_kind: application
    accelerator: tpu-v6e-slice
    topology: 2x2
    count: 2
    modes: [spot, on-demand]
    regions: [europe-west4, us-east5]
    price_from_catalogue: true
"""

RETURN = r"""
zones:
  description: Zones and ways to buy, the best first.
  returned: success
  type: list
  elements: dict
  sample:
    - zone: europe-west4-a
      mode: on-demand
      verdict: likely
      reasons:
        - GKE offers ct6e-standard-4t here
        - "quota of europe-west4: 16 chips, 4 used by GKE"
      price_per_hour: 11.88
      currency: USD
machine_type:
  description: The machine type that was looked for.
  returned: success
  type: str
  sample: ct6e-standard-4t
machines:
  description: How many of them.
  returned: success
  type: int
  sample: 1
chips:
  description: Their chips.
  returned: success
  type: int
  sample: 4
report:
  description: The same in words, line by line.
  returned: success
  type: list
  elements: str
  sample:
    - "likely: europe-west4-a on-demand: GKE offers ct6e-standard-4t here; 4 chip-hours an hour"
findings:
  description: What was found; errors fail the task unless O(findings_only).
  returned: always
  type: list
  elements: dict
  sample:
    - code: CAPACITY-NOT-ASKED
      severity: info
      message: the autoscaler's log could not be looked at, so it is unknown and no obstacle
      found: "HTTP 403: Permission denied for all log views"
ok:
  description: Whether there are no errors.
  returned: always
  type: bool
  sample: true
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.llmd.tpu.plugins.module_utils.gke.capacity_info import argument_spec, run


def main() -> None:
    """Run as a module process."""
    module = AnsibleModule(argument_spec=argument_spec(), supports_check_mode=True)
    result = run(module.params)
    if result.pop("failed", False):
        module.fail_json(**result)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
