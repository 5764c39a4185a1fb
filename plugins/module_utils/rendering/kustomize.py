# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Render a kustomize overlay, by kustomize or by kubectl, which has one inside."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from ansible_collections.llmd.tpu.plugins.module_utils.manifests.load import BadManifest
from ansible_collections.llmd.tpu.plugins.module_utils.rendering import program
from ansible_collections.llmd.tpu.plugins.module_utils.rendering.fingerprint import (
    KUSTOMIZATIONS,
    Fingerprint,
    of_overlay,
)
from ansible_collections.llmd.tpu.plugins.module_utils.rendering.kustomize_version import (
    ADVICE,
    verdict,
)
from ansible_collections.llmd.tpu.plugins.module_utils.rendering.program import Program

_LAST_LETTERS = 2000


@dataclass(frozen=True)
class Overlay:
    """An overlay to render."""

    path: str
    binary: str | None = None
    home: None = field(default=None, init=False)
    """Objects without a namespace are left without one."""

    @property
    def title(self) -> str:
        """How messages call it."""
        return f"kustomize {self.path}"

    def fingerprint(self) -> Fingerprint:
        """Everything that rendering reads. Raises BadManifest when there is no overlay."""
        folder = Path(self.path)
        if not any((folder / name).is_file() for name in KUSTOMIZATIONS):
            raise BadManifest(
                f"{self.title}: the folder {folder.absolute()} has no kustomization.yaml. "
                "Expected: a folder with one."
                if folder.is_dir()
                else f"{self.title}: the folder {folder.absolute()} does not exist. Expected: a "
                "folder with a kustomization.yaml."
            )
        return of_overlay(folder)

    def program(self) -> Program:
        """The program that renders it. Raises BadManifest when there is none."""
        path = program.find([self.binary] if self.binary else ["kustomize", "kubectl"])
        if path is None:
            looked = (
                f"{self.binary} is no program"
                if self.binary
                else ("neither kustomize nor kubectl is in PATH")
            )
            raise BadManifest(
                f"{self.title}: {looked}, and one of them has to render it. {ADVICE}, or give its "
                "path as binary."
            )
        kubectl = Path(path).name.startswith("kubectl")
        arguments = ("version", "--client", "--output=json") if kubectl else ("version",)
        return Program(path, arguments)

    def render(self, tool: Program) -> str:
        """The overlay as YAML text. Raises BadManifest in the program's words."""
        command = "kustomize" if Path(tool.path).name.startswith("kubectl") else "build"
        code, text, complaint = tool.output([command, self.path])
        if code == 0:
            return text
        judged = verdict(tool.version())
        if judged.error and judged.version:
            raise BadManifest(f"{self.title}: {tool.path}: {judged.error}. {ADVICE}.")
        raise BadManifest(
            f"{self.title}: {tool.path} {command} (kustomize {judged.version or 'unknown'}) "
            f"failed: {complaint.strip()[-_LAST_LETTERS:]}"
        )
