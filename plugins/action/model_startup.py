# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""`llmd.tpu.model_startup` in the controller's process, with progress; documented in the module."""

from __future__ import annotations

from typing import Any

from ansible.utils.display import Display
from ansible_collections.llmd.tpu.plugins.module_utils.connection import ConnectionProblem, connect
from ansible_collections.llmd.tpu.plugins.module_utils.startup.model_startup import (
    argument_spec,
    model_startup,
)
from ansible_collections.llmd.tpu.plugins.plugin_utils.controller import ControllerAction

_DISPLAY = Display()


class ActionModule(ControllerAction):
    """Watches models start."""

    def specification(self) -> dict[str, Any]:
        """The module's argument spec."""
        return argument_spec()

    def work(self, parameters: dict[str, Any]) -> dict[str, Any]:
        """Watch, with a line for each change."""
        check = self._task.check_mode
        try:
            session = connect(parameters)
            return model_startup(parameters, session, check=check, progress=_DISPLAY.display)
        except ConnectionProblem as problem:
            return {"failed": True, "changed": False, "msg": str(problem)}
