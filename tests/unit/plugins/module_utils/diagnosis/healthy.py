# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Clusters in which all is well, although they do not look the same."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ansible_collections.llmd.tpu.plugins.module_utils.diagnosis.snapshot import Asked, Snapshot
from ansible_collections.llmd.tpu.plugins.module_utils.findings import Finding
from ansible_collections.llmd.tpu.plugins.module_utils.startup.stages import Stage, Step

from tests.unit.plugins.module_utils.diagnosis.clusters import (
    JUST_NOW,
    KSERVE,
    NOT_FOUND,
    REFUSED,
    SERVER,
    adding,
    another_step,
    asked,
    certificate,
    cluster,
    pool,
    service,
    together,
    unavailable,
    without,
)
from tests.unit.plugins.module_utils.gateway import test_judge as gateways
from tests.unit.plugins.module_utils.startup import starts
from tests.unit.plugins.module_utils.startup.starts import NAME, NAMESPACE

Object = dict[str, Any]


def fresh() -> Snapshot:
    """A moment after `apply`: nothing is made yet, and no condition is reported."""
    live = service()
    live["metadata"]["creationTimestamp"] = JUST_NOW
    live["status"] = {"observedGeneration": 1, "conditions": []}

    def change(items: list[Object]) -> None:
        items[:] = [one for one in items if one["metadata"].get("namespace") != NAMESPACE]

    early = cluster(change, live=live, alive={}, sight={"asked": asked(NOT_FOUND)})
    return another_step(early, Stage.CHILDREN, "KServe makes it")


def just_ready() -> Snapshot:
    """Ready since two seconds: the gateway knows neither route nor scheduler yet."""
    live = service()
    for one in live["status"]["conditions"]:
        one["lastTransitionTime"] = JUST_NOW
    unrouted = Finding("SMOKE-NOT-ROUTED", "warning", "the answer came round the scheduler")
    told = asked(NOT_FOUND)
    return cluster(live=live, sight={"asked": Asked([*told.findings, unrouted])})


def restarted() -> Snapshot:
    """The server was killed for want of memory once, and serves again."""
    before = starts.container(
        running={}, ready=True, restarts=1, last={"exitCode": 137, "reason": "OOMKilled"}
    )
    again = {**starts.pod(starts.DOWNLOADED, before), "kind": "Pod"}
    return cluster(together(without("Pod", SERVER), lambda items: items.append(again)))


def all_restarted() -> Snapshot:
    """The cluster was started anew: neither the gateway nor KServe's webhook answers yet."""

    def change(items: list[Object]) -> None:
        for one in items:
            if one["kind"] == "EndpointSlice" and one["metadata"]["name"] == "kserve-webhook-abc":
                one["endpoints"] = []
            if one["kind"] == "Pod" and one["metadata"]["namespace"] == KSERVE:
                [ready] = one["status"]["conditions"]
                ready |= {"status": "False", "lastTransitionTime": JUST_NOW}

    return cluster(change, sight={"asked": asked(REFUSED)})


def two_models() -> Snapshot:
    """Two services, each with its own objects; Istio asks the scheduler of one of them only."""
    another = pool()
    another["metadata"]["name"] = "another-inference-pool"
    unrouted = Finding("SMOKE-NOT-ROUTED", "warning", "the answer came round the scheduler")
    one = cluster(adding(another), sight={"asked": Asked([unrouted])})
    [first] = one.services
    second = replace(first, sight=replace(first.sight, subject=f"{first.sight.subject}-2"))
    return replace(one, services=[first, second])


def https() -> Snapshot:
    """An HTTPS listener with a certificate that is valid."""
    pem, _key = certificate("gateway")
    live = gateways.gateway()
    live["spec"]["listeners"] = [
        {
            "name": "https",
            "port": 443,
            "protocol": "HTTPS",
            "tls": {"certificateRefs": [{"name": "listener"}]},
        }
    ]
    url = f"https://203.0.113.10/{NAMESPACE}/{NAME}/v1"
    return cluster(
        gateway={"live": live},
        certificates={(f"{KSERVE}/listener", "tls.crt"): pem},
        url=url,
    )


def private() -> Snapshot:
    """A private address: KServe leaves status.url out."""
    live = service()
    del live["status"]["url"]
    live["status"]["addresses"] = [{"url": f"http://10.0.0.5/{NAMESPACE}/{NAME}"}]
    address = [{"type": "IPAddress", "value": "10.0.0.5"}]
    return cluster(live=live, gateway={"live": gateways.gateway(addresses=address)})


def without_scheduler() -> Snapshot:
    """The route leads to the Service; there is neither pool nor scheduler."""
    live = service(SchedulerWorkloadReady=None, InferencePoolReady=None)
    live["spec"]["router"] = {"gateway": {}, "route": {}}
    scheduler = f"{NAME}-kserve-router-scheduler"
    gone = together(
        without("InferencePool"),
        without("Deployment", scheduler),
        without("Pod", "scheduler-1"),
        without("Service", f"{NAME}-epp-service"),
    )
    return cluster(gone, live=live)


def stopped() -> Snapshot:
    """Stopped on purpose: nothing of it is left but the service."""
    live = service(MainWorkloadReady="Stopped: stopped", Ready="Stopped: stopped")
    live["metadata"]["annotations"] = {"serving.kserve.io/stop": "true"}

    def change(items: list[Object]) -> None:
        items[:] = [one for one in items if one["metadata"].get("namespace") != NAMESPACE]

    return cluster(change, live=live, alive={})


def in_a_rollout() -> Snapshot:
    """The new pod loads its weights, the old one serves."""
    new = starts.pod(starts.DOWNLOADED, starts.container(running={}))
    new["metadata"] |= {
        "name": f"{NAME}-kserve-2",
        "uid": "new",
        "creationTimestamp": JUST_NOW,
    }
    new["metadata"]["labels"] = {**starts.LABELS, "pod-template-hash": "r2"}
    found = cluster(lambda items: items.append({**new, "kind": "Pod"}))
    [one] = found.services
    sight = replace(one.sight, pods=[new])
    step = Step(Stage.SERVER, "pod loads the weights")
    answered = Asked(summary=["HTTP 200 in 0.10 s"])
    return replace(found, services=[replace(one, sight=sight, step=step, asked=answered)])


def replaced_part() -> Snapshot:
    """Istiod's only pod is replaced, a second ago."""

    def change(items: list[Object]) -> None:
        unavailable("istiod")(items)
        for one in items:
            if one["metadata"]["name"] == "istiod" and one["kind"] == "Deployment":
                one["status"]["conditions"][0]["lastTransitionTime"] = JUST_NOW

    return cluster(change)


HEALTHY: list[tuple[str, Snapshot]] = [
    ("fresh", fresh()),
    ("just ready", just_ready()),
    ("restarted", restarted()),
    ("all restarted", all_restarted()),
    ("two models", two_models()),
    ("HTTPS", https()),
    ("private address", private()),
    ("no scheduler", without_scheduler()),
    ("stopped on purpose", stopped()),
    ("in the middle of a rollout", in_a_rollout()),
    ("converged", cluster()),
    ("a part that is replaced", replaced_part()),
]
