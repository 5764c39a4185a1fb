# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whose CRD is it, and is ours newer? Pure.

Several installers bring the same CRDs. Annotations say which bundle they are of: Gateway API
("gateway.networking.k8s.io/bundle-version", "…/channel"; gateway-api.sigs.k8s.io, "CRD
Management") and its inference extension ("inference.networking.k8s.io/bundle-version"). GKE manages
them through its addon manager, which undoes edits (GKE documentation, "Deploying Gateways").
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ansible_collections.llmd.tpu.plugins.module_utils.manifests.fields import managers

BUNDLE_VERSIONS = (
    "gateway.networking.k8s.io/bundle-version",
    "inference.networking.k8s.io/bundle-version",
)
_CHANNEL = "gateway.networking.k8s.io/channel"
_PHASE = "llmd.tpu/phase"
_ADDON_LABEL = "addonmanager.kubernetes.io/mode"
_PLATFORM_MANAGERS = frozenset({"kube-addon-manager", "addon-manager", "gke-addon-manager"})


def reason_to_skip(desired: Mapping[str, Any], live: Mapping[str, Any] | None) -> str | None:
    """Why a CRD is left as it is, in words; None when it may be applied."""
    if desired.get("kind") != "CustomResourceDefinition" or live is None:
        return None
    if sign := managed_by_platform(live):
        return f"the platform manages this CRD ({sign}); it is left as it is{_versions(live)}"
    owners = managers(live)
    return _downgrade(_annotations(desired), _annotations(live), owners) or _phase(desired, live)


def managed_by_platform(live: Mapping[str, Any]) -> str:
    """By what one sees that the platform manages a CRD and undoes edits; empty: it does not."""
    platform = sorted(_PLATFORM_MANAGERS & set(managers(live)))
    if platform:
        return f"field manager {platform[0]}"
    labels = live.get("metadata", {}).get("labels") or {}
    return f"label {_ADDON_LABEL}" if _ADDON_LABEL in labels else ""


def _phase(desired: Mapping[str, Any], live: Mapping[str, Any]) -> str | None:
    """Two phases that bring the same bundle of a CRD would take it from each other for ever."""
    owner, ours = (
        (body.get("metadata", {}).get("labels") or {}).get(_PHASE) for body in (live, desired)
    )
    versions = [{n: _annotations(body).get(n) for n in BUNDLE_VERSIONS} for body in (live, desired)]
    if owner and ours and owner != ours and versions[0] == versions[1]:
        return f"phase {owner} installed this CRD, of the same bundle; it stays with that phase"
    return None


def _downgrade(
    desired: Mapping[str, str], live: Mapping[str, str], owners: tuple[str, ...]
) -> str | None:
    for name in BUNDLE_VERSIONS:
        installed, ours = live.get(name), desired.get(name)
        if installed and (ours is None or _version(installed) > _version(ours)):
            return (
                f"installed is bundle {installed} (by {', '.join(owners)}), the manifest has "
                f"{ours or 'no bundle version'}; a CRD is never downgraded"
            )
    if live.get(_CHANNEL) == "experimental" and desired.get(_CHANNEL) == "standard":
        return (
            f"installed is the experimental channel (by {', '.join(owners)}), the manifest is of "
            "the standard channel, which has fewer fields; a CRD is never downgraded"
        )
    return None


def _annotations(body: Mapping[str, Any]) -> Mapping[str, str]:
    return body.get("metadata", {}).get("annotations") or {}


def _versions(live: Mapping[str, Any]) -> str:
    found = [live_version for n in BUNDLE_VERSIONS if (live_version := _annotations(live).get(n))]
    return f"; bundle {', '.join(found)}" if found else ""


def _version(text: str) -> tuple[tuple[int, ...], bool, tuple[tuple[int, str], ...]]:
    """A sortable version; a release is newer than its own candidates (v1.2.0 > v1.2.0-rc.1)."""
    main, _dash, candidate = text.removeprefix("v").partition("-")
    numbers = tuple(int(part) for part in re.findall(r"\d+", main))
    parts = tuple(
        (int(part), "") if part.isdigit() else (0, part)
        for part in re.findall(r"\d+|[a-z]+", candidate)
    )
    return numbers, not candidate, parts
