# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What would break if the operators went? Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set

from ansible_collections.llmd.tpu.plugins.module_utils.findings import Finding, Severity
from ansible_collections.llmd.tpu.plugins.module_utils.operators.objects import (
    PHASE,
    PHASE_LABEL,
    Document,
    labels,
    title,
)

_ISTIO = frozenset({"Gateway", "LLMInferenceService"})
_CERT_MANAGER = frozenset({"Certificate", "Issuer", "ClusterIssuer", "LLMInferenceService"})
_ISSUERS = frozenset({"Issuer", "ClusterIssuer"})
_GROUP = "cert-manager.io"
_CLASSES = frozenset({"istio", "istio-remote"})


def check_dependents(
    items: Sequence[Document], adopt: Sequence[str], *, check: bool
) -> Iterator[Finding]:
    """Name every object that needs Istio or cert-manager and does not go with them.

    In check mode what another phase of ours made is a warning only: a run of the remove playbook
    has taken it away by then, and a run of this phase alone will refuse.
    """
    issuers = {_place(item) for item in items if item.get("kind") in _ISSUERS}
    for item in items:
        phase = labels(item).get(PHASE_LABEL)
        if phase == PHASE or item["metadata"].get("ownerReferences") or not _needs(item, adopt):
            continue
        if item.get("kind") == "Certificate" and not _could_be_signed(item, issuers):
            continue
        severity: Severity = "warning" if check and phase else "error"
        fix = f"remove phase {phase} first ({phase}_state: absent)" if phase else "remove it first"
        yield Finding(
            "OPERATORS-STILL-NEEDED",
            severity,
            f"{title(item)} still needs what is to be removed"
            + (f" (made by phase {phase})" if phase else " (made by somebody else)"),
            subject=title(item),
            fix=f"{fix}; nothing was changed",
        )


def _place(item: Document) -> tuple[str, str, str]:
    metadata = item["metadata"]
    return str(item.get("kind")), str(metadata.get("namespace", "")), str(metadata["name"])


def _could_be_signed(certificate: Document, issuers: Set[tuple[str, str, str]]) -> bool:
    """Whether its issuer is there; without one cert-manager never did anything for it."""
    reference = (certificate.get("spec") or {}).get("issuerRef") or {}
    if reference.get("group", _GROUP) != _GROUP:
        return True
    kind = str(reference.get("kind", "Issuer"))
    namespace = "" if kind == "ClusterIssuer" else str(certificate["metadata"].get("namespace", ""))
    return (kind, namespace, str(reference.get("name", ""))) in issuers


def _needs(item: Document, adopt: Sequence[str]) -> bool:
    kind = str(item.get("kind"))
    spec = item.get("spec") or {}
    if kind == "Gateway" and spec.get("gatewayClassName") not in _CLASSES:
        return False
    goes = {"istio": _ISTIO, "cert-manager": _CERT_MANAGER}
    return kind == "LeaderWorkerSet" or any(
        kind in kinds for part, kinds in goes.items() if part not in adopt
    )
