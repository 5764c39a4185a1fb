# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Is a config.json read as the model's code reads it?"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.llmd.tpu.plugins.module_utils.tpu.model_configuration import (
    MODELS,
    ModelConfiguration,
    UnknownModel,
    known_model,
    read_configuration,
)

# What the arithmetic takes of the public files.
QWEN = {
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
}
QWEN3 = QWEN | {
    "model_type": "qwen3",
    "hidden_size": 4096,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "head_dim": 128,
    "intermediate_size": 12288,
    "max_position_embeddings": 40960,
    "tie_word_embeddings": False,
    "attention_bias": False,
}
# 64 heads of 128 over 5120: not what a division gives.
QWEN3_32B = QWEN3 | {
    "num_hidden_layers": 64,
    "hidden_size": 5120,
    "num_attention_heads": 64,
    "intermediate_size": 25600,
}
# Gemma's file says nothing of tied embeddings: the code's default is that they are.
GEMMA = {
    "model_type": "gemma2",
    "num_hidden_layers": 42,
    "hidden_size": 3584,
    "num_attention_heads": 16,
    "num_key_value_heads": 8,
    "head_dim": 256,
    "intermediate_size": 14336,
    "vocab_size": 256000,
    "max_position_embeddings": 8192,
    "torch_dtype": "bfloat16",
}


@pytest.mark.parametrize(
    ("config", "model"),
    [
        (QWEN, MODELS["qwen2.5-3b"]),
        (QWEN3, MODELS["qwen3-8b"]),
        (QWEN3_32B, MODELS["qwen3-32b"]),
        (GEMMA, MODELS["gemma-2-9b"]),
        ({"text_config": QWEN, "model_type": "of many senses"}, MODELS["qwen2.5-3b"]),
    ],
)
def test_public_files(config: dict[str, Any], model: ModelConfiguration) -> None:
    read = read_configuration(config)
    assert read == model
    assert isinstance(read.head_size, int)


@pytest.mark.parametrize(
    ("change", "difference"),
    [
        ({"model_type": "llama"}, {"attention_bias": False}),
        ({"model_type": "llama", "attention_bias": True}, {}),
        ({"tie_word_embeddings": False}, {"tied": False}),
        ({"num_key_value_heads": 1}, {"kv_heads": 1}),
        ({"head_dim": 64}, {"head_size": 64}),
        ({"torch_dtype": "float32"}, {"element": 4}),
        ({"torch_dtype": None, "dtype": "float16"}, {}),
        ({"torch_dtype": "something new"}, {}),
    ],
)
def test_one_field_that_differs(change: dict[str, Any], difference: dict[str, Any]) -> None:
    assert read_configuration(QWEN | change) == replace(MODELS["qwen2.5-3b"], **difference)


def test_without_heads_of_their_own_keys_have_one_a_query() -> None:
    config = {key: value for key, value in QWEN.items() if key != "num_key_value_heads"}
    assert read_configuration(config).kv_heads == 16


def test_float32_is_loaded_as_bfloat16() -> None:
    wide = read_configuration(QWEN | {"torch_dtype": "float32"})
    assert wide.weights == MODELS["qwen2.5-3b"].weights == 2 * wide.parameters


@pytest.mark.parametrize("value", [None, True, 0, -1, 1.5, "36"])
def test_a_field_that_is_no_number_is_named(value: object) -> None:
    with pytest.raises(UnknownModel, match="no usable num_hidden_layers"):
        read_configuration(QWEN | {"num_hidden_layers": value})


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("num_experts", 8, "mixture of experts"),
        ("num_local_experts", 8, "mixture of experts"),
        ("n_routed_experts", 8, "mixture of experts"),
        ("kv_lora_rank", 512, "compressed attention"),
        ("quantization_config", {"bits": 4}, "quantized weights"),
    ],
)
def test_what_the_arithmetic_does_not_hold_for(field: str, value: object, words: str) -> None:
    with pytest.raises(UnknownModel, match=f"{field}.*{words}"):
        read_configuration(QWEN | {field: value})


@pytest.mark.parametrize(
    ("name", "positions"),
    [
        ("qwen2.5-3b", 32_768),
        ("qwen2.5-72b", 32_768),
        ("llama-3.1-8b", 131_072),
        ("llama-3.1-70b", 131_072),
        ("mistral-7b-instruct-v0.3", 32_768),
        ("gemma-2-9b", 8_192),
        ("gemma-2-27b", 8_192),
        ("qwen3-8b", 40_960),
        ("qwen3-32b", 40_960),
    ],
)
def test_the_longest_context(name: str, positions: int) -> None:
    assert MODELS[name].positions == positions


def test_a_model_is_found_by_its_uri() -> None:
    assert known_model("hf://Qwen/Qwen2.5-3B-Instruct") is MODELS["qwen2.5-3b"]
    assert known_model("hf://acme/none") is None
