# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""`llmd.tpu.tpu_capacity_info` in the controller's process; documented in the module."""

from __future__ import annotations

from typing import Any

from ansible_collections.llmd.tpu.plugins.module_utils.gke.capacity_info import argument_spec, run
from ansible_collections.llmd.tpu.plugins.plugin_utils.controller import GoogleAction


class ActionModule(GoogleAction):
    """Ranks zones."""

    def specification(self) -> dict[str, Any]:
        """The module's argument spec."""
        return argument_spec()

    def work(self, parameters: dict[str, Any]) -> dict[str, Any]:
        """Look, from here."""
        return run(parameters)
