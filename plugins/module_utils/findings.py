# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a check found: one small record that every check, probe and diagnosis speaks in."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, Literal

Severity = Literal["error", "warning", "info"]

_ORDER: dict[Severity, int] = {"error": 0, "warning": 1, "info": 2}


@dataclass(frozen=True)
class Finding:
    """One thing worth telling a person, with the way out.

    ``code`` never changes once released, so that dashboards and ignore lists can rely on it.
    ``path`` is where it was found, written as in YAML (``spec.template.containers[0].args``).
    ``subject`` is the object or address that was looked at, for inputs that hold several.
    ``source`` names where the rule comes from.
    """

    code: str
    severity: Severity
    message: str
    path: str = ""
    found: str = ""
    expected: str = ""
    fix: str = ""
    source: str = ""
    subject: str = ""

    def to_dict(self) -> dict[str, str]:
        """Give the record as plain data, for a task's result."""
        return asdict(self)


def sort_findings(findings: Iterable[Finding]) -> list[Finding]:
    """Put the worst first; within a severity keep subjects and places together."""
    return sorted(findings, key=lambda one: (_ORDER[one.severity], one.subject, one.path, one.code))


def has_errors(findings: Iterable[Finding]) -> bool:
    """Tell whether any of the findings is an error."""
    return any(finding.severity == "error" for finding in findings)


def describe(finding: Finding) -> str:
    """Say one finding in words: what was looked at, where, what was expected, what to do."""
    place = " at ".join(part for part in (finding.subject, finding.path) if part)
    lines = [f"{finding.severity} {finding.code}: {finding.message}"]
    for label, value in (
        ("where", place),
        ("found", finding.found),
        ("expected", finding.expected),
        ("do", finding.fix),
    ):
        if value:
            lines.append(f"  {label}: {value}")
    return "\n".join(lines)


def failure_message(looked_at: str, findings: Iterable[Finding]) -> str:
    """Make the text of a failed task: the errors in full, the rest as a count.

    ``looked_at`` is the subject of the whole check ("model.yaml", an address, an object).
    """
    ordered = sort_findings(findings)
    errors = [finding for finding in ordered if finding.severity == "error"]
    others = len(ordered) - len(errors)
    head = f"{looked_at}: {len(errors)} error{'' if len(errors) == 1 else 's'}"
    if others:
        head += f" (and {others} warning or information, see findings)"
    return "\n".join([head, *(describe(finding) for finding in errors)])


def report(findings: Iterable[Finding], checked: Iterable[str] = ()) -> list[str]:
    """Say everything, line by line: what is in order first, the worst finding last.

    Whoever reads the end of a long output reads what matters.
    """
    lines = [f"ok: {words}" for words in checked]
    for finding in reversed(sort_findings(findings)):
        lines.extend(describe(finding).splitlines())
    return lines


def result_of(
    looked_at: str, findings: Iterable[Finding], *, findings_only: bool = False
) -> dict[str, Any]:
    """Make a task's result: the findings, whether all is well, warnings shown, errors fail it."""
    ordered = sort_findings(findings)
    result: dict[str, Any] = {
        "changed": False,
        "ok": not has_errors(ordered),
        "findings": [finding.to_dict() for finding in ordered],
    }
    if findings_only:
        return result
    warnings = [describe(one) for one in ordered if one.severity == "warning"]
    if warnings:
        result["warnings"] = warnings
    if not result["ok"]:
        result.update(failed=True, msg=failure_message(looked_at, ordered))
    return result
