# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""`apply` with `state: absent` and `prune` on a real API server."""

from __future__ import annotations

import copy
import json
import urllib.error
from typing import Any

import pytest
from ansible_collections.llmd.tpu.plugins.module_utils.connection import connect
from ansible_collections.llmd.tpu.plugins.module_utils.manifests.apply import apply

from tests.e2e.apply.control_plane import ControlPlane
from tests.e2e.apply.test_apply import deployment, namespace, settings, url
from tests.e2e.apply.words import actions, attempt, converge
from tests.e2e.patience import eventually

Object = dict[str, Any]


@pytest.fixture
def place(request: pytest.FixtureRequest) -> str:
    """A name for a namespace and a label of the test's own."""
    return f"r-{abs(hash(request.node.name)) % 10**8}"


def ours(place: str) -> dict[str, str]:
    """The label of what this test makes."""
    return {"llmd.tpu/phase": place}


def there(plane: ControlPlane, path: str) -> bool:
    try:
        plane.request("GET", path)
    except urllib.error.HTTPError as problem:
        if problem.code == 404:
            return False
        raise
    return True


def titles(result: Object, *actions_: str) -> list[str]:
    """The objects to which one of these happened, in order of the names."""
    return sorted(f"{o['kind']} {o['name']}" for o in result["objects"] if o["action"] in actions_)


def crd(group: str, kind: str) -> Object:
    """A CustomResourceDefinition with an open schema."""
    plural = f"{kind.lower()}s"
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{group}"},
        "spec": {
            "group": group,
            "names": {"kind": kind, "plural": plural},
            "scope": "Namespaced",
            "versions": [version],
        },
    }


def custom(group: str, kind: str, place: str, name: str, **metadata: Any) -> Object:
    return {
        "apiVersion": f"{group}/v1",
        "kind": kind,
        "metadata": {"name": name, "namespace": place, **metadata},
    }


def definition_path(name: str) -> str:
    return f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{name}"


def test_everything_goes_in_check_mode_first_and_twice(plane: ControlPlane, place: str) -> None:
    group = f"{place}.example.com"
    everything = [
        namespace(place),
        crd(group, "Toy"),
        custom(group, "Toy", place, "one"),
        settings(place),
        deployment(place),
        {
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "ValidatingWebhookConfiguration",
            "metadata": {"name": place},
        },
    ]
    converge(plane, definition=everything, labels=ours(place))
    wishes: Object = {"state": "absent", "labels": ours(place), "remove_crds": [group]}

    for listed in ({"definition": everything}, {"prune": True}):
        before = plane.writes()
        predicted = converge(plane, check=True, **wishes, **listed)
        assert plane.writes() == before
        assert predicted["writes"] == 0
        assert len(titles(predicted, "deleted", "pruned")) == 6, predicted["objects"]
        assert len(predicted["diff"]) == 6
        assert all(entry["before"] and not entry["after"] for entry in predicted["diff"])

    done = converge(plane, definition=everything, **wishes)
    assert actions(done) == ["deleted"] * 6
    assert done["writes"] == 6
    deleted = [path.split("?")[0].rsplit("/", 2)[1] for path in plane.writes()[len(before) :]]
    assert deleted == [
        "toys",
        "validatingwebhookconfigurations",
        "deployments",
        "configmaps",
        "namespaces",
        "customresourcedefinitions",
    ]
    assert not there(plane, f"/api/v1/namespaces/{place}")
    assert not there(plane, definition_path(f"toys.{group}"))

    again = converge(plane, definition=everything, **wishes)
    assert set(actions(again)) == {"none"}
    assert again["writes"] == 0
    nothing = converge(plane, prune=True, **wishes)
    assert nothing["objects"] == []
    assert nothing["changed"] is False


# Others' objects.


def create(plane: ControlPlane, path: str, body: Object) -> Object:
    """Make an object as somebody else would."""
    live: Object = plane.request("POST", f"{path}?fieldManager=kubectl-create", body)
    return live


def test_prune_takes_what_is_no_longer_asked_for_and_nothing_else(
    plane: ControlPlane, place: str
) -> None:
    maps = f"/api/v1/namespaces/{place}/configmaps"
    old = [
        namespace(place),
        settings(place, "kept", a="1"),
        settings(place, "old"),
        deployment(place),
    ]
    converge(plane, definition=old, labels=ours(place))
    converge(plane, definition=settings(place, "without-label"))
    converge(plane, definition=settings(place, "other"), labels={"llmd.tpu/phase": "other"})
    create(plane, maps, settings(place, "foreign"))
    labelled = settings(place, "copied")
    labelled["metadata"]["labels"] = ours(place)
    create(plane, maps, labelled)
    before = {item["metadata"]["name"]: item for item in plane.request("GET", maps)["items"]}

    new = [namespace(place), settings(place, "kept", a="2"), settings(place, "new")]
    wishes: Object = {"definition": new, "labels": ours(place)}
    assert titles(converge(plane, check=True, **wishes), "pruned") == []
    predicted = converge(plane, check=True, prune=True, **wishes)
    done = converge(plane, prune=True, **wishes)
    for result in (predicted, done):
        assert titles(result, "pruned") == ["ConfigMap old", "Deployment web"]
        assert actions(result)[:3] == ["none", "changed", "created"]
    assert predicted["diff"] == done["diff"]
    assert [entry["after_header"] for entry in done["diff"]][2:] == [
        f"ConfigMap {place}/old (pruned)",
        f"Deployment {place}/web (pruned)",
    ]
    after = {item["metadata"]["name"]: item for item in plane.request("GET", maps)["items"]}
    assert after.keys() == (before.keys() | {"new"}) - {"old"}
    for name in ("without-label", "other", "foreign", "copied"):
        assert json.dumps(after[name]) == json.dumps(before[name])
    again = converge(plane, prune=True, **wishes)
    assert (again["changed"], again["writes"]) == (False, 0)


def test_nothing_is_pruned_when_an_object_failed(plane: ControlPlane, place: str) -> None:
    labels = ours(place)
    converge(plane, definition=[namespace(place), settings(place, "old")], labels=labels)
    bad = {**settings(place, "bad"), "dataa": {}}
    result = attempt(plane, definition=[namespace(place), bad], labels=labels, prune=True)
    assert actions(result) == ["none", "failed", "skipped"]
    assert "other objects failed" in result["objects"][2]["reason"]
    assert there(plane, url(place, "configmaps", "old"))


def test_named_objects_of_others_stay(plane: ControlPlane, place: str) -> None:
    converge(plane, definition=namespace(place), labels=ours(place))
    foreign = create(
        plane, f"/api/v1/namespaces/{place}/configmaps", settings(place, "foreign", a="1")
    )
    converge(plane, definition=settings(place, "unlabelled"))
    named = [settings(place, "foreign"), settings(place, "unlabelled"), settings(place, "no")]
    for check in (True, False):
        result = converge(plane, check=check, state="absent", definition=named, labels=ours(place))
        assert actions(result) == ["skipped", "skipped", "none"]
        assert "llmd.tpu has not applied it, but kubectl-create" in result["objects"][0]["reason"]
        assert f"does not carry llmd.tpu/phase={place}" in result["objects"][1]["reason"]
    path = url(place, "configmaps", "foreign")
    assert json.dumps(plane.request("GET", path)) == json.dumps(foreign)


def test_a_namespace_with_something_foreign_stays_until_that_has_gone(
    plane: ControlPlane, place: str
) -> None:
    everything = [namespace(place), settings(place), deployment(place)]
    converge(plane, definition=everything, labels=ours(place))
    maps = f"/api/v1/namespaces/{place}/configmaps"
    for name in ("theirs", "left-by-a-controller", "kube-root-ca.crt"):
        create(plane, maps, settings(place, name))
    wishes: Object = {
        "state": "absent",
        "labels": ours(place),
        "prune": True,
        "leftovers": [{"kind": "ConfigMap", "name": "left-by-*"}],
    }
    for check in (True, False):
        result = converge(plane, check=check, **wishes)
        assert titles(result, "skipped") == [f"Namespace {place}"]
        assert titles(result, "pruned") == ["ConfigMap settings", "Deployment web"]
        reason = result["objects"][-1]["reason"]
        assert f"it holds what is not ours: ConfigMap {place}/theirs. " in reason
    assert sorted(o["metadata"]["name"] for o in plane.request("GET", maps)["items"]) == [
        "kube-root-ca.crt",
        "left-by-a-controller",
        "theirs",
    ]
    plane.request("DELETE", url(place, "configmaps", "theirs"))
    assert titles(converge(plane, check=True, **wishes), "pruned") == [f"Namespace {place}"]
    assert titles(converge(plane, **wishes), "pruned") == [f"Namespace {place}"]
    assert not there(plane, f"/api/v1/namespaces/{place}")


def test_a_namespace_that_somebody_else_made_stays(plane: ControlPlane, place: str) -> None:
    create(plane, "/api/v1/namespaces", namespace(place))
    converge(plane, definition=[namespace(place), settings(place)], labels=ours(place))
    wishes: Object = {"state": "absent", "labels": ours(place), "prune": True}
    for check in (True, False):
        result = converge(plane, check=check, **wishes)
        assert actions(result) == ["pruned", "skipped"]
        assert result["objects"][1]["reason"].startswith("kubectl-create made it")
    assert actions(converge(plane, definition=namespace(place))) == ["changed"]
    assert converge(plane, **wishes)["objects"] == []


def test_definitions_stay_unless_named_and_while_they_have_objects(
    plane: ControlPlane, place: str
) -> None:
    group = f"{place}.example.com"
    name = f"toys.{group}"
    converge(plane, definition=namespace(place))
    everything = [crd(group, "Toy"), custom(group, "Toy", place, "ours")]
    converge(plane, definition=everything, labels=ours(place))
    elsewhere = f"{place}-elsewhere"
    plane.request("POST", "/api/v1/namespaces", namespace(elsewhere))
    toys = f"/apis/{group}/v1/namespaces/{elsewhere}/toys"
    theirs = create(plane, toys, custom(group, "Toy", elsewhere, "theirs"))
    wishes: Object = {"state": "absent", "labels": ours(place), "prune": True}
    for check in (True, False):
        result = converge(plane, check=check, **wishes)
        assert titles(result, "pruned") == ["Toy ours"]
        assert f"when remove_crds names its group, {group}" in result["objects"][0]["reason"]
    wishes["remove_crds"] = [group]
    for check in (True, False):
        result = converge(plane, check=check, **wishes)
        assert actions(result) == ["skipped"]
        assert result["objects"][0]["reason"] == f"objects of it remain: Toy {elsewhere}/theirs"
    assert json.dumps(plane.request("GET", f"{toys}/theirs")) == json.dumps(theirs)
    plane.request("DELETE", f"{toys}/theirs")
    for check in (True, False):
        assert titles(converge(plane, check=check, **wishes), "pruned") == [
            f"CustomResourceDefinition {name}"
        ]
    assert not there(plane, definition_path(name))


def test_an_object_that_somebody_made_anew_meanwhile_stays(plane: ControlPlane, place: str) -> None:
    converge(plane, definition=[namespace(place), settings(place)], labels=ours(place))
    path = url(place, "configmaps", "settings")
    options = {"kubeconfig": str(plane.kubeconfig), "wait_timeout": 30}
    session = connect(options)
    send = session.send
    anew: list[Object] = []

    def meddled(method: str, *arguments: Any, **more: Any) -> Any:
        if method == "DELETE" and not anew:
            plane.request("DELETE", path)
            anew.append(create(plane, path.rpartition("/")[0], settings(place, a="theirs")))
        return send(method, *arguments, **more)

    session.send = meddled  # type: ignore[method-assign]
    wishes = {"state": "absent", "definition": settings(place), "labels": ours(place)}
    result = apply({**options, **wishes}, session, check=False)
    assert actions(result) == ["skipped"]
    assert "somebody made it anew" in result["objects"][0]["reason"]
    assert json.dumps(plane.request("GET", path)) == json.dumps(anew[0])


def test_fields_are_given_back_by_applying_the_bare_object(plane: ControlPlane, place: str) -> None:
    converge(plane, definition=namespace(place))
    bare: Object = {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": {"name": "default", "namespace": place},
    }
    path = f"/api/v1/namespaces/{place}/serviceaccounts"
    theirs = copy.deepcopy(bare)
    theirs["metadata"]["annotations"] = {"theirs": "x"}
    before = create(plane, path, theirs)
    converge(plane, definition={**bare, "imagePullSecrets": [{"name": "ours"}]})
    for check in (True, False):
        result = converge(plane, check=check, definition=bare)
        assert result["objects"][0]["fields"] == ["imagePullSecrets"]
    assert converge(plane, definition=bare)["writes"] == 0
    after = plane.request("GET", f"{path}/default")
    assert after["metadata"].pop("resourceVersion") != before["metadata"].pop("resourceVersion")
    assert json.dumps(after) == json.dumps(before)


# What hangs.


def test_what_hangs_is_named_and_keeps_its_controller(plane: ControlPlane, place: str) -> None:
    group = f"{place}.example.com"
    held = custom(group, "Toy", place, "held", finalizers=["example.com/keeper"])
    converge(plane, definition=namespace(place))
    everything = [crd(group, "Toy"), held, deployment(place)]
    converge(plane, definition=everything, labels=ours(place))
    wishes: Object = {
        "state": "absent",
        "labels": ours(place),
        "definition": everything,
        "remove_crds": [group],
    }
    result = attempt(plane, **wishes, wait_timeout=2)
    assert actions(result) == ["skipped", "failed", "skipped"]
    for words in ("after 2 s it is being deleted since", "held by example.com/keeper"):
        assert words in result["msg"]
    assert f"it may be what Toy {place}/held needs to go" in result["objects"][2]["reason"]
    assert there(plane, url(place, "deployments", "web"))

    path = f"/apis/{group}/v1/namespaces/{place}/toys/held"
    nothing = {"metadata": {"finalizers": None}}
    plane.request("PATCH", path, nothing, "application/merge-patch+json")
    assert actions(converge(plane, **wishes)) == ["deleted", "none", "deleted"]


def test_a_namespace_that_hangs_is_told_with_its_conditions(
    plane: ControlPlane, place: str
) -> None:
    converge(plane, definition=namespace(place), labels=ours(place))
    left = settings(place, "left")
    left["metadata"]["finalizers"] = ["example.com/keeper"]
    create(plane, f"/api/v1/namespaces/{place}/configmaps", left)
    wishes: Object = {
        "state": "absent",
        "definition": namespace(place),
        "leftovers": [{"kind": "ConfigMap"}],
    }
    attempt(plane, **wishes, wait_timeout=1)
    eventually(
        lambda: (
            "NamespaceFinalizersRemaining"
            in str(plane.request("GET", f"/api/v1/namespaces/{place}").get("status"))
        ),
        "the namespace controller, which begins after 5 s, says what it waits for",
    )
    result = attempt(plane, **wishes, wait_timeout=1)
    assert actions(result) == ["failed"]
    for words in ("held by kubernetes", "NamespaceFinalizersRemaining", "example.com/keeper"):
        assert words in result["msg"]
    predicted = converge(plane, check=True, **wishes)
    assert actions(predicted) == ["none"]
    assert predicted["objects"][0]["reason"] == "somebody asked to delete it before"
    nothing = {"metadata": {"finalizers": None}}
    path = url(place, "configmaps", "left")
    plane.request("PATCH", path, nothing, "application/merge-patch+json")


# What may not be seen.


def test_a_kind_without_permission_is_told_and_a_namespace_then_stays(
    plane: ControlPlane, place: str
) -> None:
    converge(plane, definition=[namespace(place), settings(place)], labels=ours(place))
    allowed = [
        {"apiGroups": ["*"], "resources": ["*"], "verbs": ["get"]},
        {"apiGroups": [""], "resources": ["configmaps", "namespaces"], "verbs": ["*"]},
    ]
    head = {"apiVersion": "rbac.authorization.k8s.io/v1"}
    role = {**head, "kind": "ClusterRole", "metadata": {"name": place}, "rules": allowed}
    binding = {
        **head,
        "kind": "ClusterRoleBinding",
        "metadata": {"name": place},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": place},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": place}],
    }
    converge(plane, definition=[role, binding])
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SubjectAccessReview",
        "spec": {"user": place, "resourceAttributes": {"verb": "list", "resource": "configmaps"}},
    }
    reviews = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
    eventually(
        lambda: plane.request("POST", reviews, review)["status"]["allowed"],
        "the API server knows of the role",
    )
    wishes: Object = {
        "state": "absent",
        "labels": ours(place),
        "prune": True,
        "impersonate_user": place,
    }
    for check in (True, False):
        result = converge(plane, check=check, **wishes)
        assert titles(result, "pruned") == ["ConfigMap settings"]
        assert titles(result, "skipped") == [f"Namespace {place}"]
        assert (
            "whether others have something in it cannot be seen" in result["objects"][1]["reason"]
        )
        assert len(result["warnings"]) == 1
        assert "the account may not list them" in result["warnings"][0]
        assert "Secret (v1)" in result["warnings"][0]
        assert "ConfigMap (v1)" not in result["warnings"][0]
    secret = {**settings(place, "s"), "kind": "Secret"}
    converge(plane, definition=secret)
    wishes["prune"] = False
    result = attempt(plane, **{**wishes, "labels": {}}, definition=secret)
    assert actions(result) == ["failed"]
    assert "403" in result["msg"]
