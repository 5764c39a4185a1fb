#!/usr/bin/python
# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Look at the Gateway in front of the models, and judge it."""

from __future__ import annotations

DOCUMENTATION = r"""
module: gateway_info
short_description: Look at the Gateway in front of the models, and judge it
version_added: 0.1.0
author:
  - llmd.tpu contributors (!UNKNOWN)
description:
  - Tells whose the Gateway is, where it listens, which addresses it has, and whether anybody may
    use the models through it.
  - Finds a Gateway that gets no address (with what the cloud said), that lacks the CA of the model
    servers or trusts an old one, that KServe does not use, or that is open to everybody. Nothing is
    written anywhere.
options:
  name:
    description: Name of the Gateway. Without it, the one that KServe's configuration names.
    type: str
  namespace:
    description: Namespace of the Gateway.
    type: str
  judge:
    description:
      - What to judge. V(serving) is whether requests reach models through it and who may send
        them, V(plan) whether it can be made or used under this name, V(removal) what its removal
        would mean.
      - Errors fail the task, warnings are shown.
    type: str
    choices: [plan, serving, removal]
    default: serving
  existing:
    description: Whether the Gateway is somebody else's, and must be there.
    type: bool
    default: false
  labels:
    description: The labels by which an object counts as ours, together with O(field_manager).
    type: dict
    default: {}
  field_manager:
    description: The field manager by which an object counts as ours.
    type: str
    default: llmd.tpu
  kserve_namespace:
    description: Namespace of KServe's ConfigMap C(inferenceservice-config).
    type: str
    default: opendatahub
  mesh_namespace:
    description: Istio's namespace, whose AuthorizationPolicies count everywhere.
    type: str
    default: istio-system
  ca_secret_name:
    description: Secret of the CA that signs the model servers' certificates.
    type: str
    default: opendatahub-ca
  ca_secret_namespace:
    description: Namespace of that Secret.
    type: str
    default: cert-manager
  ca_folder:
    description: Where the Gateway's pods must have the CA.
    type: str
    default: /var/run/secrets/opendatahub
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
  - module: llmd.tpu.namespace_info
  - module: llmd.tpu.inference_smoke
"""

EXAMPLES = r"""
- name: See whether the Gateway that KServe uses serves, and whom
  llmd.tpu.gateway_info:

- name: Look at a Gateway of another team
  llmd.tpu.gateway_info:
    name: shared-gateway
    namespace: gateways
    existing: true
    findings_only: true
  register: found
"""

RETURN = r"""
gateway:
  description: What was found.
  returned: when the API server answered
  type: dict
  sample:
    name: inference-gateway
    namespace: opendatahub
    origin: ours
    class_name: istio
    listeners: [{name: http, protocol: HTTP, port: 80}]
    addresses: [203.0.113.10]
    open_addresses: [203.0.113.10]
    services:
      - {name: inference-gateway-istio, type: LoadBalancer, source_ranges: [], internal: false}
    neighbours: []
    objects: []
  contains:
    origin:
      description: V(missing), V(ours) or V(foreign).
      type: str
    open_addresses:
      description: External addresses that anybody may use.
      type: list
      elements: str
    neighbours:
      description: Our other Gateways in the namespace.
      type: list
      elements: str
    objects:
      description:
        - The autoscalers, disruption budgets, certificates and Secrets of ours in the namespace.
      type: list
      elements: dict
kserve_gateway:
  description: The Gateway that KServe attaches services to; empty when its settings are missing.
  returned: when the API server answered
  type: str
  sample: opendatahub/inference-gateway
ca_certificate:
  description: The certificate of the CA that signs now; empty when it is missing.
  returned: when the API server answered
  type: str
findings:
  description: What was found, errors first.
  returned: when the API server answered
  type: list
  elements: dict
  sample:
    - code: GATEWAY-OPEN
      severity: warning
      message: anybody who reaches this address may use the models
      subject: Gateway opendatahub/inference-gateway
      path: ""
      found: 203.0.113.10
      expected: an internal address, source ranges, or an AuthorizationPolicy
      fix: set gateway_source_ranges to the networks that may ask
      source: Google Cloud documentation, LoadBalancer Service parameters
ok:
  description: Whether there is no error among the findings.
  returned: when the API server answered
  type: bool
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.llmd.tpu.plugins.module_utils.gateway.gateway_info import (
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
