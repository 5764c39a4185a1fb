# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Find the service that is asked: its address, its model, and who can tell of a request."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit

from ansible_collections.llmd.tpu.plugins.module_utils.connection import Session
from ansible_collections.llmd.tpu.plugins.module_utils.serving.live import (
    ObjectReadError,
    list_objects,
    read_service,
    send,
)
from ansible_collections.llmd.tpu.plugins.module_utils.serving.view import View
from ansible_collections.llmd.tpu.plugins.module_utils.smoke.address import (
    AddressError,
    ServiceAddress,
    address_from_gateway,
    address_from_status,
)
from ansible_collections.llmd.tpu.plugins.module_utils.smoke.asking import Clock
from ansible_collections.llmd.tpu.plugins.module_utils.smoke.evidence import (
    Evidence,
    Place,
)
from ansible_collections.llmd.tpu.plugins.module_utils.smoke.port_forward import OpenPort
from ansible_collections.llmd.tpu.plugins.module_utils.smoke.routes import (
    Listener,
    Path,
    listener_of,
    path_of,
)

_PAUSE = 2.0
_NO_LISTENER = Listener()


@dataclass(frozen=True)
class Service:
    """The service that is asked: its address, model, and what can be counted."""

    address: ServiceAddress
    model: str
    evidence: Evidence | None
    no_scheduler: str = ""
    """Why there is no scheduler to ask; empty when there is one."""
    path: Path | None = None
    listener: Listener = _NO_LISTENER
    session: Session | None = None


def find_service(
    parameters: Mapping[str, Any],
    connect: Callable[[Mapping[str, Any]], Session],
    open_port: Callable[[Any], OpenPort],
    clock: Clock,
    deadline: float,
) -> Service:
    """Find URL, model and counters. Raises ObjectReadError, ConnectionProblem, AddressError."""
    name, namespace = parameters["name"], parameters["namespace"]
    if name is None:
        address = ServiceAddress(parameters["url"].rstrip("/"), "option url")
        reason = "only a url was given, so there is no cluster to ask"
        return Service(address, parameters["model"] or "", None, reason)
    session = connect(parameters)
    service = read_service(session, namespace, name)
    view = View(service)
    if parameters["url"]:
        address = ServiceAddress(parameters["url"].rstrip("/"), "option url")
    else:
        address = _wait_for_address(parameters, session, service, clock, deadline)
    scheme, path = urlsplit(address.url).scheme, _path(session, namespace, address.url)
    gateway = path.gateway if path else None
    listener = (
        _listener(session, gateway, path.section, scheme) if path and gateway else _NO_LISTENER
    )
    place = Place(namespace, name, parameters["metrics_service_account"], gateway)
    scheduled = view.router.get("scheduler") is not None
    return Service(
        address=address,
        model=parameters["model"] or view.served_name,
        evidence=Evidence(session, open_port(session), place),
        no_scheduler="" if scheduled else "the service has no scheduler (spec.router.scheduler)",
        path=path,
        listener=listener,
        session=session,
    )


def _path(session: Session, namespace: str, url: str) -> Path | None:
    """The rule that takes completions; None when it cannot be read, or there is none."""
    where = f"/apis/gateway.networking.k8s.io/v1/namespaces/{quote(namespace)}/httproutes"
    try:
        routes = list_objects(session, where)
    except ObjectReadError:
        return None
    return path_of(routes, f"{urlsplit(url).path.rstrip('/')}/v1/completions")


def _listener(session: Session, gateway: tuple[str, str], section: str, scheme: str) -> Listener:
    try:
        return listener_of(_gateway(session, *gateway), section, scheme)
    except ObjectReadError:
        return _NO_LISTENER


def _gateway(session: Session, namespace: str, name: str) -> Any:
    """Read a Gateway. Raises ObjectReadError."""
    return send(
        session,
        "GET",
        f"/apis/gateway.networking.k8s.io/v1/namespaces/{quote(namespace)}/gateways/{quote(name)}",
    )


def _wait_for_address(
    parameters: Mapping[str, Any],
    session: Session,
    service: dict[str, Any],
    clock: Clock,
    deadline: float,
) -> ServiceAddress:
    """Take the address from the status, else from the Gateway, once there is one."""
    name, namespace = parameters["name"], parameters["namespace"]
    while True:
        address = address_from_status(service) or _gateway_address(parameters, session)
        if address:
            return address
        if clock.monotonic() + _PAUSE > deadline:
            raise AddressError(
                f"LLMInferenceService {namespace}/{name} in {session.server} reports no address, "
                f"and Gateway {parameters['gateway']} has none. Expected status.url or "
                "status.addresses. Look at the Gateway's address and at the conditions "
                f"HTTPRoutesReady and RouterReady: kubectl -n {namespace} describe "
                f"llminferenceservice {name}"
            )
        clock.sleep(_PAUSE)
        service = read_service(session, namespace, name)


def _gateway_address(parameters: Mapping[str, Any], session: Session) -> ServiceAddress | None:
    namespace, _slash, name = parameters["gateway"].partition("/")
    try:
        gateway = _gateway(session, namespace, name)
    except ObjectReadError:
        return None
    return address_from_gateway(gateway, parameters["namespace"], parameters["name"])
