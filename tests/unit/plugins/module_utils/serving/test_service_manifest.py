# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Is the object what the inputs ask for, on both tracks, and free of errors by our own checks?"""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.llmd.tpu.plugins.module_utils.serving.checks import check_service
from ansible_collections.llmd.tpu.plugins.module_utils.serving.service_inputs import read_services
from ansible_collections.llmd.tpu.plugins.module_utils.serving.service_manifest import manifest_of
from ansible_collections.llmd.tpu.plugins.module_utils.serving.tracks import TRACKS

from tests.unit.plugins.module_utils.serving.inputs import CONFIG, given

OLD, NEW = "release-v0.15", "release-v0.17"
STOP = "serving.kserve.io/stop"
SECRET = "serving.kserve.io/storageSecretName"


def made(track: str = OLD, **changes: Any) -> dict[str, Any]:
    """The object of such inputs."""
    services, problems = read_services(given(**changes), [])
    assert problems == []
    return manifest_of(services[0], TRACKS[track])


def server(**changes: Any) -> dict[str, Any]:
    """Its model server."""
    containers: list[dict[str, Any]] = made(**changes)["spec"]["template"]["containers"]
    return containers[0]


def test_the_object_of_the_defaults() -> None:
    probe = {"httpGet": {"path": "/health", "port": 8000, "scheme": "HTTPS"}}
    assert made() == {
        "apiVersion": "serving.kserve.io/v1alpha1",
        "kind": "LLMInferenceService",
        "metadata": {"name": "qwen", "namespace": "team", "annotations": {STOP: "false"}},
        "spec": {
            "model": {
                "uri": "hf://Qwen/Qwen2.5-3B-Instruct",
                "name": "Qwen/Qwen2.5-3B-Instruct",
            },
            "replicas": 1,
            "router": {"route": {}, "gateway": {}, "scheduler": {}},
            "template": {
                "nodeSelector": {
                    "cloud.google.com/gke-tpu-accelerator": "tpu-v6e-slice",
                    "cloud.google.com/gke-tpu-topology": "2x2",
                },
                "tolerations": [
                    {"key": "google.com/tpu", "operator": "Exists", "effect": "NoSchedule"}
                ],
                "imagePullSecrets": [{"name": "redhat-pull-secret"}],
                "containers": [
                    {
                        "name": "main",
                        "image": "registry.redhat.io/rhaiis/vllm-tpu-rhel9:3.2.5",
                        "env": [
                            {
                                "name": "VLLM_ADDITIONAL_ARGS",
                                "value": "--tensor-parallel-size 4 --max-model-len 2048 "
                                "--dtype bfloat16",
                            }
                        ],
                        "resources": {
                            "requests": {"google.com/tpu": "4"},
                            "limits": {"google.com/tpu": "4"},
                        },
                        "startupProbe": {
                            **probe,
                            "periodSeconds": 30,
                            "timeoutSeconds": 5,
                            "failureThreshold": 60,
                        },
                        "livenessProbe": {
                            **probe,
                            "periodSeconds": 10,
                            "timeoutSeconds": 10,
                            "failureThreshold": 3,
                        },
                        "readinessProbe": {
                            **probe,
                            "periodSeconds": 5,
                            "timeoutSeconds": 5,
                            "failureThreshold": 3,
                        },
                    }
                ],
            },
        },
    }


@pytest.mark.parametrize("track", [OLD, NEW])
@pytest.mark.parametrize("scheduler", ["preset", "custom", "none"])
def test_our_own_checks_find_no_error(track: str, scheduler: str) -> None:
    config = CONFIG if scheduler == "custom" else {}
    service = made(track, scheduler=scheduler, scheduler_config=config)
    found = check_service(service, TRACKS[track])
    assert [one.code for one in found if one.severity != "info"] == []


@pytest.mark.parametrize(
    ("given_", "chips", "flags"),
    [
        ([], 4, "--tensor-parallel-size 4"),
        (["--dtype bfloat16"], 8, "--tensor-parallel-size 8 --dtype bfloat16"),
        (["--tensor-parallel-size 1"], 4, "--tensor-parallel-size 1"),
        (["--tensor_parallel_size=2"], 4, "--tensor_parallel_size=2"),
        (["-tp", "2"], 4, "-tp 2"),
        (["--data-parallel-size 4"], 4, "--data-parallel-size 4"),
        (["--chat-template 'a"], 4, "--chat-template 'a"),
    ],
)
def test_all_chips_are_used_unless_told_otherwise(
    given_: list[str], chips: int, flags: str
) -> None:
    assert server(vllm_arguments=given_, chips=chips)["env"][0]["value"] == flags


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"uri": "hf://org/model:main"}, "org/model"),
        ({"uri": "pvc://disk/model"}, "qwen"),
        ({"uri": "pvc://disk/model", "served_name": "mine"}, "mine"),
        ({"served_name": "mine"}, "mine"),
    ],
)
def test_the_name_in_requests(changes: dict[str, Any], name: str) -> None:
    assert made(**changes)["spec"]["model"]["name"] == name


@pytest.mark.parametrize(
    ("changes", "secret"),
    [
        ({}, None),
        ({"gated": True}, "hf-token"),
        ({"gated": True, "token_secret_name": "ours"}, "ours"),
        ({"gated": True, "storage_secret_name": "mirror"}, "mirror"),
        ({"gated": True, "uri": "s3://bucket/model"}, None),
        ({"uri": "s3://bucket/model", "storage_secret_name": "aws"}, "aws"),
    ],
)
def test_the_download_s_credentials(changes: dict[str, Any], secret: str | None) -> None:
    assert made(**changes)["metadata"]["annotations"].get(SECRET) == secret


def test_a_service_account_is_named() -> None:
    template = made(service_account_name="loader")["spec"]["template"]
    assert template["serviceAccountName"] == "loader"
    assert "serviceAccountName" not in made()["spec"]["template"]


def test_a_stopped_service_says_so() -> None:
    assert made(stopped=True)["metadata"]["annotations"] == {STOP: "true"}


def test_what_is_added_to_the_server() -> None:
    container = server(
        env=[{"name": "A", "value": "b"}],
        resources={"limits": {"memory": "200Gi"}, "requests": {"cpu": "24"}},
        probes={"readiness": {"periodSeconds": 1}, "liveness": {"failureThreshold": None}},
        startup_probe_period=5,
        startup_probe_failures=7,
    )
    assert container["env"][1:] == [{"name": "A", "value": "b"}]
    assert container["resources"] == {
        "requests": {"google.com/tpu": "4", "cpu": "24"},
        "limits": {"google.com/tpu": "4", "memory": "200Gi"},
    }
    assert container["readinessProbe"]["periodSeconds"] == 1
    assert container["readinessProbe"]["timeoutSeconds"] == 5
    assert "failureThreshold" not in container["livenessProbe"]
    assert container["startupProbe"]["periodSeconds"] == 5
    assert container["startupProbe"]["failureThreshold"] == 7


def test_labels_and_annotations_are_texts() -> None:
    metadata = made(labels={"team": 7}, annotations={"note": True})["metadata"]
    assert metadata["labels"] == {"team": "7"}
    assert metadata["annotations"] == {"note": "True", STOP: "false"}


def test_without_a_scheduler() -> None:
    assert made(scheduler="none")["spec"]["router"] == {"route": {}, "gateway": {}}


def test_a_scheduler_of_one_s_own_repeats_the_preset_s_arguments_on_the_old_track() -> None:
    spec = made(scheduler="custom", scheduler_config=CONFIG)["spec"]["router"]["scheduler"]
    [container] = spec["template"]["containers"]
    assert container["name"] == "main"
    pool = ["--pool-name", "qwen-inference-pool", "--pool-namespace", "team"]
    assert container["args"][:4] == pool
    assert container["args"][-2] == "--config-text"
    text = container["args"][-1]
    assert json.loads(text) == {
        "apiVersion": "inference.networking.x-k8s.io/v1alpha1",
        "kind": "EndpointPickerConfig",
        **CONFIG,
    }
    # KServe executes {{ }} in the spec.
    assert "{{" not in text


def test_a_scheduler_of_one_s_own_has_a_field_on_the_new_track() -> None:
    config = {**CONFIG, "apiVersion": "llm-d.ai/v1"}
    router = made(NEW, scheduler="custom", scheduler_config=config)["spec"]["router"]
    assert router["scheduler"]["config"]["inline"]["apiVersion"] == "llm-d.ai/v1"
    assert router["scheduler"]["config"]["inline"]["plugins"] == CONFIG["plugins"]


def test_the_override_comes_last() -> None:
    override = {
        "spec": {
            "replicas": 3,
            "router": {"scheduler": None},
            "template": {
                "containers": [{"name": "main", "image": "quay.io/a/b:1"}],
                "volumes": [{"name": "cache", "emptyDir": {}}],
            },
        }
    }
    spec = made(override=override)["spec"]
    assert spec["replicas"] == 3
    assert "scheduler" not in spec["router"]
    assert spec["template"]["containers"][0]["image"] == "quay.io/a/b:1"
    assert spec["template"]["containers"][0]["env"]
    assert spec["template"]["volumes"]
