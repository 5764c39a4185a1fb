# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The whole test: ask a model through its gateway, judge the answer, prove how it was routed."""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from ansible.module_utils.common.parameters import remove_values
from ansible_collections.llmd.tpu.plugins.module_utils.connection import (
    ConnectionProblem,
    Session,
    connect,
    connection_options,
)
from ansible_collections.llmd.tpu.plugins.module_utils.serving.live import ObjectReadError
from ansible_collections.llmd.tpu.plugins.module_utils.smoke.address import (
    AddressError,
    WayProblem,
)
from ansible_collections.llmd.tpu.plugins.module_utils.smoke.answers import Answers
from ansible_collections.llmd.tpu.plugins.module_utils.smoke.asker import Asker, Limits
from ansible_collections.llmd.tpu.plugins.module_utils.smoke.asking import Clock
from ansible_collections.llmd.tpu.plugins.module_utils.smoke.exchange import (
    Outcome,
    Reply,
    bad_header,
    secrets_of,
)
from ansible_collections.llmd.tpu.plugins.module_utils.smoke.port_forward import (
    OpenPort,
    PortForward,
)
from ansible_collections.llmd.tpu.plugins.module_utils.smoke.questions import (
    QUESTIONS,
    STREAMS,
    Question,
    Wish,
)
from ansible_collections.llmd.tpu.plugins.module_utils.smoke.report import routing_finding
from ansible_collections.llmd.tpu.plugins.module_utils.smoke.schema import schema_problem
from ansible_collections.llmd.tpu.plugins.module_utils.smoke.service import find_service
from ansible_collections.llmd.tpu.plugins.module_utils.smoke.ways import WAYS, choose


def argument_spec() -> dict[str, Any]:
    """Give the options of the task, with kubernetes.core's connection options."""
    return {
        **connection_options(),
        "name": {"type": "str"},
        "namespace": {"type": "str"},
        "url": {"type": "str"},
        "gateway": {"type": "str", "default": "opendatahub/inference-gateway"},
        "way": {"type": "str", "choices": list(WAYS), "default": "auto"},
        "job_image": {"type": "str"},
        "connect_to": {"type": "list", "elements": "str", "default": []},
        "model": {"type": "str"},
        "ask": {
            "type": "list",
            "elements": "str",
            "choices": list(QUESTIONS),
            "default": ["models", "completion", "chat", "stream"],
        },
        "prompt": {"type": "str", "default": "The capital of France is"},
        "max_tokens": {"type": "int", "default": 16, "no_log": False},
        "answer_pattern": {"type": "str"},
        "answer_schema": {"type": "dict"},
        "headers": {"type": "dict", "default": {}, "no_log": True},
        "gateway_ca_cert": {"type": "path"},
        "wait_timeout": {"type": "int", "default": 300},
        "first_timeout": {"type": "int", "default": 180},
        "request_timeout": {"type": "int", "default": 60},
        "prefixes": {"type": "int", "default": 4},
        "repeats": {"type": "int", "default": 0},
        "concurrency": {"type": "int", "default": 1},
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


def run(parameters: Mapping[str, Any], world: World | None = None) -> dict[str, Any]:
    """Ask, judge, and give the task's result; never raises for bad input or a bad answer."""
    headers = {str(name): str(text) for name, text in parameters["headers"].items()}
    try:
        result = _run(parameters, headers, world or World())
    except (AddressError, WayProblem, ObjectReadError, ConnectionProblem) as problem:
        result = {"failed": True, "changed": False, "ok": False, "msg": str(problem)}
    # Whatever a server sent back of them: the controller's own masking knows modules only.
    shown: dict[str, Any] = remove_values(result, secrets_of(headers))
    return shown


def _run(parameters: Mapping[str, Any], headers: Mapping[str, str], world: World) -> dict[str, Any]:
    _check_options(parameters, headers)
    deadline = world.clock.monotonic() + parameters["wait_timeout"]
    service = find_service(parameters, world.connect, world.open_port, world.clock, deadline)
    wish = Wish(
        model=service.model,
        prompt=parameters["prompt"],
        max_tokens=parameters["max_tokens"],
        pattern=parameters["answer_pattern"] or "",
        schema=parameters["answer_schema"],
        headers=headers,
    )
    chosen = choose(parameters, service, world.open_port, world.clock)
    transport = chosen.transport
    limits = Limits(deadline, parameters["first_timeout"], parameters["request_timeout"])
    asker = Asker(transport, service, wish, limits, world.clock)
    answers = Answers(service, chosen.way, transport.where(service.address.url))
    detour = chosen.finding(service.address.url)
    answers.findings += [detour] if detour else []
    if not wish.model:
        listed, _seconds, _routing = asker.first("models")
        answers.add("models", listed)
        if not listed.judgement.ok:
            return answers.result()
        asker = replace(asker, wish=replace(wish, model=listed.judgement.models[0]))
    _ask(asker, answers, parameters)
    return answers.result()


def _ask(asker: Asker, answers: Answers, parameters: Mapping[str, Any]) -> None:
    """Ask everything that is wanted, the first question until it is answered."""
    wanted: list[Question] = [
        one for one in QUESTIONS if one in parameters["ask"] and one not in answers.asked
    ]
    generating = [one for one in wanted if one != "models"]
    if not wanted:
        return
    lead = (generating or wanted)[0]
    asked, seconds, routing = asker.first(lead)
    answers.add(lead, asked)
    answers.routing = routing
    answers.first_seconds = seconds if asked.judgement.ok else None
    if not asked.judgement.answered:
        # The list takes another way through the gateway; the rest would only fail the same.
        if "models" in wanted and generating and _reached(asked.outcome):
            answers.add("models", asker.others(["models"])[0])
        return
    required = parameters["require_scheduler"]
    proof = routing_finding(routing, required, asker.service.path, asker.url)
    if proof and generating and (required or not asker.service.no_scheduler):
        answers.findings.append(proof)
    rest = [one for one in wanted if one != lead]
    for question, one in zip(rest, asker.others(rest), strict=True):
        answers.add(question, one)
    if parameters["repeats"] and generating:
        repeated = next((one for one in generating if one in STREAMS), lead)
        concurrency = parameters["concurrency"]
        answers.add_repeated(
            asker.repeat(repeated, parameters["repeats"], concurrency), concurrency
        )
    # Which replica answered is seen between requests only, and a Job sends them all at once.
    number = parameters["prefixes"]
    if number and generating and answers.way != "job" and asker.replicas() > 1:
        answers.add_prefixes(asker.prefixes(number, secrets.token_hex(3)))


def _reached(outcome: Outcome) -> bool:
    """Whether something answers HTTP at the address, be it late."""
    return isinstance(outcome, Reply) or outcome.kind in ("timeout", "stalled", "broken-off")


def _check_options(parameters: Mapping[str, Any], headers: Mapping[str, str]) -> None:
    """Raise AddressError for what no run can use."""
    least = {"max_tokens": 1, "request_timeout": 1, "first_timeout": 1, "concurrency": 1}
    for name, number in {**least, "prefixes": 0, "repeats": 0, "wait_timeout": 0}.items():
        if parameters[name] < number:
            raise AddressError(
                f"{name} is {parameters[name]}; expected a number of at least {number}."
            )
    if not parameters["ask"]:
        raise AddressError(f"ask is empty. Expected at least one of {', '.join(QUESTIONS)}.")
    header = bad_header(headers)
    if header:
        raise AddressError(
            f"headers: {header} cannot be sent. Expected a name of letters, digits and dashes and "
            "a value on one line; a trailing line break of a secret file is the usual cause."
        )
    try:
        re.compile(parameters["answer_pattern"] or "")
    except re.error as problem:
        raise AddressError(
            f"answer_pattern is no regular expression: {problem}. Expected one of Python's."
        ) from problem
    if parameters["answer_schema"] is not None:
        reason = schema_problem(parameters["answer_schema"])
        if reason:
            raise AddressError(f"answer_schema cannot be used: {reason}.")
