# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Is what others installed recognised, and ours not mistaken for theirs?"""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.llmd.tpu.plugins.module_utils.preflight.installs import (
    Found,
    check_definitions,
    check_releases,
)

from tests.unit.plugins.module_utils.preflight.phases import NAMESPACE, phase, target

POOL = "inference.networking.k8s.io/v1"


def by_helm(name: str, release: str = "infra", **more: Any) -> dict[str, Any]:
    """The metadata of an object that Helm made."""
    return {
        "name": name,
        "labels": {"app.kubernetes.io/managed-by": "Helm", **more.pop("labels", {})},
        "annotations": {"meta.helm.sh/release-name": release},
        "namespace": NAMESPACE,
        **more,
    }


def test_a_release_in_the_namespace_is_named_and_not_adopted() -> None:
    parts = [
        Found(POOL, "InferencePool", by_helm("pool")),
        Found("apps/v1", "Deployment", by_helm("vllm")),
        Found("apps/v1", "Deployment", {"name": "other", "namespace": NAMESPACE}),
    ]
    (finding,) = check_releases([phase()], parts)
    assert (finding.code, finding.severity) == ("INSTALL-HELM-PATTERN", "warning")
    assert f"InferencePool {NAMESPACE}/pool" in finding.found
    assert "other" not in finding.found
    assert "helm uninstall infra" in finding.fix


def test_a_release_that_owns_our_object_is_an_error() -> None:
    part = Found("gateway.networking.k8s.io/v1", "HTTPRoute", by_helm("route"))
    ours = phase(objects=[target("HTTPRoute", "route", NAMESPACE, "gateway.networking.k8s.io/v1")])
    (finding,) = check_releases([ours], [part])
    assert (finding.code, finding.severity) == ("INSTALL-HELM-COLLIDES", "error")


def crd(name: str, manager: str, **more: Any) -> dict[str, Any]:
    """The metadata of a CRD; the API server itself writes only its status."""
    return {
        "name": name,
        "managedFields": [
            {"manager": manager, "operation": "Apply"},
            {"manager": "kube-apiserver", "subresource": "status"},
        ],
        **more,
    }


def test_the_owner_of_shared_crds_is_told_once_a_product() -> None:
    bundle = {"annotations": {"gateway.networking.k8s.io/bundle-version": "v1.4.0"}}
    found = list(
        check_definitions(
            [
                crd("gateways.gateway.networking.k8s.io", "kubectl", **bundle),
                crd("httproutes.gateway.networking.k8s.io", "kubectl", **bundle),
                crd("certificates.cert-manager.io", "llmd.tpu"),
                crd("foos.example.com", "kubectl"),
            ]
        )
    )
    (finding,) = found
    assert (finding.code, finding.severity) == ("CRD-OF-ANOTHER", "info")
    assert "2 CRDs of Gateway API were installed by kubectl, bundle v1.4.0" in finding.message


@pytest.mark.parametrize(
    ("more", "owner"),
    [
        ({"labels": {"addonmanager.kubernetes.io/mode": "Reconcile"}}, "the platform"),
        (by_helm("x"), "Helm release infra"),
    ],
)
def test_the_owner_by_labels(more: dict[str, Any], owner: str) -> None:
    more = {**more, "name": "issuers.cert-manager.io"}
    (finding,) = check_definitions([more])
    assert owner in finding.message
