# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Is the stage under way found, in order, and told in words?"""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.llmd.tpu.plugins.module_utils.startup.log_text import (
    DownloadLog,
    ServerLog,
)
from ansible_collections.llmd.tpu.plugins.module_utils.startup.sight import Sight
from ansible_collections.llmd.tpu.plugins.module_utils.startup.stages import ORDER, Stage, step_of

from tests.unit.plugins.module_utils.startup.starts import (
    DOWNLOADED,
    READY_POD,
    SUBJECT,
    UID,
    WISH,
    container,
    deployment,
    event,
    pod,
    service,
    sight,
)

NEW = service()
NEW["status"] = {}
RUNNING: dict[str, Any] = {"running": {"startedAt": "2026-01-01T00:00:00Z"}}
DOWNLOADING = pod(container("storage-initializer", **RUNNING), container(waiting={}))
SERVING = pod(DOWNLOADED, container(**RUNNING))
PULLING = [event("Pulling", 'Pulling image "vllm:1"', where="main")]
REFUSED = "no listener allows it"
ROUTED: dict[str, Any] = {"deployments": [deployment()]}


def server(**known: Any) -> dict[str, Any]:
    return {"servers": {(UID, "main"): ServerLog(**known)}}


@pytest.mark.parametrize(
    ("seen", "stage", "words"),
    [
        (Sight(SUBJECT, None), Stage.ACCEPTED, "it does not exist"),
        (Sight(SUBJECT, NEW), Stage.ACCEPTED, "its controller has not reported yet"),
        (sight(deployments=[]), Stage.CHILDREN, "KServe makes its objects"),
        (sight(), Stage.CHILDREN, "0 of 1 pods are made"),
        (sight(pod(node="")), Stage.SCHEDULED, "waits for a node: 0/1 nodes are available"),
        (
            sight(pod(node=""), events=[event("TriggeredScaleUp", "pool 0->1")]),
            Stage.SCHEDULED,
            "waits for a node: pool 0->1",
        ),
        (sight(pod(DOWNLOADED, container(waiting={}))), Stage.IMAGE, "makes container main"),
        (
            sight(pod(DOWNLOADED, container(waiting={})), events=PULLING),
            Stage.IMAGE,
            "pulls image vllm:1",
        ),
        (
            sight(pod(container(waiting={"reason": "ErrImagePull", "message": "no"}))),
            Stage.IMAGE,
            "container main waits: ErrImagePull: no",
        ),
        (
            sight(pod(container(waiting={})), events=[event("FailedMount", "no secret")]),
            Stage.IMAGE,
            "waits for a volume: no secret",
        ),
        (sight(DOWNLOADING), Stage.WEIGHTS, "downloads the weights"),
        (sight(SERVING), Stage.SERVER, "starts the server"),
        (sight(SERVING, **server(loading=True)), Stage.SERVER, "loads the weights"),
        (sight(SERVING, **server(compiling=True)), Stage.COMPILED, "compiles"),
        (sight(SERVING, **server(up=True)), Stage.WARM, "serves, and is not ready yet"),
        (
            sight(pod(DOWNLOADED, container(terminated={"exitCode": 2}))),
            Stage.SERVER,
            "container main ended with exit code 2",
        ),
        (
            sight(READY_POD, **ROUTED, service=service(InferencePoolReady="Waiting: for Istio")),
            Stage.POOL,
            "condition InferencePoolReady is False (Waiting: for Istio)",
        ),
        (
            sight(READY_POD, **ROUTED, service=service(HTTPRoutesReady=f"No: {REFUSED}")),
            Stage.ROUTE,
            REFUSED,
        ),
        (sight(READY_POD, **ROUTED, service=service(HTTPRoutesReady=None)), Stage.ROUTE, "not rep"),
        (sight(READY_POD, **ROUTED, service=service(Ready="No: why")), Stage.READY, "No: why"),
        (sight(READY_POD, service=service()), Stage.READY, "0 available"),
        (sight(READY_POD, **ROUTED, service=service()), Stage.READY, "ready"),
    ],
)
def test_each_stage(seen: Sight, stage: Stage, words: str) -> None:
    step = step_of(seen, WISH)
    assert (step.stage, step.done) == (stage, step.words == "ready")
    assert words in step.words


def test_the_slowest_pod_counts() -> None:
    second = {**DOWNLOADING, "metadata": {**DOWNLOADING["metadata"], "name": "b", "uid": "b"}}
    step = step_of(sight(READY_POD, second), WISH)
    assert step.stage == Stage.WEIGHTS
    assert step.words == "pod b downloads the weights (1 of 2 pods are ready)"


def test_a_pod_that_is_over_is_no_pod() -> None:
    assert step_of(sight(pod(phase="Failed")), WISH).stage == Stage.CHILDREN


def test_numbers_are_details() -> None:
    loaded = {"downloads": {(UID, "storage-initializer"): DownloadLog("1 of 5 files", "1G of 6G")}}
    assert step_of(sight(DOWNLOADING, **loaded), WISH).detail == " (1G of 6G, 1 of 5 files)"
    compiled = server(compiling=True, graphs=7, graph="backbone")
    assert step_of(sight(SERVING, **compiled), WISH).detail == ", graph 7 (backbone)"


def test_a_sidecar_that_runs_holds_nothing_up() -> None:
    made = pod(container("router", **RUNNING, ready=True), DOWNLOADED, container(**RUNNING))
    made["spec"]["initContainers"] = [{"name": "router", "restartPolicy": "Always"}]
    assert step_of(sight(made), WISH).stage == Stage.SERVER


def test_stages_are_in_the_order_of_a_start() -> None:
    names = "accepted children scheduled image weights server compiled warm pool route ready"
    assert " ".join(ORDER) == names
