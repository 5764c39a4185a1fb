# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Converging against a scripted API server: order, retries, conflicts, check mode, secrets."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.llmd.tpu.plugins.module_utils.connection import (
    ConnectionLost,
    ConnectionProblem,
    Reply,
)
from ansible_collections.llmd.tpu.plugins.module_utils.manifests import report
from ansible_collections.llmd.tpu.plugins.module_utils.manifests.apply import apply
from ansible_collections.llmd.tpu.plugins.module_utils.manifests.client import Api, first_contact
from ansible_collections.llmd.tpu.plugins.module_utils.manifests.converge import (
    Converger,
    TakeOver,
    Wishes,
)
from ansible_collections.llmd.tpu.plugins.module_utils.manifests.load import inline
from ansible_collections.llmd.tpu.plugins.module_utils.manifests.report import Outcome

from tests.unit.plugins.module_utils.manifests.server import Clock, Server, status


def settings(name: str = "c", **data: str) -> dict[str, Any]:
    metadata = {"name": name, "namespace": "n"}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


def converge(
    server: Server, definition: Any, clock: Clock | None = None, **wishes: Any
) -> tuple[list[Outcome], Api]:
    clock = clock or Clock()
    api = Api(server)
    api.discover()
    converger = Converger(api, Wishes(**wishes), clock, clock.sleep)
    return converger.run(inline(definition)), api


def actions(outcomes: list[Outcome]) -> list[str]:
    return [outcome.action for outcome in outcomes]


CRD = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "things.things.io"},
    "spec": {
        "group": "things.io",
        "names": {"plural": "things", "kind": "Thing"},
        "scope": "Namespaced",
        "versions": [{"name": "v0", "served": False}, {"name": "v1", "served": True}],
    },
}
THING = {"apiVersion": "things.io/v1", "kind": "Thing", "metadata": {"name": "t", "namespace": "n"}}
WEBHOOK = {
    "apiVersion": "admissionregistration.k8s.io/v1",
    "kind": "ValidatingWebhookConfiguration",
    "metadata": {"name": "w"},
}
NAMESPACE = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "n"}}


def test_order_and_kinds_that_come_with_the_list() -> None:
    server = Server()
    outcomes, api = converge(server, [WEBHOOK, THING, settings(), CRD, NAMESPACE])
    assert actions(outcomes) == ["created"] * 5
    written = [line.split()[0] for line in server.log]
    assert written == ["n", "things.things.io", "c", "t", "w"]
    assert "fieldManager=llmd.tpu" in server.log[0]
    assert api.counts.writes == 5


def crd_refused(name: str, status_: str) -> Callable[[str, str], Reply | None]:
    """A CRD that the server does not take up, with this condition."""
    condition = {"type": name, "status": status_, "message": "taken by others"}
    body = {"metadata": {}, "status": {"conditions": [condition]}}

    def trouble(method: str, path: str) -> Reply | None:
        if path == "/apis/things.io/v1/things?limit=1":
            return status(404, "not found")
        if method == "GET" and path.endswith("/things.things.io") and "PATCHED" in log:
            return Reply(200, json.dumps(body).encode())
        if method == "PATCH":
            log.append("PATCHED")
        return None

    log: list[str] = []
    return trouble


def test_a_crd_whose_names_are_taken() -> None:
    server, clock = Server(), Clock()
    server.troubles.append(crd_refused("NamesAccepted", "False"))
    outcomes, _api = converge(server, CRD, clock)
    assert "does not accept its names: taken by others" in outcomes[0].error
    assert clock.now < 5


def test_a_crd_that_is_never_established() -> None:
    server, clock = Server(), Clock()
    server.troubles.append(crd_refused("Established", "False"))
    outcomes, _api = converge(server, CRD, clock, wait_seconds=20.0)
    assert "the CRD was not Established after 20 s" in outcomes[0].error
    assert clock.now < 25


def test_a_second_run_writes_nothing() -> None:
    server = Server()
    converge(server, [settings(a="1"), NAMESPACE])
    outcomes, api = converge(server, [settings(a="1"), NAMESPACE])
    assert actions(outcomes) == ["none", "none"]
    assert api.counts.writes == 0


def test_a_value_that_a_webhook_spells_its_own_way_is_not_written_again() -> None:
    server = Server()
    converge(server, settings(a="LOUD"))
    path = next(path for path in server.objects if "configmaps" in path)
    stored = server.objects[path] = {**server.objects[path], "data": {"a": "loud"}}

    def spelt_by_webhook(method: str, _path: str) -> Reply | None:
        return Reply(200, json.dumps(stored).encode()) if method == "PATCH" else None

    server.troubles.append(spelt_by_webhook)
    server.log.clear()
    outcomes, api = converge(server, settings(a="LOUD"))
    assert actions(outcomes) == ["none"]
    assert api.counts.writes == 0
    assert len(server.log) == 1
    assert "dryRun=All" in server.log[0]


def test_check_mode_writes_nothing_and_predicts() -> None:
    server = Server()
    converge(server, settings(a="1"))
    server.log.clear()
    outcomes, api = converge(server, [settings(a="2"), THING, CRD], check=True)
    assert actions(outcomes) == ["changed", "created", "created"]
    assert outcomes[0].fields == ("data.a",)
    assert "Thing in things.io/v1 is not there yet" in outcomes[1].reason
    assert api.counts.writes == 0
    assert all("dryRun=All" in line for line in server.log)


def test_labels_and_namespace_are_added() -> None:
    server = Server()
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}}
    cluster_wide = {**NAMESPACE, "metadata": {"name": "n", "namespace": "wrong"}}
    converge(server, [body, cluster_wide], namespace="m", labels={"llmd.tpu/phase": "p"})
    assert server.objects["/api/v1/namespaces/m/configmaps/c"]["metadata"] == {
        "name": "c",
        "namespace": "m",
        "labels": {"llmd.tpu/phase": "p"},
    }
    assert "namespace" not in server.objects["/api/v1/namespaces/n"]["metadata"]


def test_check_mode_places_objects_of_kinds_that_come_with_the_list() -> None:
    thing = {**THING, "metadata": {"name": "t"}}
    outcomes, _api = converge(Server(), [thing, CRD], check=True, namespace="m")
    assert outcomes[0].manifest.title == "Thing m/t"
    written, _api = converge(Server(), [thing, CRD], namespace="m")
    assert written[0].manifest.title == "Thing m/t"


def test_a_server_that_went_away_is_waited_for_once() -> None:
    server, clock = Server(), Clock()

    def away(method: str, path: str) -> Reply | None:
        if "configmaps" in path:
            raise ConnectionLost("reset")
        return None

    server.troubles.append(away)
    many = [settings(f"c{number}") for number in range(40)]
    outcomes, _api = converge(server, many, clock)
    assert actions(outcomes) == ["failed"] * 40
    assert "the connection to the API server was lost" in outcomes[0].error
    assert clock.now < 60


def test_a_failed_object_hides_no_other() -> None:
    server = Server()
    server.troubles.append(
        lambda method, path: status(422, "data: bad") if "/bad?" in path else None
    )
    no_place = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "nowhere"}}
    outcomes, _api = converge(server, [settings("bad"), no_place, settings("good")])
    assert actions(outcomes) == ["failed", "failed", "created"]
    words = report.failure(outcomes)
    assert "2 of 3 objects failed (1 created, 2 failed)" in words
    assert "ConfigMap n/bad [definition, item 1]: the API server refused it (422)" in words
    assert "it names no namespace" in words


CONFLICT = [
    {
        "reason": "FieldManagerConflict",
        "message": 'conflict with "kubectl" using v1',
        "field": ".data.a",
    }
]


def conflicting(method: str, path: str) -> Reply | None:
    if method == "PATCH" and "force=false" in path:
        return status(409, "Apply failed", CONFLICT)
    return None


def test_a_conflict_names_object_field_owner_and_the_way_out() -> None:
    server = Server()
    server.troubles.append(conflicting)
    outcomes, _api = converge(server, settings(a="1"))
    assert actions(outcomes) == ["failed"]
    for words in ("data.a", "kubectl", "take_over", "force_conflicts"):
        assert words in outcomes[0].error


@pytest.mark.parametrize(
    ("entry", "action"),
    [
        (TakeOver("ConfigMap"), "created"),
        (TakeOver("ConfigMap", "c", ("data",)), "created"),
        (TakeOver("ConfigMap", "c", (".data.a",)), "created"),
        (TakeOver("ConfigMap", "c", ("data.ab",)), "failed"),
        (TakeOver("ConfigMap", "other"), "failed"),
        (TakeOver("Secret"), "failed"),
    ],
)
def test_take_over_covers_what_it_names(entry: TakeOver, action: str) -> None:
    server = Server()
    server.troubles.append(conflicting)
    outcomes, _api = converge(server, settings(a="1"), take_over=(entry,))
    assert actions(outcomes) == [action]


def test_force_conflicts() -> None:
    server = Server()
    server.troubles.append(conflicting)
    outcomes, _api = converge(server, settings(a="1"), force=True)
    assert actions(outcomes) == ["created"]


@pytest.mark.parametrize(
    "reply",
    [
        status(429, "too many requests"),
        status(503, "unavailable"),
        status(409, "the object has been modified"),
        status(500, 'Internal error occurred: failed calling webhook "a.b": connection refused'),
        status(500, "conversion webhook for x failed: x509: unknown authority"),
        status(404, "the server could not find the requested resource"),
        status(403, "forbidden: unable to create because it is being terminated"),
        ConnectionLost("reset"),
    ],
)
def test_what_heals_is_retried(reply: Reply | ConnectionLost) -> None:
    server = Server()
    left = [3]

    def trouble(method: str, path: str) -> Reply | None:
        if method != "PATCH" or not left[0]:
            return None
        left[0] -= 1
        if isinstance(reply, Exception):
            raise reply
        return reply

    server.troubles.append(trouble)
    outcomes, api = converge(server, settings())
    assert actions(outcomes) == ["created"]
    assert api.counts.retries == 3


@pytest.mark.parametrize(("seconds", "action"), [(7, "created"), (45, "failed")])
def test_the_server_says_when_to_come_back(seconds: int, action: str) -> None:
    server, clock = Server(), Clock()
    left = [1]

    def busy(method: str, path: str) -> Reply | None:
        if method != "PATCH" or not left[0]:
            return None
        left[0] -= 1
        return replace(status(429, "too many requests"), retry_after=float(seconds))

    server.troubles.append(busy)
    outcomes, _api = converge(server, settings(), clock)
    assert actions(outcomes) == [action]
    assert clock.now == (seconds if action == "created" else 0)


@pytest.mark.parametrize(
    ("reply", "seconds"),
    [
        (status(503, "unavailable"), 30),
        (status(500, 'failed calling webhook "a": connection refused'), 100),
        (status(500, "failed to create typed patch object: .x: field not declared"), 0),
        (status(400, 'admission webhook "a" denied the request: no'), 0),
        (status(422, "invalid"), 0),
        (status(404, 'namespaces "n" not found'), 0),
    ],
)
def test_patience_ends(reply: Reply, seconds: float) -> None:
    server, clock = Server(), Clock()
    server.troubles.append(lambda method, path: reply if method == "PATCH" else None)
    outcomes, _api = converge(server, settings(), clock, wait_seconds=100.0)
    assert actions(outcomes) == ["failed"]
    assert seconds - 4 <= clock.now <= seconds


def test_a_kind_that_never_comes() -> None:
    clock = Clock()
    outcomes, _api = converge(Server(), THING, clock, wait_seconds=10.0)
    assert "no matches for kind Thing in things.io/v1" in outcomes[0].error
    assert clock.now <= 10


def test_a_misspelt_builtin_kind_is_refused_at_once_in_check_mode_too() -> None:
    body = {**settings(), "kind": "ConfigMapp"}
    for check in (True, False):
        outcomes, _api = converge(Server(), body, check=check)
        assert "It has there: ConfigMap, Namespace, Secret" in outcomes[0].error


def test_an_object_being_deleted_is_waited_for() -> None:
    server, clock = Server(), Clock()
    path = "/api/v1/namespaces/n/configmaps/c"
    server.objects[path] = {
        "metadata": {"deletionTimestamp": "now", "finalizers": ["a/b"], "name": "c"}
    }
    outcomes, _api = converge(server, settings(), clock, wait_seconds=5.0)
    assert "finalizers: a/b" in outcomes[0].error

    def gone(_method: str, _path: str) -> None:
        server.objects.pop(path, None)

    server.troubles.append(gone)
    outcomes, _api = converge(server, settings(), clock, wait_seconds=5.0)
    assert actions(outcomes) == ["created"]


def test_secrets_are_in_no_output() -> None:
    server = Server()
    metadata = {"name": "s", "namespace": "n"}

    def secret(value: str) -> dict[str, Any]:
        return {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": metadata,
            "stringData": {"password": value},
        }

    first = apply({"definition": secret("hunter2-old")}, server, check=False)
    second = apply({"definition": secret("hunter2-new")}, server, check=False)
    server.troubles.append(
        lambda m, p: status(422, 'Invalid value: "hunter2-bad"') if m == "PATCH" else None
    )
    third = apply({"definition": secret("hunter2-bad")}, server, check=False)
    assert [first["changed"], second["changed"], third["changed"]] == [True, True, False]
    assert second["diff"][0]["before"] != second["diff"][0]["after"]
    assert third["failed"]
    for result in (first, second, third):
        text = json.dumps(result)
        assert "hunter2" not in text
        assert "aHVudGVyMi" not in text


def test_the_result_has_everything_the_roles_read() -> None:
    result = apply({"definition": settings(a="1")}, Server(), check=False)
    assert result["changed"] is True
    assert result["writes"] == 1
    assert result["objects"][0] == {
        "kind": "ConfigMap",
        "api_version": "v1",
        "name": "c",
        "namespace": "n",
        "action": "created",
        "fields": [],
        "reason": "",
        "milliseconds": result["objects"][0]["milliseconds"],
    }
    assert result["diff"][0]["after"]["data"] == {"a": "1"}


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({}, "nothing to apply"),
        ({"state": "absent"}, "nothing to apply"),
        ({"definition": NAMESPACE, "prune": True}, "prune needs labels"),
        ({"definition": "a: ["}, "not YAML"),
    ],
)
def test_bad_input_fails_in_words(params: dict[str, Any], words: str) -> None:
    result = apply(params, Server(), check=False)
    assert result["failed"]
    assert words in result["msg"]


@pytest.mark.parametrize("code", [429, 503, 0])
def test_a_server_that_is_busy_at_first_contact_is_asked_again(code: int) -> None:
    server, clock, answers = Server(), Clock(), [code] * 3

    def busy(method: str, path: str) -> Reply | None:
        if path != "/api" or not answers:
            return None
        if not answers.pop():
            raise ConnectionLost("Connection reset by peer")
        return status(code, "come back later")

    server.troubles.append(busy)
    api = Api(server)
    first_contact(api, clock, clock.sleep)
    assert api.kind("v1", "ConfigMap")
    assert api.counts.retries == 3
    assert 0 < clock.now < 5


def test_a_server_that_never_answers_is_named_soon() -> None:
    server, clock = Server(), Clock()

    def refuse(method: str, path: str) -> Reply | None:
        raise ConnectionLost("Connection refused")

    server.troubles.append(refuse)
    with pytest.raises(ConnectionProblem) as problem:
        first_contact(Api(server), clock, clock.sleep)
    assert "no API server answers at https://server (kubeconfig /k)" in str(problem.value)
    assert 5 <= clock.now < 8


def test_a_server_that_stays_busy_is_not_taken_for_one_that_refuses() -> None:
    server, clock = Server(), Clock()
    server.troubles.append(lambda method, path: status(429, "come back later"))
    with pytest.raises(ConnectionProblem) as problem:
        first_contact(Api(server), clock, clock.sleep)
    assert "come back later. Asked again for 30 s" in str(problem.value)
    assert 20 < clock.now <= 30


def test_bad_credentials() -> None:
    server = Server()
    server.troubles.append(lambda method, path: status(401, "Unauthorized"))
    result = apply({"definition": NAMESPACE}, server, check=False)
    assert "refused the credentials (401 Unauthorized)" in result["msg"]
