# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""One run from no cluster to a served answer, and back to nothing: the sandbox is the cluster.

Google's APIs are the stand-in, over TLS; what it makes is a real control plane with kubelets, on
which the other phases run with nothing but the kubeconfig that phase cluster wrote.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.site.playbooks import Run, play
from tests.google.google import Google
from tests.google.project import Project
from tests.google.sandbox import SandboxMachines
from tests.google.server import Server, serving
from tests.sandbox.harness import Sandbox
from tests.sandbox.paths import CHECKOUT

OUTPUT = CHECKOUT / "tests/output"
ANSWER = "Qwen/Qwen2.5-3B-Instruct answers at http://"


@pytest.fixture(scope="module")
def machines() -> Iterator[Sandbox]:
    """The folder of a sandbox that is not there yet."""
    sandbox = Sandbox(CHECKOUT / ".sandbox-test-cluster")
    sandbox.run("clean")
    try:
        yield sandbox
    finally:
        sandbox.run("clean")


@pytest.fixture(scope="module")
def server(machines: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Google, whose clusters are that sandbox."""
    project = Project()
    SandboxMachines(machines.folder).give_to(project)
    google = Google(project, each_request=60)
    with serving(google, tmp_path_factory.mktemp("google")) as running:
        yield running


def run(
    server: Server,
    machines: Sandbox,
    playbook: str,
    *options: str,
    succeeds: bool = True,
    **inputs: Any,
) -> Run:
    """Run a playbook with phase cluster on, and keep what it printed."""
    common = {
        "llmd_cluster": True,
        "llmd_kubeconfig": str(server.folder / "kubeconfig"),
        "cluster_location": "europe-west4-a",
        "cluster_poll_interval": 0.05,
        # What the sandbox's nodes say of their pool.
        "cluster_tpu_pool_name": "tpu-v6e-2x2",
        "cluster_price_per_chip_hour": 2.97,
        "cluster_hourly_limit": 12,
    }
    everything = {**common, **inputs}
    done = play(machines.folder, playbook, *options, inputs=everything, **server.environment)
    OUTPUT.mkdir(exist_ok=True)
    with (OUTPUT / "cluster.txt").open("a") as transcript:
        words = " ".join((f"playbooks/{playbook}.yml", *options))
        transcript.write(f"\n$ ansible-playbook {words} {inputs or ''}\n")
        transcript.write(done.output)
    assert (done.code == 0) is succeeds, done.output[-6000:]
    return done


def tpu_nodes(machines: Sandbox) -> list[str]:
    """The cluster's TPU nodes."""
    selector = "cloud.google.com/gke-tpu-accelerator"
    found = machines.get("nodes", "-l", selector)["items"]
    return [node["metadata"]["name"] for node in found]


def test_from_nothing_to_an_answer_and_back(server: Server, machines: Sandbox) -> None:
    (OUTPUT / "cluster.txt").unlink(missing_ok=True)
    checked = run(server, machines, "site", "--check")
    assert "The check ends here" in checked.text
    assert server.google.changes == []
    first = run(server, machines, "site")
    assert "expected cost: 4 chips at 2.97 USD" in first.text
    assert ANSWER in first.text
    assert "HTTP 200" in first.text
    assert len(tpu_nodes(machines)) == 1

    again = run(server, machines, "site")
    assert again.count("changed") == 0, again.changed_tasks

    held = run(server, machines, "cluster", succeeds=False, cluster_tpu_nodes=0)
    assert "pods hold its chips" in held.text
    assert len(tpu_nodes(machines)) == 1

    run(server, machines, "stop")
    assert tpu_nodes(machines) == []
    started = run(server, machines, "start")
    assert ANSWER in started.text

    run(server, machines, "cluster", cluster_deletion_protection=False)
    removed = run(server, machines, "remove", llmd_remove_confirm=True, cluster_remove_confirm=True)
    assert removed.result("to converge")["steps"] == [
        "delete node pool tpu-v6e-2x2",
        "delete cluster llmd-tpu",
    ]
    assert server.google.container.clusters == {}
    assert not Path(machines.folder).exists()

    nothing = run(server, machines, "remove", llmd_remove_confirm=True, cluster_remove_confirm=True)
    assert nothing.count("changed") == 0
