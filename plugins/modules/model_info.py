#!/usr/bin/python
# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""List the models that a cluster serves."""

from __future__ import annotations

DOCUMENTATION = r"""
module: model_info
short_description: List the models that a cluster serves
version_added: 0.1.0
author:
  - llmd.tpu contributors (!UNKNOWN)
description:
  - Lists the LLMInferenceServices with where they answer, whether they are ready, their pods and
    their TPU chips. Made for dashboards, surveys and reports.
  - KServe's condition C(Ready) stays true during a rolling update that cannot finish.
    RV(models[].rolled_out) tells whether all pods are of the latest revision and serve.
  - A cluster without KServe has no models, which is no error.
options:
  namespace:
    description: The namespace to look in; without it all.
    type: str
  name:
    description: The name of one service; without it all.
    type: str
  label_selectors:
    description: Labels that a service must carry, each as kubectl's C(--selector) takes it.
    type: list
    elements: str
    default: []
extends_documentation_fragment:
  - kubernetes.core.k8s_auth_options
  - llmd.tpu.connection
  - llmd.tpu.connection.attributes
seealso:
  - module: llmd.tpu.tpu_info
  - module: llmd.tpu.inference_smoke
"""

EXAMPLES = r"""
- name: List all models
  llmd.tpu.model_info:
  register: served

- name: Show where they answer
  ansible.builtin.debug:
    msg: "{{ served.models | items2dict(key_name='name', value_name='url') }}"

- name: Look at one model
  llmd.tpu.model_info:
    namespace: llm-d-inference-scheduling
    name: qwen2-3b-pattern1

- name: List the models that role model made
  llmd.tpu.model_info:
    label_selectors: [llmd.tpu/phase=model]
"""

RETURN = r"""
models:
  description:
    - The services. V(url) is empty while a service has no address or is stopped, and V(reason) says
      why it is not ready.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: The service's name.
      type: str
    namespace:
      description: The service's namespace.
      type: str
    model:
      description: The name that requests give.
      type: str
    uri:
      description: Where the model comes from.
      type: str
    url:
      description: Where it answers.
      type: str
    ready:
      description: The condition C(Ready).
      type: bool
    reason:
      description: Why it is not ready.
      type: str
    stopped:
      description: Whether it is stopped.
      type: bool
    rolled_out:
      description: Whether all pods are of the latest revision and serve.
      type: bool
    replicas:
      description: Pods - wanted, of the latest revision, available, and present.
      type: dict
    chips:
      description: TPU chips of one replica, and those in use.
      type: dict
    accelerator:
      description: The nodes' label for the accelerator.
      type: str
    topology:
      description: The nodes' label for the topology.
      type: str
    image:
      description: The server's image.
      type: str
    vllm:
      description: The version of vLLM, as far as the image tells it.
      type: str
  sample:
    - name: qwen2-3b-pattern1
      namespace: llm-d-inference-scheduling
      model: Qwen/Qwen2.5-3B-Instruct
      uri: hf://Qwen/Qwen2.5-3B-Instruct
      url: http://203.0.113.10/llm-d-inference-scheduling/qwen2-3b-pattern1
      ready: true
      reason: ""
      stopped: false
      rolled_out: true
      replicas: {wanted: 1, updated: 1, available: 1, present: 1}
      chips: {per_replica: 4, in_use: 4}
      accelerator: tpu-v6e-slice
      topology: 2x2
      image: registry.redhat.io/rhaiis/vllm-tpu-rhel9:3.2.5
      vllm: 0.11 (probably)
api_version:
  description: The newest API version of the kind; empty on a cluster without KServe.
  returned: success
  type: str
  sample: serving.kserve.io/v1alpha1
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.llmd.tpu.plugins.module_utils.serving.model_info import (
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
