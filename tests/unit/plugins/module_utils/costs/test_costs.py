# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Is everything named that still costs, and nothing that goes?"""

from __future__ import annotations

from typing import Any

from ansible_collections.llmd.tpu.plugins.module_utils.costs.costs import costs


def node(name: str, **labels: str) -> dict[str, Any]:
    """A node with four chips, if its labels say so."""
    return {
        "metadata": {"name": name, "labels": labels},
        "status": {"allocatable": {"google.com/tpu": "4"}},
    }


TPU = {
    "cloud.google.com/gke-tpu-accelerator": "tpu-v6e-slice",
    "cloud.google.com/gke-tpu-topology": "2x2",
    "cloud.google.com/gke-nodepool": "v6e",
}
OWNED = {
    "metadata": {
        "namespace": "opendatahub",
        "name": "inference-gateway-istio",
        "ownerReferences": [{"kind": "Gateway", "name": "inference-gateway"}],
    },
    "spec": {"type": "LoadBalancer"},
    "status": {"loadBalancer": {"ingress": [{"ip": "203.0.113.7"}]}},
}


def test_tpu_nodes_by_pool_and_the_rest_as_a_number() -> None:
    pool, cluster = costs([node("a", **TPU), node("b", **TPU), node("c")], [], [])
    assert (pool.code, pool.subject, pool.found) == ("COST-TPU-NODES", "pool v6e", "a, b")
    assert "8 chips" in pool.message
    assert "its 1 other node" in cluster.message


def test_addresses_except_those_that_go() -> None:
    internal = {"metadata": {"name": "x", "namespace": "y"}, "spec": {"type": "ClusterIP"}}
    (found,) = costs([], [OWNED, internal], [])
    assert (found.code, found.found) == ("COST-ADDRESS", "203.0.113.7")
    assert costs([], [OWNED], [], [("opendatahub", "inference-gateway")]) == []
    assert len(costs([], [OWNED], [], [("other", "inference-gateway")])) == 1


def test_disks() -> None:
    volume = {
        "metadata": {"name": "pv-1"},
        "spec": {
            "capacity": {"storage": "100Gi"},
            "claimRef": {"namespace": "team", "name": "weights"},
            "persistentVolumeReclaimPolicy": "Retain",
        },
        "status": {"phase": "Bound"},
    }
    (found,) = costs([], [], [volume])
    assert (found.code, found.subject) == ("COST-DISK", "PersistentVolume pv-1")
    assert "100Gi, claimed by team/weights; reclaim policy Retain" in found.message
