# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Is every reply told apart from the others?"""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.llmd.tpu.plugins.module_utils.smoke.exchange import (
    Failure,
    FailureKind,
    Outcome,
    Reply,
    bad_header,
    completion,
    quote,
)
from ansible_collections.llmd.tpu.plugins.module_utils.smoke.judge import (
    judge_completion,
    judge_models,
)
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.plugins.module_utils.smoke.misbehaving import MODEL, answer, models

URL = "http://203.0.113.10/ns/name"


def _reply(status: int, body: Any = b"", **headers: str) -> Reply:
    data = json.dumps(body).encode() if isinstance(body, dict | list) else body
    return Reply(status, headers, data, seconds=0.5)


def _codes(outcome: Outcome) -> list[tuple[str, str]]:
    return [(one.severity, one.code) for one in judge_completion(outcome, URL, MODEL).findings]


# Texts as Envoy 1.36, the endpoint picker 1.2 and 1.5 and vLLM 0.12 send them.
NO_MODEL = {"error": {"message": "The model `x` does not exist.", "type": "NotFoundError"}}
PICKER = (
    b"inference gateway: ServiceUnavailable - failed to find candidate pods for serving the request"
)
SDS = (
    b"upstream connect error or disconnect/reset before headers. reset reason: connection failure, "
    b"transport failure reason: TLS_error:|TLS error: Secret is not supplied by SDS:TLS_error_end"
)
REFUSALS = [
    (_reply(302, location="http://elsewhere/"), "SMOKE-REDIRECT", False),
    (_reply(400, {"error": {"message": "max_tokens is too large"}}), "SMOKE-BAD-REQUEST", False),
    (_reply(400, {"error": {"message": "prompt: Field required"}}), "SMOKE-BODY-LOST", False),
    (_reply(401, {"error": "Unauthorized"}), "SMOKE-UNAUTHORIZED", False),
    (_reply(403, b"RBAC: access denied"), "SMOKE-FORBIDDEN", False),
    (_reply(404, server="istio-envoy"), "SMOKE-ROUTE-NOT-FOUND", True),
    (_reply(404, NO_MODEL), "SMOKE-MODEL-NOT-FOUND", False),
    (_reply(404, {"detail": "Not Found"}), "SMOKE-NOT-FOUND", False),
    (_reply(404, b"<html>nginx</html>"), "SMOKE-NOT-FOUND", False),
    (_reply(426, b"Upgrade Required"), "SMOKE-HTTP-VERSION", False),
    (
        _reply(429, b"inference gateway: InferencePoolResourceExhausted - system saturated"),
        "SMOKE-SHED",
        True,
    ),
    (_reply(503, PICKER), "SMOKE-NO-ENDPOINT", True),
    (_reply(503, SDS), "SMOKE-GATEWAY-CA", True),
    (_reply(503, b"no healthy upstream"), "SMOKE-NO-UPSTREAM", True),
    (_reply(503, b"upstream connect error or disconnect/reset"), "SMOKE-UPSTREAM", True),
    (_reply(503, b""), "SMOKE-UNAVAILABLE", True),
    (_reply(504, b"upstream request timeout"), "SMOKE-UNAVAILABLE", True),
    (_reply(500, server="istio-envoy"), "SMOKE-SCHEDULER-FAILED", True),
    (_reply(500, {"error": {"message": "EngineDeadError"}}), "SMOKE-SERVER-ERROR", False),
    (_reply(418, b"teapot"), "SMOKE-STATUS", False),
    (_reply(200, b"<html>It works!</html>"), "SMOKE-NOT-JSON", False),
    (_reply(200, b""), "SMOKE-NOT-JSON", False),
    (_reply(200, b"[" * 100_000), "SMOKE-NOT-JSON", False),
    (_reply(200, b"\xff\xfe\x00"), "SMOKE-NOT-JSON", False),
    (_reply(200, [1]), "SMOKE-NOT-JSON", False),
    (_reply(200, {"status": "ok"}), "SMOKE-SHAPE", False),
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
    judgement = judge_completion(outcome, URL, MODEL)
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
    ("tls", "SMOKE-TLS", False),
    ("timeout", "SMOKE-TIMEOUT", True),
    ("lost", "SMOKE-CONNECTION-LOST", True),
    ("not-http", "SMOKE-NOT-HTTP", False),
]


@pytest.mark.parametrize(("kind", "code", "heals"), FAILURES)
def test_each_failure_has_its_code(kind: FailureKind, code: str, heals: bool) -> None:
    judgement = judge_completion(Failure(kind, "why", 0.1, "127.0.0.1:1"), URL, MODEL)
    assert [one.code for one in judgement.findings] == [code]
    assert "127.0.0.1:1" in judgement.findings[0].found
    assert judgement.may_heal == heals


def test_a_good_answer() -> None:
    judgement = judge_completion(_reply(200, answer()), URL, MODEL)
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
    good = judge_models(_reply(200, models(MODEL, "other")), URL, MODEL)
    assert (good.ok, good.models) == (True, (MODEL, "other"))
    missing = judge_models(_reply(200, models("/mnt/models")), URL, MODEL)
    assert [one.code for one in missing.findings] == ["SMOKE-MODEL-NOT-LISTED"]
    empty = judge_models(_reply(200, models()), URL, MODEL)
    assert [one.code for one in empty.findings] == ["SMOKE-SHAPE"]
    broken = judge_models(_reply(503, SDS), URL, MODEL)
    assert [one.code for one in broken.findings] == ["SMOKE-GATEWAY-CA"]


@given(st.integers(100, 599), st.binary(max_size=300))
def test_any_reply_is_judged(status: int, body: bytes) -> None:
    judgement = judge_completion(_reply(status, body), URL, MODEL)
    assert judgement.findings
    for finding in judgement.findings:
        assert finding.found.isprintable()


@given(st.binary(max_size=2000))
def test_quotes_are_bounded_and_printable(data: bytes) -> None:
    shown = quote(data)
    assert shown.isprintable()
    assert len(shown) < 200 * 11


def test_secrets_stay_out_of_the_representation() -> None:
    request = completion(URL, MODEL, "Hi", 1, {"Authorization": "Bearer hunter2"})
    assert "hunter2" not in repr(request)


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
