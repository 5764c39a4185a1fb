# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What does a reply, or its absence, mean? Pure.

Sources: vLLM 0.12 (routes, error bodies), gateway-api-inference-extension 1.2 and 1.5 (texts that
begin with "inference gateway:"), Envoy 1.36 (its own 404, 500 and 503 bodies), each seen in runs
with a real gateway, endpoint picker and KServe route.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.llmd.tpu.plugins.module_utils.findings import Finding, Severity, has_errors
from ansible_collections.llmd.tpu.plugins.module_utils.smoke.exchange import (
    Failure,
    FailureKind,
    Outcome,
    Reply,
    parse_json,
    quote,
)

# What can heal by waiting: a pod that starts, a route on its way to Envoy, an address to come.
TRANSIENT = frozenset(
    {
        "SMOKE-DNS",
        "SMOKE-CONNECT",
        "SMOKE-UNREACHABLE",
        "SMOKE-CONNECTION-LOST",
        "SMOKE-TIMEOUT",
        "SMOKE-ROUTE-NOT-FOUND",
        "SMOKE-SHED",
        "SMOKE-NO-ENDPOINT",
        "SMOKE-NO-UPSTREAM",
        "SMOKE-GATEWAY-CA",
        "SMOKE-UPSTREAM",
        "SMOKE-UNAVAILABLE",
        "SMOKE-SCHEDULER-FAILED",
    }
)


@dataclass(frozen=True)
class Judgement:
    """What a reply holds and what is wrong with it."""

    findings: tuple[Finding, ...] = ()
    model: str = ""
    text: str = ""
    finish_reason: str = ""
    usage: Mapping[str, int] = field(default_factory=dict)
    models: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Tell whether nothing is wrong enough to fail."""
        return not has_errors(self.findings)

    @property
    def may_heal(self) -> bool:
        """Tell whether asking again can help."""
        return not self.ok and all(
            one.code in TRANSIENT for one in self.findings if one.severity == "error"
        )


def judge_completion(outcome: Outcome, url: str, model: str) -> Judgement:
    """Judge the answer to a completion for ``model``."""
    refused = _refusal(outcome, url)
    if refused or isinstance(outcome, Failure):
        return Judgement(tuple(refused))
    answer = parse_json(outcome.body)
    if not isinstance(answer, dict):
        return Judgement((_not_json(outcome, url),))
    choices = answer.get("choices")
    first = choices[0] if isinstance(choices, list) and choices else None
    text = first.get("text") if isinstance(first, dict) else None
    if not isinstance(first, dict) or not isinstance(text, str):
        return Judgement((_shape(outcome, url, "choices[0].text with the generated text"),))
    usage = answer.get("usage")
    numbers = {
        str(key): value
        for key, value in (usage.items() if isinstance(usage, dict) else ())
        if isinstance(value, int) and not isinstance(value, bool)
    }
    served = answer.get("model")
    reason = first.get("finish_reason")
    findings = [
        *_judge_text(text, url),
        *_judge_model(served, model, url),
        *_judge_reason(reason, url),
        *_judge_usage(numbers, url),
    ]
    return Judgement(
        findings=tuple(findings),
        model=served if isinstance(served, str) else "",
        text=text,
        finish_reason=reason if isinstance(reason, str) else "",
        usage=numbers,
    )


def judge_models(outcome: Outcome, url: str, model: str) -> Judgement:
    """Judge the answer of /v1/models; ``model`` must be in it, unless it is empty."""
    refused = _refusal(outcome, url)
    if refused or isinstance(outcome, Failure):
        return Judgement(tuple(refused))
    answer = parse_json(outcome.body)
    if not isinstance(answer, dict):
        return Judgement((_not_json(outcome, url),))
    data = answer.get("data")
    names = [
        one["id"]
        for one in (data if isinstance(data, list) else [])
        if isinstance(one, dict) and isinstance(one.get("id"), str)
    ]
    if not names:
        return Judgement((_shape(outcome, url, "data with at least one model and its id"),))
    findings = []
    if model and model not in names:
        findings.append(
            _finding(
                "SMOKE-MODEL-NOT-LISTED",
                "the server does not list the model that was asked for",
                url,
                found=quote(", ".join(names)),
                expected=model,
                fix="ask for a listed name, or correct spec.model.name",
            )
        )
    return Judgement(tuple(findings), models=tuple(names))


def _judge_text(text: str, url: str) -> list[Finding]:
    if text.strip():
        return []
    return [
        _finding(
            "SMOKE-TEXT-EMPTY",
            "the model answered without any text",
            url,
            found=quote(repr(text)),
            expected="generated text",
            fix="try another prompt or more max_tokens; then look at the log of the model's pod",
        )
    ]


def _judge_model(served: object, model: str, url: str) -> list[Finding]:
    if served == model:
        return []
    return [
        _finding(
            "SMOKE-MODEL-NAME",
            "another model answered than was asked for",
            url,
            found=quote(str(served)),
            expected=model,
            fix="look for another route or model server behind this URL",
        )
    ]


def _judge_reason(reason: object, url: str) -> list[Finding]:
    if reason in ("stop", "length"):
        return []
    return [
        _finding(
            "SMOKE-FINISH-REASON",
            "the generation did not end as it should",
            url,
            severity="error" if reason in ("abort", "error") else "warning",
            found=quote(str(reason)),
            expected="stop or length",
            fix="look at the log of the model's pod",
        )
    ]


def _judge_usage(usage: Mapping[str, int], url: str) -> list[Finding]:
    prompt, completed = usage.get("prompt_tokens"), usage.get("completion_tokens")
    if prompt and completed and usage.get("total_tokens") == prompt + completed:
        return []
    return [
        _finding(
            "SMOKE-USAGE",
            "the token counts are missing or do not add up",
            url,
            severity="warning",
            found=quote(str(dict(usage))),
            expected="total_tokens = prompt_tokens + completion_tokens",
            fix="look at the version of the model server",
        )
    ]


# One row per way not to get a reply: code, message, fix.
_FAILURES: dict[FailureKind, tuple[str, str, str]] = {
    "dns": (
        "SMOKE-DNS",
        "the host name of the URL cannot be resolved here",
        "use an address that resolves on this machine, or set connect_to to a forwarded port",
    ),
    "refused": (
        "SMOKE-CONNECT",
        "nothing listens at the address",
        "check the gateway's Service and address, or the forwarded port given in connect_to",
    ),
    "unreachable": (
        "SMOKE-UNREACHABLE",
        "the address cannot be reached from this machine",
        "check route and firewall, or forward a port to the gateway and set connect_to",
    ),
    "tls": (
        "SMOKE-TLS",
        "TLS with the gateway failed",
        "give the gateway's certificate authority as gateway_ca_cert, or use a name that the "
        "certificate holds",
    ),
    "timeout": (
        "SMOKE-TIMEOUT",
        "the connection stands but no complete reply came in time",
        "raise request_timeout for a slow model; else look whether the gateway's and the model's "
        "pods are healthy",
    ),
    "lost": (
        "SMOKE-CONNECTION-LOST",
        "the peer closed the connection without a complete reply",
        "look at the log of the gateway pod; speak https to a TLS listener",
    ),
    "not-http": (
        "SMOKE-NOT-HTTP",
        "the peer does not speak HTTP",
        "check scheme and port of the URL, and connect_to",
    ),
}


def _refusal(outcome: Outcome, url: str) -> list[Finding]:
    """Explain an outcome that is no success; empty for a success."""
    if isinstance(outcome, Failure):
        code, message, fix = _FAILURES[outcome.kind]
        return [
            _finding(
                code,
                message,
                url,
                found=f"{quote(outcome.detail)} (connecting to {outcome.where}, "
                f"after {outcome.seconds:.1f} s)",
                expected="an HTTP reply",
                fix=fix,
            )
        ]
    if outcome.status == 200:
        if outcome.truncated:
            return [_too_large(outcome, url)]
        return []
    code, message, fix = _meaning(outcome)
    return [
        _finding(
            code,
            message,
            url,
            found=_shown(outcome),
            expected="HTTP 200",
            fix=fix,
        )
    ]


def _meaning(reply: Reply) -> tuple[str, str, str]:
    """Tell apart what answered and why: code, message, fix."""
    text = reply.body[:2000].decode("utf-8", "replace")
    status = reply.status
    if 300 <= status < 400:
        where = quote(reply.headers.get("location", "nowhere"))
        return (
            "SMOKE-REDIRECT",
            f"the gateway sends the client elsewhere: {where}",
            "use the URL it points to, after looking whether it is yours",
        )
    if status in (400, 422):
        if "prompt" in text.lower() and "required" in text.lower():
            return (
                "SMOKE-BODY-LOST",
                "the request's body did not reach the model server",
                "look at the ext_proc settings of the gateway (the body must be streamed in full)",
            )
        return (
            "SMOKE-BAD-REQUEST",
            "the request was refused as wrong",
            "read the reply; a too large max_tokens is the usual reason",
        )
    if status == 401:
        return (
            "SMOKE-UNAUTHORIZED",
            "the server wants credentials, or other ones",
            "pass them in headers, for example Authorization",
        )
    if status == 403:
        return (
            "SMOKE-FORBIDDEN",
            "the credentials do not suffice, or a policy refuses this client",
            "look at AuthorizationPolicies and external authentication in front of the gateway",
        )
    if status == 404:
        return _meaning_of_404(reply)
    if status == 426:
        return (
            "SMOKE-HTTP-VERSION",
            "the gateway refuses this version of HTTP",
            "look for a proxy in between that speaks HTTP/1.0",
        )
    if status == 429:
        return (
            "SMOKE-SHED",
            "the request was shed: the pool is saturated, or a rate limit is reached",
            "wait, or add replicas",
        )
    if status in (502, 503, 504):
        return _meaning_of_503(text)
    if status == 500:
        return _meaning_of_500(reply)
    return (
        "SMOKE-STATUS",
        "the reply has an unexpected status",
        "read the reply, then the log of the gateway pod",
    )


def _meaning_of_404(reply: Reply) -> tuple[str, str, str]:
    if not reply.body.strip():
        return (
            "SMOKE-ROUTE-NOT-FOUND",
            "the gateway has no route for this path (Envoy's empty 404)",
            "use the URL of the service's status (/NAMESPACE/NAME, no Host header); look whether "
            "its HTTPRoute exists and is accepted, and whether the service is stopped",
        )
    error = parse_json(reply.body)
    if isinstance(error, dict) and "model" in str(error.get("error", error)).lower():
        return (
            "SMOKE-MODEL-NOT-FOUND",
            "the model server knows no model of this name",
            "ask for the name in spec.model.name; /v1/models lists what is served",
        )
    return (
        "SMOKE-NOT-FOUND",
        "something behind this address answers 404, and it is no route of the gateway",
        "check the URL; look what listens at the address",
    )


def _meaning_of_503(text: str) -> tuple[str, str, str]:
    if "inference gateway:" in text:
        return (
            "SMOKE-NO-ENDPOINT",
            "the scheduler has no ready pod of this model",
            "look at the model's pods: kubectl get pods -l kserve.io/component=workload",
        )
    if "Secret is not supplied by SDS" in text:
        return (
            "SMOKE-GATEWAY-CA",
            "the gateway pod lacks the certificate authority of the model server",
            "check ConfigMap odh-ca-bundle and its mount in the gateway pod (role gateway)",
        )
    if "no healthy upstream" in text:
        return (
            "SMOKE-NO-UPSTREAM",
            "the gateway has no healthy pod behind this route",
            "look at the model's pods and at the Service that the route names",
        )
    if "upstream connect error" in text or "TLS_error" in text:
        return (
            "SMOKE-UPSTREAM",
            "the gateway cannot connect to the model server",
            "look at the model's pod, its certificate, and NetworkPolicies",
        )
    return (
        "SMOKE-UNAVAILABLE",
        "the service is not available",
        "read the reply; look at the model's pods and at the gateway's log",
    )


def _meaning_of_500(reply: Reply) -> tuple[str, str, str]:
    if not reply.body.strip():
        return (
            "SMOKE-SCHEDULER-FAILED",
            "the gateway failed before it reached the model server: the scheduler (EPP) does not "
            "answer, or the route's pool is not known to the gateway",
            "look at the EPP's pod and log, and at ResolvedRefs of the HTTPRoute",
        )
    return (
        "SMOKE-SERVER-ERROR",
        "the model server failed",
        "look at the log of the model's pod",
    )


def _shown(reply: Reply) -> str:
    body = quote(reply.body) if reply.body.strip() else "empty body"
    server = reply.headers.get("server", "")
    return f"HTTP {reply.status}, {body}" + (f" (server {quote(server, 50)})" if server else "")


def _not_json(reply: Reply, url: str) -> Finding:
    kind = quote(reply.headers.get("content-type", "no content type"), 80)
    return _finding(
        "SMOKE-NOT-JSON",
        "the reply is no JSON object",
        url,
        found=f"{kind}: {quote(reply.body) or 'empty body'}",
        expected="a JSON object, as the OpenAI API has it",
        fix="look what answers at this address: it is no model server",
    )


def _shape(reply: Reply, url: str, expected: str) -> Finding:
    return _finding(
        "SMOKE-SHAPE",
        "the reply is JSON but not the answer of a model server",
        url,
        found=quote(reply.body),
        expected=expected,
        fix="look what answers at this address",
    )


def _too_large(reply: Reply, url: str) -> Finding:
    return _finding(
        "SMOKE-BODY-TOO-LARGE",
        "the reply is far larger than an answer to this question",
        url,
        found=f"more than {len(reply.body)} bytes: {quote(reply.body)}",
        expected="some hundred bytes",
        fix="look what answers at this address",
    )


def _finding(
    code: str,
    message: str,
    url: str,
    *,
    found: str,
    expected: str,
    fix: str,
    severity: Severity = "error",
) -> Finding:
    return Finding(
        code=code,
        severity=severity,
        message=message,
        found=found,
        expected=expected,
        fix=fix,
        subject=url,
    )


def describe_usage(usage: Mapping[str, Any]) -> str:
    """Say the token counts in words; empty when they are unknown."""
    if "prompt_tokens" not in usage or "completion_tokens" not in usage:
        return ""
    return f"{usage['prompt_tokens']} + {usage['completion_tokens']} tokens"
