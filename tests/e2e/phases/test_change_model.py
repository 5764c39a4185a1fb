# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Phase model on a cluster with one TPU node: changed, stopped, joined by another, and back."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.e2e.site.playbooks import Run, killed_at, play
from tests.sandbox import nodes
from tests.sandbox.harness import Sandbox

NAME, PLACE = "qwen2-3b-pattern1", "--namespace=llm-d-inference-scheduling"
STOP = "serving.kserve.io/stop"
SHORTER: dict[str, Any] = {"model_vllm_arguments": ["--max-model-len 1024", "--dtype bfloat16"]}
CONFIG: dict[str, Any] = {
    "plugins": [
        {"type": "single-profile-handler"},
        {"type": "queue-scorer"},
        {"type": "max-score-picker"},
    ],
    "schedulingProfiles": [
        {
            "name": "default",
            "plugins": [{"pluginRef": "queue-scorer"}, {"pluginRef": "max-score-picker"}],
        }
    ],
}
FIRST = {"name": NAME}
SECOND = {"name": "second", "scheduler": "custom", "scheduler_config": CONFIG}


def writes(sandbox: Sandbox, start: int) -> list[str]:
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


def test_a_change_on_one_node_stops_first(lived: Sandbox) -> None:
    predicted = model(lived, check=True, **SHORTER)
    assert "--max-model-len 1024" in predicted.text
    done = predicted_and_done(lived, **SHORTER)
    assert "is stopped first, and answers again once it has started" in done.text
    assert "a new pod needs 4 free chips of tpu-v6e-slice 2x2, and 0 are free" in done.text
    assert done.changed_tasks == [
        "llmd.tpu.model : Stop what has no room for a rolling update",
        "llmd.tpu.model : Apply the services, and what reads their metrics",
    ]
    assert "--max-model-len 1024" in flags(rolled_out(lived))
    assert answers(done) == [200]


def test_a_run_that_is_killed_after_the_stop_is_carried_on(lived: Sandbox, tmp_path: Path) -> None:
    log = tmp_path / "killed.log"
    task = "Wait until its chips are free"
    assert killed_at(lived.folder, "model", task, log) == -signal.SIGKILL, log.read_text()[-4000:]
    service = lived.get("llminferenceservice", NAME, PLACE)
    assert service["metadata"]["annotations"][STOP] == "true"

    again = model(lived)
    assert answers(again) == [200]
    assert "--max-model-len 2048" in flags(rolled_out(lived))
    assert model(lived, check=True).changed_tasks == []


def test_a_service_is_stopped_and_started_again(lived: Sandbox) -> None:
    stopped = predicted_and_done(lived, model_stopped=True)
    assert f"{NAME}: stopped on purpose" in stopped.text
    assert "answers at http" not in stopped.text
    pods = lived.get("pods", PLACE, f"--selector=app.kubernetes.io/name={NAME}")
    assert pods["items"] == []

    started = predicted_and_done(lived)
    assert answers(started) == [200]
    rolled_out(lived)


def test_what_somebody_stopped_by_hand_starts_again(lived: Sandbox) -> None:
    by_hand = ("annotate", "llminferenceservice", NAME, PLACE, "--overwrite", f"{STOP}=true")
    lived.kubectl(*by_hand)
    lived.kubectl("wait", "--for=delete", f"deployment/{NAME}-kserve", PLACE, "--timeout=60s")
    assert answers(predicted_and_done(lived)) == [200]


@pytest.fixture
def two_nodes(lived: Sandbox) -> Iterator[Sandbox]:
    """The sandbox with a second TPU node."""
    second = nodes.NodeRequest("tpu", 1, nodes.TPU_MACHINE)
    nodes.request(lived.state, second)
    yield lived
    (lived.state.node_requests / f"{second.name}.json").unlink()
    lived.kubectl("delete", "node", second.name)


def scheduler_config(sandbox: Sandbox, name: str) -> str:
    """The configuration that a service's scheduler was started with."""
    found = sandbox.get("deployment", f"{name}-kserve-router-scheduler", PLACE)
    main = found["spec"]["template"]["spec"]["containers"][0]
    arguments = [*main.get("command", ()), *main.get("args", ())]
    return str(arguments[arguments.index("--config-text") + 1])


def test_two_models_in_one_run_of_which_one_has_a_scheduler_of_its_own(two_nodes: Sandbox) -> None:
    both = {"model_services": [FIRST, SECOND]}
    done = predicted_and_done(two_nodes, **both)
    assert answers(done) == [200, 200]
    verdicts = [one["scheduler"]["verdict"] for one in done.result("Ask the models")["results"]]
    assert verdicts[0] == "proved"  # Istio 1.28 asks no other one: istio issue 58392
    for name in (NAME, "second"):
        rolled_out(two_nodes, name)
    config = yaml.safe_load(scheduler_config(two_nodes, "second"))
    assert config["plugins"] == CONFIG["plugins"]
    assert "prefix-cache-scorer" in scheduler_config(two_nodes, NAME)

    preset = predicted_and_done(two_nodes, model_services=[FIRST, {"name": "second"}])
    assert "configuration as long as its Deployment is there" in preset.text
    assert "prefix-cache-scorer" in scheduler_config(two_nodes, "second")
    assert answers(preset) == [200, 200]

    removed = predicted_and_done(
        two_nodes, model_services=[{"name": "second"}], model_state="absent"
    )
    assert "answers at" not in removed.text
    left = two_nodes.get("llminferenceservices", PLACE)["items"]
    assert [one["metadata"]["name"] for one in left] == [NAME]
    pods = two_nodes.get("pods", PLACE, "--selector=app.kubernetes.io/name=second")["items"]
    assert pods == []
    assert two_nodes.get("serviceaccount", "llmd-tpu-metrics-reader", PLACE)
    assert model(two_nodes).changed_tasks == []
