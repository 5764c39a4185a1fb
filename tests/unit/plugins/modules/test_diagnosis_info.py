# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Does the word give causes with their evidence, fail as its options say, and hold no secret?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.llmd.tpu.plugins.module_utils.connection import (
    ConnectionProblem,
    Session,
)
from ansible_collections.llmd.tpu.plugins.module_utils.diagnosis import diagnosis_info
from ansible_collections.llmd.tpu.plugins.module_utils.diagnosis.deciding import decide
from ansible_collections.llmd.tpu.plugins.module_utils.diagnosis.diagnosis_info import result_of
from ansible_collections.llmd.tpu.plugins.module_utils.diagnosis.looking import World
from ansible_collections.llmd.tpu.plugins.module_utils.diagnosis.snapshot import Snapshot

from tests.unit.plugins.module_utils.diagnosis.broken import BROKEN
from tests.unit.plugins.module_utils.diagnosis.clusters import cluster


def broken(name: str) -> Snapshot:
    [case] = [one for one in BROKEN if one.name == name]
    return case.make()


def result(snapshot: Snapshot, *, findings_only: bool = False) -> dict[str, Any]:
    return result_of(decide(snapshot), snapshot, findings_only=findings_only)


def test_a_healthy_cluster_is_ok_and_says_what_was_looked_at() -> None:
    told = result(cluster())
    assert told["ok"]
    assert told["findings"] == []
    assert "failed" not in told
    assert "warnings" not in told
    assert [line.partition(":")[0] for line in told["checked"]] == [
        "operators",
        "kserve",
        "gateway",
        "model",
    ]
    assert told["report"][-1] == "phase model: ok"
    assert told["services"][0]["stage"] == "ready"


def test_a_cause_has_phase_evidence_and_a_command() -> None:
    told = result(broken("controller down"))
    [finding] = told["findings"]
    assert finding["code"] == "DIAGNOSIS-CONTROLLER-DOWN"
    assert finding["phase"] == "kserve"
    assert "DIAGNOSIS-ROUTE-MISSING" in finding["explains"]
    assert any("SMOKE-ROUTE-NOT-FOUND" in line for line in finding["evidence"])
    assert "ansible-playbook llmd.tpu.kserve" in finding["fix"]
    assert told["phases"]["kserve"] == "error"
    assert told["phases"]["model"] == "ok"
    assert told["failed"]
    assert told["msg"].startswith("the cluster: 1 error\n")
    follows = [line for line in told["report"] if line.startswith("  so: ")]
    assert len(follows) == len(finding["explains"])


def test_with_findings_only_nothing_fails() -> None:
    told = result(broken("controller down"), findings_only=True)
    assert not told["ok"]
    assert "failed" not in told


def test_a_warning_is_a_warning_of_the_task() -> None:
    told = result(broken("gateway behind the re-issued authority"))
    assert told["findings"][0]["severity"] == "error"  # /v1/models fails by it
    exposed = decide(cluster(), exposure=True)
    assert exposed.phases["gateway"] == "warning"
    assert "GATEWAY-OPEN" in result_of(exposed, cluster())["warnings"][0]


def options(**given: Any) -> dict[str, Any]:
    spec = diagnosis_info.argument_spec()
    return {name: option.get("default") for name, option in spec.items()} | given


def test_bad_input_ends_with_words() -> None:
    def refuse(_options: Mapping[str, Any]) -> Session:
        raise ConnectionProblem("kubeconfig nowhere does not exist")

    told = diagnosis_info.run(options(), World(connect=refuse))
    assert told == {
        "failed": True,
        "changed": False,
        "ok": False,
        "msg": "kubeconfig nowhere does not exist",
    }


def test_a_name_needs_a_namespace() -> None:
    assert diagnosis_info.CONSTRAINTS == {"required_by": {"name": ("namespace",)}}
