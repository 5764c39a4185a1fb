# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Is the arithmetic of weights, KV cache and parallelism that of the published figures?"""

from __future__ import annotations

from dataclasses import replace

import pytest
from ansible_collections.llmd.tpu.plugins.module_utils.tpu.memory import (
    GIB,
    Devices,
    Fit,
    fit,
    kv_bytes_per_token,
    largest_context,
    parallel_problem,
    valid_parallel_sizes,
)
from ansible_collections.llmd.tpu.plugins.module_utils.tpu.model_configuration import (
    MODELS,
    ModelConfiguration,
)
from hypothesis import given
from hypothesis import strategies as st

V6E = 31.24


@pytest.mark.parametrize(
    ("name", "parameters", "gib", "kv", "one", "four", "eight"),
    [
        # Parameters as the hub counts them in the safetensors files. Thousands of tokens on 1, 4
        # and 8 chips of v6e; 0: does not fit, None: heads forbid it.
        ("qwen2.5-3b", 3_085_938_688, 5.75, 36_864, 652, 1_550, 1_600),
        ("qwen2.5-7b", 7_615_616_512, 14.2, 57_344, 261, 1_840, None),
        ("qwen2.5-14b", 14_770_033_664, 27.5, 196_608, 3, 464, 1_080),
        ("qwen2.5-32b", 32_763_876_352, 61.0, 262_144, 0, 211, 671),
        ("qwen2.5-72b", 72_706_203_648, 135, 327_680, 0, 0, 293),
        ("llama-3.1-8b", 8_030_261_248, 15.0, 131_072, 108, 799, 1_720),
        ("llama-3.1-70b", 70_553_706_496, 131, 327_680, 0, 0, 306),
        ("mistral-7b-instruct-v0.3", 7_248_023_552, 13.5, 131_072, 120, 811, 1_730),
        ("gemma-2-9b", 9_241_705_984, 17.2, 344_064, 34, 297, 648),
        ("gemma-2-27b", 27_227_128_320, 50.7, 376_832, 0, 176, 496),
        ("qwen3-8b", 8_190_735_360, 15.3, 147_456, 94, 708, 1_530),
        ("qwen3-32b", 32_762_123_264, 61.0, 262_144, 0, 211, 671),
    ],
)
def test_the_published_table(
    name: str, parameters: int, gib: float, kv: int, one: int, four: int, eight: int | None
) -> None:
    model = MODELS[name]
    assert model.parameters == parameters
    assert model.weights / GIB == pytest.approx(gib, rel=0.005)
    assert kv_bytes_per_token(model, 1) == kv
    for chips, thousands in ((1, one), (4, four), (8, eight)):
        if thousands is None:
            assert parallel_problem(model, chips) is not None
        else:
            tokens = fit(model, Devices.of_chips(chips, V6E)).tokens
            assert tokens / 1000 == pytest.approx(thousands, rel=0.005, abs=0.5)


def test_the_worked_example() -> None:
    model = MODELS["qwen2.5-3b"]
    four = fit(model, Devices.of_chips(4, V6E))
    assert four.budget / GIB == pytest.approx(112.5, abs=0.05)
    assert (four.budget - four.weights) / GIB == pytest.approx(106.7, abs=0.05)
    assert (four.kv_token, kv_bytes_per_token(model, 2)) == (73_728, 36_864)
    assert four.sequences(2048) == 758
    assert fit(model, Devices.of_chips(1, V6E)).sequences(2048) == 318
    assert largest_context(model, Devices.of_chips(4, V6E)) == 32_768
    assert largest_context(MODELS["qwen2.5-14b"], Devices.of_chips(1, V6E)) < 4_000


@pytest.mark.parametrize(
    ("name", "sizes"),
    [
        ("qwen2.5-3b", [1, 2, 4, 8]),
        ("qwen2.5-7b", [1, 2, 4]),
        ("qwen2.5-32b", [1, 2, 4, 8]),
        ("llama-3.1-8b", [1, 2, 4, 8]),
        ("qwen3-32b", [1, 2, 4, 8]),
    ],
)
def test_valid_parallel_sizes(name: str, sizes: list[int]) -> None:
    assert [one for one in valid_parallel_sizes(MODELS[name], 8) if one in (1, 2, 4, 8)] == sizes


def test_sizes_are_tried_up_to_the_largest() -> None:
    assert valid_parallel_sizes(MODELS["qwen2.5-3b"], 3) == [1, 2]
    assert valid_parallel_sizes(MODELS["qwen2.5-3b"], 4) == [1, 2, 4]


@pytest.mark.parametrize(
    ("size", "padded"), [(64, 64), (65, 128), (80, 128), (128, 128), (129, 256), (256, 256)]
)
def test_the_cache_pads_heads(size: int, padded: int) -> None:
    model = replace(MODELS["qwen2.5-3b"], head_size=size)
    assert kv_bytes_per_token(model, 1) == 2 * model.layers * model.kv_heads * padded * 2


def test_weights_that_fill_everything_leave_no_room() -> None:
    assert Fit(budget=11.0, weights=10, kv_token=1, tokens=1).holds_weights
    assert not Fit(budget=10.0, weights=10, kv_token=1, tokens=0).holds_weights


def test_an_ironwood_chip_is_two_devices() -> None:
    devices = Devices.of_chips(4, 189.4, devices_per_chip=2)
    assert (devices.count, round(devices.memory / GIB, 1)) == (8, 94.7)


def test_a_size_that_does_not_divide_is_refused() -> None:
    with pytest.raises(ValueError, match="28 attention heads"):
        fit(MODELS["qwen2.5-7b"], Devices.of_chips(8, V6E))


models = st.sampled_from(sorted(MODELS)).map(MODELS.__getitem__)


@given(models, st.sampled_from([1, 2, 4]), st.floats(16, 192), st.floats(1, 64))
def test_more_memory_never_holds_less(
    model: ModelConfiguration, chips: int, memory: float, more: float
) -> None:
    small = fit(model, Devices.of_chips(chips, memory))
    large = fit(model, Devices.of_chips(chips, memory + more))
    assert large.tokens >= small.tokens
    assert (small.tokens == 0) >= (not small.holds_weights)


@given(models, st.integers(1, 64))
def test_kv_never_shrinks_in_all_and_never_grows_per_device(
    model: ModelConfiguration, size: int
) -> None:
    if parallel_problem(model, size) is not None:
        return
    whole, spread = kv_bytes_per_token(model, 1), kv_bytes_per_token(model, size)
    assert spread >= whole
    assert spread / size <= whole
