# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Do the tasks of role model get the right lists, for one service and for several?"""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.llmd.tpu.plugins.module_utils.metrics.monitoring import (
    METRICS_READER,
    Monitoring,
)
from ansible_collections.llmd.tpu.plugins.module_utils.serving.model_plan import plan, removal

from tests.unit.plugins.module_utils.serving.inputs import given

OLD, NEW = "release-v0.15", "release-v0.17"


def planned(track: str = OLD, *entries: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """The plan of such inputs, which are right."""
    found = plan(given(**changes), entries, track)
    assert found["problems"] == []
    return found


def short(wishes: list[dict[str, Any]]) -> list[str]:
    """What is waited for, in short."""
    return [f"{one['kind']} {one.get('name', one.get('selector'))}" for one in wishes]


def test_one_service() -> None:
    found = planned()
    assert short(found["ready"]) == ["LLMInferenceService qwen"]
    assert short(found["children"]) == [
        "Deployment qwen-kserve",
        "Deployment qwen-kserve-router-scheduler",
        "HTTPRoute qwen-kserve-route",
    ]
    assert found["gone"] == []
    assert [one["metadata"]["name"] for one in found["objects"]] == ["qwen"]
    assert [one["kind"] for one in found["monitoring"]] == [
        "ClusterRole",
        "ServiceAccount",
        "ClusterRoleBinding",
    ]
    assert found["slices"] == [
        {
            "accelerator": "tpu-v6e-slice",
            "topology": "2x2",
            "chips": 4,
            "replicas": 1,
            "service": "qwen",
            "namespace": "team",
        }
    ]
    assert found["models"] == [{"uri": "hf://Qwen/Qwen2.5-3B-Instruct", "gated": False}]
    assert found["strategies"] == {"team/qwen": "auto"}


def test_the_pool_is_looked_at_where_one_serves() -> None:
    assert "InferencePool qwen-inference-pool" in short(planned(NEW)["children"])


def test_without_a_scheduler_there_are_neither_it_nor_a_pool() -> None:
    for found in (
        planned(NEW, scheduler="none"),
        planned(NEW, override={"spec": {"router": {"scheduler": None}}}),
    ):
        assert short(found["children"]) == ["Deployment qwen-kserve", "HTTPRoute qwen-kserve-route"]
        assert found["services"][0]["scheduler"] is False


def test_several_services_share_what_they_need() -> None:
    found = planned(OLD, {"name": "a"}, {"name": "b"}, {"name": "c", "namespace": "other"})
    assert short(found["ready"]) == [f"LLMInferenceService {name}" for name in "abc"]
    assert short(found["needs"]) == [
        "Secret opendatahub-ca",
        "LLMInferenceServiceConfig kserve-config-llm-template",
        "Gateway inference-gateway",
        "Namespace team",
        "Secret redhat-pull-secret",
        "Namespace other",
        "Secret redhat-pull-secret",
    ]
    assert found["namespaces"] == ["team", "other"]
    accounts = [one for one in found["monitoring"] if one["kind"] == "ServiceAccount"]
    assert [one["metadata"]["namespace"] for one in accounts] == ["team", "other"]
    assert len({str(one) for one in found["access"]}) == 13


def test_a_stopped_service_is_waited_for_until_it_is_gone() -> None:
    found = planned(OLD, {"name": "a", "stopped": True}, {"name": "b"})
    assert short(found["ready"]) == ["LLMInferenceService b"]
    assert all(" b-" in one for one in short(found["children"]))
    assert found["gone"] == [
        {
            "api_version": "v1",
            "kind": "Pod",
            "namespace": "team",
            "selector": "app.kubernetes.io/name=a,app.kubernetes.io/part-of=llminferenceservice",
            "gone": True,
        }
    ]
    assert [one["service"] for one in found["slices"]] == ["b"]
    assert [one["stopped"] for one in found["services"]] == [True, False]


@pytest.mark.parametrize(
    ("changes", "needs"),
    [
        ({"gated": True}, [("Secret", "hf-token", ["HF_TOKEN"])]),
        (
            {"uri": "s3://bucket/model", "storage_secret_name": "aws"},
            [("Secret", "aws", ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"])],
        ),
        (
            {"uri": "s3://bucket/model", "service_account_name": "loader"},
            [("ServiceAccount", "loader", None)],
        ),
        ({"uri": "pvc://disk/models/a"}, [("PersistentVolumeClaim", "disk", None)]),
        ({"uri": "oci://quay.io/org/model:1"}, []),
        ({"pull_secret_name": "", "image": "quay.io/a/b:1"}, []),
    ],
)
def test_what_a_kind_of_storage_needs(
    changes: dict[str, Any], needs: list[tuple[str, str, Any]]
) -> None:
    own = [
        (one["kind"], one["name"], one.get("keys"))
        for one in planned(**changes)["needs"]
        if one.get("namespace") == "team" and one["name"] != "redhat-pull-secret"
    ]
    assert own == needs


def test_the_override_counts_for_what_is_needed_and_counted() -> None:
    container = {"name": "main", "resources": {"limits": {"google.com/tpu": "8"}}}
    template = {"imagePullSecrets": [{"name": "other"}], "containers": [container]}
    found = planned(override={"spec": {"replicas": 2, "template": template}})
    assert "Secret other" in short(found["needs"])
    assert (found["slices"][0]["chips"], found["slices"][0]["replicas"]) == (8, 2)


def test_bad_input_gives_problems_and_no_traceback() -> None:
    found = plan(given(name="B!"), [], OLD)
    assert "model_name is 'B!'" in found["problems"][0]
    assert plan(given(chips="four"), [], OLD)["objects"] == []


A, B, C = ({"namespace": "team", "name": name} for name in "abc")
ELSEWHERE = {"namespace": "other", "name": "a"}


def goes(planned_: list[Any], ours: list[Any], *, everything: bool = False) -> Any:
    """What goes, in short."""
    found = removal(planned_, ours, OLD, everything=everything)
    names = [f"{one['kind']} {one['metadata']['name']}" for one in found["objects"]]
    return found["services"], names


def test_one_of_several_goes_alone() -> None:
    services, names = goes([A], [A, B])
    assert services == [A]
    assert names == ["LLMInferenceService a"]


def test_the_account_goes_with_the_last_of_a_namespace() -> None:
    services, names = goes([A, B], [A, B, ELSEWHERE])
    assert services == [A, B]
    assert names[:2] == ["LLMInferenceService a", "LLMInferenceService b"]
    assert names[-2:] == [
        f"ServiceAccount {METRICS_READER}",
        f"ClusterRoleBinding {METRICS_READER}-team",
    ]
    assert "PodMonitor llmd-tpu-model-servers" in names


def test_what_the_accounts_may_goes_with_the_last_of_all() -> None:
    assert f"ClusterRole {METRICS_READER}" in goes([A], [A])[1]
    assert f"ClusterRole {METRICS_READER}" in goes([A], [])[1]


def test_everything_goes_by_its_label() -> None:
    services, names = goes([A], [B, C, ELSEWHERE], everything=True)
    assert services == [B, C, ELSEWHERE]
    assert names == []


def test_the_dashboard_goes_with_the_last_of_all() -> None:
    for ours, gone in (([A], True), ([A, B], False)):
        found = removal([A], ours, OLD, everything=False, dashboard_namespace="grafana")
        assert any(one["kind"] == "ConfigMap" for one in found["objects"]) is gone


def test_monitors_are_made_waited_for_and_removed_when_not_asked_for() -> None:
    operator = Monitoring(kind="prometheus-operator", labels={"release": "prometheus"})
    found = plan(given(), [], OLD, operator)
    assert found["problems"] == []
    assert "CustomResourceDefinition podmonitors.monitoring.coreos.com" in short(found["needs"])
    assert short(found["children"])[-3:] == [
        "Secret llmd-tpu-metrics-reader-token",
        "PodMonitor llmd-tpu-model-servers",
        "ServiceMonitor llmd-tpu-schedulers",
    ]
    kinds = {one["kind"] for one in found["monitoring"]}
    left = {one["kind"] for one in found["leftovers"]}
    assert {"PodMonitor", "ServiceMonitor", "Secret"} <= kinds
    assert left == {"PodMonitoring", "Role", "RoleBinding"}
    assert "PodMonitor" in {one["kind"] for one in planned()["leftovers"]}


def test_kserve_s_own_monitors_are_not_doubled() -> None:
    both = Monitoring(kind="prometheus-operator", by_kserve=True)
    [problem] = plan(given(), [], OLD, both)["problems"]
    assert "kserve_monitoring is true" in problem
    assert plan(given(), [], OLD, Monitoring(by_kserve=True))["problems"] == []
