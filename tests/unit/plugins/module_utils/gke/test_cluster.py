# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Does the cluster converge, stay, change, stop and go; and does each refusal say what to do?"""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.google.client import Task
from tests.google.google import Google
from tests.google.project import Project

TPU = {"accelerator": "tpu-v6e-slice", "topology": "2x2"}
ONE: dict[str, Any] = {
    "name": "one",
    "location": "europe-west4-a",
    "tpu_pool": TPU,
    "release_channel": "regular",
    "labels": {"owner": "search"},
}
MADE = [
    ("CREATE_CLUSTER", "projects/my-project/locations/europe-west4-a/clusters/one"),
    ("CREATE_NODE_POOL", "projects/my-project/locations/europe-west4-a/clusters/one/nodePools/tpu"),
]


@pytest.fixture
def google() -> Google:
    """A project without a cluster."""
    return Google()


@pytest.fixture
def task(google: Google) -> Task:
    """The task on it."""
    return Task(google)


def codes(result: dict[str, Any]) -> list[str]:
    """The codes of what was found."""
    return [one["code"] for one in result["findings"]]


def cycle(task: Task, **options: Any) -> dict[str, Any]:
    """Check, run and repeat: a check changes nothing and tells what a run does."""
    before = len(task.google.changes)
    told = task(check=True, **options)
    assert len(task.google.changes) == before, "a check changed something"
    done = task(**options)
    assert done["ok"], done["msg"]
    assert (told["changed"], told["steps"]) == (done["changed"], done["steps"])
    after = list(task.google.changes)
    again = task(**options)
    assert (again["changed"], again["steps"], task.google.changes) == (False, [], after)
    return done


def test_from_nothing_and_back(task: Task) -> None:
    made = cycle(task, **ONE)
    assert task.google.changes == MADE
    assert made["cluster"]["status"] == "RUNNING"
    assert [(one["name"], one["nodes"], one["chips"]) for one in made["cluster"]["pools"]] == [
        ("system", 2, 0),
        ("tpu", 1, 4),
    ]
    minutes = (task.google.project.clock() - 1_780_000_000) / 60
    assert 8.8 < minutes < 10, "as long as a real cluster took"
    assert any("CREATE" not in line and "done after" in line for line in task.lines)
    cycle(task, **ONE, deletion_protection=False)
    gone = cycle(task, **ONE, state="absent")
    assert gone["steps"] == ["delete node pool tpu", "delete cluster one"]
    assert gone["cluster"]["status"] == "absent"
    assert task.google.container.clusters == {}


def test_what_is_made_is_what_was_asked_for(task: Task, google: Google) -> None:
    task(**ONE)
    (cluster,) = google.container.clusters.values()
    assert cluster["workloadIdentityConfig"] == {"workloadPool": "my-project.svc.id.goog"}
    assert cluster["resourceLabels"] == {
        "owner": "search",
        "llmd-tpu-phase": "cluster",
        "llmd-tpu-protected": "true",
    }
    tpu = cluster["nodePools"][1]
    assert tpu["config"]["machineType"] == "ct6e-standard-4t"
    assert "placementPolicy" not in tpu


def test_a_slice_of_several_machines_is_placed_compactly(task: Task, google: Google) -> None:
    cycle(task, **{**ONE, "tpu_pool": {**TPU, "topology": "4x4"}})
    tpu = google.container.clusters[MADE[0][1]]["nodePools"][1]
    assert tpu["placementPolicy"] == {"type": "COMPACT", "tpuTopology": "4x4"}
    assert tpu["initialNodeCount"] == 4


@pytest.mark.parametrize(
    ("options", "shown"),
    [
        ({"mode": "spot"}, {"spot": True}),
        ({"mode": "flex-start", "max_nodes": 2}, {"flexStart": True}),
        (
            {"mode": "reservation", "reservation": "mine"},
            {
                "reservationAffinity": {
                    "consumeReservationType": "SPECIFIC_RESERVATION",
                    "key": "compute.googleapis.com/reservation-name",
                    "values": ["mine"],
                }
            },
        ),
        ({"mode": "queued", "max_nodes": 2}, {}),
        ({"image_streaming": True}, {"gcfsConfig": {"enabled": True}}),
        ({"cache_image": "global/images/cache"}, {"gcfsConfig": {"enabled": True}}),
    ],
    ids=["spot", "flex-start", "reservation", "queued", "streaming", "cache"],
)
def test_ways_to_buy_and_to_start(
    task: Task, google: Google, options: dict[str, Any], shown: dict[str, Any]
) -> None:
    google.project.quota["PREEMPTIBLE-TPU-V6E", "europe-west4"] = 8
    cycle(task, **{**ONE, "tpu_pool": {**TPU, **options}})
    config = google.container.clusters[MADE[0][1]]["nodePools"][1]["config"]
    assert shown.items() <= config.items()


def test_stop_and_start(task: Task) -> None:
    cycle(task, **ONE)
    stopped = cycle(task, **{**ONE, "tpu_pool": {**TPU, "nodes": 0}})
    assert stopped["steps"] == ["resize node pool tpu from 1 to 0"]
    assert stopped["cost"]["chips"] == 0
    started = cycle(task, **ONE)
    assert started["steps"] == ["resize node pool tpu from 0 to 1"]


def test_an_autoscaled_pool_is_stopped_for_good(task: Task, google: Google) -> None:
    scaled = {**ONE, "tpu_pool": {**TPU, "max_nodes": 2}}
    cycle(task, **scaled)
    group = next(link for link in google.container.sizes if "tpu" in link)
    google.container.sizes[group] = 2
    assert task(**scaled)["changed"] is False, "the autoscaler decides"
    stopped = cycle(task, **{**ONE, "tpu_pool": {**TPU, "max_nodes": 2, "nodes": 0}})
    assert stopped["steps"] == [
        "change autoscaling of node pool tpu",
        "resize node pool tpu from 2 to 0",
    ]


def test_what_can_be_changed_is_changed(task: Task, google: Google) -> None:
    task(**ONE)
    google.project.late = 25
    changed = cycle(
        task,
        **{
            **ONE,
            "labels": {"owner": "ads"},
            "release_channel": "rapid",
            "version": "1.34",
        },
    )
    assert changed["steps"] == [
        "set labels of cluster one",
        "change release channel of cluster one",
        "change version of cluster one",
        "set labels of node pool system",
        "set labels of node pool tpu",
    ]
    assert changed["diff"][0]["before"]["owner"] == "search"
    assert changed["diff"][0]["after"]["owner"] == "ads"


IMMUTABLE: dict[str, tuple[dict[str, Any], str]] = {
    "network": ({"network": "other"}, "network"),
    "pods' range": ({"pods_range": "10.0.0.0/16"}, "pods_range"),
    "private nodes": ({"private_nodes": True}, "private_nodes"),
    "an older version": ({"version": "1.32"}, "version"),
    "topology": ({"tpu_pool": {**TPU, "topology": "4x4"}}, "topology"),
    "machine type": ({"tpu_pool": {**TPU, "topology": "1x1"}}, "machine_type"),
    "way to buy": ({"tpu_pool": {**TPU, "mode": "spot"}}, "mode"),
    "disk": ({"tpu_pool": {**TPU, "disk_gb": 300}}, "disk_gb"),
}


@pytest.mark.parametrize("what", IMMUTABLE)
def test_what_cannot_be_changed_is_named_and_nothing_is_done(task: Task, what: str) -> None:
    options, path = IMMUTABLE[what]
    task(**ONE)
    before = list(task.google.changes)
    refused = task(**{**ONE, **options})
    assert codes(refused) == ["CLUSTER-IMMUTABLE"] * len(refused["findings"])
    assert path in [one["path"] for one in refused["findings"]]
    assert "cluster_recreate" in refused["msg"]
    assert task.google.changes == before


def test_a_pool_is_made_anew_when_that_is_meant(task: Task) -> None:
    task(**ONE)
    again = cycle(task, **{**ONE, "tpu_pool": {**TPU, "topology": "4x4"}, "recreate": True})
    assert again["steps"] == [
        "delete node pool tpu",
        "create node pool tpu of ct6e-standard-4t",
    ]


def test_a_cluster_is_made_anew_only_without_protection(task: Task) -> None:
    task(**ONE)
    other = {**ONE, "network": "other", "recreate": True}
    assert codes(task(**other)) == ["CLUSTER-PROTECTED"]
    again = cycle(task, **other, deletion_protection=False)
    assert again["steps"] == [
        "delete cluster one",
        "create cluster one in europe-west4-a",
        "create node pool tpu of ct6e-standard-4t",
    ]


def test_a_cluster_that_broke_is_not_thrown_away(task: Task, google: Google) -> None:
    task(**ONE)
    google.container.clusters[MADE[0][1]]["status"] = "ERROR"
    assert codes(task(**ONE, recreate=True)) == ["CLUSTER-BROKEN"]
    again = task(**ONE, recreate=True, deletion_protection=False)
    assert again["steps"][0] == "delete cluster one"


def test_private_nodes_get_a_rule_for_webhooks(task: Task, google: Google) -> None:
    private = {**ONE, "private_nodes": True}
    made = cycle(task, **private)
    assert made["steps"][-1] == "create firewall rule llmd-tpu-one-webhooks"
    (rule,) = google.compute.firewalls.values()
    assert rule["allowed"] == [{"IPProtocol": "tcp", "ports": ["9443", "15017"]}]
    assert rule["sourceRanges"] == ["172.16.0.32/28"]
    tags = {
        pool["config"]["tags"][0] for pool in google.container.clusters[MADE[0][1]]["nodePools"]
    }
    assert tags == set(rule["targetTags"])
    rule["allowed"] = []
    assert cycle(task, **private)["steps"] == ["change firewall rule llmd-tpu-one-webhooks"]
    cycle(task, **private, deletion_protection=False)
    cycle(task, **private, state="absent")
    assert google.compute.firewalls == {}


# Others' clusters


def others_cluster(task: Task, **fields: Any) -> dict[str, Any]:
    """A cluster that somebody else made."""
    task(**{**ONE, "tpu_pool": None})
    (cluster,) = task.google.container.clusters.values()
    cluster["resourceLabels"] = {}
    cluster.update(fields)
    for pool in cluster["nodePools"]:
        pool["config"]["resourceLabels"] = {}
    return cluster


@pytest.mark.parametrize("state", ["present", "absent"])
def test_a_foreign_cluster_is_left_alone(task: Task, state: str) -> None:
    others_cluster(task)
    before = list(task.google.changes)
    assert codes(task(**ONE, state=state)) == ["CLUSTER-FOREIGN"]
    assert task.google.changes == before


def test_a_pool_in_another_s_cluster_comes_and_goes(task: Task) -> None:
    cluster = others_cluster(task)
    added = cycle(task, **ONE, existing=True)
    assert added["steps"] == ["create node pool tpu of ct6e-standard-4t"]
    removed = cycle(task, **ONE, existing=True, state="absent")
    assert removed["steps"] == ["delete node pool tpu"]
    assert [pool["name"] for pool in cluster["nodePools"]] == ["system"]


def test_of_a_cluster_of_ours_that_stays_only_the_named_pool_goes(task: Task) -> None:
    task(**ONE)
    pools = task.google.container.clusters[MADE[0][1]]["nodePools"]
    none = {**ONE, "tpu_pool": None, "existing": True, "state": "absent"}
    assert cycle(task, **none)["steps"] == []
    assert cycle(task, **ONE, existing=True, state="absent")["steps"] == ["delete node pool tpu"]
    assert [pool["name"] for pool in pools] == ["system"]


def test_the_metadata_server_is_asked_for_only_where_it_can_be(task: Task) -> None:
    cluster = others_cluster(task)
    del cluster["workloadIdentityConfig"]
    cycle(task, **ONE, existing=True)
    assert "workloadMetadataConfig" not in cluster["nodePools"][1]["config"]


def test_what_google_fills_in_is_no_difference(task: Task, google: Google) -> None:
    task(**ONE)
    pool = google.container.clusters[MADE[0][1]]["nodePools"][1]
    pool["config"]["reservationAffinity"] = {"consumeReservationType": "NO_RESERVATION"}
    pool["placementPolicy"] = {"tpuTopology": "2x2"}
    assert task(**ONE)["changed"] is False


def test_another_s_pool_is_left_alone(task: Task) -> None:
    cluster = others_cluster(task)
    task(**ONE, existing=True)
    cluster["nodePools"][1]["config"]["resourceLabels"] = {}
    assert codes(task(**ONE, existing=True)) == ["CLUSTER-POOL-FOREIGN"]
    assert task(**ONE, existing=True, state="absent")["changed"] is False


def test_autopilot_takes_no_pools(task: Task) -> None:
    others_cluster(task, autopilot={"enabled": True})
    assert codes(task(**ONE, existing=True)) == ["CLUSTER-AUTOPILOT"]
    used = task(**{**ONE, "tpu_pool": None}, existing=True)
    assert (used["ok"], codes(used)) == (True, ["CLUSTER-AUTOPILOT"])


def test_what_is_said_to_exist_must(task: Task) -> None:
    assert codes(task(**ONE, existing=True)) == ["CLUSTER-MISSING"]
    assert task(**ONE, existing=True, state="absent")["changed"] is False


def test_protection_has_to_be_taken_off_first(task: Task) -> None:
    task(**ONE)
    assert codes(task(**ONE, state="absent")) == ["CLUSTER-PROTECTED"]


# What goes wrong at Google's

ENDS: dict[str, tuple[dict[str, Any], str]] = {
    "stockout": ({"stocked_out": {"europe-west4-a"}}, "GOOGLE-STOCKOUT"),
    "quota": ({"quota": {}}, "GOOGLE-QUOTA"),
    "half-way": ({"half_way": {"CREATE_NODE_POOL"}}, "GOOGLE-REFUSED"),
    "permission": ({"denied": {"container.clusters.create"}}, "GOOGLE-PERMISSION"),
    "api disabled": ({"disabled": {"container.googleapis.com"}}, "GOOGLE-API-DISABLED"),
    "zone without TPUs": ({"supported": ()}, "GOOGLE-TPU-UNSUPPORTED"),
    "catalogue without them": ({"offered": {}}, "GOOGLE-TPU-UNSUPPORTED"),
    "nobody": ({"tokens": set()}, "GOOGLE-CREDENTIALS"),
}


@pytest.mark.parametrize("what", ENDS)
def test_a_refusal_says_what_to_do_and_the_next_run_goes_on(what: str) -> None:
    fields, code = ENDS[what]
    task = Task(Google(Project(**fields)))
    failed = task(**ONE)
    assert codes(failed) == [code], failed["msg"]
    (finding,) = failed["findings"]
    assert finding["fix"], "a way out"
    assert finding["found"] in failed["msg"], "Google's own words"
    whole = Project()
    for name in fields:
        setattr(task.google.project, name, getattr(whole, name))
    cycle(task, **ONE)


def test_a_cluster_that_was_half_made_is_made_anew(task: Task) -> None:
    task.google.project.half_way.add("CREATE_CLUSTER")
    assert codes(task(**ONE)) == ["GOOGLE-REFUSED"]
    again = cycle(task, **ONE)
    assert again["steps"][0] == "delete cluster one"


def test_every_connection_may_be_lost_once(google: Google) -> None:
    whole = Task(Google())
    whole(**ONE)
    for number in range(0, len(whole.google.calls), 3):
        for when in ("before", "after"):
            task = Task(Google(drop={number: when}))
            done = task(**ONE)
            assert done["ok"], (number, when, done["msg"])
            assert sorted(task.google.changes) == sorted(MADE), (number, when)


def test_google_that_never_answers_is_told(task: Task) -> None:
    task.google.drop = dict.fromkeys(range(100), "before")
    assert codes(task(**ONE)) == ["GOOGLE-UNREACHABLE"]


def test_an_operation_that_runs_is_joined(task: Task) -> None:
    early = task(**{**ONE, "wait_timeout": 60})
    assert codes(early) == ["GOOGLE-STILL-RUNNING"]
    assert early["steps"] == ["create cluster one in europe-west4-a"]
    done = task(**ONE)
    assert done["ok"], done["msg"]
    assert task.google.changes == MADE
    assert any("which runs already" in line for line in task.lines)


# Money, dates and files


def test_the_limit_stops_before_anything_is_made(task: Task) -> None:
    dear = {**ONE, "price_per_chip_hour": 2.97, "hourly_limit": 10}
    assert codes(task(**dear)) == ["CLUSTER-COST-LIMIT"]
    assert codes(task(**ONE, hourly_limit=10)) == ["CLUSTER-COST-UNKNOWN"]
    assert task.google.changes == []
    made = task(**{**dear, "hourly_limit": 12})
    assert made["cost"]["per_hour"] == 11.88
    assert made["cost"]["per_day"] == 285.12
    assert any("11.88 USD an hour, 285.12 USD a day" in line for line in task.lines)
    lower = task(**dear)
    assert lower["ok"], "what is there already is not stopped by a limit"


def test_a_price_comes_from_the_catalogue_or_not_at_all(task: Task) -> None:
    sku = {
        "service": "6F81-5844-456A",
        "skuId": "1",
        "description": "TPU v6e running in Netherlands",
        "category": {"usageType": "OnDemand"},
        "serviceRegions": ["europe-west4"],
        "pricingInfo": [
            {
                "pricingExpression": {
                    "usageUnit": "h",
                    "tieredRates": [
                        {"unitPrice": {"currencyCode": "USD", "units": "2", "nanos": 970000000}}
                    ],
                }
            }
        ],
    }
    other = {**sku, "description": "Spot TPU v6e in Netherlands"}
    task.google.project.skus = [other, {**sku, "serviceRegions": ["us-east5"]}, sku]
    asked = {**ONE, "price_from_catalogue": True}
    told = task(check=True, **asked)["cost"]
    assert (told["per_hour"], told["price_per_chip_hour"]["value"]) == (11.88, 2.97)
    assert "Netherlands" in told["words"]
    task.google.project.skus = [other]
    unknown = task(check=True, **asked)
    assert codes(unknown) == ["CLUSTER-PRICE-UNKNOWN"]
    assert "96 chip-hours a day" in unknown["cost"]["words"]


def test_a_date_once_given_stays(task: Task, google: Google) -> None:
    dated = {**ONE, "expires_after_hours": 2}
    cycle(task, **dated)
    first = google.container.clusters[MADE[0][1]]["resourceLabels"]["llmd-tpu-expires"]
    google.project.clock.sleep(10_000)
    late = task(**dated)
    assert (late["changed"], codes(late)) == (False, ["CLUSTER-EXPIRED"])
    assert google.container.clusters[MADE[0][1]]["resourceLabels"]["llmd-tpu-expires"] == first


@pytest.mark.parametrize("auth", ["token", "exec"])
def test_the_kubeconfig_is_its_owner_s_alone(task: Task, tmp_path: Path, auth: str) -> None:
    path = tmp_path / "new" / "kubeconfig"
    wanted = {**ONE, "kubeconfig_path": str(path), "kubeconfig_auth": auth}
    made = cycle(task, **wanted)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    content = yaml.safe_load(path.read_text())
    assert content["current-context"] == "gke_my-project_europe-west4-a_one"
    assert content["clusters"][0]["cluster"]["server"] == "https://203.0.113.7"
    user = content["users"][0]["user"]
    assert user == {"token": "token-of-the-test"} or user["exec"]["command"].startswith("gke-")
    assert "token-of-the-test" not in str(made)
    assert made["kubeconfig"]["in_place"] is True
    path.chmod(0o644)
    assert cycle(task, **wanted)["changed"] is True
    path.write_text("nonsense: [")
    assert cycle(task, **wanted)["changed"] is True


def test_a_check_renews_the_token_of_a_kubeconfig_that_is_right_and_writes_no_other(
    task: Task, tmp_path: Path
) -> None:
    path = tmp_path / "kubeconfig"
    wanted = {**ONE, "kubeconfig_path": str(path)}
    nowhere = task(check=True, **wanted)["kubeconfig"]
    assert (nowhere["in_place"], path.exists()) == (False, False)
    task(**wanted)
    right = path.read_text()
    path.write_text(right.replace("token-of-the-test", "ran-out"))
    renewed = task(check=True, **wanted)
    assert (renewed["changed"], renewed["kubeconfig"]["in_place"]) == (False, True)
    assert path.read_text() == right
    path.write_text(other := right.replace("203.0.113.7", "203.0.113.9"))
    elsewhere = task(check=True, **wanted)
    assert (elsewhere["changed"], elsewhere["kubeconfig"]["in_place"]) == (True, False)
    assert path.read_text() == other


def test_what_is_left_and_costs_is_told(task: Task) -> None:
    task.google.project.leftovers = {
        "disks": [
            {
                "place": "zones/europe-west4-a",
                "name": "pvc-1",
                "sizeGb": "100",
                "labels": {"goog-k8s-cluster-name": "one"},
            },
            {"place": "zones/europe-west4-a", "name": "mine", "sizeGb": "10"},
        ],
        "forwardingRules": [
            {
                "place": "regions/europe-west4",
                "name": "a1",
                "description": '{"kubernetes.io/service-name":"opendatahub/gateway"}',
            }
        ],
        "addresses": [{"place": "regions/europe-west4", "name": "ip", "status": "RESERVED"}],
    }
    task(**ONE, deletion_protection=False)
    gone = task(**ONE, state="absent")
    assert codes(gone) == [
        "CLUSTER-LEFT-DISK",
        "CLUSTER-LEFT-LOAD-BALANCER",
        "CLUSTER-LEFT-ADDRESS",
    ]
    task.google.project.denied = {"compute.disks.list"}
    assert codes(task(**ONE, state="absent")) == ["CLUSTER-LEFTOVERS-UNKNOWN"]


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "a label of the guide's": (
        {"tpu_pool": {**TPU, "accelerator": "tpu-v6e"}},
        "CLUSTER-TPU-ACCELERATOR-UNKNOWN",
    ),
    "three dimensions": (
        {"tpu_pool": {**TPU, "topology": "2x2x1"}},
        "CLUSTER-TPU-TOPOLOGY-UNKNOWN",
    ),
    "a machine of another shape": (
        {"tpu_pool": {**TPU, "machine_type": "ct6e-standard-8t"}},
        "CLUSTER-TPU-MACHINE-TYPE",
    ),
    "half a slice": (
        {"tpu_pool": {**TPU, "topology": "4x4", "nodes": 2}},
        "CLUSTER-TPU-NODES",
    ),
    "a zone elsewhere": (
        {"tpu_pool": {**TPU, "zones": ["us-east5-a"]}},
        "CLUSTER-TPU-ZONES",
    ),
    "a region without a zone": ({"location": "europe-west4"}, "CLUSTER-TPU-ZONE-MISSING"),
    "a reservation without a name": (
        {"tpu_pool": {**TPU, "mode": "reservation"}},
        "CLUSTER-TPU-RESERVATION",
    ),
    "a name": ({"name": "My_Cluster"}, "CLUSTER-NAME-INVALID"),
    "a label": ({"labels": {"owner": "search@example.com"}}, "CLUSTER-LABEL-INVALID"),
}


@pytest.mark.parametrize("what", WRONG)
def test_wrong_input_is_refused_before_google_is_asked(task: Task, what: str) -> None:
    options, code = WRONG[what]
    assert codes(task(**{**ONE, **options})) == [code]
    assert task.google.calls == []
