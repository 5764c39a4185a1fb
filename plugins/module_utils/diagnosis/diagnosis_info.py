# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""From symptoms to causes: look once, decide, and give the causes in their rank."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import Any

from ansible.module_utils.common.parameters import remove_values
from ansible_collections.llmd.tpu.plugins.module_utils.connection import (
    ConnectionLost,
    ConnectionProblem,
    connection_options,
)
from ansible_collections.llmd.tpu.plugins.module_utils.diagnosis import certificates
from ansible_collections.llmd.tpu.plugins.module_utils.diagnosis.deciding import (
    Diagnosis,
    decide,
)
from ansible_collections.llmd.tpu.plugins.module_utils.diagnosis.looking import World, look
from ansible_collections.llmd.tpu.plugins.module_utils.diagnosis.ranking import Cause
from ansible_collections.llmd.tpu.plugins.module_utils.diagnosis.snapshot import Snapshot
from ansible_collections.llmd.tpu.plugins.module_utils.diagnosis.urls import url_of
from ansible_collections.llmd.tpu.plugins.module_utils.findings import describe, failure_message
from ansible_collections.llmd.tpu.plugins.module_utils.manifests.client import ApiError
from ansible_collections.llmd.tpu.plugins.module_utils.serving.live import ObjectReadError
from ansible_collections.llmd.tpu.plugins.module_utils.smoke.exchange import secrets_of


def argument_spec() -> dict[str, Any]:
    """Give the options of the task, with kubernetes.core's connection options."""
    return {
        **connection_options(),
        "name": {"type": "str"},
        "namespace": {"type": "str"},
        "url": {"type": "str"},
        "gateway": {"type": "str"},
        "ask": {"type": "bool", "default": False},
        "exposure": {"type": "bool", "default": False},
        "connect_to": {"type": "list", "elements": "str", "default": []},
        "way": {
            "type": "str",
            "choices": ["auto", "direct", "port-forward"],
            "default": "auto",
        },
        "headers": {"type": "dict", "default": {}, "no_log": True},
        "gateway_ca_cert": {"type": "path"},
        "first_timeout": {"type": "int", "default": 30},
        "request_timeout": {"type": "int", "default": 30},
        "kserve_namespace": {"type": "str", "default": "opendatahub"},
        "mesh_namespace": {"type": "str", "default": "istio-system"},
        "ca_secret_name": {"type": "str", "default": "opendatahub-ca", "no_log": False},
        "ca_secret_namespace": {"type": "str", "default": "cert-manager", "no_log": False},
        "findings_only": {"type": "bool", "default": False},
    }


_MISSING = (
    f"a Python library is missing: {certificates.IMPORT_PROBLEM}. Needed where the task runs: the "
    "package cryptography (pip install cryptography); ansible-core brings it along. Nothing was "
    "looked at."
)
CONSTRAINTS: dict[str, Any] = {"required_by": {"name": ("namespace",)}}


def run(parameters: Mapping[str, Any], world: World | None = None) -> dict[str, Any]:
    """Diagnose and give the task's result; never raises for bad input."""
    if certificates.IMPORT_PROBLEM:
        return {"failed": True, "changed": False, "ok": False, "msg": _MISSING}
    started = time.monotonic()
    try:
        snapshot = look(parameters, world or World())
    except (ApiError, ConnectionLost, ConnectionProblem, ObjectReadError) as problem:
        return {"failed": True, "changed": False, "ok": False, "msg": str(problem)}
    diagnosis = decide(snapshot, exposure=parameters["exposure"])
    result = result_of(diagnosis, snapshot, findings_only=parameters["findings_only"])
    result["seconds"] = round(time.monotonic() - started, 2)
    headers = {str(name): str(text) for name, text in parameters["headers"].items()}
    shown: dict[str, Any] = remove_values(result, secrets_of(headers))
    return shown


def result_of(
    diagnosis: Diagnosis, snapshot: Snapshot, *, findings_only: bool = False
) -> dict[str, Any]:
    """The task's result: causes, what is in order, verdicts of the phases, all of it in words."""
    causes = diagnosis.causes
    ok = all(cause.severity != "error" for cause in causes)
    result: dict[str, Any] = {
        "changed": False,
        "ok": ok,
        "findings": [cause.to_dict() for cause in causes],
        "phases": diagnosis.phases,
        "checked": list(diagnosis.checked),
        "report": list(_report(diagnosis)),
        "services": [
            {
                "name": seen.name,
                "namespace": seen.namespace,
                "stage": str(seen.step.stage),
                "state": "stopped on purpose" if seen.stopped else seen.step.words,
                "asked": seen.asked is not None,
                "url": url_of(seen),
            }
            for seen in snapshot.services
        ],
    }
    if findings_only:
        return result
    warnings = ["\n".join(_words(one)) for one in causes if one.severity == "warning"]
    if warnings:
        result["warnings"] = warnings
    if not ok:
        findings = [cause.finding for cause in causes]
        result.update(failed=True, msg=failure_message("the cluster", findings))
    return result


def _report(diagnosis: Diagnosis) -> Iterator[str]:
    """What is in order first, the first cause last: whoever reads the end reads what matters."""
    for words in diagnosis.checked:
        yield f"ok: {words}"
    for cause in reversed(diagnosis.causes):
        yield from _words(cause)
    for phase, verdict in diagnosis.phases.items():
        yield f"phase {phase}: {verdict}"


def _words(cause: Cause) -> Iterator[str]:
    yield from describe(cause.finding).splitlines()
    for line in cause.follows:
        yield f"  so: {line}"
