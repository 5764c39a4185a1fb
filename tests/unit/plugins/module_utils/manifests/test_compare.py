# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Would applying change the object? Cases, and properties on generated objects."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from ansible_collections.llmd.tpu.plugins.module_utils.manifests.compare import (
    Comparison,
    compare,
    differences,
    wanted,
    without_emptied,
)
from ansible_collections.llmd.tpu.plugins.module_utils.manifests.fields import spell
from ansible_collections.llmd.tpu.plugins.module_utils.manifests.values import (
    duration,
    identical,
    quantity,
)
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.plugins.module_utils.manifests.objects import MANAGER, deployment, entry, live

CONTAINER = "spec.template.spec.containers[name=web]"


def seen(desired: dict[str, Any], there: dict[str, Any]) -> Comparison:
    return compare(desired, there, MANAGER)


def container(body: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = body["spec"]["template"]["spec"]["containers"][0]
    return found


JSON = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(-1, 1), st.floats(0, 1).map(abs), st.text("ab")
    ),
    lambda inner: st.one_of(st.lists(inner), st.dictionaries(st.text("ab"), inner)),
    max_leaves=8,
)


@given(JSON, JSON)
def test_identical_is_what_json_spells_the_same(one: Any, other: Any) -> None:
    for left, right in ((one, other), (one, json.loads(json.dumps(one)))):
        spelt = [json.dumps(value, sort_keys=True) for value in (left, right)]
        assert identical(left, right) is (spelt[0] == spelt[1])


def test_identical_takes_no_number_for_a_truth() -> None:
    assert identical({"a": [True, 1]}, {"a": [True, 1]})
    assert not identical({"a": [True]}, {"a": [1]})
    assert not identical({"a": 1}, {"a": 1, "b": None})
    assert not identical({"a": None}, {"b": None})


def test_the_same_is_clean() -> None:
    assert seen(deployment(), live(deployment())).clean


def test_server_defaults_and_status_are_not_drift() -> None:
    there = live(deployment())
    there["status"] = {"replicas": 1}
    there["spec"]["revisionHistoryLimit"] = 10
    container(there)["imagePullPolicy"] = "Always"
    assert seen(deployment(), there).clean


def test_a_changed_value_is_named_by_key() -> None:
    found = seen(deployment(image="a:2"), live(deployment()))
    assert found == Comparison(changes=(f"{CONTAINER}.image",))


def test_a_name_counts_wherever_it_is_not_the_objects_own() -> None:
    def binding(role: str) -> dict[str, Any]:
        kind, account = "RoleBinding", {"name": "b", "namespace": "n"}
        return {"kind": kind, "metadata": account, "roleRef": {"name": role, "namespace": role}}

    found = seen(binding("b"), live(binding("a")))
    assert found.changes == ("roleRef.name", "roleRef.namespace")


def test_a_new_item_hides_no_changed_one_behind_it() -> None:
    env = [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]
    desired = [{"name": "N", "value": "0"}, {"name": "A", "value": "7"}, env[1]]
    found = seen(deployment(env=desired), live(deployment(env=env)))
    assert set(found.changes) == {f"{CONTAINER}.env[name=N]", f"{CONTAINER}.env[name=A].value"}


def test_a_new_field_and_a_new_label() -> None:
    desired = deployment(workingDir="/x")
    desired["metadata"]["labels"]["llmd.tpu/phase"] = "model"
    found = seen(desired, live(deployment()))
    assert found.changes == ("metadata.labels[llmd.tpu/phase]", f"{CONTAINER}.workingDir")


def test_a_field_given_up_is_removed() -> None:
    found = seen(deployment(), live(deployment(workingDir="/x")))
    assert found == Comparison(removed=(f"{CONTAINER}.workingDir",))


def test_a_field_given_up_that_another_manager_owns_too_stays() -> None:
    there = deployment(workingDir="/x")
    found = seen(deployment(), live(there, entry(there), entry(there, "other", "Update")))
    assert found.clean


def test_a_field_of_another_manager_is_not_ours_to_remove() -> None:
    there = deployment()
    there["metadata"]["annotations"] = {"theirs": "1"}
    theirs = entry({"metadata": {"annotations": {"theirs": "1"}}}, "other", "Update")
    assert seen(deployment(), live(there, entry(deployment()), theirs)).clean


def test_a_list_item_given_up_is_removed_and_a_foreign_one_stays() -> None:
    env = [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]
    found = seen(deployment(env=env[:1]), live(deployment(env=env)))
    assert found == Comparison(removed=(f"{CONTAINER}.env[name=B]",))
    mine = entry(deployment(env=env[:1]))
    there = live(deployment(env=env), mine, entry(deployment(env=env[1:]), "other", "Update"))
    assert seen(deployment(env=env[:1]), there).clean


def test_what_is_gone_already_hides_nothing_that_is_given_up() -> None:
    env = [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]
    there = live(deployment(env=env[1:]), entry(deployment(env=env)))
    assert seen(deployment(), there) == Comparison(removed=(f"{CONTAINER}.env",))
    found = seen(deployment(env=[]), there)
    assert found.removed == (f"{CONTAINER}.env[name=B]",)


def test_a_map_that_became_a_text_holds_nothing_to_give_up() -> None:
    there = live(deployment(extra="text"), entry(deployment(extra={"t": "1"})))
    found = seen(deployment(extra={"y": "1"}), there)
    assert found == Comparison(changes=(f"{CONTAINER}.extra",))


def test_items_are_matched_by_key_not_by_place() -> None:
    env = [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]
    injected = [{"name": "Z", "value": "0"}, *env]
    there = live(deployment(env=injected), entry(deployment(env=env)))
    assert seen(deployment(env=env), there).clean


def test_another_order_of_items_is_for_the_server_to_judge() -> None:
    env = [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]
    found = seen(deployment(env=env[::-1]), live(deployment(env=env)))
    assert found == Comparison(doubts=(f"{CONTAINER}.env",))


def test_ports_match_with_the_default_protocol() -> None:
    there = live(deployment(ports=[{"containerPort": 80, "protocol": "TCP"}]))
    assert seen(deployment(ports=[{"containerPort": 80}]), there).clean
    udp = [{"containerPort": 80, "protocol": "UDP"}]
    key = f"{CONTAINER}.ports[containerPort=80,protocol="
    assert seen(deployment(ports=udp), there).changes == (f"{key}UDP]",)


def test_lists_without_an_owner_merge_by_the_known_keys() -> None:
    there = {**deployment(env=[{"name": "A", "value": "1"}])}
    there["metadata"] = {"name": "web", "labels": {"app": "web"}}
    there["spec"]["template"]["spec"]["containers"].insert(0, {"name": "proxy", "image": "p"})
    assert seen(deployment(env=[{"name": "A", "value": "1"}]), there).clean


@pytest.mark.parametrize(
    ("desired", "there"),
    [
        ({"cpu": "1000m", "memory": "1Gi"}, {"cpu": "1", "memory": "1024Mi"}),
        ({"cpu": 1, "google.com/tpu": 4}, {"cpu": "1", "google.com/tpu": "4"}),
        ({"cpu": "0.5", "memory": "1e3"}, {"cpu": "500m", "memory": "1k"}),
    ],
)
def test_quantities_mean_numbers(desired: dict[str, Any], there: dict[str, Any]) -> None:
    limits = deployment(resources={"limits": there})
    assert seen(deployment(resources={"limits": desired}), live(limits)).clean


def test_another_quantity_is_a_change() -> None:
    there = live(deployment(resources={"limits": {"memory": "1Gi"}}))
    found = seen(deployment(resources={"limits": {"memory": "1G"}}), there)
    assert found.changes == (f"{CONTAINER}.resources.limits.memory",)


def test_text_that_looks_like_a_quantity_is_text() -> None:
    def settings(value: str) -> dict[str, Any]:
        return {"kind": "ConfigMap", "metadata": {"name": "c"}, "data": {"cpu": value}}

    assert seen(settings("1000m"), live(settings("1"))).changes == ("data.cpu",)


def test_int_or_string_and_booleans() -> None:
    there = live(deployment(livenessProbe={"httpGet": {"port": 80}}, tty=True))
    assert seen(deployment(livenessProbe={"httpGet": {"port": "80"}}, tty=True), there).clean
    found = seen(deployment(livenessProbe={"httpGet": {"port": 80}}, tty=1), there)
    assert found.changes == (f"{CONTAINER}.tty",)


@pytest.mark.parametrize("empty", [{}, [], "", 0, False])
def test_an_empty_value_that_the_server_dropped(empty: Any) -> None:
    """Asked for before, and not there: the server dropped it. Never asked for: who knows."""
    there = deployment()
    before = entry({**deployment(extra=empty)})
    assert seen(deployment(extra=empty), live(there, before)).clean
    found = seen(deployment(extra=empty), live(there))
    assert found == Comparison(doubts=(f"{CONTAINER}.extra",))


def test_an_empty_map_that_is_new_is_not_lost() -> None:
    """`scheduler: {}` of an LLMInferenceService means a lot."""
    base = {"kind": "LLMInferenceService", "metadata": {"name": "m"}}
    there = {**base, "spec": {"router": {"route": {}}}}
    found = seen({**base, "spec": {"router": {"route": {}, "scheduler": {}}}}, live(there))
    assert found.doubts == ("spec.router.scheduler",)


def test_atomic_maps_are_compared_as_a_whole() -> None:
    there = deployment()
    there["spec"]["template"]["spec"]["nodeSelector"] = {"a": "1", "b": "2"}
    desired = copy.deepcopy(there)
    del desired["spec"]["template"]["spec"]["nodeSelector"]["b"]
    assert seen(desired, live(there)).doubts == ("spec.template.spec.nodeSelector.b",)


def policy(*rules: dict[str, Any]) -> dict[str, Any]:
    return {"kind": "NetworkPolicy", "metadata": {"name": "p"}, "spec": {"ingress": list(rules)}}


def test_inside_atomic_lists_known_defaults_are_clean_and_more_is_a_doubt() -> None:
    there = policy({"ports": [{"port": 80, "protocol": "TCP"}]})
    assert seen(policy({"ports": [{"port": 80}]}), live(there)).clean
    more = policy({"ports": [{"port": 80}], "from": [{"podSelector": {}}]})
    found = seen(policy({"ports": [{"port": 80}]}), live(more))
    assert found == Comparison(doubts=("spec.ingress[0].from",))
    assert seen(policy({"ports": [{"port": 81}]}), live(there)).changes == (
        "spec.ingress[0].ports[0].port",
    )
    assert seen(policy(), live(there)).changes == ("spec.ingress",)


@pytest.mark.parametrize(
    ("desired", "more", "clean"),
    [
        ({"backendRefs": [{"name": "a"}]}, {"weight": 1}, True),
        ({"backendRefs": [{"name": "a"}]}, {"weight": 2}, False),
        ({"sources": [{"configMap": {"name": "a"}}]}, {"defaultMode": 420}, True),
        ({"sources": [{"configMap": {"name": "a"}}]}, {"defaultMode": 256}, False),
        ({"sources": [{"serviceAccountToken": {}}]}, {"expirationSeconds": 3600}, True),
        ({"sources": [{"serviceAccountToken": {}}]}, {"expirationSeconds": 600}, False),
    ],
)
def test_defaults_in_lists_without_keys(
    desired: dict[str, Any], more: dict[str, Any], clean: bool
) -> None:
    there = copy.deepcopy(desired)
    (item,) = next(iter(there.values()))
    inner = next(iter(item.values()))
    (inner if isinstance(inner, dict) else item).update(more)
    assert seen(thing(desired), live(thing(there))).clean is clean


def test_sets() -> None:
    def with_finalizers(*names: str) -> dict[str, Any]:
        return {"kind": "X", "metadata": {"name": "x", "finalizers": list(names)}}

    there = live(with_finalizers("a", "b"), entry(with_finalizers("a")))
    assert seen(with_finalizers("a"), there).clean
    assert seen(with_finalizers("a", "c"), there).changes == ("metadata.finalizers[c]",)
    there = live(with_finalizers("a", "b"))
    assert seen(with_finalizers("a"), there).removed == ("metadata.finalizers[b]",)


# What is not ours to ask for.


def test_the_rules_of_an_aggregated_role_are_not_ours() -> None:
    role = {
        "kind": "ClusterRole",
        "metadata": {"name": "r"},
        "aggregationRule": {"clusterRoleSelectors": [{"matchLabels": {"a": "b"}}]},
        "rules": [],
    }
    there = live({**role, "rules": [{"verbs": ["get"]}]}, entry({"aggregationRule": {}}))
    assert "rules" not in wanted(role, there, MANAGER)
    assert wanted({**role, "aggregationRule": None}, there, MANAGER)["rules"] == []


def webhook(ca: str | None, **annotations: str) -> dict[str, Any]:
    client = {"url": "https://x"} | ({"caBundle": ca} if ca else {})
    return {
        "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": "w", "annotations": annotations},
        "webhooks": [{"name": "a.b.c", "clientConfig": client}],
    }


def ca_of(body: dict[str, Any]) -> Any:
    return body["webhooks"][0]["clientConfig"].get("caBundle")


def test_a_ca_bundle_of_an_injector_is_not_ours() -> None:
    there = live(
        webhook("real"), entry(webhook(None)), entry(webhook("real"), "injector", "Update")
    )
    assert ca_of(wanted(webhook("Cg=="), there, MANAGER)) is None
    annotated = webhook("Cg==", **{"cert-manager.io/inject-ca-from": "a/b"})
    assert ca_of(wanted(annotated, None, MANAGER)) is None


def test_a_ca_bundle_of_our_own_is_kept() -> None:
    assert ca_of(wanted(webhook("mine"), live(webhook("old")), MANAGER)) == "mine"
    assert ca_of(wanted(webhook("mine"), None, MANAGER)) == "mine"


CRD = {"conversion": {"webhook": {"clientConfig": {"caBundle": "Cg=="}}}}


@pytest.mark.parametrize(
    ("kind", "spec", "lean"),
    [
        ("CustomResourceDefinition", CRD, {"conversion": {"webhook": {"clientConfig": {}}}}),
        ("CustomResourceDefinition", {"conversion": {"webhook": {}}}, None),
        ("CustomResourceDefinition", {"conversion": {"strategy": "None"}}, None),
        ("CustomResourceDefinition", {"group": "a"}, None),
        ("APIService", {"caBundle": "Cg==", "group": "a"}, {"group": "a"}),
        ("APIService", {"group": "a"}, None),
        ("Thing", CRD | {"caBundle": "Cg=="}, None),
    ],
)
def test_where_an_injector_writes(
    kind: str, spec: dict[str, Any], lean: dict[str, Any] | None
) -> None:
    metadata = {"name": "a", "annotations": {"cert-manager.io/inject-ca-from": "a/b"}}
    sent = wanted({"kind": kind, "metadata": metadata, "spec": spec}, None, MANAGER)
    assert sent["spec"] == (spec if lean is None else lean)
    assert wanted({"kind": kind, "metadata": metadata}, None, MANAGER)["kind"] == kind


def test_status_and_server_metadata_are_not_sent() -> None:
    body = {
        "kind": "X",
        "metadata": {"name": "x", "uid": "1", "resourceVersion": "2"},
        "status": {},
    }
    assert wanted(body, None, MANAGER) == {"kind": "X", "metadata": {"name": "x"}}


def test_empty_maps_that_stand_against_fields_can_be_left_out() -> None:
    there = live(deployment(securityContext={"runAsUser": 0}, resources={}))
    lean = without_emptied(deployment(securityContext={}, resources={}), there)
    assert container(lean) == {"name": "web", "image": "a:1", "resources": {}}


def test_what_is_new_is_never_left_out() -> None:
    desired = deployment(resources={"limits": {}}, env=[{"name": "A", "value": "1"}])
    assert without_emptied(desired, live(deployment())) == desired


# Differences between two states.


def test_differences_name_fields_and_leave_out_what_the_server_writes() -> None:
    before = live(deployment(env=[{"name": "A", "value": "1"}]))
    after = copy.deepcopy(before)
    container(after)["env"][0]["value"] = "2"
    after["metadata"]["resourceVersion"] = "7"
    after["status"] = {"x": 1}
    changes = differences(before, after)
    assert [(spell(c.path), c.before, c.after) for c in changes] == [
        (f"{CONTAINER}.env[name=A].value", "1", "2")
    ]


@pytest.mark.parametrize("one_way", [True, False])
def test_differences_of_a_field_that_comes_or_goes(one_way: bool) -> None:
    few = {"kind": "ConfigMap", "metadata": {"name": "c"}, "data": {}}
    many = {**few, "immutable": True, "data": {"a": "1"}, "binaryData": {"b": "Cg=="}}
    changes = differences(few, many) if one_way else differences(many, few)
    shown = [(spell(c.path), *((c.before, c.after)[:: 1 if one_way else -1])) for c in changes]
    assert shown == [
        ("binaryData.b", None, "Cg=="),
        ("data.a", None, "1"),
        ("immutable", None, True),
    ]


def test_differences_tell_another_order_of_what_both_have() -> None:
    env = [{"name": name, "value": "1"} for name in "AB"]
    here = f"{CONTAINER}.env"
    changes = differences(live(deployment(env=env)), live(deployment(env=env[::-1])))
    assert [(spell(c.path), c.before, c.after) for c in changes] == [
        (here, ["[name=A]", "[name=B]"], ["[name=B]", "[name=A]"])
    ]
    new = {"name": "N", "value": "1"}
    changes = differences(live(deployment(env=env)), live(deployment(env=[new, *env])))
    assert {spell(c.path) for c in changes} == {f"{here}[name=N].name", f"{here}[name=N].value"}


@pytest.mark.parametrize("owned", ["before", "after"])
def test_items_are_named_by_whoever_knows_their_keys(owned: str) -> None:
    def mounts(path: str) -> dict[str, Any]:
        return {"kind": "Thing", "metadata": {"name": "t"}, "volumeMounts": [{"mountPath": path}]}

    states = {"before": mounts("/a"), "after": mounts("/b")}
    states[owned] = live(states[owned])
    changes = differences(states["before"], states["after"])
    assert [spell(c.path) for c in changes] == [
        "volumeMounts[mountPath=/a].mountPath",
        "volumeMounts[mountPath=/b].mountPath",
    ]


# Properties on generated objects.

NAMES = st.sampled_from(["alpha", "beta", "gamma", "delta"])
SCALARS = st.one_of(st.text(max_size=4), st.integers(-3, 99), st.booleans())
VALUES = st.recursive(
    st.one_of(SCALARS, st.lists(SCALARS, max_size=3)),
    lambda inner: st.one_of(
        st.dictionaries(NAMES, inner, max_size=3),
        st.lists(st.dictionaries(NAMES, inner, max_size=2), max_size=2),
    ),
    max_leaves=12,
)
SPECS = st.dictionaries(NAMES, VALUES, min_size=1, max_size=4)


def thing(spec: dict[str, Any]) -> dict[str, Any]:
    return {"kind": "Thing", "metadata": {"name": "t"}, "spec": spec}


def leaves(value: Any, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    if isinstance(value, dict) and value:
        return [leaf for name, item in value.items() for leaf in leaves(item, (*path, name))]
    return [path]


@given(SPECS)
def test_what_was_applied_is_clean(spec: dict[str, Any]) -> None:
    assert seen(thing(spec), live(thing(spec))).clean


@given(SPECS, st.data())
def test_every_changed_leaf_is_found(spec: dict[str, Any], data: st.DataObject) -> None:
    path = data.draw(st.sampled_from(leaves(spec)))
    desired = copy.deepcopy(spec)
    node = desired
    for name in path[:-1]:
        node = node[name]
    node[path[-1]] = {"other": "value"}
    found = seen(thing(desired), live(thing(spec)))
    here = "spec." + ".".join(path)
    assert any(change == here or change.startswith(f"{here}.") for change in found.changes)


@given(SPECS, st.data())
def test_every_leaf_given_up_is_found(spec: dict[str, Any], data: st.DataObject) -> None:
    path = data.draw(st.sampled_from(leaves(spec)))
    desired = copy.deepcopy(spec)
    node = desired
    for name in path[:-1]:
        node = node[name]
    del node[path[-1]]
    assert "spec." + ".".join(path) in seen(thing(desired), live(thing(spec))).removed


@given(SPECS, SPECS)
def test_what_differs_is_never_called_clean(one: dict[str, Any], other: dict[str, Any]) -> None:
    if differences(thing(one), thing(other)):
        assert not seen(thing(other), live(thing(one))).clean


@given(st.integers(-(10**6), 10**6))
def test_quantities_of_one_number(number: int) -> None:
    spellings = [number, str(number), f"{number}000m", f"{number}e0", f"{number}.0"]
    assert len({quantity(spelling) for spelling in spellings}) == 1
    assert quantity(f"{number}Ki") == number * 1024
    assert quantity(f"{number}k") == number * 1000


@pytest.mark.parametrize("text", ["", "x", "1x", "1 Gi", "Gi", "1.2.3", True, None])
def test_what_is_no_quantity(text: Any) -> None:
    assert quantity(text) is None


@pytest.mark.parametrize(
    ("desired", "there", "clean"),
    [("8760h", "8760h0m0s", True), ("90m", "1h30m0s", True), ("1h", "2h0m0s", False)],
)
def test_durations_of_a_certificate(desired: str, there: str, clean: bool) -> None:
    def certificate(text: str) -> dict[str, Any]:
        return {"kind": "Certificate", "metadata": {"name": "c"}, "spec": {"duration": text}}

    assert seen(certificate(desired), live(certificate(there))).clean is clean


@pytest.mark.parametrize("text", ["", "1", "h", "1x", "1h 2m", "1h2", 3, None])
def test_what_is_no_duration(text: Any) -> None:
    assert duration(text) is None
