# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Read namespaces with what lives in them, judge what is asked for, and give the findings."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible_collections.llmd.tpu.plugins.module_utils.connection import (
    ConnectionLost,
    ConnectionProblem,
    Session,
    connect,
    connection_options,
)
from ansible_collections.llmd.tpu.plugins.module_utils.findings import result_of
from ansible_collections.llmd.tpu.plugins.module_utils.manifests.client import ApiError
from ansible_collections.llmd.tpu.plugins.module_utils.namespaces.judge import (
    Sight,
    Wishes,
    check_absent,
    check_names,
    check_present,
    describe,
)
from ansible_collections.llmd.tpu.plugins.module_utils.reader import Question, Reader, items

_SERVICES = ("serving.kserve.io/v1alpha2", "serving.kserve.io/v1alpha1")


def argument_spec() -> dict[str, Any]:
    """The options of the task, with kubernetes.core's connection options."""
    return {
        **connection_options(),
        "names": {"type": "list", "elements": "str", "required": True},
        "state": {"type": "str", "choices": ["present", "absent"]},
        "labels": {"type": "dict", "default": {}},
        "field_manager": {"type": "str", "default": "llmd.tpu"},
        "add_labels": {"type": "dict", "default": {}},
        "adopt": {"type": "bool", "default": False},
        "allow_sidecars": {"type": "bool", "default": False},
        "needed_secrets": {"type": "list", "elements": "str", "default": [], "no_log": False},
        "account_secrets": {"type": "list", "elements": "str", "default": [], "no_log": False},
        "findings_only": {"type": "bool", "default": False},
    }


def run(
    parameters: Mapping[str, Any], open_session: Callable[[Mapping[str, Any]], Session] = connect
) -> dict[str, Any]:
    """Read, judge, and give the task's result; never raises for bad input."""
    names = list(dict.fromkeys(parameters["names"]))
    wishes = _wishes(parameters)
    findings = list(check_names(names))
    sights: list[Sight] = []
    if not findings:
        try:
            sights = read(Reader(open_session(parameters)), names)
        except (ApiError, ConnectionLost, ConnectionProblem) as problem:
            return {"failed": True, "changed": False, "msg": str(problem)}
    check = {"present": check_present, "absent": check_absent}.get(parameters["state"] or "")
    for sight in sights if check else ():
        findings.extend(check(sight, wishes) if check else ())
    return {
        "namespaces": [describe(sight, wishes) for sight in sights],
        **result_of(_title(names), findings, findings_only=parameters["findings_only"]),
    }


def read(reader: Reader, names: Sequence[str]) -> list[Sight]:
    """Everything that the judgement looks at, in one round of requests."""
    questions = [question for name in names for question in _questions(name)]
    answers = iter(reader.ask(questions))
    return [
        Sight(
            name,
            live=next(answers),
            account=next(answers),
            services=items(next(answers)),
            secrets=items(next(answers)),
            others=[*items(next(answers)), *items(next(answers))],
        )
        for name in names
    ]


def _questions(name: str) -> list[Question]:
    return [
        Question("Namespace", name=name),
        Question("ServiceAccount", namespace=name, name="default"),
        Question("LLMInferenceService", _SERVICES, namespace=name),
        Question("Secret", namespace=name, metadata_only=True),
        Question("ResourceQuota", namespace=name, metadata_only=True),
        Question("LimitRange", namespace=name, metadata_only=True),
    ]


def _wishes(parameters: Mapping[str, Any]) -> Wishes:
    def texts(name: str) -> dict[str, str]:
        return {str(key): str(value) for key, value in (parameters[name] or {}).items()}

    return Wishes(
        labels=texts("labels"),
        manager=parameters["field_manager"],
        add_labels=texts("add_labels"),
        adopt=parameters["adopt"],
        allow_sidecars=parameters["allow_sidecars"],
        needed_secrets=parameters["needed_secrets"],
        account_secrets=parameters["account_secrets"],
    )


def _title(names: Sequence[str]) -> str:
    return f"Namespace{'' if len(names) == 1 else 's'} {', '.join(names) or '(none named)'}"
