# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The model folder and the chips, and the arithmetic that decides whether vLLM can start.

Everything here is plain data in, plain data or `StartupError` out; nothing is written.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .log import API_SERVER

GIB = 2**30
# Usable high-bandwidth memory of one chip, GiB: measured on v6e and v5e (xbill9/gemma4-dev),
# nominal less the same share elsewhere.
USABLE_HBM = {"v6e": 31.24, "v5litepod": 15.75, "v5p": 95.0, "v4": 32.0, "tpu7x": 192.0}
ENGINE = "engine"


class StartupError(Exception):
    """vLLM would end here with `text`; `process` is the one whose log shows it."""

    def __init__(self, text: str, process: str = ENGINE) -> None:
        """`text` is the end of the traceback."""
        super().__init__(text)
        self.text = text
        self.process = process


@dataclass(frozen=True)
class Model:
    """Dimensions from a model folder's config.json."""

    path: str
    architecture: str
    layers: int
    hidden: int
    heads: int
    kv_heads: int
    head_size: int
    positions: int
    dtype: str
    parameters: int
    files: tuple[str, ...]

    @property
    def weight_bytes(self) -> int:
        """Size in bfloat16."""
        return self.parameters * 2

    def kv_heads_on(self, tensor_parallel: int) -> int:
        """KV heads after replication (tpu_inference/utils.py, get_num_kv_heads_by_tp).

        A bare AssertionError is all that vLLM shows when the numbers do not fit.
        """
        larger, smaller = sorted((self.kv_heads, tensor_parallel), reverse=True)
        if larger % smaller:
            side = (
                "num_kv_heads % tp_size"
                if tensor_parallel <= self.kv_heads
                else "tp_size % num_kv_heads"
            )
            raise StartupError(f"    assert {side} == 0\nAssertionError")
        return larger

    def kv_bytes_per_token(self, tensor_parallel: int) -> int:
        """Bytes of all chips together; heads are padded to 128 (64 is kept)."""
        padded = 64 if self.head_size == 64 else math.ceil(self.head_size / 128) * 128
        return 2 * self.layers * self.kv_heads_on(tensor_parallel) * padded * 2


def read_model(path: str) -> Model:
    """Return the model in a folder; raises StartupError when it is missing or unreadable."""
    folder = Path(path)
    try:
        config = json.loads((folder / "config.json").read_text())
    except (OSError, ValueError) as error:
        # vllm/transformers_utils/config.py, get_config.
        raise StartupError(
            "pydantic_core._pydantic_core.ValidationError: 1 validation error for ModelConfig\n"
            f"  Value error, Invalid repository ID or local directory specified: '{path}'.\n"
            "Please verify the following requirements:\n"
            "1. Provide a valid Hugging Face repository ID.\n"
            "2. Specify a local directory that contains a recognized configuration file.\n"
            "   - For Hugging Face models: ensure the presence of a 'config.json'.\n"
            "   - For Mistral models: ensure the presence of a 'params.json'.",
            API_SERVER,
        ) from error
    text = config.get("text_config", config)
    heads = text["num_attention_heads"]
    return Model(
        path=path,
        architecture=(config.get("architectures") or ["unknown"])[0],
        layers=text["num_hidden_layers"],
        hidden=text["hidden_size"],
        heads=heads,
        kv_heads=text.get("num_key_value_heads", heads),
        head_size=text.get("head_dim") or text["hidden_size"] // heads,
        positions=text["max_position_embeddings"],
        dtype=config.get("torch_dtype", "bfloat16"),
        parameters=_parameters(text, bool(config.get("tie_word_embeddings"))),
        files=tuple(sorted(file.name for file in folder.glob("*.safetensors"))),
    )


def _parameters(text: Mapping[str, Any], tied: bool) -> int:
    """Parameter count of a dense decoder with gated feed-forward layers."""
    hidden, layers, heads = (
        text["hidden_size"],
        text["num_hidden_layers"],
        text["num_attention_heads"],
    )
    head_size = text.get("head_dim") or hidden // heads
    kv_heads = text.get("num_key_value_heads", heads)
    attention = hidden * head_size * (2 * heads + 2 * kv_heads)
    feed_forward = 3 * hidden * text["intermediate_size"]
    embeddings = text["vocab_size"] * hidden * (1 if tied else 2)
    return int(layers * (attention + feed_forward + 2 * hidden) + embeddings)


@dataclass(frozen=True)
class Chips:
    """The chips that the pod got, and what their environment says about them."""

    count: int
    accelerator: str
    per_host: int
    hosts: int
    workers: int

    @property
    def hbm_bytes(self) -> int:
        """Usable memory of one chip."""
        generation = self.accelerator.rsplit("-", 1)[0]
        return int(USABLE_HBM.get(generation, USABLE_HBM["v6e"]) * GIB)


def find_chips(devices: Iterable[str], environment: Mapping[str, str]) -> Chips:
    """Chips from the names in /dev/vfio (`0`, `1`, …) and the device plugin's environment.

    Variables: Allocate of GKE's TPU device plugin (ai-on-gke/tpu-device-plugin, pkg/util).
    """
    count = sum(1 for name in devices if re.fullmatch(r"\d+", name))
    return Chips(
        count=count,
        accelerator=environment.get("TPU_ACCELERATOR_TYPE", "v6e-4"),
        per_host=_product(environment.get("TPU_CHIPS_PER_HOST_BOUNDS"), count),
        hosts=_product(environment.get("TPU_HOST_BOUNDS"), 1),
        workers=len(environment.get("TPU_WORKER_HOSTNAMES", "localhost").split(",")),
    )


def _product(bounds: str | None, default: int) -> int:
    if not bounds:
        return default
    return math.prod(int(part) for part in bounds.split(",") if part.strip().isdigit())


def check_chips(chips: Chips) -> None:
    """Refuse what libtpu refuses: no chip, or not the chips that the environment promises."""
    backend = "RuntimeError: Unable to initialize backend 'tpu': "
    hint = " (set JAX_PLATFORMS='' to automatically choose an available backend)"
    if not chips.count:
        # jax/_src/xla_bridge.py around libtpu's text. Public issues quote both parts; the status
        # word between them differs by libtpu version.
        raise StartupError(f"{backend}UNAVAILABLE: No hardware is found.{hint}")
    if chips.per_host != chips.count or chips.hosts > chips.workers:
        raise StartupError(f"{backend}INTERNAL: Failed to get global TPU topology.{hint}")


def check_split(model: Model, tensor_parallel: int) -> None:
    """vllm/config/model.py, verify_with_parallel_config."""
    if model.heads % tensor_parallel:
        raise StartupError(
            "pydantic_core._pydantic_core.ValidationError: 1 validation error for VllmConfig\n"
            f"  Value error, Total number of attention heads ({model.heads}) must be divisible "
            f"by tensor parallel size ({tensor_parallel}). [type=value_error, "
            "input_value=ArgsKwargs((), {...}), input_type=ArgsKwargs]",
            API_SERVER,
        )


def context_length(model: Model, wanted: int | None, environment: Mapping[str, str]) -> int:
    """vllm/config/model.py, _get_and_verify_max_len. `-1` asks for the longest that fits."""
    if wanted is None or wanted == -1:
        return model.positions
    if wanted > model.positions and environment.get("VLLM_ALLOW_LONG_MAX_MODEL_LEN") != "1":
        raise StartupError(
            "pydantic_core._pydantic_core.ValidationError: 1 validation error for ModelConfig\n"
            f"  Value error, User-specified max_model_len ({wanted}) is greater than the derived "
            f"max_model_len (max_position_embeddings={model.positions} or model_max_length=None in "
            "model's config.json). To allow overriding this maximum, set the env var "
            "VLLM_ALLOW_LONG_MAX_MODEL_LEN=1.",
            API_SERVER,
        )
    return wanted


@dataclass(frozen=True)
class Memory:
    """How the chips' memory is used; bytes of all used chips together."""

    limit: int
    cap: int
    used: int
    block_size: int
    blocks: int


def block_size(max_model_len: int) -> int:
    """vllm/v1/attention/backends/pallas.py, get_page_size."""
    if max_model_len > 8192:
        return 16
    next_power = 1 << max(0, max_model_len - 1).bit_length()
    return min(256, max(16, next_power // 16))


def plan_memory(
    model: Model, chips: Chips, tensor_parallel: int, utilization: float, max_model_len: int
) -> Memory:
    """Return the key-value pool, or the failure when weights or one whole sequence do not fit."""
    if tensor_parallel > chips.count:
        # jax.make_mesh, called from the runner's _init_mesh.
        raise StartupError(
            f"ValueError: Number of devices {chips.count} must be >= the product of mesh_shape "
            f"(1, {tensor_parallel})"
        )
    limit = chips.hbm_bytes * tensor_parallel
    cap = int(limit * utilization)
    available = cap - model.weight_bytes
    if available <= 0:
        # tpu_inference/worker/tpu_worker*.py, determine_available_memory.
        raise StartupError(
            f"ValueError: total_hbm_used_gb={gib(model.weight_bytes)}GiB exceeds "
            f"total_hbm_limit_cap_gb={gib(cap)}GiB by {gib(-available)}GiB. Please consider "
            f"increasing --gpu-memory-utilization from {utilization} to a larger value."
        )
    per_token = model.kv_bytes_per_token(tensor_parallel)
    size = block_size(max_model_len)
    blocks = available // (per_token * size)
    if blocks * size < max_model_len:
        # vllm/v1/core/kv_cache_utils.py, check_enough_kv_cache_memory.
        raise StartupError(
            "ValueError: To serve at least one request with the models's max seq len "
            f"({max_model_len}), ({max_model_len * per_token / GIB:.2f} GiB KV cache is needed, "
            f"which is larger than the available KV cache memory ({available / GIB:.2f} GiB). "
            "Based on the available memory, the estimated maximum model length is "
            f"{blocks * size}. Try increasing `gpu_memory_utilization` or decreasing "
            "`max_model_len` when initializing the engine."
        )
    return Memory(limit, cap, model.weight_bytes, size, blocks)


def gib(size: int) -> float:
    """Bytes as vLLM prints them."""
    return round(size / GIB, 2)
