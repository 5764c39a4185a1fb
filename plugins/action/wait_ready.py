# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""`llmd.tpu.wait_ready` in the controller's process, with progress; documented in the module.

The imports are at the top on purpose: Ansible loads an action plugin before it forks its workers,
so the kubernetes client is imported once a run and not once a task.
"""

from __future__ import annotations

from ansible_collections.llmd.tpu.plugins.module_utils.readiness.wait import (
    argument_spec,
    wait_ready,
)
from ansible_collections.llmd.tpu.plugins.plugin_utils.controller import WatchingAction


class ActionModule(WatchingAction):
    """Waits for objects."""

    options = staticmethod(argument_spec)
    word = staticmethod(wait_ready)
