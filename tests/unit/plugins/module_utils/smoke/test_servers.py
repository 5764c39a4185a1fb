# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Is a compiling server told from a broken one, and a busy one from one that nobody asks?"""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.llmd.tpu.plugins.module_utils.smoke.servers import (
    Server,
    explain,
    server_of,
)

URL = "http://203.0.113.10/ns/name/v1/completions"

# As tpu-inference 0.11 and vLLM 0.11 write them.
COMPILES = """\
INFO 11-20 10:00:01 [tpu_jax_runner.py:310] Precompile all the subgraphs with possible input shapes.
INFO 11-20 10:00:02 [compilation_manager.py:81] Precompile backbone --> {'num_tokens': 16}
"""
COMPILED = f"""{COMPILES}
INFO 11-20 10:01:31 [compilation_manager.py:90] Compilation finished in 90.11 [secs].
INFO:     Application startup complete.
"""


def pod(ready: bool = False, waiting: str = "", restarts: int = 0) -> dict[str, Any]:
    """A pod as the API server shows it."""
    status: dict[str, Any] = {"name": "main", "restartCount": restarts, "image": "i"}
    if waiting:
        status["state"] = {"waiting": {"reason": waiting, "message": "back-off"}}
    conditions = [{"type": "Ready", "status": str(ready)}]
    return {
        "metadata": {"name": "pod-1", "uid": "u"},
        "status": {"conditions": conditions, "containerStatuses": [status]},
    }


CRASHES = pod(waiting="CrashLoopBackOff", restarts=3)


CASES = [
    ([server_of(pod(), COMPILES, None)], "SMOKE-SERVER-COMPILING", "Precompile backbone"),
    ([server_of(pod(True), COMPILES, 1)], "SMOKE-SERVER-COMPILING", "Precompile backbone"),
    ([server_of(pod(True), COMPILED, 1)], "SMOKE-SERVER-WORKING", "is 1"),
    ([server_of(pod(True), COMPILED, 0)], "SMOKE-SERVER-IDLE", "is 0"),
    ([server_of(pod(), "", None)], "SMOKE-SERVER-STARTING", "pod pod-1 is not ready"),
    ([], "SMOKE-SERVER-STARTING", "there are no pods"),
    ([server_of(CRASHES, "", None)], "SMOKE-SERVER-BROKEN", "crashes again and again"),
    # One that still may come up keeps the hope.
    (
        [server_of(CRASHES, "", None), server_of(pod(), "", None)],
        "SMOKE-SERVER-STARTING",
        "crashes again and again",
    ),
    (
        [server_of(pod(waiting="ImagePullBackOff"), "", None)],
        "SMOKE-SERVER-STARTING",
        "refused",
    ),
]


@pytest.mark.parametrize(("servers", "code", "words"), CASES)
def test_what_the_pods_tell(servers: list[Server], code: str, words: str) -> None:
    finding = explain(servers, URL)
    assert finding is not None
    assert (finding.code, finding.severity == "error") == (code, code == "SMOKE-SERVER-BROKEN")
    assert words in finding.found


def test_ready_pods_whose_requests_nobody_knows_explain_nothing() -> None:
    assert explain([server_of(pod(True), COMPILED, None)], URL) is None
