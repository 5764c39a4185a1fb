# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Every job template runs as a controller runs it, hands its verdict on, and keeps secrets."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from tests.awx.data import variables
from tests.awx.jobs import Job
from tests.long.awx.launching import REGISTRY, Launcher
from tests.sandbox.harness import Sandbox

SERVICE = ("llm-d-inference-scheduling", "qwen2-3b-pattern1")
PLACE = "/".join(SERVICE)
URL = f"/{PLACE}"


def ended(job: Job, code: int = 0) -> None:
    """The job ended so, and the controller knows."""
    assert (job.code, job.status) == (code, "failed" if code else "successful"), job.output[-6000:]
    assert "Traceback" not in job.output


def results(job: Job, task: str) -> list[dict[str, Any]]:
    """What a task returned."""
    found = [
        event["event_data"]["res"]
        for event in job.events
        if event["event"].startswith("runner_on_") and event["event_data"].get("task") == task
        if "res" in event["event_data"]
    ]
    assert found, f"no result of {task!r}"
    return found


def test_preflight_hands_its_verdict_on(jobs: Launcher) -> None:
    job = jobs("preflight")
    ended(job)
    assert job.changed == []
    told = job.artifacts["llmd_preflight"]
    assert told["ok"]
    assert told["verdict"] in ("ok", "warning")
    assert set(told["codes"]) <= {one["code"] for one in told["findings"]}
    assert any("permissions asked for" in words for words in told["checked"])


def test_site_converges_with_the_controller_s_credentials(jobs: Launcher) -> None:
    # The same account, written otherwise: only Secrets differ from what the sandbox was made with.
    ended(jobs("site", answers={"model_replicas": 1, "model_gated": "no"}))
    again = jobs("site", answers={"model_replicas": 1, "model_gated": "no"})
    ended(again)
    assert again.changed == []
    told = again.artifacts["llmd_site"]
    assert told["ok"]
    assert list(told["urls"]) == [PLACE]
    assert told["urls"][PLACE].endswith(URL)
    assert [words.split()[0] for words in told["times"]] == [
        "operators", "kserve", "gateway", "namespace", "model",
    ]  # fmt: skip


def test_verify_needs_no_more_than_a_token(jobs: Launcher) -> None:
    job = jobs("verify", jobs.token(), answers={"verify_ask": "yes"})
    ended(job)
    told = job.artifacts["llmd_verify"]
    assert told["ok"]
    assert told["verdict"] in ("ok", "warning")
    assert told["phases"]["model"] == "ok"
    assert list(told["urls"]) == [PLACE]


@pytest.mark.parametrize("phase", ["operators", "kserve", "gateway", "namespace", "model"])
def test_a_phase_predicts_nothing_on_a_converged_cluster(jobs: Launcher, phase: str) -> None:
    job = jobs(phase, check=True)
    ended(job)
    assert job.changed == []


def test_answers_reach_the_role_with_their_types(jobs: Launcher) -> None:
    answers = {
        "model_replicas": 2,
        "model_vllm_arguments": "--max-model-len 1024\n--dtype bfloat16",
    }
    job = jobs("model", check=True, answers=answers)
    ended(job)
    [result] = results(job, "Apply the services, and what reads their metrics")
    [shown] = result["diff"]
    assert shown["after"].pop("spec.replicas") == 2
    assert shown["after"].popitem()[1].endswith("--max-model-len 1024 --dtype bfloat16")


@pytest.mark.parametrize("template", ["diagnose", "metrics", "smoke test", "report"])
def test_what_looks_and_asks(jobs: Launcher, template: str) -> None:
    job = jobs(template)
    ended(job)
    if template == "report":
        assert (job.folder / "artifacts/report.html").stat().st_size > 10_000
    if template == "diagnose":
        assert job.artifacts["llmd_diagnosis"]["ok"]


def test_what_explains_a_failure_fails_and_tells_what_was_known(jobs: Launcher) -> None:
    known = {"llmd_preflight": {"ok": True, "verdict": "warning", "codes": ["GATEWAY-OPEN"]}}
    job = jobs("explain failure", artifacts=known)
    ended(job, code=2)
    assert "preflight GATEWAY-OPEN; site nothing; verify nothing" in " ".join(job.output.split())


def test_a_model_stops_and_starts(jobs: Launcher, converged: Sandbox) -> None:
    ended(jobs("stop"))
    told = jobs("verify").artifacts["llmd_verify"]
    assert told["urls"] == {}
    ended(jobs("start"))
    pods = converged.get("pods", f"--namespace={SERVICE[0]}")["items"]
    assert any(SERVICE[1] in one["metadata"]["name"] for one in pods)


def test_a_removal_is_confirmed_by_an_answer(jobs: Launcher) -> None:
    refused = jobs("remove")
    ended(refused, code=2)
    assert "Nothing was changed" in " ".join(refused.output.split())
    predicted = jobs("remove", check=True, answers={"llmd_remove_confirm": "no"})
    ended(predicted)
    assert predicted.changed


def test_a_job_without_a_cluster_s_credential_says_so(jobs: Launcher) -> None:
    job = jobs("verify", REGISTRY)
    ended(job, code=2)
    assert "K8S_AUTH_KUBECONFIG" in job.output


def test_every_job_template_was_run(jobs: Launcher) -> None:
    # A line that belongs to no task, such as a warning, is an event without data.
    started = [event.get("event_data", {}) for job in jobs.done for event in job.events]
    run = {one["playbook"] for one in started if "playbook" in one}
    assert run == {f"{one['playbook']}.yml" for one in variables()["awx_job_templates"]}


def test_no_job_leaves_a_secret_behind(jobs: Launcher) -> None:
    assert len(jobs.secrets) == 4
    spelled = set(jobs.secrets)
    for secret in jobs.secrets:
        spelled.add(base64.b64encode(secret.encode()).decode().rstrip("="))
    for job in jobs.done:
        for path, content in job.left():
            found = [secret for secret in spelled if secret in content]
            assert not found, f"{path} holds a secret"
