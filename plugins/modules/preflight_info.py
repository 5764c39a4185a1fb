#!/usr/bin/python
# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Look at everything a run needs, before it writes anything."""

from __future__ import annotations

DOCUMENTATION = r"""
module: preflight_info
short_description: Look at everything a run needs, before it writes anything
version_added: 0.1.0
author:
  - llmd.tpu contributors (!UNKNOWN)
description:
  - Takes what the phases of a run are going to do and tells what would stop them. Programs and
    their versions, the cluster and its version, every permission, whether credentials really open
    the images and the model, what others have installed, TPU nodes and, where Google can be
    asked, the chips that the quota allows.
  - Nothing is written. Permissions are asked for by C(SelfSubjectAccessReview), which is sent as a
    POST and leaves no object behind.
  - A secret goes to its own host only, over TLS, and no redirect is followed. No secret is part of
    the result.
  - What cannot be asked from here (a registry behind another network, Google without credentials)
    is information and no error.
  - The playbook C(llmd.tpu.preflight) fills in the phases from the roles' own variables.
options:
  phases:
    description:
      - What the run is going to do, phase by phase.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description:
          - The phase.
        type: str
        required: true
      state:
        description:
          - Whether the phase is brought about or removed. For a removal only permissions are looked
            at.
        type: str
        choices: [present, absent]
        default: present
      prune:
        description:
          - Whether the phase also deletes objects of its own that are no longer asked for.
        type: bool
        default: false
      objects:
        description:
          - The objects that the phase writes or deletes, as M(llmd.tpu.manifests_info) returns
            them.
        type: list
        elements: dict
        default: []
        suboptions:
          api_version:
            description:
              - Group and version.
            type: str
            required: true
          kind:
            description:
              - The kind.
            type: str
            required: true
          name:
            description:
              - The name.
            type: str
          namespace:
            description:
              - The namespace, for kinds that have one.
            type: str
      watched:
        description:
          - The objects that the phase waits for, as M(llmd.tpu.wait_ready) takes them.
        type: list
        elements: dict
        default: []
      access:
        description:
          - Further permissions that the phase uses.
        type: list
        elements: dict
        default: []
        suboptions:
          group:
            description:
              - The API group; empty for the core group.
            type: str
            default: ""
          resource:
            description:
              - The resource, with its subresource where there is one (C(pods/portforward)).
            type: str
            required: true
          verbs:
            description:
              - The verbs.
            type: list
            elements: str
            required: true
          namespace:
            description:
              - The namespace; empty for all of them.
            type: str
            default: ""
          name:
            description:
              - The name of the one object that it is for.
            type: str
            default: ""
          without:
            description:
              - What a run without them is like; their lack is then a warning. Empty when it fails.
            type: str
            default: ""
      programs:
        description:
          - The programs that the phase starts.
        type: list
        elements: dict
        default: []
        suboptions:
          name:
            description:
              - Which program it is. For C(kustomize), C(kubectl) will do as well.
            type: str
            choices: [helm, kustomize, git]
            required: true
          path:
            description:
              - Where it is, or its name in PATH.
            type: str
            required: true
      images:
        description:
          - The images that the phase brings, exactly as the manifests name them.
        type: list
        elements: str
        default: []
      pull_secret:
        description:
          - The docker config that the images are pulled with.
        type: dict
      pull_secret_problem:
        description:
          - Why the pull secret cannot be used, where that is known already.
        type: str
      models:
        description:
          - The models to download.
        type: list
        elements: dict
        default: []
        suboptions:
          uri:
            description:
              - Its address; only C(hf://) is asked for.
            type: str
            required: true
          gated:
            description:
              - Whether it wants a token.
            type: bool
            default: false
          token:
            description:
              - The token of the hub.
            type: str
      slices:
        description:
          - The TPU chips that each service asks for. Services that want the same nodes are counted
            together.
        type: list
        elements: dict
        default: []
        suboptions:
          accelerator:
            description:
              - The accelerator label of the nodes.
            type: str
            required: true
          topology:
            description:
              - The topology label of the nodes.
            type: str
            required: true
          chips:
            description:
              - Chips of a replica.
            type: int
            required: true
          replicas:
            description:
              - Replicas.
            type: int
            required: true
          service:
            description:
              - The name of the service, whose own pods are not counted as using chips.
            type: str
          namespace:
            description:
              - The namespace of the service.
            type: str
      findings:
        description:
          - What other words found out about the phase, as M(llmd.tpu.operators_info) and
            M(llmd.tpu.kserve_info) return it; it is told with the rest.
        type: list
        elements: dict
        default: []
      serving_namespaces:
        description:
          - Namespaces in which models are served, to look for another way of serving there.
        type: list
        elements: str
        default: []
      unknown:
        description:
          - Why the phase cannot tell its objects, in words; each is an error.
        type: list
        elements: str
        default: []
  hub_url:
    description:
      - The hub of models. E(HF_ENDPOINT) counts when it is not given, and then
        C(https://huggingface.co).
    type: str
  web_ca_cert:
    description:
      - File with the certificates that registries and hub are verified with, in place of the
        system's.
    type: path
  web_timeout:
    description:
      - Seconds for one exchange with a registry, the hub or Google.
    type: int
    default: 4
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
notes:
  - Proxy settings of the environment are not used for registries, hub and Google.
"""

EXAMPLES = r"""
- name: Look at what one phase needs
  llmd.tpu.preflight_info:
    phases:
      - name: namespace
        objects:
          - {api_version: v1, kind: Namespace, name: llm-d-inference-scheduling}
          - {api_version: v1, kind: Secret, name: hf-token, namespace: llm-d-inference-scheduling}
        serving_namespaces: [llm-d-inference-scheduling]
      - name: model
        images: [registry.redhat.io/rhaiis/vllm-tpu-rhel9:3.2.5]
        pull_secret: "{{ lookup('ansible.builtin.file', 'auth.json') | from_json }}"
        models:
          - uri: hf://Qwen/Qwen2.5-3B-Instruct
        slices:
          - {accelerator: tpu-v6e-slice, topology: 2x2, chips: 4, replicas: 1}
    findings_only: true
  register: preflight

- name: Show it
  ansible.builtin.debug:
    var: preflight.report
"""

RETURN = r"""
findings:
  description: What was found, errors first. docs/findings.md lists all codes.
  returned: always
  type: list
  elements: dict
  sample:
    - code: PERMISSION-MISSING
      severity: error
      message: the account may not create gateways.gateway.networking.k8s.io in namespace
        opendatahub; needed by phase gateway for inference-gateway
      subject: create gateways.gateway.networking.k8s.io
      path: namespace opendatahub
      found: denied
      expected: allowed
      fix: give the account a role with this verb
      source: kubernetes.io, Authorization Overview (SelfSubjectAccessReview)
ok:
  description: Whether there is no error among the findings.
  returned: always
  type: bool
  sample: false
checked:
  description: What is in order, in words.
  returned: always
  type: list
  elements: str
  sample:
    - image registry.redhat.io/rhaiis/vllm-tpu-rhel9:3.2.5 can be read (phase model)
report:
  description: Everything in words, line by line; what is in order first, errors last.
  returned: always
  type: list
  elements: str
  sample:
    - "ok: helm 3.17.1 at helm"
seconds:
  description: How long it took.
  returned: always
  type: float
  sample: 1.2
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.llmd.tpu.plugins.module_utils.preflight.preflight import (
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
