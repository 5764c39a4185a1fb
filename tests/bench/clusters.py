# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Sandboxes to measure on: empty ones, and ones restored from a snapshot of this checkout."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

from tests.bench import guide, plays
from tests.e2e.clusters import cluster_after, converged_cluster, empty_cluster
from tests.sandbox.harness import Sandbox


def empty() -> AbstractContextManager[Sandbox]:
    """A sandbox with nothing of ours in it."""
    return empty_cluster("bench-empty")


def converged() -> AbstractContextManager[Sandbox]:
    """A sandbox on which site.yml has run."""
    return converged_cluster("bench-converged")


@contextmanager
def with_operators() -> Iterator[Sandbox]:
    """A sandbox on which phase operators has run, and nothing else; its webhooks answer."""
    with cluster_after("bench-operators", "operators", _operators) as sandbox:
        _operators(sandbox)  # in a restored sandbox the pods come back after the nodes
        yield sandbox


def by_the_guide() -> AbstractContextManager[Sandbox]:
    """A sandbox on which guide.sh, as it is, has run."""
    version = hashlib.sha256(guide.SCRIPT.read_bytes()).hexdigest()[:6]
    return cluster_after("bench-guide", f"guide-{version}", guide.run)


def _operators(sandbox: Sandbox) -> None:
    plays.playbook("operators", sandbox.folder)
