#!/usr/bin/python
# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Tell what KServe a cluster has, and what stands in the way of ours."""

from __future__ import annotations

DOCUMENTATION = r"""
module: kserve_info
short_description: Tell what KServe a cluster has, and what stands in the way of ours
version_added: 0.1.0
author:
  - llmd.tpu contributors (!UNKNOWN)
description:
  - Looks for controllers of KServe in all namespaces, for the webhooks and CRDs of
    LLMInferenceServices and the services themselves, and judges what that means for installing or
    removing KServe with this collection. Nothing is written.
  - Refuses another KServe, a track whose CRDs do not know a stored version, and the removal while
    services exist.
  - Says whether the controller must be started anew, because a CRD that it watches came after it.
options:
  kserve_track:
    description: The release line of KServe that is to be installed.
    type: str
    default: release-v0.15
    choices: [release-v0.15, release-v0.17]
  state:
    description: Whether KServe is to be installed or removed.
    type: str
    choices: [present, absent]
    default: present
  adopt:
    description: Whether an installation in our place, which somebody else made, may be taken over.
    type: bool
    default: false
  prune:
    description: Whether the controller of another track may be removed.
    type: bool
    default: true
  monitoring:
    description: Whether the controller is to make monitors, which needs Prometheus Operator's CRDs.
    type: bool
    default: false
  findings_only:
    description: Give the findings and never fail because of them.
    type: bool
    default: false
extends_documentation_fragment:
  - kubernetes.core.k8s_auth_options
  - llmd.tpu.connection
  - llmd.tpu.connection.attributes
attributes:
  check_mode:
    details:
      - Nothing is written, so check mode is the same.
seealso:
  - module: llmd.tpu.apply
  - module: llmd.tpu.model_check
"""

EXAMPLES = r"""
- name: See what KServe is there
  llmd.tpu.kserve_info:
    findings_only: true
  register: kserve

- name: See whether KServe can be removed
  llmd.tpu.kserve_info:
    state: absent
    findings_only: true
"""

RETURN = r"""
findings:
  description: What was found, errors first.
  returned: when the API server answered
  type: list
  elements: dict
  sample:
    - code: KSERVE-FOREIGN
      severity: error
      message: another KServe is installed
      subject: Deployment kserve/kserve-controller-manager
controllers:
  description: The Deployments that call themselves a controller of KServe, in all namespaces.
  returned: when the API server answered
  type: list
  elements: dict
  sample:
    - namespace: opendatahub
      name: kserve-controller-manager
      ours: true
      owner: ""
track:
  description: The track of our controller, empty when there is none.
  returned: when the API server answered
  type: str
  sample: release-v0.15
services:
  description: All LLMInferenceServices, as namespace/name.
  returned: when the API server answered
  type: list
  elements: str
restart:
  description: The CRD that came after the running controller had started, and when; else empty.
  returned: when the API server answered
  type: str
  sample: httproutes.gateway.networking.k8s.io of 2026-01-01T10:00:00Z
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.llmd.tpu.plugins.module_utils.serving.kserve_info import (
    argument_spec,
    run,
)


def main() -> None:
    """Run as a module process."""
    module = AnsibleModule(argument_spec=argument_spec(), supports_check_mode=True)
    result = run(module.params)
    if result.pop("failed", False):
        module.fail_json(**result)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
