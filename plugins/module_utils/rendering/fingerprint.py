# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a renderer reads, as one digest: any change of a file it would read changes the digest.

Where that cannot be told (something remote, something that runs a program), it says so: such a
rendering is made anew each time.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ansible_collections.llmd.tpu.plugins.module_utils.manifests.load import BadManifest
from ansible_collections.llmd.tpu.plugins.module_utils.manifests.yaml_text import BadYaml, parse

KUSTOMIZATIONS = ("kustomization.yaml", "kustomization.yml", "Kustomization")
# From the reference of the kustomization file (kubectl.docs.kubernetes.io, "Kustomization").
_PLUGINS = frozenset(
    {"generators", "helmChartInflationGenerator", "helmCharts", "transformers", "validators"}
)
_LISTS_OF_PATHS = frozenset({"bases", "components", "configurations", "crds", "resources"})
_NO_PATHS = frozenset(
    {
        "apiVersion", "buildMetadata", "commonAnnotations", "commonLabels", "generatorOptions",
        "images", "kind", "labels", "literals", "metadata", "namePrefix", "nameSuffix",
        "namespace", "options", "patch", "replicas", "sortOptions", "target", "vars",
    }
)  # fmt: skip
_ENVIRONMENT_FILES = frozenset({"env", "envs"})
_REMOTE = ("://", "?ref=", "git@", "git::", "github.com/")


@dataclass(frozen=True)
class Fingerprint:
    """A digest of all that is read; `volatile` says why that is not all there is to know."""

    digest: str
    volatile: str = ""

    def joined(self, more: bytes, volatile: str = "") -> Fingerprint:
        """With more that decides the output."""
        digest = hashlib.sha256(self.digest.encode() + more).hexdigest()
        return replace(self, digest=digest, volatile=self.volatile or volatile)


def of_tree(path: Path) -> Fingerprint:
    """All files of a folder, or one file. Raises BadManifest for what cannot be read."""
    digest, volatile = hashlib.sha256(), ""
    try:
        if path.is_file():
            digest.update(path.read_bytes())
            return Fingerprint(digest.hexdigest())
        for folder, folders, files in os.walk(path):
            folders.sort()
            if any(os.path.islink(os.path.join(folder, name)) for name in folders):
                volatile = f"{folder} holds a link to a folder"
            for name in sorted(files):
                file = Path(folder, name)
                _add(digest, os.path.relpath(file, path), file.read_bytes())
    except OSError as problem:
        raise BadManifest(f"{path} cannot be read: {problem}") from problem
    return Fingerprint(digest.hexdigest(), volatile)


def of_overlay(folder: Path) -> Fingerprint:
    """A kustomization, what it names, and so on through its bases.

    Raises BadManifest for what cannot be read.
    """
    walk = _Walk(folder.resolve())
    try:
        walk.kustomization(walk.top)
    except OSError as problem:
        raise BadManifest(f"kustomize {folder} cannot be read: {problem}") from problem
    return Fingerprint(walk.digest.hexdigest(), walk.volatile)


def _add(digest: Any, name: str, content: bytes) -> None:
    """One file: name and length keep neighbours apart."""
    digest.update(f"{name}\0{len(content)}\0".encode() + content)


@dataclass
class _Walk:
    """One pass through an overlay and its bases."""

    top: Path
    digest: Any = field(default_factory=hashlib.sha256)
    volatile: str = ""
    seen: set[Path] = field(default_factory=set)

    def kustomization(self, folder: Path) -> None:
        if folder in self.seen:
            return
        self.seen.add(folder)
        for name in KUSTOMIZATIONS:
            file = folder / name
            if not file.is_file():
                continue
            content = self.file(file)
            try:
                documents = parse(content.decode(errors="replace"))
            except BadYaml as problem:
                raise BadManifest(f"{file}, {problem}") from problem
            for document in documents:
                for keys, text in _texts(document, ()):
                    self.text(folder, keys, text)

    def file(self, file: Path) -> bytes:
        content = file.read_bytes()
        if file not in self.seen:
            self.seen.add(file)
            _add(self.digest, os.path.relpath(file, self.top), content)
        return content

    def text(self, folder: Path, keys: tuple[str, ...], text: str) -> None:
        """A text may name a file or folder, alone or behind `key=`."""
        if keys and keys[0] in _PLUGINS:
            self.volatile = f"{folder} uses {keys[0]}, which may read anything"
        if "\n" in text:
            return
        here = False
        for name in (text, text.partition("=")[2]):
            if not name or os.path.isabs(name):  # kustomize refuses absolute paths
                continue
            named = f"{folder}/{name}"
            if not os.path.exists(named):
                continue
            path = Path(os.path.realpath(named))
            if path.is_dir():
                self.kustomization(path)
                here = True
            elif path.is_file():
                content = self.file(path)
                here = True
                if keys and keys[-1] in _ENVIRONMENT_FILES and _asks_environment(content):
                    self.volatile = f"{path} takes values from the environment"
        if not here and (
            (keys and keys[0] in _LISTS_OF_PATHS)
            or (not _NO_PATHS.intersection(keys) and any(sign in text for sign in _REMOTE))
        ):
            self.volatile = f"{folder} refers to {text}, which is not on this machine"


def _texts(value: Any, keys: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str]]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _texts(inner, (*keys, name))
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner, keys)
    elif isinstance(value, str):
        yield keys, value


def _asks_environment(content: bytes) -> bool:
    """A line with a name and no value takes the value from kustomize's own environment."""
    lines = (line.strip() for line in content.splitlines())
    return any(line and not line.startswith(b"#") and b"=" not in line for line in lines)
