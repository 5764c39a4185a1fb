# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Fields of Kubernetes objects: their paths, and who owns them by `metadata.managedFields`. Pure.

The format FieldsV1 is described in the API reference of ObjectMeta ("ManagedFieldsEntry"): `f:NAME`
is a field, `k:{…}` a list item named by its keys, `v:…` an item of a set, `.` the node itself.
An owned node without children is a leaf: a scalar, or a map or list that is replaced as a whole.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Tree = Mapping[str, Any]
"""A FieldsV1 tree."""


@dataclass(frozen=True)
class Item:
    """A path segment: one item of a list, named by its key fields (or by its own value)."""

    keys: tuple[tuple[str, Any], ...]

    def __str__(self) -> str:
        return (
            "["
            + ",".join(f"{name}={value}" if name else str(value) for name, value in self.keys)
            + "]"
        )


Path = tuple["str | int | Item", ...]


def spell(path: Path) -> str:
    """A path as people write it: `spec.template.spec.containers[name=main].image`."""
    text = ""
    for segment in path:
        if isinstance(segment, Item):
            text += str(segment)
        elif isinstance(segment, int):
            text += f"[{segment}]"
        elif segment and all(letter not in segment for letter in "./[ "):
            text += f".{segment}"
        else:
            text += f"[{segment}]"
    return text.removeprefix(".")


# Lists that are merged by key though no manager is recorded for them; from the merge keys in the
# Kubernetes API reference (core/v1, admissionregistration.k8s.io/v1, gateway.networking.k8s.io/v1).
_LIST_KEYS: dict[str, tuple[str, ...]] = {
    "conditions": ("type",),
    "containers": ("name",),
    "env": ("name",),
    "ephemeralContainers": ("name",),
    "hostAliases": ("ip",),
    "imagePullSecrets": ("name",),
    "initContainers": ("name",),
    "listeners": ("name",),
    "ownerReferences": ("uid",),
    "secrets": ("name",),
    "topologySpreadConstraints": ("topologyKey", "whenUnsatisfiable"),
    "volumeDevices": ("devicePath",),
    "volumeMounts": ("mountPath",),
    "volumes": ("name",),
    "webhooks": ("name",),
}
_CONTAINER_LISTS = frozenset({"containers", "initContainers", "ephemeralContainers"})
_SETS = frozenset({"finalizers"})
# Key fields that may be left out of a manifest because the server fills them in.
_KEY_DEFAULTS = {"protocol": "TCP"}


def list_kind(path: Path, known: Tree | None) -> tuple[str, ...] | None:
    """How the list at this path merges: its key fields, `()` for a set, None for atomic.

    `known` is what anybody owns there; the table above serves where nobody is recorded.
    """
    for child in known or ():
        if child.startswith("k:"):
            return tuple(json.loads(child[2:]))
        if child.startswith("v:"):
            return ()
    if known is not None and "." not in known:
        return None
    names = [segment for segment in path if isinstance(segment, str)]
    name = names[-1] if names else ""
    if name == "ports":
        inside_container = len(names) > 1 and names[-2] in _CONTAINER_LISTS
        return ("containerPort", "protocol") if inside_container else ("port", "protocol")
    if name in _SETS:
        return ()
    return _LIST_KEYS.get(name)


def item_keys(item: Any, keys: Sequence[str]) -> tuple[tuple[str, Any], ...]:
    """The key fields of a list item, with the server's defaults for those it leaves out."""
    if not isinstance(item, Mapping):
        return (("", _hashable(item)),)
    return tuple(
        (key, _hashable(item.get(key, _KEY_DEFAULTS.get(key))))
        for key in sorted(keys)
        if key in item or key in _KEY_DEFAULTS
    )


def _hashable(value: Any) -> Any:
    return json.dumps(value, sort_keys=True) if isinstance(value, dict | list) else value


def child(tree: Tree | None, name: str) -> Tree | None:
    """The subtree of a field; None when it is not owned."""
    return None if tree is None else tree.get(f"f:{name}")


def item_child(tree: Tree | None, keys: tuple[tuple[str, Any], ...]) -> Tree | None:
    """The subtree of a list item named by its keys; None when it is not owned."""
    for found, subtree in item_children(tree):
        if found == keys:
            return subtree
    return None


def item_children(tree: Tree | None) -> Iterator[tuple[tuple[tuple[str, Any], ...], Tree]]:
    """The list items in a tree: their keys and subtrees."""
    for name, subtree in (tree or {}).items():
        if name.startswith("k:"):
            yield tuple(sorted((k, _hashable(v)) for k, v in json.loads(name[2:]).items())), subtree
        elif name.startswith("v:"):
            yield (("", _hashable(json.loads(name[2:]))),), subtree


def is_leaf(tree: Tree | None) -> bool:
    """Owned as a whole: a scalar, or an atomic map or list."""
    return tree is not None and not tree


@dataclass(frozen=True)
class Ownership:
    """Who owns the fields of one live object: we, the others, and all together."""

    ours: Tree
    others: Tree
    everybody: Tree


def ownership(live: Mapping[str, Any], manager: str) -> Ownership:
    """Split the object's managedFields; `manager` is our field manager's name."""
    ours: dict[str, Any] = {}
    others: dict[str, Any] = {}
    for entry in live.get("metadata", {}).get("managedFields") or ():
        mine = (
            entry.get("manager") == manager
            and entry.get("operation") == "Apply"
            and not entry.get("subresource")
        )
        _merge(ours if mine else others, entry.get("fieldsV1") or {})
    everybody: dict[str, Any] = {}
    _merge(everybody, ours)
    _merge(everybody, others)
    return Ownership(ours, others, everybody)


def _merge(into: dict[str, Any], tree: Tree) -> None:
    for name, subtree in tree.items():
        _merge(into.setdefault(name, {}), subtree)


def managers(live: Mapping[str, Any]) -> tuple[str, ...]:
    """The names of all field managers of an object, each once, in the order of the object."""
    entries = live.get("metadata", {}).get("managedFields") or ()
    return tuple(dict.fromkeys(str(entry.get("manager", "")) for entry in entries))
