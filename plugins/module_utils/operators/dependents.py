# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What would break if the operators went? Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

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
_CLASSES = frozenset({"istio", "istio-remote"})


def check_dependents(
    items: Sequence[Document], adopt: Sequence[str], *, check: bool
) -> Iterator[Finding]:
    """Name every object that needs Istio or cert-manager and does not go with them.

    In check mode what another phase of ours made is a warning only: a run of the remove playbook
    has taken it away by then, and a run of this phase alone will refuse.
    """
    for item in items:
        phase = labels(item).get(PHASE_LABEL)
        if phase == PHASE or item["metadata"].get("ownerReferences") or not _needs(item, adopt):
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


def _needs(item: Document, adopt: Sequence[str]) -> bool:
    kind = str(item.get("kind"))
    spec = item.get("spec") or {}
    if kind == "Gateway" and spec.get("gatewayClassName") not in _CLASSES:
        return False
    goes = {"istio": _ISTIO, "cert-manager": _CERT_MANAGER}
    return kind == "LeaderWorkerSet" or any(
        kind in kinds for part, kinds in goes.items() if part not in adopt
    )
