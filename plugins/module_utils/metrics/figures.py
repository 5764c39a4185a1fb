# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Figures out of what pods expose: now, since their start, and within the time between two looks.

Pure.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.llmd.tpu.plugins.module_utils.metrics.catalogue import (
    CACHE_CONFIGURATION,
    SCHEDULER_INFORMATION,
    Metric,
    names_of,
)
from ansible_collections.llmd.tpu.plugins.module_utils.metrics.envoy import Statistics
from ansible_collections.llmd.tpu.plugins.module_utils.metrics.exposition import Sample, read

Totals = Mapping[str, Mapping[str, float]]
"""By figure: the value of each label that is told apart; sum and count of a mean."""
Figures = Mapping[str, Any]
"""Plain numbers, with the unit in the name where they have one; None is not known."""


@dataclass(frozen=True)
class Look:
    """What one pod exposed at one moment."""

    totals: Totals
    cache_tokens: float | None = None
    version: str = ""


def look_at(text: str, metrics: Iterable[Metric]) -> Look:
    """Read a pod's text. Raises ValueError when it is not in the Prometheus format."""
    metrics = tuple(metrics)
    samples: dict[str, list[Sample]] = defaultdict(list)
    for sample in read(text, names_of(metrics, CACHE_CONFIGURATION, SCHEDULER_INFORMATION)):
        samples[sample.name].append(sample)
    found = {one.figure: parts for one in metrics if (parts := _first(one, samples))}
    if found:  # else it is no text of theirs, and nothing in it is counted as none
        found |= {one.figure: {"": 0.0} for one in metrics if one.lazy and one.figure not in found}
    return Look(found, _cache_tokens(samples), _version(samples))


def look_at_endpoints(metrics: Iterable[Metric], **counted: Statistics) -> Look:
    """Read what an Envoy counted of one service's endpoints, by party."""
    totals = {
        one.figure: {"": counted[party].get(one.names[0], 0.0)}
        for one in metrics
        if (party := one.figure.partition("_")[0]) in counted
    }
    return Look(totals)


def _first(metric: Metric, samples: Mapping[str, list[Sample]]) -> dict[str, float]:
    """The values of the newest name that is there."""
    for name in metric.names:
        parts: dict[str, float] = {}
        if metric.kind == "mean":
            for part in ("sum", "count"):
                for sample in samples.get(f"{name}_{part}", ()):
                    parts[part] = parts.get(part, 0.0) + sample.value
        else:
            for sample in samples.get(name, ()):
                label = sample.labels.get(metric.by, "")
                parts[label] = _fold(metric, [*_known(parts.get(label)), sample.value])
        if parts:
            return parts
    return {}


def together(looks: Iterable[Totals], metrics: Iterable[Metric]) -> Totals:
    """Fold what several pods counted."""
    looks = list(looks)
    result: dict[str, dict[str, float]] = {}
    for metric in metrics:
        parts: dict[str, float] = {}
        for totals in looks:
            for label, value in totals.get(metric.figure, {}).items():
                parts[label] = _fold(metric, [*_known(parts.get(label)), value])
        if parts:
            result[metric.figure] = parts
    return result


def rises(before: Totals, after: Totals, metrics: Iterable[Metric]) -> Totals:
    """What was counted between two looks at a pod; a restarted one counts from zero."""
    result: dict[str, dict[str, float]] = {}
    for metric in metrics:
        if metric.kind == "gauge" or metric.figure not in after:
            continue
        earlier, later = before.get(metric.figure, {}), after[metric.figure]
        restarted = any(later.get(label, 0.0) < value for label, value in earlier.items())
        result[metric.figure] = {
            label: value - (0.0 if restarted else earlier.get(label, 0.0))
            for label, value in later.items()
        }
    return result


def figures(totals: Totals, metrics: Iterable[Metric]) -> dict[str, Any]:
    """Plain numbers; None for what was not there."""
    result: dict[str, Any] = {}
    for metric in metrics:
        parts = totals.get(metric.figure)
        if metric.kind == "mean":
            count = (parts or {}).get("count", 0.0)
            result[metric.figure] = round(parts["sum"] / count, 6) if parts and count else None
            continue
        value = None if parts is None else _fold(metric, parts.values()) * metric.scale
        result[metric.figure] = value if value is None else _number(value)
        if metric.by:
            told = {label: _number(part) for label, part in (parts or {}).items() if label}
            result[f"{metric.figure}_by_{metric.by}"] = told
    if queried := result.get("prefix_queried_tokens"):
        result["prefix_hit_percent"] = _number(100 * (result["prefix_hit_tokens"] or 0) / queried)
    elif "prefix_queried_tokens" in result:
        result["prefix_hit_percent"] = None
    return result


def _fold(metric: Metric, values: Iterable[float]) -> float:
    return max(values) if metric.fold == "max" else sum(values)


def _known(value: float | None) -> list[float]:
    return [] if value is None else [value]


def _number(value: float) -> float | int:
    rounded = round(float(value), 3)
    return int(rounded) if rounded.is_integer() else rounded


def _cache_tokens(samples: Mapping[str, list[Sample]]) -> float | None:
    """The size of the KV cache; None when it is not told."""
    sizes = []
    for sample in samples.get(CACHE_CONFIGURATION, ()):
        size, number = (sample.labels.get(name, "") for name in ("block_size", "num_gpu_blocks"))
        if size.isdigit() and number.isdigit():
            sizes.append(int(size) * int(number))
    return sum(sizes) if sizes else None


def _version(samples: Mapping[str, list[Sample]]) -> str:
    for sample in samples.get(SCHEDULER_INFORMATION, ()):
        told = [sample.labels.get(name, "") for name in ("build_ref", "commit")]
        return " ".join(one for one in told if one)
    return ""
