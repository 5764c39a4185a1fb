#!/usr/bin/python
# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Look at the namespaces of models, and judge what is asked for."""

from __future__ import annotations

DOCUMENTATION = r"""
module: namespace_info
short_description: Look at the namespaces of models, and judge what is asked for
version_added: 0.1.0
author:
  - llmd.tpu contributors (!UNKNOWN)
description:
  - Tells of each namespace whose it is, which services live in it, which Secrets it has, and which
    objects of ours are in it. Of Secrets it reads the names only. Nothing is written anywhere.
  - With O(state) it also says what stands against making or removing it.
options:
  names:
    description: The namespaces to look at; they need not exist.
    type: list
    elements: str
    required: true
  state:
    description:
      - Judge whether the namespaces can be used (V(present)) or given up (V(absent)). Errors fail
        the task, warnings are shown. Without it nothing is judged.
    type: str
    choices: [present, absent]
  labels:
    description: The labels by which an object counts as ours, together with O(field_manager).
    type: dict
    default: {}
  field_manager:
    description: The field manager by which an object counts as ours.
    type: str
    default: llmd.tpu
  add_labels:
    description: Labels that the namespaces are about to get.
    type: dict
    default: {}
  adopt:
    description: Whether a namespace that somebody else made may be used.
    type: bool
    default: false
  allow_sidecars:
    description: Whether labels that make Istio inject sidecars are meant.
    type: bool
    default: false
  needed_secrets:
    description: Names of Secrets that must be in each namespace.
    type: list
    elements: str
    default: []
  account_secrets:
    description: Names of Secrets that ServiceAccount C(default) is about to list.
    type: list
    elements: str
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
      - Nothing is written, so check mode is the same.
seealso:
  - module: llmd.tpu.gateway_info
  - module: llmd.tpu.model_check
"""

EXAMPLES = r"""
- name: See whether a namespace is free for models
  llmd.tpu.namespace_info:
    names: [llm-d-inference-scheduling]
    labels: {llmd.tpu/phase: namespace}
    state: present

- name: List the services of two namespaces
  llmd.tpu.namespace_info:
    names: [models, models-test]
  register: found
"""

RETURN = r"""
namespaces:
  description: What was found, in the order of O(names).
  returned: when the API server answered
  type: list
  elements: dict
  sample:
    - name: llm-d-inference-scheduling
      origin: ours
      services: [qwen2-3b-pattern1]
      secrets: [hf-token, redhat-pull-secret]
      account_secrets: [hf-token]
      objects:
        - apiVersion: v1
          kind: Secret
          metadata: {name: hf-token, namespace: llm-d-inference-scheduling}
  contains:
    origin:
      description:
        - V(missing), V(ours), V(adopted) (somebody else made it and we were told to use it) or
          V(foreign).
      type: str
    services:
      description: The LLMInferenceServices in it.
      type: list
      elements: str
    secrets:
      description: The names of its Secrets.
      type: list
      elements: str
    account_secrets:
      description: The Secrets that ServiceAccount C(default) lists.
      type: list
      elements: str
    objects:
      description: The Secrets, quotas and limit ranges in it that are ours.
      type: list
      elements: dict
findings:
  description: What stands against O(state), errors first.
  returned: when the API server answered
  type: list
  elements: dict
  sample:
    - code: NAMESPACE-FOREIGN
      severity: error
      message: it exists, and this collection did not make it
      subject: Namespace default
      path: ""
      found: ""
      expected: a name that is free, or a namespace with our label
      fix: choose another namespace_name, or set namespace_adopt to true
      source: ""
ok:
  description: Whether there is no error among the findings.
  returned: when the API server answered
  type: bool
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.llmd.tpu.plugins.module_utils.namespaces.namespace_info import (
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
