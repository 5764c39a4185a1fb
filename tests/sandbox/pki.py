# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Certificates, keys and kubeconfig files of one sandbox.

Layout and names follow https://kubernetes.io/docs/setup/best-practices/certificates/.
"""

from __future__ import annotations

import base64
import datetime
import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from tests.sandbox import addresses
from tests.sandbox.paths import State

LIFETIME = datetime.timedelta(days=3650)
# A snapshot may be restored on a machine whose clock is a little behind.
BACKDATED = datetime.timedelta(hours=1)

SERVER_NAMES = (
    "localhost",
    "kubernetes",
    "kubernetes.default",
    "kubernetes.default.svc",
    "kubernetes.default.svc.cluster.local",
)
SERVER_ADDRESSES = ("127.0.0.1", addresses.CONTROL_PLANE, addresses.API_SERVER_SERVICE)

# file name -> common name, organisation
CLIENTS = {
    "admin": ("sandbox-admin", "system:masters"),
    "kube-controller-manager": ("system:kube-controller-manager", None),
    "kube-scheduler": ("system:kube-scheduler", None),
    "kube-proxy": ("system:kube-proxy", None),
    "cloud": ("sandbox-cloud", "system:masters"),
}


@dataclass(frozen=True)
class Authority:
    """A certificate authority that can sign."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey


def _name(common_name: str, organization: str | None = None) -> x509.Name:
    parts = [x509.NameAttribute(NameOID.COMMON_NAME, common_name)]
    if organization:
        parts.insert(0, x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization))
    return x509.Name(parts)


# Python 3.13 takes no authority without it.
_AUTHORITY_USAGE = x509.KeyUsage(
    digital_signature=True,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    key_cert_sign=True,
    crl_sign=True,
    encipher_only=False,
    decipher_only=False,
)


def _builder(subject: x509.Name, issuer: x509.Name) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BACKDATED)
        .not_valid_after(now + LIFETIME)
    )


def _write_secret(path: Path, content: bytes) -> None:
    path.touch(mode=0o600)
    path.chmod(0o600)
    path.write_bytes(content)


def _write_key(path: Path, key: ec.EllipticCurvePrivateKey) -> None:
    _write_secret(
        path,
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ),
    )


def _write_certificate(path: Path, certificate: x509.Certificate) -> None:
    path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))


def make_authority(folder: Path, name: str) -> Authority:
    """Write ``NAME.crt`` and ``NAME.key`` of a new self-signed authority."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = _name(name)
    certificate = (
        _builder(subject, subject)
        .public_key(key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(_AUTHORITY_USAGE, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    _write_key(folder / f"{name}.key", key)
    _write_certificate(folder / f"{name}.crt", certificate)
    return Authority(certificate, key)


def load_authority(folder: Path, name: str) -> Authority:
    """Read what :func:`make_authority` wrote."""
    key = serialization.load_pem_private_key((folder / f"{name}.key").read_bytes(), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    return Authority(x509.load_pem_x509_certificate((folder / f"{name}.crt").read_bytes()), key)


def issue(
    authority: Authority,
    path: Path,
    common_name: str,
    organization: str | None = None,
    server_names: Iterable[str] = (),
    server_addresses: Iterable[str] = (),
) -> None:
    """Write ``PATH.crt`` and ``PATH.key``: a client, or a server when names are given."""
    key = ec.generate_private_key(ec.SECP256R1())
    alternatives: list[x509.GeneralName] = [x509.DNSName(name) for name in server_names]
    alternatives += [x509.IPAddress(ipaddress.ip_address(each)) for each in server_addresses]
    usage = ExtendedKeyUsageOID.SERVER_AUTH if alternatives else ExtendedKeyUsageOID.CLIENT_AUTH
    builder = (
        _builder(_name(common_name, organization), authority.certificate.subject)
        .public_key(key.public_key())
        .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.key.public_key()),
            critical=False,
        )
    )
    if alternatives:
        builder = builder.add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
    _write_key(path.with_name(path.name + ".key"), key)
    _write_certificate(
        path.with_name(path.name + ".crt"), builder.sign(authority.key, hashes.SHA256())
    )


def write_kubeconfig(target: Path, pki: Path, client: str, server: str) -> None:
    """Write a self-contained kubeconfig (mode 0600) for the certificate ``CLIENT``."""

    def encoded(name: str) -> str:
        return base64.b64encode((pki / name).read_bytes()).decode()

    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {
                "name": "sandbox",
                "cluster": {"server": server, "certificate-authority-data": encoded("ca.crt")},
            }
        ],
        "users": [
            {
                "name": client,
                "user": {
                    "client-certificate-data": encoded(f"{client}.crt"),
                    "client-key-data": encoded(f"{client}.key"),
                },
            }
        ],
        "contexts": [{"name": "sandbox", "context": {"cluster": "sandbox", "user": client}}],
        "current-context": "sandbox",
    }
    _write_secret(target, yaml.safe_dump(document).encode())


def make(state: State) -> None:
    """Write the whole PKI of a new sandbox; one that exists (a restored snapshot) is kept."""
    folder = state.pki
    if (folder / "complete").exists():
        return
    folder.mkdir(mode=0o700, exist_ok=True)
    authority = make_authority(folder, "ca")
    front_proxy = make_authority(folder, "front-proxy-ca")
    issue(front_proxy, folder / "front-proxy-client", "front-proxy-client")
    issue(authority, folder / "kubelet-client", "kube-apiserver-kubelet-client", "system:masters")
    issue(
        authority,
        folder / "apiserver",
        "kube-apiserver",
        server_names=SERVER_NAMES,
        server_addresses=SERVER_ADDRESSES,
    )
    for client, (common_name, organization) in CLIENTS.items():
        issue(authority, folder / client, common_name, organization)
        write_kubeconfig(folder / f"{client}.kubeconfig", folder, client, addresses.API_SERVER_URL)
    account_key = ec.generate_private_key(ec.SECP256R1())
    _write_key(folder / "service-account.key", account_key)
    (folder / "service-account.pub").write_bytes(
        account_key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
    )
    (folder / "complete").touch()


def make_node_client(state: State, node: str) -> Path:
    """Return the kubeconfig of a kubelet: group system:nodes, as the Node authorizer wants."""
    kubeconfig = state.pki / f"node-{node}.kubeconfig"
    if not kubeconfig.exists():
        client = f"node-{node}"
        authority = load_authority(state.pki, "ca")
        issue(authority, state.pki / client, f"system:node:{node}", "system:nodes")
        write_kubeconfig(kubeconfig, state.pki, client, addresses.API_SERVER_URL)
    return kubeconfig
