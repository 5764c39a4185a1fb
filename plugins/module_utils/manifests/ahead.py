# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Read by one list what would be read one by one: many objects of a kind in one namespace.

It only saves requests. Whatever a list does not give (it is forbidden, fails, or holds too much
that nobody asked for) is not in the answer, and is read by itself then.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeAlias

from ansible_collections.llmd.tpu.plugins.module_utils.connection import (
    ConnectionLost,
    ConnectionProblem,
)
from ansible_collections.llmd.tpu.plugins.module_utils.manifests.client import Api, ApiError
from ansible_collections.llmd.tpu.plugins.module_utils.manifests.kinds import Kind
from ansible_collections.llmd.tpu.plugins.module_utils.manifests.retry import Patience, patience

FEW = 4
"""Fewer objects are read one by one."""
_STRANGERS = 4
"""A list may hold so many times what is asked for."""
# Whoever may read one of these need not see the others.
_PRIVATE = ("Secret",)

Place: TypeAlias = "tuple[Kind, str | None, str]"
"""Kind, namespace and name of an object."""


def read_ahead(
    api: Api, places: Iterable[Place], pool: ThreadPoolExecutor
) -> dict[str, dict[str, Any] | None]:
    """Objects by their URL path, None for one that is not there."""
    groups: dict[tuple[Kind, str], set[str]] = {}
    for kind, namespace, name in places:
        if kind.namespaced and namespace and name and kind.kind not in _PRIVATE:
            groups.setdefault((kind, namespace), set()).add(name)
    many = [(*group, names) for group, names in groups.items() if len(names) >= FEW]

    def read(group: tuple[Kind, str, set[str]]) -> dict[str, dict[str, Any] | None]:
        kind, namespace, names = group
        items = listed(api, kind, namespace, len(names))
        if items is None:
            return {}
        found = {item["metadata"]["name"]: item for item in items}
        return {kind.path(name, namespace): found.get(name) for name in names}

    return {path: item for part in pool.map(read, many) for path, item in part.items()}


def listed(
    api: Api, kind: Kind, namespace: str, wanted: int, selector: str = ""
) -> Sequence[dict[str, Any]] | None:
    """All objects of a kind in a namespace; None where a list is no help."""
    query = {"limit": str(wanted * _STRANGERS)}
    if selector:
        query["labelSelector"] = selector
    try:
        answer: Mapping[str, Any] = api.get(kind.path(None, namespace), query) or {}
    except ConnectionProblem:
        return None
    except (ApiError, ConnectionLost) as problem:
        if patience(problem) is not Patience.NONE:  # what it would have given is asked for again
            api.counts.add(retries=1)
        return None
    if "items" not in answer or (answer.get("metadata") or {}).get("continue"):
        return None
    # Within a list the server leaves these two out.
    named = {"apiVersion": kind.api_version, "kind": kind.kind}
    return [{**named, **item} for item in answer["items"] or ()]
