# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import json

from tests.e2e.operators.cluster import Document, Sandbox, conditions
from tests.e2e.operators.conftest import istio_object, wait_healthy
from tests.e2e.patience import eventually

IN_ISTIO = "--namespace=istio-system"


def test_istio_is_reported_as_the_real_operator_does(sail: Sandbox) -> None:
    istio = wait_healthy(sail)
    status = istio["status"]
    assert status["revisions"]["ready"] == status["revisions"]["total"] == 1
    assert status["activeRevisionName"] == "default"
    assert {name: each["status"] for name, each in conditions(istio).items()} == {
        "Reconciled": "True",
        "Ready": "True",
    }
    revision = sail.get("istiorevision", "default")
    assert revision["metadata"]["ownerReferences"][0]["name"] == "default"
    assert revision["spec"]["version"] == "v1.28.3"
    gateway_class = eventually(lambda: sail.get("gatewayclass", "istio"), "GatewayClass istio")
    assert gateway_class["spec"]["controllerName"] == "istio.io/gateway-controller"


def test_what_is_deleted_comes_back(sail: Sandbox) -> None:
    for kind, name in (("deployment", "istiod"), ("configmap", "istio")):
        before = sail.get(kind, name, IN_ISTIO)["metadata"]["uid"]
        sail.kubectl("delete", kind, name, IN_ISTIO)

        def is_another(kind: str = kind, name: str = name, before: str = before) -> bool:
            found = sail.get(kind, name, IN_ISTIO)
            return bool(found) and found["metadata"]["uid"] != before

        eventually(is_another, f"{kind} {name} again")
    wait_healthy(sail)


def test_what_is_edited_comes_back(sail: Sandbox) -> None:
    change = {"spec": {"template": {"spec": {"serviceAccountName": "default"}}}}
    sail.kubectl("patch", "deployment", "istiod", IN_ISTIO, "--patch", json.dumps(change))
    eventually(
        lambda: (
            sail.get("deployment", "istiod", IN_ISTIO)["spec"]["template"]["spec"][
                "serviceAccountName"
            ]
            == "istiod"
        ),
        "istiod's own account again",
    )
    wait_healthy(sail)


def test_a_webhook_marked_to_be_ignored_stays_edited(sail: Sandbox) -> None:
    kind, name = "mutatingwebhookconfiguration", "istio-sidecar-injector"
    mark = "sailoperator.io/ignore"

    def policies() -> set[str]:
        return {each["reinvocationPolicy"] for each in sail.get(kind, name)["webhooks"]}

    usual = policies()
    edit = json.dumps(
        [{"op": "replace", "path": "/webhooks/0/reinvocationPolicy", "value": "IfNeeded"}]
    )
    assert usual == {"Never"}
    sail.kubectl("annotate", kind, name, f"{mark}=true", "--overwrite")
    sail.kubectl("patch", kind, name, "--type=json", "--patch", edit)
    # Something else that the operator puts right shows that it has been there since.
    sail.kubectl("label", "configmap", "istio", IN_ISTIO, "release=edited", "--overwrite")
    eventually(
        lambda: (
            sail.get("configmap", "istio", IN_ISTIO)["metadata"]["labels"]["release"]
            == "default-istiod"
        ),
        "the ConfigMap's label again",
    )
    assert policies() == {"Never", "IfNeeded"}
    sail.kubectl("annotate", kind, name, f"{mark}-")
    eventually(lambda: policies() == usual, "the webhook as rendered")


def test_changed_values_roll_out(sail: Sandbox) -> None:
    changed = istio_object()
    changed["spec"]["values"]["pilot"]["env"]["PILOT_PUSH_THROTTLE"] = "50"
    sail.apply(changed)

    def environment() -> dict[str, str]:
        pod = sail.get("deployment", "istiod", IN_ISTIO)["spec"]["template"]["spec"]
        return {each["name"]: each.get("value", "") for each in pod["containers"][0]["env"]}

    eventually(lambda: environment().get("PILOT_PUSH_THROTTLE") == "50", "the new variable")
    sail.apply(istio_object())
    eventually(lambda: "PILOT_PUSH_THROTTLE" not in environment(), "no such variable")
    wait_healthy(sail)


def test_a_version_the_operator_does_not_carry_is_refused(sail: Sandbox) -> None:
    before = sail.get("deployment", "istiod", IN_ISTIO)["spec"]
    sail.apply(istio_object("v1.27.3"))
    refused = eventually(
        lambda: (
            conditions(sail.get("istio", "default")).get("Reconciled", {}).get("status") == "False"
        ),
        "Reconciled=False",
    )
    assert refused
    istio = sail.get("istio", "default")
    found = conditions(istio)
    assert found["Reconciled"]["reason"] == "ReconcileError"
    assert "v1.27.3" in found["Reconciled"]["message"]
    assert "v1.28.3" in found["Reconciled"]["message"]
    assert found["Ready"]["status"] == "Unknown"
    assert istio["status"]["state"] == "ReconcileError"
    assert istio["status"]["observedGeneration"] == istio["metadata"]["generation"]
    assert sail.get("deployment", "istiod", IN_ISTIO)["spec"] == before
    sail.apply(istio_object())
    wait_healthy(sail)


def test_a_version_outside_the_enum_is_refused_by_the_api_server(sail: Sandbox) -> None:
    change = json.dumps({"spec": {"version": "v1.99.0"}})
    answer = sail.kubectl(
        "patch", "istio", "default", "--type=merge", "--patch", change, check=False
    )
    assert "Unsupported value" in answer
    assert "v1.99.0" in answer


def test_a_removed_istio_takes_everything_along_and_strangers_are_not_taken_over(
    sail: Sandbox,
) -> None:
    sail.kubectl("delete", "istio", "default")
    kinds = "deployment,service,configmap,serviceaccount,hpa,role,rolebinding"

    def left() -> list[str]:
        found = sail.items(kinds, IN_ISTIO, "--selector=managed-by=sail-operator")
        cluster = "clusterrole,clusterrolebinding,mutatingwebhookconfiguration"
        cluster += ",validatingwebhookconfiguration,istiorevision"
        found += sail.items(cluster, "--selector=managed-by=sail-operator")
        return [each["metadata"]["name"] for each in [*found, *sail.items("istiorevision")]]

    eventually(lambda: not left(), "nothing of Istio left")

    stranger: Document = {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": {"name": "istiod", "namespace": "istio-system"},
    }
    sail.apply(stranger, istio_object())
    eventually(
        lambda: sail.get("istio", "default").get("status", {}).get("state") == "ReconcileError",
        "ReconcileError",
    )
    message = conditions(sail.get("istio", "default"))["Reconciled"]["message"]
    assert (
        'ServiceAccount "istiod" in namespace "istio-system" exists and cannot be imported into'
        " the current release: invalid ownership metadata" in message
    )
    assert not sail.get("deployment", "istiod", IN_ISTIO)
    # With the marks of the release, as the public chart sets them, it is adopted.
    stranger["metadata"] |= {
        "labels": {"app.kubernetes.io/managed-by": "Helm"},
        "annotations": {
            "meta.helm.sh/release-name": "default-istiod",
            "meta.helm.sh/release-namespace": "istio-system",
        },
    }
    sail.apply(stranger)
    wait_healthy(sail)
