# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Check an LLMInferenceService before it costs anything."""

from __future__ import annotations

DOCUMENTATION = r"""
module: model_check
short_description: Check an LLMInferenceService against TPU, KServe and vLLM rules
version_added: 0.1.0
author:
  - llmd.tpu contributors (!UNKNOWN)
description:
  - Reads the manifest of a model and tells what cannot work on a real cluster, where it stands in
    the YAML, and what to write instead. Nothing is written anywhere.
  - With O(src) or O(definition) it needs neither a cluster nor a network, unless O(hub_url) is
    given.
  - Every LLMInferenceService of a file with many documents is checked; other kinds are named as
    information.
options:
  src:
    description:
      - Path of a YAML file with one or more documents.
    type: path
  definition:
    description:
      - The manifest itself, as a dictionary, a list of dictionaries, or YAML text.
    type: raw
  name:
    description:
      - Name of a live LLMInferenceService.
    type: str
  namespace:
    description:
      - Namespace of the live LLMInferenceService.
    type: str
  kserve_track:
    description:
      - The release line of KServe that the manifest is for.
    type: str
    default: release-v0.15
    choices:
      - release-v0.15
      - release-v0.17
  model_config:
    description:
      - The content of the model's C(config.json), for a model that is not among the well-known
        ones. With it memory, context length and parallelism are checked.
    type: dict
  vllm_version:
    description:
      - The version of vLLM in the image, where the image's tag does not tell.
    type: str
  hub_url:
    description:
      - Ask this hub for the C(config.json) of models that O(model_config) does not describe, and
        whether it gives it. V(https://huggingface.co) is the public one. Without it nothing is
        asked, and the dimensions of well-known models only are known.
    type: str
  hub_token:
    description:
      - A token for the hub, sent to it over TLS only.
    type: str
  findings_only:
    description:
      - Give the findings and never fail because of them.
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
"""

EXAMPLES = r"""
- name: Check a file, without any cluster
  llmd.tpu.model_check:
    src: model.yaml

- name: Check for a newer KServe and decide in the play
  llmd.tpu.model_check:
    src: model.yaml
    kserve_track: release-v0.17
    findings_only: true
  register: check

- name: Show what would be right
  llmd.tpu.model_check:
    src: model.yaml
    model_config: "{{ lookup('ansible.builtin.file', 'config.json') | from_json }}"
    vllm_version: 0.12.0
    findings_only: true
  register: check

- name: Check the model that runs
  llmd.tpu.model_check:
    name: qwen2-3b-pattern1
    namespace: llm-d-inference-scheduling
    kserve_track: release-v0.17
"""

RETURN = r"""
findings:
  description: What was found, errors first.
  returned: when the input could be read
  type: list
  elements: dict
  sample:
    - code: TPU-LABEL-UNKNOWN
      severity: error
      message: "no node carries this accelerator label: the pod would stay Pending"
      path: spec.template.nodeSelector["cloud.google.com/gke-tpu-accelerator"]
      found: tpu-v6e
      expected: one of tpu-v4-podslice, tpu-v5-lite-podslice, tpu-v5p-slice, tpu-v6e-slice, tpu7x
      fix: write tpu-v6e-slice
      source: GKE documentation, About TPUs in GKE
      subject: LLMInferenceService llm-d-inference-scheduling/qwen2-3b-pattern1
ok:
  description: Whether there is no error among the findings.
  returned: when the input could be read
  type: bool
  sample: false
corrected:
  description:
    - For each service with findings, the manifest with every fix that leaves one answer only, and
      the list of what was changed. It is written nowhere. RV(corrected[].ok) tells whether a check
      of it finds no error any more. Values of variables that look like secrets are masked.
  returned: when the input could be read
  type: list
  elements: dict
  contains:
    service:
      description: Namespace and name, or the name.
      type: str
    ok:
      description: Whether a check of the corrected manifest finds no error.
      type: bool
    changes:
      description: What was changed, each with its place in the manifest.
      type: list
      elements: str
    definition:
      description: The corrected manifest.
      type: dict
  sample:
    - service: llm-d-inference-scheduling/qwen2-3b-pattern1
      ok: true
      changes:
        - "spec.template.tolerations: toleration of google.com/tpu added"
      definition:
        apiVersion: serving.kserve.io/v1alpha1
        kind: LLMInferenceService
services:
  description: The services that were checked, as namespace/name or name.
  returned: when the input could be read
  type: list
  elements: str
  sample:
    - llm-d-inference-scheduling/qwen2-3b-pattern1
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.llmd.tpu.plugins.module_utils.serving.model_check import (
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
