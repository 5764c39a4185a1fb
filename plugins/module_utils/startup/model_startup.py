# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Watch models from apply to Ready: tell each stage, and name what goes wrong in time."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from ansible.module_utils.basic import env_fallback
from ansible_collections.llmd.tpu.plugins.module_utils.connection import (
    ConnectionProblem,
    Streaming,
    connection_options,
)
from ansible_collections.llmd.tpu.plugins.module_utils.findings import Finding, failure_message
from ansible_collections.llmd.tpu.plugins.module_utils.manifests.client import Api, first_contact
from ansible_collections.llmd.tpu.plugins.module_utils.readiness.verdicts import Wish
from ansible_collections.llmd.tpu.plugins.module_utils.readiness.wait import Pace, Progress, Waiter
from ansible_collections.llmd.tpu.plugins.module_utils.readiness.watches import Watches
from ansible_collections.llmd.tpu.plugins.module_utils.serving.tracks import (
    DEFAULT_TRACK,
    KIND,
    TRACKS,
    Track,
)
from ansible_collections.llmd.tpu.plugins.module_utils.startup.judging import timed_out_start
from ansible_collections.llmd.tpu.plugins.module_utils.startup.looking import Eyes
from ansible_collections.llmd.tpu.plugins.module_utils.startup.watching import Course, StartupLooker

GAP_SECONDS = 0.25
"""Between looks at one service, however often its watches ring."""
ROUND_SECONDS = 0.02
"""What each service adds to it: a round of looks at a hundred takes the API server a while."""


def argument_spec() -> dict[str, Any]:
    """The options of `model_startup`, with kubernetes.core's connection options."""
    return {
        **connection_options(),
        "services": {
            "type": "list",
            "elements": "dict",
            "required": True,
            "options": {
                "name": {"type": "str", "required": True},
                "namespace": {"type": "str", "required": True},
            },
        },
        "kserve_track": {"type": "str", "choices": list(TRACKS), "default": DEFAULT_TRACK},
        "progress": {
            "type": "bool",
            "default": True,
            "fallback": (env_fallback, ["LLMD_PROGRESS"]),
        },
        "progress_interval": {"type": "int", "default": 15},
        "wait_timeout": {"type": "int", "default": 2700},
    }


def model_startup(
    params: Mapping[str, Any], session: Streaming, *, check: bool, progress: Progress
) -> dict[str, Any]:
    """Watch what the options name until all of it is ready; in check mode look once and report."""
    api = Api(session)
    clock = time.monotonic
    wishes = _wishes(params["services"], TRACKS[params["kserve_track"]])
    try:
        first_contact(api)
        looker = StartupLooker(Eyes(api, session, clock), wishes, clock)
        waiter = Waiter(
            looker,
            wishes,
            progress if params.get("progress", True) else lambda _line: None,
            Watches(session, api.counts),
            clock,
            Pace(
                max(float(params["progress_interval"]), 1.0),
                max(GAP_SECONDS, len(wishes) * ROUND_SECONDS),
            ),
        )
        problem = None
        if check:
            waiter.look()
        else:
            problem = waiter.wait(float(params["wait_timeout"]))
    except ConnectionProblem as problem_:
        return {"failed": True, "changed": False, "msg": str(problem_)}
    result = result_of(
        [(wish, looker.courses[wish]) for wish in wishes],
        [str(one["reason"]) for one in waiter.report()],
        failed=problem is not None,
        timed_out=waiter.elapsed >= float(params["wait_timeout"]),
        seconds=waiter.elapsed,
    )
    return {**result, "seconds": round(waiter.elapsed, 1), "requests": api.counts.requests}


def result_of(
    courses: Sequence[tuple[Wish, Course]],
    reasons: Sequence[str],
    *,
    failed: bool,
    timed_out: bool,
    seconds: float,
) -> dict[str, Any]:
    """Give what a task says of services; `reasons` are what was last said of each."""
    services = [
        {"name": wish.name, "namespace": wish.namespace, **course.report()}
        for wish, course in courses
    ]
    slow = [f"{wish.title}: {words}" for wish, course in courses for words in course.slow]
    answer: dict[str, Any] = {"changed": False, "services": services, "findings": []}
    if slow:
        answer["warnings"] = slow
    if not failed:
        return answer
    findings = [course.finding for _wish, course in courses if course.finding]
    if not findings:
        waits = zip(courses, reasons, strict=True)
        findings = [
            course.pending
            or (
                timed_out_start(wish.title, reason, seconds)
                if timed_out
                else _unreadable(wish, reason)
            )
            for (wish, course), reason in waits
            if not course.step.done
        ]
    title = courses[0][0].title if len(courses) == 1 else f"{len(courses)} models"
    words = failure_message(f"{title}, after {seconds:.0f} s", findings)
    return answer | {
        "failed": True,
        "findings": [one.to_dict() for one in findings],
        "msg": words,
    }


def _unreadable(wish: Wish, reason: str) -> Finding:
    return Finding(
        code="STARTUP-UNREADABLE",
        severity="error",
        message="the API server does not let this account read the service",
        subject=wish.title,
        found=reason,
        expected="get, list and watch of LLMInferenceServices, Deployments, pods and events",
        fix="use an account with these rights (ClusterRole view and the rights on "
        "serving.kserve.io)",
        source="Kubernetes, RBAC",
    )


def _wishes(services: list[Mapping[str, Any]], track: Track) -> list[Wish]:
    """One for each service, in order, each once."""
    wishes = [
        Wish(track.api_version, KIND, str(one["name"]), str(one["namespace"])) for one in services
    ]
    return list(dict.fromkeys(wishes))
