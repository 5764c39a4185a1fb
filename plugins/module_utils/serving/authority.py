# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Can KServe sign with this certificate authority? Pure; no message holds any part of the key.

Sources: opendatahub-io/kserve ``pkg/controller/llmisvc/workload_tls_self_signed.go``
(``loadCAFromSecret``: the key is RSA, PKCS #1 or #8), RFC 5280 sections 4.2.1.3 and 4.2.1.9.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

IMPORT_PROBLEM: str | None = None
try:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import rsa
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        PublicFormat,
        load_pem_private_key,
    )
except ImportError as problem:
    IMPORT_PROBLEM = str(problem)

FEWEST_BITS = 2048
SOON = timedelta(days=30)


def authority_problem(certificate: str, key: str, now: datetime | None = None) -> str:
    """Why KServe cannot sign with these PEM texts, or an empty text."""
    if IMPORT_PROBLEM:
        return f"it cannot be read here: {IMPORT_PROBLEM}; ansible-core brings cryptography along"
    now = now or datetime.now(UTC)
    try:
        read = x509.load_pem_x509_certificate(certificate.encode())
    except ValueError:
        return "the certificate is no PEM text (-----BEGIN CERTIFICATE-----)"
    return _key_problem(read, key) or _certificate_problem(read, now)


def authority_warning(certificate: str, now: datetime | None = None) -> str:
    """What a usable certificate makes worth saying, or an empty text."""
    now = now or datetime.now(UTC)
    left = x509.load_pem_x509_certificate(certificate.encode()).not_valid_after_utc - now
    return f"the certificate expires in {left.days} days" if left < SOON else ""


def _key_problem(certificate: x509.Certificate, key: str) -> str:
    try:
        read = load_pem_private_key(key.encode(), None)
    except TypeError:
        return "the key is encrypted; KServe needs it in plain PEM"
    except ValueError:
        return "the key is no PEM text (-----BEGIN PRIVATE KEY-----)"
    if not isinstance(read, rsa.RSAPrivateKey):
        return "the key is not RSA, and KServe reads nothing else"
    if read.key_size < FEWEST_BITS:
        return f"the key has {read.key_size} bits, fewer than {FEWEST_BITS}"
    how = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    if read.public_key().public_bytes(*how) != certificate.public_key().public_bytes(*how):
        return "the key is not the certificate's"
    return ""


def _certificate_problem(certificate: x509.Certificate, now: datetime) -> str:
    name = certificate.subject.rfc4514_string()
    if certificate.not_valid_after_utc <= now:
        return f"the certificate {name} expired on {certificate.not_valid_after_utc:%Y-%m-%d}"
    if certificate.not_valid_before_utc > now:
        return f"the certificate {name} is valid from {certificate.not_valid_before_utc:%Y-%m-%d}"
    try:
        constraints = certificate.extensions.get_extension_for_class(x509.BasicConstraints)
        is_authority = constraints.value.ca
    except x509.ExtensionNotFound:
        is_authority = False
    if not is_authority:
        return f"the certificate {name} is not an authority's (basicConstraints CA:TRUE)"
    try:
        usage = certificate.extensions.get_extension_for_class(x509.KeyUsage)
    except x509.ExtensionNotFound:
        return ""
    if not usage.value.key_cert_sign:
        return f"the certificate {name} may not sign others (keyUsage keyCertSign)"
    return ""
