# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Usual times are known only of what somebody measured, and slow is told with a margin."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.llmd.tpu.plugins.module_utils.startup.stages import Stage
from ansible_collections.llmd.tpu.plugins.module_utils.startup.usual import (
    Spent,
    Usual,
    slow_stages,
    usual_for,
)

from tests.unit.plugins.module_utils.serving.manifests import good

ACCELERATOR = "cloud.google.com/gke-tpu-accelerator"


def changed(model: str, accelerator: str, chips: str) -> dict[str, Any]:
    manifest = good()
    manifest["spec"]["model"] = {"uri": f"hf://{model}", "name": model}
    template = manifest["spec"]["template"]
    template["nodeSelector"][ACCELERATOR] = accelerator
    template["containers"][0]["resources"] = {"limits": {"google.com/tpu": chips}}
    return manifest


@pytest.mark.parametrize(
    ("model", "accelerator", "chips", "compiled"),
    [
        ("Qwen/Qwen2.5-3B-Instruct", "tpu-v6e-slice", "4", 91.0),
        ("google/gemma-4-e2b-it", "tpu-v5-lite-podslice", "1", 738.0),
        ("Qwen/Qwen2.5-3B-Instruct", "tpu-v6e-slice", "1", None),
        ("Qwen/Qwen2.5-3B-Instruct", "tpu-v5-lite-podslice", "4", None),
        ("Qwen/Qwen2.5-32B-Instruct", "tpu-v6e-slice", "4", None),
        ("Qwen/Qwen2.5-3B-Instruct", "gpu", "4", None),
        ("Qwen/Qwen2.5-3B-Instruct", "tpu-v6e-slice", "many", None),
    ],
)
def test_only_measured_models_are_known(
    model: str, accelerator: str, chips: str, compiled: float | None
) -> None:
    usual = usual_for(changed(model, accelerator, chips))
    assert (usual.stages.get(Stage.COMPILED) if usual else None) == compiled


@pytest.mark.parametrize(
    ("seconds", "slow"), [(40.0, False), (69.0, False), (71.0, True), (500.0, True)]
)
def test_slow_needs_twice_the_time_and_half_a_minute_more(seconds: float, slow: bool) -> None:
    usual = Usual({Stage.WEIGHTS: 35.0}, "somebody")
    words = slow_stages([Spent(Stage.WEIGHTS, seconds), Spent(Stage.SERVER, 900.0)], usual)
    expected = [f"stage weights took {seconds:.0f} s, usually 35 s"] if slow else []
    assert words == expected


def test_a_measured_total_counts_from_the_pod_on() -> None:
    usual = Usual({}, "somebody", total=100.0)
    spent = [Spent(Stage.SCHEDULED, 900.0), Spent(Stage.IMAGE, 150.0), Spent(Stage.WARM, 60.0)]
    assert slow_stages(spent, usual) == ["from pod to Ready took 210 s, usually 100 s"]
    assert slow_stages(spent[:2], usual) == []
