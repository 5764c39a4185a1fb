#!/usr/bin/python
# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Tell whose Istio and cert-manager a cluster has, which versions run, and who needs them."""

from __future__ import annotations

DOCUMENTATION = r"""
module: operators_info
short_description: Whose Istio and cert-manager a cluster has, which versions, and who needs them
version_added: 0.1.0
author:
  - llmd.tpu contributors (!UNKNOWN)
description:
  - Reads a cluster and answers one of three questions about its operators. Nothing is written.
  - Errors fail the task, and warnings are shown as Ansible's warnings, unless O(findings_only).
options:
  question:
    description:
      - V(install) asks whether this collection may install its operators - nobody else's Istio,
        cert-manager or CRDs are there (or they are named in O(adopt)), and the version of Istio is
        known to the operator and serves this KServe.
      - V(verify) asks whether what runs is what was asked for, and whether any InferencePool shows
        a status that nobody keeps up to date.
      - V(remove) asks who still needs them.
    type: str
    choices: [install, verify, remove]
    default: verify
  distribution:
    description: Whose builds of the operators are asked for.
    type: str
    choices: [redhat, community]
    default: redhat
  istio_version:
    description: The version of Istio that is asked for, such as V(v1.28.3) or V(v1.28-latest).
    type: str
  istio_crd:
    description:
      - File of the CRD C(istios.sailoperator.io), which lists the versions that the operator
        accepts; a pattern is allowed. Without it the version is not checked against that list.
    type: path
  kserve_track:
    description: The release line of KServe that shall be served.
    type: str
    choices: [release-v0.15, release-v0.17]
    default: release-v0.15
  adopt:
    description: What somebody else installed and is to be used as it is.
    type: list
    elements: str
    choices: [istio, cert-manager, gateway-api, inference-extension]
    default: []
  extras:
    description: What is asked for beside the rest, and must not be somebody else's already.
    type: list
    elements: str
    choices: [lws, monitoring-crds]
    default: []
  findings_only:
    description: Give the findings, and never fail or warn because of them.
    type: bool
    default: false
extends_documentation_fragment:
  - kubernetes.core.k8s_auth_options
  - llmd.tpu.connection
  - llmd.tpu.connection.attributes
attributes:
  check_mode:
    details:
      - Nothing is written. For O(question=remove) what other phases of this collection made is a
        warning in check mode and an error otherwise.
seealso:
  - module: llmd.tpu.wait_ready
"""

EXAMPLES = r"""
- name: Look at what runs
  llmd.tpu.operators_info:
    istio_version: v1.28.3
    distribution: community

- name: Ask whose Istio it is, and decide in the play
  llmd.tpu.operators_info:
    question: install
    istio_version: v1.26.6
    findings_only: true
  register: operators
"""

RETURN = r"""
findings:
  description: What was found, errors first.
  returned: when the cluster could be read
  type: list
  elements: dict
  sample:
    - code: OPERATORS-FOREIGN-ISTIO
      severity: error
      message: Istio of somebody else is in the cluster; ours would fight with it or overwrite it
      path: ""
      found: ""
      expected: no Istio, or leave to use this one
      fix: add istio to operators_adopt to use it as it is
      source: ""
      subject: Deployment istio-system/istiod v1.27.5 (Helm release istio-system/istiod)
ok:
  description: Whether there is no error among the findings.
  returned: when the cluster could be read
  type: bool
  sample: false
installs:
  description: Each part as it was found - whose is V(none), V(ours), V(foreign) or V(platform).
  returned: when the cluster could be read
  type: list
  elements: dict
  sample:
    - part: istio
      whose: ours
      where: Istio default
      version: v1.28.3
      by: field manager llmd.tpu
istio_version:
  description: The version of Istio that runs.
  returned: when the cluster could be read
  type: str
  sample: v1.28.3
istiod_image:
  description: The image of istiod.
  returned: when the cluster could be read
  type: str
  sample: gcr.io/istio-release/pilot:1.28.3
cert_manager_version:
  description: The version of cert-manager that runs.
  returned: when the cluster could be read
  type: str
  sample: v1.15.5
cert_manager_image:
  description: The image of cert-manager's controller.
  returned: when the cluster could be read
  type: str
  sample: quay.io/jetstack/cert-manager-controller:v1.19.1
requests:
  description: The number of requests to the API server.
  returned: when the cluster could be read
  type: int
  sample: 14
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.llmd.tpu.plugins.module_utils.operators.info import argument_spec, run


def main() -> None:
    """Look, judge, report."""
    module = AnsibleModule(argument_spec=argument_spec(), supports_check_mode=True)
    module.exit_json(**run(module.params, check=module.check_mode))


if __name__ == "__main__":
    main()
