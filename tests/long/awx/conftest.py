# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

from pathlib import Path

import pytest

from tests.long.awx.launching import Launcher
from tests.sandbox.harness import Sandbox


@pytest.fixture(scope="session")
def jobs(converged: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Launcher:
    """Job templates, ready to run on a sandbox on which site.yml has run."""
    folder: Path = tmp_path_factory.mktemp("jobs")
    return Launcher(converged, folder)
