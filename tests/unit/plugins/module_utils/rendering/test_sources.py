# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Overlays by the real kustomize: never stale, rendered once, chosen from; and what is refused."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.llmd.tpu.plugins.module_utils.manifests.load import BadManifest
from ansible_collections.llmd.tpu.plugins.module_utils.rendering.chart import Chart, secrets
from ansible_collections.llmd.tpu.plugins.module_utils.rendering.info import info
from ansible_collections.llmd.tpu.plugins.module_utils.rendering.sources import (
    Template,
    gather,
)

KUBECTL = shutil.which("kubectl")
CONFIG = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {value: first}\n"
SECRET = "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\n"


class Kubectl:
    """A real kubectl behind a script that counts how often it renders."""

    def __init__(self, folder: Path, words: str = "") -> None:
        folder.mkdir()
        self.path = folder / "kubectl"
        self._count = folder / "count"
        self._count.touch()
        self.path.write_text(
            f'#!/bin/sh\n[ "$1" = kustomize ] && echo x >> {self._count}\n{words}\n'
            f'exec {KUBECTL} "$@"\n'
        )
        self.path.chmod(0o755)

    @property
    def times(self) -> int:
        return len(self._count.read_text().split())


@pytest.fixture
def kubectl(tmp_path: Path) -> Kubectl:
    return Kubectl(tmp_path / "bin")


@pytest.fixture
def overlay(tmp_path: Path) -> Path:
    (tmp_path / "base").mkdir()
    (tmp_path / "base" / "config.yaml").write_text(CONFIG)
    (tmp_path / "base" / "kustomization.yaml").write_text("resources: [config.yaml]\n")
    (tmp_path / "top").mkdir()
    (tmp_path / "top" / "kustomization.yaml").write_text("resources: [../base]\nnamespace: team\n")
    return tmp_path / "top"


def listed(overlay: Path, kubectl: Kubectl, cache: Path, **more: Any) -> dict[str, Any]:
    source = {"path": str(overlay), "binary": str(kubectl.path)}
    result = info({"kustomize": [source], "cache": str(cache), **more})
    assert not result.get("failed"), result["msg"]
    return result


def bodies(overlay: Path, kubectl: Kubectl, cache: Path) -> list[dict[str, Any]]:
    source = {"path": str(overlay), "binary": str(kubectl.path)}
    found = gather({"kustomize": [source], "cache": str(cache)})
    return [manifest.body for manifest in found.manifests]


def refusal(**params: Any) -> str:
    with pytest.raises(BadManifest) as problem:
        gather(params)
    return str(problem.value)


def test_an_overlay_is_rendered_once(overlay: Path, kubectl: Kubectl, tmp_path: Path) -> None:
    first = listed(overlay, kubectl, tmp_path / "cache")
    second = listed(overlay, kubectl, tmp_path / "cache")
    assert kubectl.times == 1
    assert (first["cached"], second["cached"]) == (False, True)
    assert first["digest"] == second["digest"]
    assert first["objects"] == [
        {"api_version": "v1", "kind": "ConfigMap", "name": "a", "namespace": "team"}
    ]


def test_an_edit_of_a_file_far_below_is_seen(
    overlay: Path, kubectl: Kubectl, tmp_path: Path
) -> None:
    cache, file = tmp_path / "cache", overlay.parent / "base" / "config.yaml"
    before = file.stat()
    assert bodies(overlay, kubectl, cache)[0]["data"] == {"value": "first"}
    file.write_text(CONFIG.replace("first", "again"))
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))  # content decides, no clock
    assert bodies(overlay, kubectl, cache)[0]["data"] == {"value": "again"}
    file.write_text(CONFIG)
    assert bodies(overlay, kubectl, cache)[0]["data"] == {"value": "first"}
    assert kubectl.times == 2


def test_another_program_renders_anew(overlay: Path, kubectl: Kubectl, tmp_path: Path) -> None:
    listed(overlay, kubectl, tmp_path / "cache")
    other = Kubectl(tmp_path / "other")
    listed(overlay, other, tmp_path / "cache")
    assert (kubectl.times, other.times) == (1, 1)
    os.utime(kubectl.path, (1, 1))
    listed(overlay, kubectl, tmp_path / "cache")
    assert kubectl.times == 2


def test_a_script_that_starts_another_version_renders_anew(overlay: Path, tmp_path: Path) -> None:
    version = tmp_path / "version"
    version.write_text("v1")
    kubectl = Kubectl(tmp_path / "bin", f'[ "$1" = version ] && exec cat {version}')
    listed(overlay, kubectl, tmp_path / "cache")
    listed(overlay, kubectl, tmp_path / "cache")
    assert kubectl.times == 1
    version.write_text("v2")
    listed(overlay, kubectl, tmp_path / "cache")
    assert kubectl.times == 2


def test_a_damaged_entry_is_made_anew(overlay: Path, kubectl: Kubectl, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    before = listed(overlay, kubectl, cache)
    (entry,) = cache.iterdir()
    entry.write_bytes(entry.read_bytes().replace(b"first", b"other"))
    after = listed(overlay, kubectl, cache)
    assert (after["digest"], after["cached"], kubectl.times) == (before["digest"], False, 2)
    assert listed(overlay, kubectl, cache)["cached"]


@pytest.mark.parametrize("place", ["", "/proc/cache"])
def test_without_a_cache_it_works(overlay: Path, kubectl: Kubectl, place: str) -> None:
    for _time in range(2):
        source = {"path": str(overlay), "binary": str(kubectl.path)}
        assert info({"kustomize": [source], "cache": place})["cached"] is False
    assert kubectl.times == 2


def test_what_changes_while_it_is_rendered_is_not_kept(overlay: Path, tmp_path: Path) -> None:
    file = overlay.parent / "base" / "config.yaml"
    hasty = Kubectl(tmp_path / "bin", f'[ "$1" = kustomize ] && sed -i s/first/late/ {file}')
    assert bodies(overlay, hasty, tmp_path / "cache")[0]["data"] == {"value": "late"}
    file.write_text(CONFIG)
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize(("data", "kept"), [("", True), ("data: {a: YWJj}\n", False)])
def test_a_secret_is_not_kept(
    overlay: Path, kubectl: Kubectl, tmp_path: Path, data: str, kept: bool
) -> None:
    (overlay.parent / "base" / "config.yaml").write_text(SECRET + data)
    listed(overlay, kubectl, tmp_path / "cache")
    assert listed(overlay, kubectl, tmp_path / "cache")["cached"] is kept
    assert (tmp_path / "cache").exists() is kept


def test_a_large_file_is_parsed_once_per_content(tmp_path: Path) -> None:
    file, cache = tmp_path / "large.yaml", tmp_path / "cache"
    file.write_text(CONFIG.replace("first", "x" * 40_000))
    options = {"src": [str(file)], "cache": str(cache)}
    assert [info(options)["cached"] for _time in range(2)] == [False, True]
    assert gather(options).manifests[0].origin == f"{file}, document 1"
    file.write_text(CONFIG.replace("first", "y" * 40_000))
    assert gather(options).manifests[0].body["data"]["value"] == "y" * 40_000
    file.write_text(f"{SECRET}stringData: {{a: {'z' * 40_000}}}\n")
    assert [info(options)["cached"] for _time in range(2)] == [False, False]


def test_include_and_exclude_choose(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(f"{CONFIG}---\n{SECRET}---\n{CONFIG.replace(': a', ': b')}")

    def names(**choice: Any) -> list[str]:
        found = gather({"src": [str(tmp_path)], **choice}).manifests
        return [manifest.title for manifest in found]

    maps = {"kind": "ConfigMap"}
    assert names(include=[maps]) == ["ConfigMap a", "ConfigMap b"]
    assert names(include=[maps], exclude=[{**maps, "name": "a"}]) == ["ConfigMap b"]
    assert names(exclude=[maps]) == ["Secret s"]
    assert names(exclude=[{**maps, "group": "apps"}, {"kind": "Secret", "group": ""}]) == [
        "ConfigMap a",
        "ConfigMap b",
    ]
    words = refusal(src=[str(tmp_path)], include=[{"kind": "Configmap"}])
    assert "choose none of the 3 objects" in words
    assert "ConfigMap, Secret" in words


def test_templates_come_with_their_path() -> None:
    (manifest,) = gather({"template": [Template("a.yaml.j2", CONFIG)]}).manifests
    assert manifest.origin == "a.yaml.j2, document 1"
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}}
    (manifest,) = gather({"template": [Template("a.yaml.j2", body)]}).manifests
    assert (manifest.body, manifest.origin) == (body, "a.yaml.j2")
    assert "was not rendered" in refusal(template=["a.yaml.j2"])
    assert "a.yaml.j2, line 2" in refusal(template=[Template("a.yaml.j2", "a: [")])


def test_no_program(overlay: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    words = refusal(kustomize=[{"path": str(overlay)}])
    assert "neither kustomize nor kubectl is in PATH" in words
    assert "Install kustomize 5.8.0 or newer" in words
    words = refusal(kustomize=[{"path": str(overlay), "binary": "/nowhere/kustomize"}])
    assert "/nowhere/kustomize is no program" in words
    chart = overlay.parent / "chart"
    chart.mkdir()
    (chart / "Chart.yaml").write_text("name: a\n")
    words = refusal(chart=[{"path": str(chart), "name": "a"}])
    assert "helm is missing" in words
    assert "Install helm 3.17" in words


def test_no_overlay_and_no_chart(tmp_path: Path) -> None:
    assert "has no kustomization.yaml" in refusal(kustomize=[{"path": str(tmp_path)}])
    assert "does not exist" in refusal(kustomize=[{"path": str(tmp_path / "x")}])
    assert "has no Chart.yaml" in refusal(chart=[{"path": str(tmp_path), "name": "a"}])
    assert "helm pull" in refusal(chart=[{"path": str(tmp_path / "x"), "name": "a"}])


def test_an_old_kustomize_that_fails_is_named(overlay: Path, tmp_path: Path) -> None:
    answer = """echo '{"kustomizeVersion": "v5.5.0"}'"""
    old = Kubectl(tmp_path / "bin", f'[ "$1" = version ] && {answer} && exit 0\nexit 2')
    words = refusal(kustomize=[{"path": str(overlay), "binary": str(old.path)}])
    assert f"{old.path}: kustomize 5.5.0 panics" in words
    assert "Install kustomize 5.8.0 or newer" in words


def test_what_kustomize_refuses_is_told_in_its_words(overlay: Path, kubectl: Kubectl) -> None:
    (overlay / "kustomization.yaml").write_text("resources: [missing.yaml]\n")
    words = refusal(kustomize=[{"path": str(overlay), "binary": str(kubectl.path)}])
    assert "missing.yaml" in words
    assert "(kustomize 5." in words


def test_secrets_in_values_are_known_by_their_names(tmp_path: Path) -> None:
    values = {
        "pullSecret": {"name": "pull"},
        "imagePullSecrets": ["pull"],
        "tls": {"secretName": "tls"},
        "adminPassword": "hunter2",
        "hub": {"tokens": ["t1", ""]},
        "automountServiceAccountToken": True,
    }
    assert list(secrets(values)) == ["hunter2", "t1"]
    (tmp_path / "Chart.yaml").write_text("name: a\n")
    assert Chart(str(tmp_path), "a", "n", values).fingerprint().volatile
    assert not Chart(str(tmp_path), "a", "n", {"replicas": 2}).fingerprint().volatile


def test_images_of_containers_wherever_they_are() -> None:
    pod = {"containers": [{"name": "a", "image": "one"}], "initContainers": [{"image": "two"}]}
    result = info(
        {
            "definition": [
                {
                    "apiVersion": "serving.kserve.io/v1alpha1",
                    "kind": "LLMInferenceServiceConfig",
                    "metadata": {"name": "a"},
                    "spec": {"template": pod, "worker": {"containers": [{"image": "one"}]}},
                },
                {
                    "apiVersion": "apiextensions.k8s.io/v1",
                    "kind": "CustomResourceDefinition",
                    "metadata": {"name": "b"},
                    "spec": {"properties": {"containers": [{"image": "none"}]}},
                },
            ]
        }
    )
    assert result["images"] == ["one", "two"]
    assert info({})["msg"].startswith("nothing to read: give definition, template, src")
