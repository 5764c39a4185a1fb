# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Many services of one namespace: each list is read once in a round, and each sees its own."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from ansible_collections.llmd.tpu.plugins.module_utils.connection import Reply
from ansible_collections.llmd.tpu.plugins.module_utils.manifests.client import Api
from ansible_collections.llmd.tpu.plugins.module_utils.readiness.verdicts import Wish
from ansible_collections.llmd.tpu.plugins.module_utils.readiness.wait import Pace, Waiter
from ansible_collections.llmd.tpu.plugins.module_utils.startup.looking import Eyes
from ansible_collections.llmd.tpu.plugins.module_utils.startup.watching import StartupLooker

from tests.unit.plugins.module_utils.readiness.scripted import Script, ScriptedDoorbells
from tests.unit.plugins.module_utils.startup.failing import pool
from tests.unit.plugins.module_utils.startup.starts import (
    DOWNLOADED,
    NAME,
    NAMESPACE,
    READY_POD,
    WISH,
    container,
    deployment,
    event,
    pod,
    service,
)

SERVICES = f"/apis/serving.kserve.io/v1alpha1/namespaces/{NAMESPACE}/llminferenceservices"
DEPLOYMENTS = f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments"
POOLS = f"/apis/inference.networking.k8s.io/v1/namespaces/{NAMESPACE}/inferencepools"
PODS = f"/api/v1/namespaces/{NAMESPACE}/pods"
EVENTS = f"/api/v1/namespaces/{NAMESPACE}/events"
MANY = 6
WISHES = [replace(WISH, name=f"model-{number}") for number in range(MANY)]


def named(item: dict[str, Any], number: int) -> dict[str, Any]:
    """The same of another service."""
    text = json.dumps(item).replace(NAME, f"model-{number}").replace("pod-uid", f"pod-{number}")
    made: dict[str, Any] = json.loads(text)
    made["metadata"]["labels"] = (item["metadata"].get("labels") or {}) | {
        "app.kubernetes.io/name": f"model-{number}"
    }
    return made


def listed(items: Iterable[dict[str, Any]]) -> dict[str, Any]:
    return {"metadata": {}, "items": list(items)}


def watched(script: Script, wishes: list[Wish]) -> StartupLooker:
    """One look at each of them."""
    api = Api(script)
    api.discover()
    looker = StartupLooker(Eyes(api, script, script.clock), wishes, script.clock)
    bells = ScriptedDoorbells(script)
    Waiter(looker, wishes, lambda _line: None, bells, script.clock, Pace()).look()
    return looker


def cluster(ready: int) -> Script:
    """Services of which the first ones are ready, and one more in the namespace."""
    script = Script()
    numbers = range(MANY + 1)
    waits = "MinimumReplicasUnavailable: no pod"
    one_of = {
        SERVICES: (service(), service(MainWorkloadReady=waits, Ready=waits)),
        DEPLOYMENTS: (deployment(), deployment(availableReplicas=0)),
        PODS: (READY_POD, pod(node="")),
        POOLS: (pool({"kserve.io/component": "workload"}),) * 2,
    }
    script.answers |= {
        place: [listed(named(pair[number >= ready], number) for number in numbers)]
        for place, pair in one_of.items()
    }
    script.answers[EVENTS] = [listed(named(event("FailedScheduling", "no"), 5) for _ in "1")]
    return script


def test_each_list_is_read_once_and_each_service_sees_its_own() -> None:
    script = cluster(ready=3)
    looker = watched(script, WISHES)
    done = [looker.courses[wish].step.done for wish in WISHES]
    assert done == [True, True, True, False, False, False]
    read = Counter(place for _when, place in script.asked if NAMESPACE in place)
    assert read[SERVICES] == read[DEPLOYMENTS] == read[PODS] == read[POOLS] == read[EVENTS] == 1
    assert not [place for place in read if place.startswith(f"{SERVICES}/")]


class SlowScript(Script):
    """A server whose answers take time, so that no two services are read at the same moment."""

    def send(self, *request: Any, **more: Any) -> Reply:
        self.now += 0.01
        return super().send(*request, **more)


def test_they_stay_together_although_each_is_looked_at_a_moment_later() -> None:
    script = SlowScript()
    script.answers = cluster(ready=0).answers
    running = pod(DOWNLOADED, container(running={}))  # of which each has a log to read
    script.answers[PODS] = [listed(named(running, number) for number in range(MANY))]
    api = Api(script)
    api.discover()
    looker = StartupLooker(Eyes(api, script, script.clock), WISHES, script.clock)
    bells = ScriptedDoorbells(script)
    Waiter(looker, WISHES, lambda _line: None, bells, script.clock, Pace(15.0, 0.25)).wait(10.0)
    read = Counter(place for _when, place in script.asked if NAMESPACE in place)
    assert read[SERVICES] == read[PODS] > 5
    assert not [place for place in read if place.startswith(f"{SERVICES}/")]


def test_without_a_pod_that_waits_nobody_reads_events_and_nodes() -> None:
    script = cluster(ready=MANY)
    looker = watched(script, WISHES)
    assert all(looker.courses[wish].step.done for wish in WISHES)
    assert not [place for _when, place in script.asked if "nodes" in place or place == EVENTS]


def test_nodes_are_everybody_s() -> None:
    script = cluster(ready=0)
    watched(script, WISHES)
    assert len([place for _when, place in script.asked if place == "/api/v1/nodes"]) == 1


def test_a_list_that_may_not_be_read_leaves_each_to_itself() -> None:
    script = cluster(ready=MANY)
    script.answers[SERVICES] = [Reply(403, b'{"message": "no list for you"}')]
    for number in range(MANY):
        script.answers[f"{SERVICES}/model-{number}"] = [named(service(), number)]
    looker = watched(script, WISHES)
    assert all(looker.courses[wish].step.done for wish in WISHES)


def test_few_are_read_one_by_one() -> None:
    script = cluster(ready=MANY)
    script.answers[f"{SERVICES}/model-0"] = [named(service(), 0)]
    watched(script, WISHES[:1])
    assert SERVICES not in [place for _when, place in script.asked]
