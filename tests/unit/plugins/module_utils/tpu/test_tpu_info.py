# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Is it told which chips there are, who holds them, and whether a model fits?"""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.llmd.tpu.plugins.module_utils.tpu.chips import Project, tpu_nodes
from ansible_collections.llmd.tpu.plugins.module_utils.tpu.room import Wanted, room_for
from ansible_collections.llmd.tpu.plugins.module_utils.tpu.tpu_info import run

from tests.unit.plugins.module_utils.smoke.scripted import ScriptedSession, found, refused

GKE = Project("project", "europe-west4")


def node(name: str = "one", **changes: Any) -> dict[str, Any]:
    """A node with four free chips of v6e."""
    labels = {
        "cloud.google.com/gke-tpu-accelerator": "tpu-v6e-slice",
        "cloud.google.com/gke-tpu-topology": "2x2",
        "cloud.google.com/gke-nodepool": "tpu",
        "node.kubernetes.io/instance-type": "ct6e-standard-4t",
        "topology.kubernetes.io/zone": "europe-west4-a",
        **changes.get("labels", {}),
    }
    chips = str(changes.get("chips", 4))
    taint = {"key": "google.com/tpu", "value": "present", "effect": "NoSchedule"}
    return {
        "metadata": {"name": name, "labels": labels},
        "spec": {"taints": [taint], "unschedulable": changes.get("cordoned", False)},
        "status": {
            "capacity": {"google.com/tpu": str(changes.get("capacity", chips))},
            "allocatable": {"google.com/tpu": chips},
            "conditions": [{"type": "Ready", "status": "True"}],
            "nodeInfo": {"kubeletVersion": "v1.34.3-gke.1245000"},
        },
    }


def pod(name: str = "server", on: str = "one", chips: str = "4", **status: Any) -> dict[str, Any]:
    """A pod that holds chips of a node."""
    limits = {"limits": {"google.com/tpu": chips}}
    return {
        "metadata": {"namespace": "models", "name": name},
        "spec": {"nodeName": on, "containers": [{"name": "main", "resources": limits}]},
        "status": {"phase": "Running", **status},
    }


def _room(nodes: list[Any], pods: list[Any], **changes: Any) -> tuple[str, int, str]:
    wanted = {"accelerator": "tpu-v6e-slice", "topology": "2x2", "chips": 4, **changes}
    project = wanted.pop("project", GKE)
    room = room_for(Wanted(**wanted), tpu_nodes(nodes, pods), project)
    return room.when, room.replicas, room.reason


@pytest.mark.parametrize(
    ("nodes", "pods", "changes", "when", "replicas", "words"),
    [
        ([node()], [], {}, "now", 1, "4 chips"),
        ([node(), node("two")], [], {"replicas": 2}, "now", 2, "8 chips"),
        ([node()], [pod(phase="Succeeded")], {}, "now", 1, "4 chips"),
        ([node()], [pod()], {}, "after_others", 0, "models/server (4)"),
        ([node()], [], {"replicas": 2}, "after_scale_up", 1, "hold 1 of 2"),
        ([node()], [], {"replicas": 2, "project": None}, "unknown", 1, "hold 1 of 2"),
        ([node(chips=0)], [], {}, "after_scale_up", 0, "not registered"),
        ([node(cordoned=True)], [], {}, "after_scale_up", 0, "hold 0 of 1"),
        ([node(labels={"cloud.google.com/gke-tpu-dra-driver": "true"}, chips=0)], [], {},
         "unknown", 0, "resource driver"),
        ([], [], {}, "unknown", 0, "no node is of tpu-v6e-slice 2x2"),
        ([node(f"n{i}", chips=0) for i in range(4)], [], {}, "after_scale_up", 0,
         "yet on n0, n1, n2"),
        ([node()], [pod(f"p{i}", chips="1") for i in range(4)], {}, "after_others", 0,
         "models/p2 (1), models/p3 (1)"),
        ([node(chips=8)], [pod(f"p{i}", chips="1") for i in range(6)], {}, "after_others", 0,
         "models/p3 (1) and 2 more"),
        ([], [], {"project": None}, "unknown", 0, "no node can be seen"),
        ([], [], {}, "unknown", 0, "which only Google's API tells"),
        ([], [], {"accelerator": "tpu-v6e"}, "never", 0, "no node carries"),
        ([], [], {"topology": "2x2x1"}, "never", 0, "has no topology"),
        ([], [], {"chips": 3}, "never", 0, "has 3 chips; there are ct6e-standard-4t (4)"),
        ([], [], {"accelerator": "tpu-v3-slice", "topology": "9x9"}, "unknown", 0, "no node is of"),
    ],
)  # fmt: skip
def test_when_there_is_room(
    nodes: list[Any],
    pods: list[Any],
    changes: dict[str, Any],
    when: str,
    replicas: int,
    words: str,
) -> None:
    found_when, found_replicas, reason = _room(nodes, pods, **changes)
    assert (found_when, found_replicas) == (when, replicas)
    assert words in reason


def _session(nodes: list[Any], pods: list[Any]) -> ScriptedSession:
    return ScriptedSession(
        {
            "GET /version": found({"gitVersion": "v1.34.3-gke.1245000"}),
            "GET /api/v1/nodes": found({"items": nodes}),
            "GET /api/v1/pods": found({"items": pods}),
        }
    )


def _parameters(**given: Any) -> dict[str, Any]:
    return {"accelerator": None, "topology": None, "chips": None, "replicas": 1, **given}


def test_nodes_and_pools_of_a_cluster() -> None:
    spot = {"cloud.google.com/gke-spot": "true"}
    session = _session([node(), node("two", labels=spot)], [])
    result = run(_parameters(), lambda _options: session)
    assert (result["changed"], result["server_version"]) == (False, "v1.34.3-gke.1245000")
    assert [one["buying"] for one in result["nodes"]] == ["on demand", "spot"]
    assert result["nodes"][0]["machine_type"] == "ct6e-standard-4t"
    assert result["nodes"][0]["taints"] == ["google.com/tpu=present:NoSchedule"]
    assert result["pools"] == [
        {
            "name": "tpu",
            "accelerator": "tpu-v6e-slice",
            "topology": "2x2",
            "nodes": 2,
            "ready_nodes": 2,
            "chips": {"capacity": 8, "allocatable": 8, "used": 0, "free": 8},
        }
    ]
    assert "room" not in result


def test_who_holds_the_chips() -> None:
    session = _session([node()], [pod(), pod("log-agent", chips="0")])
    asked = _parameters(accelerator="tpu-v6e-slice", topology="2x2", chips=4)
    result = run(asked, lambda _options: session)
    assert result["nodes"][0]["pods"] == [{"name": "models/server", "chips": 4}]
    assert result["chips"] == {"capacity": 4, "allocatable": 4, "used": 4, "free": 0}
    assert result["room"]["when"] == "after_others"


def test_a_cluster_without_tpu() -> None:
    result = run(_parameters(), lambda _options: _session([], []))
    assert (result["nodes"], result["pools"]) == ([], [])


def test_what_cannot_be_read_is_said() -> None:
    session = ScriptedSession({"GET /api/v1/nodes": refused(403, "nodes is forbidden")})
    result = run(_parameters(), lambda _options: session)
    assert result["failed"]
    assert "nodes is forbidden" in result["msg"]


@pytest.mark.parametrize(
    ("chips", "replicas", "usable"), [(0, 1, False), (1, 0, False), (-4, 1, False), (1, 1, True)]
)
def test_numbers_that_are_none(chips: int, replicas: int, usable: bool) -> None:
    asked = _parameters(accelerator="tpu-v6e-slice", topology="1x1", chips=chips, replicas=replicas)
    result = run(asked, lambda _options: _session([], []))
    assert ("positive whole numbers" in result.get("msg", "")) is not usable
    assert result.get("failed", False) is not usable
    assert result["changed"] is False
