#!/usr/bin/python
# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Read what model servers, scheduler and gateway count, and judge it."""

from __future__ import annotations

DOCUMENTATION = r"""
module: metrics_info
short_description: Read what model servers, scheduler and gateway count, and judge it
version_added: 0.1.0
author:
  - llmd.tpu contributors (!UNKNOWN)
description:
  - Reads the metrics of the vLLM pods of LLMInferenceServices, of their schedulers (EPP), and what
    the gateway's Envoy counts of both, and gives them as plain numbers with the unit in the name.
  - Finds a queue that grows, a KV cache that is nearly full, preemptions, a prefix cache that is
    off or of no use, failed requests, and figures that this version of a server does not give.
  - Needs no Prometheus. Nothing in the cluster is changed; a short-lived token of
    O(metrics_service_account) is requested for the scheduler, which gives its metrics to nobody
    else.
options:
  name:
    description: Name of one service; without it all.
    type: str
  namespace:
    description: The namespace to look in; without it all.
    type: str
  gateway:
    description:
      - Namespace and name of the Gateway, used where no HTTPRoute of a service tells which one it
        is.
    type: str
    default: opendatahub/inference-gateway
  interval:
    description:
      - Seconds between two looks, from 0 to 600. What is counted within them tells what goes on
        now; with 0 there is only one look, and all counts are since the start of the pods.
    type: float
    default: 2.0
  metrics_service_account:
    description:
      - ServiceAccount in the service's namespace that may GET C(/metrics) of the scheduler. Role
        C(model) makes it.
    type: str
    default: llmd-tpu-metrics-reader
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
requirements:
  - prometheus_client
seealso:
  - module: llmd.tpu.inference_smoke
  - module: llmd.tpu.model_info
notes:
  - Needs the rights C(list pods), C(get pods/proxy), C(create pods/portforward) and C(create
    serviceaccounts/token) in the services' namespaces, C(list pods) and C(create pods/portforward)
    in the gateway's. What is not allowed is a finding.
"""

EXAMPLES = r"""
- name: Read the metrics of all services
  llmd.tpu.metrics_info:
  register: metrics

- name: Show them
  ansible.builtin.debug:
    msg: "{{ metrics.report }}"

- name: Watch one service for ten seconds
  llmd.tpu.metrics_info:
    name: qwen2-3b-pattern1
    namespace: llm-d-inference-scheduling
    interval: 10

- name: Take one look, and only collect what is wrong
  llmd.tpu.metrics_info:
    namespace: llm-d-inference-scheduling
    interval: 0
    findings_only: true
  register: metrics
"""

RETURN = r"""
services:
  description:
    - The figures of each service. A figure that is not known is null. Counts are since the start of
      the pods, means over that time; C(recent) has what came within RV(interval_seconds).
  returned: when the services could be listed
  type: list
  elements: dict
  sample:
    - namespace: llm-d-inference-scheduling
      name: qwen2-3b-pattern1
      model: Qwen/Qwen2.5-3B-Instruct
      stopped: false
      gateway: opendatahub/inference-gateway
      servers:
        requests_running: 1
        requests_waiting: 0
        kv_cache_percent: 0.041
        kv_cache_tokens: 1554048
        prefix_queried_tokens: 17952
        prefix_hit_tokens: 12032
        prefix_hit_percent: 67.023
        preemptions: 0
        prompt_tokens: 17952
        generation_tokens: 9400
        requests_finished: 47
        requests_finished_by_finished_reason: {stop: 0, length: 47, abort: 0}
        first_token_seconds: 0.00502
        token_seconds: 0.001048
        queue_seconds: 0.00002
        request_seconds: 0.213967
        recent: {requests_finished: 27, generation_tokens: 5400, request_seconds: 0.2139}
        pods:
          - pod: qwen2-3b-pattern1-kserve-7db74d9cd8-rkcss
            ready: true
            version: 0.11.1
            problem: ""
            requests_running: 1
      scheduler:
        requests: 51
        request_errors: 0
        request_errors_by_error_code: {}
        requests_running: 1
        request_seconds: 0.233211
        scheduling_seconds: 0.000027
        pool_ready_pods: 1
        pool_requests_waiting_average: 0
        pool_kv_cache_percent_average: 0
        recent: {requests: 27, request_errors: 0}
        pods: []
      endpoints:
        server_requests: 50
        server_errors: 0
        server_timeouts: 0
        server_connection_failures: 0
        scheduler_requests: 50
        scheduler_errors: 0
        recent: {server_requests: 27, server_errors: 0}
  contains:
    servers:
      description:
        - vLLM's figures of all pods together, and of each under C(pods). The KV cache is the
          fullest pod's.
      type: dict
    scheduler:
      description: The scheduler's figures, likewise; null for a service without one.
      type: dict
    endpoints:
      description:
        - What the gateway counted of this service's model servers and scheduler. Errors are answers
          with a status of 500 or more.
      type: dict
gateways:
  description:
    - The responses of the gateways to all services, where Istio's C(istio_requests_total) is not
      switched off, and whether their pods could be read.
  returned: when the services could be listed
  type: list
  elements: dict
  sample:
    - namespace: opendatahub
      name: inference-gateway
      responses: 50
      responses_by_response_code: {"200": 49, "503": 1}
      recent: {responses: 27, responses_by_response_code: {"200": 27, "503": 0}}
      pods: []
interval_seconds:
  description: Seconds between the two looks; 0 for a single one.
  returned: when the services could be listed
  type: float
  sample: 2.013
report:
  description: Figures and findings in lines for people, the worst finding last.
  returned: when the services could be listed
  type: list
  elements: str
  sample:
    - LLMInferenceService llm-d-inference-scheduling/qwen2-3b-pattern1 (Qwen/Qwen2.5-3B-Instruct)
    - "  model servers: 1 of 1 read; requests 1 running, 0 waiting, 47 finished (47 length)"
    - "  within 2.3 s: 27 requests finished, 2364.3 tokens/s generated"
findings:
  description: What was found, errors first.
  returned: when the services could be listed
  type: list
  elements: dict
  sample:
    - code: METRICS-KV-CACHE-FULL
      severity: warning
      message: "the KV cache is nearly full: further requests wait, or push others out"
      subject: Pod llm-d-inference-scheduling/qwen2-3b-pattern1-kserve-7db74d9cd8-rkcss
      path: ""
      found: 97 % used
      expected: at most 90 %
      fix: raise model_replicas or --tensor-parallel-size; lower --max-model-len or --max-num-seqs
      source: vLLM, vllm/v1/metrics/loggers.py
ok:
  description: Whether there is no error among the findings.
  returned: when the services could be listed
  type: bool
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.llmd.tpu.plugins.module_utils.metrics.metrics_info import (
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
