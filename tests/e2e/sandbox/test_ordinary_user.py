# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""An ordinary user needs no privilege, and learns what to do where the system refuses."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.sandbox.test_cluster import eventually_fetched, web
from tests.sandbox import world
from tests.sandbox.errors import SandboxError
from tests.sandbox.harness import Sandbox
from tests.sandbox.paths import CHECKOUT, State, cache_folder

SCRIPT = Path(__file__).with_name("as_nobody.sh")


@pytest.fixture
def home() -> Iterator[Path]:
    """A folder of nobody's, outside of folders that only we may enter."""
    folder = Path("/tmp") / f"sandbox-nobody-{os.getpid()}"
    folder.mkdir()
    shutil.chown(folder, "nobody")
    yield folder
    shutil.rmtree(folder)


def up_as_nobody(folder: Path, home: Path) -> subprocess.CompletedProcess[str]:
    """Start a sandbox as the user nobody, with our cache and our Python to read."""
    own = Path.home()
    needed = {cache_folder(), Path(sys.base_prefix), CHECKOUT}
    shown = [str(each) for each in sorted(needed) if each.is_relative_to(own)]
    command = ["unshare", "--mount", "--propagation=private", "bash", str(SCRIPT), str(own)]
    command += [*shown, "--", "env", f"HOME={home}", f"LLMD_CACHE={cache_folder()}"]
    command += [sys.executable, "-m", "tests.sandbox", "up", f"--dir={folder}"]
    return subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=False)


def test_nobody_runs_a_sandbox_with_pods(
    sandbox: Sandbox, home: Path, request: pytest.FixtureRequest
) -> None:
    if os.geteuid() != 0:
        # Then every test of this suite is the proof.
        request.getfixturevalue("namespace")
        return
    own = Sandbox(home / "sandbox")
    try:
        done = up_as_nobody(own.folder, home)
        assert done.returncode == 0, done.stdout + done.stderr
        first = Path("/proc") / str(world.running(own.state))
        assert first.stat().st_uid == home.stat().st_uid
        own.apply(*web("default", "ClusterIP", {}))
        own.kubectl("wait", "pod/web", "--for=condition=Ready", "--timeout=60s")
        eventually_fetched(own, "default")
    finally:
        own.run("clean")


def test_a_refusal_names_what_to_change(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_flags: int) -> None:
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(world, "_unshare", refuse)
    readable, writable = os.pipe()
    try:
        with pytest.raises(SandboxError) as caught:
            world.start(State(tmp_path), {}, writable)
    finally:
        os.close(readable)
        os.close(writable)
    message = str(caught.value)
    assert "Operation not permitted" in message
    assert "kernel.apparmor_restrict_unprivileged_userns" in message
    assert "kernel.unprivileged_userns_clone" in message
