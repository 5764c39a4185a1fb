# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""On a cluster where everything is in place, nothing changes and the truth is told."""

from __future__ import annotations

import pytest

from tests.e2e.site.playbooks import play
from tests.sandbox import nodes
from tests.sandbox.harness import Sandbox

PHASES = ["operators", "kserve", "gateway", "namespace", "model"]
# The engine's name in the audit log.
OURS = "llmd.tpu"


def writes(sandbox: Sandbox, start: int) -> list[str]:
    """What the engine wrote since then."""
    return [f"{each.verb} {each.uri}" for each in sandbox.requests_by(OURS, start) if each.is_write]


def test_the_site_changes_nothing_and_asks_the_model_again(converged: Sandbox) -> None:
    start = converged.position()
    run = play(converged.folder, "site")
    assert run.code == 0, run.output[-6000:]
    assert run.changed_tasks == []
    assert run.count("changed") == 0
    assert converged.requests_by(OURS, start), "the audit log knows no request of ours"
    assert writes(converged, start) == []
    assert "Qwen/Qwen2.5-3B-Instruct answers at http://" in run.text
    assert "HTTP 200" in run.text
    for phase in PHASES:
        assert f"{phase} " in run.text.partition("Times ")[2]


def test_check_mode_predicts_no_change(converged: Sandbox) -> None:
    start = converged.position()
    run = play(converged.folder, "site", "--check", "--diff")
    assert run.code == 0, run.output[-6000:]
    assert run.changed_tasks == []
    assert writes(converged, start) == []


@pytest.mark.parametrize("phase", PHASES)
def test_what_was_made_carries_the_label_of_its_phase(converged: Sandbox, phase: str) -> None:
    kinds = (
        "namespaces,clusterroles,configmaps,serviceaccounts,deployments,customresourcedefinitions"
    )
    found = converged.get(kinds, "--all-namespaces", f"--selector=llmd.tpu/phase={phase}")
    assert found["items"]


def test_secrets_are_in_no_output(converged: Sandbox) -> None:
    for options in (("-vvv",), ("-vvv", "--check", "--diff")):
        run = play(converged.folder, "namespace", *options)
        assert run.code == 0, run.output[-6000:]
        assert "sandbox-registry-password" not in run.output
        assert "sandbox-hub-token" not in run.output
        assert (
            "c2FuZGJveDpzYW5kYm94LXJlZ2lzdHJ5LXBhc3N3b3Jk" not in run.output
        )  # base64 of the account
        assert "c2FuZGJveC1odWItdG9rZW4" not in run.output  # base64 of the token


def test_the_smoke_test_can_be_run_alone(converged: Sandbox) -> None:
    run = play(converged.folder, "smoke_test")
    assert run.code == 0, run.output[-6000:]
    assert "HTTP 200 in" in run.text
    assert "scheduler: proved" in run.text


def test_a_service_account_keeps_what_others_put_there(converged: Sandbox) -> None:
    place = ("llm-d-inference-scheduling", "default")
    converged.kubectl(
        "annotate",
        "serviceaccount",
        "--overwrite",
        f"--namespace={place[0]}",
        place[1],
        "other=yes",
    )
    run = play(converged.folder, "namespace")
    assert run.count("changed") == 0
    account = converged.get("serviceaccount", f"--namespace={place[0]}", place[1])
    assert account["metadata"]["annotations"]["other"] == "yes"
    assert "llmd.tpu/phase" not in (account["metadata"].get("labels") or {})


def test_an_image_that_does_not_exist_is_named_at_once(converged: Sandbox) -> None:
    second = nodes.NodeRequest("tpu", 1, nodes.TPU_MACHINE)
    nodes.request(converged.state, second)
    name, node = "stranger", f"node/{second.name}"
    try:
        converged.kubectl("wait", "--for=create", node, "--timeout=120s")
        converged.kubectl("wait", "--for=condition=Ready", node, "--timeout=120s")
        run = play(
            converged.folder,
            "model",
            inputs={"model_name": name, "model_image": "ghcr.io/none/vllm-tpu:none"},
        )
        assert run.code == 2, run.output[-4000:]
        assert "ghcr.io/none/vllm-tpu:none" in run.text
        assert "not found" in run.text
        assert "Traceback" not in run.output
    finally:
        converged.kubectl(
            "delete",
            "llminferenceservice",
            name,
            "--namespace=llm-d-inference-scheduling",
            "--ignore-not-found",
        )
        (converged.state.node_requests / f"{second.name}.json").unlink()
        converged.kubectl("delete", "node", second.name, "--ignore-not-found")
