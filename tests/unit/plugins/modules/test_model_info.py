# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Is each model told with its address, readiness, pods and chips?"""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.llmd.tpu.plugins.module_utils.connection import Reply
from ansible_collections.llmd.tpu.plugins.module_utils.manifests.retry import Persistence
from ansible_collections.llmd.tpu.plugins.module_utils.serving.live import ObjectReadError, send
from ansible_collections.llmd.tpu.plugins.module_utils.serving.model_info import run
from ansible_collections.llmd.tpu.plugins.module_utils.serving.rollout import readiness_of

from tests.unit.plugins.module_utils.serving.manifests import good
from tests.unit.plugins.module_utils.smoke.scripted import ScriptedSession, found, refused

URL = "http://203.0.113.10/llm-d-inference-scheduling/qwen2-3b-pattern1"
NAME = "qwen2-3b-pattern1"
GROUP = "serving.kserve.io"


def _service(**changes: Any) -> dict[str, Any]:
    service = good()
    service["metadata"] |= {"generation": 2, "annotations": changes.pop("annotations", {})}
    service["status"] = {
        "observedGeneration": 2,
        "url": URL,
        "conditions": [{"type": "Ready", "status": "True"}],
        **changes,
    }
    return service


def _deployment(**changes: Any) -> dict[str, Any]:
    status = {"observedGeneration": 3, "replicas": 1, "updatedReplicas": 1, "availableReplicas": 1}
    limits = {"limits": {"google.com/tpu": "4"}}
    return {
        "metadata": {
            "name": f"{NAME}-kserve",
            "namespace": "llm-d-inference-scheduling",
            "generation": 3,
        },
        "spec": {
            "replicas": 1,
            "template": {"spec": {"containers": [{"name": "main", "resources": limits}]}},
        },
        "status": status | changes,
    }


def _session(services: list[Any], deployments: list[Any]) -> ScriptedSession:
    versions = [{"groupVersion": f"{GROUP}/v1alpha1"}, {"groupVersion": f"{GROUP}/v1beta1"}]
    kind = {"kind": "LLMInferenceService", "name": "llminferenceservices"}
    return ScriptedSession(
        {
            f"GET /apis/{GROUP}": found({"versions": versions}),
            f"GET /apis/{GROUP}/v1beta1": found({"resources": [{"kind": "InferenceService"}]}),
            f"GET /apis/{GROUP}/v1alpha1": found({"resources": [kind]}),
            f"GET /apis/{GROUP}/v1alpha1/llminferenceservices": found({"items": services}),
            "GET /apis/apps/v1/deployments": found({"items": deployments}),
        }
    )


def _models(services: list[Any], deployments: list[Any], **options: Any) -> list[dict[str, Any]]:
    parameters = {"namespace": None, "name": None, "label_selectors": [], **options}
    result = run(parameters, lambda _options: _session(services, deployments))
    assert result["api_version"] == f"{GROUP}/v1alpha1"
    models: list[dict[str, Any]] = result["models"]
    return models


def test_a_model_that_serves() -> None:
    [model] = _models([_service()], [_deployment()])
    assert (model["url"], model["ready"], model["reason"]) == (URL, True, "")
    assert model["rolled_out"]
    assert model["chips"] == {"per_replica": 4, "in_use": 4}
    assert (model["accelerator"], model["topology"]) == ("tpu-v6e-slice", "2x2")
    assert (model["model"], model["vllm"]) == ("Qwen/Qwen2.5-3B-Instruct", "0.11 (probably)")


def test_ready_is_not_enough_during_a_rollout() -> None:
    [model] = _models([_service()], [_deployment(replicas=2)])
    assert (model["ready"], model["rolled_out"]) == (True, False)
    assert model["chips"]["in_use"] == 8


def test_a_stopped_model_has_no_address() -> None:
    stopped = _service(annotations={"serving.kserve.io/stop": "True"})
    [model] = _models([stopped], [])
    assert (model["url"], model["ready"], model["reason"]) == ("", False, "stopped on purpose")
    assert model["chips"] == {"per_replica": 0, "in_use": 0}


def test_one_of_several_by_name() -> None:
    other = _service()
    other["metadata"]["name"] = "other"
    assert [one["name"] for one in _models([_service(), other], [], name="other")] == ["other"]


def test_a_cluster_without_kserve_has_no_models() -> None:
    session = ScriptedSession({f"GET /apis/{GROUP}": refused(404, "not found")})
    result = run({"namespace": None, "name": None, "label_selectors": []}, lambda _options: session)
    assert (result["models"], result["api_version"]) == ([], "")


def test_what_cannot_be_read_is_said() -> None:
    session = ScriptedSession({f"GET /apis/{GROUP}": refused(403, "forbidden to look")})
    result = run({"namespace": None, "name": None, "label_selectors": []}, lambda _options: session)
    assert "forbidden to look" in result["msg"]


@pytest.mark.parametrize(
    ("changes", "status", "words"),
    [
        ({"conditions": []}, "", "not reported"),
        ({"observedGeneration": 1}, "Unknown", "latest change"),
        (
            {"conditions": [{"type": "Ready", "status": "False", "reason": "RefsInvalid"}]},
            "False",
            "RefsInvalid",
        ),
        ({"conditions": ["broken"]}, "", "not reported"),
    ],
)
def test_why_a_service_is_not_ready(changes: dict[str, Any], status: str, words: str) -> None:
    readiness = readiness_of(_service(**changes))
    assert readiness.status == status
    assert words in readiness.reason


@pytest.mark.parametrize(
    ("changes", "over"),
    [
        ({}, True),
        ({"replicas": 1}, True),
        ({"replicas": 2}, False),
        ({"updatedReplicas": 0}, False),
        ({"availableReplicas": 0}, False),
        ({"observedGeneration": 2}, False),
    ],
)
def test_when_a_rollout_is_over(changes: dict[str, Any], over: bool) -> None:
    [model] = _models([_service()], [_deployment(**changes)])
    assert model["rolled_out"] is over


def test_no_deployment_is_no_rollout() -> None:
    [model] = _models([_service()], [])
    assert not model["rolled_out"]


def _patient(pauses: list[float]) -> Persistence:
    return Persistence(30.0, lambda: sum(pauses), pauses.append, retried=lambda: None)


def test_a_server_that_is_busy_is_asked_again() -> None:
    later = Reply(429, b'{"message": "storage is (re)initializing"}', retry_after=1.0)
    answers = iter([later, found({"items": [1]})])
    session = ScriptedSession({"GET /some/list": lambda: next(answers)})
    pauses: list[float] = []
    assert send(session, "GET", "/some/list", persist=_patient(pauses)) == {"items": [1]}
    assert pauses == [1.0]


@pytest.mark.parametrize("reply", [Reply(200, b"<html>"), found(["a list"]), found(None)])
def test_what_is_no_object_is_told_and_no_traceback(reply: Reply) -> None:
    with pytest.raises(ObjectReadError, match="the reply is no JSON"):
        send(ScriptedSession({"GET /some/list": reply}), "GET", "/some/list")


def test_a_server_that_stays_busy_is_told() -> None:
    session = ScriptedSession({"GET /some/list": refused(429, "too many requests")})
    pauses: list[float] = []
    with pytest.raises(ObjectReadError, match="too many requests"):
        send(session, "GET", "/some/list", persist=_patient(pauses))
    assert sum(pauses) == pytest.approx(30, abs=2)
