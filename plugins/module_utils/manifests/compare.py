# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Would server-side apply of a manifest change the live object? Pure.

Three answers for each field: it changes, we gave it up (owned by us, no longer asked for), or only
the server can know (`doubts`: a value that the server may drop, or more than we asked for inside a
list that is replaced as a whole). No answer at all means: applying would change nothing.
Semantics: Kubernetes documentation, "Server-Side Apply".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.llmd.tpu.plugins.module_utils.manifests.fields import (
    Item,
    Ownership,
    Path,
    Tree,
    child,
    is_leaf,
    item_child,
    item_children,
    item_keys,
    list_kind,
    ownership,
    spell,
)
from ansible_collections.llmd.tpu.plugins.module_utils.manifests.values import (
    identical,
    is_zero,
    same,
)

# What the server fills in inside lists that are replaced as a whole, where ownership cannot tell a
# default from a field that was given up: (parent field, field) -> values. From the API references
# of networking.k8s.io/v1, rbac.authorization.k8s.io/v1, core/v1 and gateway.networking.k8s.io/v1.
_ATOMIC_DEFAULTS: dict[tuple[str, str], tuple[Any, ...]] = {
    ("backendRefs", "group"): ("",),
    ("backendRefs", "kind"): ("Service",),
    ("backendRefs", "weight"): (1,),
    ("certificateRefs", "group"): ("",),
    ("certificateRefs", "kind"): ("Secret",),
    ("configMap", "defaultMode"): (420,),
    ("configMapKeyRef", "name"): ("",),
    ("fieldRef", "apiVersion"): ("v1",),
    ("headers", "type"): ("Exact",),
    ("matches", "path"): ({"type": "PathPrefix", "value": "/"},),
    ("parentRefs", "group"): ("gateway.networking.k8s.io",),
    ("parentRefs", "kind"): ("Gateway",),
    ("path", "type"): ("PathPrefix",),
    ("path", "value"): ("/",),
    ("ports", "protocol"): ("TCP",),
    ("rules", "matches"): ([{"path": {"type": "PathPrefix", "value": "/"}}],),
    ("rules", "scope"): ("*",),
    ("serviceAccountToken", "expirationSeconds"): (3600,),
    ("subjects", "apiGroup"): ("rbac.authorization.k8s.io", ""),
}

SERVER_METADATA = frozenset(
    {"creationTimestamp", "generation", "managedFields", "resourceVersion", "selfLink", "uid"}
)


@dataclass(frozen=True)
class Comparison:
    """What applying would do to a live object: paths as people write them."""

    changes: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()

    @property
    def clean(self) -> bool:
        """Applying changes nothing, for certain."""
        return not (self.changes or self.removed or self.doubts)


def compare(desired: Mapping[str, Any], live: Mapping[str, Any], manager: str) -> Comparison:
    """Compare a prepared manifest (see `wanted`) with the live object."""
    owners = ownership(live, manager)
    walk = _Walk()
    for name, value in desired.items():
        if name in ("apiVersion", "kind"):
            continue
        walk.compare_field(name, value, live, (), owners.ours, owners.everybody, atomic=False)
    removed = tuple(
        spell(path) for path in _given_up(desired, live, owners.ours, owners.others, ())
    )
    return Comparison(_spelt(walk.changes), removed, _spelt(walk.doubts))


def _spelt(paths: list[Path]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(spell(path) for path in paths))


@dataclass
class _Walk:
    """One pass over a manifest beside the live object and both ownership trees."""

    changes: list[Path] = field(default_factory=list)
    doubts: list[Path] = field(default_factory=list)

    def compare_field(
        self,
        name: str,
        desired: Any,
        live: Mapping[str, Any],
        path: Path,
        ours: Tree | None,
        known: Tree | None,
        *,
        atomic: bool,
    ) -> None:
        here = (*path, name)
        if path == ("metadata",) and name in ("name", "namespace"):
            return
        if live.get(name) is None:
            self.absent(desired, here, child(ours, name))
        else:
            self.value(desired, live[name], here, child(ours, name), child(known, name), atomic)

    def absent(self, desired: Any, path: Path, ours: Tree | None) -> None:
        """The live object has nothing here. Asked for before: the server dropped it then."""
        if isinstance(desired, Mapping) and desired:
            for name, value in desired.items():
                self.absent(value, (*path, name), child(ours, name))
        elif is_zero(desired):
            if ours is None:
                self.doubts.append(path)
        elif ours is None:
            self.changes.append(path)
        else:
            self.doubts.append(path)

    def value(
        self,
        desired: Any,
        live: Any,
        path: Path,
        ours: Tree | None,
        known: Tree | None,
        atomic: bool,
    ) -> None:
        if identical(desired, live):
            return
        if isinstance(desired, Mapping) and isinstance(live, Mapping):
            self.mapping(
                desired, live, path, ours, known, atomic or (is_leaf(known) and bool(live))
            )
        elif isinstance(desired, list) and isinstance(live, list):
            keys = None if atomic else list_kind(path, known)
            if keys is None:
                self.whole_list(desired, live, path)
            else:
                self.keyed_list(desired, live, path, ours, known, keys)
        elif not same(desired, live, path):
            self.changes.append(path)

    def mapping(
        self,
        desired: Mapping[str, Any],
        live: Mapping[str, Any],
        path: Path,
        ours: Tree | None,
        known: Tree | None,
        atomic: bool,
    ) -> None:
        for name, value in desired.items():
            self.compare_field(name, value, live, path, ours, known, atomic=atomic)
        if atomic:
            parent = next((part for part in reversed(path) if isinstance(part, str)), "")
            for name in live.keys() - desired.keys():
                if live[name] not in _ATOMIC_DEFAULTS.get((parent, name), ()):
                    self.doubts.append((*path, name))

    def whole_list(self, desired: list[Any], live: list[Any], path: Path) -> None:
        if len(desired) != len(live):
            self.changes.append(path)
            return
        for index, (wanted_item, live_item) in enumerate(zip(desired, live, strict=True)):
            self.value(wanted_item, live_item, (*path, index), None, None, True)

    def keyed_list(
        self,
        desired: list[Any],
        live: list[Any],
        path: Path,
        ours: Tree | None,
        known: Tree | None,
        keys: tuple[str, ...],
    ) -> None:
        places = {item_keys(item, keys): index for index, item in enumerate(live)}
        found: list[int] = []
        for item in desired:
            named = item_keys(item, keys)
            here = (*path, Item(named))
            if named not in places:
                self.changes.append(here)
                continue
            found.append(places[named])
            if isinstance(item, Mapping):
                self.value(
                    item,
                    live[places[named]],
                    here,
                    item_child(ours, named),
                    item_child(known, named),
                    False,
                )
        if found != sorted(found):
            self.doubts.append(path)


def _given_up(
    desired: Any, live: Any, ours: Tree, others: Tree | None, path: Path
) -> Iterator[Path]:
    """Fields that we own alone, that are there, and that the manifest no longer has."""
    if isinstance(desired, Mapping) and isinstance(live, Mapping):
        for name, subtree in ours.items():
            field_name = name.removeprefix("f:")
            if name == "." or field_name not in live:
                continue
            theirs = child(others, field_name)
            if field_name in desired:
                yield from _given_up(
                    desired[field_name], live[field_name], subtree, theirs, (*path, field_name)
                )
            elif theirs is None:
                yield (*path, field_name)
            else:
                yield from _given_up(
                    _empty(live[field_name]), live[field_name], subtree, theirs, (*path, field_name)
                )
    elif isinstance(desired, list) and isinstance(live, list):
        yield from _given_up_items(desired, live, ours, others, path)


def _given_up_items(
    desired: list[Any], live: list[Any], ours: Tree, others: Tree | None, path: Path
) -> Iterator[Path]:
    for keys, subtree in item_children(ours):
        names = [name for name, _value in keys]
        wanted_item = next((i for i in desired if item_keys(i, names) == keys), None)
        live_item = next((i for i in live if item_keys(i, names) == keys), None)
        if live_item is None:
            continue
        theirs = item_child(others, keys)
        if wanted_item is not None:
            if isinstance(wanted_item, Mapping):  # an item cannot lose what names it
                wanted_item = {**dict(keys), **wanted_item}
            yield from _given_up(wanted_item, live_item, subtree, theirs, (*path, Item(keys)))
        elif theirs is None:
            yield (*path, Item(keys))
        else:
            yield from _given_up(_empty(live_item), live_item, subtree, theirs, (*path, Item(keys)))


def _empty(value: Any) -> Any:
    return [] if isinstance(value, list) else {}


def without_emptied(desired: Mapping[str, Any], live: Mapping[str, Any]) -> dict[str, Any]:
    """The manifest without the empty maps that stand against a map with fields in the live object.

    Server-side apply turns such a map into null on the way, which custom resources refuse; left
    out at first and asked for again after that it works.
    """
    result: dict[str, Any] = _lean(desired, live, ownership(live, "").everybody, ())
    return result


def _lean(desired: Any, live: Any, known: Tree | None, path: Path) -> Any:
    if isinstance(desired, Mapping) and isinstance(live, Mapping):
        return {
            name: _lean(value, live.get(name), child(known, name), (*path, name))
            for name, value in desired.items()
            if not (
                value == {}
                and isinstance(live.get(name), Mapping)
                and live[name]
                and not is_leaf(child(known, name))
            )
        }
    keys = list_kind(path, known) if isinstance(desired, list) and isinstance(live, list) else None
    if not keys:
        return desired
    there = {item_keys(item, keys): item for item in live}
    result = []
    for item in desired:
        named = item_keys(item, keys)
        subtree = item_child(known, named)
        result.append(_lean(item, there.get(named), subtree, (*path, Item(named))))
    return result


@dataclass(frozen=True)
class Change:
    """One field whose value differs between two states of an object; absent is None."""

    path: Path
    before: Any
    after: Any


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Change]:
    """The fields whose value differs; what the server writes by itself is left out."""
    known = ownership(after, "").everybody
    other = ownership(before, "").everybody
    changes: list[Change] = []
    for name in sorted((before.keys() | after.keys()) - {"status", "apiVersion", "kind"}):
        old, new = before.get(name), after.get(name)
        if name == "metadata":
            old, new = _own_metadata(old), _own_metadata(new)
        _differ(old, new, (name,), child(known, name) or child(other, name), changes)
    return changes


def _own_metadata(metadata: Any) -> dict[str, Any]:
    return {name: value for name, value in (metadata or {}).items() if name not in SERVER_METADATA}


def _differ(old: Any, new: Any, path: Path, known: Tree | None, changes: list[Change]) -> None:
    if old == new and type(old) is type(new):
        return
    # A map that comes or goes is told by its fields: the server may leave an empty one behind.
    if isinstance(old, Mapping) and old and new is None:
        new = {}
    elif isinstance(new, Mapping) and new and old is None:
        old = {}
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for name in sorted(old.keys() | new.keys()):
            _differ(old.get(name), new.get(name), (*path, name), child(known, name), changes)
    elif isinstance(old, list) and isinstance(new, list):
        _differ_lists(old, new, path, known, changes)
    else:
        changes.append(Change(path, old, new))


def _differ_lists(
    old: list[Any], new: list[Any], path: Path, known: Tree | None, changes: list[Change]
) -> None:
    keys = list_kind(path, known)
    if keys is None:
        if len(old) == len(new):
            for index, (left, right) in enumerate(zip(old, new, strict=True)):
                _differ(left, right, (*path, index), None, changes)
        else:
            changes.append(Change(path, old, new))
        return
    left_items = {item_keys(item, keys): item for item in old}
    right_items = {item_keys(item, keys): item for item in new}
    for named in dict.fromkeys([*left_items, *right_items]):
        left, right = left_items.get(named), right_items.get(named)
        _differ(left, right, (*path, Item(named)), item_child(known, named), changes)
    common = left_items.keys() & right_items.keys()
    if [k for k in left_items if k in common] != [k for k in right_items if k in common]:
        changes.append(
            Change(path, [str(Item(k)) for k in left_items], [str(Item(k)) for k in right_items])
        )


def wanted(
    desired: Mapping[str, Any], live: Mapping[str, Any] | None, manager: str
) -> dict[str, Any]:
    """The manifest as it is sent: without what is not ours to ask for.

    Left out: status, the server's metadata, the rules of an aggregated ClusterRole (the controller
    manager writes them: Kubernetes documentation, "Aggregated ClusterRoles"), and a caBundle that
    an injector owns (cert-manager's annotation, or another field manager on the live object).
    """
    owners = ownership(live, manager) if live else None
    result = {name: value for name, value in desired.items() if name != "status"}
    result["metadata"] = _own_metadata(desired.get("metadata"))
    if desired.get("kind") == "ClusterRole" and desired.get("aggregationRule"):
        result.pop("rules", None)
    for path in _ca_bundles(result):
        if _injected(desired, path, owners):
            result = _without(result, path)
    return result


_INJECTOR_ANNOTATIONS = (
    "cert-manager.io/inject-ca-from",
    "cert-manager.io/inject-ca-from-secret",
    "cert-manager.io/inject-apiserver-ca",
    "service.beta.openshift.io/inject-cabundle",
)


def _ca_bundles(desired: Mapping[str, Any]) -> Iterator[Path]:
    """Paths of the caBundle fields in webhook configurations, CRDs and APIServices."""
    kind = desired.get("kind")
    if kind in ("ValidatingWebhookConfiguration", "MutatingWebhookConfiguration"):
        for index, webhook in enumerate(desired.get("webhooks") or ()):
            if "caBundle" in (webhook.get("clientConfig") or {}):
                yield ("webhooks", index, "clientConfig", "caBundle")
    elif kind == "CustomResourceDefinition":
        webhook = (desired.get("spec", {}).get("conversion") or {}).get("webhook") or {}
        if "caBundle" in (webhook.get("clientConfig") or {}):
            yield ("spec", "conversion", "webhook", "clientConfig", "caBundle")
    elif kind == "APIService" and "caBundle" in (desired.get("spec") or {}):
        yield ("spec", "caBundle")


def _injected(desired: Mapping[str, Any], path: Path, owners: Ownership | None) -> bool:
    annotations = desired.get("metadata", {}).get("annotations") or {}
    if any(name in annotations for name in _INJECTOR_ANNOTATIONS):
        return True
    if owners is None:
        return False
    tree: Tree | None = owners.others
    node: Any = desired
    for segment in path:
        if isinstance(segment, int):
            tree = item_child(tree, item_keys(node[segment], ("name",)))
        else:
            tree = child(tree, str(segment))
        node = node[segment]
    return tree is not None


def _without(node: Any, path: Path) -> Any:
    """A copy without the value at this path."""
    head, rest = path[0], path[1:]
    if isinstance(node, list):
        return [_without(v, rest) if i == head else v for i, v in enumerate(node)]
    if not rest:
        return {name: value for name, value in node.items() if name != head}
    return {name: _without(v, rest) if name == head else v for name, v in node.items()}
