# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The result of a smoke test in words. Pure."""

from __future__ import annotations

from ansible_collections.llmd.tpu.plugins.module_utils.findings import Finding
from ansible_collections.llmd.tpu.plugins.module_utils.smoke.asking import Asked
from ansible_collections.llmd.tpu.plugins.module_utils.smoke.exchange import Reply, quote
from ansible_collections.llmd.tpu.plugins.module_utils.smoke.judge import describe_usage
from ansible_collections.llmd.tpu.plugins.module_utils.smoke.routing import Routing


def routing_finding(routing: Routing, required: bool, url: str) -> Finding | None:
    """Say what a missing proof means; None when the proof is there."""
    if routing.verdict == "proved":
        return None
    bypassed = routing.verdict == "not routed"
    return Finding(
        code="SMOKE-NOT-ROUTED" if bypassed else "SMOKE-ROUTING-UNPROVED",
        severity="error" if required else "warning" if bypassed else "info",
        message="the answer did not come by way of the scheduler"
        if bypassed
        else "it is not proved that the scheduler chose the pod that answered",
        found=f"{routing.verdict}: " + "; ".join(routing.reasons),
        expected="the scheduler's request counter rises, and its header or one pod's counter "
        "agrees",
        fix="look at the scheduler's pod and log; a pool that fails open answers without it"
        if bypassed
        else "make the counters readable: ServiceAccount and ClusterRoleBinding of "
        "metrics_service_account (role model makes them)",
        source="gateway-api-inference-extension, pkg/epp/metrics and failureMode FailOpen",
        subject=url,
    )


def summary(
    url: str,
    origin: str,
    connected_to: str,
    asked: Asked,
    models: tuple[str, ...],
    routing: Routing,
) -> list[str]:
    """Tell a person the result in a few lines."""
    judgement, outcome = asked.judgement, asked.outcome
    tries = f"attempt {asked.attempts}"
    if isinstance(outcome, Reply):
        first = f"HTTP {outcome.status} in {outcome.seconds:.2f} s from {url} ({origin})"
    else:
        first = f"no answer ({outcome.kind}) from {url} ({origin})"
    lines = [f"{first}, connected to {connected_to}, {tries}"]
    if judgement.text:
        details = [judgement.finish_reason, describe_usage(judgement.usage)]
        known = ", ".join(detail for detail in details if detail)
        lines.append(f'{judgement.model} wrote "{quote(judgement.text)}" ({known})')
    if models:
        lines.append(f"/v1/models lists {quote(', '.join(models))}")
    lines.append(f"scheduler: {routing.verdict} ({'; '.join(routing.reasons)})")
    return lines
