# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A first install on which every phase is killed once and loses the API server once."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.e2e.clusters import empty_cluster
from tests.e2e.faults.proxy import Rule, running, sandbox_upstream
from tests.e2e.faults.site import PHASES, Site, assert_words, killed_at
from tests.e2e.site.playbooks import play
from tests.long.faults.matrix import FAILED, MATRIX, told

# The write at which a run dies, and the one of the next run at which the API server does.
DEATHS = {
    "operators": (20, 10),
    "kserve": (12, 6),
    "gateway": (2, 1),
    "namespace": (2, 1),
    "model": (2, 1),
}


@pytest.fixture
def new(tmp_path: Path) -> Iterator[Site]:
    """An empty sandbox behind the proxy."""
    with empty_cluster("faults-first") as sandbox:
        upstream = sandbox_upstream(sandbox.description["api_server"], sandbox.state.pki)
        with running(upstream) as proxy:
            file = proxy.kubeconfig(sandbox.state.kubeconfig, tmp_path / "kubeconfig")
            yield Site(sandbox, proxy, file)


def _at_write(number: int, action: Callable[[], None]) -> Rule:
    return Rule("call", "PATCH", first=number, action=action)


def test_every_phase_is_killed_and_loses_the_api_server(new: Site, tmp_path: Path) -> None:
    fault = "first install: run killed, then API server killed"
    for phase in PHASES:
        MATRIX.add(fault, phase, FAILED)
        run_dies, server_dies = DEATHS[phase]
        log = tmp_path / phase
        killed = killed_at(
            new,
            phase,
            log,
            functools.partial(_at_write, run_dies),
        )
        assert "Traceback" not in killed.output
        death = _at_write(server_dies, new.kill_api_server)
        with new.proxy.under(death):
            run = new.play_through(phase)
            assert death.fired == 1, run.output[-3000:]
        assert_words(run)
        again = new.play(phase)
        assert again.code == 0, again.output[-6000:]
        MATRIX.add(fault, phase, told(run, again.count("changed")))
    site = play(new.sandbox.folder, "site")
    assert site.code == 0, site.output[-6000:]
    assert site.changed_tasks == []
    assert "scheduler: proved" in site.text
