# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Phase model on a cluster with one TPU node: changed, stopped, and started again."""

from __future__ import annotations

from tests.e2e.phases.models import (
    NAME,
    PLACE,
    SHORTER,
    answers,
    flags,
    model,
    predicted_and_done,
    rolled_out,
)
from tests.sandbox.harness import Sandbox


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


def test_a_service_is_stopped_and_started_again(lived: Sandbox) -> None:
    stopped = predicted_and_done(lived, model_stopped=True)
    assert f"{NAME}: stopped on purpose" in stopped.text
    assert "answers at http" not in stopped.text
    pods = lived.get("pods", PLACE, f"--selector=app.kubernetes.io/name={NAME}")
    assert pods["items"] == []

    started = predicted_and_done(lived)
    assert answers(started) == [200]
    rolled_out(lived)
