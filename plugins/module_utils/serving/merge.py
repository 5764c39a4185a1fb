# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Merge a part of an object into it, nearly as `kubectl patch --type strategic` does. Pure.

Mappings are merged key by key, and null takes a key away. Lists whose entries all have a name
(containers, env, volumes) are merged by it; any other list is replaced.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def merged(base: Any, part: Any) -> Any:
    """The base with the part in it; neither is changed."""
    if isinstance(base, Mapping) and isinstance(part, Mapping):
        result = {key: value for key, value in base.items() if part.get(key, value) is not None}
        for key, value in part.items():
            if value is not None:
                result[key] = merged(base.get(key), value)
        return result
    if _named(base) and _named(part):
        return _merged_by_name(base, part)
    if isinstance(part, Mapping):
        return merged({}, part)
    return [merged(None, entry) for entry in part] if isinstance(part, list) else part


def _named(value: Any) -> bool:
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(entry, Mapping) and "name" in entry for entry in value)
    )


def _merged_by_name(base: list[Any], part: list[Any]) -> list[Any]:
    changes = {entry["name"]: entry for entry in part}
    kept = [merged(entry, changes.pop(entry["name"], {})) for entry in base]
    return [*kept, *(merged({}, entry) for entry in changes.values())]
