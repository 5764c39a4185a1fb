# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A webhook is ready when the control plane gets an answer from it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.llmd.tpu.plugins.module_utils.readiness.verdicts import Answer, Sight
from ansible_collections.llmd.tpu.plugins.module_utils.readiness.webhooks import (
    answer_of,
    clients,
    judge,
    stopped,
    to_ask,
)

Object = dict[str, Any]
PROXY = "/api/v1/namespaces/n/services/https:s:9443/proxy/validate"
UP = ({"endpoints": [{"conditions": {"ready": True}}]},)


def configuration(**config: Any) -> Object:
    service = {"namespace": "n", "name": "s", "port": 9443, "path": "/validate"}
    return {
        "webhooks": [{"name": "w", "clientConfig": {"caBundle": "x", "service": service, **config}}]
    }


def sight(live: Object, *slices: Object, answer: Answer | None = None) -> Sight:
    return Sight(live, slices={"n/s": slices}, answers={PROXY: answer} if answer else {})


@pytest.mark.parametrize(
    ("seen", "ready", "words"),
    [
        (sight(configuration(caBundle=""), *UP), False, "no caBundle is injected yet"),
        (sight(configuration()), False, "Service n/s of webhook w has no ready endpoint"),
        (sight(configuration(), *UP, answer=Answer(True, "HTTP 200: ")), True, "ready"),
        (
            sight(configuration(), *UP, answer=Answer(False, "HTTP 503: refused")),
            False,
            "does not reach webhook w at Service n/s, port 9443: HTTP 503: refused",
        ),
        (
            sight(configuration(), *UP, answer=Answer(False, "no", forbidden=True)),
            True,
            "by its endpoints alone",
        ),
    ],
)
def test_verdicts(seen: Sight, ready: bool, words: str) -> None:
    verdict = judge(seen)
    assert verdict.ready is ready
    assert words in verdict.reason
    assert not verdict.hopeless


SERVICE = {"spec": {"selector": {"app": "w"}}}


def deployment(replicas: int, **labels: str) -> Object:
    template = {"metadata": {"labels": labels}}
    return {"metadata": {"name": "d"}, "spec": {"replicas": replicas, "template": template}}


def test_a_service_whose_deployments_are_all_scaled_to_0_gets_no_endpoint() -> None:
    verdict = stopped("n/s", SERVICE, [deployment(0, app="w", other="x"), deployment(1, app="v")])
    assert verdict is not None
    assert verdict.hopeless
    assert "Deployment n/d, which answers for Service n/s, is scaled to 0" in verdict.reason
    assert "kubectl scale -n n deployment/d --replicas=1" in verdict.reason


@pytest.mark.parametrize(
    ("service", "deployments"),
    [
        (SERVICE, [deployment(0, app="w"), deployment(1, app="w")]),
        (SERVICE, [deployment(0, app="v")]),
        (SERVICE, []),
        # Its endpoints are made by hand.
        ({"spec": {}}, [deployment(0, app="w")]),
        ({}, [deployment(0, app="w")]),
    ],
)
def test_one_that_somebody_may_answer_for_is_waited_for(
    service: Object, deployments: list[Object]
) -> None:
    assert stopped("n/s", service, deployments) is None


def test_only_a_webhook_with_ca_and_endpoint_is_asked() -> None:
    assert to_ask(configuration(), sight(configuration(), *UP)) == [PROXY]
    assert to_ask(configuration(), sight(configuration())) == []
    assert to_ask(configuration(caBundle=""), sight({}, *UP)) == []


def test_a_webhook_outside_of_the_cluster_is_not_asked() -> None:
    live = {"webhooks": [{"name": "w", "clientConfig": {"url": "https://example.com"}}]}
    assert to_ask(live, Sight(live)) == []
    assert judge(Sight(live)).ready


def test_the_webhook_of_a_conversion() -> None:
    config = {"caBundle": "x", "service": {"namespace": "n", "name": "s", "path": "convert"}}
    conversion = {"strategy": "Webhook", "webhook": {"clientConfig": config}}
    (client,) = clients({"spec": {"conversion": conversion}})
    assert client.proxy == "/api/v1/namespaces/n/services/https:s:443/proxy/convert"
    assert clients({"spec": {"conversion": {"strategy": "None"}}}) == []


def refusal(code: int, kind: str, message: str) -> bytes:
    details = {"kind": kind}
    return json.dumps(
        {"kind": "Status", "code": code, "message": message, "details": details}
    ).encode()


@pytest.mark.parametrize(
    ("code", "body", "reached", "forbidden", "words"),
    [
        (200, b"{}", True, False, "HTTP 200"),
        (400, b"no body found", True, False, "no body found"),
        (403, b"Forbidden", True, False, "HTTP 403"),
        (404, b"404 page not found", True, False, "HTTP 404"),
        (500, b"boom", True, False, "boom"),
        (503, b"dial tcp 10.0.0.1:9443: connect: connection refused", False, False, "refused"),
        (504, b"", False, False, "HTTP 504"),
        (403, refusal(403, "services", "may not get services/proxy"), False, True, "may not get"),
        (404, refusal(404, "services", "not found"), False, False, "not found"),
        (503, refusal(503, "", 'no endpoints available for "s"'), False, False, "no endpoints"),
    ],
)
def test_what_a_reply_proves(
    code: int, body: bytes, reached: bool, forbidden: bool, words: str
) -> None:
    answer = answer_of(code, body)
    assert (answer.reached, answer.forbidden) == (reached, forbidden)
    assert words in answer.words
