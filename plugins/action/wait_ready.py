# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""`llmd.tpu.wait_ready` in the controller's process, with progress; documented in the module.

The imports are at the top on purpose: Ansible loads an action plugin before it forks its workers,
so the kubernetes client is imported once a run and not once a task.
"""

from __future__ import annotations

from typing import Any

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display
from ansible_collections.llmd.tpu.plugins.module_utils.connection import ConnectionProblem, connect
from ansible_collections.llmd.tpu.plugins.module_utils.readiness.wait import (
    argument_spec,
    wait_ready,
)
from ansible_collections.llmd.tpu.plugins.plugin_utils.controller import (
    connection_environment,
    refuse_async,
    runs_here,
)

_DISPLAY = Display()


class ActionModule(ActionBase):
    """Waits here when the connection is local, else hands over to the module."""

    _supports_check_mode = True
    _supports_async = False

    def run(
        self, tmp: str | None = None, task_vars: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """The task's result; while it waits, a line for each change."""
        super().run(tmp, task_vars)
        refused = refuse_async(self)
        if refused:
            return refused
        if not runs_here(self):
            result: dict[str, Any] = self._execute_module(task_vars=task_vars)
            return result
        _checked, params = self.validate_argument_spec(argument_spec())
        params = connection_environment(self, params)
        try:
            session = connect(params)
            return wait_ready(
                params, session, check=self._task.check_mode, progress=_DISPLAY.display
            )
        except ConnectionProblem as problem:
            return {"failed": True, "changed": False, "msg": str(problem)}
