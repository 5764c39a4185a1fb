# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Does the smoke test ask, wait, judge and weigh as a whole?"""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.llmd.tpu.plugins.module_utils.connection import (
    ConnectionProblem,
    Reply,
)
from ansible_collections.llmd.tpu.plugins.module_utils.smoke.smoke_test import (
    World,
    argument_spec,
    run,
)
from ansible_collections.llmd.tpu.plugins.modules import inference_smoke

from tests.unit.plugins.module_utils.smoke.misbehaving import (
    MODEL,
    Behaviour,
    Server,
    answer,
    by_path,
    chunks,
    models,
    reply,
    serving,
    stream,
)
from tests.unit.plugins.module_utils.smoke.scripted import (
    LOST,
    NAME,
    NAMESPACE,
    PODS,
    TOKEN,
    ScriptedSession,
    dial,
    found,
    log,
    metrics,
    pods,
    refused,
    server_metrics,
)
from tests.unit.plugins.module_utils.smoke.test_routes import KSERVE as KSERVE_ROUTE
from tests.unit.plugins.module_utils.smoke.test_routes import LISTENERS, route
from tests.unit.plugins.module_utils.smoke.test_servers import CRASHES, pod

SERVICE = f"/apis/serving.kserve.io/v1alpha2/namespaces/{NAMESPACE}/llminferenceservices/{NAME}"
GATEWAY = "/apis/gateway.networking.k8s.io/v1/namespaces/opendatahub/gateways/inference-gateway"
ROUTES = f"GET /apis/gateway.networking.k8s.io/v1/namespaces/{NAMESPACE}/httproutes"
GATEWAY_PODS = "GET /api/v1/namespaces/opendatahub/pods"
PICKED = {"X_Went_Into_Resp_Headers": "true"}


@dataclass
class FakeClock:
    """A clock that only sleeping moves."""

    now: float = 0.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float, /) -> None:
        self.now += seconds


def _parameters(**given: Any) -> dict[str, Any]:
    return {
        "name": None,
        "namespace": None,
        "url": None,
        "gateway": "opendatahub/inference-gateway",
        "connect_to": [],
        "model": None,
        "ask": ["models", "completion"],
        "prompt": "The capital of France is",
        "max_tokens": 16,
        "answer_pattern": None,
        "answer_schema": None,
        "headers": {},
        "gateway_ca_cert": None,
        "wait_timeout": 30,
        "first_timeout": 5,
        "prefixes": 4,
        "repeats": 0,
        "concurrency": 1,
        "way": "auto",
        "job_image": None,
        "request_timeout": 5,
        "require_scheduler": False,
        "metrics_service_account": "llmd-tpu-metrics-reader",
        **given,
    }


def _service(url: str, **router: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": NAME, "namespace": NAMESPACE},
        "spec": {"model": {"name": MODEL}, "router": {"route": {}, "gateway": {}, **router}},
        "status": {"url": url} if url else {},
    }


def _world(answers: Mapping[str, Any], epp_port: int = 1) -> World:
    session = ScriptedSession(
        {
            "GET /apis/serving.kserve.io": found(
                {"versions": [{"groupVersion": "serving.kserve.io/v1alpha2"}]}
            ),
            "GET /apis/serving.kserve.io/v1alpha2": found(
                {"resources": [{"kind": "LLMInferenceService"}]}
            ),
            ROUTES: found({"items": [KSERVE_ROUTE]}),
            f"GET {GATEWAY}": found(LISTENERS),
            GATEWAY_PODS: refused(403, "pods is forbidden"),
            log("pod-1"): Reply(200, b"INFO:     Application startup complete."),
            **answers,
        }
    )
    return World(lambda _parameters: session, lambda _session: dial(epp_port), FakeClock())


@contextmanager
def _cluster(model: Behaviour, counts: bool = True) -> Iterator[tuple[World, Server]]:
    """Run a gateway, a scheduler and a pod; the counters rise when ``counts``."""

    def rising(name: str) -> Iterator[bytes]:
        numbers: Iterator[int] = itertools.count(3) if counts else itertools.repeat(3)
        return (metrics(name, number).encode() for number in numbers)

    picker, pod = rising("inference_objective_request_total"), rising("vllm:request_success_total")
    with (
        serving(model) as gateway,
        serving(lambda c, r: reply(200, next(picker))(c, r)) as epp,
    ):
        answers = {
            f"GET {SERVICE}": found(_service(f"{gateway.url}/ns/name", scheduler={})),
            PODS: pods("pod-1"),
            TOKEN: found({"status": {"token": "t"}}),
            server_metrics("pod-1"): lambda: Reply(200, next(pod)),
        }
        yield _world(answers, epp.port), gateway


GOOD = by_path(completions=reply(200, answer(), **PICKED), models=reply(200, models(MODEL)))
NAMED = {"name": NAME, "namespace": NAMESPACE}


def test_the_whole_way() -> None:
    with _cluster(GOOD) as (world, gateway):
        result = run(_parameters(**NAMED, require_scheduler=True), world)
    assert "failed" not in result, result["msg"]
    assert (result["ok"], result["changed"], result["status"]) == (True, False, 200)
    assert (result["url"], result["url_origin"]) == (f"{gateway.url}/ns/name", "status.url")
    assert (result["model"], result["text"], result["models"]) == (MODEL, " Paris.", [MODEL])
    assert result["attempts"] == 1
    assert result["latency_seconds"] > 0
    assert result["findings"] == []
    assert result["scheduler"]["verdict"] == "proved"
    assert (result["scheduler"]["before"], result["scheduler"]["after"]) == (3, 4)
    assert result["scheduler"]["answered_by"] == "pod-1"
    assert 3 <= len(result["summary"]) <= 6
    assert json.loads(json.dumps(result)) == result


def test_an_answer_that_went_round_the_scheduler() -> None:
    bypassed = by_path(completions=reply(200, answer()), models=reply(200, models(MODEL)))
    with _cluster(bypassed, counts=False) as (world, _gateway):
        relaxed = run(_parameters(**NAMED), world)
        strict = run(_parameters(**NAMED, require_scheduler=True), world)
    assert (relaxed["ok"], relaxed["scheduler"]["verdict"]) == (True, "not routed")
    assert [one["code"] for one in relaxed["findings"]] == ["SMOKE-NOT-ROUTED"]
    assert strict["failed"]
    assert "SMOKE-NOT-ROUTED" in strict["msg"]


def test_the_way_through_the_gateway_is_told() -> None:
    with _cluster(GOOD) as (world, _gateway):
        result = run(_parameters(**NAMED), world)
    assert result["route"] == {
        "name": "ns/kserve",
        "prefix": "/ns/name/v1/completions",
        "backends": ["InferencePool b"],
        "gateway": "opendatahub/inference-gateway",
        "listener": "http",
        "port": 80,
        "protocol": "HTTP",
        "certificates": [],
    }


def test_a_route_that_leads_round_the_scheduler() -> None:
    with _cluster(GOOD) as (world, _gateway):
        session: Any = world.connect({})
        own = route("own", ("Exact", "/ns/name/v1/completions", "Service"))
        session.answers[ROUTES] = found({"items": [KSERVE_ROUTE, own]})
        result = run(_parameters(**NAMED), world)
    assert (result["ok"], result["scheduler"]["verdict"]) == (True, "not routed")
    assert [one["code"] for one in result["findings"]] == ["SMOKE-ROUTE-BYPASS"]


def test_unreadable_counters_are_said_and_only_fail_when_required() -> None:
    with _cluster(GOOD) as (world, _gateway):
        session: Any = world.connect({})
        session.answers[TOKEN] = refused(404, "serviceaccounts not found")
        relaxed = run(_parameters(**NAMED), world)
        strict = run(_parameters(**NAMED, require_scheduler=True), world)
    assert (relaxed["ok"], relaxed["scheduler"]["verdict"]) == (True, "likely")
    clock: Any = world.clock
    assert clock.now == 0, "nothing to wait for"
    assert relaxed["scheduler"]["before"] is None
    assert "no token for ServiceAccount" in relaxed["scheduler"]["reasons"][0]
    assert "SMOKE-ROUTING-UNPROVED" in strict["msg"]


def test_a_service_without_scheduler() -> None:
    with serving(GOOD) as gateway:
        service = _service(f"{gateway.url}/ns/name")
        result = run(_parameters(**NAMED), _world({f"GET {SERVICE}": found(service)}))
    assert result["ok"]
    assert "spec.router.scheduler" in result["scheduler"]["reasons"][0]


def test_the_gateway_lacks_the_authority() -> None:
    """Completions go on to work; only the Service-backed path shows it."""
    sds = reply(503, b"TLS_error:|TLS error: Secret is not supplied by SDS:TLS_error_end")
    broken = by_path(completions=reply(200, answer(), **PICKED), models=sds)
    with _cluster(broken) as (world, _gateway):
        result = run(_parameters(**NAMED), world)
    assert result["failed"]
    assert result["status"] == 200
    assert [one["code"] for one in result["findings"]] == ["SMOKE-GATEWAY-CA"]
    assert result["findings"][0]["subject"].endswith("/v1/models")


def test_waiting_for_a_model_that_starts() -> None:
    tries = itertools.count()

    def starting(connection: Any, received: Any) -> None:
        ready = next(tries) >= 3
        good = reply(200, answer(), **PICKED)
        (good if ready else reply(503, b"no healthy upstream"))(connection, received)

    with _cluster(by_path(completions=starting, models=reply(200, models(MODEL)))) as (world, _):
        result = run(_parameters(**NAMED), world)
    # Three refusals, the first good answer, and one more that is counted alone.
    assert (result["ok"], result["attempts"]) == (True, 5)
    assert (result["scheduler"]["before"], result["scheduler"]["after"]) == (4, 5)


def test_an_address_whose_models_cannot_be_listed() -> None:
    with serving(reply(401, {"error": "Unauthorized"})) as gateway:
        result = run(_parameters(url=gateway.url), _world({}))
    assert [one["code"] for one in result["findings"]] == ["SMOKE-UNAUTHORIZED"]
    assert [one.path for one in gateway.requests] == ["/v1/models"]


@pytest.mark.parametrize(
    ("behaviour", "code", "attempts"),
    [
        (reply(404), "SMOKE-ROUTE-NOT-FOUND", range(5, 12)),
        (reply(401, {"error": "Unauthorized"}), "SMOKE-UNAUTHORIZED", range(1, 2)),
    ],
)
def test_what_may_heal_is_tried_again_for_a_bounded_time(
    behaviour: Behaviour, code: str, attempts: range
) -> None:
    with _cluster(behaviour) as (world, _gateway):
        result = run(_parameters(**NAMED), world)
        clock: Any = world.clock
        assert clock.now <= 30
    assert result["failed"]
    assert code in result["msg"]
    assert result["attempts"] in attempts
    assert result["scheduler"]["verdict"] == "unknown"
    assert result["latency_seconds"] is None


def test_any_address_without_a_cluster() -> None:
    with serving(GOOD) as gateway:
        result = run(_parameters(url=f"{gateway.url}/v/"), _world({}))
    assert (result["ok"], result["model"], result["url"]) == (True, MODEL, f"{gateway.url}/v")
    assert "only a url was given" in result["scheduler"]["reasons"][0]
    assert [one.path for one in gateway.requests] == ["/v/v1/models", "/v/v1/completions"]


def _two_replicas(spread: Callable[[str], str]) -> tuple[dict[str, Any], Behaviour]:
    """Answers of two pods' counters, and a model whose requests go to a pod by their prompt."""
    counted = {"pod-1": 0, "pod-2": 0}

    def counters(pod: str) -> Callable[[], Reply]:
        return lambda: Reply(200, metrics("vllm:request_success_total", counted[pod]).encode())

    def model(connection: Any, received: Any) -> None:
        counted[spread(json.loads(received.body).get("prompt", ""))] += 1
        reply(200, answer(), **PICKED)(connection, received)

    answers = {server_metrics(pod): counters(pod) for pod in counted}
    answers[log("pod-2")] = lambda: Reply(200, b"")
    return {PODS: pods(*counted), **answers}, by_path(completions=model)


def test_prefixes_that_stay_and_spread() -> None:
    seen: dict[str, str] = {}

    def follows(prompt: str) -> str:
        return seen.setdefault(prompt[:64], f"pod-{len(seen) % 2 + 1}")

    answers, model = _two_replicas(follows)
    with _cluster(model) as (world, gateway):
        session: Any = world.connect({})
        session.answers.update(answers)
        result = run(_parameters(**NAMED, ask=["completion"]), world)
    rows = {row["prefix"]: set(row["replicas"]) for row in result["prefixes"]}
    assert len(rows) == 4
    assert all(len(replicas) == 1 for replicas in rows.values())
    assert set.union(*rows.values()) == {"pod-1", "pod-2"}
    assert result["findings"] == []
    assert result["summary"][-5].split() == ["prefix", "pod-1", "pod-2"]
    assert len(gateway.requests) == 1 + 4 * 3


def test_prefixes_that_are_scattered() -> None:
    turns = itertools.count()
    answers, model = _two_replicas(lambda _prompt: f"pod-{next(turns) % 2 + 1}")
    with _cluster(model) as (world, _gateway):
        session: Any = world.connect({})
        session.answers.update(answers)
        result = run(_parameters(**NAMED, ask=["completion"], prefixes=3), world)
        none = run(_parameters(**NAMED, ask=["completion"], prefixes=0), world)
    assert [one["code"] for one in result["findings"]] == ["SMOKE-PREFIX-SCATTERED"]
    assert result["ok"]
    assert none["prefixes"] == []


GATEWAY_POD = {
    **pod(ready=True),
    "metadata": {"name": "gw-1", "uid": "g"},
    "spec": {
        "containers": [{"name": "istio-proxy", "ports": [{"name": "http", "containerPort": 80}]}]
    },
}
GATEWAY_SERVICE = {
    "metadata": {"name": "inference-gateway-istio"},
    "spec": {"ports": [{"port": 80, "targetPort": "http"}, {"port": 8080, "targetPort": 8081}]},
}
FRONT = {
    "GET /api/v1/namespaces/opendatahub/pods": found({"items": [GATEWAY_POD]}),
    "GET /api/v1/namespaces/opendatahub/services": found({"items": [GATEWAY_SERVICE]}),
}


def _unreachable(port: int, **given: Any) -> tuple[dict[str, Any], list[tuple[str, str, int]]]:
    """Ask a service whose address does not resolve; its gateway's pod is at ``port``."""
    opened: list[tuple[str, str, int]] = []

    def open_port(_session: Any) -> Callable[[str, str, int], Any]:
        def dialled(namespace: str, name: str, wanted: int) -> Any:
            opened.append((namespace, name, wanted))
            return dial(port)(namespace, name, wanted)

        return dialled

    service = _service("http://gateway.invalid/ns/name")
    world = _world({f"GET {SERVICE}": found(service), **FRONT})
    world = World(world.connect, open_port, world.clock)
    return run(_parameters(**NAMED, ask=["completion"], **given), world), opened


def test_a_port_is_forwarded_where_there_is_no_way_to_the_address() -> None:
    with serving(GOOD) as gateway:
        result, opened = _unreachable(gateway.port)
    assert result["ok"], result["msg"]
    assert (result["way"], result["text"]) == ("port-forward", " Paris.")
    assert result["connected_to"] == "pod opendatahub/gw-1:80 by port-forward"
    assert [one["code"] for one in result["findings"]] == ["SMOKE-WAY"]
    assert "gateway.invalid:80" in result["findings"][0]["found"]
    assert set(opened) == {("opendatahub", "gw-1", 80)}
    assert gateway.requests[0].headers["host"] == "gateway.invalid"


def test_a_way_that_is_asked_for_is_no_finding() -> None:
    with serving(GOOD) as gateway:
        result, _opened = _unreachable(gateway.port, way="port-forward")
        direct, none = _unreachable(gateway.port, way="direct", wait_timeout=0)
    assert (result["way"], result["findings"]) == ("port-forward", [])
    assert [one["code"] for one in direct["findings"]] == ["SMOKE-DNS"]
    assert none == []


@pytest.mark.parametrize(
    ("given", "answers", "words"),
    [
        ({"url": "http://a", "way": "job", "ask": ["chat"]}, {}, "need a cluster"),
        (
            {**NAMED, "way": "port-forward"},
            {GATEWAY_PODS: pods()},
            "no pod of Gateway opendatahub/",
        ),
        (
            {**NAMED, "way": "port-forward"},
            {"GET /api/v1/namespaces/opendatahub/services": pods()},
            "has no Service with the labels",
        ),
        (
            {**NAMED, "way": "port-forward", "url": "http://a:99/ns/name"},
            {},
            "leads port 99 nowhere. Expected one of its ports in the URL: 80, 8080",
        ),
        ({**NAMED, "way": "job"}, {PODS: pods()}, "no pod of ns/name is on a node"),
    ],
)
def test_a_way_that_cannot_be_taken(
    given: dict[str, Any], answers: dict[str, Any], words: str
) -> None:
    service = _service("http://gateway.invalid/ns/name")
    world = _world({f"GET {SERVICE}": found(service), **FRONT, **answers})
    result = run(_parameters(**given), world)
    assert result["failed"]
    assert words in result["msg"]


ALL = {"ask": ["models", "completion", "chat", "stream", "chat_stream"]}


def test_every_question_is_asked_and_judged() -> None:
    with _cluster(by_path(completions=reply(200, answer(), **PICKED))) as (world, gateway):
        result = run(_parameters(**NAMED, **ALL), world)
    assert result["ok"], result["msg"]
    assert result["findings"] == []
    assert [one["question"] for one in result["requests"]] == [
        "completion",
        "models",
        "chat",
        "stream",
        "chat_stream",
    ]
    assert result["texts"] == {
        "completion": " Paris.",
        "chat": " Paris.",
        "stream": " Paris.",
        "chat_stream": "Paris.",
    }
    streamed = result["requests"][3]
    assert 0 < streamed["first_token_seconds"] <= streamed["seconds"]
    assert streamed["gap_seconds"]["count"] == 2
    assert (streamed["prompt_tokens"], streamed["completion_tokens"]) == (5, 3)
    assert result["first_answer_seconds"] == result["latency_seconds"]
    assert all(b'"seed"' not in one.body for one in gateway.requests)


def test_the_result_is_what_is_documented() -> None:
    with _cluster(GOOD) as (world, _gateway):
        result = run(_parameters(**NAMED), world)
    documented = set(yaml.safe_load(inference_smoke.RETURN))
    assert set(result) - {"changed"} == documented


def test_one_broken_question_fails_with_its_own_code() -> None:
    broken = by_path(stream=stream(*chunks("a", "b")[:-1]), chat=reply(500, b"boom"))
    with _cluster(broken) as (world, _gateway):
        result = run(_parameters(**NAMED, **ALL), world)
    errors = {(one["code"], one["subject"].rpartition("/v1/")[2]) for one in result["findings"]}
    assert ("SMOKE-STREAM-END", "completions") in errors
    assert ("SMOKE-SERVER-ERROR", "chat/completions") in errors
    assert result["text"] == " Paris."


def test_only_the_list_of_models() -> None:
    with _cluster(GOOD) as (world, gateway):
        result = run(_parameters(**NAMED, ask=["models"], require_scheduler=True), world)
    assert (result["ok"], result["models"], result["findings"]) == (True, [MODEL], [])
    assert len(gateway.requests) == 1


def test_repeated_requests_are_recorded_one_by_one() -> None:
    with serving(by_path(stream=stream(*chunks("a", "b", "c")))) as gateway:
        given = {"url": gateway.url, "ask": ["stream"], "repeats": 12, "concurrency": 4}
        result = run(_parameters(**given), _world({}))
    assert result["ok"], result["msg"]
    told = result["latencies"]
    assert (told["question"], told["requests"], told["failed"]) == ("stream", 12, 0)
    assert told["seconds"]["count"] == told["first_token_seconds"]["count"] == 12
    assert told["gap_seconds"]["count"] == 24
    assert len(result["requests"]) == 2 + 12
    assert result["requests"][0]["started_seconds"] == 0


def test_some_of_the_repeated_requests_fail() -> None:
    numbers = itertools.count()

    def sheds(connection: Any, received: Any) -> None:
        shed = next(numbers) % 3 == 2
        good = reply(200, answer())
        (reply(429, b"inference gateway: full") if shed else good)(connection, received)

    with serving(by_path(completions=sheds)) as gateway:
        given = {"url": gateway.url, "ask": ["completion"], "repeats": 9}
        result = run(_parameters(**given), _world({}))
    assert [one["code"] for one in result["findings"]] == ["SMOKE-REPEATS-FAILED"]
    assert result["findings"][0]["found"] == "of 9 requests failed: 3 SMOKE-SHED"
    assert result["latencies"]["seconds"]["count"] == 6


def test_the_first_answer_has_a_budget_of_its_own() -> None:
    first = itertools.count()

    def compiles(connection: Any, received: Any) -> None:
        if next(first) == 0:
            time.sleep(1.5)
        reply(200, answer())(connection, received)

    with serving(by_path(completions=compiles)) as gateway:
        given = {"url": gateway.url, "model": MODEL, "request_timeout": 1}
        patient = run(_parameters(**given, first_timeout=5), _world({}))
        hasty = run(_parameters(**given, first_timeout=1, wait_timeout=0), _world({}))
    assert patient["ok"]
    assert patient["first_answer_seconds"] > 1.4
    assert hasty["ok"], "compiled by now"


def test_a_late_answer_is_explained_by_the_servers() -> None:
    with _cluster(by_path(completions=lambda c, r: time.sleep(5))) as (world, _gateway):
        session: Any = world.connect({})
        session.answers[PODS] = found({"items": [pod(ready=True)]})
        held = metrics("vllm:num_requests_running", 1, "gauge")
        session.answers[server_metrics("pod-1")] = Reply(200, held.encode())
        result = run(_parameters(**NAMED, first_timeout=1, wait_timeout=0), world)
    assert [one["code"] for one in result["findings"]] == ["SMOKE-TIMEOUT", "SMOKE-SERVER-WORKING"]


def test_a_broken_server_is_not_waited_for() -> None:
    refuses = by_path(completions=reply(503, b"no healthy upstream"))
    with _cluster(refuses) as (world, _gateway):
        session: Any = world.connect({})
        session.answers[PODS] = found({"items": [CRASHES]})
        result = run(_parameters(**NAMED), world)
    assert result["attempts"] == 1
    codes = [one["code"] for one in result["findings"]]
    assert codes == ["SMOKE-NO-UPSTREAM", "SMOKE-SERVER-BROKEN"]


def test_an_answer_that_must_hold_something() -> None:
    with serving(by_path()) as gateway:
        given = {"url": gateway.url, "ask": ["completion", "chat"]}
        right = run(_parameters(**given, answer_pattern="Paris"), _world({}))
        wrong = run(_parameters(**given, answer_pattern="Rome"), _world({}))
        schema = run(_parameters(**given, answer_schema={"type": "object"}), _world({}))
    assert right["ok"]
    assert [one["code"] for one in wrong["findings"]] == ["SMOKE-ANSWER-PATTERN"] * 2
    assert [one["code"] for one in schema["findings"]] == ["SMOKE-ANSWER-SCHEMA"]
    sent = [
        json.loads(one.body) for one in gateway.requests if one.path.endswith("chat/completions")
    ]
    assert sent[-1]["response_format"]["json_schema"]["schema"] == {"type": "object"}


def test_waiting_for_an_address() -> None:
    with serving(GOOD) as gateway:
        reads = iter([_service(""), _service(""), _service(f"{gateway.url}/ns/name")])
        answers: dict[str, Callable[[], Reply] | Reply] = {
            f"GET {SERVICE}": lambda: found(next(reads)),
            f"GET {GATEWAY}": refused(404, "not found"),
        }
        result = run(_parameters(**NAMED), _world(answers))
    assert (result["ok"], result["url_origin"]) == (True, "status.url")


def test_no_address_ever() -> None:
    answers = {
        f"GET {SERVICE}": found(_service("")),
        f"GET {GATEWAY}": found({"spec": {"listeners": [{"port": 80}]}, "status": {}}),
    }
    result = run(_parameters(**NAMED), _world(answers))
    assert result["failed"]
    assert "reports no address" in result["msg"]


def test_an_address_built_from_the_gateway() -> None:
    with serving(GOOD) as gateway:
        listener = {"protocol": "HTTP", "port": 80}
        built = {
            "spec": {"listeners": [listener]},
            "status": {"addresses": [{"value": "10.1.2.3"}]},
        }
        world = _world({f"GET {SERVICE}": found(_service("")), f"GET {GATEWAY}": found(built)})
        connect_to = [f"127.0.0.1:{gateway.port}"]
        result = run(_parameters(**NAMED, connect_to=connect_to), world)
    assert result["ok"]
    assert result["url"] == "http://10.1.2.3/ns/name"
    assert result["url_origin"] == "address of the Gateway"
    assert result["connected_to"] == connect_to[0]


@pytest.mark.parametrize(
    ("answers", "words"),
    [
        ({"GET /apis/serving.kserve.io": refused(404, "not found")}, "ns/name is not in the"),
        ({f"GET {SERVICE}": refused(404, "not found")}, "ns/name is not in the cluster"),
        ({f"GET {SERVICE}": refused(403, "forbidden: no right")}, "forbidden: no right"),
        ({f"GET {SERVICE}": LOST}, "no answer from the API server https://cluster.example"),
    ],
)
def test_a_service_that_cannot_be_read(answers: dict[str, Any], words: str) -> None:
    result = run(_parameters(**NAMED), _world(answers))
    assert (result["failed"], result["ok"]) == (True, False)
    assert words in result["msg"]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"url": "nonsense"}, "cannot be used"),
        ({"url": "http://a", "connect_to": ["x"]}, "Expected HOST:PORT"),
        ({"url": "http://a", "max_tokens": 0}, "max_tokens is 0"),
        ({"url": "http://a", "concurrency": 0}, "concurrency is 0"),
        ({"url": "http://a", "ask": []}, "ask is empty"),
        ({"url": "http://a", "answer_pattern": "("}, "answer_pattern is no regular expression"),
        ({"url": "http://a", "answer_schema": {"type": 1}}, "answer_schema cannot be used: it is"),
        ({"url": "http://a", "answer_schema": {"$ref": "http://b/c"}}, "http://b/c is elsewhere"),
        ({"url": "http://a", "request_timeout": 0}, "request_timeout is 0"),
        ({"url": "http://a", "headers": {"Authorization": "hunter2\n"}}, "Authorization cannot"),
        ({"url": "http://a", "gateway_ca_cert": "/none.pem"}, "gateway_ca_cert /none.pem"),
    ],
)
def test_bad_options_are_named(given: dict[str, Any], words: str) -> None:
    result = run(_parameters(**given), _world({}))
    assert result["failed"]
    assert words in result["msg"]
    assert "hunter2" not in str(result)


def test_no_way_to_the_cluster() -> None:
    def refuse(_parameters: Any) -> Any:
        raise ConnectionProblem("kubeconfig /x does not exist")

    result = run(_parameters(**NAMED), World(refuse, lambda _session: dial(1), FakeClock()))
    assert (result["failed"], result["msg"]) == (True, "kubeconfig /x does not exist")


def test_secret_headers_appear_nowhere() -> None:
    with _cluster(reply(401, {"error": "Unauthorized"})) as (world, gateway):
        result = run(_parameters(**NAMED, headers={"Authorization": "Bearer hunter2"}), world)
    assert gateway.requests[0].headers["authorization"] == "Bearer hunter2"
    assert "hunter2" not in str(result)


def test_secret_headers_are_not_shown_when_a_server_sends_them_back() -> None:
    def echoes(connection: Any, received: Any) -> None:
        reply(403, json.dumps(received.headers).encode())(connection, received)

    def speaks(connection: Any, received: Any) -> None:
        reply(200, answer(text=received.headers["authorization"]))(connection, received)

    headers = {"Authorization": "Bearer hunter2-and-more"}
    for behaviour in (echoes, by_path(completions=speaks)):
        with serving(behaviour) as gateway:
            given = {"url": gateway.url, "model": MODEL, "headers": headers}
            result = run(_parameters(**given, ask=["completion"]), _world({}))
        assert gateway.requests[0].headers["authorization"] == headers["Authorization"]
        assert "hunter2" not in str(result)


def test_the_options_are_those_that_are_documented() -> None:
    documented = yaml.safe_load(inference_smoke.DOCUMENTATION)["options"]
    for name, option in documented.items():
        spec = argument_spec()[name]
        assert {key: option.get(key) for key in ("type", "default", "elements")} == {
            key: spec.get(key) for key in ("type", "default", "elements")
        }, name
    assert {"kubeconfig", "context", *documented} <= set(argument_spec())


def test_the_playbook_hands_over_every_option() -> None:
    playbook = Path(__file__).parents[4] / "playbooks/smoke_test.yml"
    task = yaml.safe_load(playbook.read_text())[0]["tasks"][0]["llmd.tpu.inference_smoke"]
    documented = set(yaml.safe_load(inference_smoke.DOCUMENTATION)["options"])
    not_of_a_service = {"url", "model", "gateway", "metrics_service_account"}
    assert set(task) == documented - not_of_a_service
