# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Does the smoke test ask, wait, judge and weigh as a whole?"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
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
    models,
    reply,
    serving,
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
    metrics,
    pods,
    refused,
    server_metrics,
)

SERVICE = f"/apis/serving.kserve.io/v1alpha2/namespaces/{NAMESPACE}/llminferenceservices/{NAME}"
GATEWAY = "/apis/gateway.networking.k8s.io/v1/namespaces/opendatahub/gateways/inference-gateway"
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
        "prompt": "The capital of France is",
        "max_tokens": 16,
        "headers": {},
        "gateway_ca_cert": None,
        "wait_timeout": 30,
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


def test_the_options_are_those_that_are_documented() -> None:
    documented = yaml.safe_load(inference_smoke.DOCUMENTATION)["options"]
    for name, option in documented.items():
        spec = argument_spec()[name]
        assert {key: option.get(key) for key in ("type", "default", "elements")} == {
            key: spec.get(key) for key in ("type", "default", "elements")
        }, name
    assert {"kubeconfig", "context", *documented} <= set(argument_spec())
