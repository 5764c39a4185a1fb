# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Does the model fit the chips, with the context length that is asked for? Pure.

Sources: vllm 0.12.0 ``v1/core/kv_cache_utils.py`` (the pool must hold one sequence of the full
length), vllm-project/tpu-inference v0.12.0. Only a generation whose usable memory was measured can
make this an error; others warn.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from ansible_collections.llmd.tpu.plugins.module_utils.findings import Finding
from ansible_collections.llmd.tpu.plugins.module_utils.serving.placement import (
    generation_of_pods,
    whole_number,
)
from ansible_collections.llmd.tpu.plugins.module_utils.serving.server import (
    PARALLEL,
    flags_of,
    last_flag,
)
from ansible_collections.llmd.tpu.plugins.module_utils.serving.tracks import Track
from ansible_collections.llmd.tpu.plugins.module_utils.serving.view import Flag, Located, View
from ansible_collections.llmd.tpu.plugins.module_utils.tpu.machines import (
    RESOURCE,
    Generation,
)
from ansible_collections.llmd.tpu.plugins.module_utils.tpu.memory import (
    GIB,
    UTILIZATION,
    Devices,
    Fit,
    fit,
    parallel_problem,
)

_SOURCE = "vllm 0.12.0, v1/core/kv_cache_utils.py"
_TIGHT = 0.9
"""The compiler keeps 5 to 10 % for itself, so what fills more than this is told."""


def check_memory(view: View, _track: Track) -> Iterator[Finding]:
    """Check weights and context length against the memory of the chips that are used."""
    generation = generation_of_pods(view)
    if generation is None or generation.hbm is None or view.server is None:
        return
    if view.model is None:
        yield _unknown(view)
        return
    flags = flags_of(view, view.server)
    devices = _devices(view, view.server, flags, generation)
    if devices is None or parallel_problem(view.model, devices.count):
        return  # told where chips and parallelism are checked
    found = fit(view.model, devices, _utilization(flags))
    severity: Literal["error", "warning"] = "error" if generation.usable else "warning"
    path = f"{view.server.path}.resources"
    if not found.holds_weights:
        yield _too_large(path, found, devices, severity)
        return
    yield from _check_context(view, flags, found, severity)


def _unknown(view: View) -> Finding:
    return Finding(
        code="MODEL-UNKNOWN",
        severity="info",
        message="the model's dimensions are not known here, so memory and parallelism are not "
        "checked",
        path="spec.model.uri",
        found=view.model_uri[:200],
        expected="a well-known model, or its config.json in the option model_config",
    )


def _devices(
    view: View, server: Located, flags: list[Flag], generation: Generation
) -> Devices | None:
    """The devices that the server spreads the model over; None when the numbers are wrong."""
    chips = whole_number(view.resources(server, "limits").get(RESOURCE))
    flag = last_flag(flags, *PARALLEL)
    size = whole_number(flag.value) if flag else 1
    if not chips or not size or size > chips * generation.devices_per_chip:
        return None
    gib = generation.usable or generation.hbm or 0
    whole = Devices.of_chips(chips, gib, generation.devices_per_chip)
    return Devices(size, whole.memory)


def _utilization(flags: list[Flag]) -> float:
    flag = last_flag(flags, "--gpu-memory-utilization")
    try:
        value = float(flag.value) if flag else UTILIZATION
    except ValueError:
        return UTILIZATION
    return value if 0 < value <= 1 else UTILIZATION


def _too_large(
    path: str, found: Fit, devices: Devices, severity: Literal["error", "warning"]
) -> Finding:
    return Finding(
        code="MODEL-TOO-LARGE",
        severity=severity,
        message="the model's weights do not fit into the memory of the chips that are used",
        path=path,
        found=f"{found.weights / GIB:.1f} GiB of weights for {devices.count} device(s) with "
        f"{found.budget / GIB:.1f} GiB in all",
        expected="weights well below the memory",
        fix="use more chips with a tensor parallel size to match, or a smaller model",
        source=_SOURCE,
    )


def _check_context(
    view: View, flags: list[Flag], found: Fit, severity: Literal["error", "warning"]
) -> Iterator[Finding]:
    flag = last_flag(flags, "--max-model-len")
    model = view.model
    length = whole_number(flag.value) if flag else model.positions if model else None
    if model is None or not length or view.server is None:
        return
    path = flag.path if flag else f"{view.server.path}.env"
    asked = f"--max-model-len {length}" if flag else f"the model's own length, {length}"
    if flag and length > model.positions:
        yield Finding(
            code="MODEL-CONTEXT-BEYOND",
            severity="warning",
            message="the model was not made for such long contexts; vllm refuses it unless the "
            "configuration scales positions",
            path=path,
            found=asked,
            expected=f"at most {model.positions}",
            fix=f"write --max-model-len {model.positions}, or less",
            source="config.json of the model, max_position_embeddings",
        )
    if length > found.tokens * _TIGHT:
        fits = length <= found.tokens
        yield Finding(
            code="MODEL-CONTEXT-TIGHT" if fits else "MODEL-CONTEXT-TOO-LONG",
            severity="warning" if fits else severity,
            message="one sequence of this length nearly fills the memory that is left"
            if fits
            else "the memory that is left does not hold one sequence of this length, so vllm stops",
            path=path,
            found=asked,
            expected=f"below {int(found.tokens * _TIGHT)} tokens",
            fix="lower --max-model-len, or use more chips",
            source=_SOURCE,
        )
