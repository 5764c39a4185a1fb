# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Does a Job's program really send what it is ordered, and is nothing of it left?

The API server is played; what it is given to run really runs, in a Python of its own.
"""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.llmd.tpu.plugins.module_utils.connection import Reply as ApiReply
from ansible_collections.llmd.tpu.plugins.module_utils.smoke.address import WayProblem
from ansible_collections.llmd.tpu.plugins.module_utils.smoke.exchange import (
    Failure,
    Reply,
    Request,
)
from ansible_collections.llmd.tpu.plugins.module_utils.smoke.job import (
    Host,
    JobTransport,
    find_host,
    job_of,
)
from ansible_collections.llmd.tpu.plugins.module_utils.smoke.judge import judge
from ansible_collections.llmd.tpu.plugins.module_utils.smoke.questions import Wish, request_of

from tests.unit.plugins.module_utils.smoke.misbehaving import MODEL, by_path, reply, serving
from tests.unit.plugins.module_utils.smoke.scripted import PODS, ScriptedSession, found

HOST = Host("registry.example/vllm:1", "node-1", ("pull",))
JOBS = "/apis/batch/v1/namespaces/ns/jobs"


class FakeClock:
    """A clock that only sleeping moves."""

    now = 0.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float, /) -> None:
        self.now += seconds


@dataclass
class Cluster:
    """Runs the program of a Job as its pod would, once the Secret is there."""

    folder: Path
    python: str = sys.executable
    log: bytes = b""
    phase: str = "Pending"
    asked: list[str] = field(default_factory=list)
    made: list[dict[str, Any]] = field(default_factory=list)
    server: str = "https://cluster.example"
    source: str = "a test"

    def send(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes | None = None
    ) -> ApiReply:
        self.asked.append(f"{method} {path}")
        if path.endswith("/log"):
            return ApiReply(200, self.log)
        if method == "GET":
            pod = {"metadata": {"name": "smoke-pod"}, "status": {"phase": self.phase}}
            return found({"items": [pod]})
        if method == "POST":
            self.made.append(json.loads(body or b""))
            if self.made[-1]["kind"] == "Secret":
                self._run(self.made[-1]["data"])
            return found({"metadata": {"uid": "job-uid"}})
        return found({})

    def _run(self, data: Mapping[str, str]) -> None:
        for name, text in data.items():
            (self.folder / name).write_bytes(base64.b64decode(text))
        # Isolated: nothing but what is in the program may be needed.
        done = subprocess.run(
            [self.python, "-I", "-S", "program.zip"],
            cwd=self.folder,
            input=(self.folder / "orders.json").read_bytes(),
            capture_output=True,
            check=False,
        )
        self.log = done.stdout + done.stderr
        self.phase = "Failed" if done.returncode else "Succeeded"


def _transport(cluster: Any, *connect_to: str) -> JobTransport:
    return JobTransport(
        cluster, "ns", HOST, FakeClock(), timeout=5, connect_to=list(connect_to), ca_cert=""
    )


def test_a_job_brings_back_what_a_direct_request_would(tmp_path: Path) -> None:
    wish = Wish(MODEL, "Hi", 16, headers={"Authorization": "Bearer hunter2-hunter2"})
    with serving(by_path()) as gateway:
        cluster = Cluster(tmp_path)
        transport = _transport(cluster, f"127.0.0.1:{gateway.port}")
        url = "http://gateway.example/ns/name"
        requests = [request_of(one, url, wish) for one in ("completion", "stream")]
        completion, stream = transport.send_all(requests, parallel=2)
    assert isinstance(completion, Reply)
    assert isinstance(stream, Reply)
    assert judge("completion", completion, url, wish).text == " Paris."
    judged = judge("stream", stream, url, wish)
    assert (judged.findings, judged.text) == ((), " Paris.")
    assert judged.timing is not None
    assert completion.hidden == ("Bearer hunter2-hunter2", "hunter2-hunter2")
    assert {one.headers["host"] for one in gateway.requests} == {"gateway.example"}
    assert gateway.requests[0].headers["authorization"] == "Bearer hunter2-hunter2"
    assert b"hunter2" not in cluster.log
    job, secret = cluster.made
    assert "hunter2" not in json.dumps(job)
    assert secret["metadata"]["ownerReferences"][0]["uid"] == "job-uid"
    name = job["metadata"]["name"]
    assert cluster.asked[-1] == f"DELETE {JOBS}/{name}?propagationPolicy=Background"


def test_a_failure_inside_the_cluster_is_the_same_failure(tmp_path: Path) -> None:
    outcome = _transport(Cluster(tmp_path)).send(Request("GET", "http://no-such-host.invalid/"))
    assert isinstance(outcome, Failure)
    assert outcome.kind == "dns"


def test_an_image_without_python(tmp_path: Path) -> None:
    cluster = Cluster(tmp_path, python="/bin/false")
    with pytest.raises(WayProblem, match="as python3 in the image registry"):
        _transport(cluster).send(Request("GET", "http://a/"))
    assert cluster.asked[-1].startswith("DELETE")


def test_a_pod_that_never_ends() -> None:
    waiting = {"waiting": {"reason": "ErrImagePull", "message": "denied"}}
    pod = {
        "metadata": {"name": "p"},
        "status": {"phase": "Pending", "containerStatuses": [{"state": waiting}]},
    }

    class Stuck(ScriptedSession):
        def send(
            self, method: str, path: str, headers: Mapping[str, str], body: bytes | None = None
        ) -> ApiReply:
            self.asked.append(f"{method} {path}")
            return found({"metadata": {"uid": "u"}, "items": [pod]})

    session = Stuck({})
    with pytest.raises(WayProblem, match="Pending, ErrImagePull: denied"):
        _transport(session).send(Request("GET", "http://a/"))
    assert session.asked[-1].startswith("DELETE")


def test_where_a_job_runs() -> None:
    spec = {
        "nodeName": "node-1",
        "imagePullSecrets": [{"name": "pull"}],
        "containers": [{"name": "main", "image": "registry.example/vllm:1"}],
    }
    session = ScriptedSession({PODS: found({"items": [{"metadata": {"name": "m"}, "spec": spec}]})})
    assert find_host(session, "ns", "name", "") == HOST
    assert find_host(session, "ns", "name", "other:1") == Host("other:1", "", ("pull",))
    pod = job_of("j", HOST, 60)["spec"]["template"]["spec"]
    assert pod["nodeSelector"] == {"kubernetes.io/hostname": "node-1"}
    assert pod["tolerations"][0]["key"] == "google.com/tpu"
    assert "google.com/tpu" not in json.dumps(pod["containers"])
    elsewhere = job_of("j", Host("other:1"), 60)["spec"]["template"]["spec"]
    assert "nodeSelector" not in elsewhere


def test_nothing_to_send_makes_no_job(tmp_path: Path) -> None:
    cluster = Cluster(tmp_path)
    assert _transport(cluster).send_all([]) == []
    assert cluster.asked == []


def test_a_reply_of_an_error_status_comes_back_as_it_is(tmp_path: Path) -> None:
    with serving(reply(503, b"no healthy upstream")) as gateway:
        transport = _transport(Cluster(tmp_path), f"127.0.0.1:{gateway.port}")
        outcome = transport.send(Request("GET", "http://gateway.example/"))
    assert isinstance(outcome, Reply)
    assert (outcome.status, outcome.body) == (503, b"no healthy upstream")
