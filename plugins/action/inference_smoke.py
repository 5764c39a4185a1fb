# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""`llmd.tpu.inference_smoke` in the controller's process; documented in the module."""

from __future__ import annotations

from typing import Any

from ansible.plugins.action import ActionBase
from ansible_collections.llmd.tpu.plugins.modules.inference_smoke import (
    CONSTRAINTS,
    SKIPPED,
    argument_spec,
    run,
)
from ansible_collections.llmd.tpu.plugins.plugin_utils.controller import (
    connection_environment,
    refuse_async,
    runs_here,
)


class ActionModule(ActionBase):
    """Asks from here when the connection is local, else hands over to the module."""

    _supports_check_mode = True
    _supports_async = False

    def run(
        self, tmp: str | None = None, task_vars: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Give the task's result."""
        super().run(tmp, task_vars)
        refused = refuse_async(self)
        if refused:
            return refused
        if not runs_here(self):
            result: dict[str, Any] = self._execute_module(task_vars=task_vars)
            return result
        _checked, parameters = self.validate_argument_spec(argument_spec(), **CONSTRAINTS)
        if self._task.check_mode:
            return dict(SKIPPED)
        return run(connection_environment(self, parameters))
