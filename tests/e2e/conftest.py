# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import hashlib
import os
import secrets
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.sandbox import snapshot
from tests.sandbox.harness import Sandbox
from tests.sandbox.paths import CHECKOUT

# What a converged cluster is made of: a change here makes the snapshot anew.
INGREDIENTS = ("inventories/sandbox", "playbooks", "plugins", "roles", "tests/sandbox")


def _fresh(name: str) -> Sandbox:
    """A folder without a sandbox; what a killed run left there is removed first."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "")
    sandbox = Sandbox(CHECKOUT / f".sandbox-test-{name}{worker}")
    sandbox.run("clean")
    return sandbox


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Sandbox]:
    """A running sandbox with its two nodes and nothing of ours in it."""
    fresh = _fresh("empty")
    try:
        fresh.run("up")
        yield fresh
    finally:
        fresh.run("clean")


@pytest.fixture(scope="session")
def kubeconfig(sandbox: Sandbox) -> str:
    """Path of the administrator's kubeconfig of the empty sandbox."""
    return sandbox.kubeconfig


@pytest.fixture
def namespace(sandbox: Sandbox) -> Iterator[str]:
    """A namespace of this test's own, removed without waiting."""
    name = f"test-{secrets.token_hex(4)}"
    sandbox.kubectl("create", "namespace", name)
    yield name
    sandbox.kubectl("delete", "namespace", name, "--wait=false")


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


def _converge(fresh: Sandbox) -> None:
    """Run the collection's own site.yml against a sandbox."""
    playbook = str(Path(sys.executable).with_name("ansible-playbook"))
    done = subprocess.run(
        [playbook, "playbooks/site.yml", "-i", "inventories/sandbox"],
        cwd=CHECKOUT,
        env={**os.environ, "SANDBOX_DIR": str(fresh.folder)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"site.yml failed:\n{done.stdout[-6000:]}"


@pytest.fixture(scope="session")
def converged() -> Iterator[Sandbox]:
    """A sandbox on which site.yml has run, restored from a snapshot when there is one."""
    name = f"converged-{_ingredients()}"
    restored = _fresh("converged")
    try:
        if snapshot.archive(name).exists():
            restored.run("up", f"--from-snapshot={name}")
        else:
            restored.run("up")
            _converge(restored)
            restored.run("snapshot", name)
        yield restored
    finally:
        restored.run("clean")
