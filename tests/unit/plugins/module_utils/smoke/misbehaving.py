# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A small HTTP server that misbehaves on request, and the answers of a good model."""

from __future__ import annotations

import json
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

MODEL = "Qwen/Qwen2.5-3B-Instruct"


@dataclass(frozen=True)
class Received:
    """One request as it arrived."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


Behaviour = Callable[[socket.socket, Received], object]


@dataclass
class Server:
    """Where the server listens, and what it got."""

    port: int
    requests: list[Received] = field(default_factory=list)

    @property
    def url(self) -> str:
        """Give the base URL."""
        return f"http://127.0.0.1:{self.port}"


@contextmanager
def serving(
    behaviour: Behaviour, tls: ssl.SSLContext | None = None, greeting: bytes = b""
) -> Iterator[Server]:
    """Serve on a free port of 127.0.0.1; each connection gets one call of ``behaviour``.

    ``greeting`` is sent before anything is read.
    """
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = Server(listener.getsockname()[1])

        def handle(connection: socket.socket) -> None:
            with suppress(OSError, ValueError):
                if tls:
                    connection = tls.wrap_socket(connection, server_side=True)
                with connection:
                    connection.sendall(greeting)
                    received = _receive(connection)
                    server.requests.append(received)
                    behaviour(connection, received)

        def accept() -> None:
            with suppress(OSError):
                while True:
                    connection, _peer = listener.accept()
                    threading.Thread(target=handle, args=(connection,), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        yield server
        listener.shutdown(socket.SHUT_RDWR)


def _receive(connection: socket.socket) -> Received:
    stream = connection.makefile("rb")
    method, path, _version = stream.readline().decode().split()
    headers = {}
    while line := stream.readline().strip():
        name, _colon, value = line.decode().partition(":")
        headers[name.lower()] = value.strip()
    return Received(method, path, headers, stream.read(int(headers.get("content-length", 0))))


def raw(data: bytes) -> Behaviour:
    """Send these bytes and close."""
    return lambda connection, received: connection.sendall(data)


def reply(status: int, body: bytes | str | dict[str, Any] = b"", **headers: str) -> Behaviour:
    """Send a whole HTTP reply; underscores in header names become dashes."""
    if isinstance(body, dict):
        body, headers = json.dumps(body), {"content_type": "application/json", **headers}
    data = body.encode() if isinstance(body, str) else body
    lines = [f"HTTP/1.1 {status} Words", f"content-length: {len(data)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return raw("\r\n".join(lines).encode() + b"\r\n\r\n" + data)


def answer(**changes: Any) -> dict[str, Any]:
    """Give the body of a good completion, as vLLM 0.12 forms it."""
    choice = {"index": 0, "text": " Paris.", "logprobs": None, "finish_reason": "length"}
    usage = {"prompt_tokens": 5, "completion_tokens": 16, "total_tokens": 21}
    body: dict[str, Any] = {
        "id": "cmpl-1",
        "object": "text_completion",
        "created": 1764020000,
        "model": MODEL,
        "choices": [choice],
        "usage": usage,
    }
    choice.update({k: changes.pop(k) for k in ("text", "finish_reason") if k in changes})
    return {**body, **changes}


def models(*names: str) -> dict[str, Any]:
    """Give the body of /v1/models."""
    return {"object": "list", "data": [{"id": name, "object": "model"} for name in names]}


def chat(**changes: Any) -> dict[str, Any]:
    """Give the body of a good chat completion."""
    body = answer(id="chatcmpl-1", object="chat.completion", **changes)
    choice = body["choices"][0]
    choice["message"] = {"role": "assistant", "content": choice.pop("text")}
    return body


def chunks(
    *texts: str, in_chat: bool = False, reason: str = "length", **changes: Any
) -> list[dict[str, Any] | str]:
    """Give the events of a good stream, as vLLM 0.12 forms them."""
    head = {"id": "c-1", "model": MODEL, **changes}

    def chunk(text: str, end: str | None = None, **more: str) -> dict[str, Any]:
        part = {"delta": {"content": text, **more}} if in_chat else {"text": text}
        return {**head, "choices": [{"index": 0, **part, "finish_reason": end}]}

    spoken = [chunk(text) for text in texts[:-1]] + [chunk(texts[-1], reason)]
    count = len(texts)
    usage = {"prompt_tokens": 5, "completion_tokens": count, "total_tokens": 5 + count}
    role = [chunk("", role="assistant")] if in_chat else []
    return [*role, *spoken, {**head, "choices": [], "usage": usage}, "[DONE]"]


def event(data: dict[str, Any] | str) -> bytes:
    """Write one server-sent event."""
    text = data if isinstance(data, str) else json.dumps(data)
    return f"data: {text}\n\n".encode()


def stream(
    *events: dict[str, Any] | str | float | None,
    kind: str = "text/event-stream; charset=utf-8",
    sent: list[float] | None = None,
) -> Behaviour:
    """Send events in chunks as they come; a number waits so many seconds, None breaks it off.

    ``sent`` gets the time at which the request was there, and those at which each event was sent.
    """

    def behave(connection: socket.socket, _received: Received) -> None:
        if sent is not None:
            sent.append(time.monotonic())
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        head = f"HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ntransfer-encoding: chunked\r\n\r\n"
        connection.sendall(head.encode())
        for one in events:
            if one is None:
                return
            if isinstance(one, int | float):
                time.sleep(one)
                continue
            data = event(one)
            if sent is not None:
                sent.append(time.monotonic())
            connection.sendall(b"%x\r\n%s\r\n" % (len(data), data))
        connection.sendall(b"0\r\n\r\n")

    return behave


def by_path(**behaviours: Behaviour) -> Behaviour:
    """Choose by question: models, completions, chat, stream, chat_stream; the rest is good."""
    good = {
        "models": reply(200, models(MODEL)),
        "completions": reply(200, answer()),
        "chat": reply(200, chat()),
        "stream": stream(*chunks(" Par", "is", ".")),
        "chat_stream": stream(*chunks("Par", "is", ".", in_chat=True)),
    }

    def behave(connection: socket.socket, received: Received) -> object:
        name = received.path.rpartition("/")[2]
        if name == "completions":
            kind = ("chat" if "/chat/" in received.path else "", "stream" * _streams(received))
            name = "_".join(filter(None, kind)) or name
        return {**good, **behaviours}[name](connection, received)

    return behave


def _streams(received: Received) -> bool:
    return b'"stream": true' in received.body
