# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""`llmd.tpu.wait_ready` in the controller's process, with progress; documented in the module.

The imports are at the top on purpose: Ansible loads an action plugin before it forks its workers,
so the kubernetes client is imported once a run and not once a task.
"""

from __future__ import annotations

from typing import Any

from ansible.utils.display import Display
from ansible_collections.llmd.tpu.plugins.module_utils.connection import ConnectionProblem, connect
from ansible_collections.llmd.tpu.plugins.module_utils.readiness.wait import (
    argument_spec,
    wait_ready,
)
from ansible_collections.llmd.tpu.plugins.plugin_utils.controller import ControllerAction

_DISPLAY = Display()


class ActionModule(ControllerAction):
    """Waits for objects."""

    def specification(self) -> dict[str, Any]:
        """The module's argument spec."""
        return argument_spec()

    def work(self, parameters: dict[str, Any]) -> dict[str, Any]:
        """Wait, with a line for each change."""
        check = self._task.check_mode
        try:
            session = connect(parameters)
            return wait_ready(parameters, session, check=check, progress=_DISPLAY.display)
        except ConnectionProblem as problem:
            return {"failed": True, "changed": False, "msg": str(problem)}
