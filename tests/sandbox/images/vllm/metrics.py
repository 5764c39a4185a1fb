# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""vLLM's Prometheus metrics: names and bounds per release, and live values.

Source: vllm/v1/metrics/loggers.py of each release. Counters get the suffix `_total` in the text.
What a server without LoRA, multi-modal input or profiling never moves is left out.
"""

from __future__ import annotations

import bisect
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from .release import Release

FIRST_TOKEN = (
    0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75,
    1.0, 2.5, 5.0, 7.5, 10.0, 20.0, 40.0, 80.0, 160.0, 640.0, 2560.0,
)  # fmt: skip
BETWEEN_TOKENS = (
    0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5,
    0.75, 1.0, 2.5, 5.0, 7.5, 10.0, 20.0, 40.0, 80.0,
)  # fmt: skip
REQUEST = (
    0.3, 0.5, 0.8, 1.0, 1.5, 2.0, 2.5, 5.0, 10.0, 15.0, 20.0, 30.0,
    40.0, 50.0, 60.0, 120.0, 240.0, 480.0, 960.0, 1920.0, 7680.0,
)  # fmt: skip
ITERATION = (1, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384)
FINISH_REASONS = ("stop", "length", "abort")


@dataclass
class Series:
    """One metric with its label sets; `bounds` makes it a histogram."""

    name: str
    kind: str
    help: str
    bounds: Sequence[float] = ()
    values: dict[str, float] = field(default_factory=dict)
    buckets: dict[str, list[int]] = field(default_factory=dict)

    def text(self) -> list[str]:
        """Lines of the exposition format."""
        shown = f"{self.name}_total" if self.kind == "counter" else self.name
        lines = [f"# HELP {shown} {self.help}", f"# TYPE {shown} {self.kind}"]
        for labels, value in self.values.items():
            if self.kind != "histogram":
                lines.append(f"{shown}{{{labels}}} {float(value)}")
                continue
            total = 0
            bounds = [*(str(float(bound)) for bound in self.bounds), "+Inf"]
            for bound, count in zip(bounds, self.buckets[labels], strict=True):
                total += count
                lines.append(f'{self.name}_bucket{{le="{bound}",{labels}}} {float(total)}')
            lines.append(f"{self.name}_count{{{labels}}} {float(total)}")
            lines.append(f"{self.name}_sum{{{labels}}} {float(value)}")
        return lines


def one_two_five(limit: int) -> list[float]:
    """Bounds 1, 2, 5, 10, … up to the limit (build_1_2_5_buckets)."""
    bounds: list[float] = []
    power = 1
    while power <= limit:
        bounds += [digit * power for digit in (1, 2, 5) if digit * power <= limit]
        power *= 10
    return bounds


def _definitions(release: Release, max_model_len: int, hidden: bool) -> list[Series]:
    lengths = one_two_five(max_model_len)
    all_releases = [
        Series("num_requests_running", "gauge", "Number of requests in model execution batches."),
        Series("num_requests_waiting", "gauge", "Number of requests waiting to be processed."),
        Series("kv_cache_usage_perc", "gauge", "KV-cache usage. 1 means 100 percent usage."),
        Series("prefix_cache_queries", "counter", "Prefix cache queries, in queried tokens."),
        Series("prefix_cache_hits", "counter", "Prefix cache hits, in cached tokens."),
        Series("num_preemptions", "counter", "Cumulative number of preemption from the engine."),
        Series("prompt_tokens", "counter", "Number of prefill tokens processed."),
        Series("generation_tokens", "counter", "Number of generation tokens processed."),
        Series("request_success", "counter", "Count of successfully processed requests."),
        Series("request_prompt_tokens", "histogram", "Prefill tokens.", lengths),
        Series("request_generation_tokens", "histogram", "Generation tokens.", lengths),
        Series("iteration_tokens_total", "histogram", "Tokens per engine_step.", ITERATION),
        Series("request_max_num_generation_tokens", "histogram", "Maximum requested.", lengths),
        Series("request_params_n", "histogram", "The n request parameter.", (1, 2, 5, 10, 20)),
        Series("request_params_max_tokens", "histogram", "The max_tokens parameter.", lengths),
        Series("time_to_first_token_seconds", "histogram", "Time to first token.", FIRST_TOKEN),
        Series("inter_token_latency_seconds", "histogram", "Inter-token latency.", BETWEEN_TOKENS),
        Series(
            "request_time_per_output_token_seconds",
            "histogram",
            "Per-request mean time per output token.",
            BETWEEN_TOKENS,
        ),
        *(
            Series(f"{name}_seconds", "histogram", f"{name} in seconds.", REQUEST)
            for name in (
                "e2e_request_latency",
                "request_queue_time",
                "request_inference_time",
                "request_prefill_time",
                "request_decode_time",
            )
        ),
    ]
    if not release.at_least("0.13") or (hidden and not release.at_least("0.18")):
        # Old name of inter_token_latency_seconds: shown in 0.11, hidden in 0.13, gone in 0.18.
        all_releases.append(
            Series("time_per_output_token_seconds", "histogram", "Deprecated.", BETWEEN_TOKENS)
        )
    if hidden and not release.at_least("0.13"):
        all_releases += [
            Series("gpu_cache_usage_perc", "gauge", "Deprecated: kv_cache_usage_perc."),
            Series("gpu_prefix_cache_queries", "counter", "Deprecated: prefix_cache_queries."),
            Series("gpu_prefix_cache_hits", "counter", "Deprecated: prefix_cache_hits."),
        ]
    if release.at_least("0.13"):
        all_releases += [
            Series("corrupted_requests", "counter", "Requests with NaNs in logits."),
            Series("external_prefix_cache_queries", "counter", "External prefix cache queries."),
            Series("external_prefix_cache_hits", "counter", "External prefix cache hits."),
        ]
    if release.at_least("0.18"):
        all_releases.append(
            Series("prompt_tokens_cached", "counter", "Number of cached prompt tokens.")
        )
    for series in all_releases:
        series.name = f"vllm:{series.name}"
    return all_releases


class Metrics:
    """The live values of one server, safe for many threads."""

    def __init__(
        self, release: Release, model_name: str, max_model_len: int, hidden: bool = False
    ) -> None:
        """Begin with zeroes; `hidden` shows what the release only keeps for old readers."""
        self._lock = threading.Lock()
        self._labels = _labels({"engine": "0", "model_name": model_name})
        self._series = {
            series.name: series for series in _definitions(release, max_model_len, hidden)
        }
        self._text: bytes | None = None
        for series in self._series.values():
            if series.name == "vllm:request_success":
                series.values = {self._with_reason(reason): 0.0 for reason in FINISH_REASONS}
            else:
                series.values = {self._labels: 0.0}
                series.buckets = {self._labels: [0] * (len(series.bounds) + 1)}

    def _with_reason(self, reason: str) -> str:
        return f'{self._labels},finished_reason="{reason}"'

    def info(self, name: str, labels: Mapping[str, object]) -> None:
        """Show a gauge of value 1 whose labels carry the information."""
        key = _labels({"engine": "0", **{name: str(value) for name, value in labels.items()}})
        with self._lock:
            self._series[name] = Series(
                f"vllm:{name}", "gauge", f"Information of {name}", (), {key: 1}
            )
            self._text = None

    def add(self, changes: Mapping[str, float]) -> None:
        """Add to counters and gauges; a name that this release lacks is ignored."""
        with self._lock:
            for name, amount in changes.items():
                if series := self._series.get(f"vllm:{name}"):
                    series.values[self._labels] += amount
            self._text = None

    def set(self, name: str, value: float) -> None:
        """Set a gauge."""
        with self._lock:
            if series := self._series.get(f"vllm:{name}"):
                series.values[self._labels] = value
                self._text = None

    def finished(self, reason: str) -> None:
        """Count a request that ended for `reason`."""
        with self._lock:
            self._series["vllm:request_success"].values[self._with_reason(reason)] += 1
            self._text = None

    def observe(self, name: str, value: float, times: int = 1) -> None:
        """Add `times` observations of one value to a histogram."""
        with self._lock:
            if (series := self._series.get(f"vllm:{name}")) and times > 0:
                series.values[self._labels] += value * times
                series.buckets[self._labels][bisect.bisect_left(series.bounds, value)] += times
                self._text = None

    def text(self) -> bytes:
        """Return the exposition text, kept until a value moves: EPPs ask 20 times a second."""
        with self._lock:
            if self._text is None:
                lines = [line for series in self._series.values() for line in series.text()]
                self._text = ("\n".join(lines) + "\n").encode()
            return self._text


def _labels(labels: Mapping[str, str]) -> str:
    escaped = {
        name: value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
        for name, value in labels.items()
    }
    return ",".join(f'{name}="{value}"' for name, value in escaped.items())
