# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A record of every request, and what many of them say together. Pure.

Times are in seconds. Percentiles are by nearest rank: of fewer than 100 values the 99th is the
largest. What failed is counted and has no part in them. First token, gap and time a token come from
streams only; the number of tokens is the server's (``usage``), as a chunk may hold several.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.llmd.tpu.plugins.module_utils.findings import Finding
from ansible_collections.llmd.tpu.plugins.module_utils.smoke.exchange import Outcome, Reply
from ansible_collections.llmd.tpu.plugins.module_utils.smoke.judge import Judgement
from ansible_collections.llmd.tpu.plugins.module_utils.smoke.questions import Question

_PERCENTS = (50, 90, 95, 99)
_DIGITS = 6


@dataclass(frozen=True)
class Record:
    """One request: what was asked, how it ended, how long it took."""

    question: Question
    ok: bool
    status: int | None
    code: str
    started: float
    seconds: float
    connect_seconds: float | None = None
    first_token_seconds: float | None = None
    token_seconds: float | None = None
    gaps: tuple[float, ...] = field(default=(), repr=False)
    prompt_tokens: int | None = None
    completion_tokens: int | None = None

    def to_dict(self, since: float) -> dict[str, Any]:
        """Give the record as plain data; its start counts from ``since``."""
        return {
            "question": self.question,
            "ok": self.ok,
            "status": self.status,
            "code": self.code,
            "started_seconds": _rounded(self.started - since),
            "seconds": _rounded(self.seconds),
            "connect_seconds": _rounded(self.connect_seconds),
            "first_token_seconds": _rounded(self.first_token_seconds),
            "token_seconds": _rounded(self.token_seconds),
            "gap_seconds": percentiles(self.gaps),
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": self.completion_tokens,
        }


def record_of(question: Question, outcome: Outcome, judgement: Judgement) -> Record:
    """Record one request."""
    reply = outcome if isinstance(outcome, Reply) else None
    timing = judgement.timing if judgement.ok else None
    tokens = judgement.usage.get("completion_tokens")
    return Record(
        question=question,
        ok=judgement.ok,
        status=reply.status if reply else None,
        code=next((one.code for one in judgement.findings if one.severity == "error"), ""),
        started=outcome.started,
        seconds=outcome.seconds,
        connect_seconds=reply.connect_seconds if reply else None,
        first_token_seconds=timing.first if timing else None,
        token_seconds=timing.per_token(tokens) if timing and tokens else None,
        gaps=timing.gaps if timing else (),
        prompt_tokens=judgement.usage.get("prompt_tokens"),
        completion_tokens=tokens,
    )


def percentiles(values: Iterable[float | None]) -> dict[str, float | int] | None:
    """How many values, their mean, percentiles and largest; None without any."""
    known = sorted(value for value in values if value is not None)
    if not known:
        return None
    ranks = {
        f"p{percent}": known[math.ceil(percent * len(known) / 100) - 1] for percent in _PERCENTS
    }
    numbers = {"mean": sum(known) / len(known), **ranks, "max": known[-1]}
    return {"count": len(known), **{name: round(value, _DIGITS) for name, value in numbers.items()}}


def latencies(records: Sequence[Record], concurrency: int) -> dict[str, Any] | None:
    """What repeated requests say together; None without any."""
    if not records:
        return None
    good = [record for record in records if record.ok]
    began = min(record.started for record in records)
    ended = max(record.started + record.seconds for record in records)
    return {
        "question": records[0].question,
        "requests": len(records),
        "failed": len(records) - len(good),
        "concurrency": concurrency,
        "wall_seconds": round(ended - began, _DIGITS),
        "seconds": percentiles(record.seconds for record in good),
        "connect_seconds": percentiles(record.connect_seconds for record in good),
        "first_token_seconds": percentiles(record.first_token_seconds for record in good),
        "token_seconds": percentiles(record.token_seconds for record in good),
        "gap_seconds": percentiles(gap for record in good for gap in record.gaps),
    }


def repeats_finding(records: Sequence[Record], url: str) -> Finding | None:
    """Say that some of the repeated requests failed; None when none did."""
    failed = Counter(record.code for record in records if not record.ok)
    if not failed:
        return None
    shown = ", ".join(f"{number} {code}" for code, number in failed.most_common())
    return Finding(
        code="SMOKE-REPEATS-FAILED",
        severity="error",
        message="the model answered once, and not every time",
        found=f"of {len(records)} requests failed: {shown}",
        expected="every repeated request answered",
        fix="read the requests of the result; shed or late ones ask for less concurrency or more "
        "replicas, lost ones for a look at the pods' restarts",
        subject=url,
    )


def slow_first_finding(first: float, later: Iterable[float], url: str) -> Finding | None:
    """Say that the first answer took far longer than a later one; None when it did not."""
    quickest = min(later, default=None)
    if quickest is None or first < _SLOW or first < _FAR * quickest:
        return None
    return Finding(
        code="SMOKE-FIRST-ANSWER-SLOW",
        severity="info",
        message="the first answer took far longer than a later one: the server compiled for it",
        found=f"{first:.1f} s, then {quickest:.2f} s",
        expected="a server that compiles before it is ready",
        fix="take SKIP_JAX_PRECOMPILE out of the container's environment, whatever its value",
        source="vllm-project/tpu-inference: shapes are compiled before the API opens, unless "
        "SKIP_JAX_PRECOMPILE is set",
        subject=url,
    )


_SLOW = 5.0
_FAR = 5.0
"""Seconds, and times as long: a first answer that is slow for another reason is not."""


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, _DIGITS)
