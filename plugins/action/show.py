# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""`llmd.tpu.show`, always in the controller's process; documented in the module of its name."""

from __future__ import annotations

from typing import Any

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

_DISPLAY = Display()


class ActionModule(ActionBase):
    """Prints lines."""

    _supports_check_mode = True

    def run(
        self, tmp: str | None = None, task_vars: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Print them one by one, whatever the callback does with results."""
        super().run(tmp, task_vars)
        _checked, parameters = self.validate_argument_spec(
            {"lines": {"type": "list", "elements": "str", "required": True}}
        )
        for line in parameters["lines"]:
            _DISPLAY.display(line)
        return {"changed": False, "lines": parameters["lines"]}
