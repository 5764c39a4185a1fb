# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A webhook is ready when the API server gets an answer from it, and not before."""

from __future__ import annotations

import base64
import datetime
import time
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.e2e.readiness.waiting import Waiting
from tests.sandbox.harness import Sandbox

Object = dict[str, Any]
SHELL = "registry.k8s.io/e2e-test-images/busybox:1.36"
# Serves after the file /tmp/go exists; without a readiness probe it counts as ready before.
SERVE = """
import http.server, os, ssl, time
while not os.path.exists("/tmp/go"):
    time.sleep(0.1)
server = http.server.HTTPServer(("", 8443), http.server.SimpleHTTPRequestHandler)
context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
context.load_cert_chain("/certs/tls.crt", "/certs/tls.key")
server.socket = context.wrap_socket(server.socket, server_side=True)
server.serve_forever()
"""
VERSION = "admissionregistration.k8s.io/v1"
KIND = "ValidatingWebhookConfiguration"


def certificate(host: str) -> tuple[str, str]:
    """A certificate that is its own authority, and its key, as PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "webhook")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(minutes=5))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    return (
        made.public_bytes(serialization.Encoding.PEM).decode(),
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ).decode(),
    )


def objects(namespace: str, pem: str, key: str) -> list[Object]:
    """The server's Secret, Service and pod."""
    where = {"namespace": namespace, "name": "hook"}
    container = {
        "name": "main",
        "image": SHELL,
        "command": ["python3", "-c", SERVE],
        "volumeMounts": [{"name": "certs", "mountPath": "/certs"}],
    }
    volume = {"name": "certs", "secret": {"secretName": "hook"}}
    port = {"port": 443, "targetPort": 8443}
    return [
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": where,
            "stringData": {"tls.crt": pem, "tls.key": key},
        },
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": where,
            "spec": {"selector": {"app": "hook"}, "ports": [port]},
        },
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {**where, "labels": {"app": "hook"}},
            "spec": {
                "containers": [container],
                "volumes": [volume],
                "terminationGracePeriodSeconds": 0,
            },
        },
    ]


def configuration(namespace: str, bundle: str = "") -> Object:
    """A webhook that is asked about nothing but ConfigMaps of its own namespace."""
    service = {"namespace": namespace, "name": "hook", "path": "/validate"}
    pem = {"caBundle": base64.b64encode(bundle.encode()).decode()} if bundle else {}
    rule = {"apiGroups": [""], "apiVersions": ["v1"], "resources": ["configmaps"]}
    selector = {"matchLabels": {"kubernetes.io/metadata.name": namespace, "hook": "on"}}
    return {
        "apiVersion": VERSION,
        "kind": KIND,
        "metadata": {"name": namespace},
        "webhooks": [
            {
                "name": "hook.example.com",
                "clientConfig": {"service": service, **pem},
                "rules": [{**rule, "operations": ["DELETE"]}],
                "namespaceSelector": selector,
                "sideEffects": "None",
                "admissionReviewVersions": ["v1"],
            }
        ],
    }


def test_it_is_ready_when_it_answers(sandbox: Sandbox, namespace: str) -> None:
    pem, key = certificate(f"hook.{namespace}.svc")
    wish = {"api_version": VERSION, "kind": KIND, "name": namespace}
    sandbox.apply(configuration(namespace))
    waiting = Waiting(sandbox.kubeconfig, wish)
    try:
        waiting.told("no caBundle is injected yet into webhook hook.example.com")
        sandbox.apply(configuration(namespace, pem))
        waiting.told(f"Service {namespace}/hook of webhook hook.example.com has no ready endpoint")
        sandbox.apply(*objects(namespace, pem, key))
        waiting.told("the control plane does not reach webhook hook.example.com")
        sandbox.kubectl("exec", f"--namespace={namespace}", "hook", "--", "touch", "/tmp/go")
        went = time.monotonic()
        result = waiting.end()
        assert not result.get("failed"), result
        assert result["objects"][0]["reason"] == "ready"
        assert waiting.ended - went < 20

        options = {"impersonate_user": "reader"}
        reads = ["--resource=validatingwebhookconfigurations,endpointslices", "--verb=get,list"]
        sandbox.kubectl("create", "clusterrole", namespace, *reads)
        binding = ["create", "clusterrolebinding", namespace, f"--clusterrole={namespace}"]
        sandbox.kubectl(*binding, "--user=reader")
        without = Waiting(sandbox.kubeconfig, wish, **options).end()
        assert not without.get("failed"), without
        assert "this account may not get services/proxy" in without["objects"][0]["reason"]
    finally:
        kinds = "validatingwebhookconfiguration,clusterrole,clusterrolebinding"
        sandbox.kubectl("delete", kinds, namespace, "--ignore-not-found")
