# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which objects are ours, and how to name one. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.llmd.tpu.plugins.module_utils.manifests.removal import why_not_ours


def is_ours(live: Mapping[str, Any], manager: str, labels: Mapping[str, str]) -> bool:
    """Whether our field manager has applied the object and it carries all of our labels."""
    return not why_not_ours(live.get("metadata") or {}, manager, labels)


def reference(live: Mapping[str, Any]) -> dict[str, Any]:
    """Kind, name and namespace of an object, enough to apply or delete it."""
    metadata = live["metadata"]
    where = {"namespace": metadata["namespace"]} if metadata.get("namespace") else {}
    return {
        "apiVersion": live["apiVersion"],
        "kind": live["kind"],
        "metadata": {"name": metadata["name"], **where},
    }
