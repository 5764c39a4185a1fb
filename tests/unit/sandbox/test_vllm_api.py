# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The OpenAI routes of the stand-in for vLLM: shapes, refusals, streams, metrics."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterable
from http.client import HTTPConnection
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.sandbox.images.vllm.engine import answer, tokens_of
from tests.sandbox.images.vllm.server import Handler
from tests.unit.sandbox.conftest import MODEL, VERSIONS, Client

Serve = Callable[..., Client]
CHAT, COMPLETION = "/v1/chat/completions", "/v1/completions"
HELLO = {"model": MODEL, "messages": [{"role": "user", "content": "What is a TPU?"}]}


def metrics(client: Client) -> dict[str, float]:
    """Samples by name, `request_success` also by reason."""
    text = client.ask("GET", "/metrics")[1].decode()
    samples: dict[str, float] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if "le" in sample.labels:
                continue
            assert sample.labels["engine"] == "0"
            samples[sample.name + sample.labels.get("finished_reason", "")] = sample.value
    return samples


def events(body: bytes) -> list[Any]:
    parts = body.decode().split("\n\n")
    assert parts.pop() == ""
    assert all(part.startswith("data: ") for part in parts)
    assert parts.pop() == "data: [DONE]"
    return [json.loads(part.removeprefix("data: ")) for part in parts]


def test_health_and_version(serve: Serve) -> None:
    client = serve(version="0.13.0")
    assert client.ask("GET", "/health") == (200, b"")
    assert client.json("GET", "/version") == {"version": "0.13.0"}


def test_models_list_the_names_and_the_context_length(serve: Serve) -> None:
    reply = serve().json("GET", "/v1/models")
    assert reply["object"] == "list"
    (model,) = reply["data"]
    assert model["id"] == MODEL
    assert model["owned_by"] == "vllm"
    assert model["parent"] is None
    assert model["max_model_len"] == 2048
    assert model["root"].endswith("/models")
    assert model["permission"][0]["object"] == "model_permission"


def test_an_answer_is_named_for_the_clients_request(serve: Serve) -> None:
    client, body = serve(), {**HELLO, "max_tokens": 2}
    named = client.json("POST", CHAT, body, **{"X-Request-Id": "a1b2"})
    assert named["id"] == "chatcmpl-a1b2"
    assert client.json("POST", CHAT, body)["id"] != client.json("POST", CHAT, body)["id"]


def test_a_chat_reply_has_vllms_shape(serve: Serve) -> None:
    reply = serve().json("POST", CHAT, {**HELLO, "max_tokens": 7})
    assert reply["id"].startswith("chatcmpl-")
    assert reply["object"] == "chat.completion"
    assert reply["model"] == MODEL
    (choice,) = reply["choices"]
    assert choice["message"]["role"] == "assistant"
    assert choice["message"]["content"].startswith("This is the sandbox's stand-in")
    assert choice["finish_reason"] == "length"
    usage = reply["usage"]
    assert usage["completion_tokens"] == 7 == len(tokens_of(choice["message"]["content"]))
    assert usage["total_tokens"] == usage["prompt_tokens"] + 7
    assert usage["prompt_tokens_details"] is None


def test_the_whole_answer_stops_by_itself(serve: Serve) -> None:
    reply = serve().json("POST", CHAT, HELLO)
    (choice,) = reply["choices"]
    assert choice["finish_reason"] == "stop"
    assert "TPU" in choice["message"]["content"]
    assert serve().json("POST", CHAT, HELLO)["choices"][0]["message"] == choice["message"]


def test_an_answer_fits_the_schema_that_came_with_the_question(serve: Serve) -> None:
    properties = {
        "city": {"type": "string"},
        "size": {"enum": ["small", "large"]},
        "people": {"type": "array"},
        "left out": {"type": "number"},
    }
    schema = {"type": "object", "properties": properties, "required": ["city", "size", "people"]}
    asked = {"type": "json_schema", "json_schema": {"name": "a", "schema": schema}}
    reply = serve().json("POST", CHAT, {**HELLO, "response_format": asked})
    content = json.loads(reply["choices"][0]["message"]["content"])
    assert content == {"city": "none", "size": "small", "people": []}


def test_a_completion_has_16_tokens_unless_asked(serve: Serve) -> None:
    reply = serve().json("POST", COMPLETION, {"prompt": "Hello"})
    assert reply["id"].startswith("cmpl-")
    assert reply["object"] == "text_completion"
    assert reply["choices"][0]["text"]
    assert reply["usage"]["completion_tokens"] == 16


def test_ignore_eos_fills_the_limit(serve: Serve) -> None:
    body = {"prompt": "Hello", "max_tokens": 300, "ignore_eos": True}
    reply = serve().json("POST", COMPLETION, body)
    assert reply["usage"]["completion_tokens"] == 300
    assert reply["choices"][0]["finish_reason"] == "length"


def test_several_prompts_and_choices(serve: Serve) -> None:
    body = {"prompt": ["one", "two two"], "n": 2, "max_tokens": 3}
    reply = serve().json("POST", COMPLETION, body)
    assert [choice["index"] for choice in reply["choices"]] == [0, 1, 2, 3]
    assert reply["usage"] == {
        "prompt_tokens": 3,
        "total_tokens": 15,
        "completion_tokens": 12,
        "prompt_tokens_details": None,
    }


@pytest.mark.parametrize("stream", [False, True])
def test_text_ends_before_a_stop_string(serve: Serve, stream: bool) -> None:
    body = {"prompt": "Hello", "max_tokens": 100, "stop": ["stand-in"], "stream": stream}
    _, text = serve().ask("POST", COMPLETION, body)
    replies = events(text) if stream else [json.loads(text)]
    choices = [reply["choices"][0] for reply in replies]
    assert "".join(choice["text"] for choice in choices) == "This is the sandbox's "
    assert choices[-1]["finish_reason"] == "stop"
    assert choices[-1]["stop_reason"] == "stand-in"


def test_a_stop_string_saves_the_rest(serve: Serve) -> None:
    client = serve()
    body = {"prompt": "Hello", "max_tokens": 100, "stop": "stand-in"}
    usage = client.json("POST", COMPLETION, body)["usage"]
    assert usage["completion_tokens"] < 10
    assert metrics(client)["vllm:generation_tokens_total"] == usage["completion_tokens"]


def test_an_echoed_prompt_counts_once(serve: Serve) -> None:
    body = {"prompt": "Hello you", "max_tokens": 2, "echo": True}
    reply = serve().json("POST", COMPLETION, body)
    assert reply["choices"][0]["text"] == "Hello youThis is"
    assert reply["usage"]["completion_tokens"] == 2


def test_numbers_may_be_text(serve: Serve) -> None:
    reply = serve().json("POST", COMPLETION, {"prompt": "Hi", "max_tokens": "3", "n": "2"})
    assert reply["usage"]["completion_tokens"] == 6


def test_a_chat_stream_in_order(serve: Serve) -> None:
    body = {**HELLO, "max_tokens": 5, "stream": True, "stream_options": {"include_usage": True}}
    chunks = events(serve().ask("POST", CHAT, body)[1])
    assert {chunk["object"] for chunk in chunks} == {"chat.completion.chunk"}
    assert len({chunk["id"] for chunk in chunks}) == 1
    assert chunks[0]["choices"][0]["delta"] == {"role": "assistant", "content": ""}
    texts = [chunk["choices"][0]["delta"]["content"] for chunk in chunks[1:-1]]
    whole = serve().json("POST", CHAT, {**HELLO, "max_tokens": 5})
    assert "".join(texts) == whole["choices"][0]["message"]["content"]
    reasons = [chunk["choices"][0]["finish_reason"] for chunk in chunks[:-1]]
    assert reasons == [None] * 5 + ["length"]
    assert chunks[-1]["choices"] == []
    assert chunks[-1]["usage"]["completion_tokens"] == 5


def test_a_stream_can_carry_usage_in_each_chunk(serve: Serve) -> None:
    options = {"include_usage": True, "continuous_usage_stats": True}
    body = {"prompt": "Hi", "max_tokens": 3, "stream": True, "stream_options": options}
    chunks = events(serve().ask("POST", COMPLETION, body)[1])
    assert [chunk["usage"]["completion_tokens"] for chunk in chunks] == [1, 2, 3, 3]


def test_stream_events_arrive_one_by_one(serve: Serve, pod: dict[str, str]) -> None:
    pod["SANDBOX_VLLM_TOKEN_SECONDS"] = "0.05"
    client = serve()
    client.connection.request(
        "POST",
        CHAT,
        json.dumps({**HELLO, "max_tokens": 4, "stream": True}),
        {"Content-Type": "application/json"},
    )
    reply = client.connection.getresponse()
    assert reply.getheader("content-type") == "text/event-stream; charset=utf-8"
    arrived = [time.monotonic() for line in reply if line.startswith(b"data: {")]
    assert len(arrived) == 5
    assert arrived[-1] - arrived[1] >= 0.14


@pytest.mark.parametrize(
    ("path", "body", "status", "kind", "message"),
    [
        (CHAT, {**HELLO, "model": "x"}, 404, "NotFoundError", "The model `x` does not exist."),
        (
            CHAT,
            {**HELLO, "messages": [{"role": "user", "content": "word " * 3000}]},
            400,
            "BadRequestError",
            "This model's maximum context length is 2048 tokens. However, your request has 300",
        ),
        (
            COMPLETION,
            {"prompt": "Hi", "max_tokens": 2048},
            400,
            "BadRequestError",
            "'max_tokens' or 'max_completion_tokens' is too large: 2048. This model's maximum",
        ),
        (
            CHAT,
            {**HELLO, "seed": 1},
            400,
            "BadRequestError",
            "JAX does not support per-request seed.",
        ),
        (CHAT, {**HELLO, "temperature": -1}, 400, "BadRequestError", "temperature must be non-neg"),
        (CHAT, {**HELLO, "max_tokens": 0}, 400, "BadRequestError", "max_tokens must be at least 1"),
        (CHAT, {"model": MODEL}, 400, "Bad Request", "[{'type': 'missing', 'loc': ('body', 'mess"),
        (COMPLETION, b"{broken", 400, "Bad Request", "[{'type': 'json_invalid'"),
        (COMPLETION, {"prompt": 7}, 400, "Bad Request", "[{'type': 'string_type'"),
        (CHAT, {**HELLO, "max_tokens": "x"}, 400, "Bad Request", "[{'type': 'int_parsing', 'loc'"),
        (CHAT, {**HELLO, "messages": ["hi"]}, 400, "Bad Request", "[{'type': 'missing', 'loc'"),
        ("/v1/nothing", {}, 404, "Not Found", "Not Found"),
        ("/health", {}, 405, "Method Not Allowed", "Method Not Allowed"),
    ],
)
def test_errors_have_vllms_words(
    serve: Serve, path: str, body: object, status: int, kind: str, message: str
) -> None:
    got, text = serve().ask("POST", path, body)
    error = json.loads(text)["error"]
    assert got == status == error["code"]
    assert error["type"] == kind
    assert error["message"].startswith(message)
    assert error["param"] is None


def test_a_seed_with_greedy_sampling_is_taken(serve: Serve) -> None:
    assert serve().ask("POST", CHAT, {**HELLO, "seed": 1, "temperature": 0})[0] == 200


def test_other_content_is_refused(serve: Serve) -> None:
    status, text = serve().ask("POST", CHAT, HELLO, {"Content-Type": "text/plain"})
    assert status == 400
    assert "Only 'application/json' is allowed" in json.loads(text)["error"]["message"]


def test_keys_protect_only_what_is_below_v1(serve: Serve) -> None:
    client = serve(keys=("right",))
    unauthorized = (401, b'{"error":"Unauthorized"}')
    assert client.ask("GET", "/v1/models") == unauthorized
    assert client.ask("GET", "/v1/models", None, {"Authorization": "Bearer wrong"}) == unauthorized
    assert client.ask("GET", "/v1/models", None, {"Authorization": "Bearer right"})[0] == 200
    assert client.ask("GET", "/health")[0] == 200
    assert client.ask("GET", "/metrics")[0] == 200


def test_other_methods_are_refused_without_harm(serve: Serve) -> None:
    client = serve()
    assert client.ask("HEAD", "/health") == (405, b"")
    assert client.ask("DELETE", "/v1/models")[0] == 405
    assert client.ask("GET", "/health")[0] == 200


def test_an_idle_connection_is_closed(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Handler, "timeout", 0.1)
    with socket.create_connection(serve().address, timeout=5) as idle:
        idle.sendall(b"GET /health HTTP/1.1\r\nHost: a\r\n\r\n")
        assert idle.recv(1000).startswith(b"HTTP/1.1 200")
        assert idle.recv(1000) == b""


def test_a_body_in_chunks_is_read(serve: Serve) -> None:
    client = serve()
    text = json.dumps(HELLO).encode()
    parts: Iterable[bytes] = [text[:10], text[10:]]
    client.connection.request(
        "POST", CHAT, parts, {"Content-Type": "application/json"}, encode_chunked=True
    )
    reply = client.connection.getresponse()
    assert (reply.status, json.loads(reply.read())["object"]) == (200, "chat.completion")
    assert client.ask("GET", "/health")[0] == 200, "the connection stays usable"


@pytest.mark.parametrize(
    ("version", "present", "absent"),
    [
        ("0.11.1", "time_per_output_token_seconds_count", "corrupted_requests_total"),
        ("0.13.0", "corrupted_requests_total", "time_per_output_token_seconds_count"),
        ("0.18.0", "prompt_tokens_cached_total", "time_per_output_token_seconds_count"),
    ],
)
def test_metric_names_follow_the_release(
    serve: Serve, version: str, present: str, absent: str
) -> None:
    names = metrics(serve(version=version))
    assert f"vllm:{present}" in names
    assert f"vllm:{absent}" not in names
    assert "vllm:gpu_cache_usage_perc" not in names


def test_hidden_metrics_can_be_shown(serve: Serve) -> None:
    assert "vllm:gpu_cache_usage_perc" in metrics(serve("--show-hidden-metrics-for-version=0.10"))


@pytest.mark.parametrize("version", VERSIONS)
def test_metrics_follow_the_requests(serve: Serve, version: str) -> None:
    client = serve(version=version)
    before = metrics(client)
    reply = client.json("POST", CHAT, {**HELLO, "max_tokens": 4})
    client.json("POST", CHAT, HELLO)
    after = metrics(client)
    assert after["vllm:request_success_totallength"] == 1
    assert after["vllm:request_success_totalstop"] == 1
    prompt = reply["usage"]["prompt_tokens"]
    assert after["vllm:prompt_tokens_total"] - before["vllm:prompt_tokens_total"] == 2 * prompt
    assert after["vllm:generation_tokens_total"] > 4
    assert after["vllm:time_to_first_token_seconds_count"] == 2
    assert after["vllm:e2e_request_latency_seconds_sum"] > 0
    assert after["vllm:num_requests_running"] == after["vllm:kv_cache_usage_perc"] == 0


def test_cache_information_gives_the_pool(serve: Serve) -> None:
    text = serve("-tp", "4").ask("GET", "/metrics")[1].decode()
    (family,) = (
        each for each in text_string_to_metric_families(text) if each.name.endswith("config_info")
    )
    (sample,) = family.samples
    tokens = int(sample.labels["block_size"]) * int(sample.labels["num_gpu_blocks"])
    assert sample.value == 1
    assert tokens == pytest.approx(1.55e6, rel=0.01)


def test_a_repeated_prompt_hits_the_prefix_cache(serve: Serve) -> None:
    """Pages hold 128 tokens here; the last token of a prompt is never taken from the cache."""
    client = serve()
    body = {"prompt": " ".join(str(number) for number in range(300)), "max_tokens": 1}
    client.json("POST", COMPLETION, body)
    assert metrics(client)["vllm:prefix_cache_hits_total"] == 0
    client.json("POST", COMPLETION, body)
    after = metrics(client)
    assert after["vllm:prefix_cache_hits_total"] == 256
    assert after["vllm:prefix_cache_queries_total"] == 600


def test_prefix_caching_can_be_off(serve: Serve) -> None:
    client = serve("--no-enable-prefix-caching")
    body = {"prompt": "word " * 300, "max_tokens": 1}
    for _ in range(2):
        client.json("POST", COMPLETION, body)
    assert metrics(client)["vllm:prefix_cache_queries_total"] == 0


def wait_until(check: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 5
    while not check():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_requests_queue_behind_the_limit(serve: Serve, pod: dict[str, str]) -> None:
    pod["SANDBOX_VLLM_FIRST_TOKEN_SECONDS"] = "0.5"
    client = serve("--max-num-seqs", "1")

    def ask() -> None:
        connection = HTTPConnection(*client.address, timeout=5)
        kind = {"Content-Type": "application/json"}
        connection.request("POST", CHAT, json.dumps({**HELLO, "max_tokens": 1}), kind)
        connection.getresponse().read()
        connection.close()

    threads = [threading.Thread(target=ask) for _ in range(2)]
    for thread in threads:
        thread.start()
    wait_until(lambda: metrics(client)["vllm:num_requests_waiting"] == 1)
    busy = metrics(client)
    assert busy["vllm:num_requests_running"] == 1
    assert busy["vllm:kv_cache_usage_perc"] > 0
    for thread in threads:
        thread.join()
    assert metrics(client)["vllm:request_success_totallength"] == 2


def test_a_client_that_leaves_is_an_abort(serve: Serve, pod: dict[str, str]) -> None:
    pod["SANDBOX_VLLM_TOKEN_SECONDS"] = "0.02"
    client = serve()
    body = json.dumps({**HELLO, "stream": True, "max_tokens": 500, "ignore_eos": True}).encode()
    head = f"POST {CHAT} HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
    with socket.create_connection(client.address, timeout=5) as left:
        left.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        assert b"data: " in left.recv(65536)
    wait_until(lambda: metrics(client)["vllm:request_success_totalabort"] == 1)
    assert metrics(client)["vllm:num_requests_running"] == 0


@pytest.mark.parametrize("text", ["", "one", "a  b\n\nc ", "unbelievably long words", "  "])
def test_tokens_joined_are_the_text(text: str) -> None:
    assert "".join(tokens_of(text)) == text


def test_the_answer_says_what_it_is_and_repeats_the_prompt() -> None:
    text = "".join(answer(tokens_of("How far is the moon?"), "0.11.1"))
    assert "stand-in" in text
    assert text.endswith("How far is the moon?")
