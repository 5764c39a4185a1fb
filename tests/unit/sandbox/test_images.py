# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The image table and the smaller stand-ins."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.sandbox import addresses
from tests.sandbox.images.epp.scheduler_v0_4 import translated
from tests.sandbox.images.hub.hub import TOKEN
from tests.sandbox.images.vllm.release import release_of
from tests.unit.sandbox.conftest import IMAGES

TABLE = IMAGES.parent / "images.yaml"
KEYS = {
    "image": str,
    "private": bool,
    "entrypoint": list,
    "command": list,
    "environment": dict,
    "files": dict,
    "working_directory": str,
    "user": int,
    "python": bool,
    "process": bool,
}
VARIABLES = ("bin", "images", "environment", "sources", "state")


def table() -> dict[str, Any]:
    content = yaml.safe_load(TABLE.read_text())
    assert isinstance(content, dict)
    return content


ROWS: list[dict[str, Any]] = table()["images"]


def find(reference: str) -> dict[str, Any] | None:
    """The row a node would use."""
    for row in ROWS:
        pattern = re.escape(row["image"]).replace(r"\*", ".*")
        if re.fullmatch(pattern, reference):
            return row
    return None


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["image"])
def test_rows_are_well_formed(row: dict[str, Any]) -> None:
    assert set(row) <= set(KEYS)
    for key, value in row.items():
        assert type(value) is KEYS[key], key
    assert "user" in row
    assert row.get("private", False) is row["image"].startswith("registry.redhat.io/")
    words = [*row.get("entrypoint", []), *row.get("command", [])]
    assert all(type(word) is str for word in words)
    for name, value in row.get("environment", {}).items():
        assert type(value) is str, name
    for path, source in row.get("files", {}).items():
        assert path.startswith("/"), path
        variable = re.match(r"\$\{(\w+)\}/.", source)
        assert variable, source
        assert variable[1] in VARIABLES
        if variable[1] == "images":
            assert (IMAGES / source.removeprefix("${images}/")).exists(), source


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["image"])
def test_the_first_word_to_run_is_a_file_of_the_row_or_of_the_system(row: dict[str, Any]) -> None:
    words = row.get("entrypoint") or row.get("command")
    if not words:
        assert row.get("files") or row["process"] is False, "the pod must name the program"
    elif "python" in words[0]:
        assert row["python"]
    else:
        assert words[0] in row.get("files", {}) or Path(words[0]).exists()


def test_programs_in_python_get_the_environment() -> None:
    for row in ROWS:
        sources = row.get("files", {}).values()
        uses_python = any(source.startswith("${images}/") for source in sources)
        assert row.get("python", False) is uses_python, row["image"]
        if uses_python:
            starts = [*row.get("entrypoint", [""])[:1], row["environment"].get("PATH", "")]
            assert any(each.startswith("${environment}/bin") for each in starts), row["image"]


def test_private_rows_have_an_account() -> None:
    registries = table()["registries"]
    for row in ROWS:
        if row.get("private"):
            assert {"username", "password"} == set(registries[row["image"].split("/")[0]])


@pytest.mark.parametrize(
    ("reference", "line"),
    [
        ("registry.redhat.io/rhaiis/vllm-tpu-rhel9:3.2.5", "0.11"),
        ("registry.redhat.io/rhaiis/vllm-tpu-rhel9:3.3.0", "0.13"),
        ("docker.io/vllm/vllm-tpu:v0.18.0", "0.18"),
        ("vllm/vllm-tpu:v0.11.1", "0.11"),
    ],
)
def test_the_tag_chooses_the_release_of_vllm(reference: str, line: str) -> None:
    row = find(reference)
    assert row
    assert release_of(row["environment"]).line == line


@pytest.mark.parametrize(
    ("reference", "program"),
    [
        ("ghcr.io/opendatahub-io/kserve/odh-kserve-llmisvc-controller:odh-v3.4", "kserve-manager"),
        ("quay.io/opendatahub/kserve-controller:v0.15-latest", "kserve-manager"),
        ("quay.io/opendatahub/llm-d-inference-scheduler:odh-stable", "epp"),
        ("quay.io/opendatahub/llm-d-inference-scheduler:release-v0.4", "scheduler_v0_4.py"),
        ("quay.io/opendatahub/llm-d-kv-cache:v0.7.1", "tokenizer.py"),
        ("quay.io/opendatahub/kserve-storage-initializer:latest", "entrypoint.py"),
        ("quay.io/opendatahub/kserve-storage-initializer:v0.15-latest", "entrypoint.py"),
        ("docker.io/istio/proxyv2:1.28.3", "pilot-agent"),
        ("registry.redhat.io/openshift-service-mesh/istio-pilot-rhel9:1.28.3", "pilot-discovery"),
        ("quay.io/jetstack/cert-manager-webhook:v1.11.5", "cert-manager-webhook"),
        ("registry.k8s.io/coredns/coredns:v1.12.4", "coredns"),
    ],
)
def test_images_of_the_overlays_and_charts_are_known(reference: str, program: str) -> None:
    row = find(reference)
    assert row
    assert program in [Path(source).name for source in row["files"].values()]


@pytest.mark.parametrize(
    "reference",
    [
        "registry.redhat.io/rhaiis/vllm-cuda-rhel9@sha256:fc68d623",
        "ghcr.io/llm-d/llm-d-cuda:v0.6.0",
        "registry.redhat.io/rhaiis/vllm-tpu-rhel9:9.9",
        "registry.redhat.io/openshift-service-mesh/istio-pilot-rhel9:1.27.3",
        "docker.io/library/nginx:latest",
    ],
)
def test_other_images_are_unknown(reference: str) -> None:
    assert find(reference) is None


def test_the_download_asks_the_sandboxs_hub() -> None:
    row = find("quay.io/opendatahub/kserve-storage-initializer:latest")
    assert row
    address = f"http://{addresses.CONTROL_PLANE}:{addresses.HUB_PORT}"
    assert row["environment"]["HF_ENDPOINT"] == address
    assert TOKEN not in json.dumps(row)


def test_the_old_schedulers_scorer_is_renamed() -> None:
    given = ["--pool-name", "x", "--config-text", "plugins:\n- type: load-aware-scorer\n"]
    assert translated(given) == [*given[:3], "plugins:\n- type: queue-scorer\n"]


def test_the_tokenizer_is_healthy_only_with_its_folder(tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    folder = tmp_path / "models"
    environment = {"PROBE_PORT": str(port), "TOKENIZERS_DIR": str(folder)}
    program = IMAGES / "tokenizer" / "tokenizer.py"
    with subprocess.Popen([sys.executable, program], env=environment) as process:
        try:
            assert status(port) == 503
            folder.mkdir()
            assert status(port) == 200
        finally:
            process.terminate()
        assert process.wait(timeout=5) == 0


def status(port: int) -> int:
    deadline = time.monotonic() + 5
    while True:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz") as reply:
                return int(reply.status)
        except urllib.error.HTTPError as error:
            return error.code
        except OSError:
            assert time.monotonic() < deadline
            time.sleep(0.02)
