# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Why is there no answer? Pure.

Sources: vLLM 0.12 (error bodies), gateway-api-inference-extension 1.2 and 1.5 (texts that begin
with "inference gateway:"), Envoy 1.36 (its own 404, 500 and 503 bodies), each seen in runs with a
real gateway, endpoint picker and KServe route.
"""

from __future__ import annotations

import re

from ansible_collections.llmd.tpu.plugins.module_utils.findings import Finding
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
        "SMOKE-STALLED",
        "SMOKE-BROKEN-OFF",
        "SMOKE-ROUTE-NOT-FOUND",
        "SMOKE-SHED",
        "SMOKE-RATE-LIMIT",
        "SMOKE-NO-ENDPOINT",
        "SMOKE-NO-UPSTREAM",
        "SMOKE-GATEWAY-CA",
        "SMOKE-UPSTREAM",
        "SMOKE-SERVER-UNAVAILABLE",
        "SMOKE-GATEWAY-TIMEOUT",
        "SMOKE-UNAVAILABLE",
        "SMOKE-SCHEDULER-FAILED",
    }
)


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
    "certificate-authority": (
        "SMOKE-TLS-AUTHORITY",
        "the gateway's certificate is signed by nobody that is trusted here",
        "give the certificate authority of its issuer as gateway_ca_cert",
    ),
    "certificate-name": (
        "SMOKE-TLS-NAME",
        "the gateway's certificate is for another name",
        "use a URL with a name that the certificate holds, with connect_to for the address; or "
        "have a certificate made for this name",
    ),
    "certificate-time": (
        "SMOKE-TLS-TIME",
        "the gateway's certificate has expired, or is not valid yet",
        "renew the certificate of the listener; check this machine's clock",
    ),
    "not-tls": (
        "SMOKE-NOT-TLS",
        "the peer does not speak TLS",
        "use http for this port, or the port of the HTTPS listener",
    ),
    "tls": (
        "SMOKE-TLS",
        "TLS with the gateway failed",
        "look which TLS versions and client certificates the listener wants",
    ),
    "timeout": (
        "SMOKE-TIMEOUT",
        "the connection stands but no reply came in time",
        "raise request_timeout for a slow model (first_timeout for its first answer); else look "
        "whether the gateway's and the model's pods are healthy",
    ),
    "stalled": (
        "SMOKE-STALLED",
        "the reply began but did not end in time",
        "raise request_timeout for a slow model or lower max_tokens; else look at the log of the "
        "model's pod",
    ),
    "lost": (
        "SMOKE-CONNECTION-LOST",
        "the peer closed the connection without a reply",
        "look at the log of the gateway pod; speak https to a TLS listener",
    ),
    "broken-off": (
        "SMOKE-BROKEN-OFF",
        "the reply began and was cut off",
        "look whether the model's pod or the gateway's was restarted, and at the route's timeouts",
    ),
    "not-http": (
        "SMOKE-NOT-HTTP",
        "the peer does not speak HTTP",
        "check scheme and port of the URL, and connect_to",
    ),
}


def refusal(outcome: Outcome, url: str) -> Finding | None:
    """Explain an outcome that is no success; None for a success."""
    expected = "HTTP 200"
    if isinstance(outcome, Failure):
        code, message, fix = _FAILURES[outcome.kind]
        after = f"connecting to {outcome.where}, after {outcome.seconds:.1f} s"
        found, expected = f"{quote(outcome.detail, 500)} ({after})", "a whole HTTP reply"
    elif outcome.status == 200:
        return None
    else:
        code, message, fix = _meaning(outcome)
        found = _shown(outcome)
    return Finding(
        code=code,
        severity="warning" if code == "SMOKE-NO-CHAT-TEMPLATE" else "error",
        message=message,
        found=found,
        expected=expected,
        fix=fix,
        subject=url,
    )


def _meaning(reply: Reply) -> tuple[str, str, str]:
    """Tell apart what answered and why: code, message, fix."""
    text = reply.body[:2000].decode("utf-8", "replace")
    status = reply.status
    if 300 <= status < 400:
        where = quote(reply.headers.get("location", "nowhere"), hidden=reply.hidden)
        return (
            "SMOKE-REDIRECT",
            f"the gateway sends the client elsewhere: {where}",
            "use the URL it points to, after looking whether it is yours",
        )
    if status in (400, 422):
        if "chat template" in text:
            return (
                "SMOKE-NO-CHAT-TEMPLATE",
                "the model has no chat template, so it answers completions only",
                "leave chat and chat_stream out of ask, or give vLLM a --chat-template",
            )
        if re.search("(prompt|messages).*required", text, re.IGNORECASE | re.DOTALL):
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
        if "inference gateway:" in text:
            return (
                "SMOKE-SHED",
                "the scheduler shed the request: the pool is saturated",
                "wait, or add replicas",
            )
        return (
            "SMOKE-RATE-LIMIT",
            "a rate limit is reached",
            "wait; look for rate limits in front of the gateway",
        )
    if status in (502, 503, 504):
        return _meaning_of_503(reply, text)
    if status == 500:
        return _meaning_of_500(reply)
    return (
        "SMOKE-STATUS",
        "the reply has an unexpected status",
        "read the reply, then the log of the gateway pod",
    )


def _meaning_of_404(reply: Reply) -> tuple[str, str, str]:
    if not reply.body.strip() and "envoy" in reply.headers.get("server", "envoy").lower():
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


def _meaning_of_503(reply: Reply, text: str) -> tuple[str, str, str]:
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
    if reply.status == 504 or "upstream request timeout" in text:
        return (
            "SMOKE-GATEWAY-TIMEOUT",
            "the gateway, or something before it, waited for the model long enough",
            "look at the timeouts of the HTTPRoute and of the load balancer; lower max_tokens",
        )
    if isinstance(parse_json(reply.body), dict):
        return (
            "SMOKE-SERVER-UNAVAILABLE",
            "the model server itself is not available: its engine is dead or ends",
            "look at the log of the model's pod",
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
    body = reply.quoted() if reply.body.strip() else "empty body"
    server = reply.headers.get("server", "")
    return f"HTTP {reply.status}, {body}" + (f" (server {quote(server, 50)})" if server else "")
