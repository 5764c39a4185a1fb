# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Is every reply told apart from the others?"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.llmd.tpu.plugins.module_utils.smoke.exchange import (
    Failure,
    FailureKind,
    Outcome,
    Reply,
    bad_header,
    quote,
    secrets_of,
)
from ansible_collections.llmd.tpu.plugins.module_utils.smoke.judge import Judgement, judge
from ansible_collections.llmd.tpu.plugins.module_utils.smoke.questions import (
    QUESTIONS,
    Question,
    Wish,
    request_of,
)
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.plugins.module_utils.smoke.misbehaving import MODEL, answer, chat, models

URL = "http://203.0.113.10/ns/name"
WISH = Wish(MODEL, "Hi", 16)


def _reply(status: int, body: Any = b"", **headers: str) -> Reply:
    data = json.dumps(body).encode() if isinstance(body, dict | list) else body
    return Reply(status, headers, data, seconds=0.5)


def _codes(outcome: Outcome) -> list[tuple[str, str]]:
    return [(one.severity, one.code) for one in _judge(outcome).findings]


def _judge(outcome: Outcome, question: Question = "completion", **wish: Any) -> Judgement:
    return judge(question, outcome, URL, replace(WISH, **wish))


# Texts as Envoy 1.36, the endpoint picker 1.2 and 1.5 and vLLM 0.12 send them.
NO_MODEL = {"error": {"message": "The model `x` does not exist.", "type": "NotFoundError"}}
PICKER = (
    b"inference gateway: ServiceUnavailable - failed to find candidate pods for serving the request"
)
LOST_MESSAGES = {"error": {"message": "[{'loc': ('body', 'messages'), 'msg': 'Field required'}]"}}
SDS = (
    b"upstream connect error or disconnect/reset before headers. reset reason: connection failure, "
    b"transport failure reason: TLS_error:|TLS error: Secret is not supplied by SDS:TLS_error_end"
)
REFUSALS = [
    (_reply(302, location="http://elsewhere/"), "SMOKE-REDIRECT", False),
    (_reply(400, {"error": {"message": "max_tokens is too large"}}), "SMOKE-BAD-REQUEST", False),
    (_reply(400, {"error": {"message": "prompt: Field required"}}), "SMOKE-BODY-LOST", False),
    (_reply(400, LOST_MESSAGES), "SMOKE-BODY-LOST", False),
    (_reply(401, {"error": "Unauthorized"}), "SMOKE-UNAUTHORIZED", False),
    (_reply(403, b"RBAC: access denied"), "SMOKE-FORBIDDEN", False),
    (_reply(404, server="istio-envoy"), "SMOKE-ROUTE-NOT-FOUND", True),
    (_reply(404, server="some proxy"), "SMOKE-NOT-FOUND", False),
    (_reply(404, NO_MODEL), "SMOKE-MODEL-NOT-FOUND", False),
    (_reply(404, {"detail": "Not Found"}), "SMOKE-NOT-FOUND", False),
    (_reply(404, b"<html>nginx</html>"), "SMOKE-NOT-FOUND", False),
    (_reply(426, b"Upgrade Required"), "SMOKE-HTTP-VERSION", False),
    (
        _reply(429, b"inference gateway: InferencePoolResourceExhausted - system saturated"),
        "SMOKE-SHED",
        True,
    ),
    (_reply(429, b"local_rate_limited"), "SMOKE-RATE-LIMIT", True),
    (_reply(503, PICKER), "SMOKE-NO-ENDPOINT", True),
    (_reply(503, SDS), "SMOKE-GATEWAY-CA", True),
    (_reply(503, b"no healthy upstream"), "SMOKE-NO-UPSTREAM", True),
    (_reply(503, b"upstream connect error or disconnect/reset"), "SMOKE-UPSTREAM", True),
    (_reply(503, b""), "SMOKE-UNAVAILABLE", True),
    (_reply(504, b"upstream request timeout"), "SMOKE-GATEWAY-TIMEOUT", True),
    (_reply(503, {"error": {"message": "engine is dead"}}), "SMOKE-SERVER-UNAVAILABLE", True),
    (_reply(500, server="istio-envoy"), "SMOKE-SCHEDULER-FAILED", True),
    (_reply(500, {"error": {"message": "EngineDeadError"}}), "SMOKE-SERVER-ERROR", False),
    (_reply(418, b"teapot"), "SMOKE-STATUS", False),
    (_reply(200, b"<html>It works!</html>"), "SMOKE-NOT-JSON", False),
    (_reply(200, b""), "SMOKE-NOT-JSON", False),
    (_reply(200, b"[" * 100_000), "SMOKE-NOT-JSON", False),
    (_reply(200, b"\xff\xfe\x00"), "SMOKE-NOT-JSON", False),
    (_reply(200, [1]), "SMOKE-NOT-JSON", False),
    (_reply(200, {"status": "ok"}), "SMOKE-SHAPE", False),
    (_reply(200, {"error": {"message": "out of memory"}}), "SMOKE-ERROR-BODY", False),
    (_reply(200, {"choices": []}), "SMOKE-SHAPE", False),
    (_reply(200, {"choices": [{"text": 1}]}), "SMOKE-SHAPE", False),
    (Reply(200, {}, b"x" * 100, 1.0, truncated=True), "SMOKE-BODY-TOO-LARGE", False),
    (_reply(200, answer(text="  \n")), "SMOKE-TEXT-EMPTY", False),
    (_reply(200, answer(model="/mnt/models")), "SMOKE-MODEL-NAME", False),
    (_reply(200, answer(model=None)), "SMOKE-MODEL-NAME", False),
    (_reply(200, answer(finish_reason="abort")), "SMOKE-FINISH-REASON", False),
]


@pytest.mark.parametrize(("outcome", "code", "heals"), REFUSALS)
def test_each_reply_has_its_code(outcome: Reply, code: str, heals: bool) -> None:
    judgement = _judge(outcome)
    assert [(one.severity, one.code) for one in judgement.findings] == [("error", code)]
    assert judgement.may_heal == heals
    finding = judgement.findings[0]
    assert finding.subject == URL
    assert finding.expected
    assert finding.fix
    assert len(finding.found) < 500


FAILURES: list[tuple[FailureKind, str, bool]] = [
    ("dns", "SMOKE-DNS", True),
    ("refused", "SMOKE-CONNECT", True),
    ("unreachable", "SMOKE-UNREACHABLE", True),
    ("certificate-authority", "SMOKE-TLS-AUTHORITY", False),
    ("certificate-name", "SMOKE-TLS-NAME", False),
    ("certificate-time", "SMOKE-TLS-TIME", False),
    ("not-tls", "SMOKE-NOT-TLS", False),
    ("tls", "SMOKE-TLS", False),
    ("timeout", "SMOKE-TIMEOUT", True),
    ("stalled", "SMOKE-STALLED", True),
    ("lost", "SMOKE-CONNECTION-LOST", True),
    ("broken-off", "SMOKE-BROKEN-OFF", True),
    ("not-http", "SMOKE-NOT-HTTP", False),
]


@pytest.mark.parametrize(("kind", "code", "heals"), FAILURES)
def test_each_failure_has_its_code(kind: FailureKind, code: str, heals: bool) -> None:
    judgement = _judge(Failure(kind, "why", 0.1, "127.0.0.1:1"))
    assert [one.code for one in judgement.findings] == [code]
    assert "127.0.0.1:1" in judgement.findings[0].found
    assert judgement.may_heal == heals


def test_a_good_answer() -> None:
    judgement = _judge(_reply(200, answer()))
    assert judgement.findings == ()
    assert judgement.ok
    assert not judgement.may_heal
    assert (judgement.model, judgement.text, judgement.finish_reason) == (
        MODEL,
        " Paris.",
        "length",
    )
    assert judgement.usage["total_tokens"] == 21


@pytest.mark.parametrize(
    "usage",
    [
        None,
        {},
        {"prompt_tokens": 5, "completion_tokens": 16, "total_tokens": 20},
        {"prompt_tokens": 5, "completion_tokens": 0, "total_tokens": 5},
    ],
)
def test_token_counts_that_do_not_add_up_are_a_warning(usage: object) -> None:
    assert _codes(_reply(200, answer(usage=usage))) == [("warning", "SMOKE-USAGE")]


def test_an_unknown_end_is_a_warning() -> None:
    assert _codes(_reply(200, answer(finish_reason=None))) == [("warning", "SMOKE-FINISH-REASON")]


def test_the_list_of_models() -> None:
    good = _judge(_reply(200, models(MODEL, "other")), "models")
    assert (good.ok, good.models) == (True, (MODEL, "other"))
    missing = _judge(_reply(200, models("/mnt/models")), "models")
    assert [one.code for one in missing.findings] == ["SMOKE-MODEL-NOT-LISTED"]
    empty = _judge(_reply(200, models()), "models")
    assert [one.code for one in empty.findings] == ["SMOKE-SHAPE"]
    broken = _judge(_reply(503, SDS), "models")
    assert [one.code for one in broken.findings] == ["SMOKE-GATEWAY-CA"]


def test_a_model_without_a_chat_template_only_warns() -> None:
    words = "As of transformers v4.44, default chat template is no longer allowed"
    judgement = _judge(_reply(400, {"error": {"message": words}}), "chat")
    assert [(one.severity, one.code) for one in judgement.findings] == [
        ("warning", "SMOKE-NO-CHAT-TEMPLATE")
    ]


def test_a_good_chat() -> None:
    judgement = _judge(_reply(200, chat()), "chat")
    assert (judgement.findings, judgement.text) == ((), " Paris.")
    thinking = chat()
    thinking["choices"][0]["message"] = {"content": None, "reasoning_content": "Hm."}
    assert _judge(_reply(200, thinking), "chat").text == "Hm."
    wrong = [one.code for one in _judge(_reply(200, answer()), "chat").findings]
    assert wrong == ["SMOKE-SHAPE"]


SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
}


@pytest.mark.parametrize(
    ("text", "wish", "codes"),
    [
        (" Paris.", {"pattern": "(?i)paris"}, []),
        (" London.", {"pattern": "(?i)paris"}, ["SMOKE-ANSWER-PATTERN"]),
        ('{"city": "Paris"}', {"schema": SCHEMA}, []),
        ('{"city": 1}', {"schema": SCHEMA}, ["SMOKE-ANSWER-SCHEMA"]),
        ('{"city": "Par', {"schema": SCHEMA}, ["SMOKE-ANSWER-SCHEMA"]),
        ("null", {"schema": {"type": "null"}}, []),
        ("{}", {"schema": {"$ref": "#/nowhere"}}, ["SMOKE-ANSWER-SCHEMA"]),
    ],
)
def test_what_the_user_expects_of_an_answer(
    text: str, wish: dict[str, Any], codes: list[str]
) -> None:
    judgement = _judge(_reply(200, chat(text=text)), "chat", **wish)
    assert [one.code for one in judgement.findings] == codes


def test_more_tokens_than_asked_for_are_a_warning() -> None:
    judgement = _judge(_reply(200, answer()), max_tokens=8)
    assert [(one.severity, one.code) for one in judgement.findings] == [("warning", "SMOKE-USAGE")]


@given(st.integers(100, 599), st.binary(max_size=300), st.sampled_from(QUESTIONS))
def test_any_reply_is_judged(status: int, body: bytes, question: Question) -> None:
    outcome = Reply(status, {"content-type": "text/event-stream"}, body, 0.5)
    judgement = _judge(outcome, question)
    assert judgement.findings
    for finding in judgement.findings:
        assert finding.found.isprintable()


@given(st.binary(max_size=2000))
def test_quotes_are_bounded_and_printable(data: bytes) -> None:
    shown = quote(data)
    assert shown.isprintable()
    assert len(shown) < 200 * 11


@pytest.mark.parametrize("question", QUESTIONS)
def test_a_request_shows_no_secret_and_sends_no_seed(question: Question) -> None:
    wish = replace(WISH, headers={"Authorization": "Bearer hunter2"}, schema=SCHEMA)
    request = request_of(question, URL, wish)
    assert "hunter2" not in repr((request, wish))
    assert b"seed" not in (request.body or b"")
    assert request.url.startswith(f"{URL}/v1/")


def test_a_quote_hides_what_was_sent_as_a_header() -> None:
    headers = {"Authorization": "Bearer hunter2-hunter2", "X-Short": "a"}
    hidden = secrets_of(headers)
    echoed = b"You sent Bearer hunter2-hunter2, and a cookie hunter2-hunter2"
    assert quote(echoed, 30, hidden) == "You sent ********, and a cooki…"
    for limit in range(60):
        assert "hunter" not in quote(echoed, limit, hidden)


@pytest.mark.parametrize(
    ("name", "value", "bad"),
    [
        ("Authorization", "Bearer x", None),
        ("Authorization", "Bearer hunter2\n", "Authorization"),
        ("X-A", "x\r\nX-B: y", "X-A"),
        ("X A", "v", "X A"),
        ("X-A", "Ω", "X-A"),
    ],
)
def test_headers_that_cannot_be_sent(name: str, value: str, bad: str | None) -> None:
    assert bad_header({name: value}) == bad
