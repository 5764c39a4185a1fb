# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Documentation that all words which talk to a cluster share."""

from __future__ import annotations


class ModuleDocFragment:
    """How the words run and what they need."""

    DOCUMENTATION = r"""
options: {}
requirements:
  - python >= 3.11
  - kubernetes >= 28.1.0
  - PyYAML >= 6.0
  - the collection kubernetes.core, whose client helper opens the connection
notes:
  - The connection options and the environment variables C(K8S_AUTH_*) are those of
    M(kubernetes.core.k8s), and mean the same.
  - Requests carry the user agent C(llmd.tpu/VERSION), so that an audit log can count them.
"""

    ATTRIBUTES = r"""
options: {}
attributes:
  action:
    description: Has an action plugin of the same name.
    support: full
    details:
      - With a local connection and without become the work is done in the controller's process,
        which is many times faster. Otherwise the module runs on the target.
  async:
    description: Can be run in the background with C(async).
    support: none
  check_mode:
    description: Can predict what would happen without changing anything.
    support: full
  diff_mode:
    description: Can show what changes.
    support: full
"""
