# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the documentation shows, on a cluster: examples of modules and roles, commands of README."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.e2e.site.playbooks import environment
from tests.examples.commands import inventory, playbooks_of
from tests.examples.documented import ON_A_CLUSTER, ROLES_ON_A_CLUSTER, documented
from tests.examples.overlay import deployment, overlay
from tests.examples.running import (
    Stage,
    differences,
    path_with,
    results_of_module,
    run_examples,
    run_role_examples,
)
from tests.sandbox.harness import Sandbox
from tests.sandbox.paths import CHECKOUT
from tests.unit.plugins.module_utils.serving.manifests import good

SERVICE = {"name": "qwen2-3b-pattern1", "namespace": "llm-d-inference-scheduling"}
CONFIG = json.dumps(
    {
        "architectures": ["Qwen2ForCausalLM"],
        "hidden_size": 2048,
        "num_attention_heads": 16,
        "num_key_value_heads": 2,
        "num_hidden_layers": 36,
        "vocab_size": 151936,
        "intermediate_size": 11008,
        "max_position_embeddings": 32768,
        "torch_dtype": "bfloat16",
    }
)
KEY = base64.b64encode(b"sandbox:sandbox-registry-password").decode()
ACCOUNT = json.dumps({"auths": {"registry.redhat.io": {"auth": KEY}}})
CHART = {
    "charts/web/Chart.yaml": "{apiVersion: v2, name: web, version: 0.1.0}",
    "charts/web/templates/web.yaml": """
apiVersion: v1
kind: ConfigMap
metadata: {name: title, namespace: {{ .Release.Namespace }}}
data: {title: {{ .Values.title }}}
---
apiVersion: monitoring.coreos.com/v1
kind: ServiceMonitor
metadata: {name: web}
""",
}
MANIFEST = "{apiVersion: v1, kind: ConfigMap, metadata: {name: page}, data: {title: Models}}"


def stopped_model() -> str:
    """A manifest that is right; stopped, so that it takes no chips from the one that serves."""
    model: dict[str, Any] = good()
    model["metadata"] |= {"name": "next", "annotations": {"serving.kserve.io/stop": "true"}}
    return yaml.safe_dump(model)


def stage(name: str, sandbox: Sandbox, folder: Path) -> Stage:
    """What the examples of a module find on the sandbox."""
    forward = sandbox.description["gateway"]["forward"]
    connected = {"connect_to": [forward]}
    served = {"models": [SERVICE]}
    stages = {
        "apply": Stage(
            {"kserve_manifests": str(folder / "kserve")},
            {
                **CHART,
                **overlay("kserve"),
                "deployment.yaml": json.dumps(deployment("web", "models")),
                "manifests/page.yaml": MANIFEST,
            },
        ),
        "diagnosis_info": Stage(usual={"diagnosis_info": connected}),
        "diagnostics_bundle": Stage({"llmd_preflight": {"findings": []}, "database_password": "x"}),
        "inference_smoke": Stage(
            {"model_api_key": "key"},
            instead={
                "127.0.0.1:8080": forward,
                # The stand-in for vLLM knows no capital.
                "answer_pattern: Paris": "answer_pattern: stand-in",
                "https://models.example.com/team/qwen": (
                    f"http://{forward}/{SERVICE['namespace']}/{SERVICE['name']}"
                ),
            },
            usual={"inference_smoke": connected},
        ),
        "model_check": Stage(files={"model.yaml": stopped_model(), "config.json": CONFIG}),
        "model_update_info": Stage(files={"model.yaml": stopped_model()}),
        "preflight_info": Stage(files={"auth.json": ACCOUNT}),
        "report": Stage(
            {"served": served},
            files={"archive/keep": ""},
            usual={"inference_smoke": connected},
        ),
    }
    return stages.get(name, Stage())


@pytest.fixture
def tidy(converged: Sandbox) -> Iterator[Sandbox]:
    """The sandbox, and afterwards without what examples made."""
    yield converged
    gone = ("--ignore-not-found", "--wait=false")
    converged.kubectl("delete", "namespace", "models", *gone)
    converged.kubectl("delete", "customresourcedefinition", "widgets.example.com", *gone)
    service = ("next", f"--namespace={SERVICE['namespace']}")
    converged.kubectl("delete", "llminferenceservice", *service, *gone)


@pytest.mark.parametrize("name", ON_A_CLUSTER)
def test_a_module_does_and_returns_what_is_documented(
    name: str, tidy: Sandbox, tmp_path: Path
) -> None:
    module = documented("module")[name]
    programs = {"PATH": path_with(tidy.folder / "bin")}
    results = run_examples(
        [(module, stage(name, tidy, tmp_path))], tmp_path, tidy.folder, **programs
    )
    assert differences(module.returns, results_of_module(module, results[name])) == []


@pytest.mark.parametrize("name", ROLES_ON_A_CLUSTER)
def test_a_role_finds_its_phase_done(name: str, converged: Sandbox, tmp_path: Path) -> None:
    role = documented("role")[name]
    account = Stage(files={"pull-secret.json": ACCOUNT})
    token = {"HF_TOKEN": "sandbox-hub-token", "K8S_AUTH_KUBECONFIG": converged.kubeconfig}
    run = run_role_examples(role, account, tmp_path, converged.folder, **token)
    assert run.count("changed") == 0, run.output


@pytest.mark.parametrize("command", playbooks_of("README.md"))
def test_the_readme_s_commands_run_on_a_cluster(
    command: str, converged: Sandbox, tmp_path: Path
) -> None:
    program, *words = command.replace("my-cluster", str(inventory(tmp_path))).split()
    # The sandbox's own inventory says where its charts are; a removal is only asked about.
    more = ["-i", "inventories/sandbox", *(["--check"] if "remove" in command else [])]
    done = subprocess.run(
        [str(Path(sys.executable).with_name(program)), *words, *more],
        cwd=CHECKOUT,
        env=environment(converged.folder),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-6000:]
    assert "remove" in command or "changed=0 " in done.stdout
