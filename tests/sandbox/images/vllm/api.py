# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""OpenAI requests and replies in vLLM's form: plain data in, plain data out.

Shapes: vllm/entrypoints/openai/protocol.py. Refusals: serving_engine.py (model, lengths),
vllm/sampling_params.py (ranges), tpu_inference/platforms/tpu_*.py (seed), and the two exception
handlers of api_server.py (validation, unknown paths).
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from .engine import Engine, Request, plan, tokens_of

Reply = dict[str, Any]


class RefusalError(Exception):
    """An error reply: HTTP status and body."""

    def __init__(self, status: HTTPStatus, message: str, kind: str | None = None) -> None:
        """`kind` is the error's type; the status phrase by default."""
        super().__init__(message)
        self.status = status
        self.body = {
            "error": {
                "message": message,
                "type": kind or status.phrase,
                "param": None,
                "code": status.value,
            }
        }


def bad_request(message: str) -> RefusalError:
    """Refuse what the engine refuses (create_error_response)."""
    return RefusalError(HTTPStatus.BAD_REQUEST, message, "BadRequestError")


def invalid(kind: str, location: tuple[object, ...], message: str, given: object) -> RefusalError:
    """Refuse a body that fails validation: pydantic's list of errors as text."""
    error = {"type": kind, "loc": location, "msg": message, "input": given}
    return RefusalError(HTTPStatus.BAD_REQUEST, str([error]))


@dataclass(frozen=True)
class Call:
    """A checked completion request."""

    model: str
    chat: bool
    requests: tuple[Request, ...]
    """One a choice: `n` for each prompt."""

    stream: bool
    include_usage: bool
    continuous_usage: bool
    echo: bool
    identifier: str
    """The client's X-Request-Id, else one of our own (serving_engine.py, _base_request_id)."""

    @property
    def prompt_tokens(self) -> int:
        """Tokens of the prompts; one prompt counts once, however many choices it gets."""
        return sum(len(request.prompt) for request in self.requests[:: self.requests[0].n])


def parse_call(
    body: bytes,
    chat: bool,
    models: Sequence[str],
    max_model_len: int,
    identifier: str | None = None,
) -> Call:
    """Return the request in a body; raises RefusalError."""
    data = _json_object(body)
    _check_types(data)
    field = "messages" if chat else "prompt"
    if data.get(field) is None:
        raise invalid("missing", ("body", field), "Field required", data)
    stream = bool(data.get("stream"))
    stream_options = data.get("stream_options") or {}
    if stream_options and not stream:
        message = "Value error, Stream options can only be defined when `stream=True`."
        raise invalid("value_error", ("body",), message, data)
    model = data.get("model") or models[0]
    if model not in models:
        raise RefusalError(
            HTTPStatus.NOT_FOUND, f"The model `{model}` does not exist.", "NotFoundError"
        )
    prompts = [_chat_prompt(data["messages"])] if chat else _prompts(data["prompt"])
    limit = data.get("max_completion_tokens") if chat else None
    limit = data.get("max_tokens", None if chat else 16) if limit is None else limit
    _check_numbers(data, limit)
    return Call(
        model=model,
        chat=chat,
        requests=tuple(
            _request(prompt, data, limit, max_model_len)
            for prompt in prompts
            for _ in range(data.get("n") or 1)
        ),
        stream=stream,
        include_usage=bool(stream_options.get("include_usage")),
        continuous_usage=bool(stream_options.get("continuous_usage_stats")),
        echo=bool(data.get("echo")) and not chat,
        identifier=identifier or uuid.uuid4().hex,
    )


def _json_object(body: bytes) -> dict[str, Any]:
    try:
        data = json.loads(body)
    except ValueError as error:
        position = getattr(error, "pos", 0)
        raise invalid("json_invalid", ("body", position), "JSON decode error", {}) from error
    if not isinstance(data, dict):
        message = "Input should be a valid dictionary or instance"
        raise invalid("model_attributes_type", ("body",), message, data)
    return data


def _check_types(data: dict[str, Any]) -> None:
    """Turn numbers that came as text into numbers, as pydantic does; refuse what is none."""
    for kind, names in _NUMBERS.items():
        for name in names:
            if data.get(name) is None:
                continue
            try:
                data[name] = kind(data[name])
            except (TypeError, ValueError) as error:
                word = "integer" if kind is int else "number"
                code, message = f"{kind.__name__}_parsing", f"Input should be a valid {word}"
                raise invalid(code, ("body", name), message, data[name]) from error


_NUMBERS: dict[type[int] | type[float], tuple[str, ...]] = {
    int: ("max_tokens", "max_completion_tokens", "min_tokens", "n", "seed"),
    float: ("temperature", "top_p"),
}


def _schema(response_format: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The schema of a structured output (protocol.py, ResponseFormat)."""
    asked: Mapping[str, Any] | None = (response_format.get("json_schema") or {}).get("schema")
    return asked


def _stops(stop: object) -> tuple[str, ...]:
    return (stop,) if isinstance(stop, str) else tuple(stop or ())  # type: ignore[arg-type]


def _prompts(prompt: object) -> list[list[str]]:
    """Prompts as tokens; token identifiers count one token each."""
    if isinstance(prompt, str):
        return [tokens_of(prompt)]
    if isinstance(prompt, list) and prompt:
        if all(isinstance(part, int) for part in prompt):
            return [[f" {part}" for part in prompt]]
        return [tokens for part in prompt for tokens in _prompts(part)]
    raise invalid("string_type", ("body", "prompt"), "Input should be a valid string", prompt)


def _chat_prompt(messages: object) -> list[str]:
    """Tokens of the conversation behind a ChatML template, as Qwen's."""
    if not isinstance(messages, list) or not messages:
        raise invalid("list_type", ("body", "messages"), "Input should be a valid list", messages)
    tokens: list[str] = []
    for index, message in enumerate(messages):
        if not isinstance(message, dict) or "role" not in message:
            location = ("body", "messages", index, "role")
            raise invalid("missing", location, "Field required", message)
        content = message.get("content") or ""
        if isinstance(content, list):
            texts = (part.get("text", "") for part in content if isinstance(part, dict))
            content = " ".join(map(str, texts))
        tokens += ["<|im_start|>", message["role"], *tokens_of(f" {content}"), "<|im_end|>"]
    return [*tokens, "<|im_start|>", "assistant"]


def _check_numbers(data: Mapping[str, Any], limit: int | None) -> None:
    temperature = 1.0 if data.get("temperature") is None else data["temperature"]
    top_p = 1.0 if data.get("top_p") is None else data["top_p"]
    if temperature < 0.0:
        raise bad_request(f"temperature must be non-negative, got {temperature}.")
    if not 0.0 < top_p <= 1.0:
        raise bad_request(f"top_p must be in (0, 1], got {top_p}.")
    if limit is not None and limit < 1:
        raise bad_request(f"max_tokens must be at least 1, got {limit}.")
    # Greedy sampling ignores the seed, therefore only a warmer request is refused.
    if data.get("seed") is not None and temperature > 1e-5:
        raise bad_request("JAX does not support per-request seed.")


def _request(
    prompt: list[str], data: Mapping[str, Any], limit: int | None, max_model_len: int
) -> Request:
    size = len(prompt)
    if size >= max_model_len:
        raise bad_request(
            f"This model's maximum context length is {max_model_len} tokens. However, your "
            f"request has {size} input tokens. Please reduce the length of the input messages."
        )
    if limit is not None and size + limit > max_model_len:
        raise bad_request(
            f"'max_tokens' or 'max_completion_tokens' is too large: {limit}. This model's maximum "
            f"context length is {max_model_len} tokens and your request has {size} input tokens "
            f"({limit} > {max_model_len} - {size})."
        )
    return Request(
        prompt=prompt,
        max_tokens=max_model_len - size if limit is None else limit,
        endless=bool(data.get("ignore_eos")),
        min_tokens=data.get("min_tokens") or 0,
        n=data.get("n") or 1,
        stop=_stops(data.get("stop")),
        schema=_schema(data.get("response_format") or {}),
    )


@dataclass(frozen=True)
class Piece:
    """A part of one choice's text; the last one carries the reason why it ended."""

    text: str
    tokens: int = 1
    finish_reason: str | None = None
    stop_reason: str | None = None


def _pieces(engine: Engine, call: Call, request: Request, paced: bool) -> Iterator[Piece]:
    """Yield a choice token by token.

    The reason comes with the last token, or after it when the reply ended by itself.
    """
    reply = plan(request, engine.release.version)
    last = len(reply.texts) if reply.finish_reason == "length" or reply.stop_reason else 0
    if call.echo:
        yield Piece("".join(request.prompt), 0)
    for number, text in enumerate(engine.generate(request, reply, paced), 1):
        if number == last:
            yield Piece(text, 1, reply.finish_reason, reply.stop_reason)
        else:
            yield Piece(text)
    if not last:
        yield Piece("", 0, reply.finish_reason)


def _usage(prompt: int, completion: int, details: bool = True) -> Reply:
    usage: Reply = {
        "prompt_tokens": prompt,
        "total_tokens": prompt + completion,
        "completion_tokens": completion,
    }
    return {**usage, "prompt_tokens_details": None} if details else usage


def _head(call: Call, chunk: bool) -> Reply:
    name = "chat.completion" + (".chunk" if chunk else "") if call.chat else "text_completion"
    return {
        "id": f"{'chatcmpl' if call.chat else 'cmpl'}-{call.identifier}",
        "object": name,
        "created": int(time.time()),
        "model": call.model,
    }


def complete(engine: Engine, call: Call) -> Reply:
    """Return the whole reply."""
    choices, produced = [], 0
    for index, request in enumerate(call.requests):
        pieces = list(_pieces(engine, call, request, paced=False))
        produced += sum(piece.tokens for piece in pieces)
        choices.append(_choice(call, index, pieces))
    return {
        **_head(call, chunk=False),
        "choices": choices,
        "service_tier": None,
        "system_fingerprint": None,
        "usage": _usage(call.prompt_tokens, produced),
        **({"prompt_logprobs": None} if call.chat else {}),
        "kv_transfer_params": None,
    }


def _choice(call: Call, index: int, pieces: Sequence[Piece]) -> Reply:
    text = "".join(piece.text for piece in pieces)
    end = {
        "logprobs": None,
        "finish_reason": pieces[-1].finish_reason,
        "stop_reason": pieces[-1].stop_reason,
        "token_ids": None,
    }
    if not call.chat:
        return {"index": index, "text": text, **end, "prompt_logprobs": None}
    message: Reply = {
        "role": "assistant",
        "content": text,
        "refusal": None,
        "annotations": None,
        "audio": None,
        "function_call": None,
        "tool_calls": [],
        "reasoning_content": None,
    }
    return {"index": index, "message": message, **end}


def stream(engine: Engine, call: Call) -> Iterator[bytes]:
    """Server-sent events of a streamed reply, the last one `[DONE]`.

    A chat stream begins with a chunk that carries the role; with include_usage one more chunk
    without choices precedes the end (serving_chat.py, serving_completion.py).
    """
    head = _head(call, chunk=True)
    produced = 0
    for index, request in enumerate(call.requests):
        if call.chat:
            yield _event(_chunk(head, call, index, {"role": "assistant", "content": ""}, None, 0))
        for piece in _pieces(engine, call, request, paced=True):
            produced += piece.tokens
            if not piece.text and not piece.finish_reason:
                continue
            delta = {"content": piece.text} if call.chat else {"text": piece.text}
            yield _event(_chunk(head, call, index, delta, piece, produced))
    if call.include_usage:
        usage = _usage(call.prompt_tokens, produced, details=False)
        yield _event({**head, "choices": [], "usage": usage})
    yield b"data: [DONE]\n\n"


def _chunk(
    head: Reply, call: Call, index: int, delta: Reply, piece: Piece | None, produced: int
) -> Reply:
    part = {"delta": delta} if call.chat else delta
    choice = {
        "index": index,
        **part,
        "logprobs": None,
        "finish_reason": piece.finish_reason if piece else None,
    }
    if not call.chat or (piece and piece.finish_reason):
        choice["stop_reason"] = piece.stop_reason if piece else None
    chunk = {**head, "choices": [choice]}
    if call.continuous_usage:
        chunk["usage"] = _usage(call.prompt_tokens, produced, details=False)
    return chunk


def _event(data: Reply) -> bytes:
    return b"data: " + json.dumps(data, separators=(",", ":")).encode() + b"\n\n"


def model_list(names: Iterable[str], root: str, max_model_len: int) -> Reply:
    """Return the reply of GET /v1/models."""
    created = int(time.time())
    return {
        "object": "list",
        "data": [
            {
                "id": name,
                "object": "model",
                "created": created,
                "owned_by": "vllm",
                "root": root,
                "parent": None,
                "max_model_len": max_model_len,
                "permission": [
                    {
                        "id": f"modelperm-{uuid.uuid4().hex}",
                        "object": "model_permission",
                        "created": created,
                        "allow_create_engine": False,
                        "allow_sampling": True,
                        "allow_logprobs": True,
                        "allow_search_indices": False,
                        "allow_view": True,
                        "allow_fine_tuning": False,
                        "organization": "*",
                        "group": None,
                        "is_blocking": False,
                    }
                ],
            }
            for name in names
        ],
    }
