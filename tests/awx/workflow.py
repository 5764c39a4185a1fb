# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How a controller runs a workflow: which nodes run, and how it ends. Pure.

Source: AWX, `awx/main/scheduler/dag_workflow.py` (commit e21dd0a): a node runs when its parents are
decided and one of them ended as the path to it says; a workflow fails when a node failed that no
failure or always path leads away from.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

Node = Mapping[str, Any]


def _children(node: Node, succeeded: bool) -> list[str]:
    path = "success" if succeeded else "failure"
    return [*node.get(path, []), *node.get("always", [])]


def _parents(nodes: Sequence[Node], name: str) -> Iterator[str]:
    for node in nodes:
        if name in {*_children(node, True), *_children(node, False)}:
            yield node["identifier"]


def run(nodes: Sequence[Node], outcomes: Mapping[str, bool]) -> tuple[list[str], bool]:
    """Which nodes run, in order, and whether the workflow succeeds, if nodes end like that."""
    by_name = {node["identifier"]: node for node in nodes}
    ran: list[str] = []
    skipped: set[str] = set()
    while undecided := [name for name in by_name if name not in ran and name not in skipped]:
        before = len(ran) + len(skipped)
        for name in undecided:
            parents = list(_parents(nodes, name))
            if any(one not in ran and one not in skipped for one in parents):
                continue
            led = [one for one in parents if one in ran]
            if not parents or any(name in _children(by_name[one], outcomes[one]) for one in led):
                ran.append(name)
            else:
                skipped.add(name)
        assert len(ran) + len(skipped) > before, f"{undecided} wait for each other"
    unhandled = [name for name in ran if not outcomes[name] and not _children(by_name[name], False)]
    return ran, not unhandled
