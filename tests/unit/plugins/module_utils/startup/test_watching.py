# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Watching: stages add up, signs must last, old news counts for nothing, logs are read seldom."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import pytest
from ansible_collections.llmd.tpu.plugins.module_utils.connection import ConnectionLost, Reply
from ansible_collections.llmd.tpu.plugins.module_utils.findings import Finding
from ansible_collections.llmd.tpu.plugins.module_utils.manifests.client import Api
from ansible_collections.llmd.tpu.plugins.module_utils.readiness.verdicts import Wish
from ansible_collections.llmd.tpu.plugins.module_utils.readiness.wait import Pace, Waiter
from ansible_collections.llmd.tpu.plugins.module_utils.startup.looking import Eyes
from ansible_collections.llmd.tpu.plugins.module_utils.startup.model_startup import result_of
from ansible_collections.llmd.tpu.plugins.module_utils.startup.signs import Sign
from ansible_collections.llmd.tpu.plugins.module_utils.startup.stages import Stage, Step
from ansible_collections.llmd.tpu.plugins.module_utils.startup.watching import (
    Course,
    StartupLooker,
)

from tests.unit.plugins.module_utils.readiness.scripted import Script, ScriptedDoorbells
from tests.unit.plugins.module_utils.startup.failing import pool
from tests.unit.plugins.module_utils.startup.starts import (
    DOWNLOADED,
    NAME,
    NAMESPACE,
    READY_POD,
    SUBJECT,
    WISH,
    container,
    deployment,
    event,
    pod,
    service,
)

SERVICE = f"/apis/serving.kserve.io/v1alpha1/namespaces/{NAMESPACE}/llminferenceservices/{NAME}"
DEPLOYMENTS = f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments"
PODS = f"/api/v1/namespaces/{NAMESPACE}/pods"
EVENTS = f"/api/v1/namespaces/{NAMESPACE}/events"
LOG = f"{PODS}/{NAME}-kserve-1/log"
JUST_NOW = datetime(2026, 1, 1, 0, 0, 30, tzinfo=UTC)
LONG_AFTER = datetime(2026, 1, 1, 1, 0, 0, tzinfo=UTC)
WAITS = "MinimumReplicasUnavailable: no pod"
UNREADY = service(MainWorkloadReady=WAITS, Ready=WAITS)
RUNNING = pod(DOWNLOADED, container(running={}))


def items(*found: Any) -> dict[str, Any]:
    return {"items": list(found)}


def text(log: str) -> Reply:
    return Reply(200, log.encode())


class Start:
    """A start that the test writes down, and the words told of it."""

    def __init__(self, *pods: Any, began: Any = JUST_NOW, **answers: Any) -> None:
        self.script = Script()
        self.script.answers |= {
            SERVICE: [UNREADY],
            DEPLOYMENTS: [items(deployment(availableReplicas=0))],
            PODS: [items(one) for one in pods],
            EVENTS: [items()],
            LOG: [text("")],
            **answers,
        }
        self.lines: list[str] = []
        api = Api(self.script)
        api.discover()
        eyes = Eyes(api, self.script, self.script.clock, lambda: began)
        self.looker = StartupLooker(eyes, [WISH], self.script.clock)
        self.bells = ScriptedDoorbells(self.script)
        pace = Pace(15.0, 0.25)
        told = self.lines.append
        self.waiter = Waiter(self.looker, [WISH], told, self.bells, self.script.clock, pace)

    @property
    def course(self) -> Course:
        return self.looker.courses[WISH]

    def wait(self, seconds: float = 60.0) -> str:
        """The code of what ended the wait, empty when nothing did."""
        self.waiter.wait(seconds)
        return self.course.finding.code if self.course.finding else ""


def ready_after(*pods: Any) -> dict[str, Any]:
    """Answers that end with a service that is ready."""
    return {
        SERVICE: [*[UNREADY] * len(pods), service()],
        DEPLOYMENTS: [*[items(deployment(availableReplicas=0))] * len(pods), items(deployment())],
    }


def test_stages_are_told_and_add_up() -> None:
    steps = [
        pod(node=""),
        pod(container("storage-initializer", running={}), container(waiting={})),
        RUNNING,
        RUNNING,
        RUNNING,
        READY_POD,
    ]
    log = "2026-01-01T00:00:0{}Z {}\n"
    start = Start(
        *steps,
        **ready_after(*steps[:-1]),
        **{
            LOG: [
                text("Fetching 5 files:  40%|##  | 2/5 [00:05<00:06]"),
                text(log.format(1, "vLLM API server version 0.11.1")),
                text(log.format(2, "Precompile backbone --> {'num_tokens': 16}")),
                text(log.format(3, "Application startup complete.")),
            ]
        },
    )
    assert start.wait() == ""
    course = start.course
    assert course.step.done
    assert [(str(one.stage), one.seconds) for one in course.stages] == [
        ("scheduled", 2.0),
        ("weights", 1.0),
        ("server", 1.0),
        ("compiled", 1.0),
        ("warm", 1.0),
    ]
    assert [line.partition("] ")[2].removeprefix(f"{SUBJECT} ") for line in start.lines] == [
        f"waits: scheduled: pod {NAME}-kserve-1 waits for a node: 0/1 nodes are available: "
        "1 node(s) didn't match",
        f"waits: weights: pod {NAME}-kserve-1 downloads the weights (2 of 5 files)",
        f"waits: server: pod {NAME}-kserve-1 starts the server",
        f"waits: compiled: pod {NAME}-kserve-1 compiles, graph 1 (backbone)",
        f"waits: warm: pod {NAME}-kserve-1 serves, and is not ready yet",
        "ready",
    ]


def test_without_a_change_there_is_a_line_every_fifteen_seconds() -> None:
    start = Start(RUNNING)
    start.wait(50)
    assert [float(line[1:6]) for line in start.lines] == [0.0, 15.0, 30.0, 45.0]
    assert "33 s" not in start.lines[0]
    assert "30 s of usually 33 s" in start.lines[2]


def test_a_log_is_read_once_a_second_and_only_of_the_model() -> None:
    other = container("side", running={})
    alone = pod(DOWNLOADED, container(running={}))
    alone["status"]["containerStatuses"].append(other)
    start = Start(alone)
    start.wait(10)
    times = start.script.looks(LOG)
    assert len(times) == 11
    assert all(later - earlier >= 1.0 for earlier, later in pairwise(times))


def test_a_pod_that_is_replaced_starts_over() -> None:
    new = pod(container("storage-initializer", running={}), container(waiting={}))
    new["metadata"] |= {"name": "other", "uid": "other"}
    start = Start(RUNNING, RUNNING, new, new, READY_POD, **ready_after(*range(4)))
    assert start.wait() == ""
    assert [str(one.stage) for one in start.course.stages] == ["weights", "server"]


def test_a_crash_with_a_known_cause_ends_at_once() -> None:
    crashed = pod(DOWNLOADED, container(terminated={"exitCode": 2}))
    log = text("vllm: error: unrecognized arguments: --prefix-cache-block-size 64\n")
    start = Start(RUNNING, crashed, **{LOG: [text(""), log]})
    assert start.wait() == "STARTUP-FLAGS-REFUSED"
    assert start.script.now <= 3.0
    assert start.lines[-1].endswith("STARTUP-FLAGS-REFUSED: vLLM refuses its command line")


def test_a_crash_of_long_ago_does_not_count_until_it_happens_again() -> None:
    crashed = container(terminated={"exitCode": 1})
    again = container(restarts=1, terminated={"exitCode": 1})
    pods = [pod(DOWNLOADED, one) for one in (crashed, crashed, crashed, again)]
    log = text("total_hbm_used_gb=9 exceeds total_hbm_limit_cap_gb=8\n")
    start = Start(*pods, began=LONG_AFTER, **{LOG: [log]})
    assert start.wait() == "STARTUP-HBM-WEIGHTS"
    assert start.script.now == 6.0


def test_old_events_do_not_count() -> None:
    told = event("NotTriggerScaleUp", "pod didn't trigger scale-up: 1 node(s) didn't match")
    assert Start(pod(node=""), **{EVENTS: [items(told)]}).wait() == "STARTUP-NO-POOL"
    assert Start(pod(node=""), began=LONG_AFTER, **{EVENTS: [items(told)]}).wait() == ""
    twice = items({**told, "count": 2})
    again = Start(pod(node=""), began=LONG_AFTER, **{EVENTS: [items(told), twice]})
    assert again.wait() == "STARTUP-NO-POOL"


def test_an_account_without_logs_and_events_sees_the_stages_all_the_same() -> None:
    forbidden = Reply(403, json.dumps({"kind": "Status", "message": "no"}).encode())
    start = Start(
        RUNNING, READY_POD, **ready_after(RUNNING), **{LOG: [forbidden], EVENTS: [forbidden]}
    )
    assert start.wait() == ""
    assert [str(one.stage) for one in start.course.stages] == ["server"]


def without_the_kind() -> tuple[Finding | None, float]:
    """What is found, and when, on a cluster that serves another version of the kind."""
    wish = Wish("serving.kserve.io/v1alpha2", "LLMInferenceService", NAME, NAMESPACE)
    script = Script()
    api = Api(script)
    api.discover()
    looker = StartupLooker(Eyes(api, script, script.clock), [wish], script.clock)
    waiter = Waiter(looker, [wish], list[str]().append, ScriptedDoorbells(script), script.clock)
    waiter.wait(60)
    return looker.courses[wish].finding, script.now


def test_ready_is_not_enough_without_an_endpoint() -> None:
    pools = f"/apis/inference.networking.k8s.io/v1/namespaces/{NAMESPACE}/inferencepools"
    given = {SERVICE: [service()], DEPLOYMENTS: [items(deployment())]}
    wrong = Start(READY_POD, **given, **{pools: [items(pool({"app": "nobody"}))]})
    assert wrong.wait() == "STARTUP-POOL-EMPTY"
    assert wrong.script.now <= 4.0
    right = Start(READY_POD, **given, **{pools: [items(pool({"kserve.io/component": "workload"}))]})
    assert (right.wait(), right.course.step.done) == ("", True)


def test_without_the_kind_it_ends_at_once() -> None:
    finding, seconds = without_the_kind()
    assert finding
    assert (finding.code, seconds) == ("STARTUP-KIND-MISSING", 0.0)


def test_an_outage_is_no_sign_and_breaks_the_time_of_signs() -> None:
    lost = ConnectionLost("refused")
    seen = [UNREADY, service(PresetsCombined="CombineBaseError: bad template")]
    start = Start(RUNNING, **{SERVICE: [*seen, lost, lost, lost, UNREADY]})
    assert start.wait(20) == ""
    assert any("the API server does not answer: refused" in line for line in start.lines)


FINDING = Finding("STARTUP-X", "error", "words", path="here", subject=SUBJECT)


def test_a_sign_must_last() -> None:
    course = Course()
    assert course.judge([Sign(FINDING, 3.0)], 0.0) == 3.0
    assert course.judge([], 2.0) is None
    assert course.judge([Sign(FINDING, 3.0)], 2.5) == 3.0
    assert course.judge([Sign(FINDING, 3.0)], 4.0) == 1.5
    assert course.finding is None
    assert course.judge([Sign(FINDING, 3.0)], 5.5) is None
    assert course.finding == FINDING


def test_what_heals_is_told_and_is_the_reason_at_the_time_out() -> None:
    course = Course()
    course.judge([Sign(FINDING, heals=True)], 0.0)
    assert (course.finding, course.pending) == (None, FINDING)
    result = result_of([(WISH, course)], ["r"], failed=True, timed_out=True, seconds=9.0)
    assert [one["code"] for one in result["findings"]] == ["STARTUP-X"]
    course.judge([], 1.0)
    assert course.pending is None


def end(reason: str, *, timed_out: bool) -> dict[str, Any]:
    """The result for a service that is still on its way when the wait ends."""
    course = Course(step=Step(Stage.WEIGHTS, "downloads"))
    given: dict[str, Any] = {"failed": True, "timed_out": timed_out, "seconds": 60.0}
    return result_of([(WISH, course)], [reason], **given)


def ends_of_startups() -> Iterator[Finding]:
    """The findings that no sight of a service gives."""
    kind, _seconds = without_the_kind()
    yield from filter(None, [kind])
    words = f"weights: pod {NAME}-kserve-1 downloads the weights"
    forbidden = "it cannot be read (403): llminferenceservices.serving.kserve.io is forbidden"
    for reason, timed_out in ((words, True), (forbidden, False)):
        yield from (Finding(**one) for one in end(reason, timed_out=timed_out)["findings"])


@pytest.mark.parametrize(
    ("timed_out", "code"), [(True, "STARTUP-TIMEOUT"), (False, "STARTUP-UNREADABLE")]
)
def test_the_end_without_a_finding_is_named(timed_out: bool, code: str) -> None:
    result = end("weights: downloads", timed_out=timed_out)
    assert [one["code"] for one in result["findings"]] == [code]
    assert "weights: downloads" in result["msg"]
    assert result["failed"]


def test_only_the_service_that_failed_is_told_of() -> None:
    other = Wish(WISH.api_version, WISH.kind, "other", NAMESPACE)
    courses = [(WISH, Course(finding=FINDING)), (other, Course())]
    result = result_of(courses, ["", ""], failed=True, timed_out=False, seconds=1.0)
    assert result["msg"].startswith("2 models, after 1 s: 1 error")
    assert [one["ready"] for one in result["services"]] == [False, False]
    assert result["services"][0]["finding"]["code"] == "STARTUP-X"


def test_slow_stages_are_warned_of() -> None:
    course = Course(step=Step(Stage.READY, "ready", done=True))
    course.spent = {Stage.COMPILED: 400.0, Stage.WEIGHTS: 40.0}
    start = Start(RUNNING)
    start.wait(1)
    course.usual = start.course.usual
    given: dict[str, Any] = {"failed": False, "timed_out": False, "seconds": 440.0}
    result = result_of([(WISH, course)], ["ready"], **given)
    assert result["warnings"] == [f"{SUBJECT}: stage compiled took 400 s, usually 91 s"]
