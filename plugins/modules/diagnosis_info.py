#!/usr/bin/python
# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Find out why a model does not serve."""

from __future__ import annotations

DOCUMENTATION = r"""
module: diagnosis_info
short_description: Find out why a model does not serve
version_added: 0.1.0
author:
  - llmd.tpu contributors (!UNKNOWN)
description:
  - Looks once at everything between a client and the model server. Operators and their webhooks,
    KServe's controller and what it needs, the gateway and its pods, route, InferencePool,
    scheduler, Services, pods, nodes, certificates, NetworkPolicies. Then it names the causes.
  - A cause is told once. What follows from it is its evidence and no finding of its own. The cause
    that explains most comes first, each with the command or variable that mends it.
  - Ready=True counts as a hint only. KServe says it of services without a route, and of updates
    that hang.
  - Nothing is written. With O(ask) the models are asked, which shows time-outs, 404 and refused
    connections.
  - Logs are read only of containers of a model that does not run, and no more than their end. Of
    Secrets only certificates are looked at.
options:
  name:
    description:
      - The LLMInferenceService; all of the namespace when it is not given.
    type: str
  namespace:
    description:
      - Its namespace; all that have services when it is not given.
    type: str
  url:
    description:
      - The URL that a client uses, to be compared with the one that leads to the service.
    type: str
  gateway:
    description:
      - Namespace and name of the Gateway, as C(namespace/name). The one that KServe attaches
        services to when it is not given.
    type: str
  ask:
    description:
      - Whether to send requests. C(/v1/models) and one completion for each service.
    type: bool
    default: false
  exposure:
    description:
      - Whether to tell, too, when anybody who reaches the gateway may use the models. That is no
        cause of anything, but worth a warning.
    type: bool
    default: false
  connect_to:
    description:
      - With O(ask), the address to connect to in place of the URL's, as for
        M(llmd.tpu.inference_smoke).
    type: list
    elements: str
    default: []
  way:
    description:
      - With O(ask), the way to the gateway, as for M(llmd.tpu.inference_smoke).
    type: str
    choices: [auto, direct, port-forward]
    default: auto
  headers:
    description:
      - With O(ask), headers to send, such as Authorization. They stay secret.
    type: dict
    default: {}
  gateway_ca_cert:
    description:
      - With O(ask), the file with the certificate authority of an HTTPS listener.
    type: path
  first_timeout:
    description:
      - With O(ask), seconds for the first answer.
    type: int
    default: 30
  request_timeout:
    description:
      - With O(ask), seconds for each other answer.
    type: int
    default: 30
  kserve_namespace:
    description:
      - The namespace of KServe's controller, its configuration and presets.
    type: str
    default: opendatahub
  mesh_namespace:
    description:
      - The namespace of istiod.
    type: str
    default: istio-system
  ca_secret_name:
    description:
      - The Secret of the certificate authority that signs the model servers' certificates.
    type: str
    default: opendatahub-ca
  ca_secret_namespace:
    description:
      - Its namespace, which is cert-manager's.
    type: str
    default: cert-manager
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
  - An account that may not read something (Secrets, nodes, C(services/proxy), C(pods/proxy)) gets
    a diagnosis without it. LLMInferenceServices, Deployments and Gateways must be readable.
"""

EXAMPLES = r"""
- name: Find out what is wrong with all models
  llmd.tpu.diagnosis_info:

- name: Ask one model, and compare the URL that a client was given
  llmd.tpu.diagnosis_info:
    name: qwen2-3b-pattern1
    namespace: llm-d-inference-scheduling
    url: http://203.0.113.10/v1/chat/completions
    ask: true
    findings_only: true
  register: diagnosis

- name: Show it
  ansible.builtin.debug:
    var: diagnosis.report
"""

RETURN = r"""
findings:
  description:
    - The causes, the one that explains most first. docs/findings.md lists all codes. Beside what
      every finding has, C(phase) is where it can be mended, C(service) the one that it is about
      (empty for what all share), C(evidence) what was seen and what follows from it, and
      C(explains) the codes of what follows.
  returned: success, or findings_only
  type: list
  elements: dict
  sample:
    - code: GATEWAY-NO-ADDRESS
      severity: error
      message: the cloud gives it no address
      subject: Gateway opendatahub/inference-gateway
      path: status.conditions[Programmed]
      found: "AddressNotAssigned; Assigned to service(s)
        inference-gateway-istio.opendatahub.svc.cluster.local:80, but failed to assign to all
        requested addresses"
      expected: "True"
      fix: "look at the events of its Service: quota for addresses and forwarding rules, rights of
        the cloud's service account, annotations; without a load balancer set gateway_service_type
        to ClusterIP"
      source: ""
      phase: gateway
      service: ""
      evidence:
        - "AddressNotAssigned; Assigned to service(s)
          inference-gateway-istio.opendatahub.svc.cluster.local:80, but failed to assign to all
          requested addresses"
        - "SMOKE-CONNECTION-LOST: the peer closed the connection without a reply
          (http://203.0.113.10/llm-d-inference-scheduling/qwen2-3b-pattern1/v1/completions): Remote
          end closed connection without response"
      explains: [SMOKE-CONNECTION-LOST]
ok:
  description: Whether there is no error among the findings.
  returned: always
  type: bool
  sample: false
phases:
  description:
    - The verdict of each phase, which is ok, warning or error. That of phase model is starting
      while nothing is wrong with a service that does not answer yet.
  returned: success, or findings_only
  type: dict
  sample: {operators: ok, kserve: ok, gateway: error, namespace: ok, model: ok}
checked:
  description: What was looked at and is in order, in words.
  returned: success, or findings_only
  type: list
  elements: str
  sample:
    - "kserve: llmisvc-controller-manager runs, with its configuration, presets and certificate
      authority"
report:
  description: Everything in words, line by line; what is in order first, the first cause last.
  returned: success, or findings_only
  type: list
  elements: str
  sample:
    - "ok: operators: istiod, cert-manager run, Istio v1.28.3; their webhooks answer"
services:
  description: The services that were looked at. V(url) is empty while one has none or is stopped.
  returned: success, or findings_only
  type: list
  elements: dict
  sample:
    - name: qwen2-3b-pattern1
      namespace: llm-d-inference-scheduling
      stage: ready
      state: ready
      asked: true
      url: http://203.0.113.10/llm-d-inference-scheduling/qwen2-3b-pattern1
seconds:
  description: How long it took.
  returned: success, or findings_only
  type: float
  sample: 0.8
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.llmd.tpu.plugins.module_utils.diagnosis.diagnosis_info import (
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
