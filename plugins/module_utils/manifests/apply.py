# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The options of `apply`, and the one call that its module and its action plugin share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.llmd.tpu.plugins.module_utils.connection import (
    ConnectionProblem,
    Session,
    connection_options,
)
from ansible_collections.llmd.tpu.plugins.module_utils.manifests import report
from ansible_collections.llmd.tpu.plugins.module_utils.manifests.client import Api, first_contact
from ansible_collections.llmd.tpu.plugins.module_utils.manifests.converge import (
    Converger,
    TakeOver,
    Wishes,
)
from ansible_collections.llmd.tpu.plugins.module_utils.manifests.load import BadManifest
from ansible_collections.llmd.tpu.plugins.module_utils.manifests.yaml_text import without_collector
from ansible_collections.llmd.tpu.plugins.module_utils.rendering.sources import (
    SOURCES,
    gather,
    given,
    source_options,
)


def argument_spec() -> dict[str, Any]:
    """The options of `apply`: its own and kubernetes.core's connection options."""
    return {
        **connection_options(),
        **source_options(),
        "state": {"type": "str", "default": "present", "choices": ["present", "absent"]},
        "namespace": {"type": "str"},
        "labels": {"type": "dict"},
        "server_side_apply": {
            "type": "dict",
            "options": {
                "field_manager": {"type": "str", "default": "llmd.tpu"},
                "force_conflicts": {"type": "bool", "default": False},
            },
        },
        "take_over": {
            "type": "list",
            "elements": "dict",
            "options": {
                "kind": {"type": "str", "required": True},
                "name": {"type": "str"},
                "fields": {"type": "list", "elements": "str"},
            },
        },
        "wait_timeout": {"type": "int", "default": 120},
    }


def wishes(params: Mapping[str, Any], *, check: bool) -> Wishes:
    """The validated options as one typed value."""
    apply = params.get("server_side_apply") or {}
    return Wishes(
        manager=str(apply.get("field_manager") or "llmd.tpu"),
        force=bool(apply.get("force_conflicts")),
        take_over=tuple(
            TakeOver(str(entry["kind"]), entry.get("name"), tuple(entry.get("fields") or ()))
            for entry in params.get("take_over") or ()
        ),
        namespace=params.get("namespace"),
        labels={str(k): str(v) for k, v in (params.get("labels") or {}).items()},
        check=check,
        wait_seconds=float(params.get("wait_timeout") or 0),
    )


def apply(params: Mapping[str, Any], session: Session, *, check: bool) -> dict[str, Any]:
    """Converge what the options ask for; the answer is the task's result, `failed` with `msg`."""
    if params.get("state") == "absent":
        return _failed("state=absent is not there yet; it comes with a later version of apply.")
    if not given(params):
        return _failed(f"nothing to apply: give {', '.join(SOURCES[:-1])} or {SOURCES[-1]}.")
    api = Api(session)
    try:
        with without_collector():
            manifests = gather(params).manifests
            first_contact(api)
            outcomes = Converger(api, wishes(params, check=check)).run(manifests)
    except (BadManifest, ConnectionProblem) as problem:
        return _failed(str(problem))
    return report.result(outcomes, api.counts.requests, api.counts.writes, api.counts.retries)


def _failed(words: str) -> dict[str, Any]:
    return {"failed": True, "changed": False, "msg": words}
