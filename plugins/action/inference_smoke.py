# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""`llmd.tpu.inference_smoke` in the controller's process; documented in the module."""

from __future__ import annotations

from typing import Any

from ansible_collections.llmd.tpu.plugins.module_utils.smoke.smoke_test import (
    CONSTRAINTS,
    SKIPPED,
    argument_spec,
    run,
)
from ansible_collections.llmd.tpu.plugins.plugin_utils.controller import ControllerAction


class ActionModule(ControllerAction):
    """Asks a model."""

    constraints = CONSTRAINTS

    def specification(self) -> dict[str, Any]:
        """The module's argument spec."""
        return argument_spec()

    def work(self, parameters: dict[str, Any]) -> dict[str, Any]:
        """Ask, from here; check mode asks nothing."""
        return dict(SKIPPED) if self._task.check_mode else run(parameters)
