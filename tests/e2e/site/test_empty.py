# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""On an empty cluster check mode predicts, and each phase stops for what only others make."""

from __future__ import annotations

from typing import Any

import pytest

from tests.e2e.site.playbooks import play
from tests.sandbox.harness import Sandbox


def test_check_mode_predicts_everything_and_writes_nothing(sandbox: Sandbox) -> None:
    start = sandbox.position()
    run = play(sandbox.folder, "site", "--check")
    assert run.code == 0, run.output[-6000:]
    changed = run.text
    assert run.count("changed") >= 15
    assert (
        "Phases operators (GatewayClass istio) and kserve (Secret opendatahub-ca) make them"
        in changed
    )
    assert "gateway (Gateway) and namespace (Secrets) make them" in changed
    assert [each.uri for each in sandbox.requests_by("llmd.tpu", start) if each.is_write] == []
    assert "opendatahub" not in sandbox.kubectl("get", "namespaces")


@pytest.mark.parametrize("inputs", [{}, {"model_remove_all": True}])
def test_there_is_no_model_to_remove(sandbox: Sandbox, inputs: dict[str, Any]) -> None:
    run = play(sandbox.folder, "model", inputs={"model_state": "absent", **inputs})
    assert run.code == 0, run.output[-4000:]
    assert run.changed_tasks == []
    assert "Traceback" not in run.output


@pytest.mark.parametrize(
    ("phase", "words"),
    [
        ("gateway", "Phase operators makes GatewayClass istio, phase kserve makes Namespace"),
        ("model", "phase namespace makes Namespace llm-d-inference-scheduling"),
    ],
)
def test_a_phase_names_the_one_that_is_missing(sandbox: Sandbox, phase: str, words: str) -> None:
    start = sandbox.position()
    run = play(sandbox.folder, phase)
    assert run.code == 2
    assert words in run.text
    assert "Nothing was changed" in run.text
    assert "Traceback" not in run.output
    assert [each.uri for each in sandbox.requests_by("llmd.tpu", start) if each.is_write] == []
