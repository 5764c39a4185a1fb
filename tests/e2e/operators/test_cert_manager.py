# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import json

from tests.e2e.operators.cluster import Document, Sandbox, conditions
from tests.e2e.operators.conftest import INFRASTRUCTURE, cert_manager_object, wait_available
from tests.e2e.patience import eventually

HERE = "--namespace=cert-manager"
DEPLOYMENTS = ("cert-manager", "cert-manager-webhook", "cert-manager-cainjector")


def container(sandbox: Sandbox, deployment: str) -> Document:
    found = sandbox.get("deployment", deployment, HERE)
    return dict(found["spec"]["template"]["spec"]["containers"][0]) if found else {}


def issuer(name: str) -> Document:
    return {
        "apiVersion": "cert-manager.io/v1",
        "kind": "ClusterIssuer",
        "metadata": {"name": name},
        "spec": {"selfSigned": {}},
    }


def test_cert_manager_really_works(cert_manager: Sandbox) -> None:
    # The webhook answers a moment after its Deployment is available.
    eventually(
        lambda: (
            "serverside-applied"
            in cert_manager.kubectl(
                "apply", "--server-side", "-f", "-", text=json.dumps(issuer("self")), check=False
            )
        ),
        "an accepted issuer",
    )
    certificate = {
        "apiVersion": "cert-manager.io/v1",
        "kind": "Certificate",
        "metadata": {"name": "sample", "namespace": "default"},
        "spec": {
            "secretName": "sample-tls",
            "dnsNames": ["sample.test"],
            "issuerRef": {"kind": "ClusterIssuer", "name": "self"},
        },
    }
    cert_manager.apply(certificate)
    secret = eventually(
        lambda: cert_manager.get("secret", "sample-tls", "--namespace=default"), "a certificate"
    )
    assert {"tls.crt", "tls.key"} <= secret["data"].keys()


def test_what_is_deleted_comes_back(cert_manager: Sandbox) -> None:
    for name in DEPLOYMENTS:
        before = cert_manager.get("deployment", name, HERE)["metadata"]["uid"]
        cert_manager.kubectl("delete", "deployment", name, HERE)

        def is_another(name: str = name, before: str = before) -> bool:
            found = cert_manager.get("deployment", name, HERE)
            return bool(found) and found["metadata"]["uid"] != before

        eventually(is_another, f"Deployment {name} again")
    wait_available(cert_manager)


def test_what_is_edited_comes_back(cert_manager: Sandbox) -> None:
    before = container(cert_manager, "cert-manager-webhook")["args"]
    edit = [{"op": "replace", "path": "/spec/template/spec/containers/0/args", "value": ["--v=9"]}]
    words = ["patch", "deployment", "cert-manager-webhook", HERE, "--type=json"]
    cert_manager.kubectl(*words, "--patch", json.dumps(edit))
    assert before != ["--v=9"]
    eventually(
        lambda: container(cert_manager, "cert-manager-webhook")["args"] == before, "the old args"
    )
    wait_available(cert_manager)


def test_overrides_roll_out(cert_manager: Sandbox) -> None:
    cert_manager.apply(cert_manager_object(controllerConfig={"overrideArgs": ["--v=3"]}))
    eventually(lambda: "--v=3" in container(cert_manager, "cert-manager")["args"], "--v=3")
    cert_manager.apply(cert_manager_object())
    eventually(lambda: "--v=3" not in container(cert_manager, "cert-manager")["args"], "no --v=3")
    wait_available(cert_manager)


def test_the_operator_misses_the_infrastructure_object(cert_manager: Sandbox) -> None:
    cert_manager.kubectl("delete", "infrastructure", "cluster")
    name = "cert-manager-controller-deploymentDegraded"
    degraded = eventually(
        lambda: (
            found
            if (found := conditions(cert_manager.get("certmanager", "cluster"))[name])["status"]
            == "True"
            else None
        ),
        "Degraded",
    )
    assert 'infrastructures.config.openshift.io "cluster" not found' in degraded["message"]
    cert_manager.apply(INFRASTRUCTURE)
    eventually(
        lambda: conditions(cert_manager.get("certmanager", "cluster"))[name]["status"] == "False",
        "not Degraded",
    )


def test_a_removed_cert_manager_takes_everything_along(cert_manager: Sandbox) -> None:
    selector = "--selector=managed-by=cert-manager-operator"
    kinds = "clusterrole,clusterrolebinding,mutatingwebhookconfiguration"
    kinds += ",validatingwebhookconfiguration"
    assert cert_manager.items(kinds, selector)
    cert_manager.kubectl("delete", "certmanager", "cluster")
    eventually(lambda: not cert_manager.items("deployment,service,pod", HERE), "no operand left")
    assert not cert_manager.items(kinds, selector)
    cert_manager.apply(cert_manager_object())
    wait_available(cert_manager)
