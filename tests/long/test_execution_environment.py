# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The collection runs with nothing but what the image's context declares.

A virtual environment stands for the image: the same requirements, the same steps, the archive
installed, an empty folder to run in and no home to write to. Only kubernetes.core is taken from
the package `ansible`, and git from this machine.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.archive.building import build, install
from tests.archive.image import create, with_kubernetes_core
from tests.e2e.clusters import converged_cluster
from tests.sandbox.harness import Sandbox
from tests.sandbox.paths import CHECKOUT


@dataclass(frozen=True)
class Image:
    """What stands for the image."""

    programs: Path
    environment: dict[str, str]
    empty: Path

    def play(self, sandbox: Sandbox, playbook: str, **inputs: str) -> str:
        """Run a playbook of the collection in the empty folder; its output."""
        given = {"operators_helm_binary": "helm", "kserve_kustomize_binary": "", **inputs}
        done = subprocess.run(
            [
                str(self.programs / "ansible-playbook"),
                f"llmd.tpu.{playbook}",
                "-i",
                str(CHECKOUT / "inventories/sandbox"),
                "--extra-vars",
                json.dumps(given),
            ],
            cwd=self.empty,
            env={**self.environment, "SANDBOX_DIR": str(sandbox.folder)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout[-6000:]
        return done.stdout


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Image:
    """The virtual environment and the installed archive."""
    place = tmp_path_factory.mktemp("image")
    context = create(place / "context")
    for name in ("source", "archive", "collections", "empty"):
        (place / name).mkdir()
    archive = build(place / "source", place / "archive")
    collections = with_kubernetes_core(install(archive, place / "collections"))
    python, _system = context.introspected(collections, place)
    subprocess.run([sys.executable, "-m", "venv", str(place / "venv")], check=True)
    programs = place / "venv/bin"
    pip = [str(programs / "python"), "-m", "pip", "install", "--quiet"]
    subprocess.run([*pip, *context.core, *python], check=True)
    shutil.copytree(context.folder / "_build/helm", place / "helm")
    step = context.step("helm.txt").replace("/tmp/helm", str(place / "helm"))
    step = step.replace("/usr/local/bin", str(programs))
    python_of_image = {"PYCMD": str(programs / "python")}
    subprocess.run(["bash", "-c", step], env={**os.environ, **python_of_image}, check=True)
    environment = {
        name: value.replace("/tmp", str(place)) for name, value in context.environment.items()
    }
    path = f"{programs}:/usr/bin:/bin"
    for program in ("helm", "kubectl"):
        assert shutil.which(program, path=path) == str(programs / program)
    environment |= {
        "PATH": path,
        "HOME": "/proc/none",
        "LANG": "C.UTF-8",
        "ANSIBLE_COLLECTIONS_PATH": str(collections),
        "ANSIBLE_NOCOLOR": "1",
    }
    return Image(programs, environment, place / "empty")


@pytest.fixture(scope="module")
def cluster() -> Iterator[Sandbox]:
    """A sandbox on which site.yml has run."""
    with converged_cluster("image") as restored:
        yield restored


def test_preflight(image: Image, cluster: Sandbox) -> None:
    assert "ok: helm" in image.play(cluster, "preflight")


def test_site_changes_nothing_and_asks_the_model(image: Image, cluster: Sandbox) -> None:
    output = image.play(cluster, "site")
    assert "changed=0" in output.rpartition("PLAY RECAP")[2]
    assert "HTTP 200" in output


@pytest.mark.parametrize("playbook", ["verify", "diagnose", "metrics", "smoke_test"])
def test_what_looks(image: Image, cluster: Sandbox, playbook: str) -> None:
    image.play(cluster, playbook)


def test_report_and_bundle(image: Image, cluster: Sandbox) -> None:
    image.play(cluster, "report", report_path=str(image.empty / "report.html"))
    assert "<svg" in (image.empty / "report.html").read_text()
    image.play(cluster, "diagnostics_bundle", bundle_path=str(image.empty / "bundle.tar.gz"))
    assert (image.empty / "bundle.tar.gz").stat().st_size > 10_000
