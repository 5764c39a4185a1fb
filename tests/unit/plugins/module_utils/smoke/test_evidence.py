# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Are the counters read as the real parties give them, and is every refusal named?"""

from __future__ import annotations

import json
import socket
from typing import Any

import pytest
from ansible_collections.llmd.tpu.plugins.module_utils.connection import Reply
from ansible_collections.llmd.tpu.plugins.module_utils.smoke.evidence import (
    Evidence,
    Place,
)

from tests.unit.plugins.module_utils.smoke.misbehaving import MODEL, Behaviour, raw, reply, serving
from tests.unit.plugins.module_utils.smoke.scripted import (
    ACCOUNT,
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

GRANTED = found({"status": {"token": "t0ken"}})
PLACE = Place(NAMESPACE, NAME, ACCOUNT, ("opendatahub", "inference-gateway"))
GATEWAY_PODS = "GET /api/v1/namespaces/opendatahub/pods"
EPP = metrics("inference_objective_request_total", 3)


def _evidence(session: Any, port: int = 1) -> Evidence:
    return Evidence(session, dial(port), PLACE)


def test_the_scheduler_is_asked_with_a_short_lived_token() -> None:
    session = ScriptedSession({PODS: pods("epp-1"), TOKEN: GRANTED})
    with serving(reply(200, EPP)) as server:
        evidence = _evidence(session, server.port)
        counters = evidence.scheduler(MODEL)
        evidence.scheduler(MODEL)
    assert (counters.values, counters.problem) == ({"epp-1": 3.0}, "")
    assert server.requests[0].path == "/metrics"
    assert server.requests[0].headers["authorization"] == "Bearer t0ken"
    assert session.asked.count(TOKEN) == 1
    wanted = json.loads(session.bodies[session.asked.index(TOKEN)] or b"")
    assert wanted["spec"]["expirationSeconds"] == 600


def test_model_servers_are_asked_through_the_api_server() -> None:
    counted = metrics("vllm:request_success_total", 5).encode()
    session = ScriptedSession(
        {
            PODS: pods("a", "b"),
            server_metrics("a"): Reply(200, counted),
            server_metrics("b"): refused(503, "no endpoints"),
        }
    )
    counters = _evidence(session).servers(MODEL)
    assert counters.values == {"a": 5.0}
    assert "b: HTTP 503" in counters.problem


@pytest.mark.parametrize(
    ("behaviour", "words"),
    [
        (reply(401, b"Unauthorized"), "HTTP 401: ServiceAccount llmd-tpu-metrics-reader may not"),
        (reply(403, b"Forbidden"), "HTTP 403: ServiceAccount llmd-tpu-metrics-reader may not"),
        (reply(500), "HTTP 500"),
        (raw(b""), "port 9090"),
        (raw(b"nonsense"), "port 9090"),
        (reply(200, b'inference_model_request_total{a="b} 1'), "epp-1"),
    ],
)
def test_why_the_scheduler_was_not_read(behaviour: Behaviour, words: str) -> None:
    session = ScriptedSession({PODS: pods("epp-1"), TOKEN: GRANTED})
    with serving(behaviour) as server:
        counters = _evidence(session, server.port).scheduler(MODEL)
    assert counters.total is None
    assert words in counters.problem
    assert "t0ken" not in counters.problem


@pytest.mark.parametrize(
    ("answers", "words"),
    [
        ({PODS: LOST}, "no answer from the API server"),
        ({PODS: refused(403, "pods is forbidden")}, "pods is forbidden"),
        ({PODS: pods()}, "no pod in ns has the labels app.kubernetes.io/name=name"),
        (
            {PODS: pods("e"), TOKEN: refused(404, 'serviceaccounts "x" not found')},
            "no token for ServiceAccount llmd-tpu-metrics-reader",
        ),
        ({PODS: pods("e"), TOKEN: found({"status": {}})}, "no token"),
        ({PODS: pods("e"), TOKEN: Reply(200, b"<html>")}, "the reply is no JSON"),
    ],
)
def test_why_nothing_was_read(answers: dict[str, Any], words: str) -> None:
    counters = _evidence(ScriptedSession(answers)).scheduler(MODEL)
    assert counters.total is None
    assert words in counters.problem


def test_a_port_that_cannot_be_opened() -> None:
    def refuse(namespace: str, pod: str, port: int) -> socket.socket:
        raise OSError("port-forward refused: Forbidden")

    session = ScriptedSession({PODS: pods("e"), TOKEN: GRANTED})
    counters = Evidence(session, refuse, PLACE).scheduler(MODEL)
    assert "port-forward refused: Forbidden" in counters.problem


def test_a_model_server_that_does_not_answer() -> None:
    session = ScriptedSession({PODS: pods("a"), server_metrics("a"): LOST})
    assert "a: no answer" in _evidence(session).servers(MODEL).problem


def _clusters(**requests: int) -> dict[str, Any]:
    """Envoy's list of clusters, as 1.36 gives it."""
    return {
        "cluster_statuses": [
            {
                "name": f"outbound|9002||{name}.ns.svc.cluster.local",
                "host_statuses": [
                    {
                        "stats": [
                            {"name": "cx_total", "value": "9"},
                            {"value": str(n), "name": "rq_total"},
                        ]
                    },
                    {"stats": [{"name": "rq_total"}]},
                ],
            }
            for name, n in requests.items()
        ]
    }


def test_the_gateway_is_asked_how_often_it_asked_the_scheduler() -> None:
    session = ScriptedSession({GATEWAY_PODS: pods("gw-1")})
    named = {"name-epp-service": 7, "other-name-epp-service": 5}
    with serving(reply(200, _clusters(**named))) as envoy:
        counters = _evidence(session, envoy.port).gateway()
    assert (counters.values, counters.problem) == ({"gw-1": 7.0}, "")
    assert envoy.requests[0].path == "/clusters?format=json"
    assert "authorization" not in envoy.requests[0].headers


@pytest.mark.parametrize(
    ("behaviour", "words"),
    [
        (reply(200, _clusters(other=3)), "it knows no name-epp-service.ns.svc"),
        (reply(200, b"not JSON"), "no list of clusters"),
        (raw(b""), "port 15000"),
    ],
)
def test_why_the_gateway_was_not_read(behaviour: Behaviour, words: str) -> None:
    session = ScriptedSession({GATEWAY_PODS: pods("gw-1")})
    with serving(behaviour) as envoy:
        counters = _evidence(session, envoy.port).gateway()
    assert counters.total is None
    assert words in counters.problem


def test_the_log_is_read_when_it_may_be() -> None:
    line = f'{{"msg":"Request handled","incomingModelName":"{MODEL}","endpoint":"10.0.0.1:8000"}}'
    session = ScriptedSession({PODS: pods("epp-1"), log("epp-1"): Reply(200, line.encode())})
    witness = _evidence(session).log(MODEL, "cmpl-1", 0.2)
    assert witness is not None
    assert witness.says == "yes"
    session.answers[log("epp-1")] = refused(403, "no right")
    assert _evidence(session).log(MODEL, "cmpl-1", 0.2) is None
