# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Is a change rolled out where it fits, and is the service stopped first where it does not?"""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.llmd.tpu.plugins.module_utils.serving.model_update import (
    Seen,
    Update,
    choose,
    must_see_nodes,
    stopped,
    waits_beside_old,
    waits_for_chips,
)
from ansible_collections.llmd.tpu.plugins.module_utils.serving.rollout import is_stopped
from ansible_collections.llmd.tpu.plugins.module_utils.serving.tracks import TRACKS
from hypothesis import given as generated
from hypothesis import strategies as st

from tests.unit.plugins.module_utils.serving.inputs import CONFIG
from tests.unit.plugins.module_utils.serving.test_service_manifest import NEW, OLD, made
from tests.unit.plugins.module_utils.tpu.test_chips import node

IMAGE = ("spec.template.containers[name=main].image",)


def pod(name: str, at: str, chips: str = "4", namespace: str = "team") -> dict[str, Any]:
    """A model server of a service, on a node."""
    return {
        "metadata": {
            "name": f"{name}-kserve-1",
            "namespace": namespace,
            "labels": {
                "app.kubernetes.io/part-of": "llminferenceservice",
                "app.kubernetes.io/name": name,
            },
        },
        "spec": {
            "nodeName": at,
            "containers": [{"resources": {"limits": {"google.com/tpu": chips}}}],
        },
    }


def pending(name: str, revision: str = "new", reason: str = "Unschedulable") -> dict[str, Any]:
    """A model server of another revision that has no node."""
    waiting = pod(name, "")
    waiting["metadata"]["name"] = f"{name}-kserve-2"
    waiting["metadata"]["labels"]["pod-template-hash"] = revision
    del waiting["spec"]["nodeName"]
    condition = {"type": "PodScheduled", "status": "False", "reason": reason}
    waiting["status"] = {"phase": "Pending", "conditions": [condition]}
    return waiting


def changed(fields: tuple[str, ...] = IMAGE, strategy: str = "auto", **inputs: Any) -> Seen:
    """A service that runs, and is to be another in these fields."""
    return Seen(made(**inputs), made(), fields, strategy)


def decide(
    *seen: Seen, nodes: int = 1, pods: list[Any] | None = None, track: str = OLD, **options: Any
) -> list[Update]:
    """The decision on a cluster of so many nodes of four chips; the service holds the first."""
    held = [pod("qwen", "tpu-0")] if pods is None else pods
    cluster = [node(f"tpu-{number}") for number in range(nodes)]
    return choose(seen, TRACKS[track], cluster, held, **options)


def how(*seen: Seen, **cluster: Any) -> str:
    """How the first service is updated."""
    return decide(*seen, **cluster)[0].how


def test_on_one_node_it_is_stopped_first_and_why() -> None:
    [update] = decide(changed())
    assert (update.namespace, update.name) == ("team", "qwen")
    assert (update.does, update.how) == ("roll", "stop-first")
    assert update.reason == "a new pod needs 4 free chips of tpu-v6e-slice 2x2, and 0 are free"


def test_with_a_free_node_it_rolls() -> None:
    assert how(changed(), nodes=2) == "rolling"


def test_a_service_that_starts_in_the_same_run_takes_the_free_node() -> None:
    new = Seen(made(name="other"), None)
    assert [one.how for one in decide(changed(), new, nodes=2)] == ["stop-first", ""]
    assert how(changed(), new, nodes=3) == "rolling"


def test_stopping_is_no_use_where_it_frees_no_chips() -> None:
    held = [pod("stranger", "tpu-0")]
    [update] = decide(changed(), pods=held)
    assert update.how == "rolling"
    assert "would free none" in update.reason
    assert "stranger" in update.reason


def test_many_replicas_roll_on_their_own_chips() -> None:
    seen = Seen(made(replicas=4), made(replicas=4), IMAGE)
    held = [pod("qwen", f"tpu-{number}") for number in range(4)]
    assert how(seen, nodes=4, pods=held) == "rolling"


def test_more_replicas_at_the_same_time_do_not_hinder_it() -> None:
    seen = Seen(made(replicas=2), made(), (*IMAGE, "spec.replicas"))
    assert how(seen) == "stop-first"


def test_nodes_that_may_not_be_read_hold_nothing_free() -> None:
    [update] = choose([changed()], TRACKS[OLD], (), (), hidden=True)
    assert update.how == "stop-first"
    assert "may not read nodes" in update.reason


@pytest.mark.parametrize("strategy", ["rolling", "stop-first"])
def test_the_user_has_the_last_word(strategy: str) -> None:
    seen = changed(strategy=strategy)
    assert not must_see_nodes([seen])
    assert how(seen) == strategy


@pytest.mark.parametrize(
    "fields",
    [
        ("spec.replicas",),
        ("metadata.labels.team",),
        ("metadata.annotations.note",),
        ("spec.router.scheduler.template",),
        (),
    ],
)
def test_no_pod_is_replaced_by_a_change_elsewhere(fields: tuple[str, ...]) -> None:
    seen = changed(fields)
    assert not must_see_nodes([seen])
    assert how(seen) == ""


@pytest.mark.parametrize(
    "field",
    [
        "spec.model.uri",
        "spec.template.nodeSelector",
        "metadata.annotations.serving.kserve.io/storageSecretName",
    ],
)
def test_pods_are_replaced(field: str) -> None:
    assert must_see_nodes([changed((field,))])


def test_a_rename_needs_a_stop_where_an_inferencemodel_is_made() -> None:
    seen = changed(("spec.model.name",), served_name="new")
    [update] = decide(seen, nodes=2)
    assert update.how == "stop-first"
    assert "cannot rename" in update.reason
    [insisted] = decide(replace(seen, strategy="rolling"), nodes=2)
    assert insisted.how == "rolling"
    assert insisted.reason.startswith("its update strategy is rolling, although KServe")
    assert how(seen, nodes=2, track=NEW) == "rolling"
    assert how(changed(("spec.model.name",), served_name="new", scheduler="none"), nodes=2) == (
        "rolling"
    )


@pytest.mark.parametrize("track", [OLD, NEW])
def test_back_to_the_preset_s_scheduler_needs_a_stop(track: str) -> None:
    custom = made(track, scheduler="custom", scheduler_config=CONFIG)
    seen = Seen(made(track), custom, ("spec.router.scheduler",))
    [update] = decide(seen, nodes=2, track=track)
    assert (update.does, update.how) == ("change", "stop-first")
    assert "configuration" in update.reason
    other = Seen(custom, made(track), ("spec.router.scheduler",))
    assert how(other, nodes=2, track=track) == ""


@pytest.mark.parametrize(
    ("was", "will", "ending", "does", "how_"),
    [
        (None, False, False, "create", ""),
        (None, True, False, "nothing", ""),
        (False, True, False, "stop", ""),
        (True, False, False, "start", ""),
        (True, False, True, "start", "stop-first"),
        (True, True, False, "change", ""),
    ],
)
def test_stops_and_starts(was: bool | None, will: bool, ending: bool, does: str, how_: str) -> None:
    live = None if was is None else made(stopped=was)
    [update] = decide(Seen(made(stopped=will), live, IMAGE, "auto", ending))
    assert (update.does, update.how) == (does, how_)


def test_a_service_without_replicas_has_no_pod_to_replace() -> None:
    assert how(Seen(made(replicas=0), made(replicas=0), IMAGE)) == ""


def test_a_stopped_service_is_the_same_but_stopped() -> None:
    service = made()
    before = copy.deepcopy(service)
    stop = stopped(service)
    assert service == before
    assert is_stopped(stop)
    assert stop["spec"] == service["spec"]


def test_an_update_hangs_when_its_pod_waits_beside_an_old_one() -> None:
    old, new = pod("qwen", "tpu-0"), pending("qwen")
    assert waits_beside_old([old, new]) == "qwen-kserve-2"
    assert waits_beside_old([new]) == ""
    assert waits_beside_old([old]) == ""
    assert waits_beside_old([old, pending("qwen", reason="SchedulerError")]) == ""
    old["metadata"]["labels"]["pod-template-hash"] = "new"  # one replica more, no update
    assert waits_beside_old([old, new]) == ""


def test_a_pod_without_chips_waits_for_none() -> None:
    assert waits_for_chips(pending("qwen"))
    other = pending("qwen")
    other["spec"]["containers"] = [{}]
    assert not waits_for_chips(other)


def test_a_hanging_update_is_healed_where_a_stop_frees_chips() -> None:
    hangs = Seen(made(), made(), waiting="qwen-kserve-2")
    assert must_see_nodes([hangs])
    [update] = decide(hangs)
    assert (update.does, update.how) == ("roll", "stop-first")
    assert update.reason.startswith("pod qwen-kserve-2 of an earlier update waits: a new pod needs")
    [waits] = decide(hangs, nodes=2)  # its pod finds the other node by itself
    assert (waits.does, waits.how, waits.reason) == ("nothing", "", "")


@generated(st.integers(1, 5), st.integers(0, 4), st.integers(1, 5))
def test_stopping_first_is_chosen_only_where_it_helps(
    nodes: int, strangers: int, replicas: int
) -> None:
    """Whatever the cluster: after it there is room that was not there before."""
    own = [pod("qwen", f"tpu-{number}") for number in range(min(replicas, nodes))]
    others = [pod("stranger", f"tpu-{number}") for number in range(len(own), len(own) + strangers)]
    seen = Seen(made(replicas=replicas), made(replicas=replicas), IMAGE)
    free = (
        nodes - len(own) - len([one for one in others if one["spec"]["nodeName"] < f"tpu-{nodes}"])
    )
    if how(seen, nodes=nodes, pods=[*own, *others]) == "stop-first":
        assert free <= 0
        assert own
        assert replicas < 4
    else:
        assert free > 0 or replicas >= 4 or not own
