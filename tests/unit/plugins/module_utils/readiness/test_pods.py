# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Why pods do not run, and whether it can heal."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.llmd.tpu.plugins.module_utils.readiness.pods import (
    Begun,
    begun,
    judge,
    need_events,
    newest,
    troubles,
)
from ansible_collections.llmd.tpu.plugins.module_utils.readiness.verdicts import Verdict


def pod(
    name: str = "p", *, restarts: int = 0, created: str = "1", revision: str = "r", **waiting: str
) -> dict[str, Any]:
    container = {"name": "main", "image": "i:1", "restartCount": restarts}
    if waiting:
        container["state"] = {"waiting": waiting}
    labels = {"pod-template-hash": revision}
    return {
        "metadata": {"name": name, "uid": name, "labels": labels, "creationTimestamp": created},
        "status": {"containerStatuses": [container]},
    }


def pull_failed(times: int = 1, container: str = "main") -> dict[str, Any]:
    return {
        "involvedObject": {"uid": "p", "fieldPath": f"spec.containers{{{container}}}"},
        "reason": "Failed",
        "message": 'Failed to pull image "i:1": unauthorized',
        "count": times,
    }


def pulling(times: int) -> dict[str, Any]:
    return {**pull_failed(times), "reason": "Pulling", "message": 'Pulling image "i:1"'}


def verdict(
    one: dict[str, Any], *events: dict[str, Any], runs: int = 0, pulls: int = 0
) -> Verdict | None:
    return judge([one], events, {("p", "main"): Begun(runs, pulls)})


BACK_OFF: dict[str, Any] = {"reason": "ImagePullBackOff", "message": 'Back-off pulling image "i:1"'}
CRASH: dict[str, Any] = {"reason": "CrashLoopBackOff", "message": "back-off 10s"}


@pytest.mark.parametrize("reason", ["ContainerCreating", "PodInitializing", ""])
def test_nothing_is_wrong(reason: str) -> None:
    assert verdict(pod(reason=reason)) is None


@pytest.mark.parametrize(
    ("times", "begun_before", "hopeless"),
    [(1, 0, False), (2, 0, True), (2, 1, True), (2, 2, False), (5, 5, False), (6, 5, True)],
)
def test_an_image_refused_twice_and_once_since_we_looked(
    times: int, begun_before: int, hopeless: bool
) -> None:
    found = verdict(pod(**BACK_OFF), pull_failed(times), pulls=begun_before)
    assert found is not None
    assert found.hopeless is hopeless
    assert "pod p, container main: the image i:1 is refused" in found.reason
    assert "unauthorized" in found.reason


def test_events_of_other_containers_do_not_count() -> None:
    found = verdict(pod(**BACK_OFF), pull_failed(5, "sidecar"))
    assert found is not None
    assert not found.hopeless


@pytest.mark.parametrize(
    ("restarts", "begun_before", "hopeless"),
    [(1, 0, False), (2, 0, True), (2, 2, True), (2, 3, False), (8, 9, False), (9, 9, True)],
)
def test_a_run_that_began_and_crashed_since_we_looked(
    restarts: int, begun_before: int, hopeless: bool
) -> None:
    found = verdict(pod(restarts=restarts, **CRASH), runs=begun_before)
    assert found is not None
    assert found.hopeless is hopeless


def test_the_last_words_of_a_crash_are_told() -> None:
    one = pod(restarts=2, **CRASH)
    last = {"terminated": {"exitCode": 2, "message": "bash: --: invalid option\n"}}
    one["status"]["containerStatuses"][0]["lastState"] = last
    found = verdict(one)
    assert found is not None
    assert "last exit code 2: bash: --: invalid option" in found.reason


def test_a_crash_counts_before_the_kubelet_tells_of_its_back_off() -> None:
    one = pod(restarts=2)
    one["status"]["containerStatuses"][0]["state"] = {"terminated": {"exitCode": 2}}
    found = verdict(one)
    assert found is not None
    assert found.hopeless
    assert "last exit code 2" in found.reason
    one["status"]["containerStatuses"][0]["state"] = {"terminated": {"exitCode": 0}}
    assert verdict(one) is None
    once = pod()
    once["status"]["containerStatuses"][0]["state"] = {"terminated": {"exitCode": 2}}
    assert verdict(once) is None


def test_other_reasons() -> None:
    invalid = verdict(pod(reason="InvalidImageName", message="bad"))
    assert invalid is not None
    assert invalid.hopeless
    missing = verdict(pod(reason="CreateContainerConfigError", message='secret "x" not found'))
    assert missing is not None
    assert not missing.hopeless
    assert 'secret "x" not found' in missing.reason


def test_a_pod_that_cannot_be_scheduled_is_only_told() -> None:
    one = pod()
    one["status"]["conditions"] = [
        {"type": "PodScheduled", "status": "False", "message": "Insufficient google.com/tpu"}
    ]
    found = verdict(one)
    assert found is not None
    assert not found.hopeless
    assert "Insufficient google.com/tpu" in found.reason


def test_only_the_latest_revision_counts() -> None:
    old, new = pod("old", created="1", revision="a"), pod("new", created="2", revision="b")
    leaving = pod("leaving", created="2", revision="b")
    leaving["metadata"]["deletionTimestamp"] = "x"
    assert newest([new, old, leaving]) == [new]
    assert newest([]) == []


def test_the_latest_revision_is_one_of_each_component() -> None:
    workload, scheduler = pod("w", created="1", revision="a"), pod("s", created="2", revision="b")
    workload["metadata"]["labels"]["app.kubernetes.io/component"] = "workload"
    scheduler["metadata"]["labels"]["app.kubernetes.io/component"] = "scheduler"
    assert newest([scheduler, workload]) == [workload, scheduler]


@pytest.mark.parametrize(
    ("state", "last", "runs"),
    [
        ({"waiting": {"reason": "ContainerCreating"}}, None, 0),
        ({"running": {}}, None, 4),
        ({"terminated": {}}, None, 4),
        ({"waiting": {"reason": "CrashLoopBackOff"}}, {"terminated": {}}, 4),
    ],
)
def test_runs_that_have_begun(
    state: dict[str, Any], last: dict[str, Any] | None, runs: int
) -> None:
    one = pod(restarts=3 if runs else 0)
    one["status"]["containerStatuses"][0] |= {"state": state, "lastState": last or {}}
    assert begun([one], []) == {("p", "main"): Begun(runs, 0)}


def test_pulls_that_have_begun() -> None:
    one = pod(**BACK_OFF)
    assert begun([one], [pull_failed(2), pulling(3)]) == {("p", "main"): Begun(0, 3)}
    assert begun([one], [pull_failed(2)]) == {("p", "main"): Begun(0, 2)}


def test_need_of_events() -> None:
    assert need_events([pod(**BACK_OFF)])
    assert not need_events([pod(**CRASH)])


@pytest.mark.parametrize(
    ("one", "kind", "hopeless"),
    [
        (pod(**BACK_OFF), "image", True),
        (pod(reason="InvalidImageName", message="bad"), "image", True),
        (pod(restarts=2, **CRASH), "crash", True),
        (pod(restarts=1, **CRASH), "crash", False),
        (pod(reason="CreateContainerConfigError", message="no secret"), "other", False),
    ],
)
def test_troubles_say_of_which_container_and_kind(
    one: dict[str, Any], kind: str, hopeless: bool
) -> None:
    [trouble] = troubles([one], [pull_failed(2)], {})
    assert (trouble.kind, trouble.verdict.hopeless) == (kind, hopeless)
    assert trouble.place == "pod p, container main"
