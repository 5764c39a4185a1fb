# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.e2e.apply.control_plane import ControlPlane, running
from tests.sandbox import build


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """An API server alone: what its objects say is what the test writes, when it writes it."""
    binaries = build.everything(print).binaries
    with running(tmp_path_factory.mktemp("plane"), binaries) as plane:
        yield plane
