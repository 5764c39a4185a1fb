# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Is every state of a service told by its code, and no healthy one?"""

from __future__ import annotations

from dataclasses import replace

import pytest
from ansible_collections.llmd.tpu.plugins.module_utils.metrics.catalogue import (
    ENDPOINTS,
    GATEWAY,
    SCHEDULER,
    SERVER,
)
from ansible_collections.llmd.tpu.plugins.module_utils.metrics.judge import judge
from ansible_collections.llmd.tpu.plugins.module_utils.metrics.monitoring import (
    KSERVE_POD_MONITOR,
    POD_MONITOR,
)
from ansible_collections.llmd.tpu.plugins.module_utils.metrics.report import lines
from ansible_collections.llmd.tpu.plugins.module_utils.metrics.sight import Party, Sight

from tests.unit.plugins.module_utils.metrics.sights import (
    BUSY,
    NAMESPACE,
    party,
    pod,
    service,
    sight,
    unread,
)


def _gateway(before: dict[str, float], after: dict[str, float]) -> Party:
    return party("gateway-1", GATEWAY, {"responses": after}, {"responses": before})


QUEUES = [
    (6, 9, "warning", "METRICS-QUEUE-GROWING"),
    (9, 6, "warning", "METRICS-QUEUE-LONG"),
    (9, 9, "warning", "METRICS-QUEUE-LONG"),
]
OFF = {"prompt_tokens": 99, "prefix_queried_tokens": 0}
USELESS = {"prompt_tokens": 20000, "prefix_queried_tokens": 20000, "prefix_hit_tokens": 40}
NEVER = USELESS | {"prefix_hit_tokens": 0}
FULL = {"kv_cache_percent": 0.905}  # as vLLM writes it, whatever its name says
SEEN = {"kv_cache_percent": 0.4}
NONE_OF_THEM = {one.figure: None for one in SERVER}

# A sight, and the severities and codes that it is told by.
CASES: list[tuple[Sight, list[tuple[str, str]]]] = [
    *(
        (
            sight(service(servers=({"requests_waiting": now}, {"requests_waiting": before}))),
            [(severity, code)],
        )
        for before, now, severity, code in QUEUES
    ),
    (sight(service(servers=(FULL, {}))), [("warning", "METRICS-KV-CACHE-FULL")]),
    (
        sight(service(servers=({"preemptions": 3}, {"preemptions": 1}))),
        [("warning", "METRICS-PREEMPTIONS")],
    ),
    (
        sight(service(servers=({"preemptions": 3}, {"preemptions": 3}))),
        [("info", "METRICS-PREEMPTIONS")],
    ),
    (sight(service(servers=(OFF, OFF))), [("info", "METRICS-PREFIX-CACHE-OFF")]),
    (sight(service(servers=(USELESS, USELESS))), [("info", "METRICS-PREFIX-HITS")]),
    (sight(service(servers=(NEVER, NEVER))), [("info", "METRICS-PREFIX-HITS")]),
    (
        sight(
            service(scheduler=({"request_errors": {"ModelServerError": 3}}, {"request_errors": 1}))
        ),
        [("warning", "METRICS-ERRORS")],
    ),
    (
        sight(service(endpoints=({"server_errors": 2}, {"server_errors": 2}))),
        [("info", "METRICS-ERRORS")],
    ),
    (
        sight(service(servers=({"requests_finished": {"error": 1}}, {}))),
        [("warning", "METRICS-ERRORS")],
    ),
    (
        sight(service(), gateway=_gateway({"200": 5, "503": 1}, {"200": 6, "503": 2})),
        [("warning", "METRICS-ERRORS")],
    ),
    (
        sight(
            service(
                servers=({"requests_finished": 0}, {"requests_finished": 0}),
                scheduler=({"requests": 0}, {"requests": 0}),
            )
        ),
        [("info", "METRICS-NO-TRAFFIC")],
    ),
    (
        sight(service(servers=({"token_seconds": None}, {}))),
        [("info", "METRICS-MISSING")],
    ),
    (
        sight(service(servers=party("server-1", SERVER, NONE_OF_THEM, NONE_OF_THEM))),
        [("warning", "METRICS-FOREIGN")],
    ),
    (sight(service(servers=(SEEN, SEEN))), [("warning", "METRICS-SCHEDULER-BLIND")]),
    (sight(service(servers=Party(SERVER))), [("info", "METRICS-NO-PODS")]),
    (sight(service(scheduler=Party(SCHEDULER))), [("info", "METRICS-NO-PODS")]),
    (
        sight(service(servers=Party(SERVER, problem="HTTP 403"))),
        [("warning", "METRICS-PODS-UNREAD")],
    ),
    *(
        (sight(service(scheduler=unread("scheduler-1", SCHEDULER, trouble))), [("warning", code)])
        for trouble, code in (
            ("no-account", "METRICS-NO-ACCOUNT"),
            ("no-right", "METRICS-NO-RIGHT"),
            ("forbidden", "METRICS-FORBIDDEN"),
            ("other", "METRICS-UNREAD"),
        )
    ),
    (
        sight(service(servers=unread("server-1", SERVER, "plain"))),
        [("warning", "METRICS-PLAIN-HTTP")],
    ),
    (
        sight(service(servers=unread("server-1", SERVER, "refused"))),
        [("error", "METRICS-NOBODY-LISTENS")],
    ),
    (
        sight(service(servers=unread("server-1", SERVER, "refused", ready=False))),
        [("info", "METRICS-NOBODY-LISTENS")],
    ),
    (
        replace(sight(), monitors={"team": frozenset({POD_MONITOR, KSERVE_POD_MONITOR})}),
        [("warning", "METRICS-MONITORED-TWICE")],
    ),
    (
        sight(
            service(endpoints=Party(ENDPOINTS)), gateway=unread("gateway-1", GATEWAY, "forbidden")
        ),
        [("warning", "METRICS-FORBIDDEN")],
    ),
]


@pytest.mark.parametrize(("seen", "told"), CASES)
def test_what_is_wrong_is_told_by_its_code(seen: Sight, told: list[tuple[str, str]]) -> None:
    assert [(one.severity, one.code) for one in judge(seen)] == told


HEALTHY = [
    sight(),
    sight(service()),
    sight(service(), seconds=0.0),
    sight(service(servers=({"requests_waiting": 5}, {"requests_waiting": 1}))),
    sight(service(servers=({"kv_cache_percent": 0.9}, {}))),
    sight(service(servers=({"requests_finished": {"abort": 3}}, {}))),
    sight(service(servers=({"requests_finished": 0, "requests_running": 1}, {}))),
    sight(service(servers=({"prefix_queried_tokens": 99, "prompt_tokens": 99}, {}))),
    # The scheduler looks 20 times a second, so one look may come before it.
    sight(service(servers=(SEEN, {}))),
    sight(service(servers=Party(SERVER), scheduler=Party(SCHEDULER), stopped=True)),
    sight(service(scheduler=Party(SCHEDULER), scheduled=False)),
    replace(sight(), monitors={"team": frozenset({POD_MONITOR}), "x": frozenset()}),
    sight(service(), gateway=_gateway({"200": 5, "404": 1}, {"200": 6, "404": 2})),
]  # fmt: skip


@pytest.mark.parametrize("seen", HEALTHY)
def test_nothing_is_told_of_what_is_well(seen: Sight) -> None:
    assert list(judge(seen)) == []


@pytest.mark.parametrize(("waiting", "told"), [(5, []), (6, ["METRICS-QUEUE-LONG"])])
def test_a_queue_is_long_by_the_number_of_servers(waiting: int, told: list[str]) -> None:
    now = {**BUSY, "requests_waiting": waiting}
    many = tuple(pod(f"server-{i}", SERVER, now, now) for i in range(3))
    found = judge(sight(service(servers=Party(SERVER, many))))
    assert [one.code for one in found] == told


def test_the_fix_of_a_missing_account_can_be_pasted() -> None:
    [finding] = judge(sight(service(scheduler=unread("epp-1", SCHEDULER, "no-account"))))
    assert f"kubectl -n {NAMESPACE} create serviceaccount llmd-tpu-metrics-reader" in finding.fix
    assert "--serviceaccount=team:llmd-tpu-metrics-reader" in finding.fix
    assert finding.subject == "Pod team/epp-1"


def test_the_report_has_every_figure_in_words() -> None:
    before = {"generation_tokens": 100}
    now = {
        "generation_tokens": 140,
        "requests_running": 2,
        "kv_cache_percent": 0.25,
        "first_token_seconds": {"sum": 1.0, "count": 4},
    }
    told = "\n".join(lines(sight(service(servers=(now, before)))))
    assert "LLMInferenceService team/qwen (Qwen/Qwen2.5-3B-Instruct)" in told
    assert "requests 2 running, 0 waiting, 5 finished (1 length, 4 stop)" in told
    assert "within 2.0 s: 0 requests finished, 20.0 tokens/s generated" in told
    assert "KV cache 25 %" in told
    assert "first token 0.2500 s" in told
    assert "gateway gateways/shared: 5 requests to model servers, 0 failed" in told


def test_a_stopped_service_has_no_figures() -> None:
    stopped = replace(service(), stopped=True)
    assert list(lines(sight(stopped)))[1] == "  stopped on purpose"
