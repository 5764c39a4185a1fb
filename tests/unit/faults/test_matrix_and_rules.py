# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

from pathlib import Path

from tests.e2e.faults.proxy import Rule
from tests.e2e.faults.site import reason
from tests.e2e.site.playbooks import Run
from tests.long.faults.matrix import FAILED, Matrix, told

STOPPED = """
TASK [llmd.tpu.kserve : Apply KServe's presets] ****
fatal: [localhost]: FAILED! =>
    changed: false
    msg: |-
        1 of 14 objects failed (13 none, 1 failed):
        LLMInferenceServiceConfig opendatahub/x: HTTP 500
    writes: 2

PLAY RECAP ****
localhost : ok=9 changed=1 failed=1
"""


def test_a_rule_hits_the_requests_it_names_and_no_other() -> None:
    rule = Rule(500, "PATCH", "/secrets/", first=2, times=2)
    asked = [
        ("PATCH", "/api/v1/namespaces/a/secrets/s"),
        ("GET", "/api/v1/namespaces/a/secrets/s"),
        ("PATCH", "/api/v1/namespaces/a/configmaps/c"),
        ("PATCH", "/api/v1/namespaces/a/secrets/s"),
        ("PATCH", "/api/v1/namespaces/a/secrets/t"),
        ("PATCH", "/api/v1/namespaces/a/secrets/u"),
    ]
    assert [rule.hits(*request) for request in asked] == [False] * 3 + [True] * 2 + [False]
    assert (rule.seen, rule.fired) == (4, 2)


def test_why_a_run_stopped_is_one_line() -> None:
    words = "1 of 14 objects failed (13 none, 1 failed): LLMInferenceServiceConfig"
    assert reason(Run(2, STOPPED)).startswith(words)
    assert told(Run(2, STOPPED), 3).endswith("re-run changed 3, then 0")
    assert told(Run(0, ""), 0) == "went on; re-run changed 0, then 0"


def test_the_matrix_shows_what_was_asked_and_what_failed(tmp_path: Path) -> None:
    matrix = Matrix()
    assert matrix.text() == ""
    matrix.add("409", "kserve", "went on | so")
    matrix.add("409", "model", FAILED)
    matrix.write(tmp_path / "output" / "faults.md")
    text = (tmp_path / "output" / "faults.md").read_text()
    assert "| 409 | — | went on / so | — | — | **FAILED** |" in text
