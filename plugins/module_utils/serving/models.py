# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Model configurations that the checks know by heart, as data.

Source: the public ``config.json`` of each model (attention heads, key-value heads). Sizes of one
family differ, so a model is found by a lower-case part of its hub id.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ModelShape:
    """The numbers that bound tensor parallelism."""

    heads: int
    kv_heads: int


SHAPES = {
    "qwen2.5-3b": ModelShape(heads=16, kv_heads=2),
    "qwen2.5-7b": ModelShape(heads=28, kv_heads=4),
    "qwen2.5-14b": ModelShape(heads=40, kv_heads=8),
    "qwen2.5-32b": ModelShape(heads=40, kv_heads=8),
    "qwen2.5-72b": ModelShape(heads=64, kv_heads=8),
    "qwen3-8b": ModelShape(heads=32, kv_heads=8),
    "qwen3-32b": ModelShape(heads=64, kv_heads=8),
    "llama-3.1-8b": ModelShape(heads=32, kv_heads=8),
    "llama-3.1-70b": ModelShape(heads=64, kv_heads=8),
    "mistral-7b-instruct-v0.3": ModelShape(heads=32, kv_heads=8),
    "gemma-2-9b": ModelShape(heads=16, kv_heads=8),
    "gemma-2-27b": ModelShape(heads=32, kv_heads=16),
}


def shape_of(model: str) -> ModelShape | None:
    """Find the numbers of a model by its hub id or URI; None when it is not in the table."""
    text = model.lower()
    return next((shape for name, shape in SHAPES.items() if name in text), None)
