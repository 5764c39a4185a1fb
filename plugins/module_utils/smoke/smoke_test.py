# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The whole test: ask a model through its gateway, judge the answer, prove how it was routed."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote

from ansible_collections.llmd.tpu.plugins.module_utils.connection import (
    ConnectionProblem,
    Session,
    connect,
    connection_options,
)
from ansible_collections.llmd.tpu.plugins.module_utils.findings import (
    Finding,
    failure_message,
    has_errors,
    sort_findings,
)
from ansible_collections.llmd.tpu.plugins.module_utils.serving.live import (
    ObjectReadError,
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
from ansible_collections.llmd.tpu.plugins.module_utils.smoke.asking import Asked, Clock, ask_until
from ansible_collections.llmd.tpu.plugins.module_utils.smoke.evidence import Evidence, OpenPort
from ansible_collections.llmd.tpu.plugins.module_utils.smoke.exchange import (
    Reply,
    bad_header,
    completion,
    model_list,
)
from ansible_collections.llmd.tpu.plugins.module_utils.smoke.judge import (
    judge_completion,
    judge_models,
)
from ansible_collections.llmd.tpu.plugins.module_utils.smoke.port_forward import PortForward
from ansible_collections.llmd.tpu.plugins.module_utils.smoke.report import (
    routing_finding,
    summary,
)
from ansible_collections.llmd.tpu.plugins.module_utils.smoke.routing import (
    RESPONSE_HEADER,
    Counters,
    Routing,
    weigh,
)
from ansible_collections.llmd.tpu.plugins.module_utils.smoke.transport import HttpTransport


def argument_spec() -> dict[str, Any]:
    """Give the options of the task, with kubernetes.core's connection options."""
    return {
        **connection_options(),
        "name": {"type": "str"},
        "namespace": {"type": "str"},
        "url": {"type": "str"},
        "gateway": {"type": "str", "default": "opendatahub/inference-gateway"},
        "connect_to": {"type": "list", "elements": "str", "default": []},
        "model": {"type": "str"},
        "prompt": {"type": "str", "default": "The capital of France is"},
        "max_tokens": {"type": "int", "default": 16},
        "headers": {"type": "dict", "default": {}, "no_log": True},
        "gateway_ca_cert": {"type": "path"},
        "wait_timeout": {"type": "int", "default": 300},
        "request_timeout": {"type": "int", "default": 60},
        "require_scheduler": {"type": "bool", "default": False},
        "metrics_service_account": {"type": "str", "default": "llmd-tpu-metrics-reader"},
    }


CONSTRAINTS: dict[str, Any] = {
    "required_one_of": [("name", "url")],
    "required_together": [("name", "namespace")],
}

SKIPPED = {"changed": False, "skipped": True, "msg": "check mode: no model is asked"}


@dataclass(frozen=True)
class World:
    """What the smoke test touches besides the gateway; tests pass stand-ins."""

    connect: Callable[[Mapping[str, Any]], Session] = connect
    open_port: Callable[[Any], OpenPort] = PortForward.of_session
    clock: Clock = time


@dataclass(frozen=True)
class Service:
    """The service that is asked: its address, model, and what can be counted."""

    address: ServiceAddress
    model: str
    evidence: Evidence | None
    no_evidence: str = ""


def run(parameters: Mapping[str, Any], world: World | None = None) -> dict[str, Any]:
    """Ask, judge, and give the task's result; never raises for bad input or a bad answer."""
    world = world or World()
    try:
        return _run(parameters, world)
    except (AddressError, ObjectReadError, ConnectionProblem) as problem:
        return {"failed": True, "changed": False, "ok": False, "msg": str(problem)}


def _run(parameters: Mapping[str, Any], world: World) -> dict[str, Any]:
    headers = {str(name): str(text) for name, text in parameters["headers"].items()}
    transport = _transport(parameters, headers)
    deadline = world.clock.monotonic() + parameters["wait_timeout"]
    service = _find_service(parameters, world, deadline)
    connected_to = transport.where(service.address.url)
    asker = _Asker(transport, service, headers, deadline, world.clock)
    model, listed = service.model, None
    if not model:
        listed = asker.models("")
        if not listed.judgement.ok:
            nothing = Routing("unknown", ("there is no model to ask for",))
            findings = list(listed.judgement.findings)
            return _result(service.address, connected_to, listed, listed, nothing, findings)
        model = listed.judgement.models[0]
    asked, routing = asker.answer(model, parameters["prompt"], parameters["max_tokens"])
    listed = listed or asker.models(model)
    findings = [*asked.judgement.findings, *listed.judgement.findings]
    required = parameters["require_scheduler"]
    proof = routing_finding(routing, required, service.address.url)
    if proof and asked.judgement.ok and (required or service.evidence):
        findings.append(proof)
    return _result(service.address, connected_to, asked, listed, routing, sort_findings(findings))


def _transport(parameters: Mapping[str, Any], headers: Mapping[str, str]) -> HttpTransport:
    """Check the options and prepare the client. Raises AddressError."""
    for name in ("max_tokens", "request_timeout"):
        if parameters[name] < 1:
            raise AddressError(f"{name} is {parameters[name]}; expected a number of at least 1.")
    header = bad_header(headers)
    if header:
        raise AddressError(
            f"headers: {header} cannot be sent. Expected a name of letters, digits and dashes and "
            "a value on one line; a trailing line break of a secret file is the usual cause."
        )
    return HttpTransport(
        timeout=parameters["request_timeout"],
        connect_to=parameters["connect_to"],
        ca_cert=parameters["gateway_ca_cert"],
    )


def _find_service(parameters: Mapping[str, Any], world: World, deadline: float) -> Service:
    """Find URL, model and counters. Raises ObjectReadError, ConnectionProblem, AddressError."""
    name, namespace = parameters["name"], parameters["namespace"]
    if name is None:
        address = ServiceAddress(parameters["url"].rstrip("/"), "option url")
        reason = "only a url was given, so there is no cluster to ask"
        return Service(address, parameters["model"] or "", None, reason)
    session = world.connect(parameters)
    service = read_service(session, namespace, name)
    view = View(service)
    if view.router.get("scheduler") is not None:
        account = parameters["metrics_service_account"]
        evidence = Evidence(session, world.open_port(session), namespace, name, account)
        reason = ""
    else:
        evidence, reason = None, "the service has no scheduler (spec.router.scheduler)"
    model = parameters["model"] or view.served_name
    if parameters["url"]:
        address = ServiceAddress(parameters["url"].rstrip("/"), "option url")
    else:
        address = _wait_for_address(parameters, session, service, world.clock, deadline)
    return Service(address, model, evidence, reason)


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


_PAUSE = 2.0


def _gateway_address(parameters: Mapping[str, Any], session: Session) -> ServiceAddress | None:
    namespace, _slash, name = parameters["gateway"].partition("/")
    path = (
        f"/apis/gateway.networking.k8s.io/v1/namespaces/{quote(namespace)}/gateways/{quote(name)}"
    )
    try:
        gateway = send(session, "GET", path)
    except ObjectReadError:
        return None
    return address_from_gateway(gateway, parameters["namespace"], parameters["name"])


@dataclass(frozen=True)
class _Asker:
    """Asks one service, and reads the counters around the question."""

    transport: HttpTransport
    service: Service
    headers: Mapping[str, str]
    deadline: float
    clock: Clock

    def models(self, model: str) -> Asked:
        """Ask which models are served; ``model`` must be among them."""
        request = model_list(self.service.address.url, self.headers)
        return ask_until(
            self.transport,
            request,
            lambda outcome: judge_models(outcome, request.url, model),
            self.deadline,
            self.clock,
        )

    def answer(self, model: str, prompt: str, max_tokens: int) -> tuple[Asked, Routing]:
        """Ask for a completion until it is good, and weigh how it was routed."""
        url = self.service.address.url
        request = completion(url, model, prompt, max_tokens, self.headers)

        def ask(deadline: float) -> tuple[tuple[Counters, Counters], Asked]:
            return self._count(model), ask_until(
                self.transport,
                request,
                lambda outcome: judge_completion(outcome, url, model),
                deadline,
                self.clock,
            )

        before, asked = ask(self.deadline)
        if asked.judgement.ok and asked.attempts > 1:
            # The failed tries may have been counted as well: one more question is counted alone.
            before, again = ask(self.clock.monotonic())
            asked = replace(again, attempts=asked.attempts + 1)
        return asked, self._weigh(model, asked, before)

    def _count(self, model: str) -> tuple[Counters, Counters]:
        evidence = self.service.evidence
        if evidence is None:
            return Counters(), Counters()
        return evidence.scheduler(model), evidence.servers(model)

    def _weigh(self, model: str, asked: Asked, before: tuple[Counters, Counters]) -> Routing:
        """Read the counters until they prove it; a server counts a moment after it answered."""
        if not asked.judgement.ok or not isinstance(asked.outcome, Reply):
            return Routing("unknown", ("there was no good answer to weigh",), before[0].total)
        header = RESPONSE_HEADER in asked.outcome.headers
        if self.service.evidence is None:
            return Routing("likely" if header else "unknown", (self.service.no_evidence,))
        for remaining in (3, 2, 1, 0):
            after = self._count(model)
            routing = weigh((before[0], after[0]), (before[1], after[1]), header)
            complete = routing.verdict == "proved" and routing.answered_by
            if complete or before[0].total is None:  # nothing to compare with
                break
            if remaining:
                self.clock.sleep(1.0)
        return routing


def _result(
    address: ServiceAddress,
    connected_to: str,
    asked: Asked,
    listed: Asked,
    routing: Routing,
    findings: list[Finding],
) -> dict[str, Any]:
    reply = asked.outcome if isinstance(asked.outcome, Reply) else None
    judgement = asked.judgement
    ok = not has_errors(findings)
    result: dict[str, Any] = {
        "changed": False,
        "ok": ok,
        "url": address.url,
        "url_origin": address.origin,
        "connected_to": connected_to,
        "status": reply.status if reply else None,
        "model": judgement.model,
        "text": judgement.text,
        "finish_reason": judgement.finish_reason,
        "usage": dict(judgement.usage),
        "models": list(listed.judgement.models),
        "latency_seconds": round(reply.seconds, 4) if reply and judgement.ok else None,
        "attempts": asked.attempts,
        "scheduler": routing.to_dict(),
        "findings": [finding.to_dict() for finding in findings],
        "summary": summary(
            address.url, address.origin, connected_to, asked, listed.judgement.models, routing
        ),
    }
    if not ok:
        result.update(failed=True, msg=failure_message(address.url, findings))
    return result
