# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Does a model server that does not answer compile, work, fail, or get no request? Pure.

Sources: tpu-inference 0.11 to 0.13 (log lines of the compilation, which comes before the API
opens), vLLM's gauge ``vllm:num_requests_running``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.llmd.tpu.plugins.module_utils.findings import Finding, Severity
from ansible_collections.llmd.tpu.plugins.module_utils.readiness.pods import judge as judge_pods
from ansible_collections.llmd.tpu.plugins.module_utils.smoke.exchange import quote

# Failures that the state of the model's pods can explain.
EXPLAINED = frozenset(
    {
        "SMOKE-TIMEOUT",
        "SMOKE-STALLED",
        "SMOKE-CONNECTION-LOST",
        "SMOKE-BROKEN-OFF",
        "SMOKE-NO-ENDPOINT",
        "SMOKE-NO-UPSTREAM",
        "SMOKE-UPSTREAM",
        "SMOKE-SERVER-UNAVAILABLE",
        "SMOKE-GATEWAY-TIMEOUT",
        "SMOKE-UNAVAILABLE",
    }
)
_COMPILES = re.compile(r"[Pp]recompil|[Cc]ompil(ing|ation)")
_COMPILED = re.compile(r"Compilation finished|Application startup complete")

# What the pods say: severity, code, message, fix.
_STATES: dict[str, tuple[Severity, str, str, str]] = {
    "broken": (
        "error",
        "SMOKE-SERVER-BROKEN",
        "the model server cannot run, so waiting does not help",
        "look at the pod: kubectl describe pod, kubectl logs --previous",
    ),
    "compiling": (
        "info",
        "SMOKE-SERVER-COMPILING",
        "the model server compiles for the TPU and answers when that is done",
        "wait: raise wait_timeout, or ask again later",
    ),
    "starting": (
        "info",
        "SMOKE-SERVER-STARTING",
        "no pod of the model server is ready",
        "wait, or look at the pods; with spec.replicas 0 or the annotation to stop there are none",
    ),
    "working": (
        "info",
        "SMOKE-SERVER-WORKING",
        "the request reached the model server, which is at work on it",
        "raise first_timeout: it compiles on demand (SKIP_JAX_PRECOMPILE), or is overloaded",
    ),
    "idle": (
        "info",
        "SMOKE-SERVER-IDLE",
        "the model server is ready and has no request: ours did not get there",
        "look at the way there: route, scheduler, NetworkPolicies, the log of the gateway pod",
    ),
}


@dataclass(frozen=True)
class Server:
    """One pod of the model server."""

    pod: str
    ready: bool = False
    trouble: str = ""
    hopeless: bool = False
    compiling: str = ""
    running: float | None = None
    """Requests that it holds; None when nobody knows."""


def server_of(pod: Mapping[str, Any], log: str, running: float | None) -> Server:
    """Read a pod, the end of its log, and the gauge of its requests."""
    conditions = (pod.get("status") or {}).get("conditions") or ()
    ready = any(one.get("type") == "Ready" and one.get("status") == "True" for one in conditions)
    verdict = None if ready else judge_pods([pod], (), {})
    return Server(
        pod=str(pod["metadata"]["name"]),
        ready=ready,
        trouble=verdict.reason if verdict else "",
        hopeless=bool(verdict and verdict.hopeless),
        compiling=_compiling(log),
        running=running,
    )


def _compiling(log: str) -> str:
    """The log line that says so, when compilation was the last thing that it tells."""
    for line in reversed(log.splitlines()):
        if _COMPILED.search(line):
            return ""
        if _COMPILES.search(line):
            return quote(line.strip())
    return ""


def explain(servers: Sequence[Server], url: str) -> Finding | None:
    """Say what the servers do; None when that is not known."""
    ready = [one for one in servers if one.ready]
    compiling = next((one for one in servers if one.compiling), None)
    holding = sum(one.running or 0 for one in servers)
    if servers and all(one.hopeless for one in servers):
        state, found = "broken", "; ".join(one.trouble for one in servers)
    elif compiling and (holding or not ready):
        state, found = "compiling", f"pod {compiling.pod} writes: {compiling.compiling}"
    elif not ready:
        waiting = "; ".join(one.trouble or f"pod {one.pod} is not ready" for one in servers)
        state, found = "starting", waiting or "there are no pods"
    elif holding:
        state, found = "working", f"vllm:num_requests_running is {holding:g}"
    elif all(one.running is not None for one in ready):
        state, found = "idle", "vllm:num_requests_running is 0"
    else:
        return None
    severity, code, message, fix = _STATES[state]
    return Finding(
        code=code,
        severity=severity,
        message=message,
        found=found,
        expected="a ready pod that answers",
        fix=fix,
        subject=url,
    )
