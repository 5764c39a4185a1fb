# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.e2e.operators.cluster import Document, Sandbox, conditions
from tests.e2e.operators.pods import tpu_pod
from tests.e2e.patience import eventually

HERE = "--namespace=default"
ACCELERATOR = "cloud.google.com/gke-tpu-accelerator"
TOPOLOGY = "cloud.google.com/gke-tpu-topology"
SWITCH = ("configmap", "sandbox-autoscaler", "--namespace=kube-system")


@pytest.fixture(autouse=True)
def nothing_left(sandbox: Sandbox) -> Iterator[None]:
    yield
    # Pods first: one that still waits would make a cloud that works again grow.
    sandbox.kubectl("delete", "deployment,pod", "--selector=app", HERE)
    sandbox.kubectl("delete", *SWITCH, "--ignore-not-found")


def reasons(sandbox: Sandbox, name: str) -> dict[str, str]:
    events = sandbox.items("events", HERE, f"--field-selector=involvedObject.name={name}")
    return {each["reason"]: each["message"] for each in events}


# --- Warden ---------------------------------------------------------------------------------------


def test_warden_refuses_in_gkes_words(sandbox: Sandbox) -> None:
    words = ("create", "-f", "-")
    wanted = tpu_pod("unlabelled", {TOPOLOGY: "2x2"}, 4)
    answer = sandbox.kubectl(*words, text=json.dumps(wanted), check=False)
    assert (
        'admission webhook "warden-validating.common-webhooks.networking.gke.io" denied the'
        " request: GKE Warden rejected the request because it violates one or more constraints."
    ) in answer
    assert (
        'Violations details: {"[denied by tpu-accelerator-topology-constraints]":'
        f'["Missing nodeSelector/nodeAffinity label {ACCELERATOR}"]}}'
    ) in answer
    assert "Requested by user: '" in answer


def test_warden_lets_a_complete_pod_and_a_pod_without_tpu_pass(sandbox: Sandbox) -> None:
    sandbox.apply(tpu_pod("complete", {ACCELERATOR: "tpu-v6e-slice", TOPOLOGY: "2x2"}, 4))
    plain = tpu_pod("plain", {}, 4)
    del plain["spec"]["containers"][0]["resources"]
    sandbox.apply(plain)


def test_a_deployment_shows_wardens_refusal_without_any_pod(sandbox: Sandbox) -> None:
    template = tpu_pod("refused", {}, 4)
    del template["metadata"]["name"], template["metadata"]["namespace"]
    deployment: Document = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "refused", "namespace": "default", "labels": {"app": "refused"}},
        "spec": {
            "selector": {"matchLabels": {"app": "refused"}},
            "template": {"metadata": template["metadata"], "spec": template["spec"]},
        },
    }
    template["spec"].pop("restartPolicy", None)
    sandbox.apply(deployment)

    def failure() -> Document | None:
        return conditions(sandbox.get("deployment", "refused", HERE)).get("ReplicaFailure")

    condition = eventually(failure, "ReplicaFailure")
    assert condition["status"] == "True"
    assert condition["reason"] == "FailedCreate"
    assert "GKE Warden rejected the request" in condition["message"]
    assert not sandbox.items("pods", HERE, "--selector=app=refused")


# --- Gateway API ----------------------------------------------------------------------------------


def crd(name: str = "httproutes.gateway.networking.k8s.io") -> tuple[str, str]:
    return "crd", name


def test_gke_manages_the_gateway_api_crds(sandbox: Sandbox) -> None:
    found = eventually(lambda: sandbox.get(*crd()), "a managed CRD")
    annotations = found["metadata"]["annotations"]
    assert annotations["gateway.networking.k8s.io/channel"] == "standard"
    assert found["metadata"]["labels"]["addonmanager.kubernetes.io/mode"] == "Reconcile"
    managers = {each["manager"] for each in found["metadata"]["managedFields"]}
    assert "kube-addon-manager" in managers


def test_an_edited_crd_comes_back(sandbox: Sandbox) -> None:
    version = "gateway.networking.k8s.io/bundle-version"
    before = eventually(lambda: sandbox.get(*crd()), "a CRD")["metadata"]["annotations"][version]
    sandbox.kubectl("annotate", *crd(), "--overwrite", f"{version}=v0.0.1")
    eventually(
        lambda: sandbox.get(*crd())["metadata"]["annotations"][version] == before, "the old bundle"
    )


def test_the_experimental_channel_is_refused_in_gkes_words(sandbox: Sandbox) -> None:
    eventually(lambda: sandbox.get(*crd()), "a managed CRD")
    answer = sandbox.kubectl(
        "annotate",
        *crd(),
        "--overwrite",
        "gateway.networking.k8s.io/channel=experimental",
        check=False,
    )
    assert (
        "ValidatingAdmissionPolicy 'enforce-gateway-standard-channel' with binding"
        " 'enforce-gateway-standard-channel-binding' denied request: All Gateway API CRDs must"
        " belong to the 'standard' channel. Experimental CRDs are not permitted."
    ) in answer


# --- Autoscaler -----------------------------------------------------------------------------------

EIGHT_CHIPS = {ACCELERATOR: "tpu-v6e-slice", TOPOLOGY: "2x4"}


def test_a_pod_that_fits_no_pool_triggers_nothing(sandbox: Sandbox) -> None:
    sandbox.apply(tpu_pod("misplaced", {ACCELERATOR: "tpu-v6e", TOPOLOGY: "2x2"}, 4))
    message = eventually(
        lambda: reasons(sandbox, "misplaced").get("NotTriggerScaleUp"), "NotTriggerScaleUp"
    )
    assert message.startswith("pod didn't trigger scale-up: ")
    assert "node(s) didn't match Pod's node affinity/selector" in message


def test_a_cloud_without_capacity_fails_in_the_autoscalers_words(sandbox: Sandbox) -> None:
    sandbox.kubectl(
        "create", *SWITCH, "--from-literal=failure=GCE out of resources", "--from-literal=seconds=1"
    )
    sandbox.apply(tpu_pod("unlucky", EIGHT_CHIPS, 8))
    message = eventually(lambda: reasons(sandbox, "unlucky").get("FailedScaleUp"), "FailedScaleUp")
    assert message == (
        "Node scale up in zones europe-west4-a associated with this pod failed:"
        " GCE out of resources. Pod is at risk of not being scheduled."
    )
    assert not sandbox.items("nodes", "--selector", f"{TOPOLOGY}=2x4")


def test_a_node_comes_late_and_takes_the_pod(sandbox: Sandbox) -> None:
    sandbox.kubectl("create", *SWITCH, "--from-literal=seconds=15")
    sandbox.apply(tpu_pod("patient", EIGHT_CHIPS, 8))
    message = eventually(
        lambda: reasons(sandbox, "patient").get("TriggeredScaleUp"), "TriggeredScaleUp"
    )
    assert message.startswith("pod triggered scale-up: [{https://")
    assert message.endswith(" 0->1 (max: 2)}]")
    assert not sandbox.get("pod", "patient", HERE)["spec"].get("nodeName")
    sandbox.kubectl("wait", "--for=condition=Ready", "pod", "patient", HERE, "--timeout=90s")
    nodes = sandbox.items("nodes", "--selector", f"{TOPOLOGY}=2x4")
    assert [each["metadata"]["name"] for each in nodes] == [
        sandbox.get("pod", "patient", HERE)["spec"]["nodeName"]
    ]
