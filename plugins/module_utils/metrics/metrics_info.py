# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Read the metrics of services, judge them, and give figures and findings."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.llmd.tpu.plugins.module_utils.connection import (
    ConnectionProblem,
    Session,
    connect,
    connection_options,
)
from ansible_collections.llmd.tpu.plugins.module_utils.findings import Finding, report, result_of
from ansible_collections.llmd.tpu.plugins.module_utils.metrics.endpoints import Endpoints
from ansible_collections.llmd.tpu.plugins.module_utils.metrics.exposition import missing_library
from ansible_collections.llmd.tpu.plugins.module_utils.metrics.judge import judge
from ansible_collections.llmd.tpu.plugins.module_utils.metrics.looking import Looker, Wish
from ansible_collections.llmd.tpu.plugins.module_utils.metrics.report import lines
from ansible_collections.llmd.tpu.plugins.module_utils.metrics.sight import (
    Gateway,
    Party,
    Service,
)
from ansible_collections.llmd.tpu.plugins.module_utils.serving.live import (
    ObjectReadError,
    list_services,
    read_service,
)
from ansible_collections.llmd.tpu.plugins.module_utils.smoke.asking import Clock
from ansible_collections.llmd.tpu.plugins.module_utils.smoke.port_forward import (
    OpenPort,
    PortForward,
)

_LONGEST_INTERVAL = 600


def argument_spec() -> dict[str, Any]:
    """Give the options of the task, with kubernetes.core's connection options."""
    return {
        **connection_options(),
        "name": {"type": "str"},
        "namespace": {"type": "str"},
        "gateway": {"type": "str", "default": "opendatahub/inference-gateway"},
        "interval": {"type": "float", "default": 2.0},
        "metrics_service_account": {"type": "str", "default": "llmd-tpu-metrics-reader"},
        "findings_only": {"type": "bool", "default": False},
    }


CONSTRAINTS: dict[str, Any] = {"required_by": {"name": "namespace"}}


@dataclass(frozen=True)
class World:
    """What is touched; tests pass stand-ins."""

    connect: Callable[[Mapping[str, Any]], Session] = connect
    open_port: Callable[[Any], OpenPort] = PortForward.of_session
    clock: Clock = time


def run(parameters: Mapping[str, Any], world: World | None = None) -> dict[str, Any]:
    """Read, judge, and give the task's result; never raises for bad input."""
    world = world or World()
    problem = missing_library() or _bad_option(parameters)
    if problem:
        return {"failed": True, "changed": False, "msg": problem}
    account = parameters["metrics_service_account"]
    namespace, _slash, name = parameters["gateway"].partition("/")
    wish = Wish((namespace, name), parameters["interval"], account)
    try:
        session = world.connect(parameters)
        services = _services(session, parameters["namespace"], parameters["name"])
        endpoints = Endpoints(session, world.open_port(session), account)
        sight = Looker(session, endpoints, world.clock, wish).look(services)
    except (ObjectReadError, ConnectionProblem) as refused:
        return {"failed": True, "changed": False, "msg": str(refused)}
    findings = [*judge(sight), *([] if services else [nothing_to_read(parameters["namespace"])])]
    place = parameters["namespace"] or session.server
    return {
        "services": [_service(one) for one in sight.services],
        "gateways": [_gateway(one) for one in sight.gateways],
        "interval_seconds": round(sight.seconds, 3),
        "report": [*lines(sight), *report(findings)],
        **result_of(
            f"metrics of {'/'.join(filter(None, (place, parameters['name'])))}",
            findings,
            findings_only=parameters["findings_only"],
        ),
    }


def _bad_option(parameters: Mapping[str, Any]) -> str:
    """Why no look can be taken with these options."""
    interval, gateway = parameters["interval"], parameters["gateway"]
    if not 0 <= interval <= _LONGEST_INTERVAL:
        return (
            f"interval is {interval:g}; expected seconds from 0 (a single look) to "
            f"{_LONGEST_INTERVAL}."
        )
    if not all(gateway.partition("/")):
        return f"gateway is {gateway!r}; expected NAMESPACE/NAME."
    return ""


def _services(session: Session, namespace: str | None, name: str | None) -> list[dict[str, Any]]:
    """The services that are asked for. Raises ObjectReadError."""
    if name and namespace:
        return [read_service(session, namespace, name)]
    return list_services(session, namespace)[1]


def nothing_to_read(namespace: str | None) -> Finding:
    """Say that there is no service there."""
    return Finding(
        code="METRICS-NO-SERVICES",
        severity="info",
        message="there is no LLMInferenceService, so nothing to read",
        expected="a service",
        fix="look whether the namespace is right: kubectl get llminferenceservices -A",
        subject=f"namespace {namespace}" if namespace else "the cluster",
    )


def _service(service: Service) -> dict[str, Any]:
    return {
        "namespace": service.namespace,
        "name": service.name,
        "model": service.model,
        "stopped": service.stopped,
        "gateway": "/".join(service.gateway),
        "servers": _party(service.servers),
        "scheduler": _party(service.scheduler) if service.scheduled else None,
        "endpoints": service.endpoints.told(),
    }


def _gateway(gateway: Gateway) -> dict[str, Any]:
    return {"namespace": gateway.namespace, "name": gateway.name, **_party(gateway.party)}


def _party(party: Party) -> dict[str, Any]:
    """The figures of all pods together, then of each."""
    pods = [
        {
            "pod": pod.name,
            "ready": pod.ready,
            "version": pod.version,
            "problem": pod.words,
            **party.alone(pod).told(),
        }
        for pod in party.pods
    ]
    return {**party.told(), "pods": pods}
