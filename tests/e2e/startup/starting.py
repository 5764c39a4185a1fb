# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""`model_startup` in this process, as the action plugin calls it, in a thread beside the test."""

from __future__ import annotations

import time
from dataclasses import dataclass

from ansible_collections.llmd.tpu.plugins.module_utils.connection import Streaming
from ansible_collections.llmd.tpu.plugins.module_utils.startup.model_startup import model_startup

from tests.e2e.readiness.waiting import Waiting
from tests.e2e.startup.cases import Case
from tests.e2e.startup.services import TRACK, Object
from tests.sandbox.harness import Sandbox

SWITCH = ("configmap", "sandbox-autoscaler", "--namespace=kube-system")


class Starting(Waiting):
    """A start under watch: its lines with their times, and its result with the time it came."""

    what = "services"
    done = float("nan")
    """When the result came, in seconds since the epoch."""

    def work(self, options: Object, session: Streaming) -> Object:
        """Watch."""
        options = {"kserve_track": TRACK, "progress_interval": 15, **options}
        result = model_startup(options, session, check=False, progress=self._tell)
        self.done = time.time()
        return result


def watch(sandbox: Sandbox, *services: Object, wait_timeout: int = 120) -> Starting:
    """Begin to watch services."""
    wanted = [{name: one["metadata"][name] for name in ("name", "namespace")} for one in services]
    return Starting(sandbox.kubeconfig, *wanted, wait_timeout=wait_timeout)


@dataclass
class Failing:
    """A failing start under way."""

    sandbox: Sandbox
    case: Case
    starting: Starting
    sign: float = float("nan")

    def end(self) -> Object:
        """The result; notes the first sign while what shows it is still there."""
        result = self.starting.end()
        self.sign = self.case.sign(self.sandbox, self.case.namespace, self.case.name)
        return result

    @property
    def seconds(self) -> float:
        """From the first sign to the finding."""
        return self.starting.done - self.sign


def begin(sandbox: Sandbox, case: Case) -> Failing:
    """Make what a case needs, and watch its service."""
    assert case.made
    if case.cloud:
        literals = [f"--from-literal={name}={value}" for name, value in case.cloud.items()]
        sandbox.kubectl("delete", *SWITCH, "--ignore-not-found")
        sandbox.kubectl("create", *SWITCH, *literals)
    sandbox.apply(*case.beside, case.made)
    return Failing(sandbox, case, watch(sandbox, case.made))


def remove(sandbox: Sandbox, *cases: Case) -> None:
    """Take away what cases made, and wait until their chips are free."""
    for case in cases:
        assert case.made
        for one in (case.made, *case.beside):
            place = one["metadata"]
            where = f"--namespace={place['namespace']}"
            sandbox.kubectl(
                "delete", one["kind"], place["name"], where, "--wait=false", check=False
            )
    deadline = time.monotonic() + 60
    while any(_pods(sandbox, case) for case in cases) and time.monotonic() < deadline:
        time.sleep(0.3)
    # At last: a pod that still waits would make a cloud that works again grow.
    if any(case.cloud for case in cases):
        sandbox.kubectl("delete", *SWITCH, "--ignore-not-found")


def _pods(sandbox: Sandbox, case: Case) -> list[Object]:
    selector = f"--selector=app.kubernetes.io/name={case.name}"
    return list(sandbox.get("pods", f"--namespace={case.namespace}", selector)["items"])
