# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Is the verdict about the scheduler what the counters say?"""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.llmd.tpu.plugins.module_utils.smoke.report import routing_finding
from ansible_collections.llmd.tpu.plugins.module_utils.smoke.routes import Path
from ansible_collections.llmd.tpu.plugins.module_utils.smoke.routing import (
    SCHEDULER_COUNTERS,
    SERVER_COUNTERS,
    Counters,
    Counts,
    Routing,
    Witness,
    count,
    read_log,
    weigh,
)

MODEL = "Qwen/Qwen2.5-3B-Instruct"
UNREAD = Counters(problem="HTTP 403")
NOTHING = (Counters(), Counters())
GONE = Counters(problem="no pod", absent=True)

# As gateway-api-inference-extension 1.5.0 and vLLM 0.12 write them.
SCHEDULER_METRICS = f"""
# HELP inference_objective_request_total [ALPHA] Counter of inference objective requests broken out
# TYPE inference_objective_request_total counter
inference_objective_request_total{{model_name="{MODEL}",priority="0",target_model_name="{MODEL}"}} 3
inference_objective_request_total{{model_name="{MODEL}",priority="1",target_model_name="{MODEL}"}} 2
inference_objective_request_total{{model_name="other",priority="0",target_model_name="other"}} 7
# TYPE inference_objective_request_error_total counter
inference_objective_request_error_total{{model_name="{MODEL}",error_code="x"}} 9
"""
SERVER_METRICS = f"""
# TYPE vllm:request_success_total counter
vllm:request_success_total{{engine="0",finished_reason="stop",model_name="{MODEL}"}} 4.0
vllm:request_success_total{{engine="0",finished_reason="length",model_name="{MODEL}"}} 1.0
# TYPE vllm:request_success_created gauge
vllm:request_success_created{{engine="0",finished_reason="stop",model_name="{MODEL}"}} 1.7e9
"""


def _counters(*values: float) -> Counters:
    return Counters({f"pod-{i}": value for i, value in enumerate(values)})


def _weigh(
    scheduler: tuple[Counters, Counters],
    servers: tuple[Counters, Counters],
    header: bool,
    gateway: tuple[Counters, Counters] = NOTHING,
    log: Witness | None = None,
    path: Path | None = None,
) -> Routing:
    before, after = (Counts(*one) for one in zip(scheduler, servers, gateway, strict=True))
    return weigh(before, after, header, log, path)


def test_counting() -> None:
    assert count(SCHEDULER_METRICS, SCHEDULER_COUNTERS, MODEL) == 5
    older = SCHEDULER_METRICS.replace("inference_objective", "inference_model")
    assert count(older, SCHEDULER_COUNTERS, MODEL) == 5
    assert count(SERVER_METRICS, SERVER_COUNTERS, MODEL) == 5
    assert count("", SERVER_COUNTERS, MODEL) == 0


def test_text_that_is_no_metrics() -> None:
    with pytest.raises(ValueError, match=r".*"):
        count('vllm:request_success_total{a="b} 1', SERVER_COUNTERS, MODEL)


@pytest.mark.parametrize(
    ("scheduler", "servers", "header", "verdict"),
    [
        ((_counters(3), _counters(4)), (_counters(1, 1), _counters(1, 2)), True, "proved"),
        ((_counters(3), _counters(4)), NOTHING, True, "proved"),
        # Newer pickers send no header: one pod's counter agrees.
        ((_counters(3), _counters(4)), (_counters(1), _counters(2)), False, "proved"),
        ((_counters(3), _counters(4)), NOTHING, False, "likely"),
        ((_counters(3), _counters(6)), (_counters(1), _counters(2)), False, "likely"),
        ((_counters(3), _counters(4)), (_counters(1), _counters(4)), False, "likely"),
        ((_counters(9), _counters(1)), NOTHING, True, "proved"),  # restarted meanwhile
        ((_counters(3), _counters(3)), (_counters(1), _counters(2)), True, "likely"),
        ((_counters(3), _counters(3)), (_counters(1), _counters(2)), False, "not routed"),
        ((UNREAD, UNREAD), (_counters(1), _counters(2)), True, "likely"),
        ((UNREAD, UNREAD), (_counters(1), _counters(2)), False, "unknown"),
        # A pool that fails open answers without any scheduler.
        ((GONE, GONE), (_counters(1), _counters(2)), False, "not routed"),
        ((GONE, GONE), (_counters(1), _counters(2)), True, "likely"),
        ((GONE, UNREAD), (_counters(1), _counters(2)), False, "unknown"),
    ],
)
def test_verdicts(
    scheduler: tuple[Counters, Counters],
    servers: tuple[Counters, Counters],
    header: bool,
    verdict: str,
) -> None:
    routing = _weigh(scheduler, servers, header)
    assert routing.verdict == verdict
    assert len(routing.reasons) == 4


def test_the_pod_that_answered() -> None:
    routing = _weigh((_counters(3), _counters(4)), (_counters(5, 7), _counters(5, 8)), True)
    told = routing.to_dict()
    evidence = {one["place"]: one["says"] for one in told.pop("evidence")}
    assert evidence == {
        "scheduler metrics": "yes",
        "response header": "yes",
        "model servers": "yes",
        "gateway": "nothing",
    }
    assert told == {
        "verdict": "proved",
        "reasons": [
            "scheduler counted 3 requests before and 4 after",
            "response header x-went-into-resp-headers present",
            "answered by pod-1",
            "gateway: no counter read",
        ],
        "before": 3,
        "after": 4,
        "answered_by": "pod-1",
    }


@pytest.mark.parametrize(
    ("scheduler", "header", "required", "severity", "code"),
    [
        ((_counters(3), _counters(3)), False, True, "error", "SMOKE-NOT-ROUTED"),
        ((_counters(3), _counters(3)), False, False, "warning", "SMOKE-NOT-ROUTED"),
        ((UNREAD, UNREAD), True, True, "error", "SMOKE-ROUTING-UNPROVED"),
        ((UNREAD, UNREAD), False, False, "info", "SMOKE-ROUTING-UNPROVED"),
    ],
)
def test_what_a_missing_proof_means(
    scheduler: tuple[Counters, Counters], header: bool, required: bool, severity: str, code: str
) -> None:
    finding = routing_finding(_weigh(scheduler, NOTHING, header), required, None, "http://x")
    assert finding is not None
    assert (finding.severity, finding.code) == (severity, code)


def test_a_proof_needs_no_finding() -> None:
    proved = _weigh((_counters(3), _counters(4)), NOTHING, True)
    assert routing_finding(proved, True, None, "http://x") is None


POOLED = Path("ns/r", "/ns/name/v1", ("InferencePool p",), ("g", "n"), pooled=True)
BYPASS = Path("ns/r", "/ns/name", ("Service s",), ("g", "n"))
SAME = (_counters(3), _counters(3))
ONE_MORE = (_counters(3), _counters(4))
FOUR_MORE = (_counters(3), _counters(7))
HANDLED = Witness("scheduler log", "yes", "log", exact=True)


@pytest.mark.parametrize(
    ("given", "verdict"),
    [
        # The gateway and the scheduler agree, and the header is of our request alone.
        ({"scheduler": FOUR_MORE, "gateway": FOUR_MORE, "header": True}, "proved"),
        ({"scheduler": (UNREAD, UNREAD), "gateway": ONE_MORE, "header": True}, "proved"),
        ({"scheduler": (UNREAD, UNREAD), "gateway": ONE_MORE, "header": False}, "likely"),
        # Two places, and neither speaks of our request alone.
        ({"scheduler": FOUR_MORE, "gateway": FOUR_MORE, "header": False}, "likely"),
        ({"scheduler": FOUR_MORE, "log": HANDLED, "header": False}, "proved"),
        ({"scheduler": (UNREAD, UNREAD), "log": HANDLED, "header": False}, "likely"),
        ({"scheduler": SAME, "gateway": SAME, "header": False}, "not routed"),
        ({"scheduler": (UNREAD, UNREAD), "gateway": SAME, "header": False}, "not routed"),
        # They contradict each other.
        ({"scheduler": ONE_MORE, "gateway": SAME, "header": True}, "likely"),
        ({"scheduler": ONE_MORE, "header": True, "path": POOLED}, "proved"),
        # Whatever else was counted meanwhile: this route has no pool.
        ({"scheduler": ONE_MORE, "header": True, "path": BYPASS}, "not routed"),
        ({"scheduler": (UNREAD, UNREAD), "header": False, "path": BYPASS}, "not routed"),
    ],
)
def test_independent_places(given: dict[str, Any], verdict: str) -> None:
    assert _weigh(servers=NOTHING, **given).verdict == verdict


def test_a_route_round_the_scheduler_is_named() -> None:
    routing = _weigh(SAME, NOTHING, False, path=BYPASS)
    finding = routing_finding(routing, False, BYPASS, "http://x")
    assert finding is not None
    assert (finding.code, finding.severity) == ("SMOKE-ROUTE-BYPASS", "warning")
    assert finding.found == "HTTPRoute ns/r sends /ns/name to Service s"


# As gateway-api-inference-extension 1.5 writes it.
LATER_LOG = (
    '{"level":"info","ts":1795909625.14,"caller":"handlers/server.go:391",'
    '"msg":"EPP sent request body response(s) to proxy","x-request-id":"a1b2",'
    f'"modelName":"{MODEL}","targetModelName":"{MODEL}"}}'
)
# As 1.3 writes it with --v=3.
LOG = "\n".join(
    [
        '{"level":"Level(-2)","ts":"2026-11-20T10:00:00Z","msg":"Server started"}',
        '{"level":"Level(-3)","ts":"2026-11-20T10:00:01Z","caller":"requestcontrol/director.go:259",'
        f'"msg":"Request handled","x-request-id":"a1b2","incomingModelName":"{MODEL}",'
        f'"targetModel":"{MODEL}","endpoint":"10.244.1.5:8000"}}',
        "Request handled, and no JSON",
    ]
)


@pytest.mark.parametrize(
    ("log", "model", "answer", "says", "exact"),
    [
        (LOG, MODEL, "cmpl-a1b2", "yes", True),
        (LOG, MODEL, "cmpl-other", "yes", False),
        (LOG, "other", "cmpl-a1b2", "nothing", False),
        (LATER_LOG, MODEL, "chatcmpl-a1b2", "yes", True),
        (LATER_LOG, "other", "chatcmpl-a1b2", "nothing", False),
        ("", MODEL, "cmpl-a1b2", "nothing", False),
    ],
)
def test_the_log_of_the_scheduler(
    log: str, model: str, answer: str, says: str, exact: bool
) -> None:
    witness = read_log(log, model, answer)
    assert (witness.says, witness.exact) == (says, exact)
    assert ("10.244.1.5:8000" in witness.words) == (says == "yes" and log is LOG)
