# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Does the stand-in for Google's APIs refuse, answer and take its time as the real ones do?"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.google.google import Dropped, Google
from tests.google.project import Project
from tests.google.server import serving

TOKEN = {"Authorization": "Bearer token-of-the-test"}
PLACE = "https://container.googleapis.com/v1/projects/my-project/locations/europe-west4-a"
CLUSTERS = f"{PLACE}/clusters"
POOLS = f"{CLUSTERS}/one/nodePools"
COMPUTE = "https://compute.googleapis.com/compute/v1/projects/my-project"
QUOTA = (
    "https://cloudquotas.googleapis.com/v1/projects/my-project/locations/global/services"
    "/compute.googleapis.com/quotaInfos"
)
TPU = {"machineType": "ct6e-standard-4t"}


def ask(google: Google, verb: str, url: str, body: Any = None, code: int = 200) -> dict[str, Any]:
    """The answer, whose status must be `code`."""
    text = json.dumps(body) if body is not None else None
    status, answer = google.answer(verb, url, TOKEN, text)
    assert status == code, answer
    return answer


def message(answer: dict[str, Any]) -> str:
    """The words of a refusal."""
    words: str = answer["error"]["message"]
    return words


@pytest.fixture
def google() -> Google:
    """A project without a cluster."""
    return Google()


@pytest.fixture
def running(google: Google) -> Google:
    """A project with one cluster, which runs."""
    ask(google, "POST", CLUSTERS, {"cluster": {"name": "one", "initialNodeCount": 1}})
    google.project.clock.sleep(3600)
    assert ask(google, "GET", f"{CLUSTERS}/one")["status"] == "RUNNING"
    return google


def pool(**fields: Any) -> dict[str, Any]:
    """The body that creates a TPU pool."""
    return {"nodePool": {"name": "tpu", "initialNodeCount": 1, "config": TPU, **fields}}


REFUSED = {
    "unknown field": (
        {"cluster": {"name": "one", "initialNodeCount": 1, "nodes": 3}},
        "Unknown name \"nodes\" at 'cluster': Cannot find field.",
    ),
    "unknown field inside": (
        {"cluster": {"name": "one", "nodePools": [{"name": "a", "config": {"chips": 4}}]}},
        "Unknown name \"chips\" at 'cluster.node_pools[0].config': Cannot find field.",
    ),
    "unknown value of an enum": (
        {"cluster": {"name": "one", "releaseChannel": {"channel": "WEEKLY"}}},
        "cluster.release_channel.channel",
    ),
    "wrong type": (
        {"cluster": {"name": "one", "initialNodeCount": "three"}},
        "cluster.initial_node_count",
    ),
    "nothing that is needed": (
        {"cluster": {"name": "one"}},
        "Cluster.initial_node_count must be greater than zero.",
    ),
}


@pytest.mark.parametrize("why", REFUSED)
def test_what_the_real_api_does_not_know_is_refused(google: Google, why: str) -> None:
    body, words = REFUSED[why]
    assert words in message(ask(google, "POST", CLUSTERS, body, 400))
    assert google.changes == []


def test_query_parameters_are_checked(google: Google) -> None:
    assert "Cannot bind" in message(ask(google, "GET", f"{CLUSTERS}?zones=all", code=400))


def test_what_is_read_only_is_dropped(google: Google) -> None:
    wanted = {"name": "one", "initialNodeCount": 1, "status": "RUNNING"}
    ask(google, "POST", CLUSTERS, {"cluster": wanted})
    assert ask(google, "GET", f"{CLUSTERS}/one")["status"] == "PROVISIONING"


def test_a_stranger_is_nobody(google: Google) -> None:
    status, answer = google.answer("GET", CLUSTERS, {"Authorization": "Bearer other"}, None)
    assert (status, answer["error"]["status"]) == (401, "UNAUTHENTICATED")


def test_permissions_and_apis_can_be_missing() -> None:
    google = Google(
        Project(denied={"container.clusters.create"}, disabled={"compute.googleapis.com"})
    )
    body = {"cluster": {"name": "one", "initialNodeCount": 1}}
    refused = ask(google, "POST", CLUSTERS, body, 403)
    assert message(refused) == (
        'Required "container.clusters.create" permission(s) for "projects/my-project".'
    )
    off = ask(google, "GET", f"{COMPUTE}/global/firewalls/x", code=403)
    assert "Compute Engine API has not been used in project" in message(off)
    assert off["error"]["details"][0]["reason"] == "SERVICE_DISABLED"


def test_an_operation_takes_its_time_and_has_the_cluster(google: Google) -> None:
    body = {"cluster": {"name": "one", "initialNodeCount": 1}}
    begun = ask(google, "POST", CLUSTERS, body)
    link = f"{PLACE}/operations/{begun['name']}"
    assert (begun["status"], begun["operationType"]) == ("RUNNING", "CREATE_CLUSTER")
    busy = ask(google, "DELETE", f"{CLUSTERS}/one", code=400)
    assert message(busy) == f"Cluster is running incompatible operation {begun['name']}."
    google.project.clock.sleep(200)
    assert ask(google, "GET", link)["progress"]["stages"][0]["status"] == "DONE"
    google.project.clock.sleep(200)
    ended = ask(google, "GET", link)
    assert (ended["status"], "error" in ended) == ("DONE", False)
    assert message(ask(google, "POST", CLUSTERS, body, 409)).startswith("Already exists: projects/")


def test_answers_have_what_nobody_asked_for(running: Google) -> None:
    one = ask(running, "GET", f"{CLUSTERS}/one")
    assert one["selfLink"] == f"{CLUSTERS}/one"
    assert one["currentMasterVersion"].startswith("1.33.")
    assert one["ipAllocationPolicy"]["useIpAliases"] is True
    assert one["networkConfig"]["network"] == "projects/my-project/global/networks/default"
    (default,) = one["nodePools"]
    assert default["config"]["diskSizeGb"] == 100
    assert default["config"]["bootDisk"]["sizeGb"] == "100"
    assert default["config"]["resourceLabels"] == {"goog-gke-node": ""}


def test_a_single_host_pool_takes_no_topology(running: Google) -> None:
    policy = {"type": "COMPACT", "tpuTopology": "2x2"}
    refused = ask(running, "POST", POOLS, pool(placementPolicy=policy), 400)
    assert message(refused) == (
        "TPU topology can't be specified with single-host TPU slice pool; please remove the "
        "tpu_topology from the node pool creation request"
    )


def test_a_slice_of_several_hosts_is_whole_or_not_there(running: Google) -> None:
    policy = {"type": "COMPACT", "tpuTopology": "4x4"}
    ask(running, "POST", POOLS, pool(placementPolicy=policy), 400)
    ask(running, "POST", POOLS, pool(placementPolicy=policy, initialNodeCount=4))
    running.project.clock.sleep(600)
    ask(running, "POST", f"{POOLS}/tpu:setSize", {"nodeCount": 2}, 400)
    ask(running, "POST", f"{POOLS}/tpu:setSize", {"nodeCount": 0})


@pytest.mark.parametrize(
    ("zone", "words"),
    [("europe-west4-b", "GCE_NOT_FOUND"), ("us-central1-a", "Unsupported TPU configuration")],
)
def test_not_every_zone_has_the_machine(running: Google, zone: str, words: str) -> None:
    assert words in message(ask(running, "POST", POOLS, pool(locations=[zone]), 400))


def test_what_cannot_be_changed_has_no_field(running: Google) -> None:
    ask(running, "POST", POOLS, pool())
    running.project.clock.sleep(600)
    change = {"placementPolicy": {"type": "COMPACT"}}
    refused = ask(running, "PUT", f"{POOLS}/tpu", change, 400)
    assert 'Unknown name "placementPolicy"' in message(refused)
    ask(running, "PUT", f"{POOLS}/tpu", {"machineType": "ct6e-standard-1t"}, 400)


def failed(google: Google, answer: dict[str, Any], seconds: float) -> str:
    """The error of an operation after that time; it must not have ended a little earlier."""
    link = f"{PLACE}/operations/{answer['name']}"
    google.project.clock.sleep(seconds - 5)
    assert ask(google, "GET", link)["status"] == "RUNNING"
    google.project.clock.sleep(10)
    error = ask(google, "GET", link)["error"]
    assert error["code"] in (8, 13)
    words: str = error["message"]
    return words


def test_a_stockout_is_told_after_35_minutes(running: Google) -> None:
    running.project.stocked_out.add("europe-west4-a")
    words = failed(running, ask(running, "POST", POOLS, pool()), 2107.9)
    assert "[GCE_STOCKOUT]" in words
    assert "does not have enough resources available to fulfill the request" in words
    left = ask(running, "GET", f"{POOLS}/tpu")
    assert left["status"] == "ERROR"


def test_quota_counts_chips_of_the_region(running: Google) -> None:
    running.project.quota["CT6E", "europe-west4"] = 4
    ask(running, "POST", POOLS, pool())
    running.project.clock.sleep(600)
    words = failed(running, ask(running, "POST", f"{POOLS}/tpu:setSize", {"nodeCount": 2}), 72.4)
    assert "Quota 'TPUS_PER_TPU_FAMILY' exceeded.  Limit: 4.0 in region europe-west4" in words
    group = f"{COMPUTE}/zones/europe-west4-a/instanceGroupManagers/gke-one-tpu-grp"
    assert ask(running, "GET", group)["targetSize"] == 1


def test_an_operation_can_fail_half_way(running: Google) -> None:
    running.project.half_way.add("CREATE_NODE_POOL")
    assert failed(running, ask(running, "POST", POOLS, pool()), 144) == "Internal error"
    assert ask(running, "GET", f"{POOLS}/tpu")["status"] == "ERROR"


def test_a_change_can_show_late(running: Google) -> None:
    running.project.late = 30
    print_ = ask(running, "GET", f"{CLUSTERS}/one")["labelFingerprint"]
    body = {"resourceLabels": {"a": "b"}, "labelFingerprint": print_}
    begun = ask(running, "POST", f"{CLUSTERS}/one:setResourceLabels", body)
    running.project.clock.sleep(10)
    assert ask(running, "GET", f"{PLACE}/operations/{begun['name']}")["status"] == "DONE"
    assert "resourceLabels" not in ask(running, "GET", f"{CLUSTERS}/one")
    running.project.clock.sleep(30)
    assert ask(running, "GET", f"{CLUSTERS}/one")["resourceLabels"] == {"a": "b"}
    ask(running, "POST", f"{CLUSTERS}/one:setResourceLabels", body, 412)


def test_quotas_come_in_the_types_of_their_client(google: Google) -> None:
    family = ask(google, "GET", f"{QUOTA}/TPUS-PER-TPU-FAMILY-per-project-region")
    assert {"region": "europe-west4", "tpu_family": "CT6E"} in [
        one["dimensions"] for one in family["dimensionsInfos"]
    ]
    spot = ask(google, "GET", f"{QUOTA}/PREEMPTIBLE-TPU-V6E-per-project-region")
    assert spot["dimensionsInfos"][0]["details"]["value"] == "32"


def test_the_catalogue_filters_by_name_only(google: Google) -> None:
    url = f"{COMPUTE}/aggregated/machineTypes"
    found = ask(google, "GET", f'{url}?filter=name%3D"ct6e-standard-8t"')["items"]
    assert found["zones/us-east5-a"]["machineTypes"][0]["name"] == "ct6e-standard-8t"
    ask(google, "GET", f"{url}?filter=zone%3Da", code=400)


def test_it_answers_behind_tls_and_loses_connections(google: Google, tmp_path: Path) -> None:
    with serving(google, tmp_path) as server:
        session = requests.Session()
        session.trust_env = False
        session.proxies = {"https": server.environment["HTTPS_PROXY"]}
        session.verify = server.environment["REQUESTS_CA_BUNDLE"]
        token = session.post(f"{server.address}/token").json()["access_token"]
        headers = {"Authorization": f"Bearer {token}"}
        assert session.get(CLUSTERS, headers=headers).json() == {}
        google.drop[len(google.calls)] = "after"
        with pytest.raises(requests.ConnectionError):
            session.get(CLUSTERS, headers=headers)


def test_a_lost_answer_may_have_been_carried_out(google: Google) -> None:
    google.drop = {0: "before", 1: "after"}
    body = json.dumps({"cluster": {"name": "one", "initialNodeCount": 1}})
    for there in (False, True):
        with pytest.raises(Dropped):
            google.answer("POST", CLUSTERS, TOKEN, body)
        assert bool(google.container.clusters) is there
