# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Did the scheduler choose the pod that answered? Weighs what independent places tell. Pure.

Sources: gateway-api-inference-extension, in ``pkg/epp`` ``metrics`` (request counters: prefix
``inference_model_`` up to 1.0, ``inference_objective_`` since 1.1), ``handlers/response.go``
(response header), ``handlers/server.go`` (log line of later releases) and
``requestcontrol/director.go`` (log line from verbosity 3 on); vLLM's metric
``vllm:request_success_total``; Envoy's requests to the scheduler.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from ansible_collections.llmd.tpu.plugins.module_utils.metrics.exposition import read
from ansible_collections.llmd.tpu.plugins.module_utils.smoke.exchange import parse_json
from ansible_collections.llmd.tpu.plugins.module_utils.smoke.routes import Path

SCHEDULER_COUNTERS = ("inference_objective_request_total", "inference_model_request_total")
SERVER_COUNTERS = ("vllm:request_success_total",)
SERVER_GAUGES = ("vllm:num_requests_running",)
RESPONSE_HEADER = "x-went-into-resp-headers"
LOG_LINES = ("EPP sent request body response", "Request handled")
_MODEL_KEYS = ("modelName", "targetModelName", "incomingModelName", "targetModel")

Verdict = Literal["proved", "likely", "not routed", "unknown"]
Says = Literal["yes", "no", "nothing"]


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


_NOT_READ = Counters()


@dataclass(frozen=True)
class Counts:
    """What was counted at one moment: by the scheduler, the model servers, and the gateway."""

    scheduler: Counters = _NOT_READ
    servers: Counters = _NOT_READ
    gateway: Counters = _NOT_READ


@dataclass(frozen=True)
class Witness:
    """What one place tells. ``exact``: of our request alone, whoever else asks meanwhile."""

    place: str
    says: Says
    words: str
    exact: bool = False


@dataclass(frozen=True)
class Routing:
    """The verdict, what it rests on, and the pods that answered."""

    verdict: Verdict
    reasons: tuple[str, ...]
    before: float | None = None
    after: float | None = None
    answered_by: tuple[str, ...] = ()
    witnesses: tuple[Witness, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Give the record as plain data, for a task's result."""
        return {
            "verdict": self.verdict,
            "reasons": list(self.reasons),
            "before": _whole(self.before),
            "after": _whole(self.after),
            "answered_by": ", ".join(self.answered_by),
            "evidence": [asdict(witness) for witness in self.witnesses],
        }


def _whole(value: float | None) -> int | None:
    return None if value is None else int(value)


def count(metrics: str, names: tuple[str, ...], model: str) -> float:
    """Add up the samples of a counter for one model, whatever the other labels say.

    Raises ValueError when the text is not in the Prometheus format.
    """
    return sum(
        sample.value for sample in read(metrics, names) if sample.labels.get("model_name") == model
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
    before: Counts,
    after: Counts,
    header: bool,
    log: Witness | None = None,
    path: Path | None = None,
) -> Routing:
    """Weigh what was counted before and after our one request, and what else tells of it.

    Proved needs two places that say so, one of which speaks of our request alone.
    """
    answered = grown(before.servers, after.servers)
    witnesses = (
        _scheduler(before.scheduler, after.scheduler, answered),
        _header(header),
        _servers(before.servers, after.servers, grown(before.scheduler, after.scheduler)),
        _gateway(before.gateway, after.gateway),
        *([log] if log else ()),
        *([_route(path)] if path else ()),
    )
    return Routing(
        _verdict(witnesses, bypassed=path is not None and not path.pooled),
        tuple(witness.words for witness in witnesses),
        before.scheduler.total,
        after.scheduler.total,
        tuple(sorted(answered)),
        witnesses,
    )


def _verdict(witnesses: Iterable[Witness], bypassed: bool) -> Verdict:
    said = [witness for witness in witnesses if witness.says == "yes"]
    denied = any(witness.says == "no" for witness in witnesses)
    if bypassed:
        return "not routed"
    if len(said) > 1 and any(witness.exact for witness in said) and not denied:
        return "proved"
    # The servers alone tell that somebody was answered, not who chose them.
    if any(witness.place != "model servers" for witness in said):
        return "likely"
    return "not routed" if denied else "unknown"


def _scheduler(before: Counters, after: Counters, answered: Mapping[str, float]) -> Witness:
    place = "scheduler metrics"
    if not (before.values and after.values):
        says: Says = "no" if before.absent and after.absent else "nothing"
        return Witness(place, says, f"scheduler: {_why(before, after)}")
    rise = sum(grown(before, after).values())
    words = f"scheduler counted {before.total:g} requests before and {after.total:g} after"
    return Witness(place, "yes" if rise else "no", words, exact=_alone(rise, answered))


def _header(present: bool) -> Witness:
    # Newer schedulers send none, so its absence tells nothing.
    words = f"response header {RESPONSE_HEADER} {'present' if present else 'absent'}"
    return Witness("response header", "yes" if present else "nothing", words, exact=present)


def _servers(before: Counters, after: Counters, chosen: Mapping[str, float]) -> Witness:
    place, answered = "model servers", grown(before, after)
    if answered:
        alone = _alone(sum(chosen.values()), answered)
        words = "answered by " + ", ".join(sorted(answered))
        return Witness(place, "yes" if alone else "nothing", words, exact=alone)
    if before.values and after.values:
        return Witness(place, "nothing", "no model server counted the request")
    return Witness(place, "nothing", f"model servers: {_why(before, after)}")


def _gateway(before: Counters, after: Counters) -> Witness:
    place = "gateway"
    if not (before.values and after.values):
        return Witness(place, "nothing", f"gateway: {_why(before, after)}")
    rise = sum(grown(before, after).values())
    words = f"gateway asked the scheduler {rise:g} times" if rise != 1 else ""
    words = words or "gateway asked the scheduler once"
    return Witness(place, "yes" if rise else "no", words)


def _route(path: Path) -> Witness:
    words = f"route {path.route} sends {path.prefix} to {', '.join(path.backends) or 'nothing'}"
    return Witness("route", "nothing" if path.pooled else "no", words)


def read_log(lines: str, model: str, answer: str) -> Witness:
    """Look for requests for a model in a scheduler's log; ``answer`` is our answer's identifier.

    vLLM makes it of the request's identifier, which the scheduler writes too.
    """
    place = "scheduler log"
    told = [
        entry
        for line in lines.splitlines()
        if any(words in line for words in LOG_LINES)
        if isinstance(entry := parse_json(line), dict)
        if model in [entry.get(key) for key in _MODEL_KEYS]
    ]
    ours = [one for one in told if (name := str(one.get("x-request-id", ""))) and name in answer]
    if ours:
        return Witness(place, "yes", f"scheduler's log has our request{_sent_to(ours)}", exact=True)
    if told:
        words = f"scheduler's log has {len(told)} requests of late{_sent_to(told)}"
        return Witness(place, "yes", words)
    return Witness(place, "nothing", "scheduler's log has no request (some tell from --v=3 on)")


def _sent_to(entries: Sequence[Mapping[str, Any]]) -> str:
    """Where the last one went, when the log says so."""
    found = [str(one["endpoint"]) for one in entries if one.get("endpoint")]
    return f", sent to {found[-1]}" if found else ""


def _alone(chosen: float, answered: Mapping[str, float]) -> bool:
    """Whether one request was counted by the scheduler and by one server: it must be ours."""
    return chosen == sum(answered.values()) == 1


def _why(before: Counters, after: Counters) -> str:
    return before.problem or after.problem or "no counter read"
