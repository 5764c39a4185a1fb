# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a workflow gets to know, and that it cannot be mistaken for what a play finds out itself."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.llmd.tpu.plugins.filter.services import service_urls
from ansible_collections.llmd.tpu.plugins.filter.verdict import verdict

ROOT = Path(__file__).parents[3]


def finding(code: str, severity: str) -> dict[str, str]:
    return {"code": code, "severity": severity}


@pytest.mark.parametrize(
    ("findings", "expected"),
    [
        ([], {"ok": True, "verdict": "ok", "codes": []}),
        ([finding("A", "info")], {"ok": True, "verdict": "ok", "codes": []}),
        ([finding("A", "warning")], {"ok": True, "verdict": "warning", "codes": ["A"]}),
        (
            [finding("B", "warning"), finding("A", "error"), finding("A", "error")],
            {"ok": False, "verdict": "error", "codes": ["A", "B"]},
        ),
    ],
)
def test_the_worst_finding_decides(
    findings: list[dict[str, str]], expected: dict[str, Any]
) -> None:
    assert verdict(findings) == expected


def test_services_without_a_url_are_left_out() -> None:
    services = [
        {"namespace": "team", "name": "qwen", "url": "http://203.0.113.10/team/qwen"},
        {"namespace": "team", "name": "stopped", "url": ""},
    ]
    assert service_urls(services) == {"team/qwen": "http://203.0.113.10/team/qwen"}


def published() -> dict[str, str]:
    """Names that playbooks hand on, with the playbook."""
    found = {}
    for path in sorted((ROOT / "playbooks").glob("*.yml")):
        for play in yaml.safe_load(path.read_text()):
            for task in play.get("tasks", []):
                for name in task.get("ansible.builtin.set_stats", {}).get("data", {}):
                    found[name] = path.stem
    return found


def test_these_playbooks_hand_something_on() -> None:
    assert published() == {
        "llmd_costs": "remove",
        "llmd_diagnosis": "diagnose",
        "llmd_idle": "idle",
        "llmd_metrics": "metrics",
        "llmd_preflight": "preflight",
        "llmd_site": "site",
        "llmd_verify": "verify",
    }


@pytest.mark.parametrize("name", sorted(published()))
def test_what_is_handed_on_is_read_by_no_playbook_of_ours(name: str) -> None:
    """AWX gives it to later jobs as an extra variable, which wins over what they register."""
    for folder in ("playbooks", "roles"):
        for path in (ROOT / folder).rglob("*.*"):
            text = path.read_text()
            written = re.findall(rf"(?m)^ +{name}: ", text)
            assert len(re.findall(rf"\b{name}\b", text)) == len(written), path
