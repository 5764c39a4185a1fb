# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is in the cluster already that is not ours: Helm releases and CRDs. Pure.

Whole installs (another KServe, Istio, cert-manager) are judged by kserve_info and operators_info.

Only the metadata of objects is looked at. Sources: Helm writes the label
``app.kubernetes.io/managed-by: Helm`` and the annotations ``meta.helm.sh/release-name`` and
``-namespace`` on everything it makes (helm.sh, "Labels and Annotations"); the charts of llm-d and
of Gateway API's inference extension make InferencePools and HTTPRoutes that way.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.llmd.tpu.plugins.module_utils.findings import Finding
from ansible_collections.llmd.tpu.plugins.module_utils.manifests.bundle import BUNDLE_VERSIONS
from ansible_collections.llmd.tpu.plugins.module_utils.manifests.fields import managers
from ansible_collections.llmd.tpu.plugins.module_utils.preflight.plan import Phase, Target

MANAGER = "llmd.tpu"
_ADDON_LABEL = "addonmanager.kubernetes.io/mode"

Metadata = Mapping[str, Any]

# What serves a model without this collection is made of these.
SERVING_KINDS = (
    ("serving.kserve.io/v1alpha1", "LLMInferenceService"),
    ("serving.kserve.io/v1alpha2", "LLMInferenceService"),
    ("inference.networking.k8s.io/v1", "InferencePool"),
    ("inference.networking.x-k8s.io/v1alpha2", "InferencePool"),
    ("gateway.networking.k8s.io/v1", "HTTPRoute"),
    ("gateway.networking.k8s.io/v1", "Gateway"),
    ("apps/v1", "Deployment"),
)

# Group (and everything below it) to what it belongs to.
_PRODUCTS = {
    "gateway.networking.k8s.io": "Gateway API",
    "inference.networking.k8s.io": "the inference extension",
    "inference.networking.x-k8s.io": "the inference extension (experimental)",
    "serving.kserve.io": "KServe",
    "istio.io": "Istio",
    "sailoperator.io": "sail-operator",
    "cert-manager.io": "cert-manager",
}


@dataclass(frozen=True)
class Found:
    """An object's kind and metadata."""

    api_version: str
    kind: str
    metadata: Metadata

    @property
    def place(self) -> str:
        """The object in words."""
        namespace = self.metadata.get("namespace")
        return f"{self.kind} {f'{namespace}/' if namespace else ''}{self.metadata.get('name')}"


def check_releases(phases: Iterable[Phase], found: Iterable[Found]) -> Iterator[Finding]:
    """Name the Helm releases that serve models where ours shall be; they are never adopted."""
    written = [target for phase in phases for target in phase.written]
    releases: dict[tuple[str, str], list[Found]] = {}
    for one in found:
        release = _release(one.metadata)
        if release:
            releases.setdefault((release, str(one.metadata.get("namespace", ""))), []).append(one)
    for (release, namespace), parts in releases.items():
        same = [part for part in parts if any(_is(part, target) for target in written)]
        yield (
            _release_collides(release, same) if same else _release_beside(release, namespace, parts)
        )


def _release_collides(release: str, parts: list[Found]) -> Finding:
    return Finding(
        code="INSTALL-HELM-COLLIDES",
        severity="error",
        message=f"Helm release {release} owns what this run would write; it is never adopted",
        subject=f"Helm release {release}",
        found=", ".join(part.place for part in parts[:4]),
        expected="names that nobody else uses",
        fix="choose another name or namespace, or remove the release first (helm uninstall)",
        source="helm.sh, Labels and Annotations",
    )


def _release_beside(release: str, namespace: str, parts: list[Found]) -> Finding:
    return Finding(
        code="INSTALL-HELM-PATTERN",
        severity="warning",
        message=f"namespace {namespace} already serves through Helm release {release}; this run "
        "sets up its own beside it, adopts nothing of it, and both compete for TPU chips",
        subject=f"Helm release {release}",
        path=f"namespace {namespace}",
        found=", ".join(part.place for part in parts[:4]) + (", ..." if parts[4:] else ""),
        expected="a namespace of its own for each way of serving",
        fix=f"use another namespace_name, or remove the release (helm uninstall {release} "
        f"--namespace {namespace})",
        source="helm.sh, Labels and Annotations",
    )


def check_definitions(definitions: Iterable[Metadata]) -> Iterator[Finding]:
    """Say who installed the CRDs that we share with others; nothing of our own."""
    owners: dict[tuple[str, str, str], int] = {}
    for metadata in definitions:
        product = _product(str(metadata.get("name", "")).partition(".")[2])
        if product and MANAGER not in _writers(metadata):
            key = (product, _owner(metadata), _bundle(metadata))
            owners[key] = owners.get(key, 0) + 1
    for (product, owner, bundle), count in sorted(owners.items()):
        yield Finding(
            code="CRD-OF-ANOTHER",
            severity="info",
            message=f"{count} CRD{'s' if count > 1 else ''} of {product} "
            f"{'were' if count > 1 else 'was'} installed by {owner}"
            f"{f', bundle {bundle}' if bundle else ''}; never downgraded, and left alone where the "
            "platform manages them",
            subject=f"CRDs of {product}",
            found=f"{owner} {bundle}".strip(),
            fix="nothing, unless the phase that brings them reports a conflict",
            source="field managers, Helm's and addon manager's labels, bundle-version annotations",
        )


def _product(group: str) -> str:
    for known, product in _PRODUCTS.items():
        if group == known or group.endswith(f".{known}"):
            return product
    return ""


def _owner(metadata: Metadata) -> str:
    """Who installed an object, in words."""
    release = _release(metadata)
    if release:
        return f"Helm release {release}"
    labels = metadata.get("labels") or {}
    if _ADDON_LABEL in labels:
        return f"the platform (label {_ADDON_LABEL})"
    writers = _writers(metadata)
    return " and ".join(writers) if writers else "somebody unknown"


def _writers(metadata: Metadata) -> list[str]:
    """The field managers that wrote more than a status."""
    entries = [
        entry for entry in metadata.get("managedFields") or () if not entry.get("subresource")
    ]
    return [name for name in managers({"metadata": {"managedFields": entries}}) if name]


def _release(metadata: Metadata) -> str:
    labels, annotations = metadata.get("labels") or {}, metadata.get("annotations") or {}
    if str(labels.get("app.kubernetes.io/managed-by", "")) != "Helm":
        return ""
    return str(annotations.get("meta.helm.sh/release-name") or "")


def _bundle(metadata: Metadata) -> str:
    annotations = metadata.get("annotations") or {}
    return next((str(annotations[name]) for name in BUNDLE_VERSIONS if name in annotations), "")


def _is(found: Found, target: Target) -> bool:
    return (
        found.kind == target.kind
        and found.metadata.get("name") == target.name
        and str(found.metadata.get("namespace", "")) == target.namespace
    )
