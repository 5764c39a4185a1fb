# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The order of KServe's overlay, and which kustomize may render it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.errors import AnsibleFilterError
from ansible_collections.llmd.tpu.plugins.filter.kserve import kserve_stages, kustomize_verdict

ROLE = yaml.safe_load(
    (Path(__file__).parents[3] / "roles/kserve/vars/main.yml").read_text(encoding="utf-8")
)

# What `kustomize build config/overlays/odh-xks` prints for opendatahub-io/kserve, branch
# release-v0.15, commit 9682be26da593e5dd52555848cfc39a0b9fef9cd: 38 objects, in this order.
OVERLAY = [
    ("CustomResourceDefinition", "inferencemodels.inference.networking.x-k8s.io"),
    ("CustomResourceDefinition", "inferenceobjectives.inference.networking.x-k8s.io"),
    ("CustomResourceDefinition", "inferencepools.inference.networking.k8s.io"),
    ("CustomResourceDefinition", "inferencepools.inference.networking.x-k8s.io"),
    ("CustomResourceDefinition", "llminferenceserviceconfigs.serving.kserve.io"),
    ("CustomResourceDefinition", "llminferenceservices.serving.kserve.io"),
    ("ServiceAccount", "kserve-controller-manager"),
    ("Role", "kserve-leader-election-role"),
    ("ClusterRole", "kserve-admin"),
    ("ClusterRole", "kserve-edit"),
    ("ClusterRole", "kserve-manager-role"),
    ("ClusterRole", "kserve-metrics-reader-cluster-role"),
    ("ClusterRole", "kserve-proxy-role"),
    ("ClusterRole", "kserve-view"),
    ("RoleBinding", "kserve-leader-election-rolebinding"),
    ("ClusterRoleBinding", "kserve-manager-rolebinding"),
    ("ClusterRoleBinding", "kserve-proxy-rolebinding"),
    ("ConfigMap", "inferenceservice-config"),
    ("ConfigMap", "kserve-parameters"),
    ("ConfigMap", "odh-xks-kserve-parameters"),
    ("Secret", "kserve-webhook-server-secret"),
    ("Service", "kserve-controller-manager-metrics-service"),
    ("Service", "kserve-controller-manager-service"),
    ("Service", "kserve-webhook-server-service"),
    ("Deployment", "kserve-controller-manager"),
    ("Certificate", "kserve-webhook-server"),
    ("NetworkPolicy", "kserve-controller-manager"),
    ("LLMInferenceServiceConfig", "kserve-config-llm-decode-template"),
    ("LLMInferenceServiceConfig", "kserve-config-llm-decode-worker-data-parallel"),
    ("LLMInferenceServiceConfig", "kserve-config-llm-prefill-template"),
    ("LLMInferenceServiceConfig", "kserve-config-llm-prefill-worker-data-parallel"),
    ("LLMInferenceServiceConfig", "kserve-config-llm-router-route"),
    ("LLMInferenceServiceConfig", "kserve-config-llm-scheduler"),
    ("LLMInferenceServiceConfig", "kserve-config-llm-template"),
    ("LLMInferenceServiceConfig", "kserve-config-llm-template-amd-rocm"),
    ("LLMInferenceServiceConfig", "kserve-config-llm-worker-data-parallel"),
    ("ValidatingWebhookConfiguration", "llminferenceservice.serving.kserve.io"),
    ("ValidatingWebhookConfiguration", "llminferenceserviceconfig.serving.kserve.io"),
]


def overlay(*more: tuple[str, str]) -> str:
    """The overlay as far as its order is concerned, as text of many documents."""
    objects = [{"kind": kind, "metadata": {"name": name}} for kind, name in (*OVERLAY, *more)]
    return yaml.safe_dump_all(objects)


def names(stage: list[str]) -> list[tuple[str, str]]:
    """Kind and name of each object."""
    objects: list[dict[str, Any]] = [json.loads(item) for item in stage]
    return [(item["kind"], item["metadata"]["name"]) for item in objects]


def test_the_38_objects_go_into_four_stages() -> None:
    stages = kserve_stages(overlay())
    assert names(stages["crds"]) == OVERLAY[0:6]
    assert names(stages["core"]) == OVERLAY[6:27]
    assert names(stages["configs"]) == OVERLAY[27:36]
    assert names(stages["webhooks"]) == OVERLAY[36:38]


def test_the_roles_own_list_leaves_one_owner_for_each_crd() -> None:
    stages = kserve_stages(overlay(), ROLE["__kserve_foreign_crds"])
    assert [name for _, name in names(stages["crds"])] == [
        "inferencemodels.inference.networking.x-k8s.io",
        "llminferenceserviceconfigs.serving.kserve.io",
        "llminferenceservices.serving.kserve.io",
    ]


def test_only_crds_are_left_out() -> None:
    stages = kserve_stages(overlay(("ConfigMap", "inferencepools")), ["inferencepools"])
    assert ("ConfigMap", "inferencepools") in names(stages["core"])


def test_what_the_role_waits_for_is_in_the_overlay() -> None:
    track = ROLE["__kserve_tracks"]["release-v0.15"]
    assert ("Deployment", track["controller"]) in OVERLAY
    assert ("Certificate", track["certificate"]) in OVERLAY
    for preset in ROLE["__kserve_presets"]:
        assert ("LLMInferenceServiceConfig", preset) in OVERLAY
    for item in ROLE["__kserve_crds"] + ROLE["__kserve_webhooks"]:
        assert (item["kind"], item["name"]) in OVERLAY


def test_empty_documents_are_no_objects() -> None:
    stages = kserve_stages(f"---\n---\n{overlay()}---\n")
    assert sum(len(stage) for stage in stages.values()) == 38


@pytest.mark.parametrize("text", ["", "kind: ConfigMap\nmetadata: {name: x}\n"])
def test_something_else_is_refused(text: str) -> None:
    with pytest.raises(AnsibleFilterError, match="not KServe's odh-xks overlay"):
        kserve_stages(text)


def from_kubectl(version: str) -> str:
    """What kubectl prints as JSON."""
    return json.dumps({"clientVersion": {"gitVersion": "v1.36.3"}, "kustomizeVersion": version})


@pytest.mark.parametrize(
    "answer", ["v5.8.0\n", "v5.8.1", "{5.9.2 2027-01-01}", from_kubectl("v5.8.1"), "v6.0.0"]
)
def test_kustomize_from_5_8_is_fine(answer: str) -> None:
    verdict = kustomize_verdict(answer)
    assert not verdict["error"]
    assert not verdict["warning"]


@pytest.mark.parametrize("answer", ["v5.7.0", "v5.7.1", from_kubectl("v5.7.1")])
def test_kustomize_5_7_is_a_warning(answer: str) -> None:
    verdict = kustomize_verdict(answer)
    assert not verdict["error"]
    assert "5.8.0" in verdict["warning"]


@pytest.mark.parametrize("answer", ["v5.6.9", "v5.5.0", "v4.5.7", from_kubectl("v5.5.0")])
def test_older_kustomize_is_refused_with_the_reason(answer: str) -> None:
    assert "panics" in kustomize_verdict(answer)["error"]


@pytest.mark.parametrize(
    "answer", ["", "sh: 1: kustomize: not found", from_kubectl(""), '{"clientVersion": {}}', "[]"]
)
def test_an_answer_without_a_version_is_an_error(answer: str) -> None:
    assert "no version" in kustomize_verdict(answer)["error"]
