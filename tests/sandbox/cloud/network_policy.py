# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Enforce NetworkPolicies with one nftables table.

Pods are routed, so their packets pass the forward hook after kube-proxy has chosen an endpoint;
packets to the nodes' own addresses pass the input hook. What a node sends to a pod (probes, the
API server's calls of webhooks) is never filtered, as on a real node. Rules of the API:
https://kubernetes.io/docs/concepts/services-networking/network-policies/
"""

from __future__ import annotations

import logging
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from tests.sandbox.images.operators.cluster import Cluster, Document, Key, Kind, Watch
from tests.sandbox.images.operators.worker import Worker

TABLE = "sandbox_policy"
POLICY: Kind = ("networking.k8s.io/v1", "NetworkPolicy")
# A pod that starts should not be open for long.
PAUSE_SECONDS = 0.2
# Direction -> the packet's field of the other side, and the key of a rule's peers.
OTHER_SIDE = {"ingress": ("saddr", "from"), "egress": ("daddr", "to")}

log = logging.getLogger(__name__)

Labels = Mapping[str, str]


@dataclass(frozen=True)
class Pod:
    """What policies need to know of a pod that has an address."""

    namespace: str
    labels: Labels
    address: str
    ports: Mapping[tuple[str, str], int] = field(default_factory=dict)
    """Number by protocol and name."""


def pod_of(document: Document) -> Pod | None:
    """Return a pod; None without an address of its own or after its end."""
    status = document.get("status") or {}
    if document["spec"].get("hostNetwork") or status.get("phase") in ("Succeeded", "Failed"):
        return None
    if not status.get("podIP"):
        return None
    ports = {
        (port.get("protocol", "TCP"), port["name"]): port["containerPort"]
        for container in document["spec"]["containers"]
        for port in container.get("ports", ())
        if "name" in port
    }
    metadata = document["metadata"]
    return Pod(metadata["namespace"], metadata.get("labels") or {}, status["podIP"], ports)


def selects(selector: Document, labels: Labels) -> bool:
    """Return whether a label selector matches; an empty one matches everything."""
    exact = selector.get("matchLabels") or {}
    if any(labels.get(name) != value for name, value in exact.items()):
        return False
    return all(_holds(each, labels) for each in selector.get("matchExpressions") or ())


def _holds(expression: Document, labels: Labels) -> bool:
    value: str | None = labels.get(expression["key"])
    operator: str = expression["operator"]
    values: list[str] = expression.get("values") or []
    if operator == "In":
        return value in values
    if operator == "NotIn":
        return value not in values
    return (value is None) == (operator == "DoesNotExist")


def directions(policy: Document) -> list[str]:
    """Return the directions that a policy isolates."""
    spec = policy["spec"]
    types = spec.get("policyTypes") or ["Ingress", *(["Egress"] if spec.get("egress") else [])]
    return [each.lower() for each in types]


def translate(
    policies: Iterable[Document], pods: Iterable[Pod], namespaces: Mapping[str, Labels]
) -> str:
    """Return the whole table as nft text; it replaces the one before in one step.

    `namespaces` are the labels of each namespace.
    """
    pods = sorted(pods, key=lambda pod: pod.address)
    world = _World(pods, namespaces)
    chains: dict[str, list[str]] = {}
    maps: dict[str, list[str]] = {"ingress": [], "egress": []}
    policies = sorted(policies, key=lambda each: each["metadata"]["name"])
    for pod in pods:
        for direction in maps:
            applying = [
                each
                for each in policies
                if each["metadata"]["namespace"] == pod.namespace
                and direction in directions(each)
                and selects(each["spec"].get("podSelector") or {}, pod.labels)
            ]
            if applying:
                chain = f"{direction}_{pod.address.replace('.', '_')}"
                chains[chain] = list(world.rules(pod, direction, applying))
                maps[direction].append(f"{pod.address} : jump {chain}")
    return _table(chains, maps)


def _table(chains: Mapping[str, list[str]], maps: Mapping[str, list[str]]) -> str:
    lines = [f"table inet {TABLE}", f"delete table inet {TABLE}", f"table inet {TABLE} {{"]
    for chain, rules in chains.items():
        lines += [f"  chain {chain} {{", *(f"    {rule}" for rule in rules), "  }"]
    checks = {
        "egress": [f"ip saddr vmap {{ {', '.join(maps['egress'])} }}"] if maps["egress"] else [],
        "ingress": [f"ip daddr vmap {{ {', '.join(maps['ingress'])} }}"] if maps["ingress"] else [],
    }
    for hook, rules in (
        ("forward", checks["egress"] + checks["ingress"]),
        ("input", checks["egress"]),
    ):
        lines += [
            f"  chain {hook} {{",
            f"    type filter hook {hook} priority filter; policy accept;",
            "    ct state established,related accept",
            *(f"    {rule}" for rule in rules),
            "  }",
        ]
    return "\n".join([*lines, "}", ""])


@dataclass(frozen=True)
class _World:
    pods: list[Pod]
    namespaces: Mapping[str, Labels]

    def rules(self, pod: Pod, direction: str, policies: Iterable[Document]) -> Iterator[str]:
        """Yield the rules of one isolated pod: what is allowed returns, the rest is dropped."""
        side, peers_key = OTHER_SIDE[direction]
        # A pod always reaches itself, through a Service too.
        yield f"ip {side} {pod.address} return"
        for policy in policies:
            for rule in policy["spec"].get(direction) or ():
                yield from self._rule(
                    pod, direction, policy, rule.get(peers_key), rule.get("ports")
                )
        yield "drop"

    def _rule(
        self,
        pod: Pod,
        direction: str,
        policy: Document,
        peers: list[Document] | None,
        ports: list[Document] | None,
    ) -> Iterator[str]:
        side = OTHER_SIDE[direction][0]
        blocks = [each["ipBlock"] for each in peers or () if "ipBlock" in each]
        selected = self._selected(policy["metadata"]["namespace"], peers or [])
        # Named ports of an egress rule are looked up in each pod at the other end.
        named = self.pods if not peers else selected
        targets = [_block(each, side) for each in blocks] if peers else [""]
        if selected:
            addresses = ", ".join(pod.address for pod in selected)
            targets.append(f"ip {side} {{ {addresses} }}")
        for target in targets:
            every: list[Document | None] = [*ports] if ports else [None]
            for port in every:
                if port and isinstance(port.get("port"), str) and direction == "egress":
                    continue
                match = _port(port, pod)
                if match is not None:
                    yield " ".join(filter(None, (target, match, "return")))
        if direction == "egress":
            yield from _named_egress(named, ports or [])

    def _selected(self, own_namespace: str, peers: list[Document]) -> list[Pod]:
        return [
            pod
            for pod in self.pods
            if any(
                self._is_peer(pod, own_namespace, each) for each in peers if "ipBlock" not in each
            )
        ]

    def _is_peer(self, pod: Pod, own_namespace: str, peer: Document) -> bool:
        if peer.get("namespaceSelector") is None:
            if pod.namespace != own_namespace:
                return False
        elif not selects(peer["namespaceSelector"], self.namespaces.get(pod.namespace, {})):
            return False
        return selects(peer.get("podSelector") or {}, pod.labels)


def _block(block: Document, side: str) -> str:
    """Return the match of an ipBlock."""
    match = f"ip {side} {block['cidr']}"
    excluded = ", ".join(block.get("except") or ())
    return f"{match} ip {side} != {{ {excluded} }}" if excluded else match


def _port(port: Document | None, pod: Pod) -> str | None:
    """Return the match of a port; None when the pod has no port of that name."""
    if port is None:
        return ""
    protocol = port.get("protocol", "TCP")
    number = port.get("port")
    if isinstance(number, str):
        number = pod.ports.get((protocol, number))
        if number is None:
            return None
    if number is None:
        return f"meta l4proto {protocol.lower()}"
    end = port.get("endPort")
    return (
        f"{protocol.lower()} dport {number}-{end}" if end else f"{protocol.lower()} dport {number}"
    )


def _named_egress(peers: Iterable[Pod], ports: Iterable[Document]) -> Iterator[str]:
    for port in ports:
        if isinstance(port.get("port"), str):
            for peer in peers:
                match = _port(port, peer)
                if match is not None:
                    yield f"ip daddr {peer.address} {match} return"


class NetworkPolicies:
    """Follows pods, namespaces and policies."""

    def __init__(self, cluster: Cluster) -> None:
        """Use an account that may read them everywhere."""
        self.worker = Worker(pause=PAUSE_SECONDS)
        wake = self.worker.wake
        self._pods = Watch(cluster, ("v1", "Pod"), wake, with_status=True)
        self._namespaces = Watch(cluster, ("v1", "Namespace"), wake)
        self._policies = Watch(cluster, POLICY, wake)
        self._enforced = ""

    def run(self) -> None:
        """Follow for ever."""
        watches = (self._pods, self._namespaces, self._policies)
        for watch in watches:
            watch.start()
        for watch in watches:
            watch.synced.wait()
        self.worker.run(self.reconcile)

    def reconcile(self) -> bool:
        """Replace the table when it has to be another one."""
        found = (pod_of(document) for document in self._pods.objects().values())
        namespaces: dict[str, Labels] = {
            key[1]: document["metadata"].get("labels") or {}
            for key, document in self._namespaces.objects().items()
        }
        policies: dict[Key, Document] = self._policies.objects()
        text = translate(policies.values(), [pod for pod in found if pod], namespaces)
        if text == self._enforced:
            return True
        done = subprocess.run(
            ["nft", "-f", "-"], input=text, capture_output=True, text=True, check=False
        )
        if done.returncode:
            log.error("nft: %s\n%s", done.stderr.strip(), text)
            return False
        self._enforced = text
        log.info("%d policies enforced", len(policies))
        return True
