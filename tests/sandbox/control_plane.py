# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Command lines of the control plane: the real programs, one of each, inside the world.

Flags: https://kubernetes.io/docs/reference/command-line-tools-reference/ and
https://etcd.io/docs/v3.6/op-guide/configuration/.
"""

from __future__ import annotations

import json
import urllib.request
from pathlib import Path

from tests.sandbox import addresses
from tests.sandbox.api import Api
from tests.sandbox.paths import State
from tests.sandbox.processes import Program

ETCD = "http://127.0.0.1:2379"
# The node whose address kube-proxy takes for its own; all nodes share one network namespace.
PROXY_NODE = "sandbox-cpu-0"
ISSUER = "https://kubernetes.default.svc.cluster.local"
AUDIT_POLICY = {"apiVersion": "audit.k8s.io/v1", "kind": "Policy", "rules": [{"level": "Metadata"}]}
# Nothing rotates the log of a test run away while it is being counted (megabytes).
AUDIT_LOG_SIZE = 2000


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def etcd(state: State) -> Program:
    """Return etcd, without fsync: a sandbox need not survive a power cut."""
    return Program(
        name="etcd",
        command=(
            str(state.binaries / "etcd"),
            "--name=sandbox",
            f"--data-dir={state.etcd}",
            f"--listen-client-urls={ETCD}",
            f"--advertise-client-urls={ETCD}",
            "--listen-peer-urls=http://127.0.0.1:2380",
            "--initial-advertise-peer-urls=http://127.0.0.1:2380",
            "--initial-cluster=sandbox=http://127.0.0.1:2380",
            "--unsafe-no-fsync",
            "--log-level=warn",
        ),
        ready=lambda: _answers(f"{ETCD}/health"),
    )


def api_server(state: State, api: Api) -> Program:
    """Return the API server, with GKE's admission plugin for extended resources.

    ExtendedResourceToleration adds the toleration for google.com/tpu to pods that request it
    (https://kubernetes.io/docs/reference/access-authn-authz/admission-controllers/).
    """
    policy = state.root / "audit-policy.json"
    policy.write_text(json.dumps(AUDIT_POLICY))
    pki = state.pki
    return Program(
        name="kube-apiserver",
        command=(
            str(state.binaries / "kube-apiserver"),
            f"--etcd-servers={ETCD}",
            f"--bind-address={addresses.CONTROL_PLANE}",
            f"--advertise-address={addresses.CONTROL_PLANE}",
            f"--secure-port={addresses.API_SERVER_PORT}",
            f"--service-cluster-ip-range={addresses.SERVICES}",
            "--authorization-mode=Node,RBAC",
            "--enable-admission-plugins=NodeRestriction,ExtendedResourceToleration",
            "--allow-privileged=true",
            f"--client-ca-file={pki / 'ca.crt'}",
            f"--tls-cert-file={pki / 'apiserver.crt'}",
            f"--tls-private-key-file={pki / 'apiserver.key'}",
            f"--kubelet-client-certificate={pki / 'kubelet-client.crt'}",
            f"--kubelet-client-key={pki / 'kubelet-client.key'}",
            "--kubelet-preferred-address-types=InternalIP",
            f"--service-account-issuer={ISSUER}",
            f"--service-account-key-file={pki / 'service-account.pub'}",
            f"--service-account-signing-key-file={pki / 'service-account.key'}",
            f"--proxy-client-cert-file={pki / 'front-proxy-client.crt'}",
            f"--proxy-client-key-file={pki / 'front-proxy-client.key'}",
            f"--requestheader-client-ca-file={pki / 'front-proxy-ca.crt'}",
            "--requestheader-allowed-names=front-proxy-client",
            "--requestheader-extra-headers-prefix=X-Remote-Extra-",
            "--requestheader-group-headers=X-Remote-Group",
            "--requestheader-username-headers=X-Remote-User",
            f"--audit-policy-file={policy}",
            f"--audit-log-path={state.audit_log}",
            f"--audit-log-maxsize={AUDIT_LOG_SIZE}",
            "--profiling=false",
        ),
        ready=api.is_ready,
    )


def _client_flags(kubeconfig: Path) -> tuple[str, ...]:
    return (
        f"--kubeconfig={kubeconfig}",
        f"--authentication-kubeconfig={kubeconfig}",
        f"--authorization-kubeconfig={kubeconfig}",
        "--leader-elect=false",
        "--bind-address=127.0.0.1",
        "--profiling=false",
    )


def controller_manager(state: State) -> Program:
    """Return the controller-manager, patient with nodes: a busy machine delays heartbeats."""
    pki = state.pki
    return Program(
        name="kube-controller-manager",
        command=(
            str(state.binaries / "kube-controller-manager"),
            *_client_flags(pki / "kube-controller-manager.kubeconfig"),
            f"--service-account-private-key-file={pki / 'service-account.key'}",
            f"--root-ca-file={pki / 'ca.crt'}",
            f"--cluster-signing-cert-file={pki / 'ca.crt'}",
            f"--cluster-signing-key-file={pki / 'ca.key'}",
            "--use-service-account-credentials",
            "--node-monitor-grace-period=5m",
            "--kube-api-qps=100",
            "--kube-api-burst=200",
        ),
    )


def scheduler(state: State) -> Program:
    """Return the scheduler."""
    return Program(
        name="kube-scheduler",
        command=(
            str(state.binaries / "kube-scheduler"),
            *_client_flags(state.pki / "kube-scheduler.kubeconfig"),
        ),
    )


def proxy(state: State) -> Program:
    """Return kube-proxy, which waits for its Node before it writes rules.

    The three conntrack flags keep it from writing sysctls that belong to the host.
    """
    return Program(
        name="kube-proxy",
        command=(
            str(state.binaries / "kube-proxy"),
            f"--kubeconfig={state.pki / 'kube-proxy.kubeconfig'}",
            "--proxy-mode=nftables",
            "--conntrack-max-per-core=0",
            "--conntrack-tcp-timeout-established=0",
            "--conntrack-tcp-timeout-close-wait=0",
            f"--hostname-override={PROXY_NODE}",
            "--healthz-bind-address=127.0.0.1:10256",
            "--metrics-bind-address=127.0.0.1:10249",
        ),
    )
