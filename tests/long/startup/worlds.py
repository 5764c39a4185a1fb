# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The sandbox in which starts fail: GKE's Warden and autoscaler, and nodes for several services."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tests.e2e.clusters import converged_cluster
from tests.e2e.site.playbooks import play
from tests.long.startup.cases import surroundings
from tests.sandbox.harness import Sandbox

HABITS = ("--habit=warden", "--habit=autoscaler")
TPU_NODES = 4


@contextmanager
def crowded_cluster(name: str) -> Iterator[Sandbox]:
    """A converged sandbox with what the cases need beside them."""
    with converged_cluster(name, *HABITS, f"--tpu-nodes={TPU_NODES}") as sandbox:
        serving = play(sandbox.folder, "kserve")  # what comes back has no webhook at first
        assert serving.code == 0, serving.output[-3000:]
        sandbox.apply(*surroundings())
        yield sandbox
