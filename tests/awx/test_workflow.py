# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The workflow ends as it should, however its jobs end."""

from __future__ import annotations

from itertools import product

import pytest

from tests.awx.data import variables
from tests.awx.workflow import run

DATA = variables()
NODES = DATA["awx_workflow"]["nodes"]
NAMES = [node["identifier"] for node in NODES]
EVERYTHING = dict.fromkeys(NAMES, True)


@pytest.mark.parametrize(
    ("failed", "ran", "succeeds"),
    [
        ([], ["preflight", "approval", "site", "verify"], True),
        (["preflight"], ["preflight"], False),
        (["approval"], ["preflight", "approval"], False),
        (["site", "explain"], ["preflight", "approval", "site", "explain"], False),
        (["verify", "explain"], ["preflight", "approval", "site", "verify", "explain"], False),
    ],
)
def test_the_workflow(failed: list[str], ran: list[str], succeeds: bool) -> None:
    assert run(NODES, {**EVERYTHING, **dict.fromkeys(failed, False)}) == (ran, succeeds)


@pytest.mark.parametrize("ends", list(product([True, False], repeat=len(NAMES))))
def test_whatever_happens(ends: tuple[bool, ...]) -> None:
    # What explains a failure fails by itself (tests/long/awx runs it).
    outcomes = {**dict(zip(NAMES, ends, strict=True)), "explain": False}
    ran, succeeds = run(NODES, outcomes)
    good = [name for name in ran if outcomes[name]]
    assert succeeds == (len(good) == len(ran))
    assert ("site" in ran) == ({"preflight", "approval"} <= set(good))
    assert ("verify" in ran) == ("site" in good)
    assert ("explain" in ran) == bool({"site", "verify"} & (set(ran) - set(good)))


def test_a_success_after_a_failure_would_hide_it() -> None:
    """Why the last node fails although its diagnosis went well."""
    assert run(NODES, {**EVERYTHING, "site": False})[1] is True


def test_every_node_has_a_job_template_or_is_an_approval() -> None:
    names = {one["name"] for one in DATA["awx_job_templates"]}
    for node in NODES:
        assert ("approval" in node) != (node.get("template") in names), node


def test_a_node_comes_before_those_it_leads_to() -> None:
    for place, node in enumerate(NODES):
        for path in ("success", "failure", "always"):
            assert all(NAMES.index(name) > place for name in node.get(path, []))
