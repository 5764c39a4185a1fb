#!/usr/bin/python
# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Tell how changed models would be brought about: by rolling update, or stopped first."""

from __future__ import annotations

DOCUMENTATION = r"""
module: model_update_info
short_description: Tell how changed models would be brought about
version_added: 0.1.0
author:
  - llmd.tpu contributors (!UNKNOWN)
description:
  - Compares LLMInferenceServices with the cluster, as M(llmd.tpu.apply) does in check mode, and
    tells for each whether it is made, changed, started or stopped, and whether its pods are
    replaced. Nothing is written.
  - Where pods are replaced, a rolling update starts a new pod before it ends an old one, which
    needs TPU chips that nobody holds. Without them the new pod stays Pending, and KServe goes on to
    call the service ready. Such a service must be stopped first.
  - RV(stop_first) and RV(gone) are what M(llmd.tpu.apply) and M(llmd.tpu.wait_ready) then take. A
    run that is ended in between is carried on by the next one.
  - A pool that may grow is not counted on, since the cluster does not show it.
options:
  definition:
    description: The LLMInferenceServices.
    type: list
    elements: dict
    required: true
  strategies:
    description:
      - How services are to be updated, by C(NAMESPACE/NAME). V(rolling) replaces pods one by one,
        V(stop-first) ends all before the first new one. V(auto), which counts for all others, is
        V(rolling) where a new pod finds chips beside the old ones, else V(stop-first).
    type: dict
    default: {}
  labels:
    description: Labels that the services are applied with.
    type: dict
    default: {}
  kserve_track:
    description: The line of KServe that runs.
    type: str
    choices: [release-v0.15, release-v0.17]
    default: release-v0.15
extends_documentation_fragment:
  - kubernetes.core.k8s_auth_options
  - llmd.tpu.connection
  - llmd.tpu.connection.attributes
seealso:
  - module: llmd.tpu.apply
  - module: llmd.tpu.tpu_info
"""

EXAMPLES = r"""
- name: Tell how a changed model would be brought about
  llmd.tpu.model_update_info:
    definition: "{{ lookup('ansible.builtin.file', 'model.yaml') | from_yaml_all }}"
  register: update

- name: Stop what has no room for a rolling update
  llmd.tpu.apply:
    definition: "{{ update.stop_first }}"

- name: Wait until its chips are free
  llmd.tpu.wait_ready:
    objects: "{{ update.gone }}"

- name: Apply the change, which starts it again
  llmd.tpu.apply:
    src: model.yaml
"""

RETURN = r"""
updates:
  description:
    - What happens to each service. RV(updates[].does) is V(nothing), V(create), V(change), V(roll),
      V(stop) or V(start); RV(updates[].how) is V(rolling), V(stop-first), or empty where no pod is
      replaced.
  returned: success
  type: list
  elements: dict
  contains:
    namespace:
      description: The service's namespace.
      type: str
    name:
      description: The service's name.
      type: str
    does:
      description: What happens.
      type: str
    how:
      description: How pods are replaced.
      type: str
    reason:
      description: Why it is done in this way.
      type: str
  sample:
    - namespace: llm-d-inference-scheduling
      name: qwen2-3b-pattern1
      does: roll
      how: stop-first
      reason: a new pod needs 4 free chips of tpu-v6e-slice 2x2, and 0 are free
stop_first:
  description: The services that are stopped first, as they are to be, but stopped.
  returned: success
  type: list
  elements: dict
gone:
  description: The pods of these, for M(llmd.tpu.wait_ready).
  returned: success
  type: list
  elements: dict
  sample:
    - api_version: v1
      kind: Pod
      namespace: llm-d-inference-scheduling
      selector: app.kubernetes.io/name=qwen2-3b-pattern1
      gone: true
report:
  description: What happens to pods, in words.
  returned: success
  type: list
  elements: str
  sample:
    - "llm-d-inference-scheduling/qwen2-3b-pattern1 is stopped first, and answers again once it has
      started: a new pod needs 4 free chips of tpu-v6e-slice 2x2, and 0 are free"
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.llmd.tpu.plugins.module_utils.serving.model_update_info import (
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
