# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The project that the stand-in plays: what is switched on, allowed, offered and in stock."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol

NUMBER = "123456789012"
V6E = ("ct6e-standard-1t", "ct6e-standard-4t", "ct6e-standard-8t")
# The zones of GKE's availability table for v6e, and one of the Compute Engine catalogue's more.
SUPPORTED = ("europe-west4-a", "us-east5-a", "us-east5-b", "us-central1-b")
CATALOGUE_ONLY = ("us-central1-a",)
TITLES = {
    "container.googleapis.com": "Kubernetes Engine API",
    "compute.googleapis.com": "Compute Engine API",
    "cloudquotas.googleapis.com": "Cloud Quotas API",
    "logging.googleapis.com": "Cloud Logging API",
    "cloudbilling.googleapis.com": "Cloud Billing API",
    "serviceusage.googleapis.com": "Service Usage API",
}


class Clock:
    """Simulated time, in seconds; moves only when told to."""

    def __init__(self, now: float = 1_780_000_000.0) -> None:
        self.now = now

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.now += seconds

    def __call__(self) -> float:
        """Tell the time."""
        return self.now


def stamp(now: float) -> str:
    """A moment as the APIs write it."""
    return (
        datetime.fromtimestamp(now, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    )


def region_of(location: str) -> str:
    """The region of a zone; a region is its own."""
    parts = location.split("-")
    return "-".join(parts[:2])


class Machines(Protocol):
    """What really runs a cluster that the stand-in makes; the sandbox is one."""

    def make(self, name: str) -> dict[str, str]:
        """Start it and give "endpoint" and "clusterCaCertificate"."""

    def resize(self, pool: str, machine_type: str, nodes: int) -> None:
        """Have so many TPU nodes."""

    def remove(self, name: str) -> None:
        """Stop it and remove everything."""


@dataclass
class Project:
    """Everything that a test may set before or during a run."""

    id: str = "my-project"
    clock: Clock = field(default_factory=Clock)
    disabled: set[str] = field(default_factory=set)
    denied: set[str] = field(default_factory=set)
    """Permissions that the account lacks."""
    stocked_out: set[str] = field(default_factory=set)
    """Zones without a free TPU machine."""
    quota: dict[tuple[str, str], int] = field(
        default_factory=lambda: {
            ("CT6E", "europe-west4"): 16,
            ("CT6E", "us-east5"): 8,
            ("PREEMPTIBLE-TPU-V6E", "us-east5"): 32,
        }
    )
    """Chips by (family or quota, region); a region that is not there has none."""
    offered: dict[str, tuple[str, ...]] = field(
        default_factory=lambda: dict.fromkeys((*SUPPORTED, *CATALOGUE_ONLY), V6E)
    )
    supported: tuple[str, ...] = SUPPORTED
    reservations: list[dict[str, Any]] = field(default_factory=list)
    skus: list[dict[str, Any]] = field(default_factory=list)
    log_entries: list[dict[str, Any]] = field(default_factory=list)
    leftovers: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    """Compute Engine's "disks", "addresses" and "forwardingRules" with their places."""
    late: float = 0.0
    """Seconds between the end of an operation and its effect in answers."""
    half_way: set[str] = field(default_factory=set)
    """Operation types that fail after a part of their work, once each."""
    minutes: dict[str, float] = field(
        default_factory=lambda: {
            "CREATE_CLUSTER": 6.5,
            "DELETE_CLUSTER": 4.0,
            "CREATE_NODE_POOL": 2.4,
            "DELETE_NODE_POOL": 2.4,
            "SET_NODE_POOL_SIZE": 2.5,
            "UPDATE_CLUSTER": 1.0,
            "SET_LABELS": 0.1,
        }
    )
    """How long operations take; cluster and pool together make the measured 8 m 52 s."""
    tokens: set[str] = field(default_factory=lambda: {"token-of-the-test"})
    machines: Machines | None = None
    token_seconds: int = 3600
    """How long a login lasts."""
    new_token: Callable[[], str] | None = None
    """Gives the token that the login hands out; by default one of its own."""

    def __post_init__(self) -> None:
        """Own the sets that a run changes: tests share what they give."""
        self.half_way, self.tokens = set(self.half_way), set(self.tokens)
