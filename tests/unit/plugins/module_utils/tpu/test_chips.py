# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Are the chips of a cluster counted as the scheduler would?"""

from __future__ import annotations

from typing import Any

from ansible_collections.llmd.tpu.plugins.module_utils.tpu.chips import (
    Project,
    chips_of_pod,
    fitting,
    is_of_service,
    occupied,
    project_of,
    replicas_that_fit,
    tpu_nodes,
)


def node(name: str = "tpu-0", chips: str = "4", **spec: Any) -> dict[str, Any]:
    """A node of one machine with four v6e chips."""
    return {
        "metadata": {
            "name": name,
            "labels": {
                "cloud.google.com/gke-tpu-accelerator": "tpu-v6e-slice",
                "cloud.google.com/gke-tpu-topology": "2x2",
                "cloud.google.com/gke-nodepool": "tpu",
            },
        },
        "spec": {"providerID": "gce://acme/europe-west4-a/vm", **spec},
        "status": {
            "allocatable": {"google.com/tpu": chips},
            "conditions": [{"type": "Ready", "status": "True"}],
        },
    }


def pod(chips: str, node_name: str = "tpu-0", phase: str = "Running") -> dict[str, Any]:
    """A pod that asks for chips."""
    container = {"resources": {"limits": {"google.com/tpu": chips}}}
    return {
        "metadata": {
            "name": "pod",
            "namespace": "team",
            "labels": {
                "app.kubernetes.io/part-of": "llminferenceservice",
                "app.kubernetes.io/name": "qwen",
            },
        },
        "spec": {"nodeName": node_name, "containers": [container, {}]},
        "status": {"phase": phase},
    }


def test_free_is_what_no_running_pod_holds() -> None:
    (one,) = tpu_nodes([node()], [pod("4")])
    assert (one.chips, one.used, one.free, one.pool) == (4, 4, 0, "tpu")
    (one,) = tpu_nodes([node()], [pod("4", phase="Succeeded"), pod("4", "elsewhere")])
    assert one.free == 4


def test_a_node_without_its_plugin_or_that_takes_no_pods_has_nothing_free() -> None:
    assert [one.free for one in tpu_nodes([node(chips="0")], [])] == [0]
    assert [one.free for one in tpu_nodes([node(unschedulable=True)], [])] == [0]
    lost = node()
    lost["status"]["conditions"] = []
    assert [one.free for one in tpu_nodes([lost], [])] == [0]


def test_a_node_under_pressure_is_not_ready_for_that() -> None:
    pressed = node()
    pressed["status"]["conditions"] = [
        {"type": "MemoryPressure", "status": "True"},
        {"type": "Ready", "status": "False"},
    ]
    assert [one.ready for one in tpu_nodes([pressed, node()], [])] == [False, True]


def test_what_a_node_says_of_itself_and_what_it_leaves_out() -> None:
    bare = node()
    bare["metadata"]["labels"] = {"cloud.google.com/gke-tpu-accelerator": "tpu-v6e-slice"}
    bare["status"] = {"capacity": {"google.com/tpu": "many"}}
    (one,) = tpu_nodes([bare], [])
    assert (one.topology, one.pool, one.machine, one.zone, one.version) == ("",) * 5
    assert (one.chips, one.capacity, one.buying, one.driver) == (0, 0, "on demand", False)
    assert (one.taints, one.holders) == ((), ())


def test_other_nodes_are_not_looked_at() -> None:
    plain = node()
    plain["metadata"]["labels"] = {}
    assert tpu_nodes([plain], []) == []


def test_a_replica_needs_a_node_of_its_own() -> None:
    nodes = tpu_nodes([node("a"), node("b")], [pod("2", "a")])
    assert replicas_that_fit(nodes, 4) == 1
    assert replicas_that_fit(nodes, 2) == 3
    assert replicas_that_fit(nodes, 1) == 6
    assert replicas_that_fit(nodes, 0) == 0
    assert fitting(nodes, "tpu-v6e-slice", "2x4") == []


def test_init_containers_do_not_add_up() -> None:
    one = pod("4")
    one["spec"]["initContainers"] = [{"resources": {"limits": {"google.com/tpu": "8"}}}]
    assert chips_of_pod(one) == 8


def test_whose_pod_it_is() -> None:
    assert is_of_service(pod("4"), "team", "qwen")
    assert not is_of_service(pod("4"), "team", "other")
    assert not is_of_service(pod("4"), "other", "qwen")


def test_the_project_by_the_nodes() -> None:
    assert project_of([node()]) == Project("acme", "europe-west4")
    assert project_of([node(providerID="kind://docker/kind/node")]) is None


def test_what_starts_occupies_nodes_as_far_as_it_fits() -> None:
    nodes = tpu_nodes([node("tpu-0"), node("tpu-1"), node("tpu-2")], [pod("4")])
    assert [one.free for one in nodes] == [0, 4, 4]
    after = occupied(nodes, "tpu-v6e-slice", "2x2", 4, 1)
    assert [one.free for one in after] == [0, 0, 4]
    assert [one.free for one in occupied(nodes, "tpu-v6e-slice", "2x2", 4, 5)] == [0, 0, 0]
    assert occupied(nodes, "tpu-v6e-slice", "2x4", 4, 1) == nodes
    assert occupied(nodes, "tpu-v6e-slice", "2x2", 0, 1) == nodes


def test_chips_that_no_replica_fits_into_stay_free() -> None:
    nodes = tpu_nodes([node("tpu-0"), node("tpu-1")], [pod("1")])
    assert [one.free for one in occupied(nodes, "tpu-v6e-slice", "2x2", 2, 9)] == [1, 0]
    assert [one.free for one in occupied(nodes, "tpu-v6e-slice", "2x2", 1, 5)] == [0, 2]
