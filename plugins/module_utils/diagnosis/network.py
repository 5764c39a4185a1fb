# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Do NetworkPolicies let a connection through? Pure.

Source: Kubernetes documentation, "Network Policies": a pod that a policy selects takes only what
some policy allows, in each direction on its own; both ends must allow a connection. What cannot be
known (the address of somebody outside) counts as allowed as soon as any address is.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from ansible_collections.llmd.tpu.plugins.module_utils.findings import Finding
from ansible_collections.llmd.tpu.plugins.module_utils.readiness.verdicts import Object, status

Direction = Literal["ingress", "egress"]
_PEERS: Mapping[Direction, str] = {"ingress": "from", "egress": "to"}


@dataclass(frozen=True)
class End:
    """One end of a connection: a pod, or somebody outside of the cluster (``pod`` is None)."""

    pod: Object | None
    labels: Mapping[str, str]
    """Of the pod's namespace."""


OUTSIDE = End(None, {})


@dataclass(frozen=True)
class Blocked:
    """Why a connection does not come about."""

    direction: Direction
    policies: tuple[str, ...]


def blocked(
    policies: Sequence[Object], client: End, server: End, port: int | str
) -> Blocked | None:
    """Whether the policies of either end refuse a connection to a port of the server."""
    ends: tuple[tuple[Direction, End, End], ...] = (
        ("ingress", server, client),
        ("egress", client, server),
    )
    for direction, here, there in ends:
        applying = list(_applying(policies, here, direction))
        if applying and not any(_allows(one, direction, there, server, port) for one in applying):
            return Blocked(direction, tuple(_title(one) for one in applying))
    return None


def _title(policy: Object) -> str:
    return f"{policy['metadata'].get('namespace')}/{policy['metadata']['name']}"


def _applying(policies: Sequence[Object], end: End, direction: Direction) -> Iterator[Object]:
    if end.pod is None:
        return
    metadata = end.pod["metadata"]
    for policy in policies:
        spec = policy.get("spec") or {}
        types = [str(one).lower() for one in spec.get("policyTypes") or ()]
        types = types or ["ingress", *(["egress"] if spec.get("egress") else [])]
        if (
            policy["metadata"].get("namespace") == metadata.get("namespace")
            and direction in types
            and selects(spec.get("podSelector") or {}, metadata.get("labels") or {})
        ):
            yield policy


def _allows(policy: Object, direction: Direction, peer: End, server: End, port: int | str) -> bool:
    return any(
        _port_fits(rule.get("ports") or (), server, port)
        and _peer_fits(rule.get(_PEERS[direction]) or (), policy, peer)
        for rule in (policy.get("spec") or {}).get(direction) or ()
    )


def _port_fits(ports: Sequence[Object], server: End, port: int | str) -> bool:
    return not ports or any(_is_port(one, server, port) for one in ports)


def _is_port(rule: Object, server: End, port: int | str) -> bool:
    if rule.get("protocol", "TCP") != "TCP":
        return False
    wanted = rule.get("port")
    if wanted is None or wanted == port:
        return True
    if isinstance(wanted, str):
        return wanted in _names_of(server, port)
    last = rule.get("endPort")
    return isinstance(port, int) and isinstance(last, int) and int(wanted) <= port <= last


def _names_of(server: End, port: int | str) -> list[str]:
    containers = ((server.pod or {}).get("spec") or {}).get("containers") or ()
    return [
        str(one.get("name"))
        for container in containers
        for one in container.get("ports") or ()
        if one.get("containerPort") == port
    ]


def _peer_fits(peers: Sequence[Object], policy: Object, end: End) -> bool:
    return not peers or any(_is_peer(one, policy, end) for one in peers)


def _is_peer(peer: Object, policy: Object, end: End) -> bool:
    if "ipBlock" in peer:
        return end.pod is None or _within(peer["ipBlock"] or {}, end.pod)
    if end.pod is None:
        return False
    spaces = peer.get("namespaceSelector")
    metadata = end.pod["metadata"]
    if spaces is None:
        there = metadata.get("namespace") == policy["metadata"].get("namespace")
    else:
        there = selects(spaces, end.labels)
    return there and selects(peer.get("podSelector") or {}, metadata.get("labels") or {})


def _within(block: Object, pod: Object) -> bool:
    try:
        address = ipaddress.ip_address(str(status(pod).get("podIP")))
        inside = address in ipaddress.ip_network(str(block.get("cidr")))
        return inside and not any(
            address in ipaddress.ip_network(str(one)) for one in block.get("except") or ()
        )
    except ValueError:
        return True  # nothing can be said, so nothing is


def selects(selector: Object, labels: Mapping[str, str]) -> bool:
    """Whether a label selector matches; an empty one matches everything."""
    exact = selector.get("matchLabels") or {}
    return all(labels.get(name) == value for name, value in exact.items()) and all(
        _holds(one, labels) for one in selector.get("matchExpressions") or ()
    )


def _holds(expression: Object, labels: Mapping[str, str]) -> bool:
    value = labels.get(str(expression.get("key")))
    values = expression.get("values") or ()
    match expression.get("operator"):
        case "In":
            return value in values
        case "NotIn":
            return value not in values
        case "Exists":
            return value is not None
        case _:
            return value is None


def policy_in_the_way(
    connection: str, policies: tuple[str, ...], namespace: str, direction: str = "ingress"
) -> Finding:
    """A connection that NetworkPolicies refuse."""
    return Finding(
        code="DIAGNOSIS-NETWORK-POLICY",
        severity="error",
        message=f"a NetworkPolicy refuses the connection from {connection}",
        subject=f"NetworkPolicy {policies[0]}",
        path=f"spec.{direction}",
        found=f"no {direction} rule of {', '.join(policies)} allows it",
        expected="a rule that does, or no policy that selects these pods",
        fix=f"add such a rule: kubectl -n {namespace} edit networkpolicy "
        f"{policies[0].rpartition('/')[2]}",
        source="Kubernetes documentation, Network Policies",
    )
