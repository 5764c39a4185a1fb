# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.apply.conftest import built, plane  # noqa: F401 - fixtures
from tests.e2e.apply.control_plane import ControlPlane
from tests.e2e.faults.proxy import Proxy, plane_upstream, running


@pytest.fixture(scope="session")
def way(plane: ControlPlane) -> Iterator[Proxy]:  # noqa: F811
    """The proxy in front of the bare control plane."""
    with running(plane_upstream(plane.url, plane.folder / "pki" / "apiserver.crt")) as proxy:
        yield proxy


@pytest.fixture(scope="session")
def faulty(plane: ControlPlane, way: Proxy, tmp_path_factory: pytest.TempPathFactory) -> Path:  # noqa: F811
    """A kubeconfig of the bare control plane that leads through the proxy."""
    return way.kubeconfig(plane.kubeconfig, tmp_path_factory.mktemp("faulty") / "kubeconfig")
