# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How KServe's download gets its credentials, as data. Pure.

Sources: opendatahub-io/kserve ``pkg/credentials`` (a Secret is of S3 when it has the secret key, of
the hub only when it has none of any store), ``config/configmap/inferenceservice.yaml`` (names of
the keys); run with release-v0.15.
"""

from __future__ import annotations

SECRET_ANNOTATION = "serving.kserve.io/storageSecretName"  # the name of an annotation
TOKEN_KEY = "HF_TOKEN"  # the name of a key, not a token
S3_KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")


def split_uri(uri: str) -> tuple[str, str]:
    """Scheme and rest of a model's address: hf, pvc, oci or s3."""
    scheme, _separator, rest = uri.partition("://")
    return scheme, rest


def hub_id(uri: str) -> str:
    """ORGANISATION/MODEL of a hub address, without its revision; empty for any other address."""
    scheme, rest = split_uri(uri)
    return rest.partition(":")[0] if scheme == "hf" else ""


def keys_of(uri: str) -> tuple[str, ...]:
    """The keys that the storage Secret of such an address must have."""
    return {"hf": (TOKEN_KEY,), "s3": S3_KEYS}.get(split_uri(uri)[0], ())


def claim_of(uri: str) -> str:
    """The PersistentVolumeClaim of a pvc address; empty for any other address."""
    scheme, rest = split_uri(uri)
    return rest.partition("/")[0] if scheme == "pvc" else ""
