# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Findings about clusters and capacity at Google, told about the stand-in."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ansible_collections.llmd.tpu.plugins.module_utils.findings import Finding
from ansible_collections.llmd.tpu.plugins.module_utils.gke.refusals import Refusal, explain

from tests.google import errors
from tests.google.client import Task
from tests.google.google import Google
from tests.google.project import Project
from tests.unit.plugins.module_utils.gke import test_capacity as capacity
from tests.unit.plugins.module_utils.gke import test_cluster as cluster

SUBJECT = "create node pool tpu of ct6e-standard-4t"


def findings_of_google() -> Iterator[Finding]:
    """Every one that the unit tests provoke."""
    for result in _results():
        for one in result["findings"]:
            yield Finding(**one)
    for refused in (errors.topology_on_single_host(), errors.unknown_field("placementPolicy", "")):
        yield explain(SUBJECT, Refusal(refused.code, refused.message, refused.status))
    for words in (
        "Node pool cannot be created now due to lack of capacity in your reservation",
        errors.busy("operation-1").message,
        errors.already_exists("projects/my-project/locations/europe-west4-a/clusters/one").message,
    ):
        yield explain(SUBJECT, Refusal(400, words))


def _results() -> Iterator[dict[str, Any]]:
    for options, _code in cluster.WRONG.values():
        yield Task(Google())(**{**cluster.ONE, **options})
    for fields, _code in cluster.ENDS.values():
        yield Task(Google(Project(**fields)))(**cluster.ONE)
    task = Task(Google())
    yield task(**cluster.ONE, existing=True)
    yield task(**{**cluster.ONE, "wait_timeout": 60})
    yield task(**cluster.ONE, hourly_limit=10)
    task(**cluster.ONE, expires_after_hours=1)
    yield task(**{**cluster.ONE, "network": "other"})
    yield task(**cluster.ONE, state="absent")
    dear = {**cluster.ONE, "tpu_pool": {**cluster.TPU, "nodes": 2}}
    yield task(**dear, hourly_limit=10)
    yield task(**dear, hourly_limit=10, price_per_chip_hour=3)
    yield task(**cluster.ONE, price_from_catalogue=True)
    task.google.project.clock.sleep(10_000)
    yield task(**cluster.ONE)
    (live,) = task.google.container.clusters.values()
    live["status"] = "ERROR"
    yield task(**cluster.ONE)
    live["status"] = "RUNNING"
    live["resourceLabels"] = {}
    yield task(**cluster.ONE)
    yield capacity.look(Google(Project(disabled={"cloudquotas.googleapis.com"})))
    yield capacity.look(Google(Project(quota={})))
    yield capacity.look(Google(), regions=["africa-south1"])
