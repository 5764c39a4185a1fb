# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Waiting: looks once a second, tells changes, ends early without hope, explains a time-out."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from ansible_collections.llmd.tpu.plugins.module_utils.connection import ConnectionLost, Reply
from ansible_collections.llmd.tpu.plugins.module_utils.manifests.client import Api
from ansible_collections.llmd.tpu.plugins.module_utils.readiness.predicates import Wish
from ansible_collections.llmd.tpu.plugins.module_utils.readiness.wait import Waiter, wait_ready

RESOURCES = {
    "v1": {"Namespace": "namespaces", "Pod": "pods", "Event": "events"},
    "apps/v1": {"Deployment": "deployments"},
}
CLUSTER_WIDE = ("Namespace",)
DEPLOYMENT = "/apis/apps/v1/namespaces/n/deployments/d"
PODS = "/api/v1/namespaces/n/pods"
WISH = Wish("apps/v1", "Deployment", "d", "n")


def deployment(available: int) -> dict[str, Any]:
    counts = {"replicas": 1, "updatedReplicas": 1, "availableReplicas": available}
    spec = {"replicas": 1, "selector": {"matchLabels": {"app": "d"}}}
    return {"metadata": {}, "spec": spec, "status": {"observedGeneration": 1, **counts}}


class Script:
    """Answers by path; a list is gone through look by look and stays at its last."""

    server, source = "https://server", "kubeconfig /k"

    def __init__(self, **_unused: Any) -> None:
        self.answers: dict[str, list[Any]] = {}
        self.now = 0.0
        self.asked: list[tuple[float, str]] = []

    def send(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes | None = None
    ) -> Reply:
        assert method == "GET"
        if path in ("/api", "/apis"):
            return Reply(200, json.dumps(discovery(core=path == "/api")).encode())
        place = path.partition("?")[0]
        self.asked.append((self.now, place))
        answers = self.answers.get(place, [None])
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, Reply):
            return answer
        return Reply(200 if answer else 404, json.dumps(answer or {}).encode())

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def discovery(*, core: bool) -> dict[str, Any]:
    items = []
    for api_version, kinds in RESOURCES.items():
        group, _slash, version = api_version.rpartition("/")
        if bool(group) != core:
            resources = [
                {
                    "resource": plural,
                    "scope": "Cluster" if kind in CLUSTER_WIDE else "Namespaced",
                    "responseKind": {"kind": kind},
                }
                for kind, plural in kinds.items()
            ]
            versions = [{"version": version, "resources": resources}]
            items.append({"metadata": {"name": group}, "versions": versions})
    return {"items": items}


def waiter(script: Script, *wishes: Wish) -> tuple[Waiter, list[str]]:
    api, lines = Api(script), list[str]()
    api.discover()
    return Waiter(api, wishes or [WISH], lines.append, script.clock, script.sleep), lines


def test_it_waits_and_tells_each_change_once() -> None:
    script = Script()
    script.answers[DEPLOYMENT] = [None, None, deployment(0), deployment(0), deployment(1)]
    it, lines = waiter(script)
    assert it.wait(60) is None
    assert it.report()[0]["ready"] is True
    assert [line.partition("] ")[2] for line in lines] == [
        "Deployment n/d waits: it does not exist",
        "Deployment n/d waits: 1 of 1 pods updated, 0 available, 1 exist",
    ]
    assert script.now == 4.0


def test_one_look_a_second_and_a_line_every_quarter_minute() -> None:
    script = Script()
    script.answers[DEPLOYMENT] = [deployment(0)]
    it, lines = waiter(script)
    words = it.wait(60)
    looks = [now for now, path in script.asked if path == DEPLOYMENT]
    assert looks == [float(second) for second in range(61)]
    assert len(lines) == 5 - 1
    assert words is not None
    assert "1 objects not ready after 60 s" in words
    assert "Deployment n/d: 1 of 1 pods updated, 0 available" in words


def test_gone_means_that_it_does_not_exist() -> None:
    script = Script()
    leaving = {"metadata": {"deletionTimestamp": "T", "finalizers": ["x.y/hold"]}}
    script.answers["/api/v1/namespaces/a"] = [leaving, leaving, None]
    it, lines = waiter(
        script, Wish("v1", "Namespace", "a", gone=True), Wish("x.y/v1", "Foo", "f", gone=True)
    )
    assert it.wait(60) is None
    assert "Namespace a waits: it is being deleted since T; held by x.y/hold" in lines[0]
    assert script.now == 2.0


def test_no_look_at_what_is_ready() -> None:
    script = Script()
    script.answers["/api/v1/namespaces/a"] = [{"status": {"phase": "Active"}}]
    script.answers[DEPLOYMENT] = [deployment(0), deployment(0), deployment(1)]
    it, _lines = waiter(script, Wish("v1", "Namespace", "a"), WISH)
    assert it.wait(60) is None
    assert sum(path == "/api/v1/namespaces/a" for _now, path in script.asked) == 1


def crashing(restarts: int) -> dict[str, Any]:
    container = {
        "name": "main",
        "restartCount": restarts,
        "state": {"waiting": {"reason": "CrashLoopBackOff"}},
    }
    metadata = {"name": "d-1", "uid": "1", "creationTimestamp": "1"}
    return {"items": [{"metadata": metadata, "status": {"containerStatuses": [container]}}]}


def test_a_crash_loop_ends_the_waiting_early() -> None:
    script = Script()
    script.answers[DEPLOYMENT] = [deployment(0)]
    script.answers[PODS] = [crashing(5), crashing(6), crashing(7)]
    it, _lines = waiter(script)
    words = it.wait(600)
    assert words is not None
    assert "cannot become ready after 2 s" in words
    assert "it crashes again and again (7 restarts)" in words


def test_an_outage_while_waiting_is_sat_out() -> None:
    script = Script()
    trouble = Reply(503, b"{}")
    script.answers[DEPLOYMENT] = [ConnectionLost("reset"), trouble, deployment(1)]
    it, lines = waiter(script)
    assert it.wait(60) is None
    assert "the API server does not answer: reset" in lines[0]


@pytest.mark.parametrize(
    ("wish", "words"),
    [
        (Wish("apps/v1", "Deployment", "d"), "namespace is not given"),
        (Wish("x.y/v1", "Foo", "f"), "does not know the kind Foo in x.y/v1"),
        (WISH, "it cannot be read (403)"),
    ],
)
def test_what_is_said_of_wishes_that_cannot_be_looked_at(wish: Wish, words: str) -> None:
    script = Script()
    forbidden = {"kind": "Status", "message": "deployments is forbidden"}
    script.answers[DEPLOYMENT] = [Reply(403, json.dumps(forbidden).encode())]
    it, _lines = waiter(script, wish)
    assert words in str(it.wait(1))


def test_check_mode_looks_once_and_does_not_fail() -> None:
    script = Script()
    entry = {"api_version": "apps/v1", "kind": "Deployment", "name": "d", "namespace": "n"}
    params = {"objects": [entry], "wait_timeout": 60}
    result = wait_ready(params, script, check=True, progress=lambda line: None)
    assert "failed" not in result
    assert result["changed"] is False
    assert result["objects"] == [{**entry, "ready": False, "reason": "it does not exist"}]
