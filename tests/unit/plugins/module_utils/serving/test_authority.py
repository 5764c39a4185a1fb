# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Is a certificate authority refused when KServe could not sign with it, and never quoted?"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache

import pytest
from ansible_collections.llmd.tpu.plugins.module_utils.serving.authority import (
    authority_problem,
    authority_warning,
)
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
)

NOW = datetime(2026, 6, 1, tzinfo=UTC)
Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


@cache
def key(bits: int = 2048, number: int = 0) -> rsa.RSAPrivateKey:
    """An RSA key; another number is another key."""
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


def text(
    private: Key,
    form: PrivateFormat = PrivateFormat.PKCS8,
    encryption: KeySerializationEncryption | None = None,
) -> str:
    return private.private_bytes(Encoding.PEM, form, encryption or NoEncryption()).decode()


def certificate(
    private: Key,
    days: int = 365,
    starts: datetime = NOW - timedelta(days=1),
    ca: bool | None = True,
    signs: bool | None = None,
) -> str:
    """A self-signed certificate as PEM text."""
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "our-ca")])
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(private.public_key())
        .serial_number(1)
        .not_valid_before(starts)
        .not_valid_after(NOW + timedelta(days=days))
    )
    if ca is not None:
        builder = builder.add_extension(x509.BasicConstraints(ca, None), critical=True)
    if signs is not None:
        usage = x509.KeyUsage(
            digital_signature=True,
            content_commitment=False,
            key_encipherment=False,
            data_encipherment=False,
            key_agreement=False,
            key_cert_sign=signs,
            crl_sign=False,
            encipher_only=False,
            decipher_only=False,
        )
        builder = builder.add_extension(usage, critical=True)
    return builder.sign(private, hashes.SHA256()).public_bytes(Encoding.PEM).decode()


@pytest.mark.parametrize("form", [PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL])
@pytest.mark.parametrize("signs", [None, True])
def test_what_kserve_can_use(form: PrivateFormat, signs: bool | None) -> None:
    assert authority_problem(certificate(key(), signs=signs), text(key(), form), NOW) == ""


def test_a_chain_is_judged_by_its_first_certificate() -> None:
    chain = certificate(key()) + certificate(key(number=1), days=-1)
    assert authority_problem(chain, text(key()), NOW) == ""


EC = ec.generate_private_key(ec.SECP256R1())
PASSWORD = BestAvailableEncryption(b"secret")


@pytest.mark.parametrize(
    ("pem", "private", "words"),
    [
        ("no certificate", text(key()), "the certificate is no PEM text"),
        (certificate(key()), "no key", "the key is no PEM text"),
        (certificate(key()), text(key(), encryption=PASSWORD), "the key is encrypted"),
        (certificate(EC), text(EC), "the key is not RSA"),
        (certificate(key(1024)), text(key(1024)), "1024 bits, fewer than 2048"),
        (certificate(key()), text(key(number=1)), "not the certificate's"),
        (certificate(key(), days=0), text(key()), "CN=our-ca expired on 2026-06-01"),
        (
            certificate(key(), starts=NOW + timedelta(days=2)),
            text(key()),
            "is valid from 2026-06-03",
        ),
        (certificate(key(), ca=False), text(key()), "is not an authority's"),
        (certificate(key(), ca=None), text(key()), "is not an authority's"),
        (certificate(key(), signs=False), text(key()), "may not sign others"),
    ],
)
def test_what_it_cannot_use(pem: str, private: str, words: str) -> None:
    problem = authority_problem(pem, private, NOW)
    assert words in problem
    assert "BEGIN PRIVATE KEY" not in problem or "no PEM text" in problem
    assert private.splitlines()[-2 if len(private.splitlines()) > 1 else 0] not in problem


def test_an_end_that_is_near_is_a_warning() -> None:
    assert authority_warning(certificate(key()), NOW) == ""
    assert authority_warning(certificate(key(), days=29), NOW) == (
        "the certificate expires in 29 days"
    )
