# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which permissions does the run need, and which of them are missing? Pure.

The API server answers for the account that asks (SelfSubjectAccessReview, authorization.k8s.io/v1:
kubernetes.io, "Authorization Overview"). Such a question is sent as a POST and changes nothing: the
object is virtual. Server-side apply needs ``patch``, and ``create`` where the object is not there
yet (kubernetes.io, "Server-Side Apply"). Whoever writes a role must hold every permission in it, or
the verb ``escalate``; for a binding ``bind`` (kubernetes.io, "Using RBAC Authorization").
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TypeAlias

from ansible_collections.llmd.tpu.plugins.module_utils.findings import Finding
from ansible_collections.llmd.tpu.plugins.module_utils.preflight.plan import Phase, Target

RBAC = "rbac.authorization.k8s.io"
_SOURCE = "kubernetes.io, Authorization Overview (SelfSubjectAccessReview)"
# A list or watch of one object, by a selector on its name, is granted by name as well.
_NAMED_VERBS = frozenset({"get", "patch", "update", "delete"})
_WATCHING_VERBS = frozenset({"list", "watch"})
_SLOWER = "what is waited for is looked at again and again, which takes longer"

Resources: TypeAlias = "Callable[[str, str], tuple[str, bool] | None]"
"""(api_version, kind) to (resource, namespaced); None where the server does not know the kind."""


@dataclass(frozen=True)
class Question:
    """May I do this? An empty namespace means all of them, or a resource without namespaces."""

    verb: str
    group: str
    resource: str
    namespace: str = ""
    name: str = ""

    @property
    def is_cluster_wide(self) -> bool:
        """Whether it is asked for all namespaces, or for a resource that has none."""
        return not self.namespace

    def body(self) -> dict[str, object]:
        """The object to send."""
        resource, _slash, subresource = self.resource.partition("/")
        attributes = {
            "verb": self.verb,
            "group": self.group,
            "resource": resource,
            "subresource": subresource,
            "namespace": self.namespace,
            "name": self.name,
        }
        return {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": {k: v for k, v in attributes.items() if v}},
        }


@dataclass(frozen=True)
class Need:
    """The phases that need a permission, and the names of the objects they need it for."""

    phases: tuple[str, ...]
    names: tuple[str, ...]
    without: str = ""
    """What a run that does without it is like; empty when it fails."""


def needs(phases: Iterable[Phase], resources: Resources) -> dict[Question, Need]:
    """Every permission of the run, each once."""
    found: dict[Question, Need] = {}
    definitions = [
        target.name
        for phase in phases
        for target in phase.written
        if target.kind == "CustomResourceDefinition"
    ]

    def place(target: Target) -> tuple[str, bool]:
        known = resources(target.api_version, target.kind)
        return known or _guess(target, definitions)

    for phase in phases:
        for question, name, without in _questions(phase, place):
            old = found.get(question, Need((), (), without))
            found[question] = Need(
                _with(old.phases, phase.name),
                _with(old.names, name) if name else old.names,
                old.without and without,
            )
    return found


def _questions(
    phase: Phase, place: Callable[[Target], tuple[str, bool]]
) -> Iterator[tuple[Question, str, str]]:
    """Each question, the object it is asked for, and what the run is like without it."""
    if phase.removes:
        verbs: tuple[str, ...] = ("get", "list", "delete")
    else:
        verbs = ("get", "create", "patch", *(("list", "delete") if phase.prunes else ()))
    for target in phase.written:
        resource, namespaced = place(target)
        namespace = target.namespace if namespaced else ""
        for verb in verbs:
            # A list may be over all namespaces: leftovers may lie in any.
            where = "" if verb == "list" else namespace
            yield Question(verb, target.group, resource, where), target.name, ""
        if target.group == RBAC and not phase.removes:
            verb = "bind" if target.kind.endswith("Binding") else "escalate"
            role = "roles" if target.kind.startswith("Role") else "clusterroles"
            yield Question(verb, RBAC, role, namespace), "", ""
    for target in phase.watched:
        resource, namespaced = place(target)
        where = target.namespace if namespaced else ""
        yield Question("get", target.group, resource, where), target.name, ""
        for verb in ("list", "watch"):
            yield Question(verb, target.group, resource, where), target.name, _SLOWER
    for access in phase.access:
        for verb in access.verbs:
            question = Question(verb, access.group, access.resource, access.namespace, access.name)
            yield question, access.name, access.without


def by_name(question: Question, need: Need) -> list[Question]:
    """The same permission object by object: a role may name the objects it is for."""
    named = question.verb in _NAMED_VERBS or (
        need.without == _SLOWER and question.verb in _WATCHING_VERBS
    )
    if not named or question.name:
        return []
    return [replace(question, name=name) for name in need.names]


def missing(
    wanted: Mapping[Question, Need], allowed: Callable[[Question], bool | None]
) -> list[Finding]:
    """What the answers mean; `allowed` gives None for a question that got no answer."""
    findings: list[Finding] = []
    unanswered = 0
    for question, need in wanted.items():
        answer = allowed(question)
        if answer is None:
            unanswered += 1
        elif not answer and question.verb in ("escalate", "bind"):
            findings.append(_no_escalation(question, need))
        elif not answer:
            named = by_name(question, need)
            names = [one.name for one in named if not allowed(one)] if named else list(need.names)
            if names or not named:
                findings.append(_missing(question, need, names))
    if unanswered:
        findings.append(_unanswered(unanswered, len(wanted)))
    return findings


def _missing(question: Question, need: Need, names: list[str]) -> Finding:
    resource = f"{question.resource}.{question.group}" if question.group else question.resource
    where = f"namespace {question.namespace}" if question.namespace else "the whole cluster"
    flag = f"--namespace {question.namespace}" if question.namespace else "--all-namespaces"
    shown = ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")
    return Finding(
        code="PERMISSION-OPTIONAL" if need.without else "PERMISSION-MISSING",
        severity="warning" if need.without else "error",
        message=f"the account may not {question.verb} {resource} in {where}; "
        + ("used" if need.without else "needed")
        + f" by phase {' and '.join(need.phases)}"
        + (f" for {shown}" if shown else "")
        + (f"; without it {need.without}" if need.without else ""),
        subject=f"{question.verb} {resource}",
        path=where,
        found="denied",
        expected="allowed",
        fix="give the account a role with this verb (kubectl auth can-i "
        f"{question.verb} {resource} {flag} asks again), or run with an account that has it",
        source=_SOURCE,
    )


def _no_escalation(question: Question, need: Need) -> Finding:
    what = "bind roles" if question.verb == "bind" else "write roles with more rights than its own"
    return Finding(
        code="PERMISSION-ESCALATION",
        severity="warning",
        message=f"the account may not {what}, and phase {' and '.join(need.phases)} brings roles; "
        "it works only if the account holds every permission in them itself",
        subject=f"{question.verb} {question.resource}.{RBAC}",
        path=f"namespace {question.namespace}" if question.namespace else "the whole cluster",
        found="denied",
        expected="allowed, or the permissions of the roles themselves",
        fix="run with cluster-admin, or give the account the verbs escalate and bind on "
        "roles and clusterroles",
        source="kubernetes.io, Using RBAC Authorization (privilege escalation prevention)",
    )


def _unanswered(count: int, total: int) -> Finding:
    return Finding(
        code="PERMISSION-NOT-ASKED",
        severity="warning",
        message=f"{count} of {total} questions about permissions got no answer: a missing one "
        "would show only in the middle of the run",
        expected="an answer to each SelfSubjectAccessReview",
        fix="allow the account to create selfsubjectaccessreviews.authorization.k8s.io "
        "(ClusterRole system:basic-user), or check by hand with kubectl auth can-i",
        source=_SOURCE,
    )


def _guess(target: Target, definitions: Iterable[str]) -> tuple[str, bool]:
    """The resource of a kind that the run itself brings: its CRD is called RESOURCE.GROUP."""
    stem = target.kind.lower()
    for name in definitions:
        resource, _dot, group = name.partition(".")
        if group == target.group and resource in _plurals(stem):
            return resource, bool(target.namespace)
    return _plurals(stem)[0], bool(target.namespace)


def _plurals(stem: str) -> list[str]:
    """How a kind's resource may be spelled, the likeliest first."""
    if re.search(r"[^aeiou]y$", stem):
        return [f"{stem[:-1]}ies", f"{stem}s"]
    if re.search(r"(s|x|ch|sh)$", stem):
        return [f"{stem}es", f"{stem}s", stem]
    return [f"{stem}s", f"{stem}es", stem]


def _with(known: tuple[str, ...], one: str) -> tuple[str, ...]:
    return known if one in known else (*known, one)
