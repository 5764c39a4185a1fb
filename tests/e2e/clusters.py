# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Sandboxes that tests start from: an empty one, and one on which site.yml has run."""

from __future__ import annotations

import hashlib
import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from tests.e2e.site.playbooks import play
from tests.sandbox import snapshot
from tests.sandbox.harness import Sandbox
from tests.sandbox.paths import CHECKOUT

# What a converged cluster is made of: a change here makes the snapshot anew.
INGREDIENTS = ("inventories/sandbox", "playbooks", "plugins", "roles", "tests/sandbox")


@contextmanager
def empty_cluster(name: str) -> Iterator[Sandbox]:
    """A running sandbox with its two nodes and nothing of ours in it."""
    fresh = _fresh(name)
    try:
        fresh.run("up")
        yield fresh
    finally:
        fresh.run("clean")


def converged_cluster(name: str, *options: str) -> AbstractContextManager[Sandbox]:
    """A sandbox on which site.yml has run, restored from a snapshot when there is one.

    `options` are more of the command `up`.
    """
    return cluster_after(name, "converged", _converge, *options)


@contextmanager
def cluster_after(
    name: str, kept: str, work: Callable[[Sandbox], object], *options: str
) -> Iterator[Sandbox]:
    """A sandbox after that work, restored from the snapshot `kept` when nothing changed since."""
    packed = f"{kept}-{_ingredients()}"
    restored = _fresh(name)
    try:
        if snapshot.archive(packed).exists():
            restored.run("up", f"--from-snapshot={packed}", *options)
        else:
            restored.run("up")
            work(restored)
            restored.run("snapshot", packed)
            if options:
                restored.run("down")
                restored.run("up", *options)
        yield restored
    finally:
        restored.run("clean")


def _converge(sandbox: Sandbox) -> None:
    done = play(sandbox.folder, "site")
    assert done.code == 0, f"site.yml failed:\n{done.output[-6000:]}"


def _fresh(name: str) -> Sandbox:
    """A folder without a sandbox; what a killed run left there is removed first."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "")
    sandbox = Sandbox(CHECKOUT / f".sandbox-test-{name}{worker}")
    sandbox.run("clean")
    return sandbox


def _ingredients() -> str:
    """A short hash over every file that a converged cluster depends on."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", *INGREDIENTS],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=True,
    )
    digest = hashlib.sha256()
    for name in sorted(set(listed.stdout.split())):
        path = CHECKOUT / name
        if path.is_file():
            digest.update(name.encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:12]
