# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Are the programs there that render manifests, and new enough? Pure.

Sources: kubernetes-sigs/kustomize pull request 5985 (a patch that deletes made versions before
5.8.0 read a nil pointer; KServe's overlay has such patches; 5.7.1 was seen to work); Helm 3.17 is
the first that the operators' charts were tested with.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from ansible_collections.llmd.tpu.plugins.module_utils.findings import Finding
from ansible_collections.llmd.tpu.plugins.module_utils.preflight.plan import Program

Version = tuple[int, int, int]
HELM_MINIMUM: Version = (3, 17, 0)
KUSTOMIZE_SAFE: Version = (5, 8, 0)
KUSTOMIZE_REFUSED_BELOW: Version = (5, 7, 0)
_INPUTS = {
    "helm": "operators_helm_binary",
    "kustomize": "kserve_kustomize_binary",
    "git": "the PATH",
}


@dataclass(frozen=True)
class Answer:
    """What a program said of its version; ``found`` is False when it could not be started."""

    program: Program
    phases: tuple[str, ...]
    found: bool
    output: str = ""


def version_in(text: str) -> Version | None:
    """The first x.y.z of a text; of kubectl's JSON that of its kustomize."""
    try:
        answer = json.loads(text)
    except ValueError:
        answer = None
    if isinstance(answer, dict):
        text = str(answer.get("kustomizeVersion", ""))
    found = re.search(r"(\d+)\.(\d+)(?:\.(\d+))?", text)
    return (int(found[1]), int(found[2]), int(found[3] or 0)) if found else None


def judge_program(answer: Answer) -> Finding | None:
    """What is wrong with a program; None when it will do."""
    name = answer.program.name
    subject = f"{name} ({answer.program.path or 'not in PATH'})"
    need = f"needed by phase {' and '.join(answer.phases)}"
    if not answer.found:
        return Finding(
            code="PROGRAM-MISSING",
            severity="error",
            message=f"{name} cannot be started on the machine that runs the playbook; {need}",
            subject=subject,
            found=answer.output[:200],
            expected=_expected(name),
            fix=f"install it, or set {_INPUTS[name]} to where it is",
        )
    version = version_in(answer.output)
    if version is None:
        return Finding(
            code="PROGRAM-VERSION-UNKNOWN",
            severity="warning",
            message=f"{name} does not tell its version; {need}",
            subject=subject,
            found=answer.output.strip()[:200],
            expected=_expected(name),
            fix=f"check that {answer.program.path} is {name}",
        )
    return _judge_version(name, version, subject, need)


def _judge_version(name: str, version: Version, subject: str, need: str) -> Finding | None:
    shown = ".".join(map(str, version))
    too_old = (name == "helm" and version < HELM_MINIMUM) or (
        name == "kustomize" and version < KUSTOMIZE_REFUSED_BELOW
    )
    if too_old:
        return Finding(
            code="PROGRAM-TOO-OLD",
            severity="error",
            message=f"{name} {shown} cannot render what the run applies; {need}",
            subject=subject,
            found=shown,
            expected=_expected(name),
            fix=f"install a newer one, or set {_INPUTS[name]} to it",
            source="kubernetes-sigs/kustomize pull request 5985" if name == "kustomize" else "",
        )
    if name == "kustomize" and version < KUSTOMIZE_SAFE:
        return Finding(
            code="PROGRAM-UNSAFE",
            severity="warning",
            message=f"kustomize {shown} still has the fault that makes older ones panic on "
            f"KServe's overlay; {need}",
            subject=subject,
            found=shown,
            expected=_expected(name),
            fix=f"install 5.8.0 or newer, or set {_INPUTS[name]} to it",
            source="kubernetes-sigs/kustomize pull request 5985",
        )
    return None


def _expected(name: str) -> str:
    return {
        "helm": "helm 3.17 or newer",
        "kustomize": "kustomize 5.8.0 or newer, or a kubectl that has it (1.36 or newer)",
        "git": "git",
    }[name]
