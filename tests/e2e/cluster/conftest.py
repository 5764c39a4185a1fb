# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.google.google import Google
from tests.google.server import Server, serving


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """Google's APIs behind TLS; with each request a minute goes by."""
    with serving(Google(each_request=60), tmp_path / "google") as running:
        yield running
