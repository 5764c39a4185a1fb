# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

from typing import Any

import pytest

from tests.sandbox.cloud.network_policy import Pod, directions, pod_of, selects, translate

SERVER = Pod("a", {"app": "server"}, "10.244.1.2", {("TCP", "web"): 8000})
FRIEND = Pod("b", {"role": "friend"}, "10.244.1.3", {("TCP", "web"): 9000})
STRANGER = Pod("b", {"role": "stranger"}, "10.244.1.4")
NAMESPACES = {"a": {"kubernetes.io/metadata.name": "a"}, "b": {"team": "blue"}}


def policy(**spec: Any) -> dict[str, Any]:
    return {"metadata": {"name": "p", "namespace": "a"}, "spec": {"podSelector": {}, **spec}}


def chain(text: str, name: str) -> list[str]:
    """Return the rules of one chain."""
    lines = [line.strip() for line in text.splitlines()]
    start = lines.index(f"chain {name} {{") + 1
    return lines[start : lines.index("}", start)]


def rules(direction: str, **spec: Any) -> list[str]:
    text = translate([policy(**spec)], [SERVER, FRIEND, STRANGER], NAMESPACES)
    return chain(text, f"{direction}_10_244_1_2")[1:]


def test_without_policies_nothing_is_filtered() -> None:
    text = translate([], [SERVER, FRIEND], NAMESPACES)
    assert "drop" not in text
    assert "vmap" not in text


def test_a_policy_isolates_only_what_it_selects() -> None:
    text = translate([policy()], [SERVER, FRIEND], NAMESPACES)
    forward = chain(text, "forward")
    assert forward[-1] == "ip daddr vmap { 10.244.1.2 : jump ingress_10_244_1_2 }"
    assert not any("saddr vmap" in line for line in forward)
    assert chain(text, "ingress_10_244_1_2") == ["ip saddr 10.244.1.2 return", "drop"]
    assert "10.244.1.3" not in text


def test_egress_is_checked_on_the_way_to_the_nodes_too() -> None:
    text = translate([policy(policyTypes=["Egress"])], [SERVER], NAMESPACES)
    check = "ip saddr vmap { 10.244.1.2 : jump egress_10_244_1_2 }"
    assert check in chain(text, "forward")
    assert check in chain(text, "input")
    assert "ingress_10_244_1_2" not in text


def test_replies_always_pass() -> None:
    text = translate([policy()], [SERVER], NAMESPACES)
    for hook in ("forward", "input"):
        assert chain(text, hook)[1] == "ct state established,related accept"


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ({}, ["return"]),
        ({"ports": [{"port": 80}]}, ["tcp dport 80 return"]),
        ({"ports": [{"port": 53, "protocol": "UDP"}]}, ["udp dport 53 return"]),
        ({"ports": [{"port": 100, "endPort": 200}]}, ["tcp dport 100-200 return"]),
        ({"ports": [{"protocol": "SCTP"}]}, ["meta l4proto sctp return"]),
        ({"ports": [{"port": "web"}]}, ["tcp dport 8000 return"]),
        ({"ports": [{"port": "unknown"}]}, []),
        (
            {"from": [{"podSelector": {}}]},
            ["ip saddr { 10.244.1.2 } return"],
        ),
        (
            {"from": [{"namespaceSelector": {}}], "ports": [{"port": 80}]},
            ["ip saddr { 10.244.1.2, 10.244.1.3, 10.244.1.4 } tcp dport 80 return"],
        ),
        (
            {
                "from": [
                    {
                        "namespaceSelector": {"matchLabels": {"team": "blue"}},
                        "podSelector": {"matchLabels": {"role": "friend"}},
                    }
                ]
            },
            ["ip saddr { 10.244.1.3 } return"],
        ),
        ({"from": [{"podSelector": {"matchLabels": {"role": "friend"}}}]}, []),
        (
            {"from": [{"ipBlock": {"cidr": "10.0.0.0/8", "except": ["10.1.0.0/16"]}}]},
            ["ip saddr 10.0.0.0/8 ip saddr != { 10.1.0.0/16 } return"],
        ),
    ],
)
def test_an_ingress_rule(rule: dict[str, Any], expected: list[str]) -> None:
    assert rules("ingress", ingress=[rule]) == [*expected, "drop"]


def test_a_named_egress_port_is_the_peers() -> None:
    rule = {"to": [{"namespaceSelector": {}}], "ports": [{"port": "web"}, {"port": 53}]}
    assert rules("egress", policyTypes=["Egress"], egress=[rule]) == [
        "ip daddr { 10.244.1.2, 10.244.1.3, 10.244.1.4 } tcp dport 53 return",
        "ip daddr 10.244.1.2 tcp dport 8000 return",
        "ip daddr 10.244.1.3 tcp dport 9000 return",
        "drop",
    ]


def test_two_policies_add_up() -> None:
    first, second = (
        policy(ingress=[{"ports": [{"port": 1}]}]),
        policy(ingress=[{"ports": [{"port": 2}]}]),
    )
    text = translate([first, second], [SERVER], NAMESPACES)
    assert chain(text, "ingress_10_244_1_2")[1:] == [
        "tcp dport 1 return",
        "tcp dport 2 return",
        "drop",
    ]


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({}, ["ingress"]),
        ({"egress": [{}]}, ["ingress", "egress"]),
        ({"egress": []}, ["ingress"]),
        ({"policyTypes": ["Egress"]}, ["egress"]),
    ],
)
def test_the_isolated_directions(spec: dict[str, Any], expected: list[str]) -> None:
    assert directions(policy(**spec)) == expected


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ({"key": "app", "operator": "In", "values": ["server", "x"]}, True),
        ({"key": "app", "operator": "NotIn", "values": ["server"]}, False),
        ({"key": "none", "operator": "NotIn", "values": ["server"]}, True),
        ({"key": "app", "operator": "Exists"}, True),
        ({"key": "none", "operator": "Exists"}, False),
        ({"key": "app", "operator": "DoesNotExist"}, False),
        ({"key": "none", "operator": "DoesNotExist"}, True),
    ],
)
def test_match_expressions(expression: dict[str, Any], expected: bool) -> None:
    assert selects({"matchExpressions": [expression]}, {"app": "server"}) is expected


def live_pod(phase: str = "Running", **spec: Any) -> dict[str, Any]:
    ports = [{"name": "web", "containerPort": 8000}, {"containerPort": 1}]
    return {
        "metadata": {"name": "p", "namespace": "a", "labels": {"app": "server"}},
        "spec": {"containers": [{"ports": ports}], **spec},
        "status": {"phase": phase, "podIP": "10.244.1.2"},
    }


def test_only_pods_with_an_address_of_their_own_count() -> None:
    assert pod_of(live_pod()) == SERVER
    assert pod_of(live_pod("Succeeded")) is None
    assert pod_of(live_pod(hostNetwork=True)) is None
    pending = live_pod("Pending")
    del pending["status"]["podIP"]
    assert pod_of(pending) is None
