# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A snapshot brings a cluster back: objects, certificates, addresses, running pods."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.patience import eventually
from tests.e2e.sandbox.test_cluster import eventually_fetched, web
from tests.sandbox.harness import Sandbox

RESTORED_WITHIN = 15.0


@pytest.fixture
def other(tmp_path: Path) -> Iterator[Sandbox]:
    second = Sandbox(tmp_path / "second")
    yield second
    second.run("clean")


def address_and_container(sandbox: Sandbox, namespace: str) -> tuple[str, str]:
    """What the kubelet says of the pod: its address, empty while there is none, its container."""
    status = sandbox.get("pod", "web", f"-n={namespace}")["status"]
    return status.get("podIP", ""), status["containerStatuses"][0].get("containerID", "")


def test_a_restored_pod_runs_again_on_its_address(
    sandbox: Sandbox, namespace: str, other: Sandbox, tmp_path: Path
) -> None:
    sandbox.apply(*web(namespace, "ClusterIP", {}))
    ready = ["wait", "pod/web", f"-n={namespace}", "--for=condition=Ready", "--timeout=30s"]
    sandbox.kubectl(*ready)
    address, container = address_and_container(sandbox, namespace)
    archive = tmp_path / "packed.tar.gz"
    sandbox.run("snapshot", str(archive))
    assert archive.stat().st_mode & 0o077 == 0, "keys are inside"
    assert sandbox.api.is_ready()
    # Taken while the first goes on: the second must not see what comes later.
    sandbox.kubectl("create", "configmap", "later", f"-n={namespace}")

    began = time.monotonic()
    other.run("up", f"--from-snapshot={archive}")
    assert time.monotonic() - began < RESTORED_WITHIN
    assert "NotFound" in other.kubectl("get", "configmap", "later", f"-n={namespace}", check=False)
    eventually_fetched(other, namespace)

    def run_again() -> str:
        # Until the kubelet has told of the new container, the status is the one in the snapshot,
        # or one between the two: without an address.
        now, new = address_and_container(other, namespace)
        return now if new not in ("", container) else ""

    assert eventually(run_again, "the pod runs again") == address


def test_a_snapshot_does_not_overwrite_data(
    sandbox: Sandbox, other: Sandbox, tmp_path: Path
) -> None:
    archive = tmp_path / "packed.tar.gz"
    sandbox.run("snapshot", str(archive))
    other.run("up")
    other.run("down")
    output = other.run("up", f"--from-snapshot={archive}", check=False)
    assert "has data already" in output
