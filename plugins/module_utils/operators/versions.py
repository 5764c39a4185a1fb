# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which versions may be asked for, and which ones run. Pure.

Sources: sail-operator `api/v1/istio_types.go` (the enum), `pkg/istioversion` (aliases such as
v1.28-latest), its chart (images by annotation `images.v1_28_3.istiod`); the chart of cert-manager's
operator (OPERAND_IMAGE_VERSION, RELATED_IMAGE_CERT_MANAGER_CONTROLLER).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ansible_collections.llmd.tpu.plugins.module_utils.findings import Finding
from ansible_collections.llmd.tpu.plugins.module_utils.operators.objects import (
    Document,
    environment,
    image,
    is_ours,
    title,
    version,
)
from ansible_collections.llmd.tpu.plugins.module_utils.operators.view import (
    CERT_MANAGER_OPERATOR,
    SAIL_OPERATORS,
    View,
)

LATEST = "-latest"


def istio_versions(crd: Mapping[str, Any]) -> list[str]:
    """The values that the CRD of sail-operator's Istio kind accepts for spec.version.

    Each bundle of the operator holds the charts of a few Istio versions and lists them as an enum.
    An empty list means that the CRD leaves it open.
    """
    versions = crd.get("spec", {}).get("versions", [])
    served: dict[str, Any] = next((item for item in versions if item.get("storage")), {})
    field: dict[str, Any] = served.get("schema", {}).get("openAPIV3Schema", {})
    for name in ("spec", "version"):
        field = field.get("properties", {}).get(name, {})
    return list(field.get("enum", []))


def check_asked(asked: str, accepted: list[str], where: str) -> Iterator[Finding]:
    """Tell when the version is none that the operator's CRD lists."""
    if accepted and asked not in accepted:
        yield Finding(
            "OPERATORS-ISTIO-VERSION-UNKNOWN",
            "error",
            f"operators_istio_version is '{asked}', which this sail-operator does not know",
            path="operators_istio_version",
            found=asked,
            expected=f"one of {', '.join(accepted)}",
            fix="take one of these",
            source=f"the CRD istios.sailoperator.io of {where}",
        )


def settled(view: View, asked: str) -> bool:
    """Whether our Istio already asks for this version and the operator has accepted it."""
    istio = view.istio
    if istio is None or not is_ours(istio) or istio.get("spec", {}).get("version") != asked:
        return False
    conditions = (istio.get("status") or {}).get("conditions") or ()
    return any(one["type"] == "Reconciled" and one["status"] == "True" for one in conditions)


def fits(running: str, asked: str) -> bool:
    """Whether a version is what was asked for; v1.28-latest is any release of 1.28."""
    if asked.endswith(LATEST):
        return running.startswith(f"{asked.removesuffix(LATEST)}.")
    return running == asked


def running_istio(view: View) -> str:
    """The version that istiod runs: the revision's for ours, istiod's own word for another."""
    if view.revision is not None:
        return str(view.revision.get("spec", {}).get("version", ""))
    return version(next(iter(view.istiods), None))


def running_cert_manager(view: View) -> str:
    """The version that cert-manager's controller says it is."""
    return version(next(iter(view.cert_managers), None))


def check_istio(view: View, asked: str, distribution: str) -> Iterator[Finding]:
    """Does istiod run what was asked for? Asked of the revision, and of istiod's image."""
    running = running_istio(view)
    if not fits(running, asked):
        yield Finding(
            "OPERATORS-ISTIO-VERSION",
            "error",
            f"istiod runs {running or 'nothing'}, and {asked} was asked for",
            subject="IstioRevision default",
            path="spec.version",
            found=running,
            expected=asked,
            fix="see the conditions of Istio default: kubectl get istio default -o yaml",
        )
        return
    operator = view.operator(SAIL_OPERATORS[distribution])
    key = f"images.{running.replace('.', '_')}.istiod"
    expected = _pod_annotations(operator).get(key, "")
    for istiod in view.istiods:
        if expected and image(istiod) != expected:
            yield Finding(
                "OPERATORS-ISTIO-IMAGE",
                "error",
                f"istiod runs another image than the operator has for {running}",
                subject=title(istiod),
                path="spec.template.spec.containers[0].image",
                found=image(istiod),
                expected=expected,
                fix="remove spec.values.global.hub or pilot.image from Istio default, or whatever "
                "edits the Deployment",
                source=f"annotation {key} of the operator",
            )


def check_cert_manager(view: View) -> Iterator[Finding]:
    """Does cert-manager run what its operator has? A chart without operator names it itself."""
    operator = view.operator(CERT_MANAGER_OPERATOR)
    carried = environment(operator)
    wanted = (
        ("OPERAND_IMAGE_VERSION", running_cert_manager(view).removeprefix("v")),
        ("RELATED_IMAGE_CERT_MANAGER_CONTROLLER", image(next(iter(view.cert_managers), None))),
    )
    for name, running in wanted:
        expected = carried.get(name, "").removeprefix("v")
        if expected and running != expected:
            yield Finding(
                "OPERATORS-CERT-MANAGER-VERSION",
                "error",
                "cert-manager's controller is not what its operator has",
                subject="Deployment cert-manager/cert-manager",
                found=running or "nothing",
                expected=expected,
                fix="see the conditions of CertManager cluster: kubectl get certmanager -o yaml",
                source=f"environment {name} of {CERT_MANAGER_OPERATOR}",
            )


def _pod_annotations(operator: Document | None) -> Mapping[str, str]:
    pod = ((operator or {}).get("spec") or {}).get("template", {})
    return pod.get("metadata", {}).get("annotations") or {}
