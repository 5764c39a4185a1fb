# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""NetworkPolicies between the gateway, the scheduler and the model servers of a service. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ansible_collections.llmd.tpu.plugins.module_utils.diagnosis.network import (
    OUTSIDE,
    End,
    blocked,
    policy_in_the_way,
)
from ansible_collections.llmd.tpu.plugins.module_utils.diagnosis.parts import pods_of
from ansible_collections.llmd.tpu.plugins.module_utils.diagnosis.snapshot import (
    Seen,
    Snapshot,
    Suspect,
)
from ansible_collections.llmd.tpu.plugins.module_utils.readiness.verdicts import Object
from ansible_collections.llmd.tpu.plugins.module_utils.startup.sight import is_workload

SERVER_PORT, SCHEDULER_PORT, WEB_PORT, DNS_PORT = 8000, 9002, 443, 53


def suspects_of_connections(
    seen: Seen, snapshot: Snapshot, *, downloads: bool
) -> Iterator[Suspect]:
    """Each connection of a request that policies refuse; ``downloads``: one failed to connect."""
    gateway = snapshot.gateway
    clients = _ends(
        [pod for one in (gateway.deployments if gateway else ()) for pod in pods_of(one, snapshot)],
        snapshot,
    )
    servers = _ends(seen.sight.servers_pods, snapshot)
    schedulers = _ends([pod for pod in seen.sight.pods if not is_workload(pod)], snapshot)
    ways: list[tuple[str, Sequence[End], Sequence[End], int]] = [
        ("the gateway to the model server, port 8000", clients, servers, SERVER_PORT),
        ("the gateway to the scheduler, port 9002", clients, schedulers, SCHEDULER_PORT),
        ("the scheduler to the model server, port 8000", schedulers, servers, SERVER_PORT),
    ]
    if downloads:
        outside: Sequence[End] = [OUTSIDE]
        ways.append(("the model's pod to the hub, port 443", servers, outside, WEB_PORT))
    policies = _policies(snapshot, seen)
    told: set[tuple[str, ...]] = set()
    for words, clients_, servers_, port in ways:
        if not clients_ or not servers_:
            continue
        found = blocked(policies, clients_[0], servers_[0], port)
        if found and found.policies not in told:
            told.add(found.policies)
            namespace = found.policies[0].partition("/")[0]
            finding = policy_in_the_way(words, found.policies, namespace, found.direction)
            yield Suspect("namespace", finding, seen.subject)


def _policies(snapshot: Snapshot, seen: Seen) -> list[Object]:
    places = [seen.namespace, *([snapshot.gateway.namespace] if snapshot.gateway else [])]
    return [
        one
        for place in dict.fromkeys(places)
        for one in snapshot.things.all("NetworkPolicy", place)
    ]


def _ends(pods: Sequence[Object], snapshot: Snapshot) -> list[End]:
    return [
        End(pod, snapshot.namespaces.get(str(pod["metadata"].get("namespace")), {})) for pod in pods
    ]
