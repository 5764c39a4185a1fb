# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""May these namespaces be made, taken over, changed, removed? Pure.

Sources: Istio documentation, "Installing the Sidecar" (labels); opendatahub-io/kserve
``pkg/credentials`` (Secrets of the ServiceAccount become the download's environment, so that
another list of Secrets is another pod), seen with release-v0.15; Kubernetes documentation,
"Object Names and IDs".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.llmd.tpu.plugins.module_utils.findings import Finding
from ansible_collections.llmd.tpu.plugins.module_utils.ownership import is_ours, reference

ADOPTED = "llmd.tpu/adopted"
"""Annotation of a namespace that somebody else made and that we were told to use."""

_SIDECAR_LABELS = ("istio-injection", "istio.io/rev")
_STOPPED = "serving.kserve.io/stop"
_OWN_SECRET = "serving.kserve.io/storageSecretName"
_NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")


@dataclass(frozen=True)
class Sight:
    """What was read for one namespace; None and empty for what is not there."""

    name: str
    live: Mapping[str, Any] | None = None
    account: Mapping[str, Any] | None = None
    services: Sequence[Mapping[str, Any]] = ()
    secrets: Sequence[Mapping[str, Any]] = ()
    """All Secrets, without their values."""
    others: Sequence[Mapping[str, Any]] = ()
    """Quotas and limit ranges."""


@dataclass(frozen=True)
class Wishes:
    """What a run is about to do with the namespaces."""

    labels: Mapping[str, str] = field(default_factory=dict)
    manager: str = "llmd.tpu"
    add_labels: Mapping[str, str] = field(default_factory=dict)
    adopt: bool = False
    allow_sidecars: bool = False
    needed_secrets: Sequence[str] = ()
    account_secrets: Sequence[str] = ()


def origin(sight: Sight, wishes: Wishes) -> str:
    """Whose namespace it is: missing, ours, adopted or foreign."""
    if sight.live is None:
        return "missing"
    if (sight.live["metadata"].get("annotations") or {}).get(ADOPTED) == "true":
        return "adopted"
    return "ours" if is_ours(sight.live, wishes.manager, wishes.labels) else "foreign"


def describe(sight: Sight, wishes: Wishes) -> dict[str, Any]:
    """What a role needs to know about a namespace, as plain data."""
    owned = [one for one in (*sight.secrets, *sight.others) if _is_ours(one, wishes)]
    account = sight.account or {}
    return {
        "name": sight.name,
        "origin": origin(sight, wishes),
        "services": [str(one["metadata"]["name"]) for one in sight.services],
        "secrets": sorted(str(one["metadata"]["name"]) for one in sight.secrets),
        "account_secrets": [str(one.get("name")) for one in account.get("secrets") or ()],
        "objects": [reference(one) for one in owned],
    }


def _is_ours(live: Mapping[str, Any], wishes: Wishes) -> bool:
    return is_ours(live, wishes.manager, wishes.labels)


def check_names(names: Iterable[str]) -> Iterator[Finding]:
    """Names that Kubernetes takes."""
    for name in names:
        if not _NAME.fullmatch(name):
            yield Finding(
                code="NAMESPACE-NAME",
                severity="error",
                message="this cannot be the name of a namespace",
                found=name or "an empty name",
                expected="lower-case letters, digits and dashes, at most 63 characters",
                fix="correct namespace_name or namespace_names",
                source="Kubernetes documentation, Object Names and IDs",
            )


def check_present(sight: Sight, wishes: Wishes) -> Iterator[Finding]:
    """Whether the namespace may be made, or used as it is."""
    subject = f"Namespace {sight.name}"
    if sight.live is not None and sight.live["metadata"].get("deletionTimestamp"):
        yield Finding(
            code="NAMESPACE-GOING",
            severity="error",
            message="it is being deleted",
            subject=subject,
            fix="wait until it is gone (kubectl get namespace shows what holds it), then run again",
        )
        return
    if origin(sight, wishes) == "foreign" and not wishes.adopt:
        yield Finding(
            code="NAMESPACE-FOREIGN",
            severity="error",
            message="it exists, and this collection did not make it",
            subject=subject,
            expected="a name that is free, or a namespace with our label",
            fix="choose another namespace_name, or set namespace_adopt to true: its objects stay "
            "as they are, and namespace_state absent will not delete it",
        )
    yield from _check_sidecars(sight, wishes, subject)
    existing = {str(one["metadata"]["name"]) for one in sight.secrets}
    for name in wishes.needed_secrets:
        if name not in existing:
            yield Finding(
                code="NAMESPACE-SECRET-MISSING",
                severity="error",
                message="a Secret that is said to be there is not",
                subject=f"Secret {sight.name}/{name}",
                found=", ".join(sorted(existing)) or "no Secret",
                fix="make it (kubectl create secret docker-registry), correct the name, or give "
                "its content instead of namespace_pull_secret_existing",
            )
    yield from _check_rolling(sight, wishes)


def _check_sidecars(sight: Sight, wishes: Wishes, subject: str) -> Iterator[Finding]:
    live = ((sight.live or {}).get("metadata") or {}).get("labels") or {}
    labels = {**live, **wishes.add_labels}
    for name in _SIDECAR_LABELS:
        value = labels.get(name)
        if value is not None and value != "disabled" and not wishes.allow_sidecars:
            yield Finding(
                code="NAMESPACE-SIDECARS",
                severity="error",
                message="Istio would put a sidecar into the model's pods, which breaks the "
                "download of the weights and the scheduler's connections",
                subject=subject,
                path=f"metadata.labels[{name}]",
                found=f"{value} ({'asked for' if name in wishes.add_labels else 'there already'})",
                expected="no such label",
                fix="remove the label, or set namespace_allow_sidecars to true if it is meant",
                source="Istio documentation, Installing the Sidecar",
            )


def _check_rolling(sight: Sight, wishes: Wishes) -> Iterator[Finding]:
    """Another list of Secrets makes other pods of the services that download with them."""
    listed = {str(one.get("name")) for one in (sight.account or {}).get("secrets") or ()}
    coming = [name for name in wishes.account_secrets if name not in listed]
    rolling = [str(one["metadata"]["name"]) for one in sight.services if _downloads(one)]
    if coming and rolling:
        yield Finding(
            code="NAMESPACE-SERVICES-ROLL",
            severity="warning",
            message=f"the account gets {', '.join(coming)}, so KServe will make new pods for "
            f"{', '.join(rolling)}: each new pod needs as many free chips as the old one holds, "
            "and with a single TPU node it stays Pending while the old one serves on",
            subject=f"ServiceAccount {sight.name}/default",
            path="secrets",
            found=", ".join(sorted(listed)) or "no Secret",
            fix="let it roll when chips are free, or stop the service first (annotation "
            f'{_STOPPED}: "true") and start it again afterwards',
            source="KServe release-v0.15, pkg/credentials",
        )


def _downloads(service: Mapping[str, Any]) -> bool:
    """Whether the pods of a service are made from the default account's Secrets."""
    annotations = service["metadata"].get("annotations") or {}
    spec = service.get("spec") or {}
    account = (spec.get("template") or {}).get("serviceAccountName") or "default"
    stopped = str(annotations.get(_STOPPED, "")).lower() == "true"
    return account == "default" and not stopped and not annotations.get(_OWN_SECRET)


def check_absent(sight: Sight, wishes: Wishes) -> Iterator[Finding]:
    """Whether the phase may go: nothing may serve from it, and what is not ours stays."""
    subject = f"Namespace {sight.name}"
    names = [str(one["metadata"]["name"]) for one in sight.services]
    if names:
        yield Finding(
            code="NAMESPACE-IN-USE",
            severity="error",
            message="models live in it and would lose account, pull secret and token",
            subject=subject,
            found="LLMInferenceService " + ", ".join(names),
            expected="no LLMInferenceService",
            fix="remove them first: model_state absent, or kubectl delete llminferenceservice",
        )
    whose = origin(sight, wishes)
    if whose in ("foreign", "adopted"):
        yield Finding(
            code="NAMESPACE-STAYS",
            severity="info",
            message="somebody else made it: it stays, and only what this phase put into it goes",
            subject=subject,
        )
