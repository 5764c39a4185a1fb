# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Are zones ranked by what Google tells, and does what is unknown stay unknown?"""

from __future__ import annotations

from typing import Any

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.llmd.tpu.plugins.module_utils.gke.capacity_info import argument_spec, run

from tests.google.client import LOGIN, Task
from tests.google.google import Google
from tests.google.project import V6E, Project

LOG = "projects/my-project/logs/container.googleapis.com%2Fcluster-autoscaler-visibility"
LINK = "https://www.googleapis.com/compute/v1/projects/my-project/zones/europe-west4-a"


def look(google: Google, **options: Any) -> dict[str, Any]:
    """Run the word; it must not write."""
    wanted = {**LOGIN, "accelerator": "tpu-v6e-slice", "topology": "2x2", **options}
    checked = ArgumentSpecValidator(argument_spec()).validate(wanted)
    assert not checked.error_messages, checked.error_messages
    before = list(google.changes)
    result = run(checked.validated_parameters, world=Task(google).world)
    assert google.changes == before
    return result


def verdicts(result: dict[str, Any]) -> dict[str, str]:
    """Verdict by zone."""
    return {one["zone"]: one["verdict"] for one in result["zones"]}


def reasons(result: dict[str, Any], zone: str) -> str:
    """The reasons of a zone."""
    return "; ".join(
        reason for one in result["zones"] if one["zone"] == zone for reason in one["reasons"]
    )


def codes(result: dict[str, Any]) -> list[str]:
    """The codes of what was found."""
    return [one["code"] for one in result["findings"]]


def stockout(message: str = "scale.up.error.out.of.resources") -> dict[str, Any]:
    """What the autoscaler writes when a zone has no machine."""
    error = {"messageId": message, "parameters": [f"{LINK}/instanceGroups/gke-one-tpu-grp"]}
    return {
        "logName": LOG,
        "timestamp": "2026-05-28T20:00:00Z",
        "resource": {"type": "k8s_cluster"},
        "jsonPayload": {"resultInfo": {"results": [{"eventId": "1", "errorMsg": error}]}},
    }


def test_zones_are_ranked_with_reasons() -> None:
    found = look(Google())
    assert found["ok"]
    assert (found["machine_type"], found["chips"]) == ("ct6e-standard-4t", 4)
    likely = [zone for zone, verdict in verdicts(found).items() if verdict == "likely"]
    assert likely == ["europe-west4-a", "us-east5-a", "us-east5-b"]
    assert next(iter(verdicts(found))) == "europe-west4-a", "the best is first"
    assert verdicts(found)["us-central1-b"] == "impossible", "offered, without quota"
    assert "0 chips, 4 needed" in reasons(found, "us-central1-b")
    assert verdicts(found)["us-south1-ai1b"] == "impossible", "not in the catalogue"
    assert "4 chip-hours an hour" in found["report"][-len(found["zones"])]


def test_a_catalogue_entry_alone_is_never_likely() -> None:
    google = Google(Project(quota={("CT6E", "us-central1"): 64}))
    found = look(google, regions=["us-central1"])
    assert verdicts(found)["us-central1-a"] == "unknown"
    assert "GKE's table of TPU zones does not" in reasons(found, "us-central1-a")


def test_chips_in_use_count_against_the_quota() -> None:
    google = Google(Project(quota={("CT6E", "europe-west4"): 8}))
    Task(google)(name="one", location="europe-west4-a", tpu_pool=dict(TPU))
    assert verdicts(look(google))["europe-west4-a"] == "likely"
    full = look(google, count=2)
    assert verdicts(full)["europe-west4-a"] == "impossible"
    assert "8 chips, 4 used by GKE, 8 needed" in reasons(full, "europe-west4-a")


TPU = {"accelerator": "tpu-v6e-slice", "topology": "2x2"}


@pytest.mark.parametrize(
    ("mode", "zone", "verdict"),
    [
        ("spot", "us-east5-a", "likely"),
        ("spot", "europe-west4-a", "impossible"),
        ("flex-start", "us-east5-a", "likely"),
        ("flex-start", "europe-west4-a", "likely"),
        ("reservation", "europe-west4-a", "impossible"),
    ],
)
def test_each_way_to_buy_has_its_own_quota(mode: str, zone: str, verdict: str) -> None:
    assert verdicts(look(Google(), modes=[mode]))[zone] == verdict


def reservation(free: int) -> dict[str, Any]:
    """A reservation of four machines."""
    return {
        "name": "mine",
        "zone": "us-east5-b",
        "specificReservation": {
            "count": "4",
            "inUseCount": str(4 - free),
            "instanceProperties": {"machineType": "ct6e-standard-4t"},
        },
    }


@pytest.mark.parametrize(("free", "verdict"), [(2, "likely"), (1, "impossible")])
def test_a_reservation_needs_room(free: int, verdict: str) -> None:
    google = Google(Project(reservations=[reservation(free)]))
    found = look(google, modes=["reservation"], count=2)
    assert verdicts(found)["us-east5-b"] == verdict
    assert f"reservation mine has {free} free machines" in reasons(found, "us-east5-b")


@pytest.mark.parametrize(
    ("message", "words"),
    [
        ("scale.up.error.out.of.resources", "no free machines"),
        ("scale.up.error.quota.exceeded", "quota exceeded"),
    ],
)
def test_what_the_autoscaler_said_makes_a_zone_unlikely(message: str, words: str) -> None:
    google = Google(Project(log_entries=[stockout(message)]))
    found = look(google)
    assert verdicts(found)["europe-west4-a"] == "unlikely"
    assert f"{words} at 2026-05-28T20:00:00Z" in reasons(found, "europe-west4-a")
    assert next(iter(verdicts(found))) == "us-east5-a"
    later = look(google, hours=0.1)
    assert verdicts(later)["europe-west4-a"] == "likely", "older than what is looked at"


def test_what_may_not_be_asked_is_unknown_and_no_obstacle() -> None:
    project = Project(
        denied={
            "cloudquotas.quotas.get",
            "compute.machineTypes.list",
            "container.clusters.list",
            "logging.logEntries.list",
        }
    )
    found = look(Google(project))
    assert found["ok"]
    assert set(verdicts(found).values()) == {"unknown"}
    assert codes(found).count("CAPACITY-NOT-ASKED") == 4
    assert "CAPACITY-DOUBTFUL" in codes(found)


def test_an_api_that_is_off_is_unknown_too() -> None:
    found = look(Google(Project(disabled={"cloudquotas.googleapis.com"})))
    assert verdicts(found)["europe-west4-a"] == "unknown"
    assert "Cloud Quotas API has not been used" in str(found["findings"])


def test_nowhere_is_an_error() -> None:
    nowhere = look(Google(Project(quota={})))
    assert (nowhere["failed"], "CAPACITY-NOWHERE" in codes(nowhere)) == (True, True)
    told = look(Google(Project(quota={})), findings_only=True)
    assert (told["ok"], "failed" in told) == (False, False)
    empty = look(Google(), regions=["africa-south1"])
    assert "CAPACITY-NO-ZONES" in codes(empty)


def test_a_price_is_that_of_all_chips() -> None:
    found = look(Google(), price_per_chip_hour=2.7, count=2)
    assert found["zones"][0]["price_per_hour"] == 21.6
    unknown = look(Google(), price_from_catalogue=True)
    assert unknown["zones"][0]["price_per_hour"] is None
    assert "the price of on-demand in europe-west4" in str(unknown["findings"])


def test_other_machines_are_looked_for_by_their_own_name() -> None:
    google = Google(Project(offered={"us-east5-a": V6E[:1]}))
    found = look(google, topology="1x1")
    assert found["machine_type"] == "ct6e-standard-1t"
    assert verdicts(found)["us-east5-a"] == "likely"
    assert verdicts(look(google))["us-east5-a"] == "impossible"


def test_wrong_input_is_refused_before_google_is_asked() -> None:
    google = Google()
    assert codes(look(google, accelerator="tpu-v6e")) == ["CLUSTER-TPU-ACCELERATOR-UNKNOWN"]
    assert google.calls == []
