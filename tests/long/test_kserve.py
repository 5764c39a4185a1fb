# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Phase kserve with what takes the controller's start each time: monitors, an authority."""

from __future__ import annotations

import base64
import datetime
from collections.abc import Iterator
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tests.e2e.clusters import converged_cluster
from tests.e2e.site.playbooks import Run, play
from tests.sandbox.harness import Sandbox

CONTROLLER = ("deployment", "llmisvc-controller-manager", "--namespace=opendatahub")


@pytest.fixture(scope="module")
def cluster() -> Iterator[Sandbox]:
    with converged_cluster("kserve") as restored:
        yield restored


def kserve(sandbox: Sandbox, check: bool = False, **inputs: Any) -> Run:
    run = play(sandbox.folder, "kserve", inputs=inputs, check=check)
    assert run.code == 0, run.output[-6000:]
    return run


def monitor_definition(kind: str, group: str = "monitoring.coreos.com") -> dict[str, Any]:
    """A CRD of a monitoring system, as far as its kind is concerned."""
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{kind.lower()}s.{group}"},
        "spec": {
            "group": group,
            "scope": "Namespaced",
            "names": {"kind": kind, "plural": f"{kind.lower()}s"},
            "versions": [{"name": "v1", "served": True, "storage": True, "schema": schema}],
        },
    }


def restarted_for(sandbox: Sandbox) -> str:
    template = sandbox.get(*CONTROLLER)["spec"]["template"]["metadata"]
    return str(template.get("annotations", {}).get("llmd.tpu/restarted-for", ""))


def test_the_controller_is_started_anew_for_monitors_and_only_then(cluster: Sandbox) -> None:
    assert restarted_for(cluster) == ""
    cluster.apply(monitor_definition("PodMonitor"), monitor_definition("ServiceMonitor"))
    assert kserve(cluster).count("changed") == 1
    assert "servicemonitors.monitoring.coreos.com of " in restarted_for(cluster)
    assert kserve(cluster).count("changed") == 0


def test_monitoring_survives_every_run_and_goes_when_asked(cluster: Sandbox) -> None:
    assert kserve(cluster, check=True, kserve_monitoring=True).changed_tasks
    kserve(cluster, kserve_monitoring=True)
    assert kserve(cluster, kserve_monitoring=True).count("changed") == 0
    (container,) = cluster.get(*CONTROLLER)["spec"]["template"]["spec"]["containers"]
    assert {"name": "LLMISVC_MONITORING_DISABLED", "value": "false"} in container["env"]
    kserve(cluster)
    (container,) = cluster.get(*CONTROLLER)["spec"]["template"]["spec"]["containers"]
    assert {"name": "LLMISVC_MONITORING_DISABLED", "value": "true"} in container["env"]


def authority() -> tuple[str, str]:
    """Certificate and key of an authority, as PEM texts."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "our-own-ca")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=365))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return certificate.public_bytes(Encoding.PEM).decode(), private.decode()


def authority_in_use(sandbox: Sandbox) -> str:
    data = sandbox.get("secret", "opendatahub-ca", "--namespace=cert-manager")["data"]
    return base64.b64decode(data["tls.crt"]).decode()


def test_an_authority_of_ones_own_and_back(cluster: Sandbox) -> None:
    before = authority_in_use(cluster)
    certificate, key = authority()
    inputs: dict[str, Any] = {"kserve_ca_certificate": certificate, "kserve_ca_key": key}
    line = key.splitlines()[5]

    checked = play(cluster.folder, "kserve", "-vvv", "--diff", inputs=inputs, check=True)
    assert checked.code == 0, checked.output[-6000:]
    assert checked.changed_tasks
    assert authority_in_use(cluster) == before
    made = play(cluster.folder, "kserve", "-vvv", "--diff", inputs=inputs)
    assert made.code == 0, made.output[-6000:]
    for run in (checked, made):
        tasks = run.output.partition("TASK [")[2]  # what was given on the command line stands above
        assert line not in tasks
        assert base64.b64encode(key.encode()).decode()[:60] not in tasks
    assert authority_in_use(cluster) == certificate
    assert kserve(cluster, **inputs).count("changed") == 0

    _other, wrong = authority()
    inputs["kserve_ca_key"] = wrong
    refused = play(cluster.folder, "kserve", inputs=inputs)
    assert refused.code == 2
    assert "the key is not the certificate's" in refused.text
    assert wrong.splitlines()[5] not in refused.output

    kserve(cluster)
    assert authority_in_use(cluster) != certificate
    assert kserve(cluster).count("changed") == 0
