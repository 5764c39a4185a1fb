# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Does a stream flow, in the right order, to its end? Pure.

A stream is put together to one answer, in the form of an answer that is not streamed, so that both
are judged by the same rules. Source: vLLM 0.12 (``serving_completion.py``, ``serving_chat.py``):
chunks of one identifier, in a chat the first with the role; the last chunk with text or the one
after it carries the finish reason; with ``include_usage`` a chunk without choices follows; then
``[DONE]``. An error in between comes as an event of a reply with status 200.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from ansible_collections.llmd.tpu.plugins.module_utils.findings import Finding
from ansible_collections.llmd.tpu.plugins.module_utils.smoke.events import Event, read_events
from ansible_collections.llmd.tpu.plugins.module_utils.smoke.exchange import (
    Reply,
    parse_json,
    quote,
)

_END = "[DONE]"
_MANY = 8
"""Chunks with text that cannot all come at once from a server that streams."""

# Why a stream is wrong: code, message, fix, expected.
_TROUBLES = {
    "kind": (
        "SMOKE-NOT-A-STREAM",
        "a stream was asked for, and something else came",
        "look what answers at this address, and for something in between that gathers replies",
        "text/event-stream with events",
    ),
    "event": (
        "SMOKE-STREAM-EVENT",
        "an event of the stream is no JSON object",
        "look what changes replies between the model server and here",
        "data: and a JSON object, or [DONE]",
    ),
    "error": (
        "SMOKE-STREAM-ERROR",
        "the model server failed within the stream",
        "read the error; look at the log of the model's pod",
        "chunks with text",
    ),
    "end": (
        "SMOKE-STREAM-END",
        "the stream does not end as it should",
        "look whether the model's pod or the gateway's was restarted, and at the route's timeouts",
        "one event [DONE], after everything else",
    ),
    "order": (
        "SMOKE-STREAM-ORDER",
        "the events of the stream are not in their order",
        "look at the version of the model server, and for something in between that mixes replies",
        "role, text, finish reason, usage, all of one identifier",
    ),
    "buffered": (
        "SMOKE-STREAM-BUFFERED",
        "the whole stream came at once: something in between holds it back",
        "look for buffering: an ext_proc that waits for the whole response body, a proxy, a "
        "filter that compresses",
        "text that comes while the model writes",
    ),
}


@dataclass(frozen=True)
class Timing:
    """When text came, in seconds after the request was sent.

    Several tokens may share a chunk, so ``gaps`` are between chunks.
    """

    first: float
    last: float
    gaps: tuple[float, ...]

    def per_token(self, tokens: int) -> float | None:
        """Seconds a token after the first one; None for less than two tokens."""
        return (self.last - self.first) / (tokens - 1) if tokens > 1 else None


@dataclass(frozen=True)
class _Chunk:
    event: Event
    body: Mapping[str, Any]
    choice: Mapping[str, Any]
    text: str
    role: str


def read_stream(
    reply: Reply, chat: bool, url: str
) -> tuple[dict[str, Any] | None, Timing | None, list[Finding]]:
    """Put a stream together; gives the whole answer, its timing, and what is wrong with it.

    No answer, when there is nothing that could be judged.
    """
    events = read_events(reply)
    kind = reply.headers.get("content-type", "")
    if not kind.lower().startswith("text/event-stream") or not events:
        shown = f"{quote(kind or 'no content type', 80)}: {reply.quoted() or 'empty body'}"
        return None, None, [_trouble("kind", shown, url)]
    ends = [number for number, event in enumerate(events) if event.data.strip() == _END]
    chunks: list[_Chunk] = []
    for number, event in enumerate(events):
        if number in ends:
            continue
        body = parse_json(event.data)
        if not isinstance(body, dict):
            shown = f"event {number + 1}: {quote(event.data, hidden=reply.hidden)}"
            return None, _timing(chunks), [_trouble("event", shown, url)]
        if "error" in body:
            shown = f"after {len(chunks)} chunks: {quote(event.data, hidden=reply.hidden)}"
            return None, _timing(chunks), [_trouble("error", shown, url)]
        chunks.append(_chunk(event, body, chat))
    findings = [
        *_judge_end(events, ends, url),
        *_judge_order(chunks, chat, url),
        *_judge_flow(reply, chunks, url),
    ]
    return _whole(chunks, chat), _timing(chunks), findings


def _chunk(event: Event, body: Mapping[str, Any], chat: bool) -> _Chunk:
    choices = body.get("choices")
    choice = choices[0] if isinstance(choices, list) and choices else {}
    choice = choice if isinstance(choice, dict) else {}
    part = choice.get("delta") if chat else choice
    part = part if isinstance(part, dict) else {}
    names = ("content", "reasoning_content", "reasoning") if chat else ("text",)
    text = next((part[name] for name in names if isinstance(part.get(name), str)), "")
    return _Chunk(event, body, choice, text, str(part.get("role") or ""))


def _whole(chunks: Sequence[_Chunk], chat: bool) -> dict[str, Any]:
    text = "".join(chunk.text for chunk in chunks)
    reason = next((_reason(chunk) for chunk in reversed(chunks) if _reason(chunk)), None)
    usage: object = next(
        (chunk.body["usage"] for chunk in reversed(chunks) if chunk.body.get("usage")), {}
    )
    spoken: dict[str, Any] = {"message": {"content": text}} if chat else {"text": text}
    return {
        "id": chunks[0].body.get("id") if chunks else None,
        "model": chunks[0].body.get("model") if chunks else None,
        "choices": [{**spoken, "finish_reason": reason}],
        "usage": usage,
    }


def _reason(chunk: _Chunk) -> object:
    return chunk.choice.get("finish_reason")


def _timing(chunks: Sequence[_Chunk]) -> Timing | None:
    times = [chunk.event.seconds for chunk in chunks if chunk.text]
    if not times:
        return None
    return Timing(times[0], times[-1], tuple(later - earlier for earlier, later in pairwise(times)))


def _judge_end(events: Sequence[Event], ends: Sequence[int], url: str) -> Iterator[Finding]:
    if not ends:
        yield _trouble("end", f"{len(events)} events, and no {_END}", url)
    elif list(ends) != [len(events) - 1]:
        places = ", ".join(str(number + 1) for number in ends)
        yield _trouble("end", f"{_END} as event {places} of {len(events)}", url)


def _judge_order(chunks: Sequence[_Chunk], chat: bool, url: str) -> Iterator[Finding]:
    identifiers = {str(chunk.body.get("id")) for chunk in chunks}
    if len(identifiers) > 1:
        shown = quote(", ".join(sorted(identifiers)))
        yield _trouble("order", f"{len(identifiers)} identifiers: {shown}", url)
    finished = next((i for i, chunk in enumerate(chunks) if _reason(chunk)), len(chunks))
    if any(chunk.text for chunk in chunks[finished + 1 :]):
        yield _trouble("order", f"text after the finish reason (chunk {finished + 1})", url)
    if any(_is_usage(chunk) for chunk in chunks[:finished]):
        yield _trouble("order", "the usage before the finish reason", url)
    if chat and chunks and any(chunk.role for chunk in chunks) and not chunks[0].role:
        yield _trouble("order", "the role after the first chunk", url)


def _is_usage(chunk: _Chunk) -> bool:
    """Whether it is the chunk of the usage: some servers add running counts to every chunk."""
    return not chunk.choice and bool(chunk.body.get("usage"))


def _judge_flow(reply: Reply, chunks: Sequence[_Chunk], url: str) -> Iterator[Finding]:
    spoken = [chunk for chunk in chunks if chunk.text]
    if len(spoken) >= _MANY and len({chunk.event.seconds for chunk in spoken}) == 1:
        shown = f"{len(spoken)} chunks after {spoken[0].event.seconds:.3f} s, in one piece"
        yield _trouble("buffered", shown, url)


def _trouble(kind: str, found: str, url: str) -> Finding:
    code, message, fix, expected = _TROUBLES[kind]
    return Finding(
        code=code,
        severity="warning" if kind == "buffered" else "error",
        message=message,
        found=found,
        expected=expected,
        fix=fix,
        subject=url,
    )
