# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Phase model interrupted, hindered, stopped by hand, and joined by another model."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.e2e.phases.models import (
    NAME,
    PLACE,
    SHORTER,
    STOP,
    answers,
    flags,
    model,
    predicted_and_done,
    rolled_out,
)
from tests.e2e.site.playbooks import killed_at, play
from tests.sandbox import nodes
from tests.sandbox.harness import Sandbox

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


def test_an_update_that_hangs_is_healed(lived: Sandbox) -> None:
    """C57: the new pod waits for the chips of the old one, and KServe says Ready."""
    hangs = {**SHORTER, "model_update_strategy": "rolling", "model_wait_timeout": 8}
    assert play(lived.folder, "model", inputs=hangs).code != 0
    ready = lived.get("llminferenceservice", NAME, PLACE)["status"]["conditions"]
    assert {one["type"]: one["status"] for one in ready}["Ready"] == "True"

    predicted = model(lived, check=True, **SHORTER)
    assert "of an earlier update waits: a new pod needs 4 free chips" in predicted.text
    healed = model(lived, **SHORTER)
    stop = "llmd.tpu.model : Stop what has no room for a rolling update"
    assert predicted.changed_tasks == [stop]
    assert stop in healed.changed_tasks
    assert answers(healed) == [200]
    assert "--max-model-len 1024" in flags(rolled_out(lived))
    assert model(lived, check=True, **SHORTER).changed_tasks == []


def test_a_run_that_is_killed_after_the_stop_is_carried_on(lived: Sandbox, tmp_path: Path) -> None:
    """Back from the inputs of the test before."""
    log = tmp_path / "killed.log"
    task = "Wait until its chips are free"
    assert killed_at(lived.folder, "model", task, log) == -signal.SIGKILL, log.read_text()[-4000:]
    service = lived.get("llminferenceservice", NAME, PLACE)
    assert service["metadata"]["annotations"][STOP] == "true"

    again = model(lived)
    assert answers(again) == [200]
    assert "--max-model-len 2048" in flags(rolled_out(lived))
    assert model(lived, check=True).changed_tasks == []


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
