# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Is the arithmetic of weights, KV cache and parallelism that of the published figures?"""

from __future__ import annotations

import pytest
from ansible_collections.llmd.tpu.plugins.module_utils.tpu.memory import (
    GIB,
    Devices,
    fit,
    kv_bytes_per_token,
    largest_context,
    parallel_problem,
    valid_parallel_sizes,
)
from ansible_collections.llmd.tpu.plugins.module_utils.tpu.model_configuration import (
    MODELS,
    ModelConfiguration,
    UnknownModel,
    known_model,
    read_configuration,
)
from hypothesis import given
from hypothesis import strategies as st

V6E = 31.24


@pytest.mark.parametrize(
    ("name", "billions", "gib", "kv", "one", "four", "eight"),
    [
        # Thousands of tokens on 1, 4 and 8 chips of v6e; 0: does not fit, None: heads forbid it.
        ("qwen2.5-3b", 3.09, 5.75, 36_864, 652, 1_550, 1_600),
        ("qwen2.5-7b", 7.62, 14.2, 57_344, 261, 1_840, None),
        ("qwen2.5-14b", 14.77, 27.5, 196_608, 3, 464, 1_080),
        ("qwen2.5-32b", 32.76, 61.0, 262_144, 0, 211, 671),
        ("qwen2.5-72b", 72.71, 135, 327_680, 0, 0, 293),
        ("llama-3.1-8b", 8.03, 15.0, 131_072, 108, 799, 1_720),
        ("llama-3.1-70b", 70.55, 131, 327_680, 0, 0, 306),
        ("mistral-7b-instruct-v0.3", 7.25, 13.5, 131_072, 120, 811, 1_730),
        ("gemma-2-9b", 9.24, 17.2, 344_064, 34, 297, 648),
        ("gemma-2-27b", 27.23, 50.7, 376_832, 0, 176, 496),
        ("qwen3-8b", 8.19, 15.3, 147_456, 94, 708, 1_530),
        ("qwen3-32b", 32.76, 61.0, 262_144, 0, 211, 671),
    ],
)
def test_the_published_table(
    name: str, billions: float, gib: float, kv: int, one: int, four: int, eight: int | None
) -> None:
    model = MODELS[name]
    assert model.parameters / 1e9 == pytest.approx(billions, abs=0.005)
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


def _config(**changes: object) -> dict[str, object]:
    return {
        "model_type": "qwen2",
        "num_hidden_layers": 36,
        "hidden_size": 2048,
        "num_attention_heads": 16,
        "num_key_value_heads": 2,
        "intermediate_size": 11008,
        "vocab_size": 151936,
        "max_position_embeddings": 32768,
        "tie_word_embeddings": True,
        "torch_dtype": "bfloat16",
        **changes,
    }


def test_a_configuration_of_the_hub_is_read() -> None:
    assert read_configuration(_config()) == MODELS["qwen2.5-3b"]
    nested = {"model_type": "some_vision", "text_config": _config()}
    assert read_configuration(nested) == MODELS["qwen2.5-3b"]


def test_the_head_size_is_read_and_not_divided() -> None:
    qwen3 = _config(
        model_type="qwen3",
        num_hidden_layers=64,
        hidden_size=5120,
        num_attention_heads=64,
        num_key_value_heads=8,
        intermediate_size=25600,
        head_dim=128,
        max_position_embeddings=40960,
        tie_word_embeddings=False,
    )
    assert read_configuration(qwen3) == MODELS["qwen3-32b"]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"num_local_experts": 8}, "mixture of experts"),
        ({"quantization_config": {"bits": 4}}, "quantized"),
        ({"kv_lora_rank": 512}, "compressed attention"),
        ({"num_hidden_layers": None}, "num_hidden_layers"),
        ({"hidden_size": "2048"}, "hidden_size"),
        ({"num_attention_heads": 0}, "num_attention_heads"),
        ({"vocab_size": True}, "vocab_size"),
    ],
)
def test_what_the_arithmetic_does_not_hold_for_is_said(
    changes: dict[str, object], words: str
) -> None:
    with pytest.raises(UnknownModel, match=words):
        read_configuration(_config(**changes))


def test_a_model_is_found_by_its_uri() -> None:
    assert known_model("hf://Qwen/Qwen2.5-3B-Instruct") is MODELS["qwen2.5-3b"]
    assert known_model("hf://acme/none") is None
