# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Ask a model through its gateway and judge the answer."""

from __future__ import annotations

DOCUMENTATION = r"""
module: inference_smoke
short_description: Ask a model through its gateway and judge the answer
version_added: 0.1.0
author:
  - llmd.tpu contributors (!UNKNOWN)
description:
  - Asks the URL that the LLMInferenceService itself reports for a completion, a chat completion, a
    stream and the list of models, and judges each answer. C(Ready=True) is neither needed nor taken
    as proof.
  - Then weighs whether the scheduler (EPP) chose the pod that answered, by what independent places
    tell - the response header, the scheduler's request counter before and after and its log, the
    gateway's count of its questions to the scheduler, the counters of the model servers, and the
    route itself.
  - Tells failures apart by codes (see the page on findings), and a model server that still compiles
    from one that is broken.
  - Nothing in the cluster is changed; a short-lived token of O(metrics_service_account) is
    requested. Only O(way=job) makes objects, a Job and its Secret, and removes them again.
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
      - Namespace and name of the Gateway, used only while the service's status has no address, or
        no HTTPRoute tells which one it is.
    type: str
    default: opendatahub/inference-gateway
  way:
    description:
      - How to get to the gateway. V(direct) connects to the URL's address, or to O(connect_to).
        V(port-forward) forwards a port of a pod of the gateway through the API server, which costs
        some milliseconds a request. V(job) runs a Job beside the model server, which connects to
        the gateway's Service, or to O(connect_to).
      - V(auto) is V(direct), and V(port-forward) for an address that this machine could not reach
        for half a minute; a warning tells so.
    type: str
    choices: [auto, direct, port-forward, job]
    default: auto
  job_image:
    description:
      - Image for the Job of O(way=job), with Python 3.11 or newer as C(python3). By default the
        model server's own, on a node that has it.
    type: str
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
  ask:
    description:
      - What to ask. C(stream) is a streamed completion, C(chat_stream) a streamed chat. The first
        one of C(completion), C(chat), C(stream), C(chat_stream) is asked until it is answered, and
        its routing is weighed; the others follow.
    type: list
    elements: str
    choices: [models, completion, chat, stream, chat_stream]
    default: [models, completion, chat, stream]
  prompt:
    description:
      - The text to complete, or to answer.
    type: str
    default: "The capital of France is"
  max_tokens:
    description:
      - Upper bound of generated tokens.
    type: int
    default: 16
  answer_pattern:
    description:
      - Regular expression (of Python) that every generated text must match somewhere.
    type: str
  answer_schema:
    description:
      - JSON schema that the answer to a chat must fit. It is sent along as C(response_format), so
        that the server generates nothing else.
    type: dict
  headers:
    description:
      - Headers to send along, for example C(Authorization). Never shown, not even when a server
        sends them back.
    type: dict
    default: {}
  gateway_ca_cert:
    description:
      - File with the certificate authority of the gateway's HTTPS listener, in PEM. By default the
        authorities that this machine trusts. O(ca_cert) is the API server's.
    type: path
  wait_timeout:
    description:
      - Seconds in which failures that may heal are tried again (no address yet, 404 of the gateway,
        429, 503, no connection). The last try may end O(first_timeout) later.
    type: int
    default: 300
  first_timeout:
    description:
      - Seconds for one try at the first answer. A server that compiles on demand may need minutes
        for it, and seconds for every later one.
    type: int
    default: 180
  request_timeout:
    description:
      - Seconds for each exchange after the first answer. No connection takes more than 10.
    type: int
    default: 60
  prefixes:
    description:
      - With two or more replicas, ask so many long prompts of different beginnings three times
        each, and tell which replica answered which. 0 leaves it out.
    type: int
    default: 4
  repeats:
    description:
      - So many more requests, each recorded; of the stream when one is asked for, else of the first
        question. They are equal, so a prefix cache makes a server quick.
    type: int
    default: 0
  concurrency:
    description:
      - How many of the O(repeats) are under way at once.
    type: int
    default: 1
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
    support: partial
    details:
      - Skipped, as a service that does not exist yet cannot be asked.
requirements:
  - prometheus_client (for the scheduler's proof)
  - jsonschema >= 4.18 (for O(answer_schema))
notes:
  - Proxy settings of the environment are not used for the request to the model.
"""

EXAMPLES = r"""
- name: Ask a model
  llmd.tpu.inference_smoke:
    name: qwen2-3b-pattern1
    namespace: llm-d-inference-scheduling

- name: Insist on the scheduler
  llmd.tpu.inference_smoke:
    name: qwen2-3b-pattern1
    namespace: llm-d-inference-scheduling
    require_scheduler: true

- name: Ask a gateway without a way from here, through the API server
  llmd.tpu.inference_smoke:
    name: qwen2-3b-pattern1
    namespace: llm-d-inference-scheduling
    way: port-forward

- name: Connect to another address, as curl does with --connect-to
  llmd.tpu.inference_smoke:
    name: qwen2-3b-pattern1
    namespace: llm-d-inference-scheduling
    connect_to: 127.0.0.1:8080

- name: Insist on what the model says, and measure a hundred streams, eight at once
  llmd.tpu.inference_smoke:
    name: qwen2-3b-pattern1
    namespace: llm-d-inference-scheduling
    prompt: What is the capital of France?
    answer_pattern: Paris
    max_tokens: 64
    repeats: 100
    concurrency: 8

- name: Insist on an answer in JSON
  llmd.tpu.inference_smoke:
    name: qwen2-3b-pattern1
    namespace: llm-d-inference-scheduling
    ask: [chat]
    prompt: Which city is the capital of France?
    answer_schema:
      type: object
      properties: {city: {type: string}}
      required: [city]

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
way:
  description: The way that was taken, V(direct), V(port-forward) or V(job).
  returned: when known
  type: str
  sample: direct
connected_to:
  description: Address that was connected to, or what was forwarded.
  returned: when known
  type: str
  sample: 127.0.0.1:8080
status:
  description: HTTP status of the last answer to the first question; null when there was none.
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
texts:
  description: The generated text of each question that was asked.
  returned: always
  type: dict
  sample: {completion: " Paris.", chat: "The capital of France is Paris.", stream: " Paris."}
requests:
  description:
    - A record of each request that was judged, the repeated ones included. Times are in seconds;
      those of tokens come from streams only. C(connect_seconds) is a part of C(seconds);
      C(first_token_seconds) counts from the moment the request was sent; C(token_seconds) is the
      time a token after the first, by the server's own count of tokens; C(gap_seconds) is between
      chunks, of which one may hold several tokens.
  returned: always
  type: list
  elements: dict
  sample:
    - question: stream
      ok: true
      status: 200
      code: ""
      started_seconds: 0.913
      seconds: 0.221
      connect_seconds: 0.004
      first_token_seconds: 0.061
      token_seconds: 0.0103
      gap_seconds:
        {count: 15, mean: 0.0103, p50: 0.0101, p90: 0.0112,
         p95: 0.0119, p99: 0.0131, max: 0.0131}
      prompt_tokens: 5
      completion_tokens: 16
latencies:
  description:
    - What the O(repeats) say together, in seconds; null without any. Failed ones are counted and
      left out of the times. Percentiles are by nearest rank.
  returned: always
  type: dict
  sample:
    question: stream
    requests: 100
    failed: 0
    concurrency: 8
    wall_seconds: 3.1
    seconds: {count: 100, mean: 0.24, p50: 0.23, p90: 0.27, p95: 0.29, p99: 0.33, max: 0.34}
    connect_seconds:
      {count: 100, mean: 0.004, p50: 0.004, p90: 0.005,
       p95: 0.006, p99: 0.008, max: 0.009}
    first_token_seconds:
      {count: 100, mean: 0.07, p50: 0.07, p90: 0.08,
       p95: 0.09, p99: 0.1, max: 0.11}
    token_seconds:
      {count: 100, mean: 0.0104, p50: 0.0103, p90: 0.0109,
       p95: 0.0112, p99: 0.0119, max: 0.012}
    gap_seconds:
      {count: 1500, mean: 0.0104, p50: 0.0103, p90: 0.0113,
       p95: 0.0117, p99: 0.0127, max: 0.02}
first_answer_seconds:
  description: How long the first good answer took; null when there was none.
  returned: always
  type: float
  sample: 0.482
latency_seconds:
  description: From connecting to the last byte of the good answer; null when there was none.
  returned: always
  type: float
  sample: 0.482
attempts:
  description: How often the first question was asked.
  returned: always
  type: int
  sample: 1
prefixes:
  description:
    - Which replicas answered each of the O(prefixes), in order; C(?) where that is not known. Empty
      for one replica.
  returned: always
  type: list
  elements: dict
  sample:
    - prefix: 1
      replicas:
        - qwen2-3b-pattern1-kserve-6d4b8c-x7x2k
        - qwen2-3b-pattern1-kserve-6d4b8c-x7x2k
        - qwen2-3b-pattern1-kserve-6d4b8c-x7x2k
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
      - gateway asked the scheduler once
    before: 3
    after: 4
    answered_by: qwen2-3b-pattern1-kserve-6d4b8c-x7x2k
    evidence:
      - place: response header
        says: "yes"
        words: response header x-went-into-resp-headers present
        exact: true
  contains:
    verdict:
      description:
        - V(proved) needs two places that say so, one of which speaks of this request alone;
          V(likely) is less than that, or a contradiction; V(not routed) says that a place denies it
          and none affirms it, or that the route names no pool; V(unknown) that nothing could be
          read.
      type: str
    reasons:
      description: What each place tells, in words.
      type: list
      elements: str
    before:
      description: The scheduler's count of requests before the question; null when unread.
      type: int
    after:
      description: The same after the answer.
      type: int
    answered_by:
      description: The pods of the model server whose count rose.
      type: str
    evidence:
      description:
        - What each place says (V(yes), V(no), V(nothing)), and whether C(exact)ly of this request.
      type: list
      elements: dict
route:
  description:
    - The rule of the HTTPRoute that takes completions, and the listener it comes in by; null when
      it cannot be read.
  returned: always
  type: dict
  sample:
    name: llm-d-inference-scheduling/qwen2-3b-pattern1-kserve-route
    prefix: /llm-d-inference-scheduling/qwen2-3b-pattern1/v1/completions
    backends: [InferencePool qwen2-3b-pattern1-inference-pool]
    gateway: opendatahub/inference-gateway
    listener: http
    port: 80
    protocol: HTTP
    certificates: []
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
