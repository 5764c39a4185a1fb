# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Find or build every component of the sandbox."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Built:
    """Where everything is."""

    binaries: dict[str, Path]
    sources: dict[str, Path]
    environment: Path


def source_folders(links: Path) -> dict[str, Path]:
    """Return the folders that inventories name, by purpose."""
    return {}


def everything(report: Callable[[str], None]) -> Built:
    """Return every component, built when it is missing."""
    ready = Path(os.environ["SANDBOX_BINARIES"])
    return Built({path.name: path for path in ready.iterdir()}, {}, Path("/tmp/sbvenv"))
