# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Does a model fit: weights, KV cache, context length and parallelism on a number of chips. Pure.

Sizes are in bytes unless a name says otherwise. The rules are vLLM's (``Total number of attention
heads … must be divisible``) and those of vllm-project/tpu-inference v0.12.0: key-value heads are
copied when there are fewer than devices (``get_num_kv_heads_by_tp``), and a head is padded to a
multiple of 128, except 64. vLLM measures what is free after loading instead of computing it, and
the compiler needs some of it, so what these functions call too big may be told as an error only
when nothing is left, and anything close to the edge as a warning.
"""

from __future__ import annotations

from dataclasses import dataclass

from ansible_collections.llmd.tpu.plugins.module_utils.tpu.model_configuration import (
    ModelConfiguration,
)

GIB = 2**30
# vLLM's default of --gpu-memory-utilization up to 0.19; 0.32 has 0.92.
UTILIZATION = 0.9
_KV_ELEMENT = 2  # an fp8 KV cache gave no extra room on v5e (measured: factor 1.000)


@dataclass(frozen=True)
class Devices:
    """The devices that one server spreads a model over; ``memory`` is the usable HBM of each."""

    count: int
    memory: float

    @classmethod
    def of_chips(cls, chips: int, gib_per_chip: float, devices_per_chip: int = 1) -> Devices:
        """The devices of whole chips: an Ironwood chip counts as two."""
        return cls(chips * devices_per_chip, gib_per_chip * GIB / devices_per_chip)


@dataclass(frozen=True)
class Fit:
    """What a model leaves of the memory it was given.

    ``budget`` is what vLLM may use on all devices, ``weights`` what the parameters take,
    ``kv_token`` what one token of context takes, ``tokens`` how many tokens fit (0: none).
    """

    budget: float
    weights: int
    kv_token: int
    tokens: int

    @property
    def holds_weights(self) -> bool:
        """Whether the parameters fit at all."""
        return self.weights < self.budget

    def sequences(self, length: int) -> int:
        """How many sequences of this many tokens fit at once."""
        return self.tokens // length


def valid_parallel_sizes(model: ModelConfiguration, largest: int) -> list[int]:
    """The tensor parallel sizes from 1 to ``largest`` that divide the model's heads."""
    return [size for size in range(1, largest + 1) if parallel_problem(model, size) is None]


def parallel_problem(model: ModelConfiguration, size: int) -> str | None:
    """Why a tensor parallel size does not divide the model, in words; None when it does."""
    if model.heads % size:
        return f"the model's {model.heads} attention heads cannot be divided by it"
    if max(size, model.kv_heads) % min(size, model.kv_heads):
        return f"the model's {model.kv_heads} key-value heads and the size do not divide"
    return None


def kv_bytes_per_token(model: ModelConfiguration, parallel: int) -> int:
    """What one token of context takes on all devices together."""
    heads = max(model.kv_heads, parallel)
    return 2 * model.layers * heads * _padded(model.head_size) * _KV_ELEMENT


def _padded(head_size: int) -> int:
    return 64 if head_size == 64 else -(-head_size // 128) * 128


def fit(model: ModelConfiguration, devices: Devices, utilization: float = UTILIZATION) -> Fit:
    """Work out what fits when the model is spread over all the devices.

    Raises ValueError when the number of devices does not divide the model's heads.
    """
    problem = parallel_problem(model, devices.count)
    if problem:
        raise ValueError(problem)
    budget = devices.count * devices.memory * utilization
    kv_token = kv_bytes_per_token(model, devices.count)
    tokens = max(0, int((budget - model.weights) // kv_token))
    return Fit(budget, model.weights, kv_token, tokens)


def largest_context(model: ModelConfiguration, devices: Devices) -> int:
    """The longest ``--max-model-len``: what the model was made for, or what memory holds."""
    return min(fit(model, devices).tokens, model.positions)
