# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.operators.cluster import Document, Sandbox, conditions, running
from tests.e2e.patience import eventually

# For whoever works on these tests: the state folder of a sandbox that stays.
KEPT = "SANDBOX_OPERATORS_DIR"
HABITS = ("--habit=warden", "--habit=gateway-api", "--habit=autoscaler")


@pytest.fixture(scope="session")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    kept = os.environ.get(KEPT)
    if kept:
        yield Sandbox(Path(kept))
        return
    yield from running(tmp_path_factory.mktemp("operators") / "sandbox", *HABITS)


def istio_object(version: str = "v1.28.3") -> Document:
    return {
        "apiVersion": "sailoperator.io/v1",
        "kind": "Istio",
        "metadata": {"name": "default"},
        "spec": {
            "namespace": "istio-system",
            "version": version,
            "values": {
                "global": {"imagePullSecrets": ["redhat-pull-secret"]},
                "meshConfig": {"accessLogFile": "/dev/stdout"},
                "pilot": {"env": {"PILOT_ENABLE_GATEWAY_API": "true"}},
            },
        },
    }


def namespace(name: str) -> Document:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


@pytest.fixture(scope="session")
def sail(sandbox: Sandbox) -> Sandbox:
    """A sandbox with the sail operator and a healthy Istio."""
    sandbox.install_crds("sail_chart")
    sandbox.apply(namespace("istio-system"))
    rendered = sandbox.chart("sail_chart", "sail-operator", "istio-system")
    sandbox.apply(*(each for each in rendered if each["kind"] != "Istio"), istio_object())
    wait_healthy(sandbox)
    return sandbox


def wait_healthy(sandbox: Sandbox) -> Document:
    def ask() -> Document | None:
        istio = sandbox.get("istio", "default")
        status = istio.get("status", {})
        current = status.get("observedGeneration") == istio["metadata"]["generation"]
        return istio if current and status.get("state") == "Healthy" else None

    return eventually(ask, "Istio default Healthy")


def cert_manager_object(**spec: object) -> Document:
    return {
        "apiVersion": "operator.openshift.io/v1alpha1",
        "kind": "CertManager",
        "metadata": {"name": "cluster"},
        "spec": {"managementState": "Managed", **spec},
    }


INFRASTRUCTURE: Document = {
    "apiVersion": "config.openshift.io/v1",
    "kind": "Infrastructure",
    "metadata": {"name": "cluster"},
    "spec": {},
}


@pytest.fixture(scope="session")
def cert_manager(sandbox: Sandbox) -> Sandbox:
    """A sandbox with the cert-manager operator and an available cert-manager."""
    sandbox.install_crds("cert_manager_chart")
    sandbox.apply(namespace("cert-manager-operator"), namespace("cert-manager"), INFRASTRUCTURE)
    rendered = sandbox.chart("cert_manager_chart", "cert-manager-operator", "cert-manager-operator")
    sandbox.apply(*rendered, cert_manager_object())
    wait_available(sandbox)
    return sandbox


def wait_available(sandbox: Sandbox) -> None:
    wanted = {
        f"cert-manager-{part}-deploymentAvailable"
        for part in ("controller", "webhook", "cainjector")
    }

    def ask() -> bool:
        found = conditions(sandbox.get("certmanager", "cluster"))
        return wanted <= {name for name, each in found.items() if each["status"] == "True"}

    eventually(ask, "CertManager cluster available")
