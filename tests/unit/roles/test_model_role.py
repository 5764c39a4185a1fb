# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Do the variables of role model reach the objects, through Ansible's own templating?"""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml

from tests.unit.plugins.module_utils.serving.inputs import CONFIG
from tests.unit.plugins.module_utils.serving.test_service_manifest import made
from tests.unit.roles.evaluate import ROLES, evaluate

CASES: dict[str, dict[str, Any]] = {
    "nothing set": {},
    "everything set": {
        "model_namespace": "team",
        "model_stopped": True,
        "model_uri": "s3://bucket/model",
        "model_served_name": "mine",
        "model_storage_secret_name": "aws",
        "model_service_account_name": "loader",
        "model_image": "quay.io/a/b:1",
        "model_pull_secret_name": "pull",
        "model_replicas": 2,
        "model_topology": "2x4",
        "model_chips": 8,
        "model_resources": {"limits": {"memory": "1Gi"}},
        "model_vllm_arguments": ["--max-model-len 99"],
        "model_env": [{"name": "A", "value": "b"}],
        "model_startup_probe_period": 1,
        "model_startup_probe_failures": 2,
        "model_probes": {"liveness": {"periodSeconds": 77}},
        "model_scheduler": "custom",
        "model_scheduler_config": CONFIG,
        "model_labels": {"team": "search"},
        "model_annotations": {"note": "x"},
        "model_override": {"spec": {"template": {"priorityClassName": "high"}}},
        "model_update_strategy": "rolling",
    },
    "two services": {"model_services": [{"name": "a"}, {"name": "b", "uri": "hf://org/b"}]},
    "monitored": {
        "model_namespace": "team",
        "model_monitoring": "prometheus-operator",
        "model_monitoring_labels": {"release": "prometheus"},
        "model_monitoring_dashboard": True,
        "model_monitoring_dashboard_namespace": "grafana",
    },
    "monitored by KServe too": {
        "model_monitoring": "prometheus-operator",
        "kserve_monitoring": "true",
    },
    "wrong": {"model_services": [{"nam": "a"}]},
    "other phases": {"namespace_name": "models", "namespace_pull_secret_name": "theirs"},
}


@pytest.fixture(scope="module")
def plans() -> dict[str, Any]:
    """The role's plan in each case."""
    found = evaluate("model", CASES, "__model_plan_of_inputs")
    return {case: answer["__model_plan_of_inputs"] for case, answer in found.items()}


def test_nothing_set_is_the_guide_s_model(plans: dict[str, Any]) -> None:
    expected = made(name="qwen2-3b-pattern1", namespace="llm-d-inference-scheduling")
    assert plans["nothing set"]["objects"] == [expected]
    assert plans["nothing set"]["problems"] == []


def test_every_input_reaches_the_object(plans: dict[str, Any]) -> None:
    given = {name.removeprefix("model_"): value for name, value in CASES["everything set"].items()}
    assert plans["everything set"]["objects"] == [made(name="qwen2-3b-pattern1", **given)]
    assert plans["everything set"]["strategies"] == {"team/qwen2-3b-pattern1": "rolling"}


def test_everything_set_sets_everything() -> None:
    inputs = yaml.safe_load((ROLES / "model/vars/main.yml").read_text())["__model_inputs"]
    others = {"name", "gated", "token_secret_name", "accelerator"}
    given = {name.removeprefix("model_") for name in CASES["everything set"]}
    assert given | others == set(inputs)


def test_services_fill_in_from_the_variables(plans: dict[str, Any]) -> None:
    names = [one["spec"]["model"]["name"] for one in plans["two services"]["objects"]]
    assert names == ["Qwen/Qwen2.5-3B-Instruct", "org/b"]


def test_monitoring_reaches_the_objects(plans: dict[str, Any]) -> None:
    found = {one["kind"]: one for one in plans["monitored"]["monitoring"]}
    assert found["PodMonitor"]["metadata"]["namespace"] == "team"
    assert found["PodMonitor"]["metadata"]["labels"] == {"release": "prometheus"}
    config = found["ConfigMap"]
    assert config["metadata"]["namespace"] == "grafana"
    assert config["metadata"]["labels"] == {"grafana_dashboard": "1"}
    assert json.loads(config["data"]["llmd-tpu-dashboard.json"])["panels"]
    [nothing] = plans["nothing set"]["leftovers"][-1:]
    assert nothing["metadata"]["namespace"] == "llm-d-inference-scheduling"
    assert "kserve_monitoring" in plans["monitored by KServe too"]["problems"][0]


def test_bad_input_is_a_problem(plans: dict[str, Any]) -> None:
    assert "model_services[0]" in plans["wrong"]["problems"][0]


def test_namespace_and_secret_follow_the_phase_before(plans: dict[str, Any]) -> None:
    [service] = plans["other phases"]["objects"]
    assert service["metadata"]["namespace"] == "models"
    assert service["spec"]["template"]["imagePullSecrets"] == [{"name": "theirs"}]


def test_the_keys_of_a_service_are_the_inputs_and_documented() -> None:
    inputs = yaml.safe_load((ROLES / "model/vars/main.yml").read_text())["__model_inputs"]
    options = yaml.safe_load((ROLES / "model/meta/argument_specs.yml").read_text())
    documented = options["argument_specs"]["main"]["options"]
    for key in inputs:
        assert f"model_{key}" in documented
        assert f"C({key})" in " ".join(documented["model_services"]["description"])
