# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Every file that a renderer reads changes the digest; what cannot be told is not kept."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from ansible_collections.llmd.tpu.plugins.module_utils.rendering.fingerprint import (
    Fingerprint,
    of_overlay,
    of_tree,
)

FILES = {
    "base/kustomization.yml": "resources: [deployment.yaml]\ncomponents: [../part]\n",
    "base/deployment.yaml": "kind: Deployment\n",
    "part/Kustomization": "kind: Component\npatches: [{path: patch.yaml}]\n",
    "part/patch.yaml": "kind: Deployment\n",
    "top/kustomization.yaml": (
        "resources: [../base]\n"
        "configMapGenerator: [{name: a, files: ['key=data.txt'], envs: [params.env]}]\n"
        "replacements: [{path: replacements/r.yaml}]\n"
    ),
    "top/data.txt": "data",
    "top/params.env": "# comment\nA=1\n",
    "top/replacements/r.yaml": "source: {}\n",
}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name, content in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content)
    return tmp_path


def digest(tree: Path) -> str:
    fingerprint = of_overlay(tree / "top")
    assert fingerprint.volatile == ""
    return fingerprint.digest


def written(folder: Path, kustomization: str) -> Fingerprint:
    (folder / "kustomization.yaml").write_text(kustomization)
    return of_overlay(folder)


@pytest.mark.parametrize("name", FILES)
def test_every_file_that_is_read_counts(tree: Path, name: str) -> None:
    before = digest(tree)
    (tree / name).write_text(FILES[name] + "# more\n")
    assert digest(tree) != before


def test_what_is_not_read_does_not_count(tree: Path) -> None:
    before = digest(tree)
    (tree / "base" / "other.yaml").write_text("kind: Other\n")
    (tree / "top" / "data.txt").touch()
    assert digest(tree) == before


def test_the_place_of_the_checkout_does_not_count(tree: Path) -> None:
    before = digest(tree)
    moved = tree.rename(tree.with_name("elsewhere"))
    assert digest(moved) == before


def test_a_link_to_a_base_counts_with_what_it_leads_to(tree: Path) -> None:
    before = digest(tree)
    (tree / "base").rename(tree / "other")
    (tree / "base").symlink_to("other")
    assert digest(tree) != before


@pytest.mark.parametrize(
    ("kustomization", "reason"),
    [
        ("resources: [https://example.com/a.yaml]", "not on this machine"),
        ("resources: ['github.com/owner/name?ref=v1']", "not on this machine"),
        ("resources: ['owner.example/name']", "not on this machine"),
        ("patches: [{path: 'https://example.com/patch.yaml'}]", "not on this machine"),
        ("generators: [generator.yaml]", "generators"),
        ("transformers: [transformer.yaml]", "transformers"),
        ("helmCharts: [{name: a}]", "helmCharts"),
        ("configMapGenerator: [{name: a, envs: [b.env]}]", "environment"),
        ("secretGenerator: [{name: a, env: b.env}]", "environment"),
    ],
)
def test_what_cannot_be_told_is_volatile(tmp_path: Path, kustomization: str, reason: str) -> None:
    (tmp_path / "b.env").write_text("A=1\nHOME\n")
    assert reason in written(tmp_path, kustomization).volatile


@pytest.mark.parametrize(
    "kustomization",
    [
        "commonAnnotations: {docs: 'https://example.com/docs'}",
        "configMapGenerator: [{name: a, literals: ['URL=https://example.com']}]",
        "images: [{name: a, newName: github.com/owner/name}]",
        'patches: [{patch: "- op: add\\n  value: https://example.com\\n", target: {kind: A}}]',
        "namespace: /etc",
    ],
)
def test_an_address_that_nobody_fetches_is_none(tmp_path: Path, kustomization: str) -> None:
    assert written(tmp_path, kustomization).volatile == ""


def test_bases_that_refer_to_each_other_end(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "kustomization.yaml").write_text("resources: [../]\n")
    assert written(tmp_path, "resources: [a]\n").digest


def test_all_files_of_a_tree_count(tmp_path: Path) -> None:
    (tmp_path / "templates").mkdir()
    file = tmp_path / "templates" / "a.yaml"
    file.write_text("a")
    first = of_tree(tmp_path)
    file.write_text("b")
    second = of_tree(tmp_path)
    file.rename(tmp_path / "templates" / "b.yaml")
    third = of_tree(tmp_path)
    assert len({first.digest, second.digest, third.digest}) == 3
    os.symlink("templates", tmp_path / "link")
    assert "link" in of_tree(tmp_path).volatile
