# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The world: the user, network, mount and process namespaces that hold a sandbox.

An ordinary user may make them (user_namespaces(7)); then one id is mapped and everything inside
runs as that user. Root maps the ids 0-65535, so that volumes can be given to other users.
When the world's first process ends, the kernel ends all the others and its network and mounts
go with them (pid_namespaces(7)).
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import socket
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.sandbox.errors import SandboxError
from tests.sandbox.paths import CHECKOUT, State, cache_folder

# From linux/sched.h; os.unshare came with Python 3.12.
CLONE_NEWNS = 0x00020000
CLONE_NEWUTS = 0x04000000
CLONE_NEWIPC = 0x08000000
CLONE_NEWUSER = 0x10000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000
EVERYTHING = CLONE_NEWUSER | CLONE_NEWNET | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS
MAPPED_IDS = 65536
# The only variables that programs inside get: a password in the caller's environment stays out.
KEPT_VARIABLES = ("HOME", "LANG", "LC_ALL", "PATH", "TZ", "LLMD_CACHE")
SYSTEM_FOLDERS = ("/usr/local/sbin", "/usr/sbin", "/sbin")

REFUSED = (
    "This system refuses user namespaces ({error}), and the sandbox lives in one. Look at"
    " `sysctl kernel.apparmor_restrict_unprivileged_userns kernel.unprivileged_userns_clone"
    " user.max_user_namespaces`: allow them with"
    " `sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0` (Ubuntu 23.10 and later) or"
    " `sudo sysctl -w kernel.unprivileged_userns_clone=1` (Debian), or run as root."
    " In a container the runtime must allow them too."
)


def listen(port: int, purpose: str) -> socket.socket:
    """Open a listening socket on 127.0.0.1 of the host; port 0 takes a free one.

    Raises SandboxError when the port is taken.
    """
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", port))
    except OSError as error:
        raise SandboxError(
            f"Port {port} of 127.0.0.1 ({purpose}) cannot be opened: {error.strerror}."
            " Give another one or none, then a free one is chosen."
        ) from error
    listener.listen(128)
    return listener


def _unshare(flags: int) -> None:
    library = ctypes.CDLL(None, use_errno=True)
    if library.unshare(flags) != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))


def _map_ids(pid: int) -> None:
    process = Path("/proc") / str(pid)
    if os.geteuid() == 0:
        for kind in ("uid_map", "gid_map"):
            (process / kind).write_text(f"0 0 {MAPPED_IDS}\n")
        return
    (process / "setgroups").write_text("deny")
    (process / "uid_map").write_text(f"0 {os.geteuid()} 1\n")
    (process / "gid_map").write_text(f"0 {os.getegid()} 1\n")


def _environment(source: Mapping[str, str]) -> dict[str, str]:
    kept = {name: source[name] for name in KEPT_VARIABLES if name in source}
    folders = kept.get("PATH", "/usr/local/bin:/usr/bin:/bin").split(":")
    kept["PATH"] = ":".join(folders + [each for each in SYSTEM_FOLDERS if each not in folders])
    kept["LLMD_CACHE"] = str(cache_folder())
    return kept


def start(state: State, listeners: Mapping[str, socket.socket], progress: int) -> int:
    """Start the world's first process and return its id on the host.

    `progress` is the writing end of a pipe that gets lines for the user.
    Raises SandboxError when the kernel refuses the namespaces.
    """
    from_child, to_parent = os.pipe()
    mapped, tell_mapped = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.close(from_child)
            os.close(tell_mapped)
            _enter_world(state, listeners, progress, mapped, to_parent)
        finally:
            os._exit(1)
    os.close(to_parent)
    os.close(mapped)
    with os.fdopen(from_child) as answers, os.fdopen(tell_mapped, "wb") as answer_mapped:
        first = answers.readline().strip()
        if first != "unshared":
            os.waitpid(child, 0)
            raise SandboxError(REFUSED.format(error=first or "no answer"))
        try:
            _map_ids(child)
        except OSError as error:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            raise SandboxError(REFUSED.format(error=error)) from error
        answer_mapped.write(b"x")
        answer_mapped.flush()
        pid = int(answers.readline())
    os.waitpid(child, 0)
    state.process.write_text(json.dumps({"pid": pid, "started": _start_time(pid)}))
    return pid


def _enter_world(
    state: State,
    listeners: Mapping[str, socket.socket],
    progress: int,
    mapped: int,
    to_parent: int,
) -> None:
    """Run in the forked child: make the namespaces, become the world's first process."""
    os.setsid()
    try:
        if os.geteuid() == 0:
            os.setgroups([])
        _unshare(EVERYTHING)
    except OSError as error:
        os.write(to_parent, f"{error.strerror}\n".encode())
        return
    os.write(to_parent, b"unshared\n")
    os.read(mapped, 1)
    first = os.fork()
    if first:
        os.write(to_parent, f"{first}\n".encode())
        os._exit(0)
    os.close(to_parent)
    arguments = [sys.executable, "-m", "tests.sandbox.inside", str(state.root), str(progress)]
    for name, listener in listeners.items():
        os.set_inheritable(listener.fileno(), True)
        arguments.append(f"{name}={listener.fileno()}")
    os.set_inheritable(progress, True)
    state.log.mkdir(exist_ok=True)
    log = os.open(state.log / "supervisor.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    null = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((null, 0), (log, 1), (log, 2)):
        os.dup2(source, target)
    os.chdir(CHECKOUT)
    os.execve(sys.executable, arguments, _environment(os.environ))


def _start_time(pid: int) -> str:
    """Clock ticks since boot at which a process started: tells a re-used id apart (proc(5))."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[19]
    except OSError:
        return ""


def _is_dead(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] in "ZX"
    except OSError:
        return True


def running(state: State) -> int | None:
    """Return the id of the world's first process, or None when the sandbox does not run."""
    try:
        record = json.loads(state.process.read_text())
    except (OSError, ValueError):
        return None
    pid = int(record["pid"])
    return pid if not _is_dead(pid) and _start_time(pid) == record["started"] else None


def stop(state: State) -> bool:
    """End the world and wait for its end; say whether it ran."""
    pid = running(state)
    if pid is not None:
        os.kill(pid, signal.SIGKILL)
        deadline = time.monotonic() + 30
        while not _is_dead(pid):
            if time.monotonic() > deadline:
                raise SandboxError(f"Process {pid} does not end within 30 s after SIGKILL.")
            time.sleep(0.05)
    state.process.unlink(missing_ok=True)
    return pid is not None


def command_inside(pid: int, command: Sequence[str]) -> list[str]:
    """Return the command line that runs `command` inside the world of `pid`."""
    namespaces = ("--user", "--net", "--mount", "--pid", "--ipc", "--uts")
    return [
        "nsenter",
        f"--target={pid}",
        *namespaces,
        "--preserve-credentials",
        "--",
        *command,
    ]
