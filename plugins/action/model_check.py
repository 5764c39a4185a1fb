# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""model_check in the controller process, without a module process on local connections."""

from __future__ import annotations

from typing import Any

from ansible.plugins.action import ActionBase
from ansible_collections.llmd.tpu.plugins.modules.model_check import (
    CONSTRAINTS,
    argument_spec,
    run,
)


class ActionModule(ActionBase):
    """Run the check here, or as a module where the task has another host or environment."""

    _supports_check_mode = True
    _requires_connection = False

    def run(
        self, tmp: str | None = None, task_vars: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Give the task's result."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        if self._connection.transport != "local" or any(self._task.environment or []):
            result.update(self._execute_module(task_vars=task_vars))
            return result
        _validation, parameters = self.validate_argument_spec(argument_spec(), **CONSTRAINTS)
        result.update(run(parameters))
        return result
