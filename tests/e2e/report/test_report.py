# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A report of a real cluster: measured, proved, with digests; and truthful about change."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml

from tests.e2e.site.playbooks import play
from tests.sandbox.harness import Sandbox

NAME = "llm-d-inference-scheduling/qwen2-3b-pattern1"


def test_a_report_of_a_cluster_that_serves(converged: Sandbox, tmp_path: Path) -> None:
    page, data = tmp_path / "report.html", tmp_path / "report.json"
    stages = [{"stage": "weights", "seconds": 1.5}, {"stage": "compiled", "seconds": 2.5}]
    started = {"namespace": NAME.split("/")[0], "name": NAME.split("/")[1], "ready": True}
    inputs: dict[str, Any] = {
        "report_path": str(page),
        "report_repeats": 10,
        "report_startup": [{**started, "stage": "ready", "stages": stages}],
    }
    predicted = play(converged.folder, "report", inputs=inputs, check=True)
    assert predicted.code == 0, predicted.output[-4000:]
    assert predicted.changed_tasks == ["Write the report"]
    assert list(tmp_path.iterdir()) == []

    run = play(converged.folder, "report", inputs=inputs)
    assert run.code == 0, run.output[-4000:]
    assert run.changed_tasks == ["Write the report"]
    told = json.loads(data.read_text())
    assert told["verdict"]["ok"]
    assert {name: told["verdict"][name] for name in ("ready", "answered", "routed")} == {
        "ready": 1,
        "answered": 1,
        "routed": 1,
    }
    assert [one["name"] for one in told["smoke"]] == [NAME]
    assert told["smoke"][0]["latencies"]["requests"] == 10
    assert any("vllm" in one["image"] and one["digest"] for one in told["images"])
    assert {"Kubernetes", "Istio", "cert-manager", "Gateway"} <= {
        one["part"] for one in told["versions"]
    }
    assert told["nodes"]
    text = page.read_text()
    assert text.count("<svg") == 4
    assert NAME in text


def test_the_same_data_changes_nothing(converged: Sandbox, tmp_path: Path) -> None:
    options = {
        "path": str(tmp_path / "report.html"),
        "models": [{"name": "qwen", "namespace": "models", "ready": True}],
    }
    plays = [
        {
            "name": "Saved data",
            "hosts": "localhost",
            "gather_facts": False,
            "tasks": [
                {"name": "First", "llmd.tpu.report": options},
                {"name": "Again", "llmd.tpu.report": options},
            ],
        }
    ]
    book = tmp_path / "saved.yml"
    book.write_text(yaml.safe_dump(plays))
    run = play(converged.folder, str(book))
    assert run.code == 0, run.output[-4000:]
    assert run.changed_tasks == ["First"]
