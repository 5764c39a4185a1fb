# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

from pathlib import Path

import pytest

from tests.archive.building import build, install


@pytest.fixture(scope="session")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The archive, built from the files that git knows or would add."""
    return build(tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("archive"))


@pytest.fixture(scope="session")
def installed(archive: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A collections folder that holds nothing but the installed archive."""
    return install(archive, tmp_path_factory.mktemp("collections"))
