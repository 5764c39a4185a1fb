# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Phase model as tests run it, and what it leaves on the cluster."""

from __future__ import annotations

from typing import Any

from tests.e2e.site.playbooks import Run, play
from tests.sandbox.harness import Sandbox

NAME, PLACE = "qwen2-3b-pattern1", "--namespace=llm-d-inference-scheduling"
STOP = "serving.kserve.io/stop"
SHORTER: dict[str, Any] = {"model_vllm_arguments": ["--max-model-len 1024", "--dtype bfloat16"]}


def writes(sandbox: Sandbox, start: int) -> list[str]:
    """What was written since then, as verb and address."""
    found = [each for each in sandbox.requests_by("llmd.tpu", start) if each.is_write]
    # The smoke test asks for a short-lived token.
    return [f"{each.verb} {each.uri}" for each in found if "/token" not in each.uri]


def model(sandbox: Sandbox, check: bool = False, **inputs: Any) -> Run:
    """The phase with such inputs, which is to succeed."""
    run = play(sandbox.folder, "model", inputs=inputs, check=check)
    assert run.code == 0, run.output[-6000:]
    return run


def predicted_and_done(sandbox: Sandbox, **inputs: Any) -> Run:
    """Check mode writes nothing and names the tasks that then change; once more changes nothing."""
    start = sandbox.position()
    predicted = model(sandbox, check=True, **inputs)
    assert writes(sandbox, start) == []
    done = model(sandbox, **inputs)
    assert done.changed_tasks == predicted.changed_tasks != []
    start = sandbox.position()
    again = model(sandbox, **inputs)
    assert again.changed_tasks == []
    assert writes(sandbox, start) == []
    return done


def rolled_out(sandbox: Sandbox, name: str = NAME) -> dict[str, Any]:
    """The Deployment of a service, of which every pod is new and serves."""
    found: dict[str, Any] = sandbox.get("deployment", f"{name}-kserve", PLACE)
    counts = found["status"]
    assert {
        counts["updatedReplicas"],
        counts["availableReplicas"],
        counts["replicas"],
        found["spec"]["replicas"],
    } == {1}
    pods = sandbox.get("pods", PLACE, f"--selector=app.kubernetes.io/name={name}")["items"]
    servers = [pod for pod in pods if f"{name}-kserve-router" not in pod["metadata"]["name"]]
    assert len(servers) == 1
    return found


def flags(deployment: dict[str, Any]) -> str:
    """What vLLM is started with."""
    [container] = deployment["spec"]["template"]["spec"]["containers"]
    found = {one["name"]: one.get("value", "") for one in container["env"]}
    return str(found["VLLM_ADDITIONAL_ARGS"])


def answers(run: Run) -> list[int]:
    """The HTTP status of every model that was asked."""
    return [one["status"] for one in run.result("Ask the models")["results"]]
