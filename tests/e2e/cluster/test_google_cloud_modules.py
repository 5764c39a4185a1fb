# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Why phase cluster calls the API itself: what google.cloud's modules do, unmodified, here.

docs/cluster.md says what these tests show. When one of them fails, google.cloud has learned it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.e2e.site.playbooks import Run, play
from tests.google.server import Server

PLACE = {"project": "my-project", "location": "europe-west4-a"}
POOL = "google.cloud.gcp_container_node_pool"
TPU: dict[str, Any] = {
    **PLACE,
    "name": "tpu",
    "cluster": {"name": "one"},
    "initial_node_count": 1,
    "config": {"machine_type": "ct6e-standard-4t"},
}


def task(server: Server, folder: Path, module: str, *options: str, **arguments: Any) -> Run:
    """One task."""
    book = folder / "book.yml"
    words = {"name": "It", module: arguments, "register": "it"}
    book.write_text(str([{"hosts": "localhost", "gather_facts": False, "tasks": [words]}]))
    return play(server.folder, str(book), *options, **server.environment)


@pytest.fixture
def cluster(server: Server, tmp_path: Path) -> Server:
    """A cluster that google.cloud's own module has made."""
    made = task(
        server,
        tmp_path,
        "google.cloud.gcp_container_cluster",
        **PLACE,
        name="one",
        initial_node_count=1,
    )
    assert made.code == 0, made.output
    assert server.google.container.clusters
    return server


def test_they_read_and_make_clusters(cluster: Server, tmp_path: Path) -> None:
    read = task(cluster, tmp_path, "google.cloud.gcp_container_cluster_info", **PLACE)
    assert [one["name"] for one in read.result("It")["resources"]] == ["one"]


def test_a_pool_is_made_and_its_changes_are_not_noticed(cluster: Server, tmp_path: Path) -> None:
    made = task(cluster, tmp_path, POOL, **TPU)
    assert made.result("It")["changed"] is True
    other = {**TPU, "config": {"machine_type": "ct6e-standard-1t"}, "initial_node_count": 3}
    changed = task(cluster, tmp_path, POOL, **other)
    assert changed.result("It")["changed"] is False


def test_an_operation_that_failed_passes_for_a_success(cluster: Server, tmp_path: Path) -> None:
    cluster.google.project.stocked_out.add("europe-west4-a")
    made = task(cluster, tmp_path, POOL, **TPU)
    assert (made.code, made.result("It")["status"]) == (0, "ERROR")


def test_they_have_no_check_mode(cluster: Server, tmp_path: Path) -> None:
    assert task(cluster, tmp_path, POOL, "--check", **TPU).count("skipped") == 1


def test_workload_metadata_is_sent_under_a_name_that_the_api_lacks(
    cluster: Server, tmp_path: Path
) -> None:
    config = {**TPU["config"], "workload_meta_config": {"mode": "GKE_METADATA"}}
    made = task(cluster, tmp_path, POOL, **{**TPU, "config": config})
    assert made.code != 0
    assert 'Unknown name "workloadMetaConfig"' in made.text


def test_fields_that_tpus_need_are_missing(server: Server, tmp_path: Path) -> None:
    missing = ("spot", "flex_start", "reservation_affinity", "gcfs_config")
    config = {**TPU["config"], **dict.fromkeys(missing, True)}
    made = task(server, tmp_path, POOL, **{**TPU, "config": config})
    assert all(f"config.{name}" in made.text for name in missing), made.output


def test_a_cluster_that_is_not_there_ends_in_a_crash(server: Server, tmp_path: Path) -> None:
    read = task(
        server,
        tmp_path,
        "google.cloud.gcp_container_node_pool_info",
        **PLACE,
        cluster={"name": "none"},
    )
    assert "'NoneType' object has no attribute 'get'" in read.text
