# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The options of `apply`, and the one call that its module and its action plugin share."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
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
from ansible_collections.llmd.tpu.plugins.module_utils.manifests.load import (
    BadManifest,
    Manifest,
)
from ansible_collections.llmd.tpu.plugins.module_utils.manifests.removal import Leftover
from ansible_collections.llmd.tpu.plugins.module_utils.manifests.remove import Removal, Remover
from ansible_collections.llmd.tpu.plugins.module_utils.manifests.report import Outcome
from ansible_collections.llmd.tpu.plugins.module_utils.manifests.retry import Persistence
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
        "prune": {"type": "bool", "default": False},
        "remove_crds": {"type": "list", "elements": "str", "default": []},
        "leftovers": {
            "type": "list",
            "elements": "dict",
            "options": {
                "kind": {"type": "str", "required": True},
                "name": {"type": "str"},
            },
        },
        "delete_options": {
            "type": "dict",
            "options": {
                "propagationPolicy": {
                    "type": "str",
                    "choices": ["Foreground", "Background", "Orphan"],
                },
                "gracePeriodSeconds": {"type": "int"},
                "preconditions": {
                    "type": "dict",
                    "options": {"resourceVersion": {"type": "str"}, "uid": {"type": "str"}},
                },
            },
        },
        "hidden_fields": {"type": "list", "elements": "str"},
        "wait_timeout": {"type": "int", "default": 120},
    }


def wishes(params: Mapping[str, Any], *, check: bool) -> Wishes:
    """The validated options as one typed value."""
    return Wishes(
        manager=_manager(params),
        force=bool((params.get("server_side_apply") or {}).get("force_conflicts")),
        take_over=tuple(
            TakeOver(str(entry["kind"]), entry.get("name"), tuple(entry.get("fields") or ()))
            for entry in params.get("take_over") or ()
        ),
        namespace=params.get("namespace"),
        labels=_labels(params),
        check=check,
        wait_seconds=float(params.get("wait_timeout") or 0),
    )


def removal(params: Mapping[str, Any], *, check: bool) -> Removal:
    """The validated options of what goes as one typed value."""
    return Removal(
        manager=_manager(params),
        labels=_labels(params),
        namespace=params.get("namespace"),
        check=check,
        wait_seconds=float(params.get("wait_timeout") or 0),
        crd_groups=tuple(params.get("remove_crds") or ()),
        leftovers=tuple(
            Leftover(str(entry["kind"]), entry.get("name") or "*")
            for entry in params.get("leftovers") or ()
        ),
        delete_options=params.get("delete_options") or {},
    )


def _manager(params: Mapping[str, Any]) -> str:
    apply = params.get("server_side_apply") or {}
    return str(apply.get("field_manager") or "llmd.tpu")


def _labels(params: Mapping[str, Any]) -> dict[str, str]:
    return {str(name): str(value) for name, value in (params.get("labels") or {}).items()}


def apply(params: Mapping[str, Any], session: Session, *, check: bool) -> dict[str, Any]:
    """Converge what the options ask for; the answer is the task's result, `failed` with `msg`."""
    absent, prune = params.get("state") == "absent", bool(params.get("prune"))
    if prune and not params.get("labels"):
        return _failed(
            "prune needs labels: it deletes what carries all of them and is not in the list."
        )
    if not given(params) and not (absent and prune):
        return _failed(f"nothing to apply: give {', '.join(SOURCES[:-1])} or {SOURCES[-1]}.")
    api = Api(session)
    try:
        with without_collector():
            manifests = gather(params).manifests
            first_contact(api)
            outcomes, warnings = _work(api, manifests, params, check=check)
    except (BadManifest, ConnectionProblem) as problem:
        return _failed(str(problem))
    result = report.result(outcomes, api.counts, params.get("hidden_fields") or ())
    return {**result, "warnings": warnings} if warnings else result


def _work(
    api: Api, manifests: Sequence[Manifest], params: Mapping[str, Any], *, check: bool
) -> tuple[list[Outcome], list[str]]:
    """The outcomes of what is written and of what goes, and warnings."""
    wish = wishes(params, check=check)
    persistence = Persistence(
        wish.wait_seconds, time.monotonic, time.sleep, lambda: api.counts.add(retries=1)
    )
    remover = Remover(api, removal(params, check=check), persistence)
    if params.get("state") == "absent":
        outcomes = remover.delete(manifests, prune=bool(params.get("prune")))
        return outcomes, remover.warnings
    outcomes = Converger(api, wish, persistence=persistence).run(manifests)
    if params.get("prune"):
        failed = any(outcome.error for outcome in outcomes)
        hold = "other objects failed, and what is new may still need what is old" if failed else ""
        outcomes += remover.prune([outcome.manifest for outcome in outcomes], hold=hold)
    return outcomes, remover.warnings


def _failed(words: str) -> dict[str, Any]:
    return {"failed": True, "changed": False, "msg": words}
