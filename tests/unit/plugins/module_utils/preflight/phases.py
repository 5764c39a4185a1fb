# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Phases as a playbook would hand them over, with one thing changed a time."""

from __future__ import annotations

import base64
from typing import Any

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.llmd.tpu.plugins.module_utils.preflight.plan import Phase, read_phase
from ansible_collections.llmd.tpu.plugins.module_utils.preflight.preflight import argument_spec

USER, PASSWORD = "robot", "hunter2"
NAMESPACE = "llm-d-inference-scheduling"


def docker_config(*hosts: str) -> dict[str, Any]:
    """A docker config with the same account for some hosts."""
    auth = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
    return {"auths": {host: {"auth": auth} for host in hosts}}


def parameters(*phases: dict[str, Any], **options: Any) -> dict[str, Any]:
    """Checked options of the task, with their defaults."""
    result = ArgumentSpecValidator(argument_spec()).validate({"phases": list(phases), **options})
    assert not result.error_messages, result.error_messages
    checked: dict[str, Any] = result.validated_parameters
    return checked


def phase(name: str = "model", **changes: Any) -> Phase:
    """One phase."""
    return read_phase(parameters({"name": name, **changes})["phases"][0])


def target(
    kind: str, name: str = "one", namespace: str = "", api_version: str = "v1"
) -> dict[str, str]:
    """One object of a phase."""
    return {"api_version": api_version, "kind": kind, "name": name, "namespace": namespace}
