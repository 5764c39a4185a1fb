# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The playbook that names TPU nodes which serve nobody, with and without requests."""

from __future__ import annotations

import contextlib
import re
import threading

from tests.e2e.metrics.test_metrics import complete
from tests.e2e.site.playbooks import Run, play
from tests.sandbox.harness import Sandbox


def _idle(sandbox: Sandbox) -> Run:
    run = play(sandbox.folder, "idle", inputs={"idle_interval": 3})
    assert run.code == 0, run.output[-3000:]
    assert run.changed_tasks == []
    return run


def test_a_node_is_in_use_while_requests_come(converged: Sandbox) -> None:
    assert play(converged.folder, "smoke_test").code == 0  # the last request for a while
    quiet = _idle(converged)
    assert re.search(r"4 of 4 chips held by \S+; quiet: no request within \d+ s", quiet.text)

    ended = threading.Event()

    def ask() -> None:
        while not ended.wait(0.2):
            # One that fails counts for nothing, and the next may work.
            with contextlib.suppress(OSError):
                complete(converged, "Is somebody there?", 4)

    client = threading.Thread(target=ask)
    client.start()
    try:
        used = _idle(converged)
    finally:
        ended.set()
        client.join()
    assert re.search(r"4 of 4 chips held by \S+; in use: [1-9]\d* requests within", used.text)
