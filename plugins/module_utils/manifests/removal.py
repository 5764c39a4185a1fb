# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What may be deleted, in which order, and what has to stay. Pure.

Ours is what our field manager has applied and what carries all labels of the task. Copies that
controllers make of our labels (EndpointSlices, ReplicaSets) are by another manager.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from ansible_collections.llmd.tpu.plugins.module_utils.manifests.bundle import managed_by_platform
from ansible_collections.llmd.tpu.plugins.module_utils.manifests.fields import managers
from ansible_collections.llmd.tpu.plugins.module_utils.manifests.kinds import Kind

CUSTOM, ADMISSION, WORKLOADS, THINGS, NAMESPACES, DEFINITIONS = range(6)
"""The steps of a removal: what has a controller goes while its controller still runs."""

_STEPS = {
    "CustomResourceDefinition": DEFINITIONS,
    "Namespace": NAMESPACES,
    "APIService": ADMISSION,
    "MutatingWebhookConfiguration": ADMISSION,
    "ValidatingWebhookConfiguration": ADMISSION,
    "ValidatingAdmissionPolicy": ADMISSION,
    "ValidatingAdmissionPolicyBinding": ADMISSION,
    "CronJob": WORKLOADS,
    "DaemonSet": WORKLOADS,
    "Deployment": WORKLOADS,
    "HorizontalPodAutoscaler": WORKLOADS,
    "Job": WORKLOADS,
    "Pod": WORKLOADS,
    "ReplicaSet": WORKLOADS,
    "StatefulSet": WORKLOADS,
}
# What every namespace holds without anybody's asking, or what tells of the past; the quota is GKE's
# own in small clusters (GKE documentation, "Quotas and limits").
_FURNITURE = (
    ("ConfigMap", "istio-ca-crl"),
    ("ConfigMap", "istio-ca-root-cert"),
    ("ConfigMap", "kube-root-ca.crt"),
    ("Endpoints", "*"),  # the shadow of a Service, which counts itself
    ("Event", "*"),
    ("Lease", "*"),
    ("ResourceQuota", "gke-resource-quotas"),
    ("ServiceAccount", "default"),
)
_LISTED = 10
"""Objects that a reason names; the others are counted."""


@dataclass(frozen=True)
class Leftover:
    """Objects that a controller left in a namespace, which may go with it; `*` stands for any."""

    kind: str
    name: str = "*"


@dataclass(frozen=True)
class Found:
    """One live object: its kind and its metadata."""

    kind: Kind
    metadata: Mapping[str, Any]

    @property
    def uid(self) -> str:
        """What tells it from another object of the same name."""
        return str(self.metadata.get("uid", ""))

    @property
    def namespace(self) -> str | None:
        """Its namespace; None when it has none."""
        return self.metadata.get("namespace") or None

    @property
    def title(self) -> str:
        """How messages call it."""
        place = f"{self.namespace}/" if self.namespace else ""
        return f"{self.kind.kind} {place}{self.metadata['name']}"

    @property
    def key(self) -> tuple[str, str, str | None, str]:
        """What names it in any version of its group."""
        return (self.kind.group, self.kind.kind, self.namespace, str(self.metadata["name"]))


@dataclass
class Going:
    """What goes, or would go in check mode: objects by uid, and namespaces with their content."""

    uids: set[str] = field(default_factory=set)
    namespaces: set[str] = field(default_factory=set)


def step(kind: Kind, definitions: Collection[str]) -> int:
    """The step in which an object of this kind is deleted; `definitions` are the CRDs' names."""
    if kind.definition in definitions:
        return CUSTOM
    return _STEPS.get(kind.kind, THINGS)


def why_not_ours(metadata: Mapping[str, Any], manager: str, labels: Mapping[str, str]) -> str:
    """Why an object is not ours to delete, in words; empty when it is ours."""
    entries = metadata.get("managedFields") or ()
    if not any(
        entry.get("manager") == manager
        and entry.get("operation") == "Apply"
        and not entry.get("subresource")
        for entry in entries
    ):
        others = ", ".join(managers({"metadata": metadata})) or "nobody that is recorded"
        return f"it is not ours: {manager} has not applied it, but {others}"
    carried = metadata.get("labels") or {}
    missing = [f"{n}={v}" for n, v in sorted(labels.items()) if carried.get(n) != v]
    if missing:
        return f"it is not ours: it does not carry {', '.join(missing)}"
    return ""


def why_definition_stays(metadata: Mapping[str, Any], groups: Collection[str]) -> str:
    """Why a CRD is left where it is, whatever objects it has; empty when it may go."""
    group = str(metadata["name"]).partition(".")[2]
    if group not in groups:
        return (
            "a CustomResourceDefinition takes every object of its kind along, so it only goes "
            f"when remove_crds names its group, {group}"
        )
    sign = managed_by_platform({"metadata": metadata})
    return f"the platform manages this CRD ({sign})" if sign else ""


def why_namespace_stays(metadata: Mapping[str, Any], manager: str) -> str:
    """Why a namespace stays whatever is in it; empty when it may go.

    Who creates a namespace by a plain write owns the label with its name, which the server adds
    (Kubernetes documentation, "Automatic labelling"); server-side apply owns only what it sends.
    """
    for entry in metadata.get("managedFields") or ():
        labels = (entry.get("fieldsV1") or {}).get("f:metadata", {}).get("f:labels", {})
        if entry.get("manager") != manager and "f:kubernetes.io/metadata.name" in labels:
            return f"{entry.get('manager')} made it, and {manager} only added to it"
    return ""


def staying(found: Iterable[Found], going: Going) -> list[Found]:
    """The objects that nothing of what goes takes along: by itself, its namespace or its owner."""
    left, gone = list(found), set(going.uids)
    while True:
        taken = [each for each in left if _taken(each, gone, going.namespaces)]
        if not taken:
            return left
        gone |= {each.uid for each in taken}
        left = [each for each in left if each.uid not in gone]


def _taken(found: Found, gone: Collection[str], namespaces: Collection[str]) -> bool:
    owners = found.metadata.get("ownerReferences") or ()
    return (
        found.uid in gone
        or bool(found.metadata.get("deletionTimestamp"))
        or found.namespace in namespaces
        or any(owner.get("uid") in gone for owner in owners)
    )


def foreign(found: Iterable[Found], going: Going, leftovers: Sequence[Leftover]) -> list[Found]:
    """What a namespace holds that its removal must not take along."""
    allowed = [*_FURNITURE, *((entry.kind, entry.name) for entry in leftovers)]
    return [
        each
        for each in staying(found, going)
        if not each.metadata.get("ownerReferences")
        and not any(
            each.kind.kind == kind and fnmatchcase(str(each.metadata["name"]), name)
            for kind, name in allowed
        )
    ]


def listed(found: Iterable[Found]) -> str:
    """The titles of objects, the first ones of many."""
    return first({each.title for each in found})


def first(names: Iterable[str]) -> str:
    """The first of many names, and how many there are more."""
    ordered = sorted(names)
    more = f" and {len(ordered) - _LISTED} more" if len(ordered) > _LISTED else ""
    return ", ".join(ordered[:_LISTED]) + more
