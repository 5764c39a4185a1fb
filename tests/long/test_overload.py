# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A service that cannot keep up says so in its metrics; it is restarted twice for that."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

from tests.e2e.metrics.test_metrics import codes, complete, metrics
from tests.e2e.phases.test_change_model import model
from tests.sandbox.harness import Sandbox

# Room for two sequences of 2048 tokens, and for no more at once.
NARROW = [
    "--max-model-len 2048",
    "--dtype bfloat16",
    "--max-num-seqs 2",
    "--gpu-memory-utilization 0.0484",
]


@contextmanager
def _narrow(sandbox: Sandbox) -> Iterator[None]:
    """The service with room for two sequences, then as it was."""
    model(sandbox, model_vllm_arguments=NARROW, model_smoke_test=False)
    try:
        yield
    finally:
        model(sandbox, model_smoke_test=False)


def test_too_many_requests_are_told(converged: Sandbox) -> None:
    """Eight long requests where two have room, and ten more between the two looks."""
    with _narrow(converged), ThreadPoolExecutor(18) as pool:
        asked: list[Future[int]] = []

        def ask(number: int) -> None:
            for i in range(number):
                asked.append(pool.submit(complete, converged, f"Prompt {i}", 1990))

        ask(8)
        deadline = time.monotonic() + 20
        while metrics(converged)["services"][0]["servers"]["requests_waiting"] < 6:
            assert time.monotonic() < deadline, "no request waits"
        later = threading.Timer(0.3, ask, [10])
        later.start()
        result = metrics(converged, interval=1.0)
        later.join()
        told = codes(result)
        assert told["METRICS-QUEUE-GROWING"] == "warning", result["report"]
        assert told["METRICS-KV-CACHE-FULL"] == "warning", result["report"]
        assert {one.result() for one in asked} == {200}
    assert "METRICS-QUEUE-GROWING" not in codes(metrics(converged))
