# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Clusters as plain data: one that this phase made, and parts of others."""

from __future__ import annotations

from typing import Any

from ansible_collections.llmd.tpu.plugins.module_utils.operators.view import View

OURS = {"llmd.tpu/phase": "operators"}
HELM = {
    "meta.helm.sh/release-name": "istiod",
    "meta.helm.sh/release-namespace": "istio-system",
}


def item(kind: str, name: str, namespace: str = "", **metadata: Any) -> dict[str, Any]:
    """An object with nothing but metadata."""
    place = {"namespace": namespace} if namespace else {}
    return {"kind": kind, "metadata": {"name": name, **place, "uid": f"{kind}-{name}", **metadata}}


def deployment(
    name: str, namespace: str, image: str = "", env: dict[str, str] | None = None, **metadata: Any
) -> dict[str, Any]:
    """A Deployment with one container."""
    container = {
        "image": image,
        "env": [{"name": key, "value": value} for key, value in (env or {}).items()],
    }
    annotations = metadata.pop("pod_annotations", {})
    template = {"metadata": {"annotations": annotations}, "spec": {"containers": [container]}}
    return {**item("Deployment", name, namespace, **metadata), "spec": {"template": template}}


POOLS = {"ENABLE_GATEWAY_API_INFERENCE_EXTENSION": "true"}
SAIL = deployment(
    "sail-operator",
    "sail-operator",
    "quay.io/sail-dev/sail-operator:1.28.3",
    labels=OURS,
    pod_annotations={"images.v1_28_3.istiod": "gcr.io/istio-release/pilot:1.28.3"},
)
ISTIO = {
    **item("Istio", "default", labels=OURS),
    "spec": {"version": "v1.28.3"},
    "status": {"conditions": [{"type": "Reconciled", "status": "True"}]},
}
REVISION = {**item("IstioRevision", "default"), "spec": {"version": "v1.28.3"}}
ISTIOD = deployment(
    "istiod",
    "istio-system",
    "gcr.io/istio-release/pilot:1.28.3",
    POOLS,
    ownerReferences=[{"kind": "IstioRevision", "name": "default"}],
)
CERT_MANAGER = deployment(
    "cert-manager",
    "cert-manager",
    "quay.io/jetstack/cert-manager-controller:v1.19.1",
    labels={**OURS, "app.kubernetes.io/version": "v1.19.1"},
)
CRD = "CustomResourceDefinition"


def crd(name: str, bundle: str = "", **labels: str) -> dict[str, Any]:
    """A CRD of a bundle."""
    annotations = {"gateway.networking.k8s.io/bundle-version": bundle} if bundle else {}
    return item(CRD, name, labels=labels, annotations=annotations)


GATEWAYS = "gateways.gateway.networking.k8s.io"
COMMUNITY = View(
    istiods=(ISTIOD,),
    cert_managers=(CERT_MANAGER,),
    operators=(SAIL,),
    istios=(ISTIO,),
    revisions=(REVISION,),
    crds={
        "cert-manager": crd("certificates.cert-manager.io", **OURS),
        "gateway-api": crd(GATEWAYS, "v1.4.0", **OURS),
        "inference-extension": crd("inferencepools.inference.networking.k8s.io", **OURS),
    },
)
"""What phase operators makes with distribution community."""
