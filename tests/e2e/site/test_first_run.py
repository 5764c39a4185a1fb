# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A first run that is killed in the middle of a phase converges when it is run again."""

from __future__ import annotations

import json
import re
import shlex
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.site.playbooks import Run, killed_at, play
from tests.sandbox.harness import Sandbox
from tests.sandbox.paths import CHECKOUT

# In the middle of phase kserve: CRDs and controller are there, webhooks and presets are not.
LAST_TASK = "Apply the controller and what it needs"


@pytest.fixture
def fresh() -> Iterator[Sandbox]:
    """A sandbox of this test's own, with nothing of ours in it."""
    sandbox = Sandbox(CHECKOUT / ".sandbox-test-site")
    sandbox.run("clean")
    try:
        sandbox.run("up")
        yield sandbox
    finally:
        sandbox.run("clean")


def test_a_killed_run_converges_when_it_is_run_again(fresh: Sandbox, tmp_path: Path) -> None:
    log = tmp_path / "killed.log"
    assert killed_at(fresh.folder, "site", LAST_TASK, log) == -signal.SIGKILL, log.read_text()[
        -4000:
    ]

    again = play(fresh.folder, "site", "-e", "cluster_price_per_chip_hour=2.5")
    assert again.code == 0, again.output[-6000:]
    assert again.count("changed") > 0
    assert "scheduler: proved" in again.text
    check_summary(again)

    after = play(fresh.folder, "site", "--check")
    assert after.code == 0, after.output[-6000:]
    assert after.changed_tasks == []


def check_summary(run: Run) -> None:
    """The last words name times and price, and their curl line gets an answer."""
    lines = run.result("Show the result")["lines"]
    named = {line.split()[0]: line for line in lines if line.strip()}
    assert re.search(r"operators \d+ s, kserve \d+ s, .*, model \d+ s", named["Times"])
    assert "4 TPU chips" in named["Cost"]
    assert "used or not: 10.00 USD an hour" in named["Cost"]
    words = shlex.split(named["Ask"].removeprefix("Ask"))
    answer = subprocess.run([*words, "--silent", "--show-error"], capture_output=True, check=False)
    assert json.loads(answer.stdout)["choices"][0]["text"], answer.stderr
