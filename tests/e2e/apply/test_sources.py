# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""`apply` renders by itself: charts by the real helm, overlays, templates; on a real API server."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.llmd.tpu.plugins.module_utils.rendering.info import info

from tests.e2e.apply.control_plane import ControlPlane
from tests.e2e.apply.words import actions, attempt, converge, play
from tests.sandbox import build

Object = dict[str, Any]
KUBECTL = Path(sys.executable).with_name("kubectl")
PASSWORD = "correct-horse-battery"

CHART = {
    "Chart.yaml": "apiVersion: v2\nname: shop\nversion: 1.0.0\n",
    "values.yaml": "size: 1\n",
    "crds/crd.yaml": """
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: shelves.shop.example.com}
spec:
  group: shop.example.com
  names: {kind: Shelf, plural: shelves}
  scope: Cluster
  versions:
    - name: v1
      served: true
      storage: true
      schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}
""",
    "templates/config.yaml": """
apiVersion: v1
kind: ConfigMap
metadata: {name: "{{ .Release.Name }}-config"}
data: {size: "{{ .Values.size }}", release: "{{ .Release.Namespace }}"}
""",
    "templates/secret.yaml": """
{{- if .Values.password }}
apiVersion: v1
kind: Secret
metadata: {name: account}
stringData: {password: "{{ .Values.password }}"}
{{- end }}
""",
    "templates/shelf.yaml": """
apiVersion: shop.example.com/v1
kind: Shelf
metadata: {name: first}
""",
    "templates/hook.yaml": """
apiVersion: v1
kind: ConfigMap
metadata: {name: hook, annotations: {helm.sh/hook: pre-install}}
""",
}


@pytest.fixture
def chart(tmp_path: Path) -> Path:
    for name, content in CHART.items():
        file = tmp_path / "chart" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)
    return tmp_path / "chart"


@pytest.fixture
def helm(built: build.Built, tmp_path: Path) -> Path:
    """The real helm behind a script that writes down its arguments."""
    script = tmp_path / "helm"
    program = built.binaries["helm"]
    script.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/arguments\nexec {program} "$@"\n')
    script.chmod(0o755)
    return script


def release(chart: Path, helm: Path, **values: Any) -> Object:
    return {
        "path": str(chart),
        "name": "shop",
        "namespace": "shops",
        "values": values,
        "binary": str(helm),
    }


def test_a_chart_converges_without_hooks_and_with_its_crds(
    plane: ControlPlane, chart: Path, helm: Path, tmp_path: Path
) -> None:
    place = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shops"}}
    options: Object = {
        "definition": place,
        "chart": [release(chart, helm, size=2)],
        "cache": str(tmp_path / "cache"),
    }
    first = converge(plane, **options)
    assert [entry["name"] for entry in first["objects"]] == [
        "shops",
        "shelves.shop.example.com",
        "shop-config",
        "first",
    ]
    live = plane.request("GET", "/api/v1/namespaces/shops/configmaps/shop-config")
    assert live["data"] == {"size": "2", "release": "shops"}
    second = converge(plane, **options)
    assert set(actions(second)) == {"none"}
    assert (tmp_path / "arguments").read_text().count("template") == 1
    options["chart"] = [release(chart, helm, size=3)]
    assert actions(converge(plane, **options)).count("changed") == 1
    (chart / "templates" / "config.yaml").write_text("")
    assert len(converge(plane, **options)["objects"]) == 3


def test_a_secret_in_values_goes_nowhere_but_into_the_cluster(
    plane: ControlPlane, chart: Path, helm: Path, tmp_path: Path
) -> None:
    options: Object = {
        "chart": [release(chart, helm, password=PASSWORD)],
        "cache": str(tmp_path / "cache"),
    }
    assert info(options)["cached"] is False
    assert info(options)["cached"] is False
    assert PASSWORD not in (tmp_path / "arguments").read_text()
    assert not (tmp_path / "cache").exists()
    (chart / "templates" / "secret.yaml").write_text("{{ fail .Values.password }}")
    result = attempt(plane, **options)
    assert result["failed"]
    assert "execution error" in result["msg"]
    assert PASSWORD not in json.dumps(result)


def test_an_overlay_in_stages_a_template_and_a_missing_variable(
    plane: ControlPlane, tmp_path: Path
) -> None:
    """As a role does it: through Ansible, paths beside the playbook."""
    overlay, templates = tmp_path / "files" / "overlay", tmp_path / "templates"
    overlay.mkdir(parents=True)
    templates.mkdir()
    (overlay / "crd.yaml").write_text(CHART["crds/crd.yaml"])
    (overlay / "shelf.yaml").write_text(CHART["templates/shelf.yaml"])
    (overlay / "kustomization.yaml").write_text(
        "resources: [crd.yaml, shelf.yaml]\nnamePrefix: staged-\n"
        "commonAnnotations: {docs: 'https://example.com'}\n"
    )
    (templates / "place.yaml.j2").write_text(
        "apiVersion: v1\nkind: Namespace\nmetadata: {name: '{{ place }}'}\n"
    )
    common = {"kubeconfig": str(plane.kubeconfig), "cache": str(tmp_path / "cache")}
    source = {"kustomize": [{"path": "overlay", "binary": str(KUBECTL)}]}
    crds = [{"kind": "CustomResourceDefinition"}]
    template: Object = {"llmd.tpu.apply": {"template": "place.yaml.j2", **common}}
    tasks: list[Object] = [
        {**template, "vars": {"place": "stages"}},
        {"llmd.tpu.apply": {**source, "include": crds, **common}},
        {"llmd.tpu.apply": {**source, "exclude": crds, **common}},
        {"llmd.tpu.manifests_info": {**source, "cache": common["cache"]}},
        {  # as a module: the template was rendered before
            "llmd.tpu.manifests_info": {"template": "place.yaml.j2"},
            "become": True,
            "vars": {
                "place": "module",
                "ansible_become_method": "su",
                "ansible_python_interpreter": sys.executable,
            },
        },
    ]
    results, _output = play(tmp_path, tasks)
    assert [[entry["name"] for entry in result["objects"]] for result in results[:3]] == [
        ["stages"],
        ["shelves.shop.example.com"],
        ["staged-first"],
    ]
    assert results[3]["cached"]
    assert results[4]["objects"][0]["name"] == "module"
    _results, output = play(tmp_path, [template], expected=2)
    assert "template place.yaml.j2" in output
    assert "'place' is undefined" in output
