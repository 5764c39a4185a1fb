# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Fields that the caller does not want to see: the option `hidden_fields` of kubernetes.core. Pure.

A path is spelled as there (`metadata.annotations[example.com/x]`, `spec.containers[0].image`) or as
our own results spell it (`spec.containers[name=web].image`). In a change of a list that is merged
by key nobody knows an item's number; a number then stands for all of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from ansible_collections.llmd.tpu.plugins.module_utils.manifests.fields import Item, Path

Hidden = tuple[str, ...]
"""The parts of a hidden path."""


def hidden_path(text: str) -> Hidden:
    """A path that was spelled, in its parts."""
    parts = re.findall(r"\[([^\]]*)\]|([^.\[\]]+)", text)
    return tuple(inner or name for inner, name in parts)


def visible(value: Any, hidden: Iterable[Hidden]) -> Any:
    """The value without what is hidden in it."""
    below = [path for path in hidden if path]
    if not below:
        return value
    if isinstance(value, Mapping):
        items = [({str(name)}, name, item) for name, item in value.items()]
        return dict(_kept(items, below))
    if isinstance(value, list):
        items = [
            ({str(number), *_called(item)}, str(number), item) for number, item in enumerate(value)
        ]
        return [kept for _number, kept in _kept(items, below)]
    return value


def _called(item: Any) -> set[str]:
    """What an item of a list may be called by: each of its keys, or itself."""
    if isinstance(item, Mapping):
        return {f"{name}={value}" for name, value in item.items()}
    return {str(item)}


def _kept(
    items: Iterable[tuple[set[str], str, Any]], hidden: list[Hidden]
) -> Iterable[tuple[str, Any]]:
    for names, name, item in items:
        rests = [path[1:] for path in hidden if path[0] in names]
        if () not in rests:
            yield name, visible(item, rests)


def rests_below(path: Path, hidden: Iterable[Hidden]) -> list[Hidden]:
    """What the hidden paths say about the value at this path; `()` hides all of it."""
    rests = list(hidden)
    for segment in path:
        rests = [rest[1:] for rest in rests if rest and _matches(segment, rest[0])] + [
            () for rest in rests if not rest
        ]
    return rests


def _matches(segment: str | int | Item, part: str) -> bool:
    if isinstance(segment, Item):
        return (
            part.isdigit() or part in str(segment)[1:-1].split(",") or f"[{part}]" == str(segment)
        )
    return str(segment) == part
