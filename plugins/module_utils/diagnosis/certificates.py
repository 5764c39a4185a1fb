# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Read certificates, and ask who signed them. Pure."""

from __future__ import annotations

IMPORT_PROBLEM: str | None = None
try:
    from cryptography import x509
    from cryptography.exceptions import InvalidSignature
except ImportError as problem:
    IMPORT_PROBLEM = str(problem)


def certificate_of(pem: str) -> x509.Certificate | None:
    """The first certificate of a text; None when there is none."""
    try:
        return x509.load_pem_x509_certificate(pem.encode())
    except ValueError:
        return None


def signed_by(read: x509.Certificate, authority: str) -> bool:
    """Whether an authority's key made the signature; its certificate is in PEM."""
    known = certificate_of(authority)
    try:
        if known is not None:
            read.verify_directly_issued_by(known)
    except (InvalidSignature, TypeError, ValueError):
        return False
    return known is not None
