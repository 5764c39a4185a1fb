# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.apply.control_plane import ControlPlane, running
from tests.sandbox import build


@pytest.fixture(scope="session")
def built() -> build.Built:
    return build.everything(print)


@pytest.fixture(scope="session")
def plane(built: build.Built, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    with running(tmp_path_factory.mktemp("plane"), built.binaries, controllers=True) as plane:
        yield plane


@pytest.fixture(scope="session")
def overlay(built: build.Built, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """KServe's real overlay, rendered."""
    kubectl = Path(sys.executable).with_name("kubectl")
    source = built.sources["kserve"] / "config" / "overlays" / "odh-xks"
    command = [str(kubectl), "kustomize", "--load-restrictor=LoadRestrictionsNone", str(source)]
    done = subprocess.run(command, capture_output=True, check=True)
    file = tmp_path_factory.mktemp("overlay") / "kserve.yaml"
    file.write_bytes(done.stdout)
    return file
