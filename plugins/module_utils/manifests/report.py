# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Outcomes to words: the task's result, its diff, its error."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.llmd.tpu.plugins.module_utils.connection import ConnectionLost
from ansible_collections.llmd.tpu.plugins.module_utils.manifests.client import (
    ApiError,
    Cause,
    Counts,
)
from ansible_collections.llmd.tpu.plugins.module_utils.manifests.compare import Change
from ansible_collections.llmd.tpu.plugins.module_utils.manifests.fields import spell
from ansible_collections.llmd.tpu.plugins.module_utils.manifests.hidden import (
    Hidden,
    hidden_path,
    rests_below,
    visible,
)
from ansible_collections.llmd.tpu.plugins.module_utils.manifests.load import Manifest
from ansible_collections.llmd.tpu.plugins.module_utils.manifests.masks import (
    masked_body,
    masked_change,
)

REMOVED = ("deleted", "pruned")
_LONG = 2000
"""Characters of one value that a diff shows in full; schemas of CRDs are far longer."""


@dataclass(frozen=True)
class Outcome:
    """What happened to one object, or would happen in check mode."""

    manifest: Manifest
    action: str
    fields: tuple[str, ...] = ()
    reason: str = ""
    error: str = ""
    milliseconds: int = 0
    changes: tuple[Change, ...] = ()
    live: Mapping[str, Any] | None = None
    """The object as the server has it; in check mode as it was read."""

    @property
    def changed(self) -> bool:
        """Whether the cluster changes by it."""
        return self.action in ("created", "changed", *REMOVED)

    def to_dict(self) -> dict[str, Any]:
        """The object's entry in the task's result."""
        return {
            "kind": self.manifest.kind,
            "api_version": self.manifest.api_version,
            "name": self.manifest.name,
            "namespace": self.manifest.namespace,
            "action": self.action,
            "fields": list(self.fields),
            "reason": self.error or self.reason,
            "milliseconds": self.milliseconds,
        }


def diff(outcomes: Iterable[Outcome], hidden: Iterable[str] = ()) -> list[dict[str, Any]]:
    """Ansible's diff: an entry for each object that changes, with the changed fields only."""
    paths = [hidden_path(text) for text in hidden]
    return [_diff(outcome, paths) for outcome in outcomes if outcome.changed]


def _diff(outcome: Outcome, hidden: list[Hidden]) -> dict[str, Any]:
    manifest = outcome.manifest
    before: dict[str, Any]
    after: dict[str, Any]
    if outcome.action == "created":
        before, after = {}, _body(manifest, hidden)
    elif outcome.action in REMOVED:
        # Of what goes only the metadata was read; the title tells name and namespace.
        before, after = {"apiVersion": manifest.api_version, "kind": manifest.kind}, {}
    else:
        before, after = _changes(outcome, hidden)
    return {
        "before_header": f"{manifest.title} (live)",
        "after_header": f"{manifest.title} ({outcome.action})",
        "before": {name: value for name, value in before.items() if value is not None},
        "after": {name: value for name, value in after.items() if value is not None},
    }


def _body(manifest: Manifest, hidden: list[Hidden]) -> dict[str, Any]:
    body = visible(manifest.body, hidden)
    return masked_body({name: _shown(value) for name, value in body.items()})


def _changes(outcome: Outcome, hidden: list[Hidden]) -> tuple[dict[str, Any], dict[str, Any]]:
    before: dict[str, Any] = {}
    after: dict[str, Any] = {}
    for change in outcome.changes:
        rests = rests_below(change.path, hidden)
        if () in rests:
            continue
        shown = masked_change(change, outcome.manifest.body, outcome.changes)
        before[spell(change.path)] = _shown(visible(shown.before, rests))
        after[spell(change.path)] = _shown(visible(shown.after, rests))
    return before, after


def _shown(value: Any) -> Any:
    """A value as the diff shows it: what is very long is only measured."""
    if value is None:
        return None
    length = len(json.dumps(value)) if isinstance(value, Mapping | list) else len(str(value))
    return value if length <= _LONG else f"({length} characters, not shown)"


def conflict_words(conflicts: Iterable[Cause], manager: str) -> str:
    """Who owns what, and how to take it over."""
    listed = "; ".join(f"{cause.field.lstrip('.')} ({cause.message})" for cause in conflicts)
    return (
        f"another field manager owns what would change: {listed}. Expected: nobody but {manager}. "
        "Leave the field out of the manifest, or take it over for this object with take_over, or "
        "for all with server_side_apply.force_conflicts=true."
    )


def refusal(problem: Exception, manager: str) -> str:
    """A refusal in words for the user."""
    if isinstance(problem, ApiError):
        if problem.conflicts:
            return conflict_words(problem.conflicts, manager)
        if problem.status == 404 and problem.message.startswith("namespaces "):
            return (
                f"{problem.message}. Expected: the namespace is there. Add the Namespace to the "
                "list, or run the phase that makes it."
            )
        return f"the API server refused it ({problem.status}): {problem.message}"
    if isinstance(problem, ConnectionLost):
        return f"the connection to the API server was lost and did not come back: {problem}"
    return str(problem)


def failure(outcomes: Iterable[Outcome]) -> str:
    """The task's error: every object that failed and why, then what became of the others."""
    outcomes = list(outcomes)
    failed = [outcome for outcome in outcomes if outcome.error]
    lines = [f"{o.manifest.title} [{o.manifest.origin}]: {o.error}" for o in failed]
    counted: dict[str, int] = {}
    for outcome in outcomes:
        counted[outcome.action] = counted.get(outcome.action, 0) + 1
    summary = ", ".join(f"{count} {action}" for action, count in sorted(counted.items()))
    return f"{len(failed)} of {len(outcomes)} objects failed ({summary}):\n" + "\n".join(lines)


def result(
    outcomes: Iterable[Outcome], counts: Counts, hidden: Iterable[str] = ()
) -> dict[str, Any]:
    """The task's result."""
    outcomes = list(outcomes)
    answer: dict[str, Any] = {
        "changed": any(outcome.changed for outcome in outcomes),
        "objects": [outcome.to_dict() for outcome in outcomes],
        "requests": counts.requests,
        "writes": counts.writes,
        "retries": counts.retries,
        "diff": diff(outcomes, hidden),
    }
    if any(outcome.error for outcome in outcomes):
        answer |= {"failed": True, "msg": failure(outcomes)}
    return answer
