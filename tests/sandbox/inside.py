# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The world's first process: mounts, network, then the supervisor, whose end it waits for.

Run by world.py as ``python -m tests.sandbox.inside STATE PROGRESS NAME=DESCRIPTOR…``.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

from tests.sandbox import addresses
from tests.sandbox.paths import SHORT_STATE, State

HOST_NAME = "sandbox"
RESOLVER = f"nameserver {addresses.DNS}\nsearch svc.cluster.local cluster.local\n"
# A private /run shows nothing of the host's.
MOUNTS = (
    ("--make-rprivate", "/"),
    ("-t", "proc", "proc", "/proc"),
    ("-t", "tmpfs", "-o", "mode=755", "tmpfs", "/run"),
)
# Node addresses sit on lo, since not every kernel has dummy devices.
# Programs here talk to cluster addresses without a default route: the two routes only give
# packets a way out of the local output hook, where kube-proxy rewrites the destination.
NETWORK = f"""
link set lo up
link add cni0 type bridge
addr add {addresses.POD_GATEWAY} dev cni0
link set cni0 up
addr add {addresses.CONTROL_PLANE}/32 dev lo
route add {addresses.SERVICES} dev cni0 src {addresses.CONTROL_PLANE}
route add {addresses.LOAD_BALANCERS} dev cni0 src {addresses.CONTROL_PLANE}
"""


def _set_up_mounts(state: State) -> None:
    for arguments in MOUNTS:
        subprocess.run(["mount", "-n", *arguments], check=True)
    SHORT_STATE.mkdir()
    subprocess.run(["mount", "-n", "--bind", str(state.root), str(SHORT_STATE)], check=True)
    resolver = Path("/run/resolv.conf")
    resolver.write_text(RESOLVER)
    # On many systems /etc/resolv.conf is a link into /run, which is empty now.
    target = Path("/etc/resolv.conf").resolve()
    if target.is_relative_to("/run"):
        target.parent.mkdir(parents=True, exist_ok=True)
        target.touch()
    subprocess.run(["mount", "-n", "--bind", str(resolver), str(target)], check=True)


def _set_up_network() -> None:
    Path("/proc/sys/net/ipv4/ip_forward").write_text("1")
    subprocess.run(["ip", "-batch", "-"], input=NETWORK, text=True, check=True)


def _wait_for(child: int) -> int:
    """Collect every process that ends, as a first process must, until `child` has ended."""
    while True:
        pid, status = os.wait()
        if pid == child:
            return os.waitstatus_to_exitcode(status)


def main(arguments: list[str]) -> int:
    """Set the world up and run the supervisor in a child."""
    state = State(Path(arguments[0]))
    progress = int(arguments[1])
    socket.sethostname(HOST_NAME)
    try:
        _set_up_mounts(state)
        _set_up_network()
    except (OSError, subprocess.CalledProcessError) as error:
        os.write(progress, f"failed: the world cannot be set up: {error}\n".encode())
        return 1
    child = os.fork()
    if child == 0:
        from tests.sandbox import supervisor

        supervisor.run(state, progress, dict(each.split("=") for each in arguments[2:]))
        os._exit(0)
    os.close(progress)
    return _wait_for(child)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
