#!/usr/bin/python
# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Write what a cluster serves, and how well, as a page that stands alone and as JSON."""

from __future__ import annotations

DOCUMENTATION = r"""
module: report
short_description: Write what a cluster serves, and how well, as one HTML page and as JSON
version_added: 0.1.0
author:
  - llmd.tpu contributors (!UNKNOWN)
description:
  - Makes one HTML page of what other words of this collection returned - what runs where with
    versions and digests of images, findings, the start of each model as a picture, latencies of the
    smoke test as plots, which replica answered which prefix, and metrics - and the same data as
    JSON.
  - The page stands alone. It loads nothing, has no script, and is made for wide screens, phones and
    paper, light and dark.
  - It asks no cluster. A part without data is left out. What looks like a credential is masked.
  - The same data makes the same files, so that a second run changes nothing.
options:
  path:
    description: The page to write, on the machine where the task runs. Its folder must exist.
    type: path
    required: true
  json_path:
    description: The data to write. By default O(path) with C(.json) at its end.
    type: path
  title:
    description: Heading of the page.
    type: str
    default: LLM services on TPU
  models:
    description: The list C(models) of M(llmd.tpu.model_info).
    type: list
    elements: dict
    default: []
  operators:
    description: The result of M(llmd.tpu.operators_info).
    type: dict
    default: {}
  gateway:
    description: The result of M(llmd.tpu.gateway_info).
    type: dict
    default: {}
  tpu:
    description: The result of M(llmd.tpu.tpu_info).
    type: dict
    default: {}
  pods:
    description: Pods as the API server gives them, of which images, digests and nodes are shown.
    type: list
    elements: dict
    default: []
  findings:
    description:
      - More findings. Those in O(operators), O(gateway), O(smoke) and O(metrics) are shown without
        being given here.
    type: list
    elements: dict
    default: []
  startup:
    description: The list C(services) of M(llmd.tpu.model_startup).
    type: list
    elements: dict
    default: []
  smoke:
    description:
      - Results of M(llmd.tpu.inference_smoke), one for each model. C(service) in a result is what
        it is called, else C(item) of a loop over models. With C(repeats) there are plots.
    type: list
    elements: dict
    default: []
  metrics:
    description: Figures to show, nested as one likes; those without a value are left out.
    type: dict
    default: {}
attributes:
  action:
    description: Has an action plugin of the same name.
    support: full
    details:
      - With a local connection and without become the work is done in the controller's process.
        Otherwise the module runs on the target.
  async:
    description: Can be run in the background with C(async).
    support: none
  check_mode:
    description: Can predict what would happen without changing anything.
    support: full
  diff_mode:
    description: Can show what changes.
    support: full
    details:
      - The difference of the JSON.
requirements:
  - python >= 3.11
  - Jinja2 >= 3.0
  - matplotlib >= 3.7
notes:
  - The requirements are an optional extra of the collection, C(requirements-report.txt).
seealso:
  - module: llmd.tpu.diagnostics_bundle
  - module: llmd.tpu.inference_smoke
"""

EXAMPLES = r"""
- name: Look at the models
  llmd.tpu.model_info:
  register: served

- name: Write a report of them
  llmd.tpu.report:
    path: ~/models.html
    models: "{{ served.models }}"

- name: Measure a model
  llmd.tpu.inference_smoke:
    name: qwen2-3b-pattern1
    namespace: llm-d-inference-scheduling
    repeats: 50
  register: smoke

- name: Write a report with plots, and a copy of its data elsewhere
  llmd.tpu.report:
    path: ~/report.html
    json_path: ~/archive/report.json
    title: Models of team search
    models: "{{ served.models }}"
    smoke: ["{{ smoke }}"]
"""

RETURN = r"""
path:
  description: The page.
  returned: success
  type: str
  sample: /home/me/models.html
json_path:
  description: The data.
  returned: success
  type: str
  sample: /home/me/models.json
ok:
  description: Whether all models are ready, all asked ones answered, and no finding is an error.
  returned: success
  type: bool
  sample: true
verdict:
  description: What that rests on, in numbers.
  returned: success
  type: dict
  sample:
    ok: true
    models: 1
    ready: 1
    stopped: 0
    asked: 1
    answered: 1
    routed: 1
    errors: 0
    warnings: 0
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.llmd.tpu.plugins.module_utils.report.report import argument_spec, run


def main() -> None:
    """Write, report."""
    module = AnsibleModule(argument_spec=argument_spec(), supports_check_mode=True)
    module.exit_json(**run(module.params, check=module.check_mode))


if __name__ == "__main__":
    main()
