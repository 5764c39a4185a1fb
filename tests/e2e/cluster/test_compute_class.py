# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The compute class, in a sandbox that stands for the cluster at Google."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.cluster.test_phase import INPUTS
from tests.e2e.patience import eventually
from tests.e2e.site.playbooks import Run, play
from tests.google.google import Google
from tests.google.project import Project
from tests.google.sandbox import SandboxMachines
from tests.google.server import Server, serving
from tests.sandbox.harness import Sandbox

DEFINITION = Path(__file__).with_name("compute_class.yaml")
V6E = {"type": "tpu-v6e-slice", "count": 4, "topology": "2x2"}
FALLBACKS: list[dict[str, Any]] = [
    {"tpu": V6E, "reservations": {"affinity": "Specific", "specific": [{"name": "ours"}]}},
    {"tpu": V6E, "spot": True},
]


@pytest.fixture
def server(sandbox: Sandbox, tmp_path: Path) -> Iterator[Server]:
    """Google, whose cluster is the sandbox; where CRD and class are no longer afterwards."""
    project = Project()
    SandboxMachines(sandbox.folder, lent=True).give_to(project)
    with serving(Google(project, each_request=60), tmp_path / "google") as running:
        yield running
    sandbox.kubectl("delete", "-f", str(DEFINITION), "--ignore-not-found")


def define(sandbox: Sandbox) -> None:
    """Install the CRD; kubectl fails on one whose conditions are not there yet."""
    sandbox.kubectl("create", "-f", str(DEFINITION))
    established = ("wait", "--for=condition=Established", "-f", str(DEFINITION))
    eventually(
        lambda: "condition met" in sandbox.kubectl(*established, check=False),
        "the CRD is established",
    )


def phase(server: Server, *, check: bool = False, **inputs: Any) -> Run:
    """Run phase cluster with a compute class in the pool's place."""
    given = {
        **INPUTS,
        "cluster_tpu": False,
        "cluster_compute_class": "tpu-v6e-2x2",
        "cluster_compute_class_priorities": FALLBACKS,
        "cluster_kubeconfig": str(server.folder / "kubeconfig"),
        **inputs,
    }
    return play(server.folder, "cluster", inputs=given, check=check, **server.environment)


def cycle(server: Server, *, changes: int, **inputs: Any) -> None:
    """Check, run, repeat: as many tasks change as the check said, and then none."""
    checked = phase(server, check=True, **inputs)
    done = phase(server, **inputs)
    assert (checked.code, done.code) == (0, 0), checked.output + done.output
    assert (checked.count("changed"), done.count("changed")) == (changes, changes), done.output
    assert phase(server, **inputs).count("changed") == 0


def test_it_comes_with_the_cluster_changes_and_goes(server: Server, sandbox: Sandbox) -> None:
    define(sandbox)
    checked = phase(server, check=True)
    assert (checked.code, checked.count("changed")) == (0, 1), checked.output
    assert "would be made as soon as the cluster is there" in checked.text
    assert "The check ends here" in checked.text
    made = phase(server)
    assert (made.code, made.count("changed")) == (0, 2), made.output
    live = sandbox.get("computeclass", "tpu-v6e-2x2")
    assert live["spec"]["priorities"] == FALLBACKS
    assert live["metadata"]["labels"] == {"llmd.tpu/phase": "cluster"}
    assert phase(server).count("changed") == 0

    cycle(server, changes=1, cluster_compute_class_priorities=FALLBACKS[1:])
    assert sandbox.get("computeclass", "tpu-v6e-2x2")["spec"]["priorities"] == FALLBACKS[1:]

    away = {"cluster_existing": True, "cluster_state": "absent", "cluster_remove_confirm": True}
    cycle(server, changes=1, **away)
    gone = sandbox.kubectl("get", "computeclass", "tpu-v6e-2x2", check=False)
    assert "NotFound" in gone


def test_one_of_somebody_else_s_stays(server: Server, sandbox: Sandbox) -> None:
    define(sandbox)
    assert phase(server, cluster_compute_class="").code == 0
    sandbox.apply(
        {
            "apiVersion": "cloud.google.com/v1",
            "kind": "ComputeClass",
            "metadata": {"name": "tpu-v6e-2x2"},
            "spec": {"priorities": FALLBACKS},
        }
    )
    before = sandbox.get("computeclass", "tpu-v6e-2x2")["metadata"]["resourceVersion"]
    away = phase(server, cluster_existing=True, cluster_state="absent", cluster_remove_confirm=True)
    assert (away.code, away.count("changed")) == (0, 0), away.output
    after = sandbox.get("computeclass", "tpu-v6e-2x2")["metadata"]["resourceVersion"]
    assert after == before


def test_where_it_cannot_be_made_the_way_out_is_told(server: Server, sandbox: Sandbox) -> None:
    assert phase(server, cluster_compute_class="").code == 0
    (cluster,) = server.google.container.clusters.values()
    newer = cluster["currentMasterVersion"]
    cluster["currentMasterVersion"] = "1.30.2-gke.1587003"
    old = phase(server)
    assert old.code != 0
    assert "Expected 1.30.3-gke.1451000 or newer" in old.text
    cluster["currentMasterVersion"] = newer
    nowhere = phase(server, cluster_kubeconfig="")
    assert nowhere.code != 0
    assert "cluster_kubeconfig is empty" in nowhere.text
    define(sandbox)
    wrong = phase(server, cluster_compute_class_priorities=[{"tpus": V6E}])
    assert wrong.code != 0
    assert "tpus" in wrong.text
