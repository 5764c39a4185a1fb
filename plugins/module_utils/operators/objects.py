# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Small questions to one object: whose it is, which version it is. Pure.

Sources: Helm ("meta.helm.sh/release-name"), Operator Lifecycle Manager ("olm.owner"), Argo CD
("argocd.argoproj.io/tracking-id") and Flux ("helm.toolkit.fluxcd.io/name") mark what they install.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from ansible_collections.llmd.tpu.plugins.module_utils.manifests.fields import managers

Document = Mapping[str, Any]

PHASE_LABEL = "llmd.tpu/phase"
PHASE = "operators"
_TAG = re.compile(r":([^:/]+)$")


def labels(item: Document) -> Mapping[str, str]:
    """An object's labels."""
    return item.get("metadata", {}).get("labels") or {}


def annotated(item: Document) -> Mapping[str, str]:
    """An object's annotations."""
    return item.get("metadata", {}).get("annotations") or {}


def is_ours(item: Document | None) -> bool:
    """Whether this phase made an object."""
    return item is not None and labels(item).get(PHASE_LABEL) == PHASE


def title(item: Document) -> str:
    """How messages call an object."""
    metadata = item["metadata"]
    place = f"{metadata['namespace']}/" if metadata.get("namespace") else ""
    return f"{item.get('kind', 'object')} {place}{metadata['name']}"


def owner(item: Document) -> str:
    """Who installed an object, in words."""
    known, marked = labels(item), annotated(item)
    if release := marked.get("meta.helm.sh/release-name"):
        return f"Helm release {marked.get('meta.helm.sh/release-namespace', '')}/{release}"
    if flux := known.get("helm.toolkit.fluxcd.io/name"):
        return f"Flux release {known.get('helm.toolkit.fluxcd.io/namespace', '')}/{flux}"
    if known.get("olm.owner") or known.get("olm.managed"):
        return f"Operator Lifecycle Manager {known.get('olm.owner', '')}".strip()
    if "argocd.argoproj.io/tracking-id" in marked or "argocd.argoproj.io/instance" in known:
        return f"Argo CD {known.get('argocd.argoproj.io/instance', '')}".strip()
    others = managers(item)
    return f"field manager {', '.join(others)}" if others else "unknown"


def image(deployment: Document | None) -> str:
    """The image of a Deployment's first container."""
    pod = ((deployment or {}).get("spec") or {}).get("template", {}).get("spec", {})
    containers = pod.get("containers") or [{}]
    return str(containers[0].get("image", ""))


def environment(deployment: Document | None) -> dict[str, str]:
    """The plain environment values of a Deployment's first container."""
    pod = ((deployment or {}).get("spec") or {}).get("template", {}).get("spec", {})
    containers = pod.get("containers") or [{}]
    return {one["name"]: str(one.get("value", "")) for one in containers[0].get("env") or ()}


def version(deployment: Document | None) -> str:
    """The version that a Deployment says it runs: its label, else its image's tag; with a v."""
    if deployment is None:
        return ""
    said = labels(deployment).get("app.kubernetes.io/version", "")
    tag = _TAG.search(image(deployment).partition("@")[0])
    text = said or (tag[1] if tag else "")
    return f"v{text}" if text[:1].isdigit() else text


def named(items: Iterable[Document], name: str) -> Document | None:
    """The object with a name."""
    return next((item for item in items if item["metadata"]["name"] == name), None)
