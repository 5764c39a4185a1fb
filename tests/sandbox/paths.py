# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Where the sandbox keeps its files: one state folder a sandbox, one cache a user."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
SANDBOX_SOURCES = CHECKOUT / "tests" / "sandbox"
# The state folder once more, inside the world: kubelets open sockets below it, and the path of a
# Unix socket holds 107 characters (unix(7)).
SHORT_STATE = Path("/run/sandbox")


def cache_folder() -> Path:
    """The folder of everything that outlives a sandbox: binaries, Go caches, snapshots."""
    chosen = os.environ.get("LLMD_CACHE")
    return Path(chosen).absolute() if chosen else Path.home() / ".cache" / "llmd-tpu"


def default_state_folder() -> Path:
    """``$SANDBOX_DIR``, else ``.sandbox`` of this checkout."""
    chosen = os.environ.get("SANDBOX_DIR")
    return Path(chosen).absolute() if chosen else CHECKOUT / ".sandbox"


@dataclass(frozen=True)
class State:
    """The files of one sandbox."""

    root: Path

    @property
    def kubeconfig(self) -> Path:
        """The administrator's access from the host."""
        return self.root / "kubeconfig"

    @property
    def inner_kubeconfig(self) -> Path:
        """The administrator's access from inside the world."""
        return self.pki / "admin.kubeconfig"

    @property
    def description(self) -> Path:
        """What a user of the sandbox needs to know, as JSON."""
        return self.root / "state.json"

    @property
    def plan(self) -> Path:
        """What ``up`` was asked for, as JSON, read by the first process inside."""
        return self.root / "plan.json"

    @property
    def process(self) -> Path:
        """The world's first process as the host sees it."""
        return self.root / "world.pid"

    @property
    def lock(self) -> Path:
        """Held while a command changes this sandbox."""
        return self.root / "lock"

    @property
    def log(self) -> Path:
        """One file a process."""
        return self.root / "log"

    @property
    def pids(self) -> Path:
        """Process ids inside the world, one file a program."""
        return self.root / "pids"

    @property
    def audit_log(self) -> Path:
        """One JSON line an API request (level Metadata)."""
        return self.root / "audit.log"

    @property
    def etcd(self) -> Path:
        """The data folder of etcd."""
        return self.root / "etcd"

    @property
    def pki(self) -> Path:
        """Authorities, certificates, keys and the inner kubeconfig files."""
        return self.root / "pki"

    @property
    def binaries(self) -> Path:
        """Links to every component's binary, by name."""
        return self.root / "bin"

    @property
    def sources(self) -> Path:
        """Links to the charts and manifests that the collection installs."""
        return self.root / "sources"

    @property
    def node_requests(self) -> Path:
        """One JSON file for every node that should run; see nodes.py."""
        return self.root / "nodes"

    def node(self, name: str) -> Path:
        """A node's own folder; holds its pods' addresses and volumes."""
        return self.root / f"node-{name}"
