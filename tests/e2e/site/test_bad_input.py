# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Bad input stops in the phase that can know it, before anything is written, in words."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.site.playbooks import Run, play
from tests.sandbox.harness import Sandbox


def stopped(run: Run, *words: str) -> None:
    """The run ended with these words and without a traceback."""
    assert run.code == 2, run.output[-4000:]
    for each in words:
        assert each in run.text, run.output[-4000:]
    assert "Traceback" not in run.output
    assert run.changed_tasks == []


def program(folder: Path, name: str, prints: str, fails: str = "-") -> str:
    """A program that only prints, and fails when its first argument is that word."""
    path = folder / name
    path.write_text(f"#!/bin/sh\ntest \"$1\" != {fails} || exit 2\necho '{prints}'\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


def test_without_a_sandbox_it_says_how_to_start_one(tmp_path: Path) -> None:
    stopped(play(tmp_path, "site"), "the sandbox is not running", "make sandbox")


def test_no_api_server(sandbox: Sandbox, tmp_path: Path) -> None:
    text = Path(sandbox.kubeconfig).read_text()
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(text.replace(sandbox.description["api_server"], "127.0.0.1:1"))
    run = play(sandbox.folder, "site", inputs={"llmd_kubeconfig": str(kubeconfig)})
    stopped(run, "no API server answers at https://127.0.0.1:1", "Check that it runs")


@pytest.mark.parametrize("phase", ["operators", "kserve", "gateway", "namespace", "model"])
def test_a_wrong_context(sandbox: Sandbox, phase: str) -> None:
    run = play(sandbox.folder, phase, inputs={"llmd_context": "production"})
    stopped(run, "has no context 'production'")


def test_a_missing_kubeconfig(sandbox: Sandbox) -> None:
    run = play(sandbox.folder, "operators", inputs={"llmd_kubeconfig": "/nowhere/kubeconfig"})
    stopped(run, "kubeconfig /nowhere/kubeconfig does not exist")


def inputs_that_stop() -> list[Any]:
    """Phase, inputs, and what the message must say."""
    return [
        ("operators", {"operators_helm_binary": "/nowhere/helm"}, ["helm is missing", "helm 3.17"]),
        ("operators", {"operators_istio_version": "v1.2.3"}, ["is 'v1.2.3'", "v1.28.3, v1.26.2"]),
        (
            "operators",
            {"operators_sail_chart": "/nowhere"},
            ["operators_sail_chart points to /nowhere", "Chart.yaml"],
        ),
        (
            "operators",
            {"operators_sail_chart": "https://github.com/o/r?ref=main"},
            ["is not pinned", "40 hexadecimal digits"],
        ),
        ("operators", {"operators_pull_secret_file": "/nowhere.json"}, ["/nowhere.json"]),
        ("operators", {"operators_pull_secret": "{"}, ["it is not JSON", "podman login"]),
        (
            "operators",
            {"operators_state": "gone"},
            ["value of operators_state must be one of: present, absent"],
        ),
        ("kserve", {"kserve_track": "release-v9"}, ["value of kserve_track must be one of"]),
        (
            "kserve",
            {"kserve_track": "release-v0.15"},
            ["manifests in", "bring llmisvc-controller-manager"],
        ),
        ("kserve", {"kserve_manifests": "/nowhere"}, ["/nowhere", "odh-xks/kustomization.yaml"]),
        ("kserve", {"kserve_kustomize_binary": "/nowhere/kustomize"}, ["is no program"]),
        (
            "kserve",
            {"kserve_manifests": "/srv/kserve.tar.gz"},
            ["is not pinned", "#sha256=DIGEST"],
        ),
        (
            "kserve",
            {"kserve_manifests": f"/nowhere/kserve.tar.gz#sha256={'0' * 64}"},
            ["there is no file /nowhere/kserve.tar.gz"],
        ),
        (
            "kserve",
            {"kserve_monitoring": True},
            ["KSERVE-MONITORING-CRDS", "podmonitors.monitoring.coreos.com"],
        ),
        ("kserve", {"kserve_ca_key": "planted"}, ["by both kserve_ca_certificate and"]),
        (
            "kserve",
            {"kserve_ca_secret": "pki/ours"},
            ["the cluster has no Secret pki/ours", "kubectl create secret tls"],
        ),
        (
            "gateway",
            {"gateway_pull_secret": {"auths": {"registry.redhat.io": {}}}},
            ["a credential helper keeps it elsewhere"],
        ),
        ("namespace", {"namespace_pull_secret": {"auths": {}}}, ["it has no 'auths'"]),
        (
            "namespace",
            {"namespace_labels": {"istio-injection": "enabled"}},
            ["NAMESPACE-SIDECARS", "enabled (asked for)", "namespace_allow_sidecars"],
        ),
        ("namespace", {"namespace_name": "default"}, ["NAMESPACE-FOREIGN", "namespace_adopt"]),
        ("namespace", {"namespace_names": ["a", "B!"]}, ["NAMESPACE-NAME", "B!"]),
        (
            "namespace",
            {"namespace_pull_secret_existing": True},
            ["NAMESPACE-SECRET-MISSING", "llm-d-inference-scheduling/redhat-pull-secret"],
        ),
        ("gateway", {"gateway_http": False}, ["a Gateway needs a listener"]),
        ("gateway", {"gateway_source_ranges": ["10.0.0.1/8"]}, ["'10.0.0.1/8'", "host bits"]),
        ("gateway", {"gateway_existing": True}, ["GATEWAY-MISSING", "gateway_name"]),
        ("model", {"model_name": "Qwen_2"}, ["model_name is 'Qwen_2'", "at most 38"]),
        ("model", {"model_name": "q" * 39}, ["at most 38"]),
        ("model", {"model_pull_secret_name": ""}, ["model_pull_secret_name is empty"]),
        (
            "model",
            {"model_services": [{"name": "a"}, {"name": "a"}]},
            ["model_services[0], [1] are all", "a name of its own for each service"],
        ),
        (
            "model",
            {"model_services": [{"name": "a", "adress": "hf://o/m"}]},
            ["model_services[0]", "adress"],
        ),
        (
            "model",
            {"model_services": [{"name": "a"}, {"name": "b", "chips": 8}]},
            ["LLMInferenceService llm-d-inference-scheduling/b", "2x2"],
        ),
        ("model", {"model_scheduler": "custom"}, ["model_scheduler_config has no plugins"]),
        ("model", {"model_uri": "gs://bucket/model"}, ["STORAGE-URI-SCHEME", "gs://bucket/model"]),
        ("model", {"model_accelerator": "tpu-v6e"}, ["tpu-v6e-slice"]),
        ("model", {"model_chips": 8}, ["2x2"]),
        ("model", {"model_vllm_arguments": ["--port 9000"]}, ["--port"]),
    ]


@pytest.mark.parametrize(
    ("phase", "inputs", "words"),
    inputs_that_stop(),
    ids=[
        f"{phase}-{next(iter(inputs))}-{number}"
        for number, (phase, inputs, _) in enumerate(inputs_that_stop())
    ],
)
def test_a_wrong_input(
    sandbox: Sandbox, phase: str, inputs: dict[str, Any], words: list[str]
) -> None:
    start = sandbox.position()
    stopped(play(sandbox.folder, phase, inputs=inputs), *words)
    assert [each.uri for each in sandbox.requests_by("llmd.tpu", start) if each.is_write] == []


def test_an_old_kustomize_is_refused_with_the_reason(sandbox: Sandbox, tmp_path: Path) -> None:
    old = program(tmp_path, "kustomize", "v5.5.0", fails="build")
    run = play(sandbox.folder, "kserve", inputs={"kserve_kustomize_binary": old})
    stopped(run, "kustomize 5.5.0 panics on this overlay", "5.8.0 or newer")


def test_neither_kustomize_nor_kubectl(sandbox: Sandbox, tmp_path: Path) -> None:
    run = play(sandbox.folder, "kserve", inputs={"kserve_kustomize_binary": ""}, PATH=str(tmp_path))
    stopped(run, "neither kustomize nor kubectl is in PATH")


def test_a_credential_helper_s_file_is_named_without_its_content(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    config = tmp_path / "config.json"
    config.write_text(
        json.dumps({"auths": {"registry.redhat.io": {}}, "credsStore": "planted-word"})
    )
    run = play(
        sandbox.folder, "operators", "-vvv", inputs={"operators_pull_secret_file": str(config)}
    )
    stopped(run, "the entry for registry.redhat.io holds no credential")
    assert "planted-word" not in run.output
