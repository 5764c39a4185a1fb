# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The result of a smoke test in words. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.llmd.tpu.plugins.module_utils.findings import Finding
from ansible_collections.llmd.tpu.plugins.module_utils.smoke.address import ServiceAddress
from ansible_collections.llmd.tpu.plugins.module_utils.smoke.asking import Asked
from ansible_collections.llmd.tpu.plugins.module_utils.smoke.exchange import Reply, quote
from ansible_collections.llmd.tpu.plugins.module_utils.smoke.measure import Record
from ansible_collections.llmd.tpu.plugins.module_utils.smoke.routes import Path
from ansible_collections.llmd.tpu.plugins.module_utils.smoke.routing import Routing


def routing_finding(
    routing: Routing, required: bool, path: Path | None, url: str
) -> Finding | None:
    """Say what a missing proof means; None when the proof is there."""
    if routing.verdict == "proved":
        return None
    if path is not None and not path.pooled:
        return Finding(
            code="SMOKE-ROUTE-BYPASS",
            severity="error" if required else "warning",
            message="the route leads round the scheduler",
            found=f"HTTPRoute {path.route} sends {path.prefix} to "
            f"{', '.join(path.backends) or 'nothing'}",
            expected="a backend of kind InferencePool",
            fix="let KServe make the route (spec.router.route: {}), or name the pool in yours; "
            "look for another route with a longer path",
            source="Gateway API, HTTPRoute: the longest path wins",
            subject=url,
        )
    bypassed = routing.verdict == "not routed"
    return Finding(
        code="SMOKE-NOT-ROUTED" if bypassed else "SMOKE-ROUTING-UNPROVED",
        severity="error" if required else "warning" if bypassed else "info",
        message="the answer did not come by way of the scheduler"
        if bypassed
        else "it is not proved that the scheduler chose the pod that answered",
        found=f"{routing.verdict}: " + "; ".join(routing.reasons),
        expected="two places that tell of the scheduler, one of them of this request alone",
        fix="look at the scheduler's pod and log; a pool that fails open answers without it"
        if bypassed
        else "make the counters readable: ServiceAccount and ClusterRoleBinding of "
        "metrics_service_account (role model makes them)",
        source="gateway-api-inference-extension, pkg/epp/metrics and failureMode FailOpen",
        subject=url,
    )


def summary(
    address: ServiceAddress,
    connected_to: str,
    lead: Asked,
    records: Sequence[Record],
    models: tuple[str, ...],
    routing: Routing,
    measured: Mapping[str, Any] | None,
) -> list[str]:
    """Tell a person the result in a few lines."""
    judgement, outcome = lead.judgement, lead.outcome
    place = f"{address.url} ({address.origin}), connected to {connected_to}"
    if isinstance(outcome, Reply):
        first = f"HTTP {outcome.status} in {outcome.seconds:.2f} s from {place}"
    else:
        first = f"no answer ({outcome.kind}) from {place}"
    lines = [f"{first}, attempt {lead.attempts}"]
    if judgement.text:
        details = [judgement.finish_reason, _tokens(judgement.usage)]
        known = ", ".join(detail for detail in details if detail)
        lines.append(f'{judgement.model} wrote "{quote(judgement.text)}" ({known})')
    lines += [_line(record) for record in records if record.question != "models"][1:]
    if models:
        lines.append(f"/v1/models lists {quote(', '.join(models))}")
    if measured:
        lines.append(_measured(measured))
    lines.append(f"scheduler: {routing.verdict} ({'; '.join(routing.reasons)})")
    return lines


def _tokens(usage: Mapping[str, int]) -> str:
    """Say the token counts in words; empty when they are unknown."""
    if "prompt_tokens" not in usage or "completion_tokens" not in usage:
        return ""
    return f"{usage['prompt_tokens']} + {usage['completion_tokens']} tokens"


def _line(record: Record) -> str:
    ended = "answered" if record.ok else record.code
    line = f"{record.question}: {ended} in {record.seconds:.2f} s"
    if record.first_token_seconds is not None:
        line += f", first token after {record.first_token_seconds:.3f} s"
    if record.token_seconds is not None:
        line += f", then one every {record.token_seconds * 1000:.1f} ms"
    return line


def _measured(measured: Mapping[str, Any]) -> str:
    line = (
        f"{measured['requests']} more ({measured['question']}, {measured['concurrency']} at once): "
        f"{measured['failed']} failed"
    )
    for name, label in (("seconds", "whole answer"), ("first_token_seconds", "first token")):
        if measured[name]:
            line += (
                f"; {label} p50 {measured[name]['p50']:.3f} s, p95 {measured[name]['p95']:.3f} s"
            )
    return line
