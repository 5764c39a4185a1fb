# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A model's dimensions, from its ``config.json`` or from a table of well-known models. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_BYTES = {"bfloat16": 2, "float16": 2, "float32": 4}


@dataclass(frozen=True)
class ModelConfiguration:
    """The dimensions of a dense decoder; the names are those of ``config.json``, spelled out.

    ``extra_norms`` are the values beyond two norms a layer: Gemma 2 has two norms more, Qwen3 one
    on queries and one on keys.
    """

    layers: int
    hidden: int
    heads: int
    kv_heads: int
    head_size: int
    intermediate: int
    vocabulary: int
    positions: int
    tied: bool = False
    attention_bias: bool = False
    extra_norms: int = 0
    element: int = 2

    @property
    def parameters(self) -> int:
        """The number of parameters; agrees with the published sizes of the models below."""
        queries, keys = self.heads * self.head_size, self.kv_heads * self.head_size
        attention = 2 * self.hidden * (queries + keys)
        bias = queries + 2 * keys if self.attention_bias else 0
        layer = attention + bias + 3 * self.hidden * self.intermediate + 2 * self.hidden
        embeddings = self.vocabulary * self.hidden * (1 if self.tied else 2)
        return embeddings + self.hidden + self.layers * (layer + self.extra_norms)

    @property
    def weights(self) -> int:
        """The bytes of all parameters. On TPU what is stored as float32 is loaded as bfloat16."""
        return self.parameters * min(self.element, 2)


class UnknownModel(Exception):
    """The dimensions cannot be told from this configuration; the text says why."""


def read_configuration(config: Mapping[str, Any]) -> ModelConfiguration:
    """Read a ``config.json`` as the Hugging Face hub serves it.

    Raises UnknownModel for what the arithmetic does not hold for: experts, compressed attention,
    quantized weights, or a file without the usual fields.
    """
    nested = config.get("text_config")
    values = {**config, **nested} if isinstance(nested, Mapping) else dict(config)
    for field, words in _BEYOND.items():
        if values.get(field):
            raise UnknownModel(f"config.json has {field}: {words}")
    heads = _whole(values, "num_attention_heads")
    hidden = _whole(values, "hidden_size")
    kind = str(values.get("model_type", ""))
    # Not hidden / heads where the file says otherwise: Qwen3-32B has 64 x 128 over 5120.
    size = _whole(values, "head_dim") if values.get("head_dim") else hidden // heads
    return ModelConfiguration(
        layers=_whole(values, "num_hidden_layers"),
        hidden=hidden,
        heads=heads,
        kv_heads=_whole(values, "num_key_value_heads") if _KV in values else heads,
        head_size=size,
        intermediate=_whole(values, "intermediate_size"),
        vocabulary=_whole(values, "vocab_size"),
        positions=_whole(values, "max_position_embeddings"),
        tied=values.get("tie_word_embeddings", kind in _TIED_BY_DEFAULT) is True,
        attention_bias=kind == "qwen2" or values.get("attention_bias") is True,
        extra_norms=2 * hidden if kind == "gemma2" else 2 * size if kind == "qwen3" else 0,
        element=_BYTES.get(str(values.get("torch_dtype") or values.get("dtype")), 2),
    )


_KV = "num_key_value_heads"
_TIED_BY_DEFAULT = frozenset({"gemma", "gemma2"})
_BEYOND = {
    "num_experts": "a mixture of experts",
    "num_local_experts": "a mixture of experts",
    "n_routed_experts": "a mixture of experts",
    "kv_lora_rank": "compressed attention",
    "quantization_config": "quantized weights",
}


def _whole(values: Mapping[str, Any], field: str) -> int:
    value = values.get(field)
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise UnknownModel(f"config.json has no usable {field} (found {value!r})")
    return value


def _qwen2(layers: int, hidden: int, heads: int, kv_heads: int, intermediate: int,
           vocabulary: int = 152064, tied: bool = False) -> ModelConfiguration:  # fmt: skip
    return ModelConfiguration(
        layers, hidden, heads, kv_heads, 128, intermediate, vocabulary, 32768, tied, True
    )


# The public config.json of each model; a model is found by a lower-case part of its hub id.
MODELS = {
    "qwen2.5-3b": _qwen2(36, 2048, 16, 2, 11008, 151936, tied=True),
    "qwen2.5-7b": _qwen2(28, 3584, 28, 4, 18944),
    "qwen2.5-14b": _qwen2(48, 5120, 40, 8, 13824),
    "qwen2.5-32b": _qwen2(64, 5120, 40, 8, 27648),
    "qwen2.5-72b": _qwen2(80, 8192, 64, 8, 29568),
    "llama-3.1-8b": ModelConfiguration(32, 4096, 32, 8, 128, 14336, 128256, 131072),
    "llama-3.1-70b": ModelConfiguration(80, 8192, 64, 8, 128, 28672, 128256, 131072),
    "mistral-7b-instruct-v0.3": ModelConfiguration(32, 4096, 32, 8, 128, 14336, 32768, 32768),
    "gemma-2-9b": ModelConfiguration(
        42, 3584, 16, 8, 256, 14336, 256000, 8192, tied=True, extra_norms=2 * 3584
    ),
    "gemma-2-27b": ModelConfiguration(
        46, 4608, 32, 16, 128, 36864, 256000, 8192, tied=True, extra_norms=2 * 4608
    ),
    "qwen3-8b": ModelConfiguration(36, 4096, 32, 8, 128, 12288, 151936, 40960, extra_norms=2 * 128),
    "qwen3-32b": ModelConfiguration(
        64, 5120, 64, 8, 128, 25600, 151936, 40960, extra_norms=2 * 128
    ),
}


def known_model(name: str) -> ModelConfiguration | None:
    """Find a well-known model by its hub id or URI; None when it is not in the table."""
    text = name.lower()
    return next((model for part, model in MODELS.items() if part in text), None)
