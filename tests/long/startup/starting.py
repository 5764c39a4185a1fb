# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""`model_startup` in this process, as the action plugin calls it, in a thread beside the test."""

from __future__ import annotations

import contextlib
import functools
import time
from collections.abc import Callable
from typing import Any

from ansible_collections.llmd.tpu.plugins.module_utils.connection import Streaming
from ansible_collections.llmd.tpu.plugins.module_utils.startup.model_startup import model_startup

from tests.e2e.readiness.waiting import Waiting
from tests.long.startup.cases import Case
from tests.long.startup.services import TRACK, Object
from tests.sandbox.harness import Sandbox

SWITCH = ("configmap", "sandbox-autoscaler", "--namespace=kube-system")
SETTLED_SECONDS = 2.0
"""Until the cloud has noticed that it works again, and forgets its failed scale-up."""
Moment = Callable[[], float]


class Starting(Waiting):
    """A start under watch: its lines with their times, and its result with the time it came."""

    what = "services"

    def __init__(
        self, kubeconfig: str, *services: Object, sign: Moment | None = None, **given: Any
    ) -> None:
        """`sign` tells afterwards when the first sign was, in seconds since the epoch."""
        self._sign = sign
        self.late = float("nan")
        """Seconds from the first sign to the result."""
        super().__init__(kubeconfig, *services, **given)

    def work(self, options: Object, session: Streaming) -> Object:
        """Watch; then look for the sign, while what shows it is still there."""
        options = {"kserve_track": TRACK, "progress_interval": 15, **options}
        result = model_startup(options, session, check=False, progress=self._tell)
        done = time.time()
        if self._sign:
            with contextlib.suppress(AssertionError):  # the test has removed the service by now
                self.late = done - self._sign()
        return result


def watch(
    sandbox: Sandbox, *services: Object, wait_timeout: int = 120, sign: Moment | None = None
) -> Starting:
    """Begin to watch services."""
    wanted = [{name: one["metadata"][name] for name in ("name", "namespace")} for one in services]
    return Starting(sandbox.kubeconfig, *wanted, wait_timeout=wait_timeout, sign=sign)


def prepare(sandbox: Sandbox, case: Case) -> None:
    """Make what a case needs, and its service."""
    assert case.made
    if case.cloud:
        literals = [f"--from-literal={name}={value}" for name, value in case.cloud.items()]
        sandbox.kubectl("delete", *SWITCH, "--ignore-not-found")
        sandbox.kubectl("create", *SWITCH, *literals)
    sandbox.apply(*case.beside, case.made)


def begin(sandbox: Sandbox, case: Case) -> Starting:
    """Make what a case needs, and watch its service."""
    prepare(sandbox, case)
    assert case.made
    sign = functools.partial(case.sign, sandbox, case.namespace, case.name)
    return watch(sandbox, case.made, sign=sign)


def remove(sandbox: Sandbox, *cases: Case) -> None:
    """Take away what cases made, and wait until their chips are free."""
    for case in cases:
        assert case.made
        for one in (case.made, *case.beside):
            place = one["metadata"]
            words = (one["kind"], place["name"], f"--namespace={place['namespace']}")
            sandbox.kubectl("delete", *words, "--wait=false", check=False)
    deadline = time.monotonic() + 60
    while any(_pods(sandbox, case) for case in cases) and time.monotonic() < deadline:
        time.sleep(0.3)
    # At last: a pod that still waits would make a cloud that works again grow.
    if any(case.cloud for case in cases):
        sandbox.kubectl("delete", *SWITCH, "--ignore-not-found")
        time.sleep(SETTLED_SECONDS)


def _pods(sandbox: Sandbox, case: Case) -> list[Object]:
    selector = f"--selector=app.kubernetes.io/name={case.name}"
    return list(sandbox.get("pods", f"--namespace={case.namespace}", selector)["items"])
