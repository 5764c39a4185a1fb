# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Is a stream put together right, and every disorder named?"""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.llmd.tpu.plugins.module_utils.smoke.events import read_events
from ansible_collections.llmd.tpu.plugins.module_utils.smoke.exchange import Reply
from ansible_collections.llmd.tpu.plugins.module_utils.smoke.judge import Judgement, judge
from ansible_collections.llmd.tpu.plugins.module_utils.smoke.questions import Question

from tests.unit.plugins.module_utils.smoke.misbehaving import MODEL, chunks, event
from tests.unit.plugins.module_utils.smoke.test_judge import URL, WISH

Events = list[dict[str, Any] | str]
KIND = {"content-type": "text/event-stream; charset=utf-8"}


def streamed(events: Events, seconds: float = 0.1, gap: float = 0.01, **headers: str) -> Reply:
    """A reply of which each event arrived so long after the one before it."""
    body, arrivals = b"", []
    for number, one in enumerate(events):
        body += event(one)
        arrivals.append((len(body), seconds + number * gap))
    whole = seconds + len(events) * gap
    return Reply(200, {**KIND, **headers}, body, whole, arrivals=tuple(arrivals))


def _judge(reply: Reply, question: Question = "stream") -> Judgement:
    return judge(question, reply, URL, WISH)


@pytest.mark.parametrize(("question", "in_chat"), [("stream", False), ("chat_stream", True)])
def test_a_good_stream(question: Question, in_chat: bool) -> None:
    judgement = _judge(streamed(chunks(" Par", "is", ".", in_chat=in_chat)), question)
    assert judgement.findings == ()
    assert (judgement.model, judgement.text, judgement.finish_reason) == (
        MODEL,
        " Paris.",
        "length",
    )
    assert judgement.usage == {"prompt_tokens": 5, "completion_tokens": 3, "total_tokens": 8}
    timing = judgement.timing
    assert timing is not None
    # The role of a chat comes before its first text.
    assert timing.first == pytest.approx(0.11 if in_chat else 0.1)
    assert timing.gaps == pytest.approx((0.01, 0.01))
    assert timing.per_token(3) == pytest.approx(0.01)
    assert timing.per_token(1) is None


def _moved(events: Events, position: int, to: int) -> Events:
    rest = events[:position] + events[position + 1 :]
    return [*rest[:to], events[position], *rest[to:]]


GOOD = chunks("a", "b", "c")
CHAT = chunks("a", "b", in_chat=True)
OTHER = chunks("x", "y", "z", id="c-2")
DISORDERS: list[tuple[Reply, Question, str]] = [
    (streamed([]), "stream", "SMOKE-NOT-A-STREAM"),
    (Reply(200, {}, event("{}"), 1.0), "stream", "SMOKE-NOT-A-STREAM"),
    (
        Reply(200, {"content-type": "application/json"}, b'{"choices": []}', 1.0),
        "stream",
        "SMOKE-NOT-A-STREAM",
    ),
    (streamed([GOOD[0], "{half", *GOOD[1:]]), "stream", "SMOKE-STREAM-EVENT"),
    (
        streamed([GOOD[0], {"error": {"message": "EngineDeadError"}}, "[DONE]"]),
        "stream",
        "SMOKE-STREAM-ERROR",
    ),
    (streamed(GOOD[:-1]), "stream", "SMOKE-STREAM-END"),
    (streamed(_moved(GOOD, 4, 2)), "stream", "SMOKE-STREAM-END"),
    (streamed([*GOOD, "[DONE]"]), "stream", "SMOKE-STREAM-END"),
    (streamed([GOOD[0], OTHER[1], *GOOD[2:]]), "stream", "SMOKE-STREAM-ORDER"),
    (streamed(_moved(GOOD, 2, 0)), "stream", "SMOKE-STREAM-ORDER"),
    (streamed(_moved(GOOD, 3, 1)), "stream", "SMOKE-STREAM-ORDER"),
    (streamed(_moved(CHAT, 0, 1)), "chat_stream", "SMOKE-STREAM-ORDER"),
    (streamed(["[DONE]"]), "stream", "SMOKE-TEXT-EMPTY"),
    (streamed(chunks("a", "b", model="other")), "stream", "SMOKE-MODEL-NAME"),
    (streamed(chunks("a", "b", reason="abort")), "stream", "SMOKE-FINISH-REASON"),
    (streamed(chunks(*"abcdefgh"), gap=0), "stream", "SMOKE-STREAM-BUFFERED"),
]


@pytest.mark.parametrize(("reply", "question", "code"), DISORDERS)
def test_each_disorder_has_its_code(reply: Reply, question: Question, code: str) -> None:
    findings = _judge(reply, question).findings
    assert code in [one.code for one in findings]
    assert all(one.fix and one.expected for one in findings)


def test_a_reply_held_back_is_only_a_warning() -> None:
    judgement = _judge(streamed(chunks(*"abcdefgh"), gap=0))
    assert judgement.ok
    assert _judge(streamed(chunks(*"abcdefgh"), gap=0.0001)).findings == ()


def test_an_error_within_a_stream_keeps_what_was_timed() -> None:
    failed = _judge(streamed([GOOD[0], GOOD[1], {"error": {"message": "dead"}}]))
    assert failed.timing is not None
    assert failed.timing.gaps == pytest.approx((0.01,))


def test_servers_that_count_in_every_chunk() -> None:
    counted = [{**one, "usage": {"x": 1}} if isinstance(one, dict) else one for one in GOOD[:3]]
    assert _judge(streamed([*counted, *GOOD[3:]])).findings == ()


@pytest.mark.parametrize(
    ("body", "data"),
    [
        (b"data: a\n\ndata: b\n\n", ["a", "b"]),
        (b"data:a\r\n\r\ndata: b\r\r", ["a", "b"]),
        (b": comment\n\ndata: a\ndata: b\n\n", ["a\nb"]),
        (b"event: x\nid: 1\nretry: 2\ndata: a\n\n", ["a"]),
        (b"data: whole\n\ndata: cut off", ["whole"]),
        (b"data: cut\n", []),
        (b"data: \xff\n\n", ["\ufffd"]),
        (b"", []),
    ],
)
def test_events_as_the_standard_has_them(body: bytes, data: list[str]) -> None:
    assert [one.data for one in read_events(Reply(200, {}, body, 1.0))] == data


def test_an_event_came_when_its_last_byte_did() -> None:
    body = b"data: a\n\ndata: b\n\n"
    reply = Reply(200, {}, body, 9.0, arrivals=((4, 1.0), (12, 2.0), (len(body), 3.0)))
    assert [one.seconds for one in read_events(reply)] == [2.0, 3.0]
