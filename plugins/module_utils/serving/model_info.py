# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Read the services of a cluster and give what dashboards and surveys need of each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any
from urllib.parse import quote

from ansible_collections.llmd.tpu.plugins.module_utils.connection import (
    ConnectionProblem,
    Session,
    connect,
    connection_options,
)
from ansible_collections.llmd.tpu.plugins.module_utils.readiness.predicates import rolled_out
from ansible_collections.llmd.tpu.plugins.module_utils.serving.live import (
    ObjectReadError,
    list_objects,
    list_services,
)
from ansible_collections.llmd.tpu.plugins.module_utils.serving.names import (
    ALL_SERVICES,
    child_name,
)
from ansible_collections.llmd.tpu.plugins.module_utils.serving.rollout import (
    is_stopped,
    readiness_of,
    replicas_of,
)
from ansible_collections.llmd.tpu.plugins.module_utils.serving.view import View
from ansible_collections.llmd.tpu.plugins.module_utils.smoke.address import address_from_status
from ansible_collections.llmd.tpu.plugins.module_utils.tpu.chips import chips_of_pod
from ansible_collections.llmd.tpu.plugins.module_utils.tpu.machines import (
    ACCELERATOR_LABEL,
    TOPOLOGY_LABEL,
)

_WORKLOADS = {"labelSelector": ALL_SERVICES}


def argument_spec() -> dict[str, Any]:
    """Give the options of the task, with kubernetes.core's connection options."""
    return {
        **connection_options(),
        "namespace": {"type": "str"},
        "name": {"type": "str"},
        "label_selectors": {"type": "list", "elements": "str", "default": []},
    }


def run(
    parameters: Mapping[str, Any], open_session: Callable[[Mapping[str, Any]], Session] = connect
) -> dict[str, Any]:
    """Read the cluster and give the task's result; a cluster without KServe has no models."""
    namespace, name = parameters["namespace"], parameters["name"]
    try:
        session = open_session(parameters)
        version, services = list_services(session, namespace, parameters["label_selectors"])
        deployments = []
        if version:
            place = f"/namespaces/{quote(namespace)}" if namespace else ""
            deployments = list_objects(session, f"/apis/apps/v1{place}/deployments", _WORKLOADS)
    except (ObjectReadError, ConnectionProblem) as problem:
        return {"failed": True, "changed": False, "msg": str(problem)}
    by_name = {_key(one): one for one in deployments}
    models = [
        _model(service, by_name)
        for service in services
        if name is None or service["metadata"]["name"] == name
    ]
    return {"changed": False, "models": models, "api_version": version or ""}


def _key(item: Mapping[str, Any]) -> tuple[str, str]:
    return str(item["metadata"].get("namespace")), str(item["metadata"]["name"])


def _model(
    service: Mapping[str, Any], deployments: Mapping[tuple[str, str], Mapping[str, Any]]
) -> dict[str, Any]:
    view = View(service)
    deployment = deployments.get((view.namespace, child_name(view.name, "-kserve")))
    replicas, readiness = replicas_of(deployment), readiness_of(service)
    pod = ((deployment or {}).get("spec") or {}).get("template") or {}
    address = address_from_status(service)
    stopped = is_stopped(service)
    chips = chips_of_pod(pod)
    return {
        "name": view.name,
        "namespace": view.namespace,
        "model": view.served_name,
        "uri": view.model_uri,
        # The address outlives a stop (kept in status.url), where nothing answers any more.
        "url": address.url if address and not stopped else "",
        "ready": readiness.ready and not stopped,
        "reason": "stopped on purpose" if stopped else readiness.reason,
        "stopped": stopped,
        "rolled_out": deployment is not None and rolled_out(deployment).ready,
        "replicas": asdict(replicas),
        "chips": {"per_replica": chips, "in_use": chips * replicas.present},
        "accelerator": _selected(view, ACCELERATOR_LABEL),
        "topology": _selected(view, TOPOLOGY_LABEL),
        "image": str(view.server.value.get("image", "")) if view.server else "",
        "vllm": str(view.vllm) if view.vllm else "",
    }


def _selected(view: View, label: str) -> str:
    values = view.selector_values(label)
    return str(values[0].value) if values else ""
