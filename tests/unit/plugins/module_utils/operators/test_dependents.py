# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Nothing that is still needed is removed."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.llmd.tpu.plugins.module_utils.operators.dependents import check_dependents

from tests.unit.plugins.module_utils.operators.clusters import OURS, item

GATEWAY = {**item("Gateway", "front", "edge"), "spec": {"gatewayClassName": "istio"}}
GKE = {
    **item("Gateway", "front", "edge"),
    "spec": {"gatewayClassName": "gke-l7-global-external-managed"},
}
SERVICE = item("LLMInferenceService", "m", "models", labels={"llmd.tpu/phase": "model"})
CERTIFICATE = {
    **item("Certificate", "theirs", "shop"),
    "spec": {"issuerRef": {"group": "cert-manager.io", "kind": "Issuer", "name": "shop"}},
}
OTHER_SIGNER = {
    **item("Certificate", "theirs", "shop"),
    "spec": {"issuerRef": {"group": "awspca.cert-manager.io", "name": "pca"}},
}
UNSIGNED = {**item("Certificate", "theirs", "shop"), "spec": {"issuerRef": {"name": "nobody"}}}
ISSUER = item("Issuer", "shop", "shop", ownerReferences=[{"kind": "Shop"}])


@pytest.mark.parametrize(
    ("found", "adopt", "needs"),
    [
        (GATEWAY, (), True),
        (GATEWAY, ("istio",), False),
        (GKE, (), False),
        (CERTIFICATE, (), True),
        (CERTIFICATE, ("cert-manager",), False),
        (OTHER_SIGNER, (), True),
        (UNSIGNED, (), False),
        (item("Issuer", "free", "shop"), (), True),
        (SERVICE, (), True),
        (SERVICE, ("istio",), True),
        (SERVICE, ("istio", "cert-manager"), False),
        (item("Certificate", "lws-serving-cert", "lws-system", labels=OURS), (), False),
        (item("Certificate", "child", "shop", ownerReferences=[{"kind": "Gateway"}]), (), False),
    ],
)
def test_what_needs_them(found: dict[str, Any], adopt: tuple[str, ...], needs: bool) -> None:
    findings = list(check_dependents([found, ISSUER], adopt, check=False))
    assert [one.severity for one in findings] == (["error"] if needs else [])


def test_another_phase_is_named_and_only_warned_of_in_check_mode() -> None:
    finding = next(check_dependents([SERVICE], (), check=False))
    assert "model_state: absent" in finding.fix
    assert next(check_dependents([SERVICE], (), check=True)).severity == "warning"
    assert next(check_dependents([CERTIFICATE, ISSUER], (), check=True)).severity == "error"
