# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A real kube-apiserver with etcd on loopback, and nothing else: no nodes, no controllers.

Enough for `apply`: admission, defaults, validation, CRDs and field managers are the API server's
own. With the real controller manager on request, for aggregated ClusterRoles.
"""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import subprocess
import time
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

TOKEN = "apply-tests"  # of a server that lives for one test run on loopback
START_SECONDS = 90.0
AUDIT_POLICY = {"apiVersion": "audit.k8s.io/v1", "kind": "Policy", "rules": [{"level": "Metadata"}]}


def free_port() -> int:
    """A TCP port on loopback that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@dataclass
class ControlPlane:
    """The running server: where it is, how to reach it, what it logged."""

    folder: Path
    binaries: Mapping[str, Path]
    port: int
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def url(self) -> str:
        """The API server's address."""
        return f"https://127.0.0.1:{self.port}"

    @property
    def kubeconfig(self) -> Path:
        """A kubeconfig of an administrator."""
        return self.folder / "kubeconfig"

    def request(
        self,
        method: str,
        path: str,
        body: Any = None,
        content_type: str = "application/json",
        agent: str = "tests",
    ) -> Any:
        """One request of the test itself; raises urllib's HTTPError."""
        request = urllib.request.Request(
            self.url + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={
                "Authorization": f"Bearer {TOKEN}",
                "Content-Type": content_type,
                "User-Agent": agent,
            },
        )
        context = ssl.create_default_context(cafile=str(self.folder / "pki" / "apiserver.crt"))
        with urllib.request.urlopen(request, timeout=30, context=context) as reply:
            return json.loads(reply.read() or b"null")

    def apply(self, path: str, body: Any, manager: str, *, force: bool = False) -> Any:
        """Server-side apply by somebody else than us."""
        query = f"?fieldManager={manager}&force={str(force).lower()}"
        return self.request("PATCH", path + query, body, "application/apply-patch+yaml")

    def audit(self, agent: str = "llmd.tpu/") -> list[dict[str, Any]]:
        """The audit log's finished requests by a user agent."""
        lines = (self.folder / "audit.log").read_text().splitlines(keepends=True)
        # The last one may be half written.
        events = [json.loads(line) for line in lines if line.endswith("\n")]
        return [
            event
            for event in events
            if event["stage"] == "ResponseComplete"
            and str(event.get("userAgent", "")).startswith(agent)
        ]

    def writes(self, agent: str = "llmd.tpu/") -> list[str]:
        """The URIs of the requests that wrote (a dry run writes nothing)."""
        return [
            event["requestURI"]
            for event in self.audit(agent)
            if event["verb"] in ("create", "update", "patch", "delete")
            and "dryRun=All" not in event["requestURI"]
        ]


def _spawn(plane: ControlPlane, name: str, *arguments: str) -> None:
    log = (plane.folder / f"{name}.log").open("wb")
    program = str(plane.binaries[name])
    plane.processes.append(subprocess.Popen([program, *arguments], stdout=log, stderr=log))


def _prepare(plane: ControlPlane) -> None:
    pki = plane.folder / "pki"
    pki.mkdir(parents=True)
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    (plane.folder / "accounts.key").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    (plane.folder / "tokens.csv").write_text(f"{TOKEN},admin,admin,system:masters\n")
    (plane.folder / "audit.json").write_text(json.dumps(AUDIT_POLICY))
    cluster = {"server": plane.url, "certificate-authority": str(pki / "apiserver.crt")}
    plane.kubeconfig.write_text(
        yaml.safe_dump(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "current-context": "tests",
                "clusters": [{"name": "tests", "cluster": cluster}],
                "users": [{"name": "admin", "user": {"token": TOKEN}}],
                "contexts": [{"name": "tests", "context": {"cluster": "tests", "user": "admin"}}],
            }
        )
    )


def _wait_ready(plane: ControlPlane) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        for process in plane.processes:
            if process.poll() is not None:
                raise RuntimeError(f"{process.args!r} ended; see the logs in {plane.folder}")
        with contextlib.suppress(OSError, ValueError):
            plane.request("GET", "/api/v1/namespaces/default")
            return
        time.sleep(0.2)
    raise RuntimeError(f"kube-apiserver was not ready after {START_SECONDS} s; see {plane.folder}")


@contextlib.contextmanager
def running(
    folder: Path, binaries: Mapping[str, Path], *, controllers: bool = False
) -> Iterator[ControlPlane]:
    """Start etcd and kube-apiserver (and the controller manager); stop them at the end."""
    plane = ControlPlane(folder, binaries, free_port())
    _prepare(plane)
    etcd, peer = free_port(), free_port()
    try:
        _spawn(
            plane,
            "etcd",
            f"--data-dir={folder / 'etcd'}",
            f"--listen-client-urls=http://127.0.0.1:{etcd}",
            f"--advertise-client-urls=http://127.0.0.1:{etcd}",
            f"--listen-peer-urls=http://127.0.0.1:{peer}",
            f"--initial-advertise-peer-urls=http://127.0.0.1:{peer}",
            f"--initial-cluster=default=http://127.0.0.1:{peer}",
            "--unsafe-no-fsync",
            "--log-level=warn",
        )
        _spawn(
            plane,
            "kube-apiserver",
            f"--etcd-servers=http://127.0.0.1:{etcd}",
            "--bind-address=127.0.0.1",
            f"--secure-port={plane.port}",
            f"--cert-dir={folder / 'pki'}",
            f"--token-auth-file={folder / 'tokens.csv'}",
            "--authorization-mode=RBAC",
            "--service-cluster-ip-range=10.96.0.0/16",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={folder / 'accounts.key'}",
            f"--service-account-signing-key-file={folder / 'accounts.key'}",
            "--disable-admission-plugins=ServiceAccount",
            f"--audit-policy-file={folder / 'audit.json'}",
            f"--audit-log-path={folder / 'audit.log'}",
            "--audit-log-maxsize=2000",
        )
        _wait_ready(plane)
        if controllers:
            _spawn(
                plane,
                "kube-controller-manager",
                f"--kubeconfig={plane.kubeconfig}",
                "--leader-elect=false",
                "--controllers=clusterrole-aggregation-controller,namespace-controller",
                "--bind-address=127.0.0.1",
                f"--secure-port={free_port()}",
                f"--cert-dir={folder / 'controllers'}",
            )
        yield plane
    finally:
        for process in plane.processes:  # nothing of it is kept, so no farewell is needed
            process.kill()
        for process in plane.processes:
            process.wait()
