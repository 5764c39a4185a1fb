#!/usr/bin/python
# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Converge a list of Kubernetes objects, writing only what differs."""

from __future__ import annotations

DOCUMENTATION = r"""
module: apply
short_description: Converge a list of Kubernetes objects, writing only what differs
version_added: 0.1.0
author:
  - llmd.tpu contributors (!UNKNOWN)
description:
  - Reads every object first, compares it with what is asked for as server-side apply would, and
    writes only the objects that differ, by server-side apply. A run that has nothing to do sends
    no write.
  - Namespaces are written first, then CustomResourceDefinitions (and waited for), then the rest,
    and webhooks last.
  - Fields of others stay as they are. Ignored are C(status), defaults of the server, the rules of a
    ClusterRole with an C(aggregationRule), and a C(caBundle) that an injector owns.
  - What is deleted (O(state=absent), O(prune)) must be ours, that is, applied by our field manager
    and, with O(labels), carrying all of them. It is deleted with the uid that was read. Custom
    resources go first and are waited for, while what serves them still runs; then webhook
    configurations and admission policies, workloads, the rest, namespaces, and at last
    CustomResourceDefinitions. When a custom resource does not go, nothing after it is deleted.
  - A namespace is only deleted when we made it and nothing of others is in it. Not counted are the
    ServiceAccount V(default), the ConfigMaps V(kube-root-ca.crt), V(istio-ca-root-cert) and
    V(istio-ca-crl), Endpoints, Events, Leases, the ResourceQuota V(gke-resource-quotas), objects
    with an owner, and what O(leftovers) names.
  - A CustomResourceDefinition with a bundle version (Gateway API and its inference extension) is
    never downgraded, and is left alone where the platform manages it; the result says so.
options:
  state:
    description:
      - Whether the objects are to be there.
      - With V(absent) those that are ours are deleted, in the reverse of the order in which they
        are written, and waited for (O(wait_timeout)). Others are skipped, with the reason.
    type: str
    choices: [present, absent]
    default: present
  namespace:
    description: The namespace of namespaced objects that name none.
    type: str
  labels:
    description:
      - Labels to add to the metadata of every object.
      - Only an object that carries all of them is deleted.
    type: dict
  server_side_apply:
    description: How to apply; the names are those of M(kubernetes.core.k8s).
    type: dict
    suboptions:
      field_manager:
        description: The name under which the fields are owned.
        type: str
        default: llmd.tpu
      force_conflicts:
        description:
          - Take over every field that another manager owns and that the manifest sets otherwise.
            O(take_over) says it more narrowly.
        type: bool
        default: false
  take_over:
    description: The objects whose fields may be taken over from another field manager.
    type: list
    elements: dict
    suboptions:
      kind:
        description: The kind of the objects.
        type: str
        required: true
      name:
        description: The name of the object; without it all objects of the kind.
        type: str
      fields:
        description:
          - Paths of the fields, as the error about the conflict spells them; a path covers
            everything below it. Without it all fields of the object.
        type: list
        elements: str
  prune:
    description:
      - Also delete every object that carries all O(labels), has been applied by our field manager
        and is not in the list. All kinds are searched that can be listed, in all namespaces.
      - With O(state=absent) the list may be left out; everything that carries the labels goes.
      - Nothing is pruned when an object of the list failed.
    type: bool
    default: false
  remove_crds:
    description:
      - The API groups whose CustomResourceDefinitions may be deleted. Others are skipped, as are
        those of which objects remain, and those that the platform manages.
    type: list
    elements: str
    default: []
  leftovers:
    description:
      - Objects that controllers leave in a namespace and that may go with it, beside what never
        counts.
    type: list
    elements: dict
    suboptions:
      kind:
        description: The kind of the objects.
        type: str
        required: true
      name:
        description: The name of the object, where C(*) stands for any text; without it all of the
          kind.
        type: str
  delete_options:
    description: How to delete; the names and their meaning are those of M(kubernetes.core.k8s).
    type: dict
    suboptions:
      propagationPolicy:
        description: What becomes of dependent objects; without it the server's default.
        type: str
        choices: [Foreground, Background, Orphan]
      gracePeriodSeconds:
        description: How many seconds a pod may take to end.
        type: int
      preconditions:
        description: What must be true of an object to be deleted, beside the uid that was read.
        type: dict
        suboptions:
          resourceVersion:
            description: The resource version of the object.
            type: str
          uid:
            description: The uid of the object.
            type: str
  hidden_fields:
    description:
      - Fields that the diff leaves out, as in M(kubernetes.core.k8s); also spelled as
        RV(objects[].fields) does.
    type: list
    elements: str
  wait_timeout:
    description:
      - How many seconds to wait for what is still starting - CRDs to be established, kinds to be
        served, webhooks to be reachable - and, in each step of a removal, for objects being deleted
        to be gone.
    type: int
    default: 120
extends_documentation_fragment:
  - kubernetes.core.k8s_auth_options
  - llmd.tpu.sources
  - llmd.tpu.connection
  - llmd.tpu.connection.attributes
seealso:
  - module: llmd.tpu.manifests_info
  - module: llmd.tpu.wait_ready
  - module: kubernetes.core.k8s
"""

EXAMPLES = r"""
- name: Converge one object
  llmd.tpu.apply:
    definition:
      apiVersion: v1
      kind: Namespace
      metadata:
        name: models

- name: Converge a folder of manifests, with a label on each
  llmd.tpu.apply:
    src: manifests
    namespace: models
    labels:
      team: search

- name: Converge an overlay, its CRDs first
  llmd.tpu.apply:
    kustomize:
      - path: "{{ kserve_manifests }}/config/overlays/odh-xks"
    include:
      - kind: CustomResourceDefinition

- name: Converge a chart without its monitoring
  llmd.tpu.apply:
    chart:
      - path: charts/web
        name: web
        namespace: models
        values:
          title: Models of team search
    exclude:
      - kind: ServiceMonitor
        group: monitoring.coreos.com

- name: Take over the replicas that somebody scaled by hand
  llmd.tpu.apply:
    src: deployment.yaml
    take_over:
      - kind: Deployment
        name: web
        fields: [spec.replicas]

- name: Converge what is asked for, and delete what earlier versions made
  llmd.tpu.apply:
    src: manifests
    namespace: models
    labels:
      team: search
    prune: true

- name: Delete everything that carries a label, with the CRDs of one group
  llmd.tpu.apply:
    state: absent
    prune: true
    labels:
      team: search
    remove_crds: [example.com]
    leftovers:
      - kind: Secret
        name: web-cert
"""

RETURN = r"""
objects:
  description: What happened to each object, in the order given; then to those found by labels.
  returned: when the manifests could be read and the API server answered
  type: list
  elements: dict
  sample:
    - kind: Deployment
      api_version: apps/v1
      name: kserve-controller-manager
      namespace: opendatahub
      action: changed
      fields: ["spec.template.spec.containers[name=manager].image"]
      reason: ""
      milliseconds: 31
  contains:
    action:
      description: One of V(none), V(created), V(changed), V(deleted), V(pruned), V(skipped),
        V(failed). V(pruned) is what was found by its labels and deleted.
      type: str
    fields:
      description: The fields whose value changed, or would change in check mode.
      type: list
      elements: str
    reason:
      description: Why an object was skipped, is only predicted, or failed.
      type: str
    milliseconds:
      description: The time spent on the object.
      type: int
requests:
  description: The number of requests to the API server.
  returned: with RV(objects)
  type: int
writes:
  description: The number of requests that write; a dry run is none.
  returned: with RV(objects)
  type: int
retries:
  description: How often a request was repeated because something was still starting or in trouble.
  returned: with RV(objects)
  type: int
diff:
  description:
    - The fields that change, object by object. Values of Secrets are masked, and values of
      variables that are called token, password, secret, credentials or key.
  returned: with RV(objects)
  type: list
  elements: dict
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.llmd.tpu.plugins.module_utils.connection import ConnectionProblem, connect
from ansible_collections.llmd.tpu.plugins.module_utils.manifests.apply import apply, argument_spec


def main() -> None:
    """Read the options, converge, report."""
    module = AnsibleModule(argument_spec=argument_spec(), supports_check_mode=True)
    try:
        result = apply(module.params, connect(module.params), check=module.check_mode)
    except ConnectionProblem as problem:
        result = {"failed": True, "changed": False, "msg": str(problem)}
    # Ansible would add all arguments, and with them the values of Secrets in the definition.
    module.exit_json(**result, invocation={"module_args": "not shown"})


if __name__ == "__main__":
    main()
