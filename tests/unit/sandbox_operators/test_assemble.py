# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from tests.sandbox.charts.assemble import MissingSource, assemble

CRD = """apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata:
  name: {name}
{labels}spec:
  group: {group}
"""
LABELS = """  labels:
    app: '{{ template "cert-manager.name" . }}'
    app.kubernetes.io/instance: '{{ .Release.Name }}'
    # Generated labels {{- include "labels" . | nindent 4 }}
"""


def crd(plural: str, group: str, labels: str = "") -> str:
    return CRD.format(name=f"{plural}.{group}", group=group, labels=labels)


@pytest.fixture
def sources(tmp_path: Path) -> dict[str, Path]:
    istio, cert_manager = tmp_path / "istio", tmp_path / "cert-manager"
    file = istio / "manifests/charts/base/files/crd-all.gen.yaml"
    file.parent.mkdir(parents=True)
    parts = [crd(name, "networking.istio.io") for name in ("sidecars", "gateways")]
    file.write_text("# DO NOT EDIT\n" + "---\n".join(parts))
    folder = cert_manager / "deploy/crds"
    folder.mkdir(parents=True)
    (folder / "crd-issuers.yaml").write_text(crd("issuers", "cert-manager.io", LABELS))
    (folder / "README.md").write_text("not a CRD")
    for chart in ("base", "istio-control/istio-discovery"):
        template = istio / "manifests/charts" / chart / "templates" / "a.yaml"
        template.parent.mkdir(parents=True)
        template.write_text(chart)
        template.parent.chmod(0o555)
    own = cert_manager / "deploy/charts/cert-manager"
    own.mkdir(parents=True)
    (own / "values.yaml").write_text("{}")
    return {"istio": istio, "cert_manager": cert_manager}


def test_charts_get_one_file_for_each_crd(tmp_path: Path, sources: dict[str, Path]) -> None:
    charts = assemble(tmp_path, sources)
    sail = charts["sail_chart"] / "manifests-crds"
    names = {yaml.safe_load(path.read_text())["metadata"]["name"] for path in sail.iterdir()}
    assert {"sidecars.networking.istio.io", "gateways.networking.istio.io"} < names
    assert {"istios.sailoperator.io", "istiorevisions.sailoperator.io"} < names
    own = charts["cert_manager_chart"] / "manifests-crds"
    issuer = own / "customresourcedefinition-issuers-cert-manager-io.yaml"
    assert yaml.safe_load(issuer.read_text())["metadata"]["labels"] == {
        "app": "cert-manager",
        "app.kubernetes.io/instance": "cert-manager",
    }
    assert (charts["sail_chart"] / "manifests-presync" / "namespace.yaml").exists()


def test_assembling_again_leaves_nothing_old(tmp_path: Path, sources: dict[str, Path]) -> None:
    old = assemble(tmp_path, sources)["sail_chart"] / "manifests-crds" / "old.yaml"
    old.write_text("old")
    assemble(tmp_path, sources)
    assert not old.exists()


def test_the_operators_get_the_charts_they_render(tmp_path: Path, sources: dict[str, Path]) -> None:
    for _again in range(2):
        assemble(tmp_path, {**sources, "istio-1.26": sources["istio"]})
    operands = tmp_path / "charts" / "operands"
    istiod = operands / "istio-1.26" / "istiod" / "templates" / "a.yaml"
    assert istiod.read_text() == "istio-control/istio-discovery"
    assert (operands / "istio" / "base" / "templates" / "a.yaml").read_text() == "base"
    chart = yaml.safe_load((operands / "cert-manager" / "Chart.yaml").read_text())
    assert chart["name"] == "cert-manager"


def test_a_missing_source_is_named(tmp_path: Path, sources: dict[str, Path]) -> None:
    with pytest.raises(MissingSource, match=r"crd-all\.gen\.yaml cannot be read"):
        assemble(tmp_path, {**sources, "istio": tmp_path})
    with pytest.raises(MissingSource, match=r"holds no crd-\*\.yaml"):
        assemble(tmp_path, {**sources, "cert_manager": tmp_path})


def test_an_unknown_template_is_refused(tmp_path: Path, sources: dict[str, Path]) -> None:
    labels = "  labels:\n    other: '{{ .Values.other }}'\n"
    file = sources["cert_manager"] / "deploy/crds/crd-orders.yaml"
    file.write_text(crd("orders", "acme.cert-manager.io", labels))
    with pytest.raises(MissingSource, match=r"orders\.acme\.cert-manager\.io.*Values\.other"):
        assemble(tmp_path, sources)
