# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What may be deleted and what stays: decisions on plain metadata."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.llmd.tpu.plugins.module_utils.manifests import removal
from ansible_collections.llmd.tpu.plugins.module_utils.manifests.kinds import Kind
from ansible_collections.llmd.tpu.plugins.module_utils.manifests.removal import (
    Found,
    Going,
    Leftover,
)

OURS = {"manager": "llmd.tpu", "operation": "Apply"}
LABELS = {"llmd.tpu/phase": "p"}


def kind(name: str, api_version: str = "v1", plural: str = "") -> Kind:
    return Kind(api_version, name, plural or f"{name.lower()}s", True, True)


def found(kind_name: str, name: str, **metadata: Any) -> Found:
    metadata = {"name": name, "namespace": "n", "uid": f"uid-{name}", **metadata}
    return Found(kind(kind_name), metadata)


def owner(uid: str) -> list[dict[str, str]]:
    return [{"uid": uid}]


@pytest.mark.parametrize(
    ("entries", "labels", "words"),
    [
        ([OURS], LABELS, ""),
        ([{"manager": "kubectl", "operation": "Update"}, OURS], {**LABELS, "x": "y"}, ""),
        ([{**OURS, "operation": "Update"}], LABELS, "llmd.tpu has not applied it"),
        ([{**OURS, "subresource": "status"}], LABELS, "llmd.tpu has not applied it"),
        ([{"manager": "helm", "operation": "Apply"}], LABELS, "but helm"),
        ([], LABELS, "nobody that is recorded"),
        ([OURS], {}, "it does not carry llmd.tpu/phase=p"),
        ([OURS], {"llmd.tpu/phase": "q"}, "it does not carry llmd.tpu/phase=p"),
    ],
)
def test_ours_is_what_our_manager_applied_and_what_carries_the_labels(
    entries: list[dict[str, Any]], labels: dict[str, str], words: str
) -> None:
    metadata = {"managedFields": entries, "labels": labels}
    reason = removal.why_not_ours(metadata, "llmd.tpu", LABELS)
    assert words in reason
    assert bool(words) == bool(reason)


def test_the_steps() -> None:
    definitions = {"things.things.io", "namespaces.kubelike.io"}
    kinds = [
        kind("Thing", "things.io/v1"),
        kind("ValidatingWebhookConfiguration", "admissionregistration.k8s.io/v1"),
        kind("Deployment", "apps/v1"),
        kind("ConfigMap"),
        kind("Namespace"),
        kind("CustomResourceDefinition", "apiextensions.k8s.io/v1"),
    ]
    assert [removal.step(each, definitions) for each in kinds] == list(range(6))
    assert removal.step(kind("Namespace", "kubelike.io/v1"), definitions) == removal.CUSTOM
    assert removal.step(kind("Other", "other.io/v1"), definitions) == removal.THINGS


@pytest.mark.parametrize(
    ("groups", "labels", "words"),
    [
        (["things.io"], {}, ""),
        ([], {}, "remove_crds names its group, things.io"),
        (["io"], {}, "remove_crds names its group, things.io"),
        (["things.io"], {"addonmanager.kubernetes.io/mode": "Reconcile"}, "the platform manages"),
    ],
)
def test_which_definitions_stay(groups: list[str], labels: dict[str, str], words: str) -> None:
    metadata = {"name": "things.things.io", "labels": labels}
    reason = removal.why_definition_stays(metadata, groups)
    assert words in reason
    assert bool(words) == bool(reason)


@pytest.mark.parametrize(
    ("manager", "label", "words"),
    [
        ("kubectl-create", "kubernetes.io/metadata.name", "kubectl-create made it"),
        ("kubectl-label", "team", ""),
        ("llmd.tpu", "kubernetes.io/metadata.name", ""),
    ],
)
def test_a_namespace_that_somebody_else_made_stays(manager: str, label: str, words: str) -> None:
    fields: dict[str, Any] = {"f:metadata": {"f:labels": {f"f:{label}": {}}}}
    entries = [OURS, {"manager": manager, "operation": "Update", "fieldsV1": fields}]
    reason = removal.why_namespace_stays({"managedFields": entries}, "llmd.tpu")
    assert words in reason
    assert bool(words) == bool(reason)


def test_what_goes_takes_its_dependents_along_however_deep() -> None:
    objects = [
        found("Pod", "pod", ownerReferences=owner("uid-set")),
        found("ReplicaSet", "set", ownerReferences=owner("uid-web")),
        found("Deployment", "web"),
        found("Secret", "stays"),
        found("Secret", "theirs", ownerReferences=owner("uid-other")),
        found("Secret", "leaving", deletionTimestamp="now"),
        found("Secret", "elsewhere", namespace="going"),
    ]
    going = Going({"uid-web"}, {"going"})
    left = [each.metadata["name"] for each in removal.staying(objects, going)]
    assert left == ["stays", "theirs"]


def test_what_is_foreign_in_a_namespace() -> None:
    objects = [
        found("ConfigMap", "kube-root-ca.crt"),
        found("ConfigMap", "istio-ca-root-cert"),
        found("ConfigMap", "istio-ca-crl"),
        found("ServiceAccount", "default"),
        found("Event", "web.1"),
        found("Lease", "leader"),
        found("Endpoints", "web"),
        found("Pod", "theirs", ownerReferences=owner("uid-other")),
        found("Secret", "ours"),
        found("Secret", "model-a-certs"),
        found("ServiceAccount", "robot"),
        found("ConfigMap", "settings"),
    ]
    foreign = removal.foreign(
        objects,
        Going({"uid-ours"}),
        [Leftover("Secret", "model-*-certs"), Leftover("ServiceAccount")],
    )
    assert [each.title for each in foreign] == ["ConfigMap n/settings"]


def test_a_reason_names_the_first_of_many() -> None:
    words = removal.listed([found("Secret", f"s{number:02}") for number in range(13)])
    assert words.startswith("Secret n/s00, Secret n/s01, ")
    assert words.endswith("Secret n/s09 and 3 more")
