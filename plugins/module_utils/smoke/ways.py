# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Choose the way to the gateway: its address, a forwarded port, or a Job inside the cluster."""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote

from ansible_collections.llmd.tpu.plugins.module_utils.connection import Session
from ansible_collections.llmd.tpu.plugins.module_utils.findings import Finding
from ansible_collections.llmd.tpu.plugins.module_utils.serving.live import (
    ObjectReadError,
    list_objects,
    list_pods,
)
from ansible_collections.llmd.tpu.plugins.module_utils.serving.names import gateway_selector
from ansible_collections.llmd.tpu.plugins.module_utils.smoke.address import (
    AddressError,
    WayProblem,
    split_url,
)
from ansible_collections.llmd.tpu.plugins.module_utils.smoke.asking import Clock, Transport
from ansible_collections.llmd.tpu.plugins.module_utils.smoke.job import JobTransport, find_host
from ansible_collections.llmd.tpu.plugins.module_utils.smoke.port_forward import OpenPort
from ansible_collections.llmd.tpu.plugins.module_utils.smoke.service import Service
from ansible_collections.llmd.tpu.plugins.module_utils.smoke.transport import HttpTransport

Way = Literal["direct", "port-forward", "job"]
WAYS = ("auto", "direct", "port-forward", "job")
PATIENCE = 30.0
"""Seconds for an address to become reachable, before another way is taken for it."""
_PAUSE = 2.0


@dataclass(frozen=True)
class Chosen:
    """The way that is taken, and why it is not the one to the address."""

    way: Way
    transport: Transport
    reason: str = ""

    def finding(self, url: str) -> Finding | None:
        """Say that the address itself was not tested; None when it was, or was not to be."""
        if not self.reason:
            return None
        return Finding(
            code="SMOKE-WAY",
            severity="warning",
            message="this machine has no way to the gateway's address, so another was taken",
            found=f"{self.reason}; asked by way of {self.way}",
            expected="an address that can be reached from here",
            fix="check route and firewall, and the load balancer; or set way to say which one is "
            "meant",
            subject=url,
        )


def choose(
    parameters: Mapping[str, Any],
    service: Service,
    open_port: Callable[[Any], OpenPort],
    clock: Clock,
) -> Chosen:
    """Choose the way. Raises AddressError, WayProblem, ObjectReadError."""
    wanted, connect_to = parameters["way"], parameters["connect_to"]
    seconds, ca_cert = parameters["request_timeout"], parameters["gateway_ca_cert"]
    direct = HttpTransport(seconds, connect_to, ca_cert)
    session, url = service.session, service.address.url
    if wanted == "job":
        gateway = _gateway(parameters, service)
        return Chosen("job", _job(parameters, _need(session), gateway, url, clock))
    if wanted == "port-forward":
        gateway = _gateway(parameters, service)
        forward = _forwarded(parameters, _need(session), gateway, url, open_port)
        return Chosen("port-forward", forward)
    if wanted == "direct" or connect_to or session is None:
        return Chosen("direct", direct)
    reason = _unreachable(direct, url, min(PATIENCE, parameters["wait_timeout"]), clock)
    if reason:
        try:
            gateway = _gateway(parameters, service)
            forward = _forwarded(parameters, session, gateway, url, open_port)
        except (WayProblem, ObjectReadError):
            return Chosen("direct", direct)  # whose failure tells more
        if not forward.unreachable(url):
            return Chosen("port-forward", forward, reason)
    return Chosen("direct", direct)


def pod_port(service: Mapping[str, Any], pod: Mapping[str, Any], port: int) -> int:
    """The port of a pod behind a Service's port, by number or name. Raises WayProblem."""
    ports = (service.get("spec") or {}).get("ports") or ()
    behind = next((one.get("targetPort", port) for one in ports if one.get("port") == port), None)
    if isinstance(behind, int):
        return behind
    for container in (pod.get("spec") or {}).get("containers") or ():
        for one in container.get("ports") or ():
            if behind is not None and one.get("name") == behind:
                return int(one["containerPort"])
    shown = ", ".join(str(one.get("port")) for one in ports)
    raise WayProblem(
        f"Service {service['metadata']['name']} of the gateway leads port {port} nowhere. Expected "
        f"one of its ports in the URL: {shown or 'it has none'}."
    )


def _need(session: Session | None) -> Session:
    if session is None:
        raise AddressError(
            "way port-forward and way job need a cluster: give name and namespace of the service, "
            "or use way direct with a url."
        )
    return session


def _gateway(parameters: Mapping[str, Any], service: Service) -> tuple[str, str]:
    """Namespace and name of the Gateway: the route's, else the one that is given."""
    known = service.path.gateway if service.path else None
    namespace, _slash, name = parameters["gateway"].partition("/")
    return known or (namespace, name)


def _unreachable(direct: HttpTransport, url: str, seconds: float, clock: Clock) -> str:
    """Why there is no way to the address, once it had time to become reachable."""
    deadline = clock.monotonic() + seconds
    while reason := direct.unreachable(url):
        if clock.monotonic() + _PAUSE > deadline:
            break
        clock.sleep(_PAUSE)
    return reason


def _forwarded(
    parameters: Mapping[str, Any],
    session: Session,
    gateway: tuple[str, str],
    url: str,
    open_port: Callable[[Any], OpenPort],
) -> HttpTransport:
    """Through the API server to a pod of the gateway."""
    namespace, name = gateway
    pods = [one for one in list_pods(session, namespace, gateway_selector(name)) if _runs(one)]
    if not pods:
        raise WayProblem(
            f"way port-forward: no pod of Gateway {namespace}/{name} is ready (labels "
            f"{gateway_selector(name)}). Expected one; look at the gateway's Deployment."
        )
    pod = pods[0]
    port = pod_port(_service(session, gateway), pod, split_url(url).port)
    pod_name, forward = str(pod["metadata"]["name"]), open_port(session)

    def dial(_address: tuple[str, int], _seconds: float) -> socket.socket:
        return forward(namespace, pod_name, port)

    return HttpTransport(
        parameters["request_timeout"],
        ca_cert=parameters["gateway_ca_cert"],
        dial=dial,
        through=f"pod {namespace}/{pod_name}:{port} by port-forward",
    )


def _job(
    parameters: Mapping[str, Any],
    session: Session,
    gateway: tuple[str, str],
    url: str,
    clock: Clock,
) -> JobTransport:
    namespace, name = parameters["namespace"], parameters["name"]
    host = find_host(session, namespace, name, parameters["job_image"] or "")
    connect_to: Sequence[str] = parameters["connect_to"]
    if not connect_to:
        front = _service(session, gateway)["metadata"]
        connect_to = [f"{front['name']}.{gateway[0]}.svc:{split_url(url).port}"]
    authority = parameters["gateway_ca_cert"]
    return JobTransport(
        session,
        namespace,
        host,
        clock,
        timeout=parameters["request_timeout"],
        connect_to=list(connect_to),
        ca_cert=Path(authority).read_text() if authority else "",
    )


def _service(session: Session, gateway: tuple[str, str]) -> dict[str, Any]:
    """The Service of a Gateway. Raises WayProblem and ObjectReadError."""
    namespace, name = gateway
    path = f"/api/v1/namespaces/{quote(namespace)}/services"
    found = list_objects(session, path, {"labelSelector": gateway_selector(name)})
    if not found:
        raise WayProblem(
            f"Gateway {namespace}/{name} has no Service with the labels {gateway_selector(name)}. "
            "Expected the one that Istio makes; look whether the Gateway is accepted."
        )
    return found[0]


def _runs(pod: Mapping[str, Any]) -> bool:
    conditions = (pod.get("status") or {}).get("conditions") or ()
    return any(one.get("type") == "Ready" and one.get("status") == "True" for one in conditions)
