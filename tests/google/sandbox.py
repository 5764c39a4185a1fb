# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The sandbox as the cluster that the stand-in makes."""

from __future__ import annotations

import secrets
import subprocess
import sys
from pathlib import Path

import yaml

from tests.google.project import Project
from tests.sandbox import nodes
from tests.sandbox.paths import State

ROOT = Path(__file__).parents[2]


class SandboxMachines:
    """Starts, resizes and removes one sandbox, as GKE does with a cluster.

    One that is lent runs already, and goes on when the cluster is removed.
    """

    def __init__(self, folder: Path, *, lent: bool = False) -> None:
        self._state = State(folder)
        self._running = False
        self._lent = lent
        self._token = ""

    def give_to(self, project: Project) -> None:
        """Be the project's clusters, and have each login ask for a token that they take."""
        project.machines = self
        project.new_token = self.token
        # Google's tokens are good for clusters that come later; these are not, so they are short.
        project.token_seconds = 1

    def make(self, _name: str) -> dict[str, str]:
        """Start it without a TPU node; give what GKE's API tells of a cluster."""
        self._run("up", "--tpu-nodes", "0")
        self._running = True
        config = yaml.safe_load(Path(self._state.kubeconfig).read_text())
        cluster = config["clusters"][0]["cluster"]
        return {
            "endpoint": cluster["server"].removeprefix("https://"),
            "clusterCaCertificate": cluster["certificate-authority-data"],
        }

    def resize(self, _pool: str, machine_type: str, count: int) -> None:
        """Have so many TPU nodes."""
        if not self._running:
            return
        there = [one for one in nodes.requested(self._state).values() if one.kind == "tpu"]
        for one in there[count:]:
            (self._state.node_requests / f"{one.name}.json").unlink()
            self._kubectl("delete", "node", one.name, "--ignore-not-found")
        for index in range(len(there), count):
            nodes.request(self._state, nodes.NodeRequest("tpu", index, machine_type))

    def remove(self, _name: str) -> None:
        """Stop it and remove its folder."""
        self._running, self._token = False, ""
        self._run("clean")

    def token(self) -> str:
        """A token that Google takes, and the cluster where there is one: as on GKE."""
        if not self._running:
            return secrets.token_hex(16)
        if self._token:
            return self._token
        account = ("-n", "kube-system", "google-account")
        self._kubectl("create", "serviceaccount", *account[:2], account[2], check=False)
        self._kubectl(
            "create",
            "clusterrolebinding",
            "google-account",
            "--clusterrole=cluster-admin",
            "--serviceaccount=kube-system:google-account",
            check=False,
        )
        self._token = self._kubectl("create", "token", *account, "--duration=3h").strip()
        return self._token

    def _kubectl(self, *words: str, check: bool = True) -> str:
        command = ["kubectl", "--kubeconfig", str(self._state.kubeconfig), *words]
        return subprocess.run(
            command, check=check, capture_output=True, text=True, timeout=60
        ).stdout

    def _run(self, *words: str) -> None:
        if self._lent:
            return
        command = [sys.executable, "-m", "tests.sandbox", *words, "--dir", str(self._state.root)]
        subprocess.run(command, check=True, cwd=ROOT, stdin=subprocess.DEVNULL)
