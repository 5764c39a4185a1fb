# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which credential is for which registry, and is it of the right shape? Pure.

Sources: containers-auth.json(5) (an entry may name a path below its registry, and the longest
that fits counts), Docker's config.json, huggingface.co (user access tokens begin with ``hf_``). No
text here holds any part of a credential.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.llmd.tpu.plugins.module_utils.findings import Finding
from ansible_collections.llmd.tpu.plugins.module_utils.preflight.plan import Model, Phase

# These registries give nothing without an account.
PRIVATE_REGISTRIES = frozenset({"registry.redhat.io"})
_DOCKER = "docker.io"
_DOCKER_SPELLINGS = ("docker.io", "index.docker.io", "registry-1.docker.io")
_REFERENCE = re.compile(
    r"(?P<name>[a-z0-9._/:-]+?)(?::(?P<tag>[A-Za-z0-9_][A-Za-z0-9._-]*))?(?:@(?P<digest>\w+:\w+))?"
)


@dataclass(frozen=True)
class Image:
    """A reference in its parts; ``reference`` is the digest, or else the tag."""

    registry: str
    repository: str
    reference: str

    @property
    def api(self) -> str:
        """The address of the registry's API."""
        host = "registry-1.docker.io" if self.registry == _DOCKER else self.registry
        return f"https://{host}"


@dataclass(frozen=True)
class Account:
    """User and password of a registry; neither is part of any text."""

    user: str = field(repr=False)
    password: str = field(repr=False)

    def header(self) -> str:
        """The value of an Authorization header."""
        return "Basic " + base64.b64encode(f"{self.user}:{self.password}".encode()).decode()


def parse_image(text: str) -> Image | None:
    """Split an image reference as container runtimes do; None when it is none."""
    found = _REFERENCE.fullmatch(text)
    if not found:
        return None
    first, slash, rest = found["name"].partition("/")
    if slash and ("." in first or ":" in first or first == "localhost"):
        registry, repository = first, rest
    else:
        registry, repository = _DOCKER, found["name"] if slash else f"library/{found['name']}"
    if not repository:
        return None
    return Image(
        _DOCKER if registry in _DOCKER_SPELLINGS else registry,
        repository,
        found["digest"] or found["tag"] or "latest",
    )


def account_for(image: Image, config: Mapping[str, Any]) -> Account | None:
    """The account of the entry that fits best; None when none does, or it holds no password."""
    auths = config.get("auths")
    if not isinstance(auths, Mapping):
        return None
    place = f"{image.registry}/{image.repository}"
    fitting = [
        (key, entry)
        for key, entry in ((_plain(str(key)), entry) for key, entry in auths.items())
        if place == key or place.startswith(f"{key}/")
    ]
    for _key, entry in sorted(fitting, key=lambda one: -len(one[0])):
        account = _account(entry)
        if account:
            return account
    return None


# The input of each phase's pull secret; the model's pods pull with that of their namespace.
_PULL_SECRET_FILES = {
    "gateway": "gateway_pull_secret_file",
    "model": "namespace_pull_secret_file",
    "namespace": "namespace_pull_secret_file",
    "operators": "operators_pull_secret_file",
}


def check_pull_secret(phase: Phase) -> list[Finding]:
    """Judge the pull secret by itself: it can be read, and it is there where it must be."""
    if phase.pull_secret_problem:
        return [
            Finding(
                code="PULL-SECRET-INVALID",
                severity="error",
                message=f"the pull secret of phase {phase.name} cannot be used: "
                f"{phase.pull_secret_problem}",
                subject=f"{phase.name}_pull_secret",
                expected="the JSON that 'podman login --authfile FILE registry.redhat.io' writes",
                fix="write it anew and hand it over as the variable or as a file",
            )
        ]
    variable = _PULL_SECRET_FILES.get(phase.name)
    images = [image for text in phase.images if (image := parse_image(text))]
    lacking = sorted(
        {
            image.registry
            for image in images
            if image.registry in PRIVATE_REGISTRIES and not account_for(image, phase.pull_secret)
        }
    )
    return [
        Finding(
            code="PULL-SECRET-MISSING",
            severity="error",
            message=f"phase {phase.name} uses images of {registry}, which gives none without an "
            "account, and its pull secret has no entry for it",
            subject=registry,
            found=", ".join(sorted(map(_plain, phase.pull_secret.get("auths", {})))) or "no entry",
            expected=f"an entry for {registry} with user and password",
            fix=f"podman login --authfile FILE {registry}, and set {variable}: FILE"
            if variable
            else "take these images from another registry, or give the nodes an account for it",
            source="Kubernetes documentation, Pull an Image from a Private Registry",
        )
        for registry in lacking
    ]


def check_token(model: Model) -> list[Finding]:
    """Judge the hub token's shape, and whether a gated model has one."""
    if not model.uri.startswith("hf://"):
        return []
    if model.gated and not model.token:
        return [
            Finding(
                code="HUB-TOKEN-MISSING",
                severity="error",
                message="the model is gated, and there is no token to download it with",
                subject=model.uri,
                expected="a token of an account to which the owner of the model gave access",
                fix="set namespace_hub_token, for example by a lookup",
            )
        ]
    if model.token and re.search(r"\s", model.token):
        return [
            Finding(
                code="HUB-TOKEN-SHAPE",
                severity="error",
                message="the hub token holds a blank or a line break: it would be sent so",
                subject="namespace_hub_token",
                expected="one word, as the hub shows it",
                fix="strip it (a file's last line break is the usual cause)",
            )
        ]
    return []


def _plain(key: str) -> str:
    """The key of an entry without scheme and API version; Docker's own writes both."""
    place = re.sub(r"^https?://", "", key)
    place = re.sub(r"/v[12]/?$", "", place).rstrip("/")
    host, slash, path = place.partition("/")
    return f"{_DOCKER if host in _DOCKER_SPELLINGS else host}{slash}{path}"


def _account(entry: Any) -> Account | None:
    if not isinstance(entry, Mapping):
        return None
    if entry.get("auth"):
        try:
            text = base64.b64decode(str(entry["auth"])).decode()
        except (binascii.Error, UnicodeDecodeError, ValueError):
            return None
        user, colon, password = text.partition(":")
        return Account(user, password) if colon and password else None
    if entry.get("username") and entry.get("password"):
        return Account(str(entry["username"]), str(entry["password"]))
    return None
