# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""From a task's options to objects: inline, templates, files, overlays, charts; then the chosen.

`apply` and `manifests_info` have these options in common.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ansible_collections.llmd.tpu.plugins.module_utils.manifests.load import (
    BadManifest,
    Manifest,
    documents,
    files,
    inline,
    read,
    refuse_doubles,
)
from ansible_collections.llmd.tpu.plugins.module_utils.rendering.cache import (
    DEFAULT_FOLDER,
    Cache,
    Entry,
    Head,
    holds_secret,
    key,
)
from ansible_collections.llmd.tpu.plugins.module_utils.rendering.chart import Chart
from ansible_collections.llmd.tpu.plugins.module_utils.rendering.kustomize import Overlay

_WORTH_KEEPING = 32_768
"""Bytes of a file from which on reading it from the cache is faster than parsing it."""


def source_options() -> dict[str, Any]:
    """The options that say which objects."""
    choice = {
        "type": "list",
        "elements": "dict",
        "options": {
            "kind": {"type": "str", "required": True},
            "name": {"type": "str"},
            "group": {"type": "str"},
        },
    }
    return {
        "definition": {"type": "raw"},
        "template": {"type": "list", "elements": "path"},
        "src": {"type": "list", "elements": "path"},
        "kustomize": {
            "type": "list",
            "elements": "dict",
            "options": {
                "path": {"type": "path", "required": True},
                "binary": {"type": "path"},
            },
        },
        "chart": {
            "type": "list",
            "elements": "dict",
            "options": {
                "path": {"type": "path", "required": True},
                "name": {"type": "str", "required": True},
                "namespace": {"type": "str", "default": "default"},
                "values": {"type": "dict", "default": {}},
                "binary": {"type": "path"},
            },
        },
        "include": choice,
        "exclude": choice,
        "cache": {"type": "str", "default": DEFAULT_FOLDER},
    }


SOURCES = ("definition", "template", "src", "kustomize", "chart")


def given(params: Mapping[str, Any]) -> bool:
    """Whether any source is given; a definition may be an empty list."""
    return params.get("definition") is not None or any(params.get(name) for name in SOURCES)


@dataclass(frozen=True)
class Template:
    """A template that Ansible has rendered, to a text or, of one expression, to its value."""

    path: str
    content: Any


@dataclass(frozen=True)
class Choice:
    """Objects of a kind; of that name, and of that group, where they are said."""

    kind: str
    name: str | None = None
    group: str | None = None

    def covers(self, head: Head) -> bool:
        """Whether the object is one of them."""
        return (
            self.kind == head.kind
            and self.name in (None, head.name)
            and self.group in (None, head.api_version.rpartition("/")[0])
        )


def _choices(entries: Iterable[Mapping[str, Any]] | None) -> tuple[Choice, ...]:
    return tuple(Choice(e["kind"], e.get("name"), e.get("group")) for e in entries or ())


@dataclass
class Gathered:
    """The chosen objects, and whether nothing had to be rendered or parsed anew for them."""

    manifests: list[Manifest] = field(default_factory=list)
    rendered: int = 0
    from_cache: int = 0

    @property
    def cached(self) -> bool:
        """All of what can be kept came from the cache."""
        return self.from_cache > 0 and self.rendered == 0


def gather(params: Mapping[str, Any]) -> Gathered:
    """The objects of all sources, in the order of the options and of each source.

    Raises BadManifest for what cannot be rendered or read, is no Kubernetes object, or is given
    twice, and for an include that chooses nothing.
    """
    return _Gatherer(params).all()


class _Gatherer:
    """One task's sources."""

    def __init__(self, params: Mapping[str, Any]) -> None:
        self._params = params
        self._cache = Cache(str(params.get("cache") or ""))
        self._include = _choices(params.get("include"))
        self._exclude = _choices(params.get("exclude"))
        self._result = Gathered()
        self._seen: list[Head] = []

    def all(self) -> Gathered:
        params = self._params
        if params.get("definition") is not None:
            self._take(_entries(inline(params["definition"]), ""), "")
        for template in params.get("template") or ():
            self._template(template)
        for source in params.get("src") or ():
            for file in files(Path(source).expanduser()):
                self._file(file)
        for entry in params.get("kustomize") or ():
            self._rendered(Overlay(entry["path"], entry.get("binary")))
        for entry in params.get("chart") or ():
            self._rendered(
                Chart(
                    entry["path"],
                    entry["name"],
                    entry.get("namespace") or "default",
                    entry.get("values") or {},
                    entry.get("binary"),
                ),
            )
        refuse_doubles(self._result.manifests)
        self._refuse_empty_choice()
        return self._result

    def _template(self, template: Any) -> None:
        if not isinstance(template, Template):
            raise BadManifest(
                f"template {template} was not rendered: Ansible does that in the controller, "
                "through the action plugin. Expected: the task is run by Ansible."
            )
        self._take(_entries(inline(template.content, template.path), template.path), template.path)

    def _file(self, file: Path) -> None:
        """A large file is parsed once per content."""
        text, where = read(file), str(file)
        if len(text) < _WORTH_KEEPING:
            self._take(_entries(documents(text, where), where), where)
            return
        name = key("file", hashlib.sha256(text.encode()).hexdigest())
        kept = self._cache.load(name)
        if kept is None:
            kept = self._kept(name, _entries(documents(text, where), where))
        else:
            self._result.from_cache += 1
        self._take(kept, where)

    def _rendered(self, source: Overlay | Chart) -> None:
        """Rendered once per content, settings and program."""
        reads, tool = source.fingerprint(), source.program()
        name = None if reads.volatile else key(type(source).__name__, reads.digest, tool.identity())
        kept = self._cache.load(name) if name else None
        if kept is None:
            kept = _entries(documents(source.render(tool), source.title), source.title)
            # A file that changed meanwhile may have been read before or after that.
            unchanged = name is not None and source.fingerprint() == reads
            kept = self._kept(name if unchanged else None, kept)
        else:
            self._result.from_cache += 1
        self._take(kept, source.title, source.home)

    def _kept(self, name: str | None, entries: list[Entry]) -> list[Entry]:
        """Keep what was made just now, unless it holds a secret.

        A secret would lie on the disk for weeks, in a place where nobody looks for one and after
        it was withdrawn everywhere else.
        """
        self._result.rendered += 1
        if name and not any(holds_secret(entry.read()) for entry in entries):
            self._cache.store(name, entries)
        return entries

    def _take(self, entries: Iterable[Entry], where: str, home: str | None = None) -> None:
        """Add the chosen objects of one source."""
        for entry in entries:
            self._seen.append(entry.head)
            if self._chosen(entry.head):
                manifest = Manifest(entry.read(), f"{where}{entry.head.part}", home)
                self._result.manifests.append(manifest)

    def _chosen(self, head: Head) -> bool:
        included = not self._include or any(choice.covers(head) for choice in self._include)
        return included and not any(choice.covers(head) for choice in self._exclude)

    def _refuse_empty_choice(self) -> None:
        if self._include and self._seen and not self._result.manifests:
            kinds = sorted({head.kind for head in self._seen})
            raise BadManifest(
                f"include and exclude choose none of the {len(self._seen)} objects. They are of "
                f"the kinds {', '.join(kinds)}. Correct kind, name or group."
            )


def _entries(manifests: Iterable[Manifest], where: str) -> list[Entry]:
    """Objects that were just read, each with its part of the source."""
    return [
        Entry(Head(m.origin.removeprefix(where), m.api_version, m.kind, m.name), m.body)
        for m in manifests
    ]
