# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Are the figures right, in their arithmetic and against a server whose delays are known?"""

from __future__ import annotations

import json
import statistics
from itertools import pairwise

import pytest
from ansible_collections.llmd.tpu.plugins.module_utils.smoke.exchange import Failure, Reply
from ansible_collections.llmd.tpu.plugins.module_utils.smoke.judge import Judgement, judge
from ansible_collections.llmd.tpu.plugins.module_utils.smoke.measure import (
    Record,
    latencies,
    percentiles,
    record_of,
    repeats_finding,
    slow_first_finding,
)
from ansible_collections.llmd.tpu.plugins.module_utils.smoke.questions import Wish, request_of
from ansible_collections.llmd.tpu.plugins.module_utils.smoke.transport import HttpTransport

from tests.unit.plugins.module_utils.smoke.misbehaving import MODEL, chunks, serving, stream

URL = "http://203.0.113.10/ns/name"
WISH = Wish(MODEL, "Hi", 16)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([], None),
        ([None], None),
        ([2.0], {"count": 1, "mean": 2.0, "p50": 2, "p90": 2, "p95": 2, "p99": 2, "max": 2}),
        (
            [float(n) for n in range(100, 0, -1)],
            {"count": 100, "mean": 50.5, "p50": 50, "p90": 90, "p95": 95, "p99": 99, "max": 100},
        ),
        (
            [1.0, None, 3.0],
            {"count": 2, "mean": 2.0, "p50": 1, "p90": 3, "p95": 3, "p99": 3, "max": 3},
        ),
    ],
)
def test_percentiles_by_nearest_rank(
    values: list[float | None], expected: dict[str, float] | None
) -> None:
    assert percentiles(values) == expected


def _record(started: float, seconds: float, code: str = "") -> Record:
    return Record("stream", not code, None if code else 200, code, started, seconds)


def test_what_failed_is_counted_and_not_measured() -> None:
    records = [_record(10, 1), _record(11, 2), _record(11.5, 60, "SMOKE-TIMEOUT")]
    told = latencies(records, 2)
    assert told is not None
    assert (told["requests"], told["failed"], told["concurrency"]) == (3, 1, 2)
    assert told["wall_seconds"] == 61.5
    assert told["seconds"]["max"] == 2
    assert told["first_token_seconds"] is None
    finding = repeats_finding(records, URL)
    assert finding is not None
    assert finding.found == "of 3 requests failed: 1 SMOKE-TIMEOUT"
    assert repeats_finding(records[:2], URL) is None
    assert latencies([], 1) is None


def test_a_failure_is_recorded_too() -> None:
    failure = Failure("timeout", "late", 5.0, "h:80", started=2.0)
    record = record_of("chat", failure, judge("chat", failure, URL, WISH)).to_dict(since=1.0)
    assert (record["ok"], record["status"], record["code"]) == (False, None, "SMOKE-TIMEOUT")
    assert (record["started_seconds"], record["seconds"]) == (1.0, 5.0)
    json.dumps(record)


def test_one_token_has_no_time_a_token() -> None:
    reply = Reply(200, {}, b"", 1.0)
    judgement = Judgement(usage={"completion_tokens": 1})
    assert record_of("stream", reply, judgement).token_seconds is None


@pytest.mark.parametrize(
    ("first", "later", "told"),
    [
        (63.0, [0.5, 0.6], True),
        (63.0, [], False),
        (63.0, [40.0], False),
        (4.0, [0.1], False),
    ],
)
def test_a_first_answer_that_had_to_compile(first: float, later: list[float], told: bool) -> None:
    finding = slow_first_finding(first, later, URL)
    assert (finding is not None) == told


def test_the_times_are_those_of_a_server_with_known_delays() -> None:
    """One stream at a time: the median error is at most two milliseconds.

    Other work on the machine delays server and client alike, so the calmest of some rounds counts.
    """
    for _ in range(4):
        medians = _median_errors()
        if max(medians.values()) <= 0.002:
            break
    assert max(medians.values()) <= 0.002, medians


def _median_errors() -> dict[str, float]:
    delays = [0.04, *[0.005 + 0.002 * number for number in range(8)]]
    spoken = chunks(*[f" word{number}" for number in range(len(delays))])
    paced = [part for delay, one in zip(delays, spoken, strict=False) for part in (delay, one)]
    paced += spoken[len(delays) :]
    errors: dict[str, list[float]] = {"first token": [], "gap": [], "whole answer": []}
    for _ in range(15):
        sent: list[float] = []
        with serving(stream(*paced, sent=sent)) as server:
            url = server.url
            outcome = HttpTransport(5).send(request_of("stream", url, WISH))
        record = record_of("stream", outcome, judge("stream", outcome, url, WISH))
        assert record.ok
        assert record.first_token_seconds is not None
        # What the server really did: on a busy machine its sleeps are longer than asked for.
        real = [later - earlier for earlier, later in pairwise(sent)][: len(delays)]
        assert real[0] >= delays[0]
        errors["first token"].append(record.first_token_seconds - real[0])
        errors["gap"] += [one - other for one, other in zip(record.gaps, real[1:], strict=True)]
        answered = record.seconds - (record.connect_seconds or 0.0)
        errors["whole answer"].append(answered - (sent[-1] - sent[0]))
    return {name: statistics.median(map(abs, values)) for name, values in errors.items()}
