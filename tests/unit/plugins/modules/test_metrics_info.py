# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Does metrics_info ask every party as it wants to be asked, and say why one was not read?"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import ansible_collections.llmd.tpu.plugins.modules.metrics_info as module
import pytest
from ansible_collections.llmd.tpu.plugins.module_utils.connection import Reply
from ansible_collections.llmd.tpu.plugins.module_utils.metrics import exposition
from ansible_collections.llmd.tpu.plugins.module_utils.metrics.metrics_info import (
    World,
    argument_spec,
    run,
)

from tests.unit.plugins.module_utils.serving.manifests import good
from tests.unit.plugins.module_utils.smoke.misbehaving import Behaviour, reply, serving
from tests.unit.plugins.module_utils.smoke.scripted import (
    LOST,
    ScriptedSession,
    dial,
    found,
    refused,
)
from tests.unit.plugins.running import given

NAME, NAMESPACE = "qwen2-3b-pattern1", "llm-d-inference-scheduling"
GROUP = "serving.kserve.io"
PLACE = f"/api/v1/namespaces/{NAMESPACE}"
SERVICES = f"GET /apis/{GROUP}/v1alpha1/namespaces/{NAMESPACE}/llminferenceservices"
PODS = f"GET {PLACE}/pods"
SCHEDULER_PODS = f"{PODS}scheduler"
FRONT = "GET /api/v1/namespaces/opendatahub/pods"
ROUTES = f"GET /apis/gateway.networking.k8s.io/v1/namespaces/{NAMESPACE}/httproutes"
MONITORS = f"GET /apis/monitoring.coreos.com/v1/namespaces/{NAMESPACE}/podmonitors"
TOKEN = f"POST {PLACE}/serviceaccounts/llmd-tpu-metrics-reader/token"
PROXY = f"GET {PLACE}/pods/https:pod-1:8000/proxy"
MODEL = 'model_name="m",engine="0"'
SCHEDULER = "inference_pool_ready_pods 1\ninference_objective_request_total 7\n"


def _server(finished: int) -> Reply:
    text = f'vllm:request_success_total{{finished_reason="stop",{MODEL}}} {finished}\n'
    return Reply(200, text.encode())


def _pods(name: str) -> Reply:
    """A pod that runs, and two that do so no more."""
    status = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}
    gone = {"metadata": {"name": "gone", "deletionTimestamp": "now"}}
    ended = {"metadata": {"name": "ended"}, "status": {"phase": "Failed"}}
    return found({"items": [{"metadata": {"name": name}, "status": status}, gone, ended]})


class Cluster(ScriptedSession):
    """Gives the pods of a namespace by the part that is asked for."""

    def send(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes | None = None
    ) -> Reply:
        """Give the scripted answer."""
        part = "scheduler" if "router-scheduler" in path else ""
        return super().send(method, path.replace("/pods?", f"/pods{part}?"), headers, body)


def _answers(**changes: Any) -> dict[str, Any]:
    kind = {"kind": "LLMInferenceService", "name": "llminferenceservices"}
    return {
        f"GET /apis/{GROUP}": found({"versions": [{"groupVersion": f"{GROUP}/v1alpha1"}]}),
        f"GET /apis/{GROUP}/v1alpha1": found({"resources": [kind]}),
        SERVICES: found({"items": [good()]}),
        f"{SERVICES}/{NAME}": found(good()),
        ROUTES: found({"items": []}),
        MONITORS: refused(404, "the server could not find the requested resource"),
        PODS: _pods("pod-1"),
        SCHEDULER_PODS: _pods("epp-1"),
        FRONT: _pods("gateway-1"),
        TOKEN: found({"status": {"token": "t0ken"}}),
        f"{PROXY}/metrics": _server(5),
        f"{PROXY}/version": found({"version": "0.11.1"}),
        **changes,
    }


@dataclass
class Clock:
    """Time that passes only in sleep."""

    now: float = 0.0
    pauses: list[float] = field(default_factory=list)

    def monotonic(self) -> float:
        """Tell the time."""
        return self.now

    def sleep(self, seconds: float, /) -> None:
        """Wait."""
        self.pauses.append(seconds)
        self.now += seconds


CLUSTERS = {
    "cluster_statuses": [
        {
            "name": f"outbound|{port}||{NAME}-{what}.{NAMESPACE}.svc.cluster.local",
            "host_statuses": [{"stats": [{"name": "rq_total", "value": str(number)}]}],
        }
        for port, what, number in (
            (9002, "epp-service", 7),
            (54321, "inference-pool-ip-ab12", 4),
            (8000, "kserve-workload-svc", 2),
            (8000, "other", 99),
        )
    ]
}


def _behind_ports(scheduler: Behaviour, clusters: Behaviour) -> Behaviour:
    """The scheduler's port and the gateway's, told apart by the path."""
    by_path = {"/metrics": scheduler, "/clusters?format=json": clusters}
    return lambda connection, received: by_path.get(received.path, reply(200, ""))(
        connection, received
    )


@dataclass
class Asked:
    """What came of a run, and what was asked meanwhile."""

    result: dict[str, Any]
    session: ScriptedSession
    clock: Clock
    paths: list[tuple[str, str]]

    @property
    def codes(self) -> list[str]:
        """The codes of its findings."""
        return [one["code"] for one in self.result["findings"]]


@contextmanager
def _forwarded(behaviour: Behaviour) -> Iterator[tuple[Callable[..., Any], list[Any]]]:
    with serving(behaviour) as server:
        yield dial(server.port), server.requests


def asked(
    answers: dict[str, Any] | None = None,
    scheduler: Behaviour | None = None,
    clusters: Behaviour | None = None,
    **options: Any,
) -> Asked:
    """Run it against such a cluster."""
    session, clock = Cluster(_answers(**(answers or {}))), Clock()
    defaults = {name: option.get("default") for name, option in argument_spec().items()}
    behaviour = _behind_ports(scheduler or reply(200, SCHEDULER), clusters or reply(200, CLUSTERS))
    with _forwarded(behaviour) as (port, requests):
        world = World(lambda _options: session, lambda _session: port, clock)
        result = run({**defaults, "namespace": NAMESPACE, **options}, world)
        paths = [(one.path, one.headers.get("authorization", "")) for one in requests]
    return Asked(result, session, clock, paths)


def test_every_party_is_read_twice() -> None:
    seen = asked()
    [service] = seen.result["services"]
    assert service["servers"]["requests_finished"] == 5
    assert service["servers"]["recent"]["requests_finished"] == 0
    assert service["servers"]["pods"][0]["version"] == "0.11.1"
    assert service["scheduler"]["requests"] == 7
    assert service["endpoints"]["server_requests"] == 6
    assert service["endpoints"]["scheduler_requests"] == 7
    assert service["gateway"] == "opendatahub/inference-gateway"
    assert (seen.clock.pauses, seen.result["interval_seconds"]) == ([2.0], 2.0)
    assert seen.session.asked.count(f"{PROXY}/metrics") == 2
    assert (seen.result["ok"], seen.result["changed"]) == (True, False)


def test_only_the_scheduler_gets_the_token_and_one_is_enough() -> None:
    seen = asked()
    bearers = dict(seen.paths)
    assert bearers.pop("/metrics") == "Bearer t0ken"
    assert set(bearers.values()) == {""}
    assert seen.session.asked.count(TOKEN) == 1
    assert "t0ken" not in json.dumps(seen.result)


def test_monitors_of_kserve_beside_ours() -> None:
    names = ("llmd-tpu-model-servers", "kserve-llm-isvc-vllm-engine")
    monitors = found({"items": [{"metadata": {"name": name}} for name in names]})
    assert "METRICS-MONITORED-TWICE" in asked({MONITORS: monitors}).codes
    assert "METRICS-MONITORED-TWICE" not in asked().codes


def test_a_single_look() -> None:
    seen = asked(interval=0)
    assert seen.clock.pauses == []
    assert seen.result["services"][0]["servers"]["recent"] == {}


def test_one_service_by_name() -> None:
    seen = asked(name=NAME)
    assert [one["name"] for one in seen.result["services"]] == [NAME]
    assert SERVICES not in seen.session.asked


def test_the_route_tells_the_gateway() -> None:
    parent = {"name": "shared", "namespace": "gateways"}
    matches = [{"path": {"type": "PathPrefix", "value": f"/{NAMESPACE}/{NAME}"}}]
    route = {
        "metadata": {"name": "r", "namespace": NAMESPACE},
        "spec": {"parentRefs": [parent], "rules": [{"matches": matches}]},
        "status": {"parents": [{"conditions": [{"type": "Accepted", "status": "True"}]}]},
    }
    others = {
        ROUTES: found({"items": [route]}),
        "GET /api/v1/namespaces/gateways/pods": _pods("gateway-1"),
    }
    seen = asked(others)
    assert seen.result["services"][0]["gateway"] == "gateways/shared"
    assert FRONT not in seen.session.asked


@pytest.mark.parametrize(
    ("answers", "scheduler", "code", "words"),
    [
        (
            {TOKEN: refused(404, 'serviceaccounts "llmd-tpu-metrics-reader" not found')},
            None,
            "METRICS-NO-ACCOUNT",
            "not found",
        ),
        ({TOKEN: refused(403, "cannot create")}, None, "METRICS-NO-ACCOUNT", "cannot create"),
        ({}, reply(401, "Unauthorized"), "METRICS-NO-RIGHT", "HTTP 401"),
        ({}, reply(403, "Forbidden"), "METRICS-NO-RIGHT", "HTTP 403"),
        ({}, reply(500), "METRICS-UNREAD", "HTTP 500 from port 9090"),
        ({}, reply(200, 'inference_pool_ready_pods{a="b} 1'), "METRICS-UNREAD", "Prometheus"),
        ({}, reply(200, "hello 1\n"), "METRICS-FOREIGN", "version unknown"),
        (
            {f"{PROXY}/metrics": refused(503, "dial tcp 10.0.0.1:8000: connection refused")},
            None,
            "METRICS-NOBODY-LISTENS",
            "connection refused",
        ),
        (
            {f"{PROXY}/metrics": refused(403, "cannot get resource pods/proxy")},
            None,
            "METRICS-FORBIDDEN",
            "pods/proxy",
        ),
        (
            {f"{PROXY}/metrics": refused(503, "http: server gave HTTP response to HTTPS client")},
            None,
            "METRICS-PLAIN-HTTP",
            "HTTPS client",
        ),
        ({f"{PROXY}/metrics": LOST}, None, "METRICS-UNREAD", "no answer"),
        ({PODS: refused(403, "pods is forbidden")}, None, "METRICS-PODS-UNREAD", "forbidden"),
    ],
)
def test_why_something_was_not_read(
    answers: dict[str, Any], scheduler: Behaviour | None, code: str, words: str
) -> None:
    seen = asked(answers, scheduler, findings_only=True)
    told = [one["found"] for one in seen.result["findings"] if one["code"] == code]
    assert told, seen.codes
    assert words in told[0]
    assert any(code in line for line in seen.result["report"])


def test_an_error_fails_the_task_unless_only_findings_are_wanted() -> None:
    gone = {f"{PROXY}/metrics": refused(503, "connection refused")}
    failed, kept = asked(gone), asked(gone, findings_only=True)
    assert "METRICS-NOBODY-LISTENS" in failed.result["msg"]
    assert (kept.result["ok"], "failed" in kept.result) == (False, False)


def test_a_gateway_of_somebody_else() -> None:
    seen = asked({FRONT: found({"items": []})}, clusters=reply(404))
    assert seen.result["services"][0]["endpoints"]["server_requests"] is None
    assert seen.result["ok"]


def test_a_cluster_without_services() -> None:
    seen = asked({f"GET /apis/{GROUP}": refused(404, "not found")})
    assert seen.codes == ["METRICS-NO-SERVICES"]
    assert seen.result["services"] == []


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"interval": -1.0}, "interval is -1; expected seconds from 0"),
        ({"interval": 601.0}, "interval is 601"),
        ({"gateway": "name-alone"}, "gateway is 'name-alone'; expected NAMESPACE/NAME"),
        ({"name": "none"}, "is not in the cluster"),
    ],
)
def test_bad_input(options: dict[str, Any], words: str) -> None:
    seen = asked({f"{SERVICES}/none": refused(404, "not found")}, **options)
    assert seen.result["failed"]
    assert words in seen.result["msg"]


def test_a_missing_library_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exposition, "IMPORT_PROBLEM", "No module named 'prometheus_client'")
    assert "pip install prometheus-client" in asked().result["msg"]


def test_as_a_module(capsys: pytest.CaptureFixture[str]) -> None:
    with given({"name": "alone"}), pytest.raises(SystemExit) as ended:
        module.main()
    assert ended.value.code == 1
    assert "missing parameter(s) required by 'name': namespace" in capsys.readouterr().out
