# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Pack a converged control plane, and start another sandbox from it.

A snapshot holds etcd's data, the PKI and the address tables of the nodes: what pods, webhooks and
certificates of a restored cluster must find unchanged. Containers start anew, as after a reboot.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path

from tests.sandbox import world
from tests.sandbox.errors import SandboxError
from tests.sandbox.paths import State, cache_folder

SUFFIX = ".sandbox.tar.gz"
# Speed matters more than size: etcd's data shrink to a tenth already at level 1.
COMPRESSION = 1


def archive(name: str) -> Path:
    """Return where a snapshot is kept; a name with a slash is a path."""
    return Path(name) if "/" in name else cache_folder() / "snapshots" / f"{name}{SUFFIX}"


@contextlib.contextmanager
def _halted(state: State) -> Iterator[None]:
    """Stop etcd's process for a moment, if the sandbox runs.

    Its files are then as after a crash of the process, which etcd recovers from: the
    write-ahead log is in order, since the page cache is what both write and copy see.
    """
    pid = world.running(state)
    if pid is None:
        yield
        return
    etcd = (state.pids / "etcd").read_text()

    def send(number: signal.Signals) -> None:
        command = ["kill", f"-{number.value}", etcd]
        subprocess.run(world.command_inside(pid, command), check=True)

    send(signal.SIGSTOP)
    try:
        yield
    finally:
        send(signal.SIGCONT)


def _parts(state: State) -> list[Path]:
    return [
        state.etcd,
        state.pki,
        state.node_requests,
        *sorted(state.root.glob("node-*/addresses.json")),
    ]


def save(state: State, name: str) -> Path:
    """Pack a sandbox, running or not; return the archive.

    Raises SandboxError when there is nothing to pack.
    """
    if not state.etcd.is_dir():
        raise SandboxError(f"There is no sandbox in {state.root} to take a snapshot of.")
    target = archive(name)
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name}.{os.getpid()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with (
            os.fdopen(descriptor, "wb") as raw,
            tarfile.open(fileobj=raw, mode="w:gz", compresslevel=COMPRESSION) as packed,
            _halted(state),
        ):
            for path in _parts(state):
                packed.add(path, arcname=str(path.relative_to(state.root)))
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)
    return target


def restore(state: State, name: str) -> None:
    """Unpack a snapshot into a sandbox that has no data yet.

    Raises SandboxError when the snapshot does not exist or the sandbox is not new.
    """
    source = archive(name)
    if not source.is_file():
        raise SandboxError(f"There is no snapshot {source}; make one with `snapshot {name}`.")
    if state.etcd.exists():
        raise SandboxError(
            f"{state.root} has data already, which a snapshot would overwrite: use `clean` first."
        )
    with tarfile.open(source) as packed:
        packed.extractall(state.root, filter="data")
