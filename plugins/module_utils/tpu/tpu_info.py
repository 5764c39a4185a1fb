# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Read the TPU nodes of a cluster and what pods hold of them, and give them as plain data."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from ansible_collections.llmd.tpu.plugins.module_utils.connection import (
    PARALLEL,
    ConnectionProblem,
    Session,
    connect,
    connection_options,
)
from ansible_collections.llmd.tpu.plugins.module_utils.serving.live import (
    ObjectReadError,
    list_objects,
    send,
)
from ansible_collections.llmd.tpu.plugins.module_utils.tpu.chips import (
    TpuNode,
    project_of,
    tpu_nodes,
)
from ansible_collections.llmd.tpu.plugins.module_utils.tpu.machines import ACCELERATOR_LABEL
from ansible_collections.llmd.tpu.plugins.module_utils.tpu.room import Wanted, room_for


def argument_spec() -> dict[str, Any]:
    """Give the options of the task, with kubernetes.core's connection options."""
    return {
        **connection_options(),
        "accelerator": {"type": "str"},
        "topology": {"type": "str"},
        "chips": {"type": "int"},
        "replicas": {"type": "int", "default": 1},
    }


CONSTRAINTS: dict[str, Any] = {"required_together": [("accelerator", "topology", "chips")]}


def run(
    parameters: Mapping[str, Any], open_session: Callable[[Mapping[str, Any]], Session] = connect
) -> dict[str, Any]:
    """Read the cluster and give the task's result; never raises for bad input."""
    wanted = _wanted(parameters)
    if wanted and (wanted.chips < 1 or wanted.replicas < 1):
        return _failed(
            f"chips is {wanted.chips} and replicas is {wanted.replicas}. Expected: positive whole "
            "numbers; nothing was asked of the cluster."
        )
    try:
        session = open_session(parameters)
        nodes, pods = read_nodes(session)
        version = str(send(session, "GET", "/version").get("gitVersion", ""))
        found = tpu_nodes(nodes, pods)
    except (ObjectReadError, ConnectionProblem) as problem:
        return _failed(str(problem))
    result: dict[str, Any] = {
        "changed": False,
        "server_version": version,
        "nodes": [_node(node) for node in found],
        "pools": _pools(found),
        "chips": _sums(found),
    }
    if wanted:
        room = room_for(wanted, found, project_of(nodes))
        result["room"] = {"when": room.when, "replicas": room.replicas, "reason": room.reason}
    return result


def _wanted(parameters: Mapping[str, Any]) -> Wanted | None:
    if parameters["accelerator"] is None:
        return None
    return Wanted(
        str(parameters["accelerator"]),
        str(parameters["topology"]),
        int(parameters["chips"]),
        int(parameters["replicas"]),
    )


def read_nodes(session: Session) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The TPU nodes and the pods on them; those of all other nodes need not be read."""
    nodes = list_objects(session, "/api/v1/nodes", {"labelSelector": ACCELERATOR_LABEL})
    return nodes, pods_on(session, nodes)


def pods_on(session: Session, nodes: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The pods on these nodes."""

    def on(node: Mapping[str, Any]) -> list[dict[str, Any]]:
        selector = {"fieldSelector": f"spec.nodeName={node['metadata']['name']}"}
        return list_objects(session, "/api/v1/pods", selector)

    with ThreadPoolExecutor(PARALLEL) as pool:
        return [pod for pods in pool.map(on, nodes) for pod in pods]


def _node(node: TpuNode) -> dict[str, Any]:
    return {
        "name": node.name,
        "pool": node.pool,
        "accelerator": node.accelerator,
        "topology": node.topology,
        "machine_type": node.machine,
        "zone": node.zone,
        "buying": node.buying,
        "version": node.version,
        "ready": node.ready,
        "taints": list(node.taints),
        "chips": {
            "capacity": node.capacity,
            "allocatable": node.chips,
            "used": node.used,
            "free": node.free,
        },
        "pods": [{"name": name, "chips": chips} for name, chips in node.holders],
    }


def _pools(nodes: Iterable[TpuNode]) -> list[dict[str, Any]]:
    """Nodes with one pool, accelerator and topology together."""
    pools: dict[tuple[str, str, str], list[TpuNode]] = {}
    for node in nodes:
        pools.setdefault((node.pool, node.accelerator, node.topology), []).append(node)
    return [
        {
            "name": pool,
            "accelerator": accelerator,
            "topology": topology,
            "nodes": len(members),
            "ready_nodes": sum(node.ready for node in members),
            "chips": _sums(members),
        }
        for (pool, accelerator, topology), members in sorted(pools.items())
    ]


def _sums(nodes: Iterable[TpuNode]) -> dict[str, int]:
    nodes = list(nodes)
    return {
        "capacity": sum(node.capacity for node in nodes),
        "allocatable": sum(node.chips for node in nodes),
        "used": sum(node.used for node in nodes),
        "free": sum(node.free for node in nodes),
    }


def _failed(words: str) -> dict[str, Any]:
    return {"failed": True, "changed": False, "msg": words}
