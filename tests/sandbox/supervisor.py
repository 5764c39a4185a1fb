# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The order in which a sandbox comes up, and what keeps it up afterwards."""

from __future__ import annotations

import asyncio
import contextlib
import math
import os
import subprocess
import sys
import time
import traceback
from collections.abc import Mapping
from pathlib import Path

from tests.sandbox import addresses, control_plane, forward, nodes
from tests.sandbox.api import Api
from tests.sandbox.cloud import marks
from tests.sandbox.errors import SandboxError
from tests.sandbox.paths import SANDBOX_SOURCES, State
from tests.sandbox.plan import Plan
from tests.sandbox.processes import Processes, Program

MANIFESTS = SANDBOX_SOURCES / "manifests"
HABITS_WITHIN = 180.0
NODES_READY_WITHIN = 180.0
POLL = 1.0
# Last lines on the progress pipe; anything before them is for the user.
READY = "ready"
FAILED = "failed: "


class Supervisor:
    """Brings one sandbox up and keeps it up."""

    def __init__(self, state: State, progress: int) -> None:
        """Write progress lines to the pipe `progress`."""
        self._state = state
        self._plan = Plan.read(state)
        self._progress = progress
        # Kubernetes writes whole seconds.
        self._began = math.floor(time.time())
        self._api = Api(addresses.API_SERVER_URL, state.pki, timeout=30.0)
        self._processes = Processes(state.log, state.pids, self.report)

    def report(self, line: str) -> None:
        """Tell the user, who may have gone away."""
        print(line, flush=True)
        with contextlib.suppress(OSError):
            os.write(self._progress, f"{line}\n".encode())

    async def bring_up(self, listeners: Mapping[str, int]) -> None:
        """Start everything; return when the API answers and every node is ready."""
        await forward.forward(listeners["api"], self._api_target)
        await forward.forward(listeners["gateway"], self._gateway_target)
        state = self._state
        await self._processes.start(control_plane.etcd(state))
        await self._processes.start(control_plane.api_server(state, self._api))
        if self._plan.restored:
            await asyncio.to_thread(self._drop_leases)
        for program in (control_plane.controller_manager(state), control_plane.scheduler(state)):
            self._processes.launch(program)
        self._launch_companions()
        await self._run_requested_nodes()
        self._processes.launch(control_plane.proxy(state))
        await asyncio.to_thread(self._apply_manifests)
        await self._wait_for_nodes()
        await self._wait_for_habits()

    async def keep_up(self) -> None:
        """Follow the folder of node requests until the world ends."""
        while True:
            await asyncio.sleep(POLL)
            await self._run_requested_nodes()

    def _launch_companions(self) -> None:
        """Start the model hub and what plays Google Cloud."""
        hub = SANDBOX_SOURCES / "images" / "hub" / "hub.py"
        python = str(Path(self._plan.environment) / "bin" / "python")
        listen = f"--listen={addresses.CONTROL_PLANE}:{addresses.HUB_PORT}"
        self._processes.launch(Program("hub", (python, str(hub), listen)))
        folder = self._state.root / "cloud"
        folder.mkdir(exist_ok=True)
        marks.clear(folder)
        command = [sys.executable, "-m", "tests.sandbox.cloud"]
        command.append(f"--kubeconfig={self._state.pki / 'cloud.kubeconfig'}")
        command.append(f"--state-dir={folder}")
        command += [f"--habit={habit}" for habit in self._plan.habits]
        self._processes.launch(Program("cloud", tuple(command)))

    async def _run_requested_nodes(self) -> None:
        wanted = nodes.requested(self._state)
        running = {each for each in self._processes.names() if each.startswith("sandbox-")}
        for name in wanted.keys() - running:
            # The same address twice is an error, and a restored or restarted node has one.
            with contextlib.suppress(subprocess.CalledProcessError):
                add = ["ip", "addr", "add", f"{nodes.address(wanted[name])}/32", "dev", "lo"]
                subprocess.run(add, check=True, stderr=subprocess.DEVNULL)
            self._processes.launch(nodes.program(self._state, self._plan, wanted[name]))
        for name in running - wanted.keys():
            await self._processes.stop(name)

    def _apply_manifests(self) -> None:
        for path in sorted(MANIFESTS.glob("*.yaml")):
            kubectl = str(Path(sys.executable).with_name("kubectl"))
            command = [kubectl, "apply", "--server-side", "--force-conflicts", f"--filename={path}"]
            command.append(f"--kubeconfig={self._state.inner_kubeconfig}")
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode:
                raise SandboxError(f"{path.name} cannot be applied: {done.stderr.strip()}")

    async def _wait_for_nodes(self) -> None:
        began = time.monotonic()
        wanted = set(nodes.requested(self._state))
        while missing := wanted - await asyncio.to_thread(self._api.ready_nodes, self._began):
            if time.monotonic() - began > NODES_READY_WITHIN:
                raise SandboxError(
                    f"Nodes not Ready after {NODES_READY_WITHIN:.0f} s:"
                    f" {', '.join(sorted(missing))}. See their files in {self._state.log}."
                )
            await asyncio.sleep(0.5)
        self.report(f"  {len(wanted)} nodes … Ready {time.monotonic() - began:.1f} s")

    async def _wait_for_habits(self) -> None:
        began = time.monotonic()
        while missing := marks.missing(self._state.root / "cloud", self._plan.habits):
            if time.monotonic() - began > HABITS_WITHIN:
                raise SandboxError(
                    f"Habits not in place after {HABITS_WITHIN:.0f} s:"
                    f" {', '.join(sorted(missing))}. See cloud.log in {self._state.log}."
                )
            await asyncio.sleep(0.2)

    def _drop_leases(self) -> None:
        """Delete the leases of leaders that ended with the snapshot: nobody waits for them."""
        for lease in self._api.get("/apis/coordination.k8s.io/v1/leases")["items"]:
            metadata = lease["metadata"]
            if metadata["namespace"] == "kube-node-lease":
                continue
            path = f"/namespaces/{metadata['namespace']}/leases/{metadata['name']}"
            with contextlib.suppress(OSError):
                self._api.request("DELETE", f"/apis/coordination.k8s.io/v1{path}")

    async def _api_target(self, _first_bytes: bytes) -> tuple[str, int]:
        return addresses.CONTROL_PLANE, addresses.API_SERVER_PORT

    async def _gateway_target(self, first_bytes: bytes) -> tuple[str, int] | None:
        """Look the gateway up for every connection: it appears late and may change."""
        path = f"/api/v1/services?labelSelector={forward.GATEWAY_LABEL}"
        gateway = forward.find_gateway(await asyncio.to_thread(self._api.get, path))
        return (gateway.address, gateway.port(first_bytes)) if gateway else None


async def _run(supervisor: Supervisor, listeners: Mapping[str, int], progress: int) -> None:
    try:
        await supervisor.bring_up(listeners)
    except SandboxError as error:
        supervisor.report(f"{FAILED}{error}")
        return
    except Exception as error:
        traceback.print_exc()
        supervisor.report(f"{FAILED}{type(error).__name__}: {error}")
        return
    supervisor.report(READY)
    os.close(progress)
    await supervisor.keep_up()


def run(state: State, progress: int, listeners: Mapping[str, str]) -> None:
    """Bring the sandbox up and stay; returns only when that failed."""
    descriptors = {name: int(text) for name, text in listeners.items()}
    asyncio.run(_run(Supervisor(state, progress), descriptors, progress))
