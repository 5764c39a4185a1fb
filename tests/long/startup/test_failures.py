# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The failing starts that cannot be watched side by side, one after the other."""

from __future__ import annotations

import json
import time

import pytest

from tests.long.startup.cases import CASES, Case
from tests.long.startup.services import ACCELERATOR, NAMESPACE, TOPOLOGY, service
from tests.long.startup.starting import remove, watch
from tests.long.startup.test_named_in_time import LIMIT_SECONDS, check_together
from tests.sandbox.harness import Sandbox

SLOW = [case for case in CASES if not case.quick]
SILENCE_SECONDS = 30.0


@pytest.mark.parametrize("case", SLOW, ids=[case.name for case in SLOW])
def test_a_failure_is_named(world: Sandbox, case: Case) -> None:
    check_together(world, [case])


def test_without_an_autoscaler_its_silence_is_the_sign(converged: Sandbox) -> None:
    made = service("lonely", selector={ACCELERATOR: "tpu-v6e-slice", TOPOLOGY: "2x4"}, chips=8)
    converged.apply(made)
    case = Case("lonely", "STARTUP-NO-AUTOSCALER", lambda *_: 0.0, made)
    try:
        starting = watch(converged, made)
        result = starting.end()
        assert [one["code"] for one in result["findings"]] == [case.code]
        assert SILENCE_SECONDS <= starting.seconds <= SILENCE_SECONDS + LIMIT_SECONDS
    finally:
        remove(converged, case)


def test_without_the_authority_there_is_no_certificate(world: Sandbox) -> None:
    """Of the shared sandbox, so both objects come back as they were; the Secret first."""
    authority = ("secret", "--namespace=cert-manager", "opendatahub-ca")
    issued = world.get("certificate", "--all-namespaces")["items"]
    [certificate] = [one for one in issued if one["spec"]["secretName"] == "opendatahub-ca"]
    place = certificate["metadata"]
    kept = [world.get(*authority), certificate]
    made = service("certificate")
    case = Case("certificate", "STARTUP-CERTIFICATE-MISSING", lambda *_: 0.0, made)
    try:
        where = f"--namespace={place['namespace']}"
        world.kubectl("delete", "certificate", place["name"], where)
        world.kubectl("delete", *authority)
        world.apply(made)
        starting = watch(world, made)
        result = starting.end()
        assert [one["code"] for one in result["findings"]] == [case.code], result
        assert 'Secret "opendatahub-ca" not found' in result["findings"][0]["found"]
        assert starting.seconds < 15
    finally:
        for one in kept:
            for field in ("uid", "resourceVersion", "creationTimestamp", "managedFields"):
                one["metadata"].pop(field, None)
            one.pop("status", None)
        world.apply(*kept)
        remove(world, case)
    assert json.dumps(world.get(*authority)["data"]) == json.dumps(kept[0]["data"])


def test_what_began_long_before_counts_only_when_it_happens_again(world: Sandbox) -> None:
    """The next try of a crash loop is minutes away; meanwhile nobody knows whether it is cured."""
    [flags] = [case for case in CASES if case.name == "flags"]
    assert flags.made
    world.apply(flags.made)
    pods = (f"--namespace={NAMESPACE}", "pods", "--selector=app.kubernetes.io/name=flags")
    deadline = time.monotonic() + 30
    try:
        while not world.get(*pods)["items"]:  # kubectl wait gives up where there is nothing yet
            assert time.monotonic() < deadline, "no pod was made"
            time.sleep(0.2)
        world.kubectl(
            "wait",
            *pods,
            "--for=jsonpath={.status.containerStatuses[0].restartCount}=4",
            "--timeout=180s",
        )
        late = watch(world, flags.made, wait_timeout=20)
        assert [one["code"] for one in late.end()["findings"]] == ["STARTUP-TIMEOUT"]
        again = watch(world, flags.made, wait_timeout=300)
        assert [one["code"] for one in again.end()["findings"]] == ["STARTUP-FLAGS-REFUSED"]
    finally:
        remove(world, flags)
