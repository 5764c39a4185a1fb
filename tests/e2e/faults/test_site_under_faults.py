# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A phase on the whole sandbox that is killed in the middle; the matrix is in tests/long/faults."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.faults.proxy import Rule, running, sandbox_upstream
from tests.e2e.faults.site import (
    Site,
    Stranger,
    assert_converges,
    killed_at,
)
from tests.sandbox.harness import Sandbox


@pytest.fixture(scope="module")
def site(converged: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    upstream = sandbox_upstream(converged.description["api_server"], converged.state.pki)
    with running(upstream) as proxy:
        file = tmp_path_factory.mktemp("proxy") / "kubeconfig"
        yield Site(converged, proxy, proxy.kubeconfig(converged.state.kubeconfig, file))


def test_a_run_is_killed_with_its_forks(site: Site, tmp_path: Path) -> None:
    stranger = Stranger(site.sandbox)
    before, theirs = site.inventory(), stranger.property()
    site.disturb("namespace")
    run = killed_at(
        site,
        "namespace",
        tmp_path / "log",
        lambda kill: Rule("drop", "PATCH", first=2, action=kill),
    )
    assert "Traceback" not in run.output
    assert assert_converges(site, "namespace") > 0
    assert site.inventory() == before
    assert stranger.property() == theirs
