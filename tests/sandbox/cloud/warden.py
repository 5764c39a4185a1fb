# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""GKE Warden for TPU pods: a validating webhook on the control plane's own address.

A pod that requests ``google.com/tpu`` must name accelerator and topology in its nodeSelector or
in its required node affinity, and one topology only. Webhook name and words of the refusal:
argo-workflows issue 13073 (the frame), XPK pull request 1173 (the violation), cluster-toolkit pull
request 5820 (one topology; the words of that violation are ours). Annotation that skips the
check: XPK and Kueue.
"""

from __future__ import annotations

import base64
import datetime
import ipaddress
import json
import logging
import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.sandbox.addresses import CONTROL_PLANE
from tests.sandbox.cloud.marks import mark
from tests.sandbox.images.operators.cluster import Cluster, Document, Kind
from tests.sandbox.images.operators.worker import Worker

TPU = "google.com/tpu"
ACCELERATOR = "cloud.google.com/gke-tpu-accelerator"
TOPOLOGY = "cloud.google.com/gke-tpu-topology"
SKIP = "cloud.google.com/skip-tpu-webhook-check"
CONSTRAINT = "[denied by tpu-accelerator-topology-constraints]"
WEBHOOK = "warden-validating.common-webhooks.networking.gke.io"
CONFIGURATION = "warden-validating.config.common-webhooks.networking.gke.io"
KIND: Kind = ("admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration")
PATH = "/webhook/warden-validating"
PORT = 5443
VALID_DAYS = 3650

log = logging.getLogger(__name__)


def violations(pod: Document) -> list[str]:
    """Return what is wrong with a pod's choice of TPU nodes."""
    spec = pod["spec"]
    containers = [*spec["containers"], *spec.get("initContainers", ())]
    if not any(_requests_tpu(each) for each in containers):
        return []
    if (pod["metadata"].get("annotations") or {}).get(SKIP) == "true":
        return []
    values = {label: _values(spec, label) for label in (ACCELERATOR, TOPOLOGY)}
    problems = [
        f"Missing nodeSelector/nodeAffinity label {label}" for label, v in values.items() if not v
    ]
    if len(values[TOPOLOGY]) > 1:
        problems.append(f"More than one value for nodeSelector/nodeAffinity label {TOPOLOGY}")
    return problems


def _requests_tpu(container: Document) -> bool:
    resources = container.get("resources") or {}
    amounts = [(resources.get(key) or {}).get(TPU, "0") for key in ("requests", "limits")]
    return any(str(amount) != "0" for amount in amounts)


def _values(spec: Document, label: str) -> set[str]:
    """Return the values that a pod accepts for a node label."""
    chosen = (spec.get("nodeSelector") or {}).get(label)
    found = {chosen} if chosen else set()
    affinity = (spec.get("affinity") or {}).get("nodeAffinity") or {}
    required = affinity.get("requiredDuringSchedulingIgnoredDuringExecution") or {}
    for term in required.get("nodeSelectorTerms") or ():
        for each in term.get("matchExpressions") or ():
            if each["key"] == label and each["operator"] == "In":
                found |= set(each["values"])
    return found


def refusal(problems: list[str], user: Document) -> str:
    """Return Warden's message."""
    details = json.dumps({CONSTRAINT: problems}, separators=(",", ":"))
    groups = ",".join(user.get("groups") or ())
    return (
        "GKE Warden rejected the request because it violates one or more constraints.\n"
        f"Violations details: {details}\n"
        f"Requested by user: '{user.get('username', '')}', groups: '{groups}'."
    )


def review(request: Document) -> Document:
    """Answer an AdmissionReview's request."""
    problems = violations(request["object"])
    answer: Document = {"uid": request["uid"], "allowed": not problems}
    if problems:
        message = refusal(problems, request.get("userInfo") or {})
        answer["status"] = {"code": 400, "message": message}
    return answer


def configuration(authority: bytes) -> Document:
    """Return the webhook's registration; `authority` is its certificate, PEM."""
    return {
        "apiVersion": KIND[0],
        "kind": KIND[1],
        "metadata": {"name": CONFIGURATION},
        "webhooks": [
            {
                "name": WEBHOOK,
                "admissionReviewVersions": ["v1"],
                "clientConfig": {
                    "url": f"https://{CONTROL_PLANE}:{PORT}{PATH}",
                    "caBundle": base64.b64encode(authority).decode(),
                },
                "rules": [
                    {
                        "apiGroups": [""],
                        "apiVersions": ["v1"],
                        "operations": ["CREATE"],
                        "resources": ["pods"],
                        "scope": "Namespaced",
                    }
                ],
                "failurePolicy": "Fail",
                "sideEffects": "None",
                "timeoutSeconds": 5,
            }
        ],
    }


def make_certificate(folder: Path) -> tuple[Path, Path]:
    """Return (certificate, key) of the webhook; made once, so that a restart keeps them."""
    certificate_file, key_file = folder / "warden.crt", folder / "warden.key"
    if certificate_file.exists() and key_file.exists():
        return certificate_file, key_file
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "gke-warden")])
    now = datetime.datetime.now(datetime.UTC)
    address = x509.IPAddress(ipaddress.ip_address(CONTROL_PLANE))
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=VALID_DAYS))
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    key_file.touch(mode=0o600)
    key_file.write_bytes(private)
    certificate_file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    return certificate_file, key_file


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        content = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        answer = {**content, "response": review(content["request"])}
        del answer["request"]
        body = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_arguments: object) -> None:
        """Say nothing: the API server's audit log has it."""


def run(cluster: Cluster, folder: Path) -> None:
    """Serve, then register, for ever."""
    certificate_file, key_file = make_certificate(folder)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate_file, key_file)
    server = ThreadingHTTPServer((CONTROL_PLANE, PORT), _Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    wanted = configuration(certificate_file.read_bytes())

    def reconcile() -> bool:
        cluster.apply(wanted)
        mark(folder, "warden")
        return True

    Worker().run(reconcile)


def remove(cluster: Cluster) -> None:
    """Take back what an earlier run with this habit registered."""
    cluster.delete(KIND, ("", CONFIGURATION))
