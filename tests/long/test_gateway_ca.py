# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A CA that is issued anew makes one rollout of the gateway at the next run, and none after it."""

from __future__ import annotations

import base64
import time
from collections.abc import Iterator

import pytest

from tests.e2e.clusters import converged_cluster
from tests.e2e.site.playbooks import play
from tests.sandbox.harness import Sandbox

HERE = "--namespace=opendatahub"
CA = ("secret", "--namespace=cert-manager", "opendatahub-ca")


@pytest.fixture(scope="module")
def reissued() -> Iterator[Sandbox]:
    """A cluster of its own: model servers keep certificates of the old CA for a while."""
    with converged_cluster("ca") as restored:
        yield restored


def certificate(sandbox: Sandbox) -> str:
    data = sandbox.get(*CA)["data"]
    return base64.b64decode(data["ca.crt"]).decode()


def replica_sets(sandbox: Sandbox) -> set[str]:
    """The versions of the gateway's pod that have ever been rolled out."""
    selector = "--selector=gateway.networking.k8s.io/gateway-name=inference-gateway"
    return {one["metadata"]["name"] for one in sandbox.get("replicasets", HERE, selector)["items"]}


def test_a_new_ca_is_followed_by_one_rollout(reissued: Sandbox) -> None:
    before, old = replica_sets(reissued), certificate(reissued)
    reissued.kubectl("delete", *CA)
    deadline = time.monotonic() + 60
    while not reissued.kubectl("get", *CA, "--ignore-not-found") or certificate(reissued) == old:
        assert time.monotonic() < deadline, "cert-manager did not issue the CA anew"
        time.sleep(1)

    told = play(reissued.folder, "gateway", inputs={"gateway_existing": True})
    assert "GATEWAY-CA-OLD" in told.output
    predicted = play(reissued.folder, "gateway", check=True)
    assert replica_sets(reissued) == before
    run = play(reissued.folder, "gateway")
    assert run.code == 0, run.output[-4000:]
    assert (
        run.changed_tasks
        == predicted.changed_tasks
        == [
            "llmd.tpu.gateway : Apply the CA bundle",
            "llmd.tpu.gateway : Apply the gateway",
        ]
    )
    assert "GATEWAY-CA-OLD" not in run.output
    after = replica_sets(reissued)
    assert len(after - before) == 1

    again = play(reissued.folder, "gateway")
    assert again.changed_tasks == []
    assert replica_sets(reissued) == after
    bundle = reissued.get("configmap", HERE, "odh-ca-bundle")["data"]["ca.crt"]
    assert bundle == certificate(reissued)
