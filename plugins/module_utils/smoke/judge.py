# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Is the answer right? Pure.

Source: vLLM 0.12 (``vllm/entrypoints/openai/protocol.py``), the same up to 0.32.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ansible_collections.llmd.tpu.plugins.module_utils.findings import Finding, Severity, has_errors
from ansible_collections.llmd.tpu.plugins.module_utils.smoke.exchange import (
    Failure,
    Outcome,
    Reply,
    parse_json,
    quote,
)
from ansible_collections.llmd.tpu.plugins.module_utils.smoke.questions import (
    CHATS,
    STREAMS,
    Question,
    Wish,
)
from ansible_collections.llmd.tpu.plugins.module_utils.smoke.refusals import TRANSIENT, refusal
from ansible_collections.llmd.tpu.plugins.module_utils.smoke.schema import mismatch
from ansible_collections.llmd.tpu.plugins.module_utils.smoke.streams import Timing, read_stream


@dataclass(frozen=True)
class Judgement:
    """What a reply holds and what is wrong with it."""

    findings: tuple[Finding, ...] = ()
    model: str = ""
    text: str = ""
    finish_reason: str = ""
    usage: Mapping[str, int] = field(default_factory=dict)
    models: tuple[str, ...] = ()
    timing: Timing | None = None
    identifier: str = ""

    @property
    def ok(self) -> bool:
        """Tell whether nothing is wrong enough to fail."""
        return not has_errors(self.findings)

    @property
    def answered(self) -> bool:
        """Tell whether there is an answer at all, be it wrong."""
        return bool(self.text or self.models)

    @property
    def may_heal(self) -> bool:
        """Tell whether asking again can help."""
        return not self.ok and all(
            one.code in TRANSIENT for one in self.findings if one.severity == "error"
        )


def judge(question: Question, outcome: Outcome, url: str, wish: Wish) -> Judgement:
    """Judge the outcome of a question that was sent to ``url``."""
    refused = refusal(outcome, url)
    if refused or isinstance(outcome, Failure):
        return Judgement((refused,) if refused else ())
    if outcome.truncated:
        return Judgement((_too_large(outcome, url),))
    if question == "models":
        return _judge_models(outcome, url, wish.model)
    if question in STREAMS:
        answer, timing, broken = read_stream(outcome, question in CHATS, url)
        if answer is None:
            return Judgement(tuple(broken), timing=timing)
    else:
        answer, timing, broken = parse_json(outcome.body), None, []
        if not isinstance(answer, dict):
            return Judgement((_not_json(outcome, url),))
    judgement = _judge_answer(question, answer, outcome, url, wish)
    return replace(judgement, findings=(*broken, *judgement.findings), timing=timing)


def _judge_models(reply: Reply, url: str, model: str) -> Judgement:
    """Judge the answer of /v1/models; ``model`` must be in it, unless it is empty."""
    answer = parse_json(reply.body)
    if not isinstance(answer, dict):
        return Judgement((_not_json(reply, url),))
    data = answer.get("data")
    names = [
        one["id"]
        for one in (data if isinstance(data, list) else [])
        if isinstance(one, dict) and isinstance(one.get("id"), str)
    ]
    if not names:
        return Judgement((_shape(reply, url, "data with at least one model and its id"),))
    findings = []
    if model and model not in names:
        findings.append(
            _finding(
                "SMOKE-MODEL-NOT-LISTED",
                "the server does not list the model that was asked for",
                url,
                found=quote(", ".join(names)),
                expected=model,
                fix="ask for a listed name, or correct spec.model.name",
            )
        )
    return Judgement(tuple(findings), models=tuple(names))


def _judge_answer(
    question: Question, answer: Mapping[str, Any], reply: Reply, url: str, wish: Wish
) -> Judgement:
    """Judge a completion or chat, whole or put together from a stream."""
    if "error" in answer and "choices" not in answer:
        return Judgement((_error_body(reply, url),))
    choices = answer.get("choices")
    first = choices[0] if isinstance(choices, list) and choices else None
    text = _text(question, first) if isinstance(first, dict) else None
    if not isinstance(first, dict) or not isinstance(text, str):
        place = "message.content" if question in CHATS else "text"
        return Judgement((_shape(reply, url, f"choices[0].{place} with the generated text"),))
    usage = answer.get("usage")
    numbers = {
        str(key): value
        for key, value in (usage.items() if isinstance(usage, dict) else ())
        if isinstance(value, int) and not isinstance(value, bool)
    }
    served = answer.get("model")
    reason = first.get("finish_reason")
    findings = [
        *_judge_text(text, url),
        *_judge_model(served, wish.model, url),
        *_judge_reason(reason, url),
        *_judge_usage(numbers, wish.max_tokens, url),
        *(_judge_content(question, text, url, wish) if text.strip() else ()),
    ]
    return Judgement(
        findings=tuple(findings),
        model=served if isinstance(served, str) else "",
        text=text,
        finish_reason=reason if isinstance(reason, str) else "",
        usage=numbers,
        identifier=str(answer.get("id", "")),
    )


def _text(question: Question, choice: Mapping[str, Any]) -> object:
    if question not in CHATS:
        return choice.get("text")
    message = choice.get("message")
    if not isinstance(message, dict):
        return None
    content = message.get("content")
    # A model that thinks first may use up max_tokens before its answer begins.
    thought = message.get("reasoning_content") or message.get("reasoning")
    return content or thought if isinstance(thought, str) else content


def _judge_text(text: str, url: str) -> Iterator[Finding]:
    if not text.strip():
        yield _finding(
            "SMOKE-TEXT-EMPTY",
            "the model answered without any text",
            url,
            found=quote(repr(text)),
            expected="generated text",
            fix="try another prompt or more max_tokens; then look at the log of the model's pod",
        )


def _judge_model(served: object, model: str, url: str) -> Iterator[Finding]:
    if served != model:
        yield _finding(
            "SMOKE-MODEL-NAME",
            "another model answered than was asked for",
            url,
            found=quote(str(served)),
            expected=model,
            fix="look for another route or model server behind this URL",
        )


def _judge_reason(reason: object, url: str) -> Iterator[Finding]:
    if reason not in ("stop", "length"):
        yield _finding(
            "SMOKE-FINISH-REASON",
            "the generation did not end as it should",
            url,
            severity="error" if reason in ("abort", "error") else "warning",
            found=quote(str(reason)),
            expected="stop or length",
            fix="look at the log of the model's pod",
        )


def _judge_usage(usage: Mapping[str, int], max_tokens: int, url: str) -> Iterator[Finding]:
    prompt, completed = usage.get("prompt_tokens"), usage.get("completion_tokens")
    adds_up = prompt and completed and usage.get("total_tokens") == prompt + completed
    if not adds_up or (completed or 0) > max_tokens:
        yield _finding(
            "SMOKE-USAGE",
            "the token counts are missing or do not add up",
            url,
            severity="warning",
            found=quote(str(dict(usage))),
            expected="total_tokens = prompt_tokens + completion_tokens, and no more "
            f"completion_tokens than the {max_tokens} asked for",
            fix="look at the version of the model server",
        )


def _judge_content(question: Question, text: str, url: str, wish: Wish) -> Iterator[Finding]:
    """Judge what the user expects of the text."""
    if wish.pattern and not re.search(wish.pattern, text):
        yield _finding(
            "SMOKE-ANSWER-PATTERN",
            "the answer does not hold what it should",
            url,
            found=quote(text),
            expected=f"a match of the regular expression {quote(wish.pattern)}",
            fix="read the answer; more max_tokens or another prompt may help, a wrong model not",
        )
    if wish.schema is not None and question in CHATS:
        problem = mismatch(text, wish.schema)
        if problem:
            yield _finding(
                "SMOKE-ANSWER-SCHEMA",
                "the answer does not fit the JSON schema",
                url,
                found=f"{problem}: {quote(text)}",
                expected="JSON text that fits answer_schema",
                fix="give more max_tokens when the text is cut off; look whether this vLLM has "
                "structured outputs on TPU (response_format)",
            )


def _not_json(reply: Reply, url: str) -> Finding:
    kind = quote(reply.headers.get("content-type", "no content type"), 80)
    coding = reply.headers.get("content-encoding", "")
    shown = f"{kind}, {quote(coding, 40)}" if coding else kind
    return _finding(
        "SMOKE-NOT-JSON",
        "the reply is no JSON object",
        url,
        found=f"{shown}: {reply.quoted() or 'empty body'}",
        expected="a JSON object, as the OpenAI API has it",
        fix="look what answers at this address, and what changes replies on their way: this is "
        "no answer of a model server",
    )


def _error_body(reply: Reply, url: str) -> Finding:
    return _finding(
        "SMOKE-ERROR-BODY",
        "the reply says success and holds an error",
        url,
        found=f"HTTP 200, {reply.quoted()}",
        expected="choices with the generated text",
        fix="read the error; look at the log of the model's pod",
    )


def _shape(reply: Reply, url: str, expected: str) -> Finding:
    return _finding(
        "SMOKE-SHAPE",
        "the reply is JSON but not the answer of a model server",
        url,
        found=reply.quoted(),
        expected=expected,
        fix="look what answers at this address",
    )


def _too_large(reply: Reply, url: str) -> Finding:
    return _finding(
        "SMOKE-BODY-TOO-LARGE",
        "the reply is far larger than an answer to this question",
        url,
        found=f"more than {len(reply.body)} bytes: {reply.quoted()}",
        expected="some hundred bytes",
        fix="look what answers at this address",
    )


def _finding(
    code: str,
    message: str,
    url: str,
    *,
    found: str,
    expected: str,
    fix: str,
    severity: Severity = "error",
) -> Finding:
    return Finding(
        code=code,
        severity=severity,
        message=message,
        found=found,
        expected=expected,
        fix=fix,
        subject=url,
    )
