# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Render a Helm chart on this machine. Nothing is installed: there is no release."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ansible_collections.llmd.tpu.plugins.module_utils.manifests.load import BadManifest
from ansible_collections.llmd.tpu.plugins.module_utils.manifests.masks import MASK
from ansible_collections.llmd.tpu.plugins.module_utils.rendering import program
from ansible_collections.llmd.tpu.plugins.module_utils.rendering.fingerprint import (
    Fingerprint,
    of_tree,
)
from ansible_collections.llmd.tpu.plugins.module_utils.rendering.program import Program

_LAST_LETTERS = 2000
# Wider than what manifests.masks hides: a value too many costs no more than one rendering again.
_SECRET_NAMES = re.compile(r"passw|token|secret|credential|private|api_?key|auth", re.IGNORECASE)
_NAMES_OF_SECRETS = re.compile(r"(secret_?name|imagepullsecrets)$", re.IGNORECASE)


@dataclass(frozen=True)
class Chart:
    """A chart to render, and the release it is rendered as."""

    path: str
    name: str
    namespace: str
    values: Mapping[str, Any] = field(default_factory=dict)
    binary: str | None = None

    @property
    def title(self) -> str:
        """How messages call it."""
        return f"chart {self.path} ({self.name})"

    @property
    def home(self) -> str:
        """Where an installation would put objects that name no namespace."""
        return self.namespace

    def fingerprint(self) -> Fingerprint:
        """Everything that rendering reads. Raises BadManifest when there is no chart."""
        path = Path(self.path)
        if not path.is_file() and not (path / "Chart.yaml").is_file():
            raise BadManifest(
                f"{self.title}: {path.absolute()} "
                + ("has no Chart.yaml" if path.is_dir() else "does not exist")
                + ". Expected: a chart's folder, or its archive (.tgz), on the machine where the "
                "task runs; helm pull fetches one."
            )
        release = json.dumps([self.name, self.namespace, self.values], sort_keys=True)
        # Values may end anywhere in the output, also in what is no Secret.
        reason = "its values hold a secret" if any(secrets(self.values)) else ""
        return of_tree(path).joined(release.encode(), reason)

    def program(self) -> Program:
        """The program that renders it. Raises BadManifest when there is none."""
        path = program.find([self.binary or "helm"])
        if path is None:
            raise BadManifest(
                f"{self.title}: helm is missing: {self.binary or 'helm'!r} is neither a file nor "
                "in PATH. Install helm 3.17 or newer, or give its path as binary."
            )
        return Program(path, ("version", "--short"))

    def render(self, tool: Program) -> str:
        """The chart as YAML text. Raises BadManifest in helm's words, without secrets."""
        arguments = ["template", self.name, self.path, f"--namespace={self.namespace}"]
        # As an installation would bring them; hooks belong to an installation's life.
        arguments += ["--include-crds", "--no-hooks", "--values=-"]
        code, text, complaint = tool.output(arguments, json.dumps(self.values).encode())
        if code == 0:
            return text
        for value in sorted(set(secrets(self.values)), key=len, reverse=True):
            complaint = complaint.replace(value, MASK)
        version = tool.version().strip().splitlines()
        raise BadManifest(
            f"{self.title}: {tool.path} template ({version[-1] if version else 'no version'}; "
            f"expected helm 3.17 or newer) failed: {complaint.strip()[-_LAST_LETTERS:]}"
        )


def secrets(values: Any, name: str = "") -> Iterator[str]:
    """The texts in a chart's values that are secret by their names."""
    if isinstance(values, Mapping):
        for key, value in values.items():
            yield from secrets(value, str(key))
    elif isinstance(values, list):
        for value in values:
            yield from secrets(value, name)
    elif (
        isinstance(values, str)
        and values
        and _SECRET_NAMES.search(name)
        and not _NAMES_OF_SECRETS.search(name)
    ):
        yield values
