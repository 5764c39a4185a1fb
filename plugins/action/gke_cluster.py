# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""`llmd.tpu.gke_cluster` in the controller's process, with progress; documented in the module."""

from __future__ import annotations

from typing import Any

from ansible_collections.llmd.tpu.plugins.module_utils.gke.cluster import (
    World,
    argument_spec,
    run,
)
from ansible_collections.llmd.tpu.plugins.plugin_utils.controller import GoogleAction, show


class ActionModule(GoogleAction):
    """Brings a cluster about."""

    def specification(self) -> dict[str, Any]:
        """The module's argument spec."""
        return argument_spec()

    def work(self, parameters: dict[str, Any]) -> dict[str, Any]:
        """Do it, from here."""
        return run(parameters, check=bool(self._task.check_mode), world=World(progress=show))
