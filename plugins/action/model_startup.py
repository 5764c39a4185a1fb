# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""`llmd.tpu.model_startup` in the controller's process, with progress; documented in the module."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible_collections.llmd.tpu.plugins.module_utils.connection import Streaming
from ansible_collections.llmd.tpu.plugins.module_utils.startup.model_startup import (
    argument_spec,
    model_startup,
)
from ansible_collections.llmd.tpu.plugins.plugin_utils.controller import WatchingAction


class ActionModule(WatchingAction):
    """Watches models start."""

    def specification(self) -> dict[str, Any]:
        """The module's argument spec."""
        return argument_spec()

    def wait(
        self,
        parameters: dict[str, Any],
        session: Streaming,
        *,
        check: bool,
        progress: Callable[[str], None],
    ) -> dict[str, Any]:
        """Wait."""
        return model_startup(parameters, session, check=check, progress=progress)
