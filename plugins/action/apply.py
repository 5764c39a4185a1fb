# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""`llmd.tpu.apply` in the controller's process; documented in the module of the same name.

The imports are at the top on purpose: Ansible loads an action plugin before it forks its workers,
so the kubernetes client is imported once a run and not once a task.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ansible.errors import AnsibleError
from ansible.plugins.action import ActionBase
from ansible_collections.llmd.tpu.plugins.module_utils.connection import ConnectionProblem, connect
from ansible_collections.llmd.tpu.plugins.module_utils.manifests.apply import apply, argument_spec
from ansible_collections.llmd.tpu.plugins.plugin_utils.controller import (
    connection_environment,
    refuse_async,
    runs_here,
)


class ActionModule(ActionBase):
    """Converges here when the connection is local, else hands over to the module."""

    _supports_check_mode = True
    _supports_async = False

    def run(
        self, tmp: str | None = None, task_vars: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """The task's result."""
        super().run(tmp, task_vars)
        refused = refuse_async(self)
        if refused:
            return refused
        if not runs_here(self):
            result: dict[str, Any] = self._execute_module(task_vars=task_vars)
            return result
        _checked, params = self.validate_argument_spec(argument_spec())
        params = connection_environment(self, params)
        params["src"] = [self._found(path) for path in params.get("src") or ()]
        try:
            return apply(params, connect(params), check=self._task.check_mode)
        except ConnectionProblem as problem:
            return {"failed": True, "changed": False, "msg": str(problem)}

    def _found(self, path: str) -> str:
        """A relative path is looked for beside role and playbook, as other actions do."""
        if Path(path).expanduser().is_absolute():
            return path
        try:
            return str(self._find_needle("files", path))
        except AnsibleError:
            return path
