# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a certificate says, in words, and what OpenSSL means when it refuses one. Pure.

Source: OpenSSL 3, ``include/openssl/x509_vfy.h`` (numbers of X509_V_ERR_…).
"""

from __future__ import annotations

try:
    from cryptography import x509

    IMPORT_PROBLEM: str | None = None
except ImportError as problem:
    IMPORT_PROBLEM = str(problem)

TIME_ERRORS = frozenset({9, 10})
"""Not yet valid, expired."""
AUTHORITY_ERRORS = frozenset({2, 18, 19, 20, 21})
"""No issuer, self-signed, self-signed in the chain, issuer unknown here, only one certificate."""
NAME_ERRORS = frozenset({62, 64})
"""Another host name, another address."""
_MOST_NAMES = 5


def describe_certificate(encoded: bytes) -> str:
    """Say for whom, by whom and until when a certificate (DER) was issued."""
    if IMPORT_PROBLEM:
        return "to see its certificate, install the Python package cryptography"
    try:
        read = x509.load_der_x509_certificate(encoded)
        names = _names(read)
    except ValueError as problem:
        return f"its certificate cannot be read ({problem})"
    shown = ", ".join(names[:_MOST_NAMES]) + (", …" if len(names) > _MOST_NAMES else "")
    return (
        f"the certificate is for {shown or 'no name at all'}, issued by "
        f"{read.issuer.rfc4514_string() or 'nobody'}, valid from "
        f"{read.not_valid_before_utc:%Y-%m-%d} to {read.not_valid_after_utc:%Y-%m-%d}"
    )


def _names(certificate: x509.Certificate) -> list[str]:
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return []
    return [str(one.value) for one in found.value]
