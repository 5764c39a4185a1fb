# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.e2e.clusters import converged_cluster
from tests.e2e.faults.proxy import running, sandbox_upstream
from tests.e2e.faults.site import Site, Stranger
from tests.long.faults.matrix import MATRIX, REPORT


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A converged sandbox behind the proxy."""
    with converged_cluster("faults") as sandbox:
        upstream = sandbox_upstream(sandbox.description["api_server"], sandbox.state.pki)
        with running(upstream) as proxy:
            file = tmp_path_factory.mktemp("proxy") / "kubeconfig"
            site = Site(sandbox, proxy, proxy.kubeconfig(sandbox.state.kubeconfig, file))
            site.play("site")  # until every pod is back after the restart
            yield site


@pytest.fixture(scope="module")
def stranger(site: Site) -> Stranger:
    """Somebody else on that sandbox."""
    return Stranger(site.sandbox)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the matrix, and write it down."""
    if MATRIX.text():
        MATRIX.write()
        terminalreporter.section("fault matrix")
        terminalreporter.write_line(MATRIX.text())
        terminalreporter.write_line(str(REPORT))
