# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Phase cluster and its word gke_cluster, with the real client library against the stand-in."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Any

from tests.e2e.site.playbooks import Run, play
from tests.google.server import Server

INPUTS: dict[str, Any] = {
    "cluster_name": "one",
    "cluster_location": "europe-west4-a",
    "cluster_poll_interval": 0.05,
    "cluster_price_per_chip_hour": 2.97,
    "cluster_hourly_limit": 12,
    "cluster_labels": {"owner": "search", "purpose": "test"},
    # Only a sandbox could be verified: see tests/long.
    "cluster_kubeconfig": "",
}


def phase(server: Server, *, check: bool = False, **inputs: Any) -> Run:
    """Run the phase's playbook."""
    return play(
        server.folder, "cluster", inputs={**INPUTS, **inputs}, check=check, **server.environment
    )


def cycle(server: Server, **inputs: Any) -> Run:
    """Check, run, repeat: a check writes nothing, a repeat changes nothing."""
    before = list(server.google.changes)
    checked = phase(server, check=True, **inputs)
    assert (checked.code, server.google.changes) == (0, before), checked.output
    done = phase(server, **inputs)
    assert done.code == 0, done.output
    assert checked.count("changed") == done.count("changed")
    after = list(server.google.changes)
    again = phase(server, **inputs)
    assert (again.count("changed"), server.google.changes) == (0, after), again.output
    return done


def test_make_stop_start_change_and_remove(server: Server) -> None:
    made = cycle(server)
    assert "expected cost: 4 chips at 2.97 USD" in made.text
    assert "create cluster one in europe-west4-a: CLUSTER_DEPLOYING" in made.text
    stopped = phase(server, cluster_tpu_nodes=0)
    assert stopped.result("to converge")["steps"] == ["resize node pool tpu from 1 to 0"]
    assert phase(server).count("changed") == 1
    unasked = phase(server, cluster_state="absent")
    assert "cluster_remove_confirm" in unasked.text
    protected = phase(server, cluster_state="absent", cluster_remove_confirm=True)
    assert "CLUSTER-PROTECTED" in protected.text
    assert phase(server, cluster_deletion_protection=False).count("changed") == 1
    gone = cycle(server, cluster_state="absent", cluster_remove_confirm=True)
    assert gone.result("to converge")["steps"] == ["delete node pool tpu", "delete cluster one"]
    assert server.google.container.clusters == {}


def test_capacity_is_told_and_nothing_written(server: Server, tmp_path: Path) -> None:
    wanted = {"accelerator": "tpu-v6e-slice", "topology": "2x2", "modes": ["on-demand", "spot"]}
    tasks = [{"name": "Where", "llmd.tpu.tpu_capacity_info": wanted}]
    book = tmp_path / "book.yml"
    book.write_text(str([{"hosts": "localhost", "gather_facts": False, "tasks": tasks}]))
    told = play(server.folder, str(book), **server.environment)
    assert told.code == 0, told.output
    zones = told.result("Where")["zones"]
    best = [(one["zone"], one["mode"]) for one in zones if one["verdict"] == "likely"]
    assert best[0] == ("europe-west4-a", "on-demand")
    assert ("us-east5-a", "spot") in best
    assert server.google.changes == []


def test_the_limit_stops_it_before_anything_is_made(server: Server) -> None:
    stopped = phase(server, cluster_tpu_nodes=2)
    assert stopped.code != 0
    assert "CLUSTER-COST-LIMIT" in stopped.text
    assert server.google.changes == []


def test_the_kubeconfig_is_private_and_its_token_is_nowhere_else(
    server: Server, tmp_path: Path
) -> None:
    path = tmp_path / "kubeconfig"
    # No cluster answers there, so the phase stops at its verification.
    done = phase(server, cluster_kubeconfig=str(path), cluster_tpu=False)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    for token in server.google.project.tokens:
        assert token not in done.output
    assert any(token in path.read_text() for token in server.google.project.tokens)


def test_the_kubeconfig_alone_changes_nothing_at_google_whatever_is_asked_for(
    server: Server, tmp_path: Path
) -> None:
    assert phase(server).code == 0
    before = list(server.google.changes)
    path = tmp_path / "kubeconfig"
    others = {"cluster_kubeconfig": str(path), "cluster_existing": False}
    for more in (
        {"cluster_state": "absent", "cluster_deletion_protection": False},
        {"cluster_tpu": True, "cluster_tpu_nodes": 0},
        {"cluster_recreate": True, "cluster_network": "another"},
    ):
        inputs = {**INPUTS, **others, **more}
        done = play(server.folder, "kubeconfig", inputs=inputs, **server.environment)
        assert done.code == 0, done.output
        assert path.exists()
        path.unlink()
    assert server.google.changes == before


def test_a_refusal_shows_google_s_words_and_the_way_out(server: Server) -> None:
    server.google.project.stocked_out.add("europe-west4-a")
    failed = phase(server)
    assert failed.code != 0
    assert "GCE_STOCKOUT" in failed.text
    assert "llmd.tpu.tpu_capacity_info ranks them" in failed.text
    server.google.project.stocked_out.clear()
    again = phase(server)
    assert again.result("to converge")["steps"] == [
        "delete node pool tpu",
        "create node pool tpu of ct6e-standard-4t",
    ]
