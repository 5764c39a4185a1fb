# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Read the manifests that a person wrote: a file or text of many documents, whatever is in it."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.llmd.tpu.plugins.module_utils.findings import Finding
from ansible_collections.llmd.tpu.plugins.module_utils.serving.tracks import GROUP, KIND

try:
    import yaml

    HAS_YAML = True
except ImportError:  # pragma: no cover - PyYAML comes with ansible-core
    HAS_YAML = False

# No object can exceed 1.5 MiB in etcd; a file larger than this is no hand-written manifest.
LARGEST_FILE = 5 * 1024 * 1024


class ManifestError(Exception):
    """The input cannot be read as manifests; the text says what was looked at and what to do."""


@dataclass
class Manifests:
    """The services of one input, and what is worth saying about the rest of it."""

    services: list[dict[str, Any]] = field(default_factory=list)
    others: list[dict[str, Any]] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)


def read_file(path: str) -> str:
    """Read a manifest file as text.

    Raises ManifestError when it is missing, not readable, too large or not text.
    """
    try:
        if os.path.isdir(path):
            raise ManifestError(f"{path}: this is a folder; expected one YAML file. Name the file.")
        with open(path, "rb") as stream:
            data = stream.read(LARGEST_FILE + 1)
    except OSError as error:
        reason = error.strerror or str(error)
        raise ManifestError(
            f"{path}: {reason}. Expected a YAML file with an {KIND}; check the path in src."
        ) from error
    if len(data) > LARGEST_FILE:
        raise ManifestError(
            f"{path}: larger than {LARGEST_FILE // 1024**2} MiB; expected a manifest. "
            f"Put the {KIND} into a file of its own."
        )
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ManifestError(
            f"{path}: byte {error.start} is not UTF-8; expected YAML text, this looks binary."
        ) from error
    if "\0" in text:
        raise ManifestError(f"{path}: holds NUL bytes; expected YAML text, this looks binary.")
    return text


def parse_text(text: str, origin: str) -> list[Any]:
    """Parse YAML of many documents; empty documents are dropped.

    Raises ManifestError for text that is no YAML, with line and column.
    """
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        # As bytes: the fast loader takes no subclass of str, which Ansible's own texts are.
        documents = list(yaml.load_all(text.encode(), Loader=loader))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f" at line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise ManifestError(
            f"{origin}{where}: not valid YAML ({error.problem}). Correct the file at that place."
        ) from error
    except (yaml.YAMLError, ValueError, OverflowError, RecursionError) as error:
        reason = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
        raise ManifestError(f"{origin}: not valid YAML ({reason}). Correct the file.") from error
    return [document for document in documents if document is not None]


def sort_documents(documents: list[Any], origin: str) -> Manifests:
    """Pick the services out of the documents; everything else becomes a finding."""
    result = Manifests()
    for position, document in enumerate(_flat(documents), start=1):
        place = f"{origin}, document {position}"
        if not isinstance(document, dict):
            result.findings.append(_not_an_object(document, place))
        elif document.get("kind") == KIND and _group(document) == GROUP:
            result.services.append(document)
        else:
            result.others.append(document)
            result.findings.append(_other_kind(document, place))
    if not result.services:
        result.findings.append(
            Finding(
                code="MANIFEST-NO-SERVICE",
                severity="error",
                message=f"there is no {KIND} to check",
                subject=origin,
                found=f"{len(documents)} document(s) of other kinds" if documents else "nothing",
                expected=f"at least one object of kind {KIND}, apiVersion {GROUP}/…",
                fix="name the file that holds the model's manifest",
            )
        )
    return result


def _flat(documents: list[Any]) -> list[Any]:
    """Unfold objects of kind List, one level."""
    flat: list[Any] = []
    for document in documents:
        items = document.get("items") if isinstance(document, dict) else None
        if isinstance(items, list) and str(document.get("kind", "")).endswith("List"):
            flat.extend(items)
        else:
            flat.append(document)
    return flat


def _group(document: dict[str, Any]) -> str:
    return str(document.get("apiVersion", "")).partition("/")[0]


def _not_an_object(document: object, place: str) -> Finding:
    return Finding(
        code="MANIFEST-NOT-AN-OBJECT",
        severity="error",
        message="this document is no Kubernetes object",
        subject=place,
        found=type(document).__name__,
        expected="a mapping with apiVersion, kind, metadata and spec",
        fix="remove the document or correct its indentation",
    )


def _other_kind(document: dict[str, Any], place: str) -> Finding:
    kind = f"{document.get('apiVersion', 'no apiVersion')} {document.get('kind', 'no kind')}"
    return Finding(
        code="MANIFEST-OTHER-KIND",
        severity="info",
        message="this object is not checked: it is no LLMInferenceService",
        subject=place,
        found=kind[:200],
    )
