# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which metrics are read, by what names, and since which versions. Data.

Sources: vLLM, ``vllm/v1/metrics/loggers.py`` of 0.10 to 0.32; gateway-api-inference-extension,
``pkg/epp/metrics`` of 0.5 to 1.6; Istio's standard metrics.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Metric:
    """One figure, and the metric that it is read from.

    A ``mean`` is the sum of a histogram by its count. ``names`` are newest first, and only the
    first one that is there counts. ``by`` is a label whose values are told apart. ``fold`` is what
    becomes of several values: of engines, and of pods. ``scale`` is what a value is multiplied
    with. ``since`` says which versions have it. ``lazy``: it appears with its first event, so
    without it there was none.
    """

    figure: str
    names: tuple[str, ...]
    kind: Literal["gauge", "counter", "mean"]
    since: str = "all versions"
    by: str = ""
    fold: Literal["sum", "max"] = "sum"
    scale: float = 1.0
    lazy: bool = False

    def sample_names(self) -> Iterator[str]:
        """The samples that it is made of."""
        for name in self.names:
            if self.kind == "mean":
                yield from (f"{name}_sum", f"{name}_count")
            else:
                yield name


SERVER = (
    Metric("requests_running", ("vllm:num_requests_running",), "gauge"),
    Metric("requests_waiting", ("vllm:num_requests_waiting",), "gauge"),
    Metric(
        "kv_cache_percent",
        ("vllm:kv_cache_usage_perc", "vllm:gpu_cache_usage_perc"),
        "gauge",
        since="vLLM 0.9.2 and later; vllm:gpu_cache_usage_perc up to 0.11",
        fold="max",
        scale=100.0,
    ),
    Metric(
        "prefix_queried_tokens",
        ("vllm:prefix_cache_queries_total", "vllm:gpu_prefix_cache_queries_total"),
        "counter",
        since="vLLM 0.11 and later; vllm:gpu_prefix_cache_queries_total before 0.12",
    ),
    Metric(
        "prefix_hit_tokens",
        ("vllm:prefix_cache_hits_total", "vllm:gpu_prefix_cache_hits_total"),
        "counter",
        since="vLLM 0.11 and later; vllm:gpu_prefix_cache_hits_total before 0.12",
    ),
    Metric("preemptions", ("vllm:num_preemptions_total",), "counter"),
    Metric("prompt_tokens", ("vllm:prompt_tokens_total",), "counter"),
    Metric("generation_tokens", ("vllm:generation_tokens_total",), "counter"),
    Metric("requests_finished", ("vllm:request_success_total",), "counter", by="finished_reason"),
    Metric("first_token_seconds", ("vllm:time_to_first_token_seconds",), "mean"),
    Metric(
        "token_seconds",
        ("vllm:inter_token_latency_seconds", "vllm:time_per_output_token_seconds"),
        "mean",
        since="vLLM 0.11 and later; vllm:time_per_output_token_seconds up to 0.11",
    ),
    Metric("queue_seconds", ("vllm:request_queue_time_seconds",), "mean"),
    Metric("request_seconds", ("vllm:e2e_request_latency_seconds",), "mean"),
)

SCHEDULER = (
    Metric(
        "requests",
        ("inference_objective_request_total", "inference_model_request_total"),
        "counter",
        since="GIE 1.1 and later; inference_model_request_total before",
        lazy=True,
    ),
    Metric(
        "request_errors",
        ("inference_objective_request_error_total", "inference_model_request_error_total"),
        "counter",
        since="GIE 1.1 and later; inference_model_request_error_total before",
        by="error_code",
        lazy=True,
    ),
    Metric(
        "requests_running",
        ("inference_objective_running_requests", "inference_model_running_requests"),
        "gauge",
        lazy=True,
    ),
    Metric(
        "request_seconds",
        (
            "inference_objective_request_duration_seconds",
            "inference_model_request_duration_seconds",
        ),
        "mean",
        lazy=True,
    ),
    Metric(
        "scheduling_seconds",
        ("inference_extension_scheduler_e2e_duration_seconds",),
        "mean",
        lazy=True,
    ),
    # Every scheduler tells of the same pool.
    Metric("pool_ready_pods", ("inference_pool_ready_pods",), "gauge", fold="max"),
    Metric(
        "pool_requests_waiting_average",
        ("inference_pool_average_queue_size",),
        "gauge",
        fold="max",
    ),
    Metric(
        "pool_kv_cache_percent_average",
        ("inference_pool_average_kv_cache_utilization",),
        "gauge",
        fold="max",
        scale=100.0,
    ),
)

# Of the whole Gateway. Istio's Telemetry may switch it off, so its absence tells nothing.
GATEWAY = (Metric("responses", ("istio_requests_total",), "counter", by="response_code"),)

# What the gateway's Envoy counts of the endpoints of one service, under names of its own.
ENDPOINTS = tuple(
    Metric(f"{party}_{figure}", (statistic,), "counter")
    for party in ("scheduler", "server")
    for figure, statistic in (
        ("requests", "rq_total"),
        ("errors", "rq_error"),
        ("timeouts", "rq_timeout"),
        ("connection_failures", "cx_connect_fail"),
    )
)

CACHE_CONFIGURATION = "vllm:cache_config_info"
"""Its labels block_size and num_gpu_blocks make the size of the KV cache, in tokens."""
SCHEDULER_INFORMATION = "inference_extension_info"
"""Its labels commit and build_ref tell the version."""


def names_of(metrics: Iterable[Metric], *others: str) -> frozenset[str]:
    """All samples that these metrics are made of."""
    return frozenset([*(name for one in metrics for name in one.sample_names()), *others])
