# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Ask a model through its gateway and judge the answer."""

from __future__ import annotations

DOCUMENTATION = r"""
module: inference_smoke
short_description: Ask a model through its gateway and judge the answer
version_added: 0.1.0
author:
  - llmd.tpu contributors
description:
  - Sends one completion to the URL that the LLMInferenceService itself reports, judges the answer,
    and asks which models are served. C(Ready=True) is neither needed nor taken as proof.
  - Then weighs whether the scheduler (EPP) chose the pod that answered, by its request counter
    before and after, the response header, and the counters of the model servers.
  - Nothing in the cluster is changed; a short-lived token of O(metrics_service_account) is
    requested.
options:
  name:
    description:
      - Name of the LLMInferenceService.
    type: str
  namespace:
    description:
      - Namespace of the LLMInferenceService.
    type: str
  url:
    description:
      - Base URL of the service, without C(/v1). By default the service's status tells it.
    type: str
  gateway:
    description:
      - Namespace and name of the Gateway, used only while the service's status has no address.
    type: str
    default: opendatahub/inference-gateway
  connect_to:
    description:
      - Where to connect instead of the URL's host and port, as curl's C(--connect-to). URL, Host
        header and TLS name stay. C(HOST:PORT) is for everything, C(HOST1:PORT1:HOST2:PORT2) for one
        host.
    type: list
    elements: str
    default: []
  model:
    description:
      - The model name to ask for. By default the service's, or the first one that is listed.
    type: str
  prompt:
    description:
      - The text to complete.
    type: str
    default: "The capital of France is"
  max_tokens:
    description:
      - Upper bound of generated tokens.
    type: int
    default: 16
  headers:
    description:
      - Headers to send along, for example C(Authorization). Never shown.
    type: dict
    default: {}
  gateway_ca_cert:
    description:
      - File with the certificate authority of the gateway's HTTPS listener. O(ca_cert) is the API
        server's.
    type: path
  wait_timeout:
    description:
      - Seconds in which failures that may heal are tried again (no address yet, 404 of the gateway,
        429, 503, no connection). The last try may end O(request_timeout) later.
    type: int
    default: 300
  request_timeout:
    description:
      - Seconds for one exchange.
    type: int
    default: 60
  require_scheduler:
    description:
      - Fail unless it is proved that the scheduler chose the pod.
    type: bool
    default: false
  metrics_service_account:
    description:
      - ServiceAccount in O(namespace) that may GET C(/metrics) of the scheduler.
    type: str
    default: llmd-tpu-metrics-reader
extends_documentation_fragment:
  - kubernetes.core.k8s_auth_options
  - llmd.tpu.connection
  - llmd.tpu.connection.attributes
attributes:
  check_mode:
    support: none
    details:
      - Skipped, as a service that does not exist yet cannot be asked.
requirements:
  - prometheus_client (for the scheduler's proof)
notes:
  - Proxy settings of the environment are not used for the request to the model.
"""

EXAMPLES = r"""
- name: Ask a model
  llmd.tpu.inference_smoke:
    name: qwen2-3b-pattern1
    namespace: llm-d-inference-scheduling

- name: Ask through a forwarded port and insist on the scheduler
  llmd.tpu.inference_smoke:
    name: qwen2-3b-pattern1
    namespace: llm-d-inference-scheduling
    connect_to: 127.0.0.1:8080
    require_scheduler: true

- name: Ask any OpenAI-compatible address, without a cluster
  llmd.tpu.inference_smoke:
    url: https://models.example.com/team/qwen
    headers:
      Authorization: "Bearer {{ model_api_key }}"
"""

RETURN = r"""
ok:
  description: Whether the answer is right and, with O(require_scheduler), proved to be scheduled.
  returned: always
  type: bool
  sample: true
url:
  description: Base URL that was asked.
  returned: when known
  type: str
  sample: http://203.0.113.10/llm-d-inference-scheduling/qwen2-3b-pattern1
url_origin:
  description: Where the URL was taken from.
  returned: when known
  type: str
  sample: status.url
connected_to:
  description: Address that was connected to.
  returned: when known
  type: str
  sample: 127.0.0.1:8080
status:
  description: HTTP status of the last answer to the completion; null when there was none.
  returned: always
  type: int
  sample: 200
model:
  description: The model that answered.
  returned: always
  type: str
  sample: Qwen/Qwen2.5-3B-Instruct
text:
  description: The generated text.
  returned: always
  type: str
  sample: " Paris."
finish_reason:
  description: Why the generation ended.
  returned: always
  type: str
  sample: stop
usage:
  description: Token counts as the server reports them.
  returned: always
  type: dict
  sample: {prompt_tokens: 5, completion_tokens: 3, total_tokens: 8}
models:
  description: The models that the server lists.
  returned: always
  type: list
  elements: str
  sample: [Qwen/Qwen2.5-3B-Instruct]
latency_seconds:
  description: From connecting to the last byte of the good answer; null when there was none.
  returned: always
  type: float
  sample: 0.482
attempts:
  description: How often the completion was asked for.
  returned: always
  type: int
  sample: 1
scheduler:
  description: Whether the scheduler chose the pod, and what that rests on.
  returned: always
  type: dict
  sample:
    verdict: proved
    reasons:
      - scheduler counted 3 requests before and 4 after
      - response header x-went-into-resp-headers present
      - answered by qwen2-3b-pattern1-kserve-6d4b8c-x7x2k
    before: 3
    after: 4
    answered_by: qwen2-3b-pattern1-kserve-6d4b8c-x7x2k
findings:
  description: What is wrong or worth knowing, errors first.
  returned: always
  type: list
  elements: dict
  sample: []
summary:
  description: The result in a few lines for people.
  returned: always
  type: list
  elements: str
  sample:
    - HTTP 200 in 0.48 s from http://203.0.113.10/llm-d-inference-scheduling/qwen2-3b-pattern1
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.llmd.tpu.plugins.module_utils.smoke.smoke_test import (
    CONSTRAINTS,
    SKIPPED,
    argument_spec,
    run,
)


def main() -> None:
    """Run as a module process."""
    module = AnsibleModule(argument_spec=argument_spec(), supports_check_mode=True, **CONSTRAINTS)
    result = SKIPPED if module.check_mode else run(module.params)
    if result.get("failed"):
        module.fail_json(**{key: value for key, value in result.items() if key != "failed"})
    module.exit_json(**result)


if __name__ == "__main__":
    main()
