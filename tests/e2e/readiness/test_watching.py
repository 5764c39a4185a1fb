# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Watching on a real API server: few requests, a prompt end, and nothing that stops it."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import subprocess
import threading
import time
import urllib.error
from pathlib import Path
from statistics import median
from typing import Any

import pytest

from tests.e2e.apply.control_plane import ControlPlane
from tests.e2e.apply.words import play
from tests.e2e.readiness.waiting import Waiting, entry

Object = dict[str, Any]
GOOD = {
    "observedGeneration": 1,
    "replicas": 1,
    "updatedReplicas": 1,
    "readyReplicas": 1,
    "availableReplicas": 1,
}


@pytest.fixture
def space(plane: ControlPlane) -> str:
    name = f"test-{secrets.token_hex(4)}"
    plane.request("POST", "/api/v1/namespaces", {"metadata": {"name": name}})
    return name


def deploy(plane: ControlPlane, space: str, name: str) -> None:
    labels = {"app": name}
    container = {"name": "main", "image": "i:1"}
    body = {
        "metadata": {"name": name},
        "spec": {
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
        },
    }
    plane.request("POST", f"/apis/apps/v1/namespaces/{space}/deployments", body)


def make_ready(plane: ControlPlane, space: str, name: str) -> float:
    """Write the status that a controller would; answers when."""
    path = f"/apis/apps/v1/namespaces/{space}/deployments/{name}/status"
    plane.request("PATCH", path, {"status": GOOD}, "application/merge-patch+json")
    return time.monotonic()


def asked(plane: ControlPlane, space: str) -> list[Object]:
    """The requests about a namespace; a watch under way has not been logged as complete."""
    return [event for event in plane.audit() if f"/namespaces/{space}/" in event["requestURI"]]


def test_the_end_comes_at_once(plane: ControlPlane, space: str) -> None:
    delays = []
    for number in range(7):
        name = f"d{number}"
        deploy(plane, space, name)
        waiting = Waiting(str(plane.kubeconfig), entry("Deployment", name, space))
        waiting.told("has not reported yet")
        time.sleep(0.5)
        ready = make_ready(plane, space, name)
        assert not waiting.end().get("failed"), waiting.result
        delays.append(waiting.ended - ready)
    print(f"from ready to the end of the wait: {sorted(round(d * 1000) for d in delays)} ms")
    # A few milliseconds; what does not watch looks once a second, or every fifteen.
    assert median(delays) < 0.5
    assert max(delays) < 5


def test_few_requests_and_nothing_left_open(plane: ControlPlane, space: str) -> None:
    names = [f"d{number}" for number in range(8)]
    for name in names:
        deploy(plane, space, name)
    objects = [entry("Deployment", name, space) for name in names]
    files, threads = len(os.listdir("/proc/self/fd")), threading.active_count()
    waiting = Waiting(str(plane.kubeconfig), *objects, wait_timeout=5)
    result = waiting.end()
    assert re.search(r"8 objects are not ready after \d+ s", result["msg"])
    # Each and its pods: read when it begins, when their watches open, and at the end.
    print(f"5 s, 8 objects: {result['requests']} requests; a look a second needs {2 + 8 * 2 * 6}")
    assert result["requests"] < 2 + 8 * 2 * 6
    deadline = time.monotonic() + 10
    while threading.active_count() > threads and time.monotonic() < deadline:
        time.sleep(0.1)
    assert threading.active_count() <= threads  # those of earlier tests may have ended
    assert len(os.listdir("/proc/self/fd")) <= files + 1  # connections end when they are collected
    assert len(asked(plane, space)) <= result["requests"]


def test_a_kind_that_comes_later(plane: ControlPlane, space: str) -> None:
    group = f"g{secrets.token_hex(3)}.example.com"
    widget = {
        "api_version": f"{group}/v1",
        "kind": "Widget",
        "name": "w",
        "namespace": space,
    }
    waiting = Waiting(str(plane.kubeconfig), widget)
    waiting.told("its CustomResourceDefinition is not installed")
    names = {"kind": "Widget", "plural": "widgets", "singular": "widget"}
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    version = {"name": "v1", "served": True, "storage": True, "schema": schema}
    definition = {
        "metadata": {"name": f"widgets.{group}"},
        "spec": {"group": group, "names": names, "scope": "Namespaced", "versions": [version]},
    }
    plane.request("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", definition)
    waiting.told("it does not exist")
    body = {"apiVersion": f"{group}/v1", "kind": "Widget", "metadata": {"name": "w"}}
    deadline = time.monotonic() + 20
    while True:
        with contextlib.suppress(urllib.error.HTTPError):
            plane.request("POST", f"/apis/{group}/v1/namespaces/{space}/widgets", body)
            break
        assert time.monotonic() < deadline
        time.sleep(0.1)
    made = time.monotonic()
    assert not waiting.end().get("failed"), waiting.result
    assert waiting.ended - made < 10


def test_a_kind_that_must_exist(plane: ControlPlane, space: str) -> None:
    nothing = {"api_version": "serving.kserve.io/v1alpha1", "kind": "LLMInferenceService"}
    entry_ = {**nothing, "name": "x", "namespace": space}
    waiting = Waiting(str(plane.kubeconfig), entry_, kinds_exist=True)
    assert "(phase kserve brings it)" in waiting.end()["msg"]
    assert waiting.seconds < 10


def test_an_account_that_may_only_get(plane: ControlPlane, space: str) -> None:
    rule = {"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["get"]}
    rbac = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{space}"
    plane.request("POST", f"{rbac}/roles", {"metadata": {"name": "r"}, "rules": [rule]})
    binding = {
        "metadata": {"name": "r"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "r"},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "reader"}],
    }
    plane.request("POST", f"{rbac}/rolebindings", binding)
    deploy(plane, space, "d")
    waiting = Waiting(
        str(plane.kubeconfig), entry("Deployment", "d", space), impersonate_user="reader"
    )
    waiting.told("cannot be watched (the account may not")
    time.sleep(1.5)  # what the refusal itself rang for is over
    ready = make_ready(plane, space, "d")
    assert not waiting.end().get("failed"), waiting.result
    assert waiting.ended - ready < 10


def test_an_account_that_may_nothing_is_told_soon(plane: ControlPlane, space: str) -> None:
    deploy(plane, space, "d")
    waiting = Waiting(
        str(plane.kubeconfig), entry("Deployment", "d", space), impersonate_user="nobody"
    )
    assert "it cannot be read (403)" in waiting.end()["msg"]
    assert waiting.seconds < 20


def test_gone_names_who_holds_it(plane: ControlPlane, space: str) -> None:
    path = f"/api/v1/namespaces/{space}/configmaps"
    body = {"metadata": {"name": "c", "finalizers": ["example.com/hold"]}}
    plane.request("POST", path, body)
    waiting = Waiting(str(plane.kubeconfig), entry("ConfigMap", "c", space, gone=True))
    waiting.told("nobody has asked to delete it")
    plane.request("DELETE", f"{path}/c")
    waiting.told("held by example.com/hold")
    free = {"metadata": {"finalizers": None}}
    plane.request("PATCH", f"{path}/c", free, "application/merge-patch+json")
    freed = time.monotonic()
    assert not waiting.end().get("failed"), waiting.result
    assert waiting.ended - freed < 5


def test_progress_and_a_time_out_as_ansible_shows_them(
    plane: ControlPlane, space: str, tmp_path: Path
) -> None:
    deploy(plane, space, "d")
    objects = [entry("Deployment", "d", space), entry("Namespace", space, "")]
    params = {"objects": objects, "wait_timeout": 1, "kubeconfig": str(plane.kubeconfig)}
    tasks: list[Object] = [
        {"llmd.tpu.wait_ready": params, "ignore_errors": True},
        {"llmd.tpu.wait_ready": {**params, "progress": False}, "ignore_errors": True},
    ]
    results, output = play(tmp_path, tasks)
    for result in results:
        assert f"Deployment {space}/d: its controller has not reported yet" in result["msg"]
    assert output.count(f"1 of 2 ready] Deployment {space}/d waits") == 1


def test_the_api_server_may_be_away_for_a_while(plane: ControlPlane, space: str) -> None:
    """The last one here: it takes the server away from everybody."""
    deploy(plane, space, "d")
    deployment = entry("Deployment", "d", space)
    waiting = Waiting(str(plane.kubeconfig), deployment, wait_timeout=110)
    waiting.told("has not reported yet")
    server = plane.processes[1]
    server.kill()
    server.wait()
    waiting.told("the API server does not answer")
    plane.processes[1] = subprocess.Popen(
        server.args, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    deadline = time.monotonic() + 90
    while True:
        with contextlib.suppress(OSError):
            ready = make_ready(plane, space, "d")
            break
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert not waiting.end().get("failed"), waiting.result
    assert waiting.ended - ready < 20
