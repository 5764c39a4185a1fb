# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Live objects as the API server would show them: with managedFields."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

MANAGER = "llmd.tpu"
_KEYS = {"ports": ("containerPort", "protocol"), "volumeMounts": ("mountPath",)}
_NAMED = frozenset({"containers", "env", "volumes", "webhooks"})
_ATOMIC = frozenset({"nodeSelector", "selector", "fieldRef"})


def tree(value: Any, name: str = "") -> dict[str, Any]:
    """The FieldsV1 tree of a value, for the few lists and maps that the tests use."""
    if isinstance(value, Mapping) and name not in _ATOMIC:
        return {f"f:{key}": tree(item, key) for key, item in value.items()}
    if isinstance(value, list) and name == "finalizers":
        return {f"v:{json.dumps(item)}": {} for item in value}
    keys = ("name",) if name in _NAMED else _KEYS.get(name)
    if isinstance(value, list) and keys:
        result = {}
        for item in value:
            named = {key: item.get(key, "TCP") for key in keys}
            result[f"k:{json.dumps(named)}"] = {".": {}, **tree({**item, **named})}
        return result
    return {}


def entry(
    fields: Mapping[str, Any], manager: str = MANAGER, operation: str = "Apply"
) -> dict[str, Any]:
    """A managedFields entry that owns these fields of an object."""
    owned = {name: value for name, value in fields.items() if name not in ("apiVersion", "kind")}
    return {"manager": manager, "operation": operation, "fieldsV1": tree(owned)}


def live(body: Mapping[str, Any], *entries: Mapping[str, Any]) -> dict[str, Any]:
    """A live object: the body with managedFields; without entries we own all of it."""
    metadata = dict(body.get("metadata", {}))
    owned = {**body, "metadata": {k: v for k, v in metadata.items() if k != "name"}}
    if not owned["metadata"]:
        del owned["metadata"]
    metadata["managedFields"] = list(entries) or [entry(owned)]
    return {**body, "metadata": metadata}


def deployment(**container: Any) -> dict[str, Any]:
    """A Deployment with one container named web."""
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "labels": {"app": "web"}},
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": {"app": "web"}},
            "template": {"spec": {"containers": [{"name": "web", "image": "a:1", **container}]}},
        },
    }
