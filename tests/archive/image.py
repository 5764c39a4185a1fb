# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The context of our execution environment, and what it says an image is made of."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from tests.archive.building import CHECKOUT, run


@dataclass(frozen=True)
class Context:
    """A context that ansible-builder wrote."""

    folder: Path

    @property
    def text(self) -> str:
        """The Containerfile."""
        return (self.folder / "Containerfile").read_text()

    @property
    def core(self) -> list[str]:
        """Requirements of Ansible itself."""
        found = re.search(r'^ARG ANSIBLE_INSTALL_REFS="(.+)"$', self.text, flags=re.MULTILINE)
        assert found
        return found[1].split()

    @property
    def environment(self) -> dict[str, str]:
        """The variables of an image that concern Ansible."""
        lines = re.findall(r"^ENV (ANSIBLE_HOME=.+)$", self.text, flags=re.MULTILINE)
        return dict(word.split("=", 1) for line in lines for word in line.split())

    def step(self, word: str) -> str:
        """The one command with that word in it."""
        [found] = [
            line.removeprefix("RUN ")
            for line in self.text.splitlines()
            if line.startswith("RUN ") and word in line
        ]
        return found

    def introspected(self, collections: Path, target: Path) -> tuple[list[str], list[str]]:
        """Python and system requirements, as the image's build gathers them from collections."""
        python, system = target / "python.txt", target / "system.txt"
        given = self.folder / "_build"
        run(
            [
                "ansible-builder",
                "introspect",
                str(collections),
                f"--user-pip={given / 'requirements.txt'}",
                f"--exclude-bindep-reqs={given / 'exclude-bindep.txt'}",
                f"--write-pip={python}",
                f"--write-bindep={system}",
            ],
            target,
        )
        return _lines(python), _lines(system)


def _lines(path: Path) -> list[str]:
    return [line.partition("#")[0].strip() for line in path.read_text().splitlines() if line]


def create(folder: Path) -> Context:
    """Write the context, by the command of the Makefile."""
    subprocess.run(
        ["bash", "execution_environment/create.sh", str(folder)],
        cwd=CHECKOUT,
        env={"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin", "HOME": str(folder.parent)},
        check=True,
        capture_output=True,
    )
    return Context(folder)


def with_kubernetes_core(collections: Path) -> Path:
    """The folder, with kubernetes.core beside what is there: here it comes with package ansible."""
    place = collections / "ansible_collections/kubernetes"
    place.mkdir(exist_ok=True)
    spec = find_spec("ansible_collections.kubernetes.core")
    assert spec
    assert spec.submodule_search_locations
    target = place / "core"
    if not target.exists():
        target.symlink_to(next(iter(spec.submodule_search_locations)))
    return collections
