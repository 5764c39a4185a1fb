# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How long stages usually take for a model and its chips, where somebody has measured it. Pure.

Sources: johnahull/llm-d-xks-gke (2026-02, one run of KServe on a ct6e-standard-4t node: image 21 s,
weights at 56 s, server process at 86 s, engine at 89 s, compiled at 180 s); xbill9/gemma4-dev
(2026-08: compile 685 to 738 s of 857 s on one v5e chip; 11 min 09 s from pod to answer on one v6e
chip; a new node takes 2 to 5 minutes).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ansible_collections.llmd.tpu.plugins.module_utils.serving.view import View
from ansible_collections.llmd.tpu.plugins.module_utils.startup.stages import ORDER, Stage
from ansible_collections.llmd.tpu.plugins.module_utils.tpu.machines import ACCELERATOR_LABEL
from ansible_collections.llmd.tpu.plugins.module_utils.tpu.topology import generation_of

SLOW_FACTOR, SLOW_SECONDS = 2.0, 30.0
"""A stage is slow when it takes so many times its usual time, and so many seconds more."""


@dataclass(frozen=True)
class Usual:
    """Seconds by stage; ``total`` is from the pod to Ready, 0 where nobody measured it."""

    stages: Mapping[Stage, float]
    source: str
    total: float = 0.0


_NODE = 300.0
_JH = "johnahull/llm-d-xks-gke, one run on v6e-4"
_XB = "xbill9/gemma4-dev, one run"
_TIMES: dict[tuple[str, str, int], Usual] = {
    ("qwen2.5-3b", "v6e", 4): Usual(
        {
            Stage.SCHEDULED: _NODE,
            Stage.IMAGE: 21.0,
            Stage.WEIGHTS: 35.0,
            Stage.SERVER: 33.0,
            Stage.COMPILED: 91.0,
        },
        _JH,
    ),
    ("gemma-4-e2b", "v6e", 1): Usual({Stage.SCHEDULED: _NODE}, _XB, total=669.0),
    ("gemma-4-e2b", "v5e", 1): Usual(
        {Stage.SCHEDULED: _NODE, Stage.COMPILED: 738.0}, _XB, total=857.0
    ),
}


def usual_for(service: Mapping[str, object]) -> Usual | None:
    """What is known for the service's model on its chips."""
    view = View(service)
    labels = view.selector_values(ACCELERATOR_LABEL)
    generation = generation_of(str(labels[0].value)) if labels else None
    limits = view.resources(view.server, "limits") if view.server else {}
    chips = str(limits.get("google.com/tpu", ""))
    if generation is None or not chips.isdigit():
        return None
    name = f"{view.model_uri} {view.model_name}".lower()
    for (model, kind, count), usual in _TIMES.items():
        if model in name and (kind, count) == (generation.name, int(chips)):
            return usual
    return None


@dataclass(frozen=True)
class Spent:
    """The seconds that a stage took, or has taken so far."""

    stage: Stage
    seconds: float


def slow_stages(spent: Sequence[Spent], usual: Usual) -> list[str]:
    """Say of each stage that took far longer than usual."""
    words = [
        f"stage {one.stage} took {one.seconds:.0f} s, usually {usual.stages[one.stage]:.0f} s"
        for one in spent
        if one.stage in usual.stages and _slow(one.seconds, usual.stages[one.stage])
    ]
    total = sum(one.seconds for one in spent if ORDER.index(one.stage) > 2)
    if usual.total and _slow(total, usual.total):
        words.append(f"from pod to Ready took {total:.0f} s, usually {usual.total:.0f} s")
    return words


def _slow(seconds: float, usual: float) -> bool:
    return seconds > usual * SLOW_FACTOR and seconds > usual + SLOW_SECONDS
