#!/usr/bin/python
# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Wait until Kubernetes objects are ready, by rules that know their kinds."""

from __future__ import annotations

DOCUMENTATION = r"""
module: wait_ready
short_description: Wait until Kubernetes objects are ready, by rules that know their kinds
version_added: 0.1.0
author:
  - llmd.tpu contributors (!UNKNOWN)
description:
  - Waits for many objects at once. Knows Deployment, StatefulSet, DaemonSet, Job, Namespace,
    Secret, ConfigMap, Service (a ready endpoint), CustomResourceDefinition, webhook
    configurations, Certificate, Issuer, ClusterIssuer, Istio, GatewayClass, Gateway, HTTPRoute,
    InferencePool and LLMInferenceService. Another kind is ready when it is there and none of its
    usual conditions (C(Ready), C(Available), C(Accepted)) says otherwise.
  - A webhook configuration is ready when each webhook has a C(caBundle), its Service has a ready
    endpoint, and its server answers the API server through the Service's proxy. An account that
    may not get C(services/proxy) does without the last, and the reason says so.
  - An LLMInferenceService is ready when every condition it needs is there, current and true, and
    its Deployments have no old or missing pods. An InferencePool whose status was left behind by
    a Gateway that no longer exists is not ready.
  - Everything is read once, and what is not ready is watched, together with its pods and
    endpoints. Where the account may not watch, it reads every second instead.
  - Stops early when an object cannot become ready by itself - an image refused twice, a container
    that crashes after two restarts, pods that quota or admission refuse, a failed Job, an account
    that may not read, and with O(kinds_exist) a kind that is not served. A pod that cannot be
    scheduled may get a new node, so it is told and waited for.
  - At a time-out the error says of each object what it was waiting for.
  - In check mode it looks once and never fails; RV(objects) says what is not there or not ready.
options:
  objects:
    description: The objects to wait for.
    type: list
    elements: dict
    required: true
    suboptions:
      api_version:
        description: The API version, such as V(apps/v1).
        type: str
        required: true
      kind:
        description: The kind.
        type: str
        required: true
      name:
        description: The name.
        type: str
      selector:
        description:
          - A label selector in place of the name, for all objects of a namespace that carry the
            labels. Only with O(objects[].gone) - ready when none is left.
        type: str
      namespace:
        description: The namespace, for kinds that have one.
        type: str
      condition:
        description:
          - Conditions to wait for instead of the kind's own rule, as V(Type) or V(Type=Status).
            Each must be present, of the latest generation, and so.
        type: list
        elements: str
      field:
        description:
          - A field to wait for instead of the kind's own rule, or with O(objects[].condition)
            besides it. As V(status.path=value), or as V(status.path), which must not be empty.
        type: str
      keys:
        description: For a Secret or ConfigMap, keys that must be there and not empty.
        type: list
        elements: str
      ca_bundle:
        description:
          - For a CustomResourceDefinition, wait also until its conversion webhook has a C(caBundle)
            and answers.
        type: bool
        default: false
        aliases: [caBundle]
      gone:
        description:
          - Wait until the object does not exist; a kind that the server does not know counts as
            gone. The other rules of the entry are then not used. RV(objects[].reason) names the
            finalizers that hold it, and what its namespace waits for.
        type: bool
        default: false
  kinds_exist:
    description:
      - Whether the kinds of all objects must be served when the task begins. If so, a missing
        CustomResourceDefinition ends the task at once; if not, it is waited for.
    type: bool
    default: false
  progress:
    description:
      - Whether to print what is waited for - on every change, and every 30 seconds. Lines are
        printed only where the task works in the controller.
      - The environment variable E(LLMD_PROGRESS) of the controller is its default.
    type: bool
    default: true
  wait_timeout:
    description: How many seconds to wait.
    type: int
    default: 300
extends_documentation_fragment:
  - kubernetes.core.k8s_auth_options
  - llmd.tpu.connection
  - llmd.tpu.connection.attributes
seealso:
  - module: llmd.tpu.apply
"""

EXAMPLES = r"""
- name: Wait for a Deployment
  llmd.tpu.wait_ready:
    objects:
      - {api_version: apps/v1, kind: Deployment, name: istiod, namespace: istio-system}

- name: Wait for an operator's objects, and for a field of another kind
  llmd.tpu.wait_ready:
    wait_timeout: 600
    objects:
      - {api_version: sailoperator.io/v1, kind: Istio, name: default}
      - api_version: v1
        kind: Secret
        name: opendatahub-ca
        namespace: cert-manager
        keys: [tls.crt]
      - {api_version: v1, kind: Namespace, name: opendatahub, field: status.phase=Active}

- name: Wait in silence, and not for a CustomResourceDefinition that nobody brings
  llmd.tpu.wait_ready:
    kinds_exist: true
    progress: false
    objects:
      - {api_version: cert-manager.io/v1, kind: ClusterIssuer, name: opendatahub-ca-issuer}

- name: Wait until a namespace and all in it are gone
  llmd.tpu.wait_ready:
    objects:
      - {api_version: v1, kind: Namespace, name: models-of-last-year, gone: true}

- name: Wait until the chips of a stopped service are free
  llmd.tpu.wait_ready:
    objects:
      - api_version: v1
        kind: Pod
        namespace: llm-d-inference-scheduling
        selector: app.kubernetes.io/name=llama-8b
        gone: true
"""

RETURN = r"""
objects:
  description: The state of each object, in the order given.
  returned: when the API server answered
  type: list
  elements: dict
  contains:
    api_version:
      description: As it was given.
      type: str
    kind:
      description: As it was given.
      type: str
    name:
      description: As it was given, or that of an object that a selector found.
      type: str
    namespace:
      description: As it was given.
      type: str
    ready:
      description: Whether it is as it should be.
      type: bool
    reason:
      description: What it lacks, or what shows that it is ready.
      type: str
  sample:
    - api_version: apps/v1
      kind: Deployment
      name: istiod
      namespace: istio-system
      ready: false
      reason: 1 of 1 pods updated, 0 available, 1 exist
seconds:
  description: How long it waited.
  returned: with RV(objects)
  type: float
requests:
  description: The number of requests to the API server, each watch counted once.
  returned: with RV(objects)
  type: int
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.llmd.tpu.plugins.module_utils.connection import ConnectionProblem, connect
from ansible_collections.llmd.tpu.plugins.module_utils.readiness.wait import (
    argument_spec,
    wait_ready,
)


def main() -> None:
    """Read the options, wait, report; a module cannot print progress while it runs."""
    module = AnsibleModule(argument_spec=argument_spec(), supports_check_mode=True)
    try:
        session = connect(module.params)
        result = wait_ready(
            module.params, session, check=module.check_mode, progress=lambda _line: None
        )
    except ConnectionProblem as problem:
        result = {"failed": True, "changed": False, "msg": str(problem)}
    module.exit_json(**result)


if __name__ == "__main__":
    main()
