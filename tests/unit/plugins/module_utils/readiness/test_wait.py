# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Waiting: looks when a doorbell rings, tells changes, ends early without hope, explains itself."""

from __future__ import annotations

import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any
from urllib.parse import quote

import pytest
from ansible_collections.llmd.tpu.plugins.module_utils.connection import ConnectionLost, Reply
from ansible_collections.llmd.tpu.plugins.module_utils.manifests.client import Api
from ansible_collections.llmd.tpu.plugins.module_utils.readiness.look import Look, Looker, Memory
from ansible_collections.llmd.tpu.plugins.module_utils.readiness.verdicts import Verdict, Wish
from ansible_collections.llmd.tpu.plugins.module_utils.readiness.wait import (
    Pace,
    Waiter,
    wait_ready,
)

from tests.unit.plugins.module_utils.readiness.scripted import Script, ScriptedDoorbells, waiter

DEPLOYMENT = "/apis/apps/v1/namespaces/n/deployments/d"
PODS = "/api/v1/namespaces/n/pods"
EVENTS = "/api/v1/namespaces/n/events"
WISH = Wish("apps/v1", "Deployment", "d", "n")
ITSELF = "/apis/apps/v1/namespaces/n/deployments?fieldSelector=metadata.name%3Dd"
ITS_PODS = f"{PODS}?labelSelector=app%3Dd"


def deployment(available: int, **status: Any) -> dict[str, Any]:
    counts = {"replicas": 1, "updatedReplicas": 1, "availableReplicas": available}
    spec = {"replicas": 1, "selector": {"matchLabels": {"app": "d"}}}
    metadata = {"name": "d", "uid": "u"}
    return {
        "metadata": metadata,
        "spec": spec,
        "status": {"observedGeneration": 1, **counts, **status},
    }


def test_a_ring_makes_it_look_and_each_change_is_told_once() -> None:
    script = Script()
    script.answers[DEPLOYMENT] = [None, deployment(0), deployment(0), deployment(1)]
    rings = [(2.0, ITSELF), (3.0, ITSELF), (7.5, ITS_PODS)]
    it, lines, bells = waiter(script, WISH, rings=rings)
    assert it.wait(60) is None
    assert script.looks(DEPLOYMENT) == [0.0, 2.0, 3.0, 7.5]
    assert it.report()[0]["ready"] is True
    assert lines == [
        "[   0 s, 0 of 1 ready] Deployment n/d waits: it does not exist",
        "[   2 s, 0 of 1 ready] Deployment n/d waits: 1 of 1 pods updated, 0 available, 1 exist",
        "[   8 s, 1 of 1 ready] Deployment n/d ready",
    ]
    assert bells.kept == [[ITSELF], [ITSELF, ITS_PODS], [ITSELF, ITS_PODS]]
    assert bells.closed


def test_what_is_ready_at_once_is_not_told() -> None:
    script = Script()
    script.answers[DEPLOYMENT] = [deployment(1)]
    it, lines, bells = waiter(script, WISH)
    assert it.wait(60) is None
    assert lines == []
    assert bells.kept == []


def test_without_a_ring_it_looks_every_quarter_minute_and_tells_every_half() -> None:
    script = Script()
    script.answers[DEPLOYMENT] = [deployment(0)]
    it, lines, _bells = waiter(script, WISH)
    words = it.wait(70)
    assert script.looks(DEPLOYMENT) == [0.0, 15.0, 30.0, 45.0, 60.0, 70.0]
    assert [line[:7] for line in lines] == ["[   0 s", "[  30 s", "[  60 s"]
    assert words is not None
    assert "1 object is not ready after 70 s" in words
    assert "Deployment n/d: 1 of 1 pods updated, 0 available" in words


def test_a_place_that_cannot_be_watched_is_read_every_second() -> None:
    script = Script()
    script.answers[DEPLOYMENT] = [deployment(0)]
    it, lines, bells = waiter(script, WISH)
    bells.without = {ITSELF}
    it.wait(5)
    assert script.looks(DEPLOYMENT) == [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]
    assert sum("cannot be watched" in line for line in lines) == 1


def test_many_rings_do_not_make_many_looks() -> None:
    script = Script()
    script.answers[DEPLOYMENT] = [deployment(0)]
    rings = [(1.0 + number / 1000, ITSELF) for number in range(100)]
    it, _lines, _bells = waiter(script, WISH, rings=rings)
    it.wait(5)
    assert len(script.looks(DEPLOYMENT)) <= 5


def test_no_look_at_what_is_ready() -> None:
    script = Script()
    script.answers["/api/v1/namespaces/a"] = [{"status": {"phase": "Active"}}]
    script.answers[DEPLOYMENT] = [deployment(0), deployment(0), deployment(1)]
    it, lines, _bells = waiter(script, Wish("v1", "Namespace", "a"), WISH)
    assert it.wait(60) is None
    assert script.looks("/api/v1/namespaces/a") == [0.0]
    assert "[   0 s, 1 of 2 ready] Deployment n/d waits" in lines[0]


def test_gone_means_that_it_does_not_exist() -> None:
    script = Script()
    leaving = {"metadata": {"deletionTimestamp": "T", "finalizers": ["x.y/hold"]}}
    script.answers["/api/v1/namespaces/a"] = [leaving, None]
    it, lines, _bells = waiter(
        script, Wish("v1", "Namespace", "a", gone=True), Wish("x.y/v1", "Foo", "f", gone=True)
    )
    assert it.wait(60) is None
    assert "Namespace a waits: it is being deleted since T; held by x.y/hold" in lines[0]
    assert script.now == 15.0


def crashing(restarts: int) -> dict[str, Any]:
    container = {
        "name": "main",
        "restartCount": restarts,
        "state": {"waiting": {"reason": "CrashLoopBackOff"}},
        "lastState": {"terminated": {"exitCode": 3}},
    }
    metadata = {"name": "d-1", "uid": "1", "creationTimestamp": "1"}
    return {"items": [{"metadata": metadata, "status": {"containerStatuses": [container]}}]}


def test_a_crash_loop_ends_the_waiting_early() -> None:
    script = Script()
    script.answers[DEPLOYMENT] = [deployment(0)]
    script.answers[PODS] = [crashing(5), crashing(5), crashing(6)]
    it, _lines, _bells = waiter(script, WISH, rings=[(1.0, ITS_PODS), (4.0, ITS_PODS)])
    words = it.wait(600)
    assert words is not None
    assert "1 object cannot become ready after 4 s" in words
    assert "it crashes again and again (6 restarts, last exit code 3)" in words


def test_ready_between_two_crashes_is_not_ready() -> None:
    script = Script()
    script.answers[DEPLOYMENT] = [deployment(0), deployment(1), deployment(0), deployment(1)]
    script.answers[PODS] = [crashing(0)]
    it, lines, _bells = waiter(script, WISH, rings=[(1.0, ITS_PODS), (1.5, ITSELF), (5.0, ITSELF)])
    assert it.wait(60) is None
    assert script.now == 15.0
    assert sum("waiting whether it stays" in line for line in lines) == 2


def test_refused_pods_end_the_waiting_early() -> None:
    script = Script()
    failure = {"type": "ReplicaFailure", "status": "True", "message": "exceeded quota: q"}
    script.answers[DEPLOYMENT] = [deployment(0, conditions=[failure])]
    place = {"kind": "ReplicaSet", "name": "d-5f6c"}
    event = {"involvedObject": place, "reason": "FailedCreate", "message": "exceeded quota: q"}
    script.answers[EVENTS] = [{"items": [{**event, "count": count}]} for count in (3, 4, 5)]
    it, lines, _bells = waiter(script, WISH)
    words = it.wait(600)
    assert "waits: its pods are refused: exceeded quota: q" in lines[0]
    assert words is not None
    assert "cannot become ready after 4 s" in words
    assert words.count("exceeded quota") == 1


def test_a_service_s_endpoints_are_watched() -> None:
    script = Script()
    slices = "/apis/discovery.k8s.io/v1/namespaces/n/endpointslices"
    ready = {"items": [{"endpoints": [{"conditions": {"ready": True}}]}]}
    script.answers["/api/v1/namespaces/n/services/s"] = [{"metadata": {}}]
    script.answers[slices] = [{"items": []}, ready]
    ring = f"{slices}?labelSelector={quote('kubernetes.io/service-name=s', safe='')}"
    it, _lines, _bells = waiter(script, Wish("v1", "Service", "s", "n"), rings=[(3.0, ring)])
    assert it.wait(60) is None
    assert script.now == 3.0


def test_a_webhook_is_asked_until_it_answers() -> None:
    script = Script()
    service = {"namespace": "n", "name": "s", "path": "/validate"}
    config = {"name": "w", "clientConfig": {"caBundle": "x", "service": service}}
    kind = "ValidatingWebhookConfiguration"
    script.answers["/apis/admissionregistration.k8s.io/v1/webhooks/v"] = [{"webhooks": [config]}]
    script.answers["/apis/discovery.k8s.io/v1/namespaces/n/endpointslices"] = [
        {"items": [{"endpoints": [{}]}]}
    ]
    script.answers["/api/v1/namespaces/n/services/https:s:443/proxy/validate"] = [
        Reply(503, b"connection refused"),
        ConnectionLost("timed out"),
        Reply(400, b"no body found"),
    ]
    it, lines, _bells = waiter(script, Wish("admissionregistration.k8s.io/v1", kind, "v"))
    assert it.wait(60) is None
    assert script.now == 2.0
    assert "does not reach webhook w" in lines[0]


def test_why_no_address_comes_is_told_by_the_service() -> None:
    script = Script()
    programmed = {"type": "Programmed", "status": "False", "reason": "AddressNotAssigned"}
    accepted = {"type": "Accepted", "status": "True"}
    script.answers["/apis/gateway.networking.k8s.io/v1/namespaces/n/gateways/g"] = [
        {"status": {"conditions": [accepted, programmed]}}
    ]
    service = {"metadata": {"name": "g-istio", "uid": "s"}}
    script.answers["/api/v1/namespaces/n/services"] = [{"items": [service]}]
    place = {"uid": "s", "name": "g-istio"}
    event = {"involvedObject": place, "reason": "SyncLoadBalancerFailed", "message": "quota"}
    script.answers[EVENTS] = [{"items": [event]}]
    it, lines, _bells = waiter(script, Wish("gateway.networking.k8s.io/v1", "Gateway", "g", "n"))
    assert it.wait(1) is not None
    assert "(AddressNotAssigned); Service n/g-istio: SyncLoadBalancerFailed: quota" in lines[0]


def test_an_outage_while_waiting_is_sat_out() -> None:
    script = Script()
    trouble = Reply(503, b"{}")
    script.answers[DEPLOYMENT] = [ConnectionLost("reset"), trouble, deployment(1)]
    it, lines, _bells = waiter(script, WISH)
    assert it.wait(60) is None
    assert script.now == 2.0
    assert "the API server does not answer: reset" in lines[0]


def refused(status: int) -> Reply:
    message = {"kind": "Status", "message": "deployments is forbidden"}
    return Reply(status, json.dumps(message).encode())


@pytest.mark.parametrize(
    ("status", "words"), [(403, "it cannot be read (403)"), (401, "refused the credentials")]
)
def test_a_refusal_counts_when_it_lasts(status: int, words: str) -> None:
    script = Script()
    script.answers[DEPLOYMENT] = [refused(status)] * 3 + [deployment(0)] + [refused(status)]
    it, lines, _bells = waiter(script, WISH)
    told = it.wait(600)
    assert told is not None
    assert "cannot become ready after 23 s" in told  # of which 15 s after a look that worked
    assert words in told
    assert len(lines) == 3


@pytest.mark.parametrize(
    ("wish", "words"),
    [
        (Wish("apps/v1", "Deployment", "d"), "namespace is not given"),
        (
            Wish("x.y/v1", "Foo", "f"),
            "does not know the kind Foo in x.y/v1: its CustomResourceDefinition is not installed",
        ),
        (
            Wish("serving.kserve.io/v1alpha1", "LLMInferenceServiceConfig", "f", "n"),
            "is not installed (phase kserve brings it)",
        ),
        (Wish("apps/v1beta2", "Deployment", "f"), "it knows it in apps/v1"),
    ],
)
def test_what_is_said_of_wishes_that_cannot_be_looked_at(wish: Wish, words: str) -> None:
    it, _lines, _bells = waiter(Script(), wish)
    assert words in str(it.wait(1))


def test_a_kind_that_comes_later_is_found() -> None:
    script = Script()
    kind = {"name": "foos", "kind": "Foo", "namespaced": False}
    script.answers["/apis/x.y/v1"] = [None, {"resources": [kind, {**kind, "name": "foos/status"}]}]
    script.answers["/apis/x.y/v1/foos/f"] = [{"metadata": {}}]
    it, _lines, _bells = waiter(script, Wish("x.y/v1", "Foo", "f"))
    assert it.wait(60) is None
    assert script.now == 2.0


def test_a_kind_that_must_exist_ends_the_waiting_at_once() -> None:
    it, _lines, _bells = waiter(Script(), Wish("x.y/v1", "Foo", "f"), kinds_exist=True)
    assert "cannot become ready after 0 s" in str(it.wait(60))


def service(name: str, ready: str) -> dict[str, Any]:
    conditions = [{"type": kind, "status": ready} for kind in ("PresetsCombined", "Ready")]
    conditions.append({"type": "MainWorkloadReady", "status": ready})
    status = {"observedGeneration": 1, "conditions": conditions}
    return {"metadata": {"name": name, "generation": 1}, "spec": {}, "status": status}


def test_many_services_are_read_by_two_lists_and_then_one_by_one() -> None:
    script = Script()
    version, names = "serving.kserve.io/v1alpha1", ["s0", "s1", "s2", "s3"]
    services = f"/apis/{version}/namespaces/n/llminferenceservices"
    deployments = "/apis/apps/v1/namespaces/n/deployments"
    ready = [service(name, "True") for name in names[1:]]
    script.answers[services] = [{"items": [service("s0", "False"), *ready]}]
    script.answers[f"{services}/s0"] = [service("s0", "True")]
    children = [deployment(1) for _name in names]
    for name, child in zip(names, children, strict=True):
        child["metadata"] |= {"name": name, "labels": {"app.kubernetes.io/name": name}}
    script.answers[deployments] = [{"items": children}]
    it, lines, _bells = waiter(
        script, *(Wish(version, "LLMInferenceService", n, "n") for n in names)
    )
    assert it.wait(60) is None
    assert script.looks(services) == [0.0]
    assert script.looks(f"{services}/s0") == [15.0]
    assert not any(script.looks(f"{services}/{name}") for name in names[1:])
    assert script.looks(deployments) == [0.0, 15.0]
    assert len(lines) == 2


LEFT = "/api/v1/namespaces/n/pods"


def test_all_that_carry_labels_must_go() -> None:
    script = Script()
    names = ({"metadata": {"name": name}} for name in "abcd")
    script.answers[LEFT] = [{"items": list(names)}, {"items": []}]
    wish = Wish("v1", "Pod", "", "n", gone=True, selector="app=d")
    it, lines, bells = waiter(script, wish, rings=[(2.0, ITS_PODS)])
    assert it.wait(60) is None
    assert bells.kept == [[ITS_PODS]]
    assert "Pod n/app=d waits: a, b, c and 1 more left" in lines[0]
    assert lines[1].endswith("Pod n/app=d they are gone")


def test_who_holds_what_is_left_is_told() -> None:
    script = Script()
    metadata = {"name": "a", "deletionTimestamp": "2026-11-28T12:00:00Z", "finalizers": ["x/y"]}
    script.answers[LEFT] = [{"items": [{"metadata": metadata}]}]
    wish = Wish("v1", "Pod", "", "n", gone=True, selector="app=d")
    it, _lines, _bells = waiter(script, wish)
    assert "held by x/y" in str(it.wait(1))


def test_a_selector_is_for_what_goes_only() -> None:
    entry = {"api_version": "v1", "kind": "Pod", "namespace": "n", "selector": "app=d"}
    params = {"objects": [entry], "wait_timeout": 1}
    result = wait_ready(params, Script(), check=False, progress=lambda line: None)
    assert "Pod n/app=d is chosen by selector. Expected: gone, or a name" in result["msg"]


def test_check_mode_looks_once_and_does_not_fail() -> None:
    script = Script()
    entry = {"api_version": "apps/v1", "kind": "Deployment", "name": "d", "namespace": "n"}
    params = {"objects": [entry], "wait_timeout": 60}
    result = wait_ready(params, script, check=True, progress=lambda line: None)
    assert "failed" not in result
    assert result["changed"] is False
    assert result["objects"] == [{**entry, "ready": False, "reason": "it does not exist"}]


@pytest.mark.parametrize(("progress", "lines"), [(True, 1), (False, 0)])
def test_progress_can_be_switched_off(progress: bool, lines: int) -> None:
    told: list[str] = []
    entry = {"api_version": "x.y/v1", "kind": "Foo", "name": "f"}
    params = {"objects": [entry], "wait_timeout": 0, "progress": progress}
    wait_ready(params, Script(), check=False, progress=told.append)
    assert len(told) == lines


class Counting:
    """Says the same of an object at every look, with a number that rises."""

    def __init__(self) -> None:
        self.looks = 0

    def begin(self, _wishes: Sequence[Wish], _pool: ThreadPoolExecutor) -> None:
        """Read nothing."""

    def look(self, _wish: Wish, _memory: Memory) -> Look:
        """Count."""
        self.looks += 1
        return Look(Verdict(False, "compiles", detail=f", graph {self.looks}"), [], 1.0)


def test_a_detail_is_told_with_the_next_line_but_makes_none() -> None:
    script, lines = Script(), list[str]()
    bells = ScriptedDoorbells(script)
    it = Waiter(Counting(), [WISH], lines.append, bells, script.clock, Pace(progress=5.0))
    assert it.wait(11)
    assert [line.partition("waits: ")[2] for line in lines] == [
        "compiles, graph 1",
        "compiles, graph 6",
        "compiles, graph 11",
    ]


def test_looks_keep_the_gap_that_is_asked_for() -> None:
    script = Script()
    script.answers[DEPLOYMENT] = [deployment(0)]
    api = Api(script)
    api.discover()
    bells = ScriptedDoorbells(script, *((0.1 * ring, ITSELF) for ring in range(50)))
    Waiter(Looker(api), [WISH], list[str]().append, bells, script.clock, Pace(gap=2.0)).wait(5)
    looks = script.looks(DEPLOYMENT)
    assert all(later - earlier >= 2.0 for earlier, later in pairwise(looks[:-1]))
