# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Command line of the sandbox: ``python -m tests.sandbox COMMAND``."""

from __future__ import annotations

import argparse
import functools
import os
import sys
from pathlib import Path

from tests.sandbox import build, commands, nodes, snapshot
from tests.sandbox.errors import SandboxError
from tests.sandbox.paths import State, default_state_folder


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.sandbox", description=__doc__)
    where = argparse.ArgumentParser(add_help=False)
    place = where.add_mutually_exclusive_group()
    place.add_argument("--dir", type=Path, help="state folder (default: $SANDBOX_DIR or .sandbox)")
    place.add_argument("--name", help="short for --dir .sandbox-NAME in this checkout")
    commands_ = parser.add_subparsers(dest="command", required=True)

    def add(name: str, description: str) -> argparse.ArgumentParser:
        return commands_.add_parser(name, help=description, parents=[where])

    up = add("up", "start the sandbox; at once when it runs already")
    up.add_argument("--tpu-nodes", type=int, help="number of TPU nodes (default 1)")
    up.add_argument("--tpu-machine", default=nodes.TPU_MACHINE, help="their machine type")
    up.add_argument("--hollow-nodes", type=int, default=0, help="TPU nodes without processes")
    up.add_argument("--habit", action="append", default=[], help="a habit of GKE to switch on")
    up.add_argument("--from-snapshot", default="", metavar="NAME", help="start from a snapshot")
    up.add_argument("--api-port", type=int, default=0, help="port on 127.0.0.1 (default: free)")
    up.add_argument("--gateway-port", type=int, default=0, help="port on 127.0.0.1")
    add("down", "stop the sandbox, keep its data")
    add("status", "say whether it runs and how to reach it")
    inside = add("exec", "run a command inside the sandbox's namespaces")
    inside.add_argument("words", nargs=argparse.REMAINDER, metavar="-- COMMAND")
    pack = add("snapshot", "pack the control plane under a name")
    pack.add_argument("snapshot_name", metavar="NAME", help="a name, or a path with a slash")
    add("clean", "stop the sandbox and remove its folder")
    make = add("build", "build or find every component")
    for each in (up, make):
        each.add_argument(
            "--with",
            dest="extra",
            action="append",
            default=[],
            metavar="COMPONENT",
            help="build a component that is made on demand, such as istio-1.26",
        )
    return parser


def _state(arguments: argparse.Namespace) -> State:
    if arguments.name:
        folder = default_state_folder()
        return State(folder.with_name(f"{folder.name}-{arguments.name}"))
    return State((arguments.dir or default_state_folder()).absolute())


def _run(arguments: argparse.Namespace) -> int:
    report = functools.partial(print, flush=True)
    state = _state(arguments)
    if arguments.command == "up":
        options = commands.Options(
            tpu_nodes=arguments.tpu_nodes,
            tpu_machine=arguments.tpu_machine,
            hollow_nodes=arguments.hollow_nodes,
            habits=tuple(arguments.habit),
            snapshot=arguments.from_snapshot,
            extra=tuple(arguments.extra),
            api_port=arguments.api_port,
            gateway_port=arguments.gateway_port,
        )
        commands.up(state, options, report)
    elif arguments.command == "down":
        commands.down(state, report)
    elif arguments.command == "status":
        return 0 if commands.status(state, report) else 1
    elif arguments.command == "exec":
        words = [word for word in arguments.words if word != "--"] or ["bash"]
        command = commands.run_inside(state, words)
        os.execvp(command[0], command)
    elif arguments.command == "snapshot":
        report(f"snapshot in {snapshot.save(state, arguments.snapshot_name)}")
    elif arguments.command == "clean":
        commands.clean(state, report)
    elif arguments.command == "build":
        build.everything(report, arguments.extra)
    return 0


def main() -> int:
    """Run one command; errors that a user can act on are printed without a traceback."""
    try:
        return _run(_parser().parse_args())
    except SandboxError as error:
        print(f"error: {error}", file=sys.stderr)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
