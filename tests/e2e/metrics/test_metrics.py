# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The figures of real parties move with real requests, and what is wrong is told."""

from __future__ import annotations

import json
import time
import urllib.request
from typing import Any

from ansible_collections.llmd.tpu.plugins.module_utils.metrics import metrics_info

from tests.e2e.patience import eventually
from tests.e2e.site.playbooks import play
from tests.sandbox.harness import Sandbox

NAMESPACE, NAME = "llm-d-inference-scheduling", "qwen2-3b-pattern1"
MODEL = "Qwen/Qwen2.5-3B-Instruct"
READER = "llmd-tpu-metrics-reader"


def metrics(sandbox: Sandbox, **given: Any) -> dict[str, Any]:
    """Read the metrics once, without a pause."""
    defaults = {
        name: option.get("default") for name, option in metrics_info.argument_spec().items()
    }
    wanted = {"kubeconfig": sandbox.kubeconfig, "name": NAME, "namespace": NAMESPACE, "interval": 0}
    return metrics_info.run({**defaults, **wanted, "findings_only": True, **given})


def codes(result: dict[str, Any]) -> dict[str, str]:
    """The severity of each code that was told."""
    return {one["code"]: one["severity"] for one in result["findings"]}


def complete(sandbox: Sandbox, prompt: str, tokens: int) -> int:
    """Ask for so many tokens through the gateway; gives the HTTP status."""
    body = {"model": MODEL, "prompt": prompt, "max_tokens": tokens, "ignore_eos": True}
    url = f"http://{sandbox.description['gateway']['forward']}/{NAMESPACE}/{NAME}/v1/completions"
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(url, json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request, timeout=60) as reply:
        reply.read()
        return int(reply.status)


def counted(result: dict[str, Any]) -> dict[str, float]:
    """What every party has counted of requests."""
    [service] = result["services"]
    return {
        "servers": service["servers"]["requests_finished"],
        "generated tokens": service["servers"]["generation_tokens"],
        "scheduler": service["scheduler"]["requests"],
        "gateway to servers": service["endpoints"]["server_requests"],
        "gateway to scheduler": service["endpoints"]["scheduler_requests"],
    }


def test_the_figures_move_with_requests(converged: Sandbox) -> None:
    before = metrics(converged)
    assert before["ok"], before["report"]
    assert [complete(converged, f"Prompt {i}", 16) for i in range(3)] == [200] * 3
    deadline = time.monotonic() + 10
    while True:  # a server counts a moment after it answered
        rose = {name: number - counted(before)[name] for name, number in _now(converged).items()}
        if rose["servers"] == 3 or time.monotonic() > deadline:
            break
        time.sleep(0.2)
    assert rose == {
        "servers": 3,
        "generated tokens": 48,
        "scheduler": 3,
        "gateway to servers": 3,
        "gateway to scheduler": 3,
    }


def _now(sandbox: Sandbox) -> dict[str, float]:
    return counted(metrics(sandbox))


def test_a_healthy_service_has_every_figure_and_no_warning(converged: Sandbox) -> None:
    result = metrics(converged, interval=1.0)
    [service] = result["services"]
    servers, scheduler = service["servers"], service["scheduler"]
    assert "warning" not in codes(result).values(), result["report"]
    assert (servers["requests_waiting"], servers["kv_cache_percent"]) == (0, 0)
    assert servers["kv_cache_tokens"] > 1_000_000
    assert None not in servers.values()
    assert scheduler["pool_ready_pods"] == 1
    assert scheduler["recent"]["requests"] == servers["recent"]["requests_finished"] == 0
    assert servers["pods"][0]["version"].startswith("0.")
    assert 0.9 < result["interval_seconds"] < 5


def test_all_services_of_a_namespace_and_of_the_cluster(converged: Sandbox) -> None:
    for namespace in (NAMESPACE, None):
        found = metrics(converged, name=None, namespace=namespace)["services"]
        assert [one["name"] for one in found] == [NAME]


def test_without_the_account(converged: Sandbox) -> None:
    with converged.without("serviceaccount", READER, f"--namespace={NAMESPACE}"):
        result = metrics(converged)
    [finding] = [one for one in result["findings"] if one["code"] == "METRICS-NO-ACCOUNT"]
    assert f"kubectl -n {NAMESPACE} create serviceaccount {READER}" in finding["fix"]
    assert result["services"][0]["scheduler"]["requests"] is None
    assert result["services"][0]["servers"]["requests_finished"] is not None


def test_without_the_right(converged: Sandbox) -> None:
    with converged.without("clusterrolebinding", f"{READER}-{NAMESPACE}"):
        # The API server hears of it a moment later.
        eventually(lambda: "METRICS-NO-RIGHT" in codes(metrics(converged)), "the right is missed")
        result = metrics(converged)
    assert codes(result)["METRICS-NO-RIGHT"] == "warning"
    assert "HTTP 403" in "\n".join(result["report"])


def test_the_playbook_shows_the_report(converged: Sandbox) -> None:
    shown = play(converged.folder, "metrics", inputs={"metrics_interval": 0})
    assert shown.code == 0, shown.output
    assert f"LLMInferenceService {NAMESPACE}/{NAME} ({MODEL})" in shown.text
    assert "Bearer" not in shown.output
