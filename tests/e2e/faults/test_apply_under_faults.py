# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""`apply` while the way to the API server, or the API server, fails: it converges, or says why.

Every test proves that its fault happened before it looks at the result.
"""

from __future__ import annotations

import json
import subprocess
import threading
import time
import urllib.error
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.llmd.tpu.plugins.module_utils import connection
from ansible_collections.llmd.tpu.plugins.module_utils.manifests import retry
from ansible_collections.llmd.tpu.plugins.module_utils.manifests.apply import apply

from tests.e2e.apply.control_plane import ControlPlane
from tests.e2e.faults.proxy import Proxy, Rule
from tests.e2e.patience import eventually

Object = dict[str, Any]
SPREAD = 4  # objects of each kind


@pytest.fixture
def place(plane: ControlPlane, request: pytest.FixtureRequest) -> Iterator[str]:
    """A namespace's name; in it something of somebody else, who finds it again as it was."""
    name = f"f-{abs(hash(request.node.name)) % 10**8}"
    plane.request("POST", "/api/v1/namespaces", {"metadata": {"name": name}})
    theirs = _object("v1", "ConfigMap", name, "theirs", data={"a": "1"}, labels={"team": "a"})
    stranger = _object("v1", "ConfigMap", name, "settings-0", data={"theirs": "x"})
    stranger["metadata"]["labels"] = {"team": "a"}
    plane.apply(_path(name, "theirs"), theirs, "somebody")
    plane.apply(_path(name, "settings-0"), stranger, "somebody")
    before = _theirs(plane, name)
    yield name
    assert _theirs(plane, name) == before
    plane.request("DELETE", f"/api/v1/namespaces/{name}")


def _path(place: str, name: str) -> str:
    return f"/api/v1/namespaces/{place}/configmaps/{name}"


def _theirs(plane: ControlPlane, place: str) -> str:
    """All that somebody owns: a whole object, and its fields of an object that is ours too."""
    whole = plane.request("GET", _path(place, "theirs"))
    shared = plane.request("GET", _path(place, "settings-0"))
    entries = shared["metadata"]["managedFields"]
    fields = [entry for entry in entries if entry["manager"] == "somebody"]
    values = [shared["data"]["theirs"], shared["metadata"]["labels"]["team"]]
    return json.dumps([whole, fields, values], sort_keys=True)


def _object(api_version: str, kind: str, place: str, name: str, **content: Any) -> Object:
    labels = content.pop("labels", {})
    metadata = {"name": name, "namespace": place, "labels": labels}
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, **content}


def objects(place: str) -> list[Object]:
    """Sixteen objects of four kinds."""
    rules = [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]
    roles = "rbac.authorization.k8s.io/v1"
    return [
        each
        for number in range(SPREAD)
        for each in (
            _object("v1", "ConfigMap", place, f"settings-{number}", data={"ours": str(number)}),
            _object("v1", "Secret", place, f"secret-{number}", stringData={"key": "hunter2"}),
            _object("v1", "ServiceAccount", place, f"account-{number}"),
            _object(roles, "Role", place, f"role-{number}", rules=rules),
        )
    ]


def run(
    kubeconfig: Path,
    definition: list[Object],
    patience: float = connection.READ_SECONDS,
    **more: Any,
) -> Object:
    """The task's result, failed or not, without a secret in it."""
    options = {"kubeconfig": str(kubeconfig), "wait_timeout": 60, "definition": definition, **more}
    result = apply(options, connection.connect(options, patience), check=False)
    assert "hunter2" not in json.dumps(result)
    assert "Traceback" not in json.dumps(result)
    return result


def assert_converged(plane: ControlPlane, place: str, kubeconfig: Path) -> None:
    """A further run changes nothing, and every object is there once."""
    again = run(kubeconfig, objects(place))
    assert not again.get("failed"), again["msg"]
    assert (again["changed"], again["writes"]) == (False, 0)
    for plural, names in (
        ("configmaps", [f"settings-{number}" for number in range(SPREAD)] + ["theirs"]),
        ("secrets", [f"secret-{number}" for number in range(SPREAD)]),
        ("serviceaccounts", [f"account-{number}" for number in range(SPREAD)]),
    ):
        found = plane.request("GET", f"/api/v1/namespaces/{place}/{plural}")["items"]
        assert sorted(each["metadata"]["name"] for each in found) == sorted(names)


@pytest.mark.parametrize("fault", [409, 429, 500, 503, 504, "drop", "lose", "hang"])
@pytest.mark.parametrize("method", ["GET", "PATCH"])
def test_a_passing_fault_is_waited_for(
    plane: ControlPlane, way: Proxy, faulty: Path, place: str, fault: int | str, method: str
) -> None:
    with way.under(Rule(fault, method, place, first=3, times=2)) as (rule,):
        # Only who hears nothing has to lose patience.
        patience = 3.0 if fault == "hang" else connection.READ_SECONDS
        result = run(faulty, objects(place), patience)
        assert rule.fired == 2
    assert not result.get("failed"), result["msg"]
    assert result["retries"] >= 2
    assert_converged(plane, place, plane.kubeconfig)


@pytest.mark.parametrize("fault", [429, 500, "drop"])
def test_a_fault_at_first_contact_is_waited_for(
    plane: ControlPlane, way: Proxy, faulty: Path, place: str, fault: int | str
) -> None:
    with way.under(Rule(fault, "GET", "^/apis?$", times=2)) as (rule,):
        result = run(faulty, objects(place))
        assert rule.fired == 2
    assert not result.get("failed"), result["msg"]
    assert result["retries"] == 2
    assert_converged(plane, place, plane.kubeconfig)


def test_a_fault_that_stays_is_said_and_hides_no_other_object(
    plane: ControlPlane, way: Proxy, faulty: Path, place: str
) -> None:
    with way.under(Rule(500, "PATCH", "secret-2", times=10**6)) as (rule,):
        result = run(faulty, objects(place), wait_timeout=1)
        assert rule.fired > 1
    assert result["failed"]
    assert "Secret" in result["msg"]
    assert "secret-2" in result["msg"]
    assert "etcdserver: leader changed" in result["msg"]
    assert [each["name"] for each in result["objects"] if each["action"] == "failed"] == [
        "secret-2"
    ]
    again = run(faulty, objects(place))
    assert [each["name"] for each in again["objects"] if each["action"] != "none"] == ["secret-2"]
    assert_converged(plane, place, plane.kubeconfig)


def test_the_api_server_dies_and_comes_back(
    plane: ControlPlane,
    way: Proxy,
    faulty: Path,
    place: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # A busy machine takes longer to start one than an API server that is replaced is away.
    monkeypatch.setattr(retry, "TROUBLE_SECONDS", 120.0)
    number = next(n for n, each in enumerate(plane.processes) if _is_api_server(each))
    killed = plane.processes[number]

    def kill() -> None:
        killed.kill()
        killed.wait()
        log = (plane.folder / "kube-apiserver.log").open("ab")
        plane.processes[number] = subprocess.Popen(killed.args, stdout=log, stderr=log)

    with way.under(Rule("call", "PATCH", place, first=7, action=kill)) as (rule,):
        result = run(faulty, objects(place), wait_timeout=120)
        assert rule.fired == 1
    assert killed.returncode == -9
    assert not result.get("failed"), result["msg"]
    assert result["retries"] > 0
    assert_converged(plane, place, plane.kubeconfig)


def _is_api_server(process: subprocess.Popen[bytes]) -> bool:
    assert isinstance(process.args, list)
    return str(process.args[0]).endswith("kube-apiserver")


def test_a_webhook_is_down_until_later(
    plane: ControlPlane, way: Proxy, faulty: Path, place: str
) -> None:
    path = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations"
    webhook = {
        "name": "down.example.com",
        "clientConfig": {"service": {"namespace": place, "name": "nobody"}},
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": place}},
        "rules": [
            {
                "apiGroups": [""],
                "apiVersions": ["v1"],
                "operations": ["*"],
                "resources": ["secrets"],
            }
        ],
        "sideEffects": "None",
        "admissionReviewVersions": ["v1"],
    }
    plane.request("POST", path, {"metadata": {"name": place}, "webhooks": [webhook]})
    while not _is_down(plane, place):
        time.sleep(0.1)
    up = Rule(
        "call",
        "PATCH",
        f"{place}/secrets",
        first=SPREAD + 3,  # each has been refused, some twice
        action=lambda: plane.request("DELETE", f"{path}/{place}"),
    )
    with way.under(up):
        result = run(faulty, objects(place))
        assert up.fired == 1
    assert not result.get("failed"), result["msg"]
    assert result["retries"] >= SPREAD
    assert_converged(plane, place, plane.kubeconfig)


def _is_down(plane: ControlPlane, place: str) -> bool:
    """Whether the webhook's absence is felt; the API server learns of a webhook a moment later."""
    path = f"/api/v1/namespaces/{place}/secrets?dryRun=All"
    try:
        plane.request("POST", path, {"metadata": {"name": "probe"}})
    except urllib.error.HTTPError as problem:
        return b"failed calling webhook" in problem.read()
    return False


CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"


def widgets(place: str) -> list[Object]:
    """An object, and the CRD that it needs."""
    group = f"{place}.example.com"
    return [
        _object(f"{group}/v1", "Widget", place, "one", spec={"size": 3}),
        _crd(group, "widgets"),
    ]


def assert_one_widget(plane: ControlPlane, place: str) -> None:
    again = run(plane.kubeconfig, widgets(place))
    assert not again.get("failed"), again["msg"]
    assert (again["changed"], again["writes"]) == (False, 0), again["objects"]
    found = plane.request("GET", f"/apis/{place}.example.com/v1/widgets")["items"]
    assert [each["metadata"]["name"] for each in found] == ["one"]


def test_a_crd_is_served_late(plane: ControlPlane, way: Proxy, faulty: Path, place: str) -> None:
    """The API server knows no such path yet, neither to read nor to write."""
    late = Rule(404, "GET|PATCH", f"/apis/{place}.example.com/v1/", times=12)
    with way.under(late):
        result = run(faulty, widgets(place))
        assert late.fired == 12
    assert not result.get("failed"), result["msg"]
    assert_one_widget(plane, place)


def test_a_crd_is_not_established(plane: ControlPlane, place: str) -> None:
    """Another CRD holds the kind's name: said, and once it is gone the next run converges."""
    blocker = f"blockers.{place}.example.com"
    plane.request("POST", CRDS, _crd(f"{place}.example.com", "blockers"))
    while _conditions(plane, blocker).get("Established") != "True":
        time.sleep(0.1)
    result = run(plane.kubeconfig, widgets(place), wait_timeout=5)
    assert _conditions(plane, f"widgets.{place}.example.com")["NamesAccepted"] == "False"
    assert result["failed"]
    assert "Widget" in result["msg"]
    plane.request("DELETE", f"{CRDS}/{blocker}")
    # Until it is gone the kind is still its own, and what is made of it goes with it.
    eventually(lambda: not _is_there(plane, f"{CRDS}/{blocker}"), "the blocker is gone")
    again = run(plane.kubeconfig, widgets(place))
    assert not again.get("failed"), again["msg"]
    assert_one_widget(plane, place)


def _is_there(plane: ControlPlane, path: str) -> bool:
    try:
        plane.request("GET", path)
    except urllib.error.HTTPError as problem:
        if problem.code != 404:
            raise
        return False
    return True


def _conditions(plane: ControlPlane, name: str) -> dict[str, str]:
    status = plane.request("GET", f"{CRDS}/{name}").get("status") or {}
    return {each["type"]: each["status"] for each in status.get("conditions") or ()}


def _crd(group: str, plural: str) -> Object:
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{group}"},
        "spec": {
            "group": group,
            "scope": "Namespaced",
            "names": {"kind": "Widget", "plural": plural},
            "versions": [version],
        },
    }


def test_two_runs_at_once(plane: ControlPlane, way: Proxy, faulty: Path, place: str) -> None:
    """Neither writes this object before the other wants to, too: both have read that it is not."""
    meeting = threading.Barrier(2, timeout=30)
    results: list[Object] = []
    rule = Rule("call", "PATCH", f"{place}/configmaps/settings-1", times=2, action=meeting.wait)
    with way.under(rule):
        one = threading.Thread(target=lambda: results.append(run(faulty, objects(place))))
        two = threading.Thread(target=lambda: results.append(run(faulty, objects(place))))
        for thread in (one, two):
            thread.start()
        for thread in (one, two):
            thread.join(90)
        assert rule.fired == 2
    assert len(results) == 2
    for result in results:
        assert not result.get("failed"), result["msg"]
    assert_converged(plane, place, plane.kubeconfig)
