# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""`llmd.tpu.apply` in the controller's process; documented in the module of the same name.

The imports are at the top on purpose: Ansible loads an action plugin before it forks its workers,
so the kubernetes client is imported once a run and not once a task.
"""

from __future__ import annotations

from typing import Any

from ansible_collections.llmd.tpu.plugins.module_utils.connection import ConnectionProblem, connect
from ansible_collections.llmd.tpu.plugins.module_utils.manifests.apply import apply, argument_spec
from ansible_collections.llmd.tpu.plugins.plugin_utils.sources import SourcesAction


class ActionModule(SourcesAction):
    """Converges objects."""

    def specification(self) -> dict[str, Any]:
        """The module's argument spec."""
        return argument_spec()

    def work(self, parameters: dict[str, Any]) -> dict[str, Any]:
        """Converge, from here."""
        located = self.located(parameters)
        try:
            return apply(located, connect(located), check=self._task.check_mode)
        except ConnectionProblem as problem:
            return {"failed": True, "changed": False, "msg": str(problem)}
