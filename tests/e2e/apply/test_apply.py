# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""`apply` on a real API server: created, repeated, changed, foreign owners, errors."""

from __future__ import annotations

import copy
import json
import time
import urllib.error
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.apply.control_plane import ControlPlane, free_port
from tests.e2e.apply.words import actions, attempt, converge, play
from tests.e2e.patience import eventually
from tests.sandbox import build

Object = dict[str, Any]


def namespace(name: str) -> Object:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


def settings(place: str, name: str = "settings", **data: str) -> Object:
    metadata = {"name": name, "namespace": place}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


def deployment(place: str, **container: Any) -> Object:
    labels = {"app": "web"}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "namespace": place},
        "spec": {
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": [{"name": "web", "image": "a:1", **container}]},
            },
        },
    }


@pytest.fixture
def place(plane: ControlPlane, request: pytest.FixtureRequest) -> str:
    name = f"t-{abs(hash(request.node.name)) % 10**8}"
    converge(plane, definition=namespace(name))
    return name


def url(place: str, plural: str, name: str) -> str:
    group = "/apis/apps/v1" if plural == "deployments" else "/api/v1"
    return f"{group}/namespaces/{place}/{plural}/{name}"


# The real manifests.


def test_the_real_overlay_twice(plane: ControlPlane, built: build.Built, overlay: Path) -> None:
    """cert-manager's, Istio's and Gateway API's CRDs, then KServe: first all, then nothing."""
    converge(plane, definition=namespace("opendatahub"))
    sources = [
        str(built.sources["gateway-api"] / "config" / "crd" / "standard"),
        str(
            built.sources["istio"] / "manifests" / "charts" / "base" / "files" / "crd-all.gen.yaml"
        ),
        str(overlay),
    ]
    certificates = cert_manager_crds(built)
    wishes: Object = {"namespace": "opendatahub", "labels": {"llmd.tpu/phase": "kserve"}}

    predicted = converge(plane, check=True, src=sources, definition=certificates, **wishes)
    assert set(actions(predicted)) == {"created"}
    assert plane.writes() == [uri for uri in plane.writes() if "namespaces" in uri]

    first = converge(plane, src=sources, definition=certificates, **wishes)
    assert actions(first) == actions(predicted)
    wait_for_aggregation(plane)

    before = len(plane.writes())
    second = converge(plane, src=sources, definition=certificates, **wishes)
    assert set(actions(second)) == {"none"}
    assert second["changed"] is False
    assert second["writes"] == 0
    checked = converge(plane, check=True, src=sources, definition=certificates, **wishes)
    assert set(actions(checked)) == {"none"}
    assert len(plane.writes()) == before


def cert_manager_crds(built: build.Built) -> str:
    """cert-manager's CRDs are templates of a chart, with nothing to fill in but labels."""
    folder = built.sources["cert-manager"] / "deploy" / "crds"
    texts = [file.read_text() for file in sorted(folder.glob("crd-*.yaml"))]
    lines = [line for text in texts for line in ["---", *text.splitlines()]]
    return "\n".join(line for line in lines if "{{" not in line)


def wait_for_aggregation(plane: ControlPlane) -> None:
    """Until the controller manager has filled the rules of the aggregated ClusterRole."""
    path = "/apis/rbac.authorization.k8s.io/v1/clusterroles/kserve-admin"
    deadline = time.monotonic() + 30
    while not plane.request("GET", path).get("rules"):
        assert time.monotonic() < deadline, "the ClusterRole was not aggregated"
        time.sleep(0.2)


# One object's life.


def test_create_repeat_change_repeat_each_in_check_mode_first(
    plane: ControlPlane, place: str
) -> None:
    old = settings(place, a="1", b="2")
    new = settings(place, a="1", b="3", c="4")
    for definition, action, fields in (
        (old, "created", []),
        (new, "changed", ["data.b", "data.c"]),
    ):
        predicted = converge(plane, check=True, definition=definition)["objects"][0]
        done = converge(plane, definition=definition)["objects"][0]
        assert (done["action"], done["fields"]) == (action, fields)
        assert (predicted["action"], predicted["fields"]) == (action, fields)
        assert actions(converge(plane, check=True, definition=definition)) == ["none"]
        assert converge(plane, definition=definition)["writes"] == 0
    assert plane.request("GET", url(place, "configmaps", "settings"))["data"] == new["data"]


def test_a_field_given_up_goes_away(plane: ControlPlane, place: str) -> None:
    converge(plane, definition=settings(place, a="1", b="2"))
    result = converge(plane, definition=settings(place, a="1"))
    assert result["objects"][0]["fields"] == ["data.b"]
    assert plane.request("GET", url(place, "configmaps", "settings"))["data"] == {"a": "1"}


def test_objects_in_namespaces_that_are_not_there_yet_are_predicted(plane: ControlPlane) -> None:
    definition = [settings("not-yet", a="1"), namespace("not-yet")]
    assert actions(converge(plane, check=True, definition=definition)) == ["created", "created"]
    assert actions(converge(plane, definition=definition)) == ["created", "created"]


def test_a_crd_and_its_object_in_one_list(plane: ControlPlane, place: str) -> None:
    crd = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "widgets.shop.example.com"},
        "spec": {
            "group": "shop.example.com",
            "names": {"kind": "Widget", "plural": "widgets"},
            "scope": "Namespaced",
            "versions": [
                {
                    "name": "v1",
                    "served": True,
                    "storage": True,
                    "schema": {
                        "openAPIV3Schema": {
                            "type": "object",
                            "properties": {
                                "spec": {
                                    "type": "object",
                                    "properties": {
                                        "size": {"type": "integer", "default": 3},
                                        "gateway": {"type": "object"},
                                    },
                                }
                            },
                        }
                    },
                }
            ],
        },
    }
    widget: Object = {
        "apiVersion": "shop.example.com/v1",
        "kind": "Widget",
        "metadata": {"name": "one", "namespace": place},
        "spec": {"gateway": {}},
    }
    definition = [widget, crd]
    assert actions(converge(plane, check=True, definition=definition)) == ["created", "created"]
    assert actions(converge(plane, definition=definition)) == ["created", "created"]
    assert converge(plane, definition=definition)["writes"] == 0
    misspelt = copy.deepcopy(widget)
    misspelt["spec"]["sise"] = 4
    assert "spec.sise" in attempt(plane, definition=misspelt)["msg"]


# Others' objects and fields.


def test_fields_of_others_stay_as_they_are(plane: ControlPlane, place: str) -> None:
    path = url(place, "deployments", "web")
    converge(plane, definition=deployment(place, env=[{"name": "OURS", "value": "1"}]))
    theirs = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "annotations": {"theirs": "x"}, "labels": {"team": "a"}},
        "spec": {
            "replicas": 3,
            "template": {
                "spec": {"containers": [{"name": "web", "env": [{"name": "THEIRS", "value": "2"}]}]}
            },
        },
    }
    plane.apply(path, theirs, "somebody")
    before = plane.request("GET", path)
    assert (
        converge(plane, definition=deployment(place, env=[{"name": "OURS", "value": "1"}]))[
            "writes"
        ]
        == 0
    )
    converge(plane, definition=deployment(place, env=[{"name": "OURS", "value": "9"}]))
    after = plane.request("GET", path)
    for live in (before, after):
        live["metadata"].pop("resourceVersion")
        live["metadata"].pop("generation")
        entries = live["metadata"].pop("managedFields")
        live["theirs"] = [entry for entry in entries if entry["manager"] == "somebody"]
    after["spec"]["template"]["spec"]["containers"][0]["env"][0]["value"] = "1"
    assert json.dumps(after, sort_keys=True) == json.dumps(before, sort_keys=True)


def test_a_conflict_and_the_two_ways_out(plane: ControlPlane, place: str) -> None:
    path = url(place, "configmaps", "settings")
    converge(plane, definition=settings(place, a="1"))
    hand = settings(place, a="by hand")
    plane.apply(path, hand, "kubectl-edit", force=True)
    for check in (True, False):
        result = attempt(plane, check=check, definition=settings(place, a="2"))
        assert result["failed"]
        for words in ("ConfigMap", "data.a", "kubectl-edit", "take_over"):
            assert words in result["msg"]
    assert plane.request("GET", path)["data"] == {"a": "by hand"}

    entry = {"kind": "ConfigMap", "name": "settings", "fields": ["data.a"]}
    predicted = converge(plane, check=True, definition=settings(place, a="2"), take_over=[entry])
    taken = converge(plane, definition=settings(place, a="2"), take_over=[entry])
    assert predicted["objects"][0]["fields"] == taken["objects"][0]["fields"] == ["data.a"]
    assert plane.request("GET", path)["data"] == {"a": "2"}

    plane.apply(path, hand, "kubectl-edit", force=True)
    forced = {"force_conflicts": True}
    assert actions(
        converge(plane, definition=settings(place, a="2"), server_side_apply=forced)
    ) == ["changed"]


def test_a_newer_crd_of_somebody_else_is_left_alone(
    plane: ControlPlane, built: build.Built
) -> None:
    folder = built.sources["inference-extension"] / "config" / "crd" / "bases"
    source = str(folder / "inference.networking.k8s.io_inferencepools.yaml")
    name = "inferencepools.inference.networking.k8s.io"
    path = f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{name}"
    converge(plane, src=[source], server_side_apply={"force_conflicts": True})
    annotation = {"metadata": {"annotations": {"inference.networking.k8s.io/bundle-version": "v9"}}}
    plane.request("PATCH", path + "?fieldManager=helm", annotation, "application/merge-patch+json")
    eventually(
        lambda: "Established" in str(plane.request("GET", path).get("status")),
        "the CRD is established",
    )
    before = plane.request("GET", path)["spec"]
    for check in (True, False):
        result = converge(plane, check=check, src=[source])
        assert actions(result) == ["skipped"]
        assert "installed is bundle v9" in result["objects"][0]["reason"]
        assert result["changed"] is False
    assert plane.request("GET", path)["spec"] == before


# Trouble.


def test_one_bad_object_hides_no_other(plane: ControlPlane, place: str) -> None:
    bad = {**settings(place, "bad"), "dataa": {}}
    broken = deployment(place, imagePullPolicy="Sometimes")
    result = attempt(plane, definition=[bad, broken, settings(place, "good", a="1")])
    assert actions(result) == ["failed", "failed", "created"]
    assert ".dataa: field not declared in schema" in result["msg"]
    assert "imagePullPolicy" in result["msg"]
    assert "2 of 3 objects failed (1 created, 2 failed)" in result["msg"]


def test_a_missing_namespace_and_a_missing_kind(plane: ControlPlane) -> None:
    result = attempt(plane, definition=settings("nowhere", a="1"))
    assert "Add the Namespace to the list" in result["msg"]
    thing = {"apiVersion": "no.such/v1", "kind": "Thing", "metadata": {"name": "x"}}
    result = attempt(plane, definition=thing, wait_timeout=1)
    assert "no matches for kind Thing in no.such/v1" in result["msg"]


def test_secrets_are_in_no_output(plane: ControlPlane, place: str) -> None:
    def secret(value: str) -> Object:
        metadata = {"name": "s", "namespace": place}
        text = {"password": value}
        return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": text}

    results = [
        converge(plane, check=check, definition=secret(value))
        for value in ("hunter2-old", "hunter2-new")
        for check in (True, False)
    ]
    assert [result["changed"] for result in results] == [True] * 4
    assert results[3]["objects"][0]["fields"] == ["data.password"]
    assert "hunter2" not in json.dumps(results)
    assert "aHVudGVyMi" not in json.dumps(results)
    stored = plane.request("GET", url(place, "secrets", "s"))["data"]["password"]
    assert stored == "aHVudGVyMi1uZXc="


# Through Ansible itself.


def test_ansible_runs_it_in_the_controller_and_as_a_module(
    plane: ControlPlane, place: str, tmp_path: Path
) -> None:
    options = {"kubeconfig": str(plane.kubeconfig)}
    secret = {**settings(place, "s"), "kind": "Secret", "data": {"a": "aHVudGVyMg=="}}
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "one.yaml").write_text(json.dumps(settings(place, a="1")))
    target = {"ansible_python_interpreter": "{{ ansible_playbook_python }}"}
    wait = {"objects": [{"api_version": "v1", "kind": "Namespace", "name": place}], **options}
    tasks: list[Object] = [
        {"llmd.tpu.apply": {"src": "one.yaml", **options}},
        {
            "llmd.tpu.apply": {"src": "one.yaml"},
            "environment": {"K8S_AUTH_KUBECONFIG": options["kubeconfig"]},
        },
        {"llmd.tpu.apply": {"definition": secret, **options}, "become": True, "vars": target},
        {"llmd.tpu.wait_ready": wait},
        {
            "llmd.tpu.wait_ready": wait,
            "become": True,
            "vars": {**target, "ansible_become_method": "su"},
        },
    ]
    results, output = play(tmp_path, tasks, "-vvv", "--diff")
    assert [result["changed"] for result in results] == [True, False, True, False, False]
    assert results[3]["objects"][0]["ready"] is True
    assert "hunter2" not in output
    assert "aHVudGVyMg" not in output


def test_trouble_in_words_and_at_once(plane: ControlPlane, tmp_path: Path) -> None:
    good = plane.kubeconfig.read_text()
    dead, stranger = tmp_path / "dead", tmp_path / "stranger"
    dead.write_text(good.replace(str(plane.port), str(free_port())))
    stranger.write_text(good.replace("token: ", "token: not-"))
    missing, garbage = tmp_path / "missing", tmp_path / "garbage"
    garbage.write_text("token: {{{")
    one = {"definition": namespace("x")}
    cases: list[tuple[Object, str]] = [
        ({**one, "kubeconfig": str(missing)}, f"{missing} does not exist"),
        ({**one, "kubeconfig": str(garbage)}, "is not YAML"),
        ({**one, "kubeconfig": str(plane.kubeconfig), "context": "x"}, "It has: tests"),
        ({**one, "kubeconfig": str(dead)}, "no API server answers at https://127.0.0.1:"),
        ({**one, "kubeconfig": str(stranger)}, "refused the credentials (401 Unauthorized)"),
        ({"definition": "a: [", "kubeconfig": str(plane.kubeconfig)}, "not YAML"),
        ({**one, "prune": True, "kubeconfig": str(plane.kubeconfig)}, "prune needs labels"),
        ({"definitoin": {}}, "Unsupported parameters"),
    ]
    tasks = [{"llmd.tpu.apply": params, "ignore_errors": True} for params, _words in cases]
    tasks.append({"llmd.tpu.apply": one, "async": 5, "ignore_errors": True})
    started = time.monotonic()
    attempt(plane, definition=one["definition"], kubeconfig=str(dead))
    assert time.monotonic() - started < 20  # a first contact is not waited for as long as a later
    results, _output = play(tmp_path, tasks)
    for result, (_params, words) in zip(results, cases, strict=False):
        assert words in result["msg"]
    assert "async" in results[-1]["msg"]
    with pytest.raises(urllib.error.HTTPError):
        plane.request("GET", "/api/v1/namespaces/x")
