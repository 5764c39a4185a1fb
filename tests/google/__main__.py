# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Serve the stand-in until it is ended: ``python -m tests.google --dir FOLDER``.

FOLDER/environment.json then leads Ansible to it; with --sandbox the cluster that it makes is one.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
from pathlib import Path

from tests.google.google import Google
from tests.google.project import Project
from tests.google.sandbox import SandboxMachines
from tests.google.server import serving


def main() -> None:
    """Serve."""
    parser = argparse.ArgumentParser(prog="python -m tests.google", description=__doc__)
    parser.add_argument("--dir", type=Path, required=True, help="folder for keys and environment")
    parser.add_argument("--sandbox", type=Path, help="state folder of the sandbox it makes")
    parser.add_argument("--pace", type=float, default=60.0, help="simulated seconds a request")
    parser.add_argument("--pid", type=Path, help="file for the number of this process")
    arguments = parser.parse_args()
    if arguments.pid:
        arguments.pid.write_text(str(os.getpid()))
    project = Project()
    if arguments.sandbox:
        SandboxMachines(arguments.sandbox.absolute()).give_to(project)
    google = Google(project, each_request=arguments.pace)
    with serving(google, arguments.dir.absolute()) as server:
        (arguments.dir / "environment.json").write_text(json.dumps(server.environment))
        signal.sigwait({signal.SIGINT, signal.SIGTERM})


if __name__ == "__main__":
    main()
