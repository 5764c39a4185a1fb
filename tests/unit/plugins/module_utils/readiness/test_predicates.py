# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Is it ready, and if not, what is it waiting for?"""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.llmd.tpu.plugins.module_utils.readiness.predicates import (
    judge,
    judge_absent,
)
from ansible_collections.llmd.tpu.plugins.module_utils.readiness.verdicts import (
    Sight,
    Verdict,
    Wish,
)

Object = dict[str, Any]


def on(kind: str, live: Object, *slices: Object, **wish: Any) -> Verdict:
    version = "cert-manager.io/v1" if kind == "Certificate" else "v1"
    return judge(Sight(live, slices={"n/x": slices}), Wish(version, kind, "x", "n", **wish))


def condition(name: str, status: str = "True", **more: Any) -> Object:
    return {"type": name, "status": status, **more}


def conditions(*names: Object | str, generation: int = 1, **status: Any) -> Object:
    listed = [condition(name) if isinstance(name, str) else name for name in names]
    return {"metadata": {"generation": generation}, "status": {"conditions": listed, **status}}


def deployment(wanted: int = 1, generation: int = 1, **status: Any) -> Object:
    return {
        "metadata": {"generation": generation},
        "spec": {"replicas": wanted},
        "status": {"observedGeneration": 1, **status},
    }


FULL: Object = {"replicas": 1, "updatedReplicas": 1, "availableReplicas": 1}


@pytest.mark.parametrize(
    ("live", "ready", "words"),
    [
        (deployment(**FULL), True, "ready"),
        (deployment(0), True, "ready"),
        (deployment(2, **FULL), False, "1 of 2 pods updated, 1 available"),
        (deployment(**{**FULL, "replicas": 2}), False, "2 exist"),
        (deployment(generation=2, **FULL), False, "has seen generation 1 of 2"),
        ({"metadata": {"generation": 1}, "spec": {}}, False, "has not reported yet"),
    ],
)
def test_deployment(live: Object, ready: bool, words: str) -> None:
    verdict = on("Deployment", live)
    assert verdict.ready is ready
    assert words in verdict.reason


def test_a_deployment_says_why_its_pods_do_not_come() -> None:
    refused = condition("ReplicaFailure", reason="FailedCreate", message="exceeded quota: q")
    verdict = on("Deployment", deployment(conditions=[refused]))
    assert "its pods are refused: exceeded quota: q" in verdict.reason
    stuck = condition("Progressing", "False", reason="ProgressDeadlineExceeded", message="late")
    verdict = on("Deployment", deployment(conditions=[stuck]))
    assert "(ProgressDeadlineExceeded: late)" in verdict.reason


CONVERSION: Object = {"conversion": {"strategy": "Webhook", "webhook": {"clientConfig": {}}}}
ISTIO: Object = {"observedGeneration": 1, "state": "Healthy"}
LLM = ("PresetsCombined", "MainWorkloadReady", "Ready")
LLM_ROUTED = (*LLM, "SchedulerWorkloadReady", "InferencePoolReady", "HTTPRoutesReady")
ROUTER: Object = {"router": {"scheduler": {}, "route": {}, "gateway": {}}}


@pytest.mark.parametrize(
    ("kind", "live", "wish", "words"),
    [
        ("CustomResourceDefinition", conditions("Established"), {}, ""),
        ("CustomResourceDefinition", conditions(), {}, "Established is not reported yet"),
        ("CustomResourceDefinition", conditions("Established"), {"ca_bundle": True}, ""),
        (
            "CustomResourceDefinition",
            {**conditions("Established"), "spec": CONVERSION},
            {"ca_bundle": True},
            "no caBundle is injected yet into webhook conversion",
        ),
        ("Certificate", conditions("Ready"), {}, ""),
        (
            "Issuer",
            conditions(condition("Ready", "False", reason="Er", message="no CA")),
            {},
            "condition Ready is False (Er: no CA)",
        ),
        (
            "Certificate",
            conditions(condition("Ready", observedGeneration=1), generation=2),
            {},
            "older generation (1 of 2)",
        ),
        ("Istio", conditions("Reconciled", "Ready", **ISTIO), {}, ""),
        ("Istio", conditions("Reconciled", "Ready"), {}, "has not reported yet"),
        ("Istio", conditions("Reconciled", **ISTIO), {}, "condition Ready is not reported"),
        (
            "Istio",
            conditions("Reconciled", "Ready", **{**ISTIO, "state": "IstiodNotReady"}),
            {},
            "status.state is IstiodNotReady",
        ),
        ("GatewayClass", conditions("Accepted"), {}, ""),
        (
            "Certificate",
            conditions(
                condition("Ready", "False", reason="DoesNotExist"),
                condition("Issuing", "False", reason="Failed", message="no such issuer"),
            ),
            {},
            "(DoesNotExist); the last try failed (Failed: no such issuer)",
        ),
        ("LLMInferenceService", conditions(*LLM, observedGeneration=1), {}, ""),
        (
            "LLMInferenceService",
            {**conditions(*LLM, "RouterReady", observedGeneration=1), "spec": ROUTER},
            {},
            "SchedulerWorkloadReady is not reported",
        ),
        (
            "LLMInferenceService",
            {**conditions(*LLM_ROUTED, observedGeneration=1), "spec": ROUTER},
            {},
            "",
        ),
        (
            "LLMInferenceService",
            conditions(
                *LLM, condition("WorkerWorkloadReady", "False", message="m"), observedGeneration=1
            ),
            {},
            "WorkerWorkloadReady is False (m)",
        ),
        (
            "LLMInferenceService",
            {"metadata": {"annotations": {"serving.kserve.io/stop": "true"}}},
            {},
            "it is stopped",
        ),
        ("Namespace", {"status": {"phase": "Active"}}, {}, ""),
        ("Namespace", {"status": {"phase": "Terminating"}}, {}, "phase is Terminating"),
        ("Secret", {"data": {"tls.crt": "eA=="}}, {"keys": ("tls.crt",)}, ""),
        ("Secret", {"data": {"a": "eA=="}}, {"keys": ("tls.crt",)}, "no tls.crt (it has a)"),
        ("ConfigMap", {"data": {"a": ""}}, {"keys": ("a",)}, "it has no a"),
        ("ValidatingWebhookConfiguration", {"webhooks": []}, {}, ""),
        (
            "MutatingWebhookConfiguration",
            {"webhooks": [{"name": "a", "clientConfig": {"caBundle": "x"}}, {"name": "b"}]},
            {},
            "no caBundle is injected yet into webhook b",
        ),
        ("Job", conditions("Complete"), {}, ""),
        ("Widget", {"status": {}}, {}, ""),
        ("Widget", conditions(condition("Ready", "False")), {}, "Ready is False"),
        ("Widget", conditions(), {"conditions": ("Done",)}, "Done is not reported"),
        ("Widget", conditions(condition("Bad", "False")), {"conditions": ("Bad=False",)}, ""),
        ("Widget", {"status": {"a": {"b": 3}}}, {"field": "status.a.b=3"}, ""),
        ("Widget", {"status": {"a": {"b": 3}}}, {"field": ".status.a.b"}, ""),
        ("Widget", {"status": {"a": 1}}, {"field": "status.a.b=3"}, "is not there, not 3"),
        ("Widget", {"status": {"a": []}}, {"field": "status.a"}, "status.a is empty"),
        ("Namespace", {"metadata": {"deletionTimestamp": "x"}}, {}, "being deleted"),
    ],
)
def test_kinds(kind: str, live: Object, wish: dict[str, Any], words: str) -> None:
    verdict = on(kind, live, **wish)
    assert verdict.ready is not bool(words)
    assert words in verdict.reason
    assert not verdict.hopeless


def test_a_service_that_is_rolled_out_no_further_is_not_ready() -> None:
    live = {**conditions(*LLM_ROUTED, observedGeneration=1), "spec": ROUTER}
    stuck = {**deployment(**{**FULL, "replicas": 2})}
    stuck["metadata"] = {"generation": 1, "name": "x-kserve"}
    wish = Wish("serving.kserve.io/v1alpha1", "LLMInferenceService", "x", "n")
    verdict = judge(Sight(live, deployments=(stuck,)), wish)
    assert not verdict.ready
    assert "Deployment x-kserve: 1 of 1 pods updated, 1 available, 2 exist" in verdict.reason


def test_a_service_needs_a_ready_endpoint() -> None:
    ready = {"endpoints": [{"conditions": {"ready": True}}]}
    unready = {"endpoints": [{"conditions": {"ready": False}}]}
    assert on("Service", {}, unready, ready).ready
    assert not on("Service", {}, unready).ready
    assert not on("Service", {}).ready


def test_a_kind_of_another_group_has_no_rule_of_ours() -> None:
    istio = Wish("networking.istio.io/v1", "Gateway", "x", "n")
    assert judge(Sight({"spec": {}}), istio).ready
    assert not judge(Sight({}), Wish("gateway.networking.k8s.io/v1", "Gateway", "x", "n")).ready


def test_what_cannot_heal() -> None:
    failed = conditions(condition("Failed", reason="BackoffLimitExceeded", message="m"))
    assert on("Job", failed).hopeless
    refused = conditions(condition("NamesAccepted", "False", message="taken"))
    assert on("CustomResourceDefinition", refused).hopeless


LEAVING: Object = {"deletionTimestamp": "2026-11-24T10:00:00Z", "finalizers": ["x.y/hold"]}


@pytest.mark.parametrize(
    ("live", "words"),
    [
        ({"metadata": {}}, "it is there, and nobody has asked to delete it"),
        ({"metadata": LEAVING}, "it is being deleted since 2026-11-24T10:00:00Z; held by x.y/hold"),
        (
            {
                "kind": "Namespace",
                "metadata": {"deletionTimestamp": "T"},
                "spec": {"finalizers": ["kubernetes"]},
                "status": {
                    "conditions": [
                        condition("NamespaceDeletionDiscoveryFailure", "False", message="fine"),
                        condition("NamespaceContentRemaining", message="pods. has 2 instances"),
                    ]
                },
            },
            "since T; held by kubernetes; NamespaceContentRemaining: pods. has 2 instances",
        ),
    ],
)
def test_what_is_not_gone_says_who_holds_it(live: Object, words: str) -> None:
    verdict = judge(Sight(live), Wish("v1", "Namespace", "x", gone=True))
    assert not verdict.ready
    assert not verdict.hopeless
    assert words in verdict.reason


def test_what_does_not_exist_is_gone() -> None:
    assert judge_absent(Wish("v1", "Namespace", "x", gone=True)).ready
    assert not judge_absent(Wish("v1", "Namespace", "x")).ready
