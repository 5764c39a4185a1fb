# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Put the operators' charts together, and the charts that the operators render.

The public charts (github.com/aneeshkp/sail-operator-chart, cert-manager-operator-chart) carry
every CRD in ``manifests-crds/``, one file each. Third-party files are not committed here, so ours
get the CRDs of Istio's and cert-manager's sources when a sandbox starts. Their own charts become
``charts/operands/{istio,istio-1.26,cert-manager}``, which is what the stand-in operators see.

The projects' own charts keep their CRDs elsewhere: sail-operator's in ``crds/``, cert-manager's
among its templates, behind ``crds.enabled``.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

HERE = Path(__file__).resolve().parent
CRDS = "manifests-crds"
ISTIO_CRDS = Path("manifests/charts/base/files/crd-all.gen.yaml")
CERT_MANAGER_CRDS = Path("deploy/crds")
ISTIO_CHARTS = {
    "base": Path("manifests/charts/base"),
    "istiod": Path("manifests/charts/istio-control/istio-discovery"),
}
CERT_MANAGER_CHART = Path("deploy/charts/cert-manager")
# Only cert-manager's release tool makes a Chart.yaml, with the version in it.
CHART_FILE = "apiVersion: v1\nname: cert-manager\nversion: 1.11.5\nappVersion: v1.11.5\n"
NAME = re.compile(r"^  name: ([a-z.-]+)$", re.MULTILINE)
# cert-manager keeps its CRDs as Helm templates; only labels are templated.
CERT_MANAGER_LABELS = {
    '{{ template "cert-manager.name" . }}': "cert-manager",
    "{{ .Release.Name }}": "cert-manager",
    '    # Generated labels {{- include "labels" . | nindent 4 }}\n': "",
}


class MissingSource(Exception):
    """A module's folder does not hold what the charts need."""


def assemble(state_dir: Path, sources: Mapping[str, Path]) -> dict[str, Path]:
    """Write both charts below ``state_dir/charts`` and return their folders.

    `sources` names the folders of the Go modules: ``istio``, ``cert_manager``, and other releases
    of Istio as ``istio-1.26``. The keys of the answer are ``sail_chart`` and
    ``cert_manager_chart``, and both with ``community_`` before them. Raises MissingSource.
    """
    istio = _read(sources["istio"] / ISTIO_CRDS)
    folder = sources["cert_manager"] / CERT_MANAGER_CRDS
    cert_manager = [_read(path) for path in sorted(folder.glob("crd-*.yaml"))]
    if not cert_manager:
        raise MissingSource(f"{folder} holds no crd-*.yaml; is it cert-manager's source at v1.11?")
    folder = state_dir / "charts"
    _write_operands(folder / "operands", sources)
    sail = _write(folder, "sail-operator", documents(istio))
    plain = [without_templates(text) for text in cert_manager]
    return {
        "sail_chart": sail,
        "cert_manager_chart": _write(folder, "cert-manager-operator", plain),
        "community_sail_chart": _community_sail(folder, sail / CRDS),
        "community_cert_manager_chart": _community_cert_manager(folder, plain),
    }


def documents(text: str) -> Iterator[str]:
    """Split a file of many YAML documents; parsing 10 000 lines would take seconds."""
    for part in re.split(r"^---$\n?", text, flags=re.MULTILINE):
        if "kind: CustomResourceDefinition" in part:
            yield part


def without_templates(text: str) -> str:
    """Return a CRD of cert-manager as its chart renders it for release cert-manager.

    Raises MissingSource when something else is templated too.
    """
    for template, value in CERT_MANAGER_LABELS.items():
        text = text.replace(template, value)
    if "{{" in text:
        line = next(line for line in text.splitlines() if "{{" in line)
        raise MissingSource(f"{crd_name(text)} has a template that is not known here: {line}")
    return text


def crd_name(text: str) -> str:
    """Return a CRD's ``plural.group``."""
    found = NAME.search(text)
    if not found:
        raise MissingSource(f"no metadata.name in the CRD that starts with {text[:80]!r}")
    return found.group(1)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise MissingSource(f"{path} cannot be read: {error.strerror}") from error


def _write_operands(target: Path, sources: Mapping[str, Path]) -> None:
    shutil.rmtree(target, ignore_errors=True)
    for name, source in sources.items():
        if name.partition("-")[0] == "istio":
            for chart, folder in ISTIO_CHARTS.items():
                _copy(source / folder, target / name / chart)
    own = target / "cert-manager"
    _copy(sources["cert_manager"] / CERT_MANAGER_CHART, own)
    (own / "Chart.yaml").write_text(CHART_FILE, encoding="utf-8")


def _copy(source: Path, target: Path) -> None:
    """Copy a folder's files, but not the modes of a module cache, which forbid their removal."""
    target.mkdir(parents=True)
    for path in source.rglob("*"):
        if path.is_file():
            copy = target / path.relative_to(source)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, copy)


def _write(folder: Path, chart: str, crds: Iterable[str]) -> Path:
    target = _own(folder, chart)
    for text in crds:
        plural, _dot, group = crd_name(text).partition(".")
        file = f"customresourcedefinition-{plural}-{group.replace('.', '-')}.yaml"
        (target / CRDS / file).write_text(text, encoding="utf-8")
    return target


def _own(folder: Path, chart: str) -> Path:
    """Copy a chart of ours."""
    target = folder / chart
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(HERE / chart, target)
    return target


def _community_sail(folder: Path, crds: Path) -> Path:
    target = _own(folder, "community-sail-operator")
    shutil.copytree(crds, target / "crds")
    return target


def _community_cert_manager(folder: Path, crds: Iterable[str]) -> Path:
    """cert-manager's own chart, with its CRDs where later releases have them."""
    target = folder / "community-cert-manager"
    shutil.rmtree(target, ignore_errors=True)
    _copy(folder / "operands" / "cert-manager", target)
    (target / "templates").mkdir(exist_ok=True)
    text = "---\n".join(crds)
    wrapped = f"{{{{- if .Values.crds.enabled }}}}\n{text}{{{{- end }}}}\n"
    (target / "templates" / "crds.yaml").write_text(wrapped, encoding="utf-8")
    return target
