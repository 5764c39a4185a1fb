#!/usr/bin/python
# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Print lines as they are."""

from __future__ import annotations

DOCUMENTATION = r"""
module: show
short_description: Print lines as they are
version_added: 0.1.0
author:
  - llmd.tpu contributors (!UNKNOWN)
description:
  - Prints lines in a run's output, for people. M(ansible.builtin.debug) prints JSON by default, in
    which a command line with quotation marks cannot be copied.
  - Where the task's action plugin does not run, only the result has the lines.
options:
  lines:
    description: What to print, line by line.
    type: list
    elements: str
    required: true
extends_documentation_fragment:
  - llmd.tpu.connection.attributes
attributes:
  action:
    details:
      - It does all of the work, on the controller, whatever the connection.
  async:
    support: none
  diff_mode:
    support: none
"""

EXAMPLES = r"""
- name: Say how to go on
  llmd.tpu.show:
    lines:
      - The model has started. A question to it
      - >-
        curl http://203.0.113.10/v1/completions -d '{"model": "qwen", "prompt": "Hello"}'
"""

RETURN = r"""
lines:
  description: What was printed.
  returned: success
  type: list
  elements: str
"""

from ansible.module_utils.basic import AnsibleModule


def main() -> None:
    """Give the lines back; a module cannot print."""
    spec = {"lines": {"type": "list", "elements": "str", "required": True}}
    module = AnsibleModule(argument_spec=spec, supports_check_mode=True)
    module.exit_json(changed=False, lines=module.params["lines"])


if __name__ == "__main__":
    main()
