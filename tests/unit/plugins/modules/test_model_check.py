# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Does model_check read every kind of input and fail only when it should?"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.llmd.tpu.plugins.module_utils.serving.model_check import argument_spec, run
from ansible_collections.llmd.tpu.plugins.module_utils.smoke.exchange import (
    Failure,
    Outcome,
    Reply,
    Request,
)
from ansible_collections.llmd.tpu.plugins.modules import model_check

from tests.unit.plugins.module_utils.serving.manifests import GOOD, GUIDE, good, guide
from tests.unit.plugins.module_utils.smoke.scripted import ScriptedSession, found, refused


def parameters(**given: Any) -> dict[str, Any]:
    """The task's options, with their defaults."""
    return {
        "src": None,
        "definition": None,
        "name": None,
        "namespace": None,
        "kserve_track": "release-v0.15",
        "model_config": None,
        "vllm_version": None,
        "hub_url": None,
        "hub_token": None,
        "findings_only": False,
        **given,
    }


def test_a_good_file(tmp_path: Path) -> None:
    path = tmp_path / "model.yaml"
    path.write_text(GOOD)
    result = run(parameters(src=str(path)))
    assert result == {
        "changed": False,
        "ok": True,
        "findings": [],
        "corrected": [],
        "services": ["llm-d-inference-scheduling/qwen2-3b-pattern1"],
    }


@pytest.mark.parametrize("definition", [GUIDE, guide(), [good(), guide()], f"{GOOD}\n---{GUIDE}"])
def test_the_guide_fails_in_words(definition: Any) -> None:
    result = run(parameters(definition=definition))
    assert (result["failed"], result["ok"]) == (True, False)
    assert result["msg"].startswith("definition: 2 errors (and 9 warning or information")
    for word in ("TPU-LABEL-UNKNOWN", "found: tpu-v6e", "do: write tpu-v6e-slice", "where: "):
        assert word in result["msg"]
    assert json.loads(json.dumps(result)) == result


def test_findings_only_never_fails() -> None:
    result = run(parameters(definition=GUIDE, findings_only=True))
    assert "failed" not in result
    assert not result["ok"]
    assert [one["severity"] for one in result["findings"]].count("error") == 2


def test_input_that_cannot_be_read_fails_even_then(tmp_path: Path) -> None:
    result = run(parameters(src=str(tmp_path / "none.yaml"), findings_only=True))
    assert result["failed"]
    assert "No such file" in result["msg"]


@pytest.mark.parametrize("definition", [42, ["text"], {}, "", "a: [1", [None]])
def test_definitions_that_are_none(definition: Any) -> None:
    result = run(parameters(definition=definition))
    assert result["failed"]
    assert "definition" in result["msg"]


def test_the_live_object() -> None:
    path = "/apis/serving.kserve.io/v1alpha1"
    live = {**guide(), "status": {"url": "http://203.0.113.10/x"}}
    session = ScriptedSession(
        {
            "GET /apis/serving.kserve.io": found(
                {
                    "versions": [
                        {"groupVersion": "serving.kserve.io/v1beta1"},
                        {"groupVersion": "serving.kserve.io/v1alpha1"},
                    ]
                }
            ),
            "GET /apis/serving.kserve.io/v1beta1": found({"resources": []}),
            f"GET {path}": found({"resources": [{"kind": "LLMInferenceService"}]}),
            f"GET {path}/namespaces/ns/llminferenceservices/n": found(live),
            f"GET {path}/namespaces/ns/llminferenceservices/x": refused(404, "not found"),
        }
    )
    result = run(parameters(name="n", namespace="ns"), lambda _options: session)
    assert result["msg"].startswith("ns/n in https://cluster.example: 2 errors")
    missing = run(parameters(name="x", namespace="ns"), lambda _options: session)
    assert "LLMInferenceService ns/x is not in the cluster" in missing["msg"]


def test_the_options_are_those_that_are_documented() -> None:
    documented = yaml.safe_load(model_check.DOCUMENTATION)["options"]
    for name, option in documented.items():
        spec = argument_spec()[name]
        assert {key: option.get(key) for key in ("type", "default", "choices")} == {
            key: spec.get(key) for key in ("type", "default", "choices")
        }, name
    assert {"kubeconfig", "context", *documented} <= set(argument_spec())


def test_the_guide_is_corrected_beside_its_findings() -> None:
    [corrected] = run(parameters(definition=GUIDE, findings_only=True))["corrected"]
    assert corrected["ok"]
    assert corrected["service"] == "llm-d-inference-scheduling/qwen2-3b-pattern1"
    assert "tpu-v6e becomes tpu-v6e-slice" in " ".join(corrected["changes"])
    again = run(parameters(definition=corrected["definition"]))
    assert (again["ok"], again["corrected"]) == (True, [])


def test_secrets_of_the_user_are_not_returned() -> None:
    manifest = guide()
    environment = manifest["spec"]["template"]["containers"][0]["env"]
    environment.append({"name": "VLLM_API_KEY", "value": "planted-secret"})
    assert "planted-secret" not in json.dumps(
        run(parameters(definition=manifest, findings_only=True))
    )


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"model_config": {"num_local_experts": 8}}, "model_config: config.json has num_local"),
        ({"model_config": {}}, "model_config: config.json has no usable"),
        ({"vllm_version": "new"}, "vllm_version: 'new' is no version"),
    ],
)
def test_options_that_cannot_be_used(options: dict[str, Any], words: str) -> None:
    result = run(parameters(definition=GOOD, **options))
    assert result["failed"]
    assert words in result["msg"]


def test_what_the_user_knows_better_counts() -> None:
    huge = {
        "model_type": "llama",
        "num_hidden_layers": 126,
        "hidden_size": 16384,
        "num_attention_heads": 128,
        "num_key_value_heads": 8,
        "intermediate_size": 53248,
        "vocab_size": 128256,
        "max_position_embeddings": 131072,
    }
    result = run(parameters(definition=GOOD, model_config=huge, findings_only=True))
    assert [one["code"] for one in result["findings"]] == ["MODEL-TOO-LARGE"]
    manifest = good()
    manifest["spec"]["template"]["containers"][0]["env"][0]["value"] += " --nnodes 1"
    newer = run(parameters(definition=manifest, vllm_version="0.13.0"))
    assert newer["ok"]
    assert newer["findings"] == []


def _hub(outcome: Outcome, **options: Any) -> tuple[dict[str, Any], list[Request]]:
    asked: list[Request] = []

    def send(request: Request) -> Outcome:
        asked.append(request)
        return outcome

    manifest = good()
    manifest["spec"]["model"] |= {"uri": "hf://acme/tiny:v2", "name": "tiny"}
    given = parameters(
        definition=manifest, hub_url="https://hub.example", findings_only=True, **options
    )
    return run(given, send=send), asked


def _codes(result: dict[str, Any]) -> list[tuple[str, str]]:
    return [(one["severity"], one["code"]) for one in result["findings"]]


def test_the_hub_is_asked_for_dimensions() -> None:
    config = {
        "num_hidden_layers": 2,
        "hidden_size": 512,
        "num_attention_heads": 6,
        "intermediate_size": 8,
        "vocab_size": 8,
        "max_position_embeddings": 4096,
    }
    result, asked = _hub(Reply(200, {}, json.dumps(config).encode(), 0.1), hub_token="planted")
    assert _codes(result) == [("error", "SERVER-TENSOR-PARALLEL")]
    [request] = asked
    assert request.url == "https://hub.example/acme/tiny/resolve/v2/config.json"
    assert request.headers["Authorization"] == "Bearer planted"
    assert "planted" not in json.dumps(result)


@pytest.mark.parametrize(
    ("outcome", "codes"),
    [
        (
            Reply(401, {"x-error-code": "GatedRepo"}, b"", 0.1),
            [("error", "HUB-MODEL-GATED"), ("info", "MODEL-UNKNOWN")],
        ),
        (
            Reply(401, {"x-error-code": "RepoNotFound"}, b"", 0.1),
            [("error", "HUB-MODEL-NOT-FOUND"), ("info", "MODEL-UNKNOWN")],
        ),
        (
            Failure("dns", "unknown host", 0.1, "hub.example:443"),
            [("info", "HUB-NOT-ASKED"), ("info", "MODEL-UNKNOWN")],
        ),
        (Reply(302, {}, b"", 0.1), [("info", "MODEL-UNKNOWN")]),
        (Reply(200, {}, b"<html>", 0.1), [("info", "MODEL-UNKNOWN")]),
        (Reply(200, {}, b'{"num_experts": 8}', 0.1), [("info", "MODEL-UNKNOWN")]),
    ],
)
def test_what_the_hub_refuses_is_told(outcome: Outcome, codes: list[tuple[str, str]]) -> None:
    result, _asked = _hub(outcome)
    assert sorted(_codes(result)) == codes
