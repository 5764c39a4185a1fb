# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The sandbox's commands: up, down, status, exec, snapshot, clean."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import stat
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.sandbox import build, nodes, pki, snapshot, supervisor, world
from tests.sandbox.api import Api
from tests.sandbox.charts import assemble as charts
from tests.sandbox.errors import SandboxError
from tests.sandbox.nodes import NodeRequest
from tests.sandbox.paths import State
from tests.sandbox.plan import Plan, write_atomically

TOOLS = {
    "ip": "iproute2",
    "nft": "nftables",
    "bwrap": "bubblewrap",
    "mount": "mount",
    "nsenter": "util-linux",
}

Report = Callable[[str], None]


@dataclass(frozen=True)
class Options:
    """What ``up`` can be asked for."""

    tpu_nodes: int | None = None
    """None: one, or as many as the snapshot had."""
    tpu_machine: str = nodes.TPU_MACHINE
    hollow_nodes: int = 0
    habits: tuple[str, ...] = ()
    snapshot: str = ""
    extra: tuple[str, ...] = ()
    """Components on demand."""
    api_port: int = 0
    gateway_port: int = 0


@contextlib.contextmanager
def _locked(state: State) -> Iterator[None]:
    """Let one command at a time change a sandbox."""
    state.root.mkdir(parents=True, exist_ok=True)
    with state.lock.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def description(state: State) -> dict[str, Any]:
    """Return the content of state.json.

    Raises SandboxError when the sandbox does not run.
    """
    try:
        content: dict[str, Any] = json.loads(state.description.read_text())
    except OSError as error:
        raise SandboxError(
            f"There is no sandbox in {state.root}; start one with the command `up`."
        ) from error
    return content


def up(state: State, options: Options, report: Report) -> None:
    """Start a sandbox, or leave a running one as it is.

    Raises SandboxError when it does not come up; then nothing is left running.
    """
    with _locked(state):
        if world.running(state):
            report(f"The sandbox in {state.root} runs already.")
        else:
            _check_tools()
            _start(state, options, report)
    report(f"export KUBECONFIG={state.kubeconfig}")


def _check_tools() -> None:
    path = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
    missing = [package for tool, package in TOOLS.items() if not shutil.which(tool, path=path)]
    if missing:
        raise SandboxError(
            f"Programs of these packages are missing: {', '.join(missing)}."
            f" On Debian and Ubuntu: apt-get install --yes {' '.join(missing)}"
        )


def _start(state: State, options: Options, report: Report) -> None:
    began = time.monotonic()
    built = build.everything(report, options.extra)
    if options.snapshot:
        snapshot.restore(state, options.snapshot)
    pki.make(state)
    _link(state.binaries, built.binaries)
    _link(state.sources, built.sources)
    _request_nodes(state, options)
    Plan(str(built.environment), options.habits, bool(options.snapshot)).write(state)
    listeners = {
        "api": world.listen(options.api_port, "API server"),
        "gateway": world.listen(options.gateway_port, "gateway"),
    }
    ports = {name: listener.getsockname()[1] for name, listener in listeners.items()}
    report(f"starting the sandbox in {state.root}")
    readable, writable = os.pipe()
    pid = world.start(state, listeners, writable)
    os.close(writable)
    for listener in listeners.values():
        listener.close()
    pki.write_kubeconfig(state.kubeconfig, state.pki, "admin", f"https://127.0.0.1:{ports['api']}")
    _describe(state, ports, pid, built.kserve_track)
    try:
        _follow(readable, report)
    except BaseException:
        world.stop(state)
        raise
    report(f"sandbox ready after {time.monotonic() - began:.1f} s")


def _follow(readable: int, report: Report) -> None:
    """Pass progress lines on until the supervisor says how it ended."""
    with os.fdopen(readable) as lines:
        for line in lines:
            if line.strip() == supervisor.READY:
                return
            if line.startswith(supervisor.FAILED):
                reason = line.removeprefix(supervisor.FAILED) + lines.read()
                raise SandboxError(reason.strip())
            report(line.rstrip())
    raise SandboxError("The sandbox ended while it was starting; see log/supervisor.log.")


def _link(folder: Path, targets: Mapping[str, Path]) -> None:
    folder.mkdir(exist_ok=True)
    for old in folder.iterdir():
        old.unlink()
    for name, target in targets.items():
        (folder / name).symlink_to(target)


def _request_nodes(state: State, options: Options) -> None:
    known = nodes.requested(state)
    if options.snapshot and known and options.tpu_nodes is None:
        return
    for name in known:
        (state.node_requests / f"{name}.json").unlink()
    count = 1 if options.tpu_nodes is None else options.tpu_nodes
    wanted = [NodeRequest("cpu", 0, nodes.CPU_MACHINE)]
    wanted += [NodeRequest("tpu", index, options.tpu_machine) for index in range(count)]
    hollow = range(count, count + options.hollow_nodes)
    wanted += [NodeRequest("tpu", index, options.tpu_machine, hollow=True) for index in hollow]
    for each in wanted:
        nodes.request(state, each)


def _describe(state: State, ports: Mapping[str, int], pid: int, kserve_track: str) -> None:
    """Write what inventories, tests and people need to know."""
    content = {
        "kubeconfig": str(state.kubeconfig),
        "api_server": f"127.0.0.1:{ports['api']}",
        "gateway": {"forward": f"127.0.0.1:{ports['gateway']}"},
        "pid": pid,
        "nodes": sorted(nodes.requested(state)),
        "sources": _source_paths(state),
        "kserve_track": kserve_track,
        "audit_log": str(state.audit_log),
        "log": str(state.log),
    }
    write_atomically(state.description, json.dumps(content, indent=2) + "\n")


def _source_paths(state: State) -> dict[str, str]:
    """Assemble the charts and return what the collection installs from, by the roles' words."""
    links = state.sources
    contents = {"istio": links / "istio", "cert_manager": links / "cert-manager"}
    old_istio = links / "istio-1.26"
    if old_istio.exists():
        contents["istio-1.26"] = old_istio
    assembled = charts.assemble(state.root, contents)
    paths = {
        "kserve": links / "kserve",
        "gateway_api_crds": links / "gateway-api" / "config" / "crd" / "standard",
        "inference_extension_crds": links / "inference-extension" / "config" / "crd",
        **assembled,
    }
    return {name: str(path) for name, path in paths.items()}


def down(state: State, report: Report) -> None:
    """Stop a sandbox; its data stay, and the next ``up`` continues from them."""
    if not state.root.is_dir():
        report(f"There is no sandbox in {state.root}.")
        return
    with _locked(state):
        ran = world.stop(state)
        # Inventories know by it that a sandbox runs.
        state.description.unlink(missing_ok=True)
    report(f"The sandbox in {state.root} is {'stopped' if ran else 'not running'}.")


def clean(state: State, report: Report) -> None:
    """Stop a sandbox and remove its folder.

    Raises SandboxError for a folder that is not a sandbox's.
    """
    if not state.root.is_dir():
        return
    if any(state.root.iterdir()) and not state.lock.exists():
        raise SandboxError(f"{state.root} was not made by this command: it has no file 'lock'.")
    down(state, report)
    _remove(state.root)


def _remove(folder: Path) -> None:
    """Remove a tree although pods may have taken their own write permission away."""
    for parent, _folders, _files in os.walk(folder):
        os.chmod(parent, stat.S_IRWXU)
    shutil.rmtree(folder)


def api(state: State) -> Api:
    """Return the administrator's access to a sandbox from the host."""
    return Api(f"https://{description(state)['api_server']}", state.pki)


def status(state: State, report: Report) -> bool:
    """Say whether a sandbox runs and what it answers."""
    pid = world.running(state)
    if pid is None:
        report(f"The sandbox in {state.root} does not run.")
        return False
    content = description(state)
    ready = api(state).is_ready()
    report(f"running, first process {pid}, state {state.root}")
    report(f"API server https://{content['api_server']} {'ready' if ready else 'NOT READY'}")
    report(f"nodes ready: {', '.join(sorted(api(state).ready_nodes())) or 'none'}")
    report(f"gateway reached through {content['gateway']['forward']}")
    report(f"export KUBECONFIG={content['kubeconfig']}")
    return ready


def run_inside(state: State, command: Sequence[str]) -> list[str]:
    """Return the command line that runs `command` inside a running sandbox.

    Raises SandboxError when it does not run.
    """
    pid = world.running(state)
    if pid is None:
        raise SandboxError(f"The sandbox in {state.root} does not run; start it with `up`.")
    return world.command_inside(pid, command)
