# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Phase operators on a cluster that serves: changed and changed back, and refused where it must."""

from __future__ import annotations

import json
from typing import Any

from tests.e2e.site.playbooks import Run, play
from tests.sandbox.harness import Sandbox

CHANGE = {
    "operators_istio_version": "v1.28-latest",
    "operators_access_log_encoding": "JSON",
    "operators_access_log_format": json.dumps({"code": "%RESPONSE_CODE%"}),
    "operators_tracing": {"service": "collector.traces.svc.cluster.local", "port": 4317},
}
RUN = "Apply what the operators shall run"
STOP = "Remove tracing that is no longer asked for"
OURS = "llmd.tpu"


def task_names(run: Run) -> list[str]:
    """The tasks that changed something, without the role's name before them."""
    assert run.code == 0, run.output[-5000:]
    return [name.rpartition(" : ")[2] for name in run.changed_tasks]


def mesh(sandbox: Sandbox) -> str:
    """Istio's mesh configuration, as istiod reads it."""
    found = sandbox.get("configmap", "istio", "--namespace=istio-system")
    return str(found["data"]["mesh"])


def istio(sandbox: Sandbox) -> Any:
    """The Istio object."""
    return sandbox.get("istio", "default")


def test_a_change_is_predicted_made_kept_and_taken_back(lived: Sandbox) -> None:
    before = istio(lived)["spec"]

    predicted = play(lived.folder, "operators", "--check", "--diff", inputs=CHANGE)
    assert task_names(predicted) == [RUN]
    assert "accessLogEncoding" in predicted.text
    assert istio(lived)["spec"] == before

    assert task_names(play(lived.folder, "operators", inputs=CHANGE)) == [RUN]
    assert istio(lived)["spec"]["version"] == "v1.28-latest"
    assert lived.get("istiorevision", "default")["spec"]["version"] == "v1.28.3"
    configured = mesh(lived)
    assert "accessLogEncoding: JSON" in configured
    assert "collector.traces.svc.cluster.local" in configured
    telemetry = lived.get("telemetry", "llmd-tracing", "--namespace=istio-system")
    assert telemetry["spec"]["tracing"][0]["randomSamplingPercentage"] == 1

    assert task_names(play(lived.folder, "operators", inputs=CHANGE)) == []

    assert task_names(play(lived.folder, "operators")) == [RUN, STOP]
    assert istio(lived)["spec"] == before
    left = lived.kubectl("get", "telemetry", "--all-namespaces", "--output=name")
    assert "llmd-tracing" not in left
    assert "collector" not in mesh(lived)
    assert task_names(play(lived.folder, "operators", "--check")) == []


def test_a_second_control_plane_of_others_is_refused_with_words(lived: Sandbox) -> None:
    name = {"name": "istiod-canary", "namespace": "default"}
    marks = {
        "labels": {"app": "istiod"},
        "annotations": {
            "meta.helm.sh/release-name": "canary",
            "meta.helm.sh/release-namespace": "default",
        },
    }
    container = {"name": "discovery", "image": "gcr.io/istio-release/pilot:1.28.3"}
    template = {"metadata": {"labels": {"app": "istiod"}}, "spec": {"containers": [container]}}
    selector = {"matchLabels": {"app": "istiod"}}
    lived.apply(
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {**name, **marks},
            "spec": {"replicas": 0, "selector": selector, "template": template},
        }
    )
    try:
        start = lived.position()
        run = play(lived.folder, "operators")
        assert run.code == 2
        assert "OPERATORS-FOREIGN-ISTIO" in run.text
        assert "Helm release default/canary" in run.text
        assert "operators_adopt" in run.text
        assert [one for one in lived.requests_by(OURS, start) if one.is_write] == []
    finally:
        lived.kubectl("delete", "deployment", name["name"], "--namespace=default")


def test_operators_that_are_needed_are_not_removed(lived: Sandbox) -> None:
    inputs = {"operators_state": "absent"}
    start = lived.position()
    run = play(lived.folder, "operators", inputs=inputs)
    assert run.code == 2
    assert "LLMInferenceService llm-d-inference-scheduling/" in run.text
    assert "remove phase model first" in run.text
    listed = play(lived.folder, "operators", "--check", "--diff", inputs=inputs)
    assert listed.code == 0, listed.output[-5000:]
    assert "OPERATORS-STILL-NEEDED" in listed.text
    assert "servicemesh-operator3" in listed.text
    assert [one for one in lived.requests_by(OURS, start) if one.is_write] == []
