# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Is a server called dead only when its pod is Ready a moment later, too?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from ansible_collections.llmd.tpu.plugins.module_utils.diagnosis.looking import World, confirmed
from ansible_collections.llmd.tpu.plugins.module_utils.reader import Question, Reader
from ansible_collections.llmd.tpu.plugins.module_utils.readiness.verdicts import Answer

REFUSED = Answer(False, "HTTP 503: connection refused")
FINE = Answer(True, "HTTP 200")


class Pods(Reader):
    """Answers with one pod for every question, and remembers who was asked for."""

    def __init__(self, pod: dict[str, Any] | None) -> None:
        self.pod = pod
        self.asked: list[str] = []

    def ask(self, questions: Sequence[Question]) -> list[dict[str, Any] | None]:
        self.asked += [f"{one.namespace}/{one.name}" for one in questions]
        return [self.pod for _one in questions]


def pod(ready: str) -> dict[str, Any]:
    return {"status": {"conditions": [{"type": "Ready", "status": ready}]}}


@pytest.mark.parametrize(
    ("later", "dead"), [(pod("True"), True), (pod("False"), False), (None, False)]
)
def test_a_pod_that_is_ready_no_more_had_just_lost_its_server(
    later: dict[str, Any] | None, dead: bool
) -> None:
    pauses: list[float] = []
    reader = Pods(later)
    told = confirmed({"a/x": REFUSED, "a/y": FINE}, reader, World(pause=pauses.append))
    assert ("a/x" in told, told["a/y"]) == (dead, FINE)
    assert reader.asked == ["a/x"]
    assert pauses == [3.0]


def test_nobody_waits_where_all_servers_answer() -> None:
    pauses: list[float] = []
    reader = Pods(None)
    assert confirmed({"a/y": FINE}, reader, World(pause=pauses.append)) == {"a/y": FINE}
    assert (reader.asked, pauses) == ([], [])
