# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The figures of services in words. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ansible_collections.llmd.tpu.plugins.module_utils.metrics.sight import Service, Sight


def lines(sight: Sight) -> Iterator[str]:
    """Tell a person the figures, some lines a service."""
    for service in sight.services:
        yield f"{service.subject} ({service.model})"
        if service.stopped:
            yield "  stopped on purpose"
            continue
        for line in _of_service(service, sight.seconds):
            yield f"  {line}"
    for gateway in sight.gateways:
        responses = gateway.party.now.get("responses_by_response_code")
        if responses:
            told = ", ".join(f"{number} x {code}" for code, number in sorted(responses.items()))
            yield f"{gateway.subject}: responses {told}"


def _of_service(service: Service, seconds: float) -> Iterator[str]:
    now, recent = service.servers.now, service.servers.recent
    reasons = now.get("requests_finished_by_finished_reason") or {}
    ended = ", ".join(f"{number} {reason}" for reason, number in sorted(reasons.items()) if number)
    yield (
        f"model servers: {len(service.servers.read)} of {len(service.servers.pods)} read; "
        f"requests {_told(now, 'requests_running')} running, {_told(now, 'requests_waiting')} "
        f"waiting, {_told(now, 'requests_finished')} finished" + (f" ({ended})" if ended else "")
    )
    if recent and seconds:
        rate = (recent.get("generation_tokens") or 0) / seconds
        yield (
            f"within {seconds:.1f} s: {_told(recent, 'requests_finished')} requests finished, "
            f"{rate:.1f} tokens/s generated"
        )
    size = f" of {now['kv_cache_tokens']:,} tokens" if now.get("kv_cache_tokens") else ""
    yield (
        f"KV cache {_told(now, 'kv_cache_percent')} %{size}; preemptions "
        f"{_told(now, 'preemptions')}; prefix cache {_told(now, 'prefix_hit_percent')} % hits of "
        f"{_told(now, 'prefix_queried_tokens')} tokens"
    )
    yield (
        f"times (mean): first token {_seconds(now, 'first_token_seconds')}, further tokens "
        f"{_seconds(now, 'token_seconds')} each, whole request "
        f"{_seconds(now, 'request_seconds')}, in the queue {_seconds(now, 'queue_seconds')}"
    )
    if service.scheduled:
        seen = service.scheduler.now
        yield (
            f"scheduler: {_told(seen, 'requests')} requests, {_told(seen, 'request_errors')} "
            f"failed; pool of {_told(seen, 'pool_ready_pods')} ready, on average "
            f"{_told(seen, 'pool_requests_waiting_average')} waiting and KV cache "
            f"{_told(seen, 'pool_kv_cache_percent_average')} %"
        )
    way = service.endpoints.now
    yield (
        f"gateway {'/'.join(service.gateway)}: {_told(way, 'server_requests')} requests to model "
        f"servers, {_told(way, 'server_errors')} failed; {_told(way, 'scheduler_requests')} "
        f"questions to the scheduler, {_told(way, 'scheduler_errors')} failed"
    )


def _told(figures: Mapping[str, Any], name: str) -> str:
    value = figures.get(name)
    return "?" if value is None else f"{value:.1f}" if isinstance(value, float) else str(value)


def _seconds(figures: Mapping[str, Any], name: str) -> str:
    value = figures.get(name)
    return "?" if value is None else f"{value:.4f} s"
