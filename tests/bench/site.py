# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""P1b, P2, P3: a phase and the whole site, beside the guide's own commands."""

from __future__ import annotations

import time
from collections.abc import Iterator

from tests.bench import clusters, guide, plays
from tests.bench.figures import Figure, above, against, alone
from tests.sandbox.harness import Sandbox

CONTENDER = "shell"


def first_kserve(runs: int) -> Iterator[Figure]:
    """P1b: phase kserve on a cluster that has the operators, each time a new one."""
    ours, theirs = [], []
    for _run in range(runs):
        with clusters.with_operators() as sandbox:
            ours.append(sum(task.seconds for task in plays.playbook("kserve", sandbox.folder)))
        with clusters.with_operators() as sandbox:
            theirs.append(guide.run(sandbox, "kserve"))
    yield against("P1b", "first apply of KServe, in order", CONTENDER, ours, theirs, 1.0)


def unchanged_site(runs: int) -> Iterator[Figure]:
    """P2: everything is there. Two clusters, so that nobody's spelling changes the other's."""
    ours, theirs, changed = [], [], 0
    with clusters.converged() as sandbox, clusters.by_the_guide() as other:
        _timed_site(sandbox)  # after a restart the pods come back while these two run
        guide.run(other)
        start = sandbox.position()
        for _run in range(runs):
            seconds, tasks = _timed_site(sandbox)
            ours.append(seconds)
            changed += sum(bool(task.result.get("changed")) for task in tasks)
            theirs.append(guide.run(other))
        writes = [each for each in sandbox.requests_by("llmd.tpu/", start) if each.is_write]
    yield against("P2", "no-op site.yml", CONTENDER, ours, theirs, 0.8)
    yield alone("P2", "no-op site.yml: changed", runs, changed, "tasks", 0)
    yield alone("P2", "no-op site.yml: writes", runs, len(writes), "in the audit log", 0)


def first_site(runs: int) -> Iterator[Figure]:
    """P3: nothing is there, each time a new cluster."""
    ours, theirs = [], []
    for _run in range(runs):
        with clusters.empty() as sandbox:
            theirs.append(guide.run(sandbox))
        with clusters.empty() as sandbox:
            ours.append(_timed_site(sandbox)[0])
    yield above("P3", "first site.yml", CONTENDER, ours, theirs, 20)


def _timed_site(sandbox: Sandbox) -> tuple[float, list[plays.Task]]:
    """site.yml from the command to its end, and its tasks."""
    began = time.monotonic()
    tasks = plays.playbook("site", sandbox.folder)
    return time.monotonic() - began, tasks
