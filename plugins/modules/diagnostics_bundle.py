#!/usr/bin/python
# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Collect what explains a cluster's state, without its secrets, in one archive."""

from __future__ import annotations

DOCUMENTATION = r"""
module: diagnostics_bundle
short_description: Collect what explains a cluster's state, without its secrets, in one archive
version_added: 0.1.0
author:
  - llmd.tpu contributors (!UNKNOWN)
description:
  - Asks a cluster through C(kubectl) or C(oc), by the Python package openshift-client, for the
    objects, events, descriptions, logs (of the present run of a container and of the one before)
    and versions of all that serves models, and writes them into one C(.tar.gz) with a page
    C(index.html) that names findings first.
  - Of Secrets only names, types and keys are collected. In every text whatever looks like a
    credential is masked - by its form, by the name beside it, in URLs, within base64, in copies of
    applied objects and in Helm's releases - and so are known values wherever they stand, which are
    those of the Secrets, of O(secrets), of the connection, and of variables with a telling name.
  - What may not be read, or takes too long, is named on the index page and in RV(problems), and
    never fails the task.
  - Only the owner may read the archive. Nothing in the cluster is changed.
options:
  path:
    description:
      - The archive to write, C(.tar.gz), on the machine where the task runs. Its folder must exist.
    type: path
    required: true
  overwrite:
    description:
      - Whether a file at O(path) may be replaced. Otherwise it fails the task before anything is
        asked.
    type: bool
    default: false
  namespaces:
    description:
      - The namespaces to look at. By default those that carry the label C(llmd.tpu/phase), that
        have an LLMInferenceService, InferencePool or Gateway, or in which an operator, istiod,
        cert-manager or a controller of KServe runs.
    type: list
    elements: str
    default: []
  findings:
    description:
      - Findings of this collection's other words, shown on top of the index page.
    type: list
    elements: dict
    default: []
  data:
    description:
      - More to put into the archive, each entry as a JSON file of its own; results of other tasks,
        such as metrics. Cleaned as all the rest.
    type: dict
    default: {}
  secrets:
    description:
      - Values that must not be in the archive, for example a password that an application may have
        logged. Those of fewer than six characters are ignored.
    type: list
    elements: str
    default: []
  search_secrets:
    description:
      - Whether to read the values of the Secrets in O(namespaces), for no other use than to remove
        them wherever else they stand - in a log, for example, that says a password without any
        sign that it is one. They are kept in memory alone. Turn it off for an account that is not
        to read Secrets at all.
    type: bool
    default: true
  program:
    description:
      - C(kubectl) or C(oc), or a path to either. By default the first of the two in PATH.
    type: str
  max_size:
    description:
      - How many bytes the files may have together before they are compressed, such as V(50M). Logs
        get what other files leave; small files stay whole.
    type: bytes
    default: 50M
  log_lines:
    description:
      - How many of the last lines of each log to collect, and no more than 4 MiB.
    type: int
    default: 2000
  command_timeout:
    description: How many seconds one command may take.
    type: int
    default: 30
  timeout:
    description:
      - After how many seconds nothing more is asked. What is there by then is cleaned and written.
      - Cleaning took about a second a megabyte on two cores; no more than O(max_size) is cleaned.
    type: int
    default: 300
extends_documentation_fragment:
  - kubernetes.core.k8s_auth_options
  - llmd.tpu.connection
  - llmd.tpu.connection.attributes
attributes:
  check_mode:
    details:
      - Looks which namespaces and kinds there are, tells what it would ask for, and writes nothing.
  diff_mode:
    support: none
requirements:
  - openshift-client >= 2.0.5
  - Jinja2
  - kubectl or oc
notes:
  - C(kubectl) gets the connection as a kubeconfig that its owner alone may read, and that is
    removed at the end; no token is ever an argument of a process.
seealso:
  - module: llmd.tpu.report
"""

EXAMPLES = r"""
- name: Collect a bundle
  llmd.tpu.diagnostics_bundle:
    path: ~/llmd-diagnostics.tar.gz

- name: See what would be asked for
  llmd.tpu.diagnostics_bundle:
    path: ~/llmd-diagnostics.tar.gz
    overwrite: true
  check_mode: true

- name: Look at the models
  llmd.tpu.model_info:
  register: served

- name: Collect a bundle with findings, of two namespaces, without a password that a program may log
  llmd.tpu.diagnostics_bundle:
    path: "~/llmd-{{ now(utc=true, fmt='%Y%m%dT%H%M%SZ') }}.tar.gz"
    namespaces: [opendatahub, llm-d-inference-scheduling]
    findings: "{{ llmd_preflight.findings }}"
    data:
      models: "{{ served.models }}"
    secrets:
      - "{{ database_password }}"
    log_lines: 500
    max_size: 10M
"""

RETURN = r"""
path:
  description: The archive.
  returned: success
  type: str
  sample: /home/me/llmd-diagnostics.tar.gz
bytes:
  description: How large the archive is.
  returned: when written
  type: int
  sample: 182044
program:
  description: The program that asked.
  returned: success
  type: str
  sample: /usr/local/bin/kubectl
namespaces:
  description: The namespaces that were looked at.
  returned: success
  type: list
  elements: str
  sample: [cert-manager, istio-system, llm-d-inference-scheduling, opendatahub]
files:
  description: The files in the archive.
  returned: when written
  type: list
  elements: str
  sample: [index.html, cluster/Node.yaml, namespaces/istio-system/events.txt]
planned:
  description: What would be asked for.
  returned: in check mode
  type: list
  elements: str
  sample: ["describe nodes"]
problems:
  description: What could not be collected, or not whole, and why.
  returned: success
  type: list
  elements: dict
  sample:
    - what: describe nodes
      why: 'Error from server (Forbidden): nodes is forbidden: User "reader" cannot list nodes'
seconds:
  description: How long it took.
  returned: when written
  type: float
  sample: 6.3
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.llmd.tpu.plugins.module_utils.bundle.diagnostics_bundle import (
    argument_spec,
    run,
)


def main() -> None:
    """Collect, report."""
    module = AnsibleModule(argument_spec=argument_spec(), supports_check_mode=True)
    module.exit_json(**run(module.params, check=module.check_mode))


if __name__ == "__main__":
    main()
