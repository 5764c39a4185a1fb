# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What our action plugins have in common: when they work in the controller, and with what."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible.module_utils.parsing.convert_bool import boolean
from ansible.plugins.action import ActionBase

_BOOLEANS = frozenset({"persist_config", "validate_certs"})


def refuse_async(action: ActionBase) -> dict[str, Any] | None:
    """A result in words when the task asks for async."""
    if not action._task.async_val:
        return None
    return {
        "failed": True,
        "changed": False,
        "msg": f"{action._task.action} cannot run with async: it works in the controller and "
        "shows progress there. Remove async and poll; wait_timeout limits its time.",
    }


def runs_here(action: ActionBase) -> bool:
    """Whether the work can be done in the controller's process."""
    return action._connection.transport == "local" and not action._play_context.become


def connection_environment(action: ActionBase, params: Mapping[str, Any]) -> dict[str, Any]:
    """The options, with K8S_AUTH_* of the task's `environment` for those that are not given.

    Ansible gives that environment to modules only; the controller's own is read by kubernetes.core.
    """
    environment: dict[str, Any] = {}
    action._compute_environment_string(environment)
    result = dict(params)
    for name, value in environment.items():
        option = name.removeprefix("K8S_AUTH_").lower()
        if name.startswith("K8S_AUTH_") and option in result and result[option] is None:
            result[option] = boolean(value) if option in _BOOLEANS else value
    return result
