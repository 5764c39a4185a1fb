# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The modules of report and bundle as Ansible runs them: documented options, true results."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.llmd.tpu.plugins.module_utils.bundle import diagnostics_bundle
from ansible_collections.llmd.tpu.plugins.module_utils.connection import connection_options
from ansible_collections.llmd.tpu.plugins.module_utils.report import report

from tests.unit.plugins.running import module

MODULES = "ansible_collections.llmd.tpu.plugins.modules"


@pytest.mark.parametrize("engine", [report, diagnostics_bundle])
def test_every_option_is_documented_as_it_is(engine: Any) -> None:
    name = engine.__name__.rpartition(".")[2]
    documented = __import__(f"{MODULES}.{name}", fromlist=["DOCUMENTATION"]).DOCUMENTATION
    options = yaml.safe_load(documented)["options"]
    spec = {key: one for key, one in engine.argument_spec().items() if key in options}
    assert set(engine.argument_spec()) - set(connection_options()) == set(options) == set(spec)
    for key, one in spec.items():
        for field in ("type", "elements", "default", "required"):
            assert one.get(field) == options[key].get(field), f"{key}: {field}"


def test_a_report_by_its_module(tmp_path: Path) -> None:
    options: dict[str, Any] = {
        "path": str(tmp_path / "report.html"),
        "models": [{"name": "a", "namespace": "b"}],
    }
    assert module("report", check=True, **options)["changed"]
    assert list(tmp_path.iterdir()) == []
    assert [module("report", **options)["changed"] for _time in range(2)] == [True, False]
    assert (tmp_path / "report.json").exists()


def test_a_bundle_without_a_cluster_is_still_written(tmp_path: Path) -> None:
    path = tmp_path / "bundle.tar.gz"
    options: dict[str, Any] = {
        "path": str(path),
        "host": "https://127.0.0.1:1",
        "api_key": "planted-token-of-ours",
        "max_size": "100K",
        "findings": [{"code": "A-CODE", "severity": "error", "message": "nothing answers"}],
        "program": shutil.which("kubectl"),
    }
    result = module("diagnostics_bundle", **options)
    assert result["changed"]
    assert any("127.0.0.1:1" in one["why"] for one in result["problems"])
    assert {"index.html", "given/findings.json"} <= set(result["files"])
    assert "planted" not in json.dumps(result["problems"])


def test_a_program_that_is_missing_is_named(tmp_path: Path) -> None:
    options: dict[str, Any] = {
        "path": str(tmp_path / "bundle.tar.gz"),
        "host": "https://127.0.0.1:1",
    }
    result = module("diagnostics_bundle", **options, api_key="x", program="/nowhere/kubectl")
    assert result["failed"]
    assert "/nowhere/kubectl is not a program" in result["msg"]
