# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import secrets
from collections.abc import Generator, Iterator
from typing import Any

import pytest
from xdist.remote import Producer
from xdist.scheduler.loadscope import LoadScopeScheduling

from tests.e2e import aftermath
from tests.e2e.clusters import converged_cluster, empty_cluster
from tests.e2e.site.playbooks import play
from tests.sandbox.harness import Sandbox

ROWS = {
    "bundle": "phases",
    "diagnosis": "converged",
    "metrics": "phases",
    "report": "converged",
    "site": "converged",
    "smoke": "converged",
    "test_site_under_faults.py": "phases",
}
"""Folders, and a file, that run in a row on one worker: those of a row use the same sandboxes,
which take half a minute to restore, and the two rows take about as long."""


class SandboxScheduling(LoadScopeScheduling):  # type: ignore[misc]  # it carries no types
    """Where tests run side by side, what shares a sandbox runs on one worker, in order."""

    def _split_scope(self, nodeid: str) -> str:
        folder, *names = nodeid.partition("::")[0].removeprefix("tests/e2e/").split("/")
        return next((ROWS[name] for name in (folder, *names) if name in ROWS), folder)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> SandboxScheduling:
    """Schedule the tests of this folder by their sandboxes."""
    return SandboxScheduling(config, log)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add to a failure what its sandboxes look like."""
    report = yield
    if report.failed:
        given: dict[str, Any] = getattr(item, "funcargs", {})
        for name, value in given.items():
            if isinstance(value, Sandbox):
                report.sections.append((f"sandbox of fixture {name}", aftermath.told(value)))
    return report


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Sandbox]:
    """A running sandbox with its two nodes and nothing of ours in it."""
    with empty_cluster("empty") as fresh:
        yield fresh


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


@pytest.fixture(scope="session")
def converged() -> Iterator[Sandbox]:
    """A sandbox on which site.yml has run, for tests that leave it so.

    It runs once more, as what a restored sandbox says at first is what its snapshot knew.
    """
    with converged_cluster("converged") as restored:
        again = play(restored.folder, "site")
        assert again.code == 0, again.output[-4000:]
        yield restored
