#!/usr/bin/python
# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Watch models start, stage by stage, and name what goes wrong."""

from __future__ import annotations

DOCUMENTATION = r"""
module: model_startup
short_description: Watch models start, stage by stage, and name what goes wrong
version_added: 0.1.0
author:
  - llmd.tpu contributors (!UNKNOWN)
description:
  - Waits until LLMInferenceServices are ready, as M(llmd.tpu.wait_ready) does, and says what each
    does meanwhile - V(accepted), V(children) (Deployments and pods are made), V(scheduled),
    V(image), V(weights) (downloaded), V(server), V(compiled), V(warm), V(pool) (the pod is an
    endpoint), V(route), V(ready).
  - A start that cannot succeed ends the task with a finding within five seconds of the first sign
    that counts - a token that the model hub refuses, a flag that vLLM refuses, an autoscaler that
    will not bring a node, and many more; all are listed in docs/findings.md. What every healthy
    start shows for a while counts for nothing.
  - A stockout of the cloud is told at once, and fails only at the time-out.
  - Pods, Deployments, the service and events are watched; the log of a model's own containers
    (C(storage-initializer) and C(main)) is read at most once a second, 64 KiB at a time, and never
    shown beyond the one line that names the cause. Credentials in it are masked.
  - Events, crashes and refusals that are older than a minute when the task begins count only when
    they happen again, since the run may have repaired their cause.
  - In check mode it looks once and never fails.
options:
  services:
    description: The services to watch.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: The name.
        type: str
        required: true
      namespace:
        description: The namespace.
        type: str
        required: true
  kserve_track:
    description: The release line of KServe that runs in the cluster.
    type: str
    choices: [release-v0.15, release-v0.17]
    default: release-v0.15
  progress:
    description:
      - Whether to print a line at every change, and every O(progress_interval) seconds. Lines are
        printed only where the task works in the controller.
      - The environment variable E(LLMD_PROGRESS) of the controller is its default.
    type: bool
    default: true
  progress_interval:
    description: How many seconds may pass without a line.
    type: int
    default: 15
  wait_timeout:
    description: How many seconds to wait.
    type: int
    default: 2700
extends_documentation_fragment:
  - kubernetes.core.k8s_auth_options
  - llmd.tpu.connection
  - llmd.tpu.connection.attributes
seealso:
  - module: llmd.tpu.model_check
  - module: llmd.tpu.wait_ready
"""

EXAMPLES = r"""
- name: Watch a model start
  llmd.tpu.model_startup:
    services:
      - {name: qwen2-3b-pattern1, namespace: llm-d-inference-scheduling}

- name: Watch a model of another KServe, for an hour at most
  llmd.tpu.model_startup:
    kserve_track: release-v0.17
    wait_timeout: 3600
    services:
      - {name: qwen2-3b-pattern1, namespace: llm-d-inference-scheduling}
  register: started

- name: Show the stages
  ansible.builtin.debug:
    msg: "{{ started.services[0].stages | items2dict(key_name='stage', value_name='seconds') }}"
"""

RETURN = r"""
services:
  description:
    - Each service in the order given, with the stage it is in, the seconds that each stage took
      (stages that were over at the first look are left out) and what ended the wait, if it did.
  returned: when the API server answered
  type: list
  elements: dict
  sample:
    - name: qwen2-3b-pattern1
      namespace: llm-d-inference-scheduling
      ready: true
      stage: ready
      reason: ready
      stages:
        - {stage: children, seconds: 0.4}
        - {stage: image, seconds: 21.3}
        - {stage: weights, seconds: 34.8}
        - {stage: server, seconds: 33.0}
        - {stage: compiled, seconds: 91.2}
        - {stage: warm, seconds: 4.9}
      finding: null
findings:
  description: What ended the wait; of a time-out what each service was waiting for.
  returned: with RV(services)
  type: list
  elements: dict
  sample:
    - code: STARTUP-FLAGS-REFUSED
      severity: error
      message: vLLM refuses its command line
      path: pod qwen2-3b-pattern1-kserve-7d9c5b6f4-x2x8k, container main
      found: "exit code 2: vllm: error: unrecognized arguments: --prefix-cache-block-size 64"
      expected: a container that keeps running
      fix: correct VLLM_ADDITIONAL_ARGS; llmd.tpu.model_check knows the flags of each vLLM version
      source: the container's log
      subject: LLMInferenceService llm-d-inference-scheduling/qwen2-3b-pattern1
seconds:
  description: How long it waited.
  returned: with RV(services)
  type: float
requests:
  description: The number of requests to the API server, each watch counted once.
  returned: with RV(services)
  type: int
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.llmd.tpu.plugins.module_utils.connection import ConnectionProblem, connect
from ansible_collections.llmd.tpu.plugins.module_utils.startup.model_startup import (
    argument_spec,
    model_startup,
)


def main() -> None:
    """Read the options, watch, report; a module cannot print progress while it runs."""
    module = AnsibleModule(argument_spec=argument_spec(), supports_check_mode=True)
    try:
        session = connect(module.params)
        result = model_startup(
            module.params, session, check=module.check_mode, progress=lambda _line: None
        )
    except ConnectionProblem as problem:
        result = {"failed": True, "changed": False, "msg": str(problem)}
    module.exit_json(**result)


if __name__ == "__main__":
    main()
