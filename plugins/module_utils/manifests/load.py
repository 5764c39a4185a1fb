# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Manifests from text, files and folders into objects; errors name file, document and path."""

from __future__ import annotations

import base64
import binascii
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ansible_collections.llmd.tpu.plugins.module_utils.manifests.yaml_text import BadYaml, parse

_SUFFIXES = frozenset({".yaml", ".yml", ".json"})
_KUSTOMIZATIONS = frozenset({"kustomization.yaml", "kustomization.yml"})


class BadManifest(Exception):
    """A manifest that cannot be read; the text says where and what was expected."""


@dataclass(frozen=True)
class Manifest:
    """One object to converge, and where it came from, in words."""

    body: dict[str, Any]
    origin: str
    home: str | None = None
    """The namespace that its source puts it into when it names none: a chart's release has one."""

    @property
    def api_version(self) -> str:
        """Group and version, as manifests write it."""
        return str(self.body["apiVersion"])

    @property
    def kind(self) -> str:
        """The kind."""
        return str(self.body["kind"])

    @property
    def name(self) -> str:
        """The object's name."""
        return str(self.body["metadata"]["name"])

    @property
    def namespace(self) -> str | None:
        """The object's namespace; None when it has none."""
        return self.body["metadata"].get("namespace") or None

    @property
    def title(self) -> str:
        """How messages call the object: `Deployment opendatahub/manager`."""
        return f"{self.kind} {self.namespace + '/' if self.namespace else ''}{self.name}"

    def placed(
        self, namespaced: bool | None, namespace: str | None, labels: Mapping[str, str] | None
    ) -> Manifest:
        """With more labels, and in a namespace if its kind has them (None: that is not known)."""
        metadata = dict(self.body["metadata"])
        place = self.home or namespace
        if namespaced is False:
            metadata.pop("namespace", None)
        elif namespaced and place:
            metadata.setdefault("namespace", place)
        if labels:
            metadata["labels"] = {**(metadata.get("labels") or {}), **labels}
        return replace(self, body={**self.body, "metadata": metadata})


def inline(definition: Any, origin: str = "definition") -> list[Manifest]:
    """The objects of an inline definition: dict, list or YAML text. Raises BadManifest."""
    if isinstance(definition, str):
        return documents(plain(definition), origin)
    return _objects(plain(definition), origin)


def files(path: Path) -> list[Path]:
    """A file itself; of a folder every manifest below it, in the order of the names.

    Raises BadManifest when there is nothing.
    """
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise BadManifest(
            f"src {path} does not exist (looked in {os.getcwd()}). Expected: a file or folder of "
            "manifests."
        )
    found = sorted(f for f in path.rglob("*") if f.suffix in _SUFFIXES and f.is_file())
    for file in found:
        if file.name in _KUSTOMIZATIONS:
            _refuse_overlay(file)
    plain = [file for file in found if file.name not in _KUSTOMIZATIONS]
    if not plain:
        raise BadManifest(f"src {path} holds no manifest. Expected: *.yaml, *.yml or *.json files.")
    return plain


def _refuse_overlay(file: Path) -> None:
    """A kustomization that only lists files may stand beside them; one that changes them not."""
    content = next(iter(_parse(read(file), str(file))), None) or {}
    extra = sorted(content.keys() - {"apiVersion", "kind", "resources", "configurations"})
    if extra:
        raise BadManifest(
            f"{file} is a kustomization that changes manifests ({', '.join(extra)}); reading the "
            "files beside it would miss that. Give its folder as kustomize instead of src."
        )


def read(file: Path) -> str:
    """A file's text. Raises BadManifest."""
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as problem:
        raise BadManifest(f"{file} cannot be read: {problem}") from problem


def _parse(text: str, origin: str) -> list[Any]:
    if text.lstrip()[:1] == "{":
        try:
            return [json.loads(text)]
        except ValueError:
            pass  # several documents, or YAML in flow style
    try:
        return parse(text)
    except BadYaml as problem:
        raise BadManifest(f"{origin}, {problem}") from problem


def documents(text: str, origin: str) -> list[Manifest]:
    """The objects of a text with any number of YAML documents. Raises BadManifest."""
    manifests: list[Manifest] = []
    for number, document in enumerate(_parse(text, origin), start=1):
        if document is not None:
            manifests += _objects(document, f"{origin}, document {number}")
    return manifests


def _objects(value: Any, origin: str) -> list[Manifest]:
    """A document is an object, a list of objects, or a Kubernetes `List`."""
    if isinstance(value, list):
        return [
            manifest
            for number, item in enumerate(value, start=1)
            for manifest in (
                documents(str(item), f"{origin}, item {number}")
                if isinstance(item, str)
                else _objects(item, f"{origin}, item {number}")
            )
        ]
    if (
        isinstance(value, Mapping)
        and str(value.get("kind", "")).endswith("List")
        and "items" in value
    ):
        return _objects(value["items"] or [], origin)
    return [Manifest(_prepared(_checked(value, origin), origin), origin)]


def _checked(value: Any, origin: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise BadManifest(
            f"{origin}: found {type(value).__name__} {str(value)[:60]!r}, expected a Kubernetes "
            "object (apiVersion, kind, metadata)."
        )
    for path, found in (
        ("apiVersion", value.get("apiVersion")),
        ("kind", value.get("kind")),
        ("metadata.name", (value.get("metadata") or {}).get("name"))
        if isinstance(value.get("metadata") or {}, dict)
        else ("metadata", None),
    ):
        if not isinstance(found, str) or not found:
            kind = value.get("kind")
            raise BadManifest(
                f"{origin}{f' ({kind})' if isinstance(kind, str) else ''}: {path} is "
                f"{'missing' if found is None else repr(found)}, expected a text that is not empty."
            )
    return value


def _prepared(body: dict[str, Any], origin: str) -> dict[str, Any]:
    """Without nulls (not asked for), and a Secret as the server stores it."""
    result: dict[str, Any] = _without_nulls(body)
    if result["kind"] == "Secret" and result["apiVersion"] == "v1":
        data = {
            name: _base64(value, f"{origin} (Secret): data.{name}")
            for name, value in (result.get("data") or {}).items()
        }
        for name, text in (result.pop("stringData", None) or {}).items():
            data[name] = base64.b64encode(str(text).encode()).decode()
        if data or "data" in result:
            result["data"] = data
    return result


def _base64(value: Any, where: str) -> str:
    """The server's spelling of base64 text: without line breaks."""
    try:
        return base64.b64encode(
            base64.b64decode("".join(str(value).split()), validate=True)
        ).decode()
    except (binascii.Error, ValueError):
        raise BadManifest(
            f"{where} is not base64. Expected: base64 text; plain text belongs into stringData."
        ) from None


def _without_nulls(value: Any) -> Any:
    """Nulls in maps mean "not asked for"; in lists they are kept, where they are values."""
    if isinstance(value, dict):
        return {name: _without_nulls(v) for name, v in value.items() if v is not None}
    if isinstance(value, list):
        return [_without_nulls(v) for v in value]
    return value


def plain(value: Any) -> Any:
    """Ordinary Python values out of Ansible's tagged ones."""
    if isinstance(value, Mapping):
        return {plain(str(name)): plain(v) for name, v in value.items()}
    if isinstance(value, list | tuple):
        return [plain(v) for v in value]
    if isinstance(value, str):
        return str.__str__(value)  # str() of Ansible's own kind of text is of that kind in 2.16
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value)
    return str(value)


def refuse_doubles(manifests: Iterable[Manifest]) -> None:
    """Raise BadManifest when an object is there twice."""
    seen: dict[tuple[str, str, str | None, str], Manifest] = {}
    for manifest in manifests:
        group = manifest.api_version.rpartition("/")[0]
        key = (group, manifest.kind, manifest.namespace, manifest.name)
        if key in seen:
            raise BadManifest(
                f"{manifest.title} is given twice: {seen[key].origin} and {manifest.origin}. "
                "Expected: each object once."
            )
        seen[key] = manifest
