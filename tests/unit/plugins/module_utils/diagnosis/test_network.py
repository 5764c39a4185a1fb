# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Do policies let through what the Kubernetes documentation says they do?"""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.llmd.tpu.plugins.module_utils.diagnosis.network import (
    OUTSIDE,
    End,
    blocked,
    selects,
)

Object = dict[str, Any]
SPACES = {"kubernetes.io/metadata.name": "clients"}


def end(name: str, namespace: str, address: str = "10.244.0.9") -> End:
    pod = {
        "metadata": {"name": name, "namespace": namespace, "labels": {"app": name}},
        "spec": {"containers": [{"ports": [{"name": "https", "containerPort": 8000}]}]},
        "status": {"podIP": address},
    }
    return End(pod, {"kubernetes.io/metadata.name": namespace})


CLIENT, SERVER = end("client", "clients", "10.244.0.7"), end("server", "servers")


def policy(namespace: str = "servers", **spec: Any) -> Object:
    metadata = {"name": "policy", "namespace": namespace}
    return {"metadata": metadata, "spec": {"podSelector": {}, **spec}}


def ingress(**rule: Any) -> Object:
    return policy(ingress=[rule])


def peer(**given: Any) -> Object:
    return ingress(**{"from": [given]})


BY_NAMESPACE = {"namespaceSelector": {"matchLabels": SPACES}}
ALLOWING = [
    policy(namespace="elsewhere"),
    policy(podSelector={"matchLabels": {"app": "other"}}),
    policy(policyTypes=["Egress"]),
    ingress(),
    peer(**BY_NAMESPACE),
    peer(**BY_NAMESPACE, podSelector={"matchLabels": {"app": "client"}}),
    peer(ipBlock={"cidr": "10.244.0.0/24"}),
    ingress(ports=[{"port": 8000}]),
    ingress(ports=[{"port": "https", "protocol": "TCP"}]),
    ingress(ports=[{"port": 7000, "endPort": 9000}]),
    policy(namespace="clients", policyTypes=["Egress"], egress=[{}]),
    policy(namespace="clients", egress=[{"to": [{"namespaceSelector": {}}]}]),
]
REFUSING = [
    policy(),
    policy(policyTypes=["Ingress"]),
    peer(podSelector={}),  # of its own namespace only
    peer(**BY_NAMESPACE, podSelector={"matchLabels": {"app": "other"}}),
    peer(ipBlock={"cidr": "10.244.0.0/24", "except": ["10.244.0.7/32"]}),
    peer(ipBlock={"cidr": "192.0.2.0/24"}),
    ingress(ports=[{"port": 9002}]),
    ingress(ports=[{"port": 8000, "protocol": "UDP"}]),
    ingress(ports=[{"port": "metrics"}]),
    policy(namespace="clients", policyTypes=["Egress"]),
]


@pytest.mark.parametrize("one", ALLOWING)
def test_a_connection_that_is_allowed(one: Object) -> None:
    assert blocked([one], CLIENT, SERVER, 8000) is None


@pytest.mark.parametrize("one", REFUSING)
def test_a_connection_that_is_refused(one: Object) -> None:
    found = blocked([one], CLIENT, SERVER, 8000)
    assert found
    assert found.policies == (f"{one['metadata']['namespace']}/policy",)


def test_one_policy_that_allows_is_enough() -> None:
    assert blocked([policy(), peer(**BY_NAMESPACE)], CLIENT, SERVER, 8000) is None


def test_somebody_outside_is_taken_for_whoever_any_address_allows() -> None:
    assert blocked([peer(ipBlock={"cidr": "192.0.2.0/24"})], OUTSIDE, SERVER, 8000) is None
    assert blocked([peer(**BY_NAMESPACE)], OUTSIDE, SERVER, 8000)
    assert blocked([policy()], OUTSIDE, SERVER, 8000)


@pytest.mark.parametrize(
    ("operator", "values", "matches"),
    [
        ("In", ["server"], True),
        ("In", ["other"], False),
        ("NotIn", ["server"], False),
        ("Exists", [], True),
        ("DoesNotExist", [], False),
    ],
)
def test_expressions(operator: str, values: list[str], matches: bool) -> None:
    expression = {"key": "app", "operator": operator, "values": values}
    assert selects({"matchExpressions": [expression]}, {"app": "server"}) is matches
