# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""An LLMInferenceService as the checks see it: typed, with the YAML path of everything. Pure.

A user's file can hold anything anywhere. The view reads what has the right type, and notes what has
not as a finding, so that no check need ask again.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.llmd.tpu.plugins.module_utils.findings import Finding
from ansible_collections.llmd.tpu.plugins.module_utils.serving.server_flags import (
    Version,
    version_of_image,
)
from ansible_collections.llmd.tpu.plugins.module_utils.serving.tracks import KIND
from ansible_collections.llmd.tpu.plugins.module_utils.tpu.model_configuration import (
    ModelConfiguration,
    known_model,
)

ADDITIONAL_ARGS = "VLLM_ADDITIONAL_ARGS"
SERVER_CONTAINER = "main"


@dataclass(frozen=True)
class Located:
    """A value and where it stands in the YAML."""

    path: str
    value: Any


@dataclass(frozen=True)
class Flag:
    """One command-line flag for vllm: ``name`` starts with dashes, ``value`` may be empty."""

    name: str
    value: str
    path: str


class View:
    """Typed access to one LLMInferenceService; ``findings`` lists fields of the wrong type."""

    def __init__(
        self,
        manifest: Mapping[str, Any],
        model: ModelConfiguration | None = None,
        vllm: Version | None = None,
    ) -> None:
        """Read the parts that every check needs; model and vllm are what the user knows better."""
        self.findings: list[Finding] = []
        self.api_version = str(manifest.get("apiVersion", ""))
        metadata = self._mapping(manifest, "metadata", "metadata")
        self.name = self._text(metadata, "name", "metadata.name")
        self.namespace = self._text(metadata, "namespace", "metadata.namespace")
        self.annotations = self._mapping(metadata, "annotations", "metadata.annotations")
        self.spec = self._mapping(manifest, "spec", "spec")
        source = self._mapping(self.spec, "model", "spec.model")
        self.model_uri = self._text(source, "uri", "spec.model.uri")
        self.model_name = self._text(source, "name", "spec.model.name")
        self.router = self._mapping(self.spec, "router", "spec.router")
        self.template = self._mapping(self.spec, "template", "spec.template")
        self.containers = self._objects(self.template, "containers", "spec.template.containers")
        self.init_containers = self._objects(
            self.template, "initContainers", "spec.template.initContainers"
        )
        self.tolerations = self._objects(self.template, "tolerations", "spec.template.tolerations")
        self.server = next(
            (one for one in self.containers if one.value.get("name") == SERVER_CONTAINER), None
        )
        self.workers = isinstance(self.spec.get("worker"), Mapping)
        self.model = model or known_model(self.model_uri) or known_model(self.model_name)
        image = self.server.value.get("image") if self.server else None
        self.vllm = vllm or (version_of_image(image) if isinstance(image, str) else None)

    @property
    def subject(self) -> str:
        """Name the object for messages."""
        name = self.name or "without a name"
        return f"{KIND} {self.namespace}/{name}" if self.namespace else f"{KIND} {name}"

    @property
    def served_name(self) -> str:
        """Give the model name that clients must send: the service's own name by default."""
        return self.model_name or self.name

    def selector_values(self, label: str) -> list[Located]:
        """List the values that the pods demand of a node label, by selector or affinity."""
        found: list[Located] = []
        selector = self._mapping(self.template, "nodeSelector", "spec.template.nodeSelector")
        if label in selector:
            found.append(Located(f'spec.template.nodeSelector["{label}"]', selector[label]))
        return found + self._affinity_values(label)

    def strings(self, container: Located, key: str) -> list[Located]:
        """List the entries of ``command`` or ``args`` of a container."""
        path = f"{container.path}.{key}"
        entries = container.value.get(key)
        if entries is None:
            return []
        if not isinstance(entries, list):
            self._wrong_type(path, entries, "a list of strings")
            return []
        return [Located(f"{path}[{i}]", str(entry)) for i, entry in enumerate(entries)]

    def environment(self, container: Located) -> list[Located]:
        """List the env entries of a container; each value is the entry's mapping."""
        return self._objects(container.value, "env", f"{container.path}.env")

    def resources(self, container: Located, kind: str) -> Mapping[str, Any]:
        """Give ``requests`` or ``limits`` of a container."""
        path = f"{container.path}.resources"
        resources = self._mapping(container.value, "resources", path)
        return self._mapping(resources, kind, f"{path}.{kind}")

    def probe(self, container: Located, name: str) -> Located | None:
        """Give a probe of a container, when it has one."""
        path = f"{container.path}.{name}"
        value = self._mapping(container.value, name, path)
        return Located(path, value) if value else None

    def _affinity_values(self, label: str) -> list[Located]:
        path = "spec.template.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution"
        node: Mapping[str, Any] = self.template
        for key in path.split(".")[2:]:
            node = self._mapping(node, key, path)
        found: list[Located] = []
        for term in self._objects(node, "nodeSelectorTerms", f"{path}.nodeSelectorTerms"):
            rules = self._objects(term.value, "matchExpressions", f"{term.path}.matchExpressions")
            for rule in rules:
                values = rule.value.get("values")
                if rule.value.get("key") == label and rule.value.get("operator") == "In":
                    entries = values if isinstance(values, list) else []
                    found += [
                        Located(f"{rule.path}.values[{i}]", value)
                        for i, value in enumerate(entries)
                    ]
        return found

    def _mapping(self, parent: Mapping[str, Any], key: str, path: str) -> Mapping[str, Any]:
        value = parent.get(key)
        if value is None:
            return {}
        if not isinstance(value, Mapping):
            self._wrong_type(path, value, "a mapping")
            return {}
        return value

    def _objects(self, parent: Mapping[str, Any], key: str, path: str) -> list[Located]:
        value = parent.get(key)
        if value is None:
            return []
        if not isinstance(value, list):
            self._wrong_type(path, value, "a list")
            return []
        found = []
        for position, entry in enumerate(value):
            if isinstance(entry, Mapping):
                found.append(Located(f"{path}[{position}]", entry))
            else:
                self._wrong_type(f"{path}[{position}]", entry, "a mapping")
        return found

    def _text(self, parent: Mapping[str, Any], key: str, path: str) -> str:
        value = parent.get(key)
        if value is None:
            return ""
        if not isinstance(value, str):
            self._wrong_type(path, value, "a string")
            return ""
        return value

    def _wrong_type(self, path: str, value: object, expected: str) -> None:
        finding = Finding(
            code="MANIFEST-FIELD-TYPE",
            severity="error",
            message=f"{path} has the wrong type",
            path=path,
            found=type(value).__name__,
            expected=expected,
            fix="correct the value; a number or yes/no meant as text needs quotes",
            source="CustomResourceDefinition llminferenceservices.serving.kserve.io",
        )
        if finding not in self.findings:
            self.findings.append(finding)


def split_flags(words: list[str], path: str) -> list[Flag]:
    """Read vllm's flags from a list of words; vllm takes underscores for dashes in names."""
    flags: list[Flag] = []
    for position, word in enumerate(words):
        if not word.startswith("-") or word == "-" or word == "--":
            continue
        name, equals, value = word.partition("=")
        following = words[position + 1] if position + 1 < len(words) else ""
        if not equals and following and not following.startswith("-"):
            value = following
        flags.append(Flag(name.replace("_", "-"), value, path))
    return flags


def split_words(text: str) -> list[str] | None:
    """Split as a shell does; None when a quote is left open."""
    try:
        return shlex.split(text)
    except ValueError:
        return None
