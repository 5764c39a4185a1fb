# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The questions that a model can be asked, as requests. Pure.

No request holds ``seed``: vLLM on TPU refuses it (vllm-project/tpu-inference).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from ansible_collections.llmd.tpu.plugins.module_utils.smoke.exchange import Request

Question = Literal["models", "completion", "chat", "stream", "chat_stream"]
QUESTIONS: tuple[Question, ...] = ("models", "completion", "chat", "stream", "chat_stream")
CHATS = ("chat", "chat_stream")
STREAMS = ("stream", "chat_stream")


@dataclass(frozen=True)
class Wish:
    """What a model is asked, and what its answer must hold.

    ``pattern`` is a regular expression that the text must match somewhere. ``schema``, a JSON
    schema, is sent along with a chat, and the chat's answer must fit it.
    """

    model: str
    prompt: str
    max_tokens: int
    pattern: str = ""
    schema: Mapping[str, Any] | None = None
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


def request_of(question: Question, base_url: str, wish: Wish) -> Request:
    """Make the request for a question."""
    base = base_url.rstrip("/")
    if question == "models":
        # This path goes round the scheduler, to the Service.
        return Request("GET", f"{base}/v1/models", {**wish.headers, "Accept": "application/json"})
    streamed = question in STREAMS
    chat = question in CHATS
    body: dict[str, Any] = {"model": wish.model}
    if chat:
        body["messages"] = [{"role": "user", "content": wish.prompt}]
    else:
        body["prompt"] = wish.prompt
    body |= {"max_tokens": wish.max_tokens, "temperature": 0}
    if chat and wish.schema is not None:
        answer = {"name": "answer", "schema": wish.schema}
        body["response_format"] = {"type": "json_schema", "json_schema": answer}
    if streamed:
        body |= {"stream": True, "stream_options": {"include_usage": True}}
    accepted = "text/event-stream" if streamed else "application/json"
    return Request(
        method="POST",
        url=f"{base}/v1/{'chat/completions' if chat else 'completions'}",
        headers={**wish.headers, "Content-Type": "application/json", "Accept": accepted},
        body=json.dumps(body).encode(),
    )
