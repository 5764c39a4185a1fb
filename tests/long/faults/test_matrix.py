# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Every phase under every fault, on one sandbox that is disturbed before each cell."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.e2e.faults.proxy import Rule
from tests.e2e.faults.site import (
    DELETED,
    PHASES,
    RUN_SECONDS,
    Site,
    Stranger,
    assert_converges,
    assert_words,
    killed_at,
)
from tests.e2e.site.playbooks import Run
from tests.long.faults.matrix import FAILED, MATRIX, told

# What the proxy does to requests: a name for the table, and the rule.
INJECTED: dict[str, Callable[[], Rule]] = {
    "two writes get 409": lambda: Rule(409, first=2, times=2),
    "two writes get 429": lambda: Rule(429, first=2, times=2),
    "two writes get 500": lambda: Rule(500, first=2, times=2),
    "two writes get 504 (time-out of the server)": lambda: Rule(504, first=2, times=2),
    "a write gets no answer (time-out of the client)": lambda: Rule("hang", first=2),
    "two writes are dropped": lambda: Rule("drop", first=2, times=2),
    "a write is done, its answer lost": lambda: Rule("lose", first=2),
    "five reads get 429": lambda: Rule(429, "GET", first=4, times=5),
    "five reads are dropped": lambda: Rule("drop", "GET", first=4, times=5),
    "every write gets 500": lambda: Rule(500, first=2, times=10**6),
}
# Where a run is killed: a name for the table, and the rule, given what kills. Its request goes
# with it, so that something is left to do.
KILLED: dict[str, Callable[[Callable[[], None]], Rule]] = {
    "killed while it reads": lambda kill: Rule("drop", "GET", first=6, action=kill),
    "killed at the first write": lambda kill: Rule("drop", action=kill),
    "killed at the second write": lambda kill: Rule("drop", first=2, action=kill),
}


@contextlib.contextmanager
def whole(site: Site, stranger: Stranger, fault: str, phase: str) -> Iterator[None]:
    """Disturb the phase; afterwards nothing is lost, nothing doubled, and theirs is theirs."""
    MATRIX.add(fault, phase, FAILED)
    before, theirs = site.inventory(), stranger.property()
    site.disturb(phase)
    try:
        yield
    except BaseException:
        site.play(phase)  # the next cell shall find the phase whole
        raise
    assert site.inventory() == before
    assert stranger.property() == theirs


def survive(
    site: Site, stranger: Stranger, fault: str, phase: str, rule: Rule, fired: int = 1
) -> None:
    """Run the phase under the rule, which must fire that often; then again, until it is whole."""
    with whole(site, stranger, fault, phase):
        with site.proxy.under(rule):
            run = site.play_through(phase)
            assert rule.fired >= fired, (rule.seen, run.output[-3000:])
        assert_words(run)
        changed = assert_converges(site, phase)
    MATRIX.add(fault, phase, told(run, changed))


@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize("fault", INJECTED)
def test_injected(site: Site, stranger: Stranger, fault: str, phase: str) -> None:
    rule = INJECTED[fault]()
    survive(site, stranger, fault, phase, rule, min(rule.times, 2))


@pytest.mark.parametrize("phase", PHASES)
def test_the_api_server_is_killed(site: Site, stranger: Stranger, phase: str) -> None:
    death = Rule("call", first=2, action=site.kill_api_server)
    survive(site, stranger, "API server killed at the second write", phase, death)


@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize("point", KILLED)
def test_the_run_is_killed(
    site: Site, stranger: Stranger, point: str, phase: str, tmp_path: Path
) -> None:
    fault = f"run and forks {point}"
    with whole(site, stranger, fault, phase):
        run = killed_at(site, phase, tmp_path / "log", KILLED[point])
        assert "Traceback" not in run.output
        changed = assert_converges(site, phase)
        assert changed > 0
    MATRIX.add(fault, phase, f"killed; re-run changed {changed}, then 0")


@pytest.mark.parametrize("phase", PHASES)
def test_two_runs_at_once(site: Site, stranger: Stranger, phase: str, tmp_path: Path) -> None:
    """Neither makes what is missing before the other wants to, too: both have read by then."""
    fault = "two runs at once"
    meeting = threading.Barrier(2, timeout=120)
    with whole(site, stranger, fault, phase):
        both = Rule(
            "call", "PATCH", f"/{DELETED[phase][2]}", times=2, action=lambda: _meet(meeting)
        )
        with site.proxy.under(both):
            logs = [tmp_path / "one", tmp_path / "two"]
            processes = [site.start_through(phase, log) for log in logs]
            codes = [process.wait(RUN_SECONDS) for process in processes]
            assert both.fired == 2
            assert not meeting.broken
        runs = [Run(code, log.read_text()) for code, log in zip(codes, logs, strict=True)]
        for run in runs:
            assert_words(run)
        changed = assert_converges(site, phase)
    stopped = [run for run in runs if run.code]
    MATRIX.add(fault, phase, told((stopped or runs)[0], changed))


def _meet(meeting: threading.Barrier) -> None:
    with contextlib.suppress(threading.BrokenBarrierError):
        meeting.wait()


def test_a_crd_is_served_late(site: Site, stranger: Stranger) -> None:
    late = Rule(404, "PATCH", "/apis/serving.kserve.io/", times=4)
    survive(site, stranger, "CRD served late: four writes get 404", "kserve", late, 4)


def test_the_webhook_of_the_presets_is_down(site: Site, stranger: Stranger, tmp_path: Path) -> None:
    """KServe's controller, whose webhook checks the presets, dies before the first preset."""
    selector = "--selector=controller-tools.k8s.io=1.0"
    probe = tmp_path / "probe.json"
    name = "kserve-config-llm-template"
    place = ("llminferenceserviceconfigs.serving.kserve.io", "--namespace=opendatahub", name)
    preset = site.sandbox.get(*place)
    preset["metadata"] = {"name": "probe", "namespace": "opendatahub"}
    probe.write_text(json.dumps(preset))
    answers: list[str] = []

    def kill() -> None:
        site.sandbox.kubectl(
            "delete", "pods", "--namespace=opendatahub", selector, "--force", "--grace-period=0"
        )
        create = ("create", "--dry-run=server", f"--filename={probe}")
        while len(answers) < 20 and "failed calling webhook" not in "".join(answers):
            answers.append(site.sandbox.kubectl(*create, check=False))

    down = Rule("call", path="llminferenceserviceconfigs", action=kill)
    survive(site, stranger, "webhook of the presets down", "kserve", down)
    assert "failed calling webhook" in answers[-1], answers
