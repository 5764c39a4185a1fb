# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Did the scheduler choose the pod that answered? Weighs what was counted. Pure.

Sources: gateway-api-inference-extension ``pkg/epp/metrics`` (request counters: prefix
``inference_model_`` up to 1.0, ``inference_objective_`` since 1.1) and
``pkg/epp/handlers/response.go`` (response header); vLLM's metric ``vllm:request_success_total``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

SCHEDULER_COUNTERS = ("inference_objective_request_total", "inference_model_request_total")
SERVER_COUNTERS = ("vllm:request_success_total",)
SERVER_GAUGES = ("vllm:num_requests_running",)
RESPONSE_HEADER = "x-went-into-resp-headers"

Verdict = Literal["proved", "likely", "not routed", "unknown"]

try:
    from prometheus_client.parser import text_string_to_metric_families

    IMPORT_PROBLEM: str | None = None
except ImportError as problem:
    IMPORT_PROBLEM = str(problem)


@dataclass(frozen=True)
class Counters:
    """One counter per pod; ``problem`` says why nothing, or not everything, could be read.

    ``absent``: there is no such pod at all.
    """

    values: Mapping[str, float] = field(default_factory=dict)
    problem: str = ""
    absent: bool = False

    @property
    def total(self) -> float | None:
        """Add the pods up; None when none was read."""
        return sum(self.values.values()) if self.values else None


@dataclass(frozen=True)
class Routing:
    """The verdict, what it rests on, and the pods that answered."""

    verdict: Verdict
    reasons: tuple[str, ...]
    before: float | None = None
    after: float | None = None
    answered_by: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Give the record as plain data, for a task's result."""
        return {
            "verdict": self.verdict,
            "reasons": list(self.reasons),
            "before": _whole(self.before),
            "after": _whole(self.after),
            "answered_by": ", ".join(self.answered_by),
        }


def _whole(value: float | None) -> int | None:
    return None if value is None else int(value)


def count(metrics: str, names: tuple[str, ...], model: str) -> float:
    """Add up the samples of a counter for one model, whatever the other labels say.

    Raises ValueError when the text is not in the Prometheus format.
    """
    # The library takes 0.2 ms a line, and a scheduler has a thousand lines of other metrics.
    lines = [line for line in metrics.splitlines() if any(name in line for name in names)]
    return sum(
        float(sample.value)
        for family in text_string_to_metric_families("\n".join(lines) + "\n")
        for sample in family.samples
        if sample.name in names and sample.labels.get("model_name") == model
    )


def grown(before: Counters, after: Counters) -> dict[str, float]:
    """Find the pods whose counter rose, and by how much; a restarted pod counts from zero."""
    rises = {}
    for pod, value in after.values.items():
        earlier = before.values.get(pod, 0.0)
        rise = value - earlier if value >= earlier else value
        if rise > 0:
            rises[pod] = rise
    return rises


def weigh(
    scheduler: tuple[Counters, Counters],
    servers: tuple[Counters, Counters],
    header: bool,
) -> Routing:
    """Weigh the counters before and after our one request, and the header of its reply."""
    before, after = scheduler
    readable = bool(before.values and after.values)
    chosen = grown(before, after)
    answered = grown(*servers)
    reasons = [
        _counter_reason(before, after) if readable else f"scheduler: {_why(before, after)}",
        f"response header {RESPONSE_HEADER} {'present' if header else 'absent'}",
        _server_reason(answered, servers),
    ]
    verdict: Verdict
    if readable and chosen:
        # Without the header others' requests may be what was counted, unless it is just one.
        alone = sum(chosen.values()) == sum(answered.values()) == 1
        verdict = "proved" if header or alone else "likely"
    elif header:
        verdict = "likely"
    else:
        verdict = "not routed" if readable or (before.absent and after.absent) else "unknown"
    return Routing(verdict, tuple(reasons), before.total, after.total, tuple(sorted(answered)))


def _counter_reason(before: Counters, after: Counters) -> str:
    return f"scheduler counted {before.total:g} requests before and {after.total:g} after"


def _why(before: Counters, after: Counters) -> str:
    return before.problem or after.problem or "no counter read"


def _server_reason(answered: Mapping[str, float], servers: tuple[Counters, Counters]) -> str:
    if answered:
        return "answered by " + ", ".join(sorted(answered))
    if servers[0].values and servers[1].values:
        return "no model server counted the request"
    return f"model servers: {_why(*servers)}"
