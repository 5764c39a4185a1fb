# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What our action plugins have in common: when they work in the controller, and with what."""

from __future__ import annotations

import gc
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar, Protocol

from ansible.errors import AnsibleError
from ansible.module_utils.parsing.convert_bool import boolean
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display
from ansible_collections.llmd.tpu.plugins.module_utils.connection import (
    ConnectionProblem,
    Streaming,
    connect,
)

_DISPLAY = Display()
_BOOLEANS = frozenset({"persist_config", "validate_certs"})


class ControllerAction(ActionBase):
    """Works in the controller when the connection is local, else hands over to the module."""

    _supports_check_mode = True
    _supports_async = False
    constraints: ClassVar[Mapping[str, Any]] = {}

    def specification(self) -> dict[str, Any]:
        """The module's argument spec."""
        raise NotImplementedError

    def work(self, parameters: dict[str, Any]) -> dict[str, Any]:
        """Do the task with checked parameters and give its result."""
        raise NotImplementedError

    def module_arguments(self) -> dict[str, Any]:
        """The arguments for the module, where that does the task."""
        arguments: dict[str, Any] = self._task.args
        return arguments

    def run(
        self, tmp: str | None = None, task_vars: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Give the task's result."""
        super().run(tmp, task_vars)
        if self._task.async_val:
            return _refuse_async(self._task.action)
        if self._connection.transport != "local" or self._play_context.become:
            result: dict[str, Any] = self._execute_module(
                module_args=self.module_arguments(), task_vars=task_vars
            )
            return result
        # This process ends with the task. A collection that walks all that the fork has inherited
        # costs a tenth of a second, and frees nothing.
        gc.freeze()
        _checked, parameters = self.validate_argument_spec(self.specification(), **self.constraints)
        return self.work(self._with_task_environment(parameters))

    def found(self, path: str) -> str:
        """Look for a relative path beside role and playbook, as other actions do.

        A path that is nowhere comes back as it is: who reads it says what is missing.
        """
        if Path(path).expanduser().is_absolute():
            return path
        try:
            return str(self._find_needle("files", path))
        except AnsibleError:
            return path

    def _with_task_environment(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """The parameters, with K8S_AUTH_* of the task's `environment` for those not given.

        Ansible gives that environment to modules only; the controller's own is read by
        kubernetes.core.
        """
        environment: dict[str, Any] = {}
        self._compute_environment_string(environment)
        result = dict(parameters)
        for name, value in environment.items():
            option = name.removeprefix("K8S_AUTH_").lower()
            if name.startswith("K8S_AUTH_") and option in result and result[option] is None:
                result[option] = boolean(value) if option in _BOOLEANS else value
        return result


class Engine(Protocol):
    """What does an action's work: a module of `module_utils`."""

    def argument_spec(self) -> dict[str, Any]:
        """Give the options."""

    def run(self, parameters: dict[str, Any]) -> dict[str, Any]:
        """Do it and give the task's result."""


class EngineAction(ControllerAction):
    """An action that does nothing but call its engine."""

    engine: Engine

    def specification(self) -> dict[str, Any]:
        """The module's argument spec."""
        return self.engine.argument_spec()

    def work(self, parameters: dict[str, Any]) -> dict[str, Any]:
        """Do it, from here."""
        return self.engine.run(parameters)


class Word(Protocol):
    """What waits: an engine's function."""

    def __call__(
        self,
        parameters: dict[str, Any],
        session: Streaming,
        /,
        *,
        check: bool,
        progress: Callable[[str], None],
    ) -> dict[str, Any]:
        """Do the task and give its result; in check mode look once."""


class WatchingAction(ControllerAction):
    """An action that waits here, and prints what it waits for."""

    options: Callable[[], dict[str, Any]]
    word: Word

    def specification(self) -> dict[str, Any]:
        """The module's argument spec."""
        return self.options()

    def work(self, parameters: dict[str, Any]) -> dict[str, Any]:
        """Wait, with a line for each change."""
        check = self._task.check_mode
        try:
            session = connect(parameters)
            return self.word(parameters, session, check=check, progress=_DISPLAY.display)
        except ConnectionProblem as problem:
            return {"failed": True, "changed": False, "msg": str(problem)}


class GoogleAction(ControllerAction):
    """An action that asks Google from the controller."""

    def run(
        self, tmp: str | None = None, task_vars: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Give the task's result, with the task's `environment` in force.

        Ansible gives that to modules only; here GCP_*, HTTPS_PROXY and REQUESTS_CA_BUNDLE in it
        count as well. A task has a process of its own, which ends with it.
        """
        environment: dict[str, Any] = {}
        self._compute_environment_string(environment)
        os.environ.update({name: str(value) for name, value in environment.items()})
        return super().run(tmp, task_vars)


def show(line: str) -> None:
    """Print a line of progress."""
    _DISPLAY.display(line)


def _refuse_async(action: str) -> dict[str, Any]:
    return {
        "failed": True,
        "changed": False,
        "msg": f"{action} cannot run with async: it works in the controller and shows progress "
        "there. Remove async and poll; wait_timeout limits its time.",
    }
