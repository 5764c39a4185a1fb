# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the answers of registries and hub mean. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ansible_collections.llmd.tpu.plugins.module_utils.findings import Finding
from ansible_collections.llmd.tpu.plugins.module_utils.preflight.asking import Look
from ansible_collections.llmd.tpu.plugins.module_utils.preflight.credentials import parse_image

_REGISTRY = "OCI Distribution Specification, Pulling manifests"
_HUB = "huggingface_hub, utils/_http.py (header X-Error-Code)"


def judge_images(
    looks: Mapping[tuple[str, str], Look], with_account: Iterable[tuple[str, str]]
) -> list[Finding]:
    """One finding an image that cannot be pulled, one a registry that could not be asked.

    `looks` is keyed by phase and image; `with_account` names those asked for with an account.
    """
    known = set(with_account)
    findings = [
        _image_finding(phase, image, look, (phase, image) in known)
        for (phase, image), look in looks.items()
        if look.verdict in ("refused", "absent")
    ]
    silent: dict[str, list[tuple[str, Look]]] = {}
    for (_phase, image), look in looks.items():
        if look.verdict == "not asked":
            parsed = parse_image(image)
            silent.setdefault(parsed.registry if parsed else image, []).append((image, look))
    return findings + [_registry_silent(name, images) for name, images in silent.items()]


def _image_finding(phase: str, image: str, look: Look, with_account: bool) -> Finding:
    if look.verdict == "absent":
        return Finding(
            code="IMAGE-NOT-FOUND",
            severity="error",
            message=f"the registry has no such image; needed by phase {phase}",
            subject=image,
            found=look.detail,
            expected="the manifest of exactly this tag or digest",
            fix="check the name and the tag (some registries say 'not found' to an account "
            "without the right to see it)",
            source=_REGISTRY,
        )
    account = "with the account of the pull secret" if with_account else "without an account"
    return Finding(
        code="IMAGE-REFUSED",
        severity="error",
        message=f"the registry does not let us read this image {account}; needed by phase {phase}",
        subject=image,
        found=look.detail,
        expected="the manifest of exactly this image: a login alone is no entitlement to it",
        fix="check user and password, and that the account may pull this very image "
        "(podman pull does the same)",
        source=_REGISTRY,
    )


def _registry_silent(registry: str, images: list[tuple[str, Look]]) -> Finding:
    several = len(images) > 1
    return Finding(
        code="IMAGE-NOT-ASKED",
        severity="info",
        message=f"registry {registry} could not be asked from here for "
        f"{f'{len(images)} images' if several else images[0][0]}: whether the cluster can pull "
        f"{'them' if several else 'it'} is not known",
        subject=registry,
        found=images[0][1].detail,
        expected="a reply of the registry's API",
        fix="nothing, if only the cluster can reach it; else check the network of this machine",
    )


def judge_model(uri: str, look: Look, hub: str, *, with_token: bool) -> Finding | None:
    """What the hub's answer for one file of the model means; None when it can be read."""
    if look.verdict == "readable":
        return None
    if look.verdict == "not asked":
        return Finding(
            code="HUB-NOT-ASKED",
            severity="info",
            message=f"{hub} could not be asked from here: whether the model can be downloaded is "
            "not known",
            subject=uri,
            found=look.detail,
            expected="a reply of the hub",
            fix="nothing, if only the cluster can reach it; else check the network of this machine",
        )
    gated = look.code == "GatedRepo"
    if look.verdict == "refused" and gated:
        return Finding(
            code="HUB-MODEL-GATED",
            severity="error",
            message="the model is gated, and "
            + (
                "the account of this token has no access to it"
                if with_token
                else "it was asked for without a token"
            ),
            subject=uri,
            found=f"{look.detail} {look.code}",
            expected="a token of an account that has accepted the model's terms",
            fix=f"accept the terms at {hub}/{repository_of(uri)}, and set namespace_hub_token"
            " (and model_gated: true)",
            source=_HUB,
        )
    if look.code == "RepoNotFound" or (look.verdict == "absent" and look.code != "EntryNotFound"):
        return Finding(
            code="HUB-MODEL-NOT-FOUND",
            severity="error",
            message="the hub has no such model, or does not show it to this account",
            subject=uri,
            found=f"{look.detail} {look.code}".strip(),
            expected="a repository OWNER/NAME",
            fix="check model_uri; a private model needs namespace_hub_token",
            source=_HUB,
        )
    if look.verdict == "absent":
        return Finding(
            code="HUB-MODEL-WITHOUT-CONFIG",
            severity="warning",
            message="the model's repository has no config.json, which vLLM starts from",
            subject=uri,
            found=f"{look.detail} {look.code}",
            expected="config.json at the top of the repository",
            fix="check that this is a model in the format of transformers",
        )
    return Finding(
        code="HUB-TOKEN-REFUSED",
        severity="error",
        message="the hub refuses the token"
        if with_token
        else "the hub wants a token for this model",
        subject=uri,
        found=f"{look.detail} {look.code}".strip(),
        expected="a token that is valid and may read this model",
        fix="make a new token with the right to read, and set namespace_hub_token",
        source=_HUB,
    )


def repository_of(uri: str) -> str:
    """OWNER/NAME of a model's address."""
    return uri.removeprefix("hf://").partition(":")[0]
