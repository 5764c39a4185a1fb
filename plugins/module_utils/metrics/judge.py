# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Do the services keep up, do requests fail, and could everything be read? Pure.

Sources: vLLM ``vllm/v1/metrics/loggers.py``; gateway-api-inference-extension ``pkg/epp/metrics``,
``cmd/epp/runner`` (flag --kv-cache-usage-percentage-metric) and ``pkg/epp/saturationdetector`` (a
server with more than 5 waiting requests counts as saturated); Envoy's statistics of endpoints.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

from ansible_collections.llmd.tpu.plugins.module_utils.findings import Finding, Severity
from ansible_collections.llmd.tpu.plugins.module_utils.metrics.figures import Figures
from ansible_collections.llmd.tpu.plugins.module_utils.metrics.monitoring import (
    KSERVE_POD_MONITOR,
    POD_MONITOR,
)
from ansible_collections.llmd.tpu.plugins.module_utils.metrics.sight import (
    Gateway,
    Party,
    Pod,
    Service,
    Sight,
    Trouble,
)

LONG_QUEUE = 5
"""Waiting requests of a server above which the scheduler calls it saturated."""
FULL_PERCENT = 90
LOW_HIT_PERCENT = 10
ENOUGH_TOKENS = 10_000
"""Tokens of prompts below which a hit rate says nothing."""
_UNSEEN_PERCENT = 5
_VLLM = "vLLM, vllm/v1/metrics/loggers.py"
_EPP = "gateway-api-inference-extension, pkg/epp/metrics"


def judge(sight: Sight) -> Iterator[Finding]:
    """Judge all services and gateways."""
    for service in sight.services:
        yield from _judge_service(service, sight)
    for gateway in sight.gateways:
        yield from _unread(gateway.party, gateway.subject, "gateway", sight.account)
        yield from _responses(gateway, sight.seconds)
    for namespace, monitors in sight.monitors.items():
        yield from _monitored_twice(namespace, monitors)


def _judge_service(service: Service, sight: Sight) -> Iterator[Finding]:
    yield from _no_pods(service)
    yield from _unread(service.servers, service.subject, "model server", sight.account)
    yield from _unread(service.scheduler, service.subject, "scheduler", sight.account)
    yield from _missing(service.servers)
    yield from _missing(service.scheduler)
    yield from _queue(service, sight.seconds)
    yield from _cache(service)
    yield from _preemptions(service, sight.seconds)
    yield from _prefixes(service)
    yield from _errors(service, sight.seconds)
    yield from _no_traffic(service)
    yield from _blind_scheduler(service)


def _no_pods(service: Service) -> Iterator[Finding]:
    if service.stopped:
        return
    parties = [("model server", service.servers)]
    if service.scheduled:
        parties.append(("scheduler", service.scheduler))
    for called, party in parties:
        if not party.pods and not party.problem:
            yield Finding(
                code="METRICS-NO-PODS",
                severity="info",
                message=f"there is no pod of the {called}, so nothing to read",
                expected="a pod",
                fix="nothing with spec.replicas 0; else look at the Deployment's events",
                subject=service.subject,
            )


# Why a pod was not read: severity, code, message, fix.
_TROUBLES: dict[Trouble, tuple[Severity, str, str, str]] = {
    "no-account": (
        "warning",
        "METRICS-NO-ACCOUNT",
        "there is no token to read the scheduler's metrics with",
        "role model makes the account (ansible-playbook llmd.tpu.model); by hand: kubectl -n "
        "{namespace} create serviceaccount {account}, kubectl create clusterrole {account} "
        "--verb=get --non-resource-url=/metrics, kubectl create clusterrolebinding "
        "{account}-{namespace} --clusterrole={account} --serviceaccount={namespace}:{account}. "
        "Who asks needs the right to create serviceaccounts/token",
    ),
    "no-right": (
        "warning",
        "METRICS-NO-RIGHT",
        "the account may not read the scheduler's metrics",
        "role model binds it (ansible-playbook llmd.tpu.model); by hand: kubectl create "
        "clusterrole {account} --verb=get --non-resource-url=/metrics, kubectl create "
        "clusterrolebinding {account}-{namespace} --clusterrole={account} "
        "--serviceaccount={namespace}:{account}",
    ),
    "forbidden": (
        "warning",
        "METRICS-FORBIDDEN",
        "you may not read these metrics",
        "get the rights list pods, get pods/proxy and create pods/portforward in the namespace",
    ),
    "refused": (
        "error",
        "METRICS-NOBODY-LISTENS",
        "the pod is ready, and nobody listens at its port: the process is gone, or listens "
        "elsewhere",
        "look at the pod's log (kubectl logs, also --previous); delete the pod to have it made "
        "anew. vLLM's port is 8000, set by KServe's preset",
    ),
    "plain": (
        "warning",
        "METRICS-PLAIN-HTTP",
        "the model server speaks plain HTTP, and all here ask by HTTPS: the scheduler cannot read "
        "its load either, and chooses by prefix and chance",
        "keep the TLS flags of KServe's preset (--ssl-certfile, --ssl-keyfile): write flags in "
        "model_vllm_arguments, not as args of the container",
    ),
    "other": (
        "warning",
        "METRICS-UNREAD",
        "its metrics could not be read",
        "look at the pod and its log; a NetworkPolicy may keep the API server away from it",
    ),
}


def _unread(party: Party, subject: str, called: str, account: str) -> Iterator[Finding]:
    if party.problem:
        yield Finding(
            code="METRICS-PODS-UNREAD",
            severity="warning",
            message=f"the pods of the {called} could not be listed",
            found=party.problem,
            expected="a list of pods",
            fix="get the right to list pods in the namespace",
            subject=subject,
        )
    for pod in party.pods:
        if not pod.trouble:
            continue
        severity, code, message, fix = _TROUBLES[pod.trouble]
        if not pod.ready:
            severity, message = "info", f"{message}; it is not ready yet"
        yield Finding(
            code=code,
            severity=severity,
            message=message,
            found=f"{called}: {pod.words}",
            expected="its metrics",
            fix=fix.format(account=account, namespace=pod.namespace),
            subject=_pod(pod),
        )


def _missing(party: Party) -> Iterator[Finding]:
    """Name the figures that a pod does not give, and the versions that do."""
    for pod in party.read:
        totals = pod.after.totals if pod.after else {}
        missing = [one for one in party.metrics if one.figure not in totals]
        if not missing:
            continue
        everything = len(missing) == len(party.metrics)
        yield Finding(
            code="METRICS-FOREIGN" if everything else "METRICS-MISSING",
            severity="warning" if everything else "info",
            message="it answers, and gives none of the metrics that are read"
            if everything
            else "some figures are not there: this version has other metrics",
            found=f"version {pod.version or 'unknown'} without "
            + (
                f"any of {len(missing)}" if everything else ", ".join(one.figure for one in missing)
            ),
            expected="; ".join(
                f"{one.names[0]} ({one.since})" for one in missing[: 1 if everything else None]
            ),
            fix="look whether this is vLLM, or the scheduler, at all"
            if everything
            else "nothing, or use a version that gives them",
            source=f"{_VLLM}; {_EPP}",
            subject=_pod(pod),
        )


def _queue(service: Service, seconds: float) -> Iterator[Finding]:
    waiting, before = (
        look.get("requests_waiting") for look in (service.servers.now, service.servers.before)
    )
    servers = len(service.servers.read)
    if waiting is None or waiting <= LONG_QUEUE * servers:
        return
    growing = seconds > 0 and before is not None and waiting > before
    yield Finding(
        code="METRICS-QUEUE-GROWING" if growing else "METRICS-QUEUE-LONG",
        severity="warning",
        message="requests come faster than the model servers answer them"
        if growing
        else "more requests wait than the scheduler takes for normal",
        found=f"{waiting} wait at {servers} {_plural(servers, 'server')}"
        + (f", {before} did {seconds:.1f} s earlier" if growing else ""),
        expected=f"at most {LONG_QUEUE} a server",
        fix="raise model_replicas, or --max-num-seqs while the KV cache has room; fewer or shorter "
        "requests",
        source="gateway-api-inference-extension, pkg/epp/saturationdetector",
        subject=service.subject,
    )


def _cache(service: Service) -> Iterator[Finding]:
    for pod in service.servers.read:
        percent = service.servers.alone(pod).now.get("kv_cache_percent")
        if percent is not None and percent > FULL_PERCENT:
            yield Finding(
                code="METRICS-KV-CACHE-FULL",
                severity="warning",
                message="the KV cache is nearly full: further requests wait, or push others out",
                found=f"{percent:g} % used",
                expected=f"at most {FULL_PERCENT} %",
                fix="raise model_replicas or --tensor-parallel-size; lower --max-model-len or "
                "--max-num-seqs",
                source=_VLLM,
                subject=_pod(pod),
            )


def _preemptions(service: Service, seconds: float) -> Iterator[Finding]:
    recent = service.servers.recent.get("preemptions") or 0
    ever = service.servers.now.get("preemptions") or 0
    if ever:
        yield Finding(
            code="METRICS-PREEMPTIONS",
            severity="warning" if recent else "info",
            message="requests are pushed out of the KV cache, and their prompts computed again"
            if recent
            else "requests were pushed out of the KV cache since the servers started",
            found=_counted(recent, ever, seconds),
            expected="none",
            fix="raise model_replicas, or lower --max-num-seqs or --max-model-len",
            source=_VLLM,
            subject=service.subject,
        )


def _prefixes(service: Service) -> Iterator[Finding]:
    now = service.servers.now
    queried, hits = now.get("prefix_queried_tokens"), now.get("prefix_hit_percent")
    if queried == 0 and (now.get("prompt_tokens") or 0) > 0:
        yield Finding(
            code="METRICS-PREFIX-CACHE-OFF",
            severity="info",
            message="the prefix cache is off, so the scheduler's choice by prefix brings nothing",
            found=f"{now['prompt_tokens']} tokens of prompts, none of them looked for in a cache",
            expected="--enable-prefix-caching, which is vLLM's default",
            fix="take --no-enable-prefix-caching away; models with a hybrid state have none",
            source=_VLLM,
            subject=service.subject,
        )
    elif hits is not None and (queried or 0) >= ENOUGH_TOKENS and hits < LOW_HIT_PERCENT:
        yield Finding(
            code="METRICS-PREFIX-HITS",
            severity="info",
            message="prompts hardly ever begin like earlier ones"
            if hits
            else "no prompt ever began like an earlier one",
            found=f"{hits:g} % of {queried} tokens found in the prefix cache",
            expected=f"at least {LOW_HIT_PERCENT} % where prompts have beginnings in common",
            fix="nothing, if they have none; else put what they have in common first",
            source=_VLLM,
            subject=service.subject,
        )


# What counts as a failure: who counted it, the figure, the figure that tells its kinds, in words.
_FAILURES = (
    ("scheduler", "request_errors", "request_errors_by_error_code", "requests that failed"),
    ("endpoints", "server_errors", "", "errors (5xx) of model servers"),
    ("endpoints", "server_timeouts", "", "model servers that were too slow"),
    ("endpoints", "server_connection_failures", "", "connections to model servers that failed"),
    ("endpoints", "scheduler_errors", "", "errors of the scheduler"),
    ("endpoints", "scheduler_connection_failures", "", "connections to the scheduler that failed"),
)


def _errors(service: Service, seconds: float) -> Iterator[Finding]:
    def failures(look: Callable[[Party], Figures]) -> Iterator[str]:
        for party, figure, kinds, words in _FAILURES:
            seen = look(getattr(service, party))
            if number := seen.get(figure):
                yield f"{number} {words}{_kinds(seen.get(kinds) or {})}"
        # A finish reason of later versions; "abort" is a client that left.
        ended = look(service.servers).get("requests_finished_by_finished_reason") or {}
        if number := ended.get("error"):
            yield f"{number} requests that a model server gave up"

    yield from _failed(failures, service.subject, seconds)


def _responses(gateway: Gateway, seconds: float) -> Iterator[Finding]:
    def failures(look: Callable[[Party], Figures]) -> Iterator[str]:
        codes = look(gateway.party).get("responses_by_response_code") or {}
        bad = {code: number for code, number in codes.items() if code.startswith("5") and number}
        if bad:
            yield f"{sum(bad.values())} responses{_kinds(bad)}"

    yield from _failed(failures, gateway.subject, seconds)


def _failed(
    failures: Callable[[Callable[[Party], Figures]], Iterator[str]], subject: str, seconds: float
) -> Iterator[Finding]:
    """Failures of the last seconds are a warning; without any, older ones are told."""
    recent = list(failures(lambda party: party.recent))
    found = recent or list(failures(lambda party: party.now))
    if found:
        yield Finding(
            code="METRICS-ERRORS",
            severity="warning" if recent else "info",
            message="requests fail" if recent else "requests failed since the pods started",
            found="; ".join(found) + (f", within {seconds:.1f} s" if recent else ""),
            expected="none",
            fix="ask once by llmd.tpu.inference_smoke, which names the cause; look at the logs "
            "of scheduler and model servers",
            subject=subject,
        )


def _no_traffic(service: Service) -> Iterator[Finding]:
    now = service.servers.now
    asked = service.scheduler.now.get("requests")
    idle = now.get("requests_finished") == 0 and not now.get("requests_running")
    if idle and not asked:
        yield Finding(
            code="METRICS-NO-TRAFFIC",
            severity="info",
            message="no request was answered since the model servers started",
            found="0 requests finished" + ("" if asked is None else ", none came to the scheduler"),
            expected="requests",
            fix="nothing, if nobody asks; else look whether clients use the URL of the service's "
            "status",
            subject=service.subject,
        )


def _blind_scheduler(service: Service) -> Iterator[Finding]:
    """The scheduler's default name of the metric is one that newer servers do not have."""
    seen = [
        (servers.get("kv_cache_percent"), scheduler.get("pool_kv_cache_percent_average"))
        for servers, scheduler in (
            (service.servers.before, service.scheduler.before),
            (service.servers.now, service.scheduler.now),
        )
    ]
    if all(real is not None and real >= _UNSEEN_PERCENT and shown == 0 for real, shown in seen):
        yield Finding(
            code="METRICS-SCHEDULER-BLIND",
            severity="warning",
            message="the scheduler does not see the KV cache of the model servers, so it never "
            "calls one full",
            found=f"0 % at the scheduler, {seen[1][0]:g} % at a server",
            expected="about the same",
            fix="give the scheduler --kv-cache-usage-percentage-metric=vllm:kv_cache_usage_perc "
            "(model_override, spec.router.scheduler.template, with KServe's other arguments); "
            "releases from GIE 1.3 on have it as default",
            source="gateway-api-inference-extension, cmd/epp/runner",
            subject=service.subject,
        )


def _monitored_twice(namespace: str, monitors: Collection[str]) -> Iterator[Finding]:
    both = [name for name in (POD_MONITOR, KSERVE_POD_MONITOR) if name in monitors]
    if len(both) > 1:
        yield Finding(
            code="METRICS-MONITORED-TWICE",
            severity="warning",
            message="KServe has monitors of its own here, so every figure is collected twice",
            found=f"PodMonitors {' and '.join(both)}",
            expected="one of them",
            fix="set model_monitoring to none, or kserve_monitoring to false",
            source="opendatahub-io/kserve, pkg/controller/llmisvc/monitoring.go",
            subject=f"namespace {namespace}",
        )


def _counted(recent: float, ever: float, seconds: float) -> str:
    return f"{recent} within {seconds:.1f} s, {ever} in all" if seconds else f"{ever} in all"


def _kinds(kinds: Mapping[str, Any]) -> str:
    told = ", ".join(f"{number} {kind}" for kind, number in sorted(kinds.items()) if number)
    return f" ({told})" if told else ""


def _plural(number: int, word: str) -> str:
    return word if number == 1 else f"{word}s"


def _pod(pod: Pod) -> str:
    return f"Pod {pod.namespace}/{pod.name}"
