# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import secrets
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e import aftermath
from tests.e2e.clusters import converged_cluster, empty_cluster
from tests.sandbox.harness import Sandbox

HERE = Path(__file__).parent


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep a folder together where tests run side by side: they share its sandbox, in order."""
    for item in items:
        if item.path.is_relative_to(HERE):
            folder = item.path.relative_to(HERE).parts[0]
            item.add_marker(pytest.mark.xdist_group(folder))


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
    """A sandbox on which site.yml has run, for tests that leave it so."""
    with converged_cluster("converged") as restored:
        yield restored
