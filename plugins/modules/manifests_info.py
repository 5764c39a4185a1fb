#!/usr/bin/python
# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""List the objects and images that manifests, overlays and charts bring."""

from __future__ import annotations

DOCUMENTATION = r"""
module: manifests_info
short_description: List the objects and images that manifests, overlays and charts bring
version_added: 0.1.0
author:
  - llmd.tpu contributors (!UNKNOWN)
description:
  - Reads and renders manifests as M(llmd.tpu.apply) does, from the same options, and tells what is
    in them. No cluster is asked and nothing is written but the cache.
extends_documentation_fragment:
  - llmd.tpu.sources
  - llmd.tpu.connection.attributes
requirements:
  - python >= 3.11
  - PyYAML >= 6.0
attributes:
  diff_mode:
    description: Can show what changes.
    support: none
seealso:
  - module: llmd.tpu.apply
"""

EXAMPLES = r"""
- name: List what KServe's overlay brings
  llmd.tpu.manifests_info:
    kustomize:
      - path: "{{ kserve_manifests }}/config/overlays/odh-xks"
  register: kserve

- name: Show the images to mirror
  ansible.builtin.debug:
    var: kserve.images
"""

RETURN = r"""
objects:
  description: The objects, in the order of the sources.
  returned: success
  type: list
  elements: dict
  sample:
    - api_version: apps/v1
      kind: Deployment
      name: kserve-controller-manager
      namespace: opendatahub
images:
  description: The images of all containers, also of those inside custom resources; each once.
  returned: success
  type: list
  elements: str
  sample: ["quay.io/opendatahub/kserve-controller:v0.15-latest"]
digest:
  description: SHA-256 over all that the objects say.
  returned: success
  type: str
  sample: 9128365a212b1921b23b1223d203c5cc8a436fa92b5b752664cdb1c59949d1c8
cached:
  description: Whether nothing had to be rendered, and something came from the cache.
  returned: success
  type: bool
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.llmd.tpu.plugins.module_utils.rendering.info import argument_spec, info


def main() -> None:
    """Read the options, list, report."""
    module = AnsibleModule(argument_spec=argument_spec(), supports_check_mode=True)
    # Ansible would add all arguments, and with them the values of Secrets in the definition.
    module.exit_json(**info(module.params), invocation={"module_args": "not shown"})


if __name__ == "__main__":
    main()
