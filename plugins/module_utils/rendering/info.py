# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What manifests bring: the one call that the module `manifests_info` and its action share."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

from ansible_collections.llmd.tpu.plugins.module_utils.manifests.load import BadManifest, Manifest
from ansible_collections.llmd.tpu.plugins.module_utils.rendering.sources import (
    SOURCES,
    gather,
    given,
    source_options,
)

_CONTAINER_LISTS = frozenset({"containers", "initContainers", "ephemeralContainers"})


def argument_spec() -> dict[str, Any]:
    """The options of `manifests_info`."""
    return source_options()


def info(params: Mapping[str, Any]) -> dict[str, Any]:
    """The objects of the sources and their images; the answer is the task's result."""
    if not given(params):
        return _failed(f"nothing to read: give {', '.join(SOURCES[:-1])} or {SOURCES[-1]}.")
    try:
        gathered = gather(params)
    except BadManifest as problem:
        return _failed(str(problem))
    bodies = [manifest.body for manifest in gathered.manifests]
    return {
        "changed": False,
        "objects": [_entry(manifest) for manifest in gathered.manifests],
        "images": sorted(set(images(bodies))),
        "digest": hashlib.sha256(json.dumps(bodies, sort_keys=True).encode()).hexdigest(),
        "cached": gathered.cached,
    }


def _entry(manifest: Manifest) -> dict[str, Any]:
    return {
        "api_version": manifest.api_version,
        "kind": manifest.kind,
        "name": manifest.name,
        "namespace": manifest.namespace,
    }


def images(value: Any) -> Iterator[str]:
    """The images of containers, wherever a list of containers is: custom resources hold some."""
    if isinstance(value, list):
        for item in value:
            yield from images(item)
    elif isinstance(value, Mapping) and value.get("kind") != "CustomResourceDefinition":
        for name, inner in value.items():
            if name in _CONTAINER_LISTS and isinstance(inner, list):
                for container in inner:
                    if isinstance(container, Mapping) and isinstance(container.get("image"), str):
                        yield container["image"]
            yield from images(inner)


def _failed(words: str) -> dict[str, Any]:
    return {"failed": True, "changed": False, "msg": words}
