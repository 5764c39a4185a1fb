# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""`apply` with `state: absent` and `prune` on a real API server."""

from __future__ import annotations

import urllib.error
from typing import Any

import pytest

from tests.e2e.apply.control_plane import ControlPlane
from tests.e2e.apply.test_apply import deployment, namespace, settings
from tests.e2e.apply.words import actions, converge

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


def settled(plane: ControlPlane, path: str) -> Object:
    """An object as others see it."""
    live: Object = plane.request("GET", path)
    return live


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
