# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Are TPU chips counted, and Google's quota compared with them?"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.llmd.tpu.plugins.module_utils.preflight.chips import (
    check_nodes,
    check_quota,
)
from ansible_collections.llmd.tpu.plugins.module_utils.preflight.google_quota import (
    NotAsked,
    access_token,
    ask_quota,
)
from ansible_collections.llmd.tpu.plugins.module_utils.preflight.plan import Slice, together
from ansible_collections.llmd.tpu.plugins.module_utils.smoke.exchange import (
    Failure,
    Outcome,
    Reply,
    Request,
)
from ansible_collections.llmd.tpu.plugins.module_utils.tpu.chips import Project, TpuNode

WANTED = Slice("tpu-v6e-slice", "2x2", 4, 1)
GKE = Project("acme", "europe-west4")


def node(used: int = 0, topology: str = "2x2", ready: bool = True) -> TpuNode:
    """A machine of four v6e chips."""
    return TpuNode("tpu-0", "pool", "tpu-v6e-slice", topology, 4, used, ready)


@pytest.mark.parametrize(
    ("nodes", "project", "code"),
    [
        ([node()], GKE, None),
        ([node(used=4)], GKE, "TPU-NODES-FULL"),
        ([node(ready=False)], GKE, "TPU-NODES-FULL"),
        ([node(topology="2x4")], GKE, "TPU-NODES-ADDABLE-UNKNOWN"),
        ([], GKE, "TPU-NODES-ADDABLE-UNKNOWN"),
        ([], None, "TPU-NODES-MISSING"),
    ],
)
def test_nodes(nodes: list[TpuNode], project: Project | None, code: str | None) -> None:
    assert [one.code for one in check_nodes(WANTED, nodes, project)] == ([code] if code else [])


def quota(chips: str, **dimensions: str) -> dict[str, Any]:
    """An answer with one entry."""
    return {"dimensionsInfos": [{"dimensions": dimensions, "details": {"value": chips}}]}


@pytest.mark.parametrize(
    ("answer", "nodes", "code"),
    [
        (quota("8", region="europe-west4", tpu_family="CT6E"), [node(used=4)], None),
        (quota("4", region="europe-west4", tpu_family="CT6E"), [node(used=4)], "TOO-SMALL"),
        (quota("4", region="europe-west4", tpu_family="CT6E"), [node()], None),
        (quota("0"), [], "TOO-SMALL"),
        (quota("8", region="us-east5", tpu_family="CT6E"), [], "NOT-ASKED"),
        (quota("8", region="europe-west4", tpu_family="CT5LP"), [], "NOT-ASKED"),
        (None, [], "NOT-ASKED"),
    ],
)
def test_quota(answer: dict[str, Any] | None, nodes: list[TpuNode], code: str | None) -> None:
    findings = check_quota(WANTED, nodes, GKE, answer, "not asked: no credentials")
    assert [one.code for one in findings] == ([f"TPU-QUOTA-{code}"] if code else [])


def test_a_generation_without_a_known_quota_is_not_asked() -> None:
    wanted = Slice("tpu-v5p-slice", "2x2x1", 4, 1)
    (finding,) = check_quota(wanted, [], GKE, quota("8"), "")
    assert finding.code == "TPU-QUOTA-NOT-ASKED"


def test_without_credentials_google_is_not_asked(tmp_path: Path) -> None:
    missing = {"GOOGLE_APPLICATION_CREDENTIALS": str(tmp_path / "none.json")}
    with pytest.raises(NotAsked, match="not asked: no Google credentials"):
        access_token(missing)


def test_credentials_that_cannot_be_used_are_named_without_their_content(tmp_path: Path) -> None:
    file = tmp_path / "key.json"
    file.write_text('{"type": "nonsense", "private_key": "hunter2"}')
    with pytest.raises(NotAsked) as problem:
        access_token({"GOOGLE_APPLICATION_CREDENTIALS": str(file)})
    assert "hunter2" not in str(problem.value)


def test_google_is_asked_with_the_token() -> None:
    sent: list[Request] = []

    def send(request: Request) -> Outcome:
        sent.append(request)
        return Reply(200, {}, json.dumps(quota("8")).encode(), 0.1)

    assert ask_quota("acme", send, lambda: "t0ken") == quota("8")
    assert sent[0].url.startswith("https://cloudquotas.googleapis.com/v1/projects/acme/")
    assert sent[0].headers["Authorization"] == "Bearer t0ken"


@pytest.mark.parametrize(
    "outcome",
    [Reply(403, {}, b"no", 0.1), Reply(200, {}, b"no", 0.1), Failure("dns", "no", 0.1, "g:443")],
)
def test_google_that_does_not_answer(outcome: Outcome) -> None:
    with pytest.raises(NotAsked, match="not answered"):
        ask_quota("acme", lambda _request: outcome, lambda: "t0ken")


def test_services_that_want_the_same_nodes_are_counted_together() -> None:
    other = Slice("tpu-v6e-slice", "2x4", 8, 1, "big", "team")
    slices = [Slice("tpu-v6e-slice", "2x2", 4, 2, "a", "team"), other, WANTED]
    assert together(slices) == [
        Slice("tpu-v6e-slice", "2x2", 4, 3),
        Slice("tpu-v6e-slice", "2x4", 8, 1),
    ]
