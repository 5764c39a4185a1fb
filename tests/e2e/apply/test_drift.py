# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What `--check --diff` shows of a cluster that has drifted is what the run then does."""

from __future__ import annotations

import json
import re
import urllib.error
from typing import Any

import pytest

from tests.e2e.apply.control_plane import ControlPlane
from tests.e2e.apply.test_apply import deployment, namespace, settings, url
from tests.e2e.apply.words import converge, play

Object = dict[str, Any]
RBAC = "/apis/rbac.authorization.k8s.io/v1"


def wished(place: str) -> list[Object]:
    """A small application: objects of seven kinds."""
    head = {"name": place, "namespace": place}
    rules = [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]
    rbac = {"apiVersion": "rbac.authorization.k8s.io/v1"}
    ports = [{"name": "http", "port": 80, "targetPort": 8000}]
    secret = {**settings(place, "s"), "kind": "Secret", "stringData": {"key": "hunter2-ours"}}
    secret.pop("data")
    return [
        namespace(place),
        settings(place, a="1", b="2"),
        settings(place, "calm", a="1"),
        deployment(
            place,
            env=[{"name": "LEVEL", "value": "info"}, {"name": "HF_TOKEN", "value": "hunter2-ours"}],
        ),
        {"apiVersion": "v1", "kind": "Service", "metadata": head, "spec": {"ports": ports}},
        secret,
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": head},
        {**rbac, "kind": "ClusterRole", "metadata": {"name": place}, "rules": rules},
    ]


def drift(plane: ControlPlane, place: str) -> None:
    """What people do by hand, each in a way that leaves the field to be taken over or not."""

    def patch(path: str, change: Object) -> None:
        query = "?fieldManager=kubectl-edit"
        plane.request("PATCH", path + query, change, "application/merge-patch+json")

    patch(url(place, "configmaps", "settings"), {"data": {"b": "by hand", "theirs": "x"}})
    plane.request(
        "PATCH",
        url(place, "deployments", "web") + "?fieldManager=kubectl-edit",
        [
            {"op": "replace", "path": f"/spec/template/spec/containers/0/{field}", "value": value}
            for field, value in (("image", "a:2"), ("env/1/value", "hunter2-theirs"))
        ],
        "application/json-patch+json",
    )
    ports = [{"name": "http", "port": 80, "targetPort": 9000}]
    patch(url(place, "services", place), {"spec": {"ports": ports}, "metadata": {"labels": None}})
    patch(f"/api/v1/namespaces/{place}/secrets/s", {"data": {"key": "aHVudGVyMi10aGVpcnM="}})
    patch(f"{RBAC}/clusterroles/{place}", {"rules": []})
    plane.request("DELETE", f"/api/v1/namespaces/{place}/serviceaccounts/{place}")


def live(plane: ControlPlane, place: str) -> dict[str, Object | None]:
    """The objects as they are, by the title that the diff gives them."""
    paths = {
        f"ConfigMap {place}/settings": url(place, "configmaps", "settings"),
        f"ConfigMap {place}/calm": url(place, "configmaps", "calm"),
        f"ConfigMap {place}/old": url(place, "configmaps", "old"),
        f"Deployment {place}/web": url(place, "deployments", "web"),
        f"Service {place}/{place}": url(place, "services", place),
        f"Secret {place}/s": f"/api/v1/namespaces/{place}/secrets/s",
        f"ServiceAccount {place}/{place}": f"/api/v1/namespaces/{place}/serviceaccounts/{place}",
        f"ClusterRole {place}": f"{RBAC}/clusterroles/{place}",
    }
    found: dict[str, Object | None] = {}
    for title, path in paths.items():
        try:
            found[title] = plane.request("GET", path)
        except urllib.error.HTTPError:
            found[title] = None
    return found


def at(body: Object | None, field: str) -> Any:
    """The value of a field as the diff spells it; items of lists by number or by their keys."""
    node: Any = body
    for name, inner in re.findall(r"([^.\[\]]+)|\[([^\]]+)\]", field):
        if isinstance(node, list) and inner.isdigit():
            node = node[int(inner)]
        elif isinstance(node, list):
            keys = dict(pair.split("=") for pair in inner.split(","))
            node = next((i for i in node if all(str(i.get(k)) == v for k, v in keys.items())), None)
        else:
            node = (node or {}).get(name or inner)
    return node


def entries(result: Object) -> list[Object]:
    """What the result says of each object, without what differs from run to run."""
    return [{k: v for k, v in entry.items() if k != "milliseconds"} for entry in result["objects"]]


@pytest.fixture(scope="module")
def transcript(
    plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Object, Object, dict[str, Object | None], dict[str, Object | None], str]:
    """Check and diff, then the run, by Ansible; the objects before and after; all output."""
    place, folder = "drifted", tmp_path_factory.mktemp("drift")
    labels = {"llmd.tpu/phase": place}
    converge(plane, definition=[*wished(place), settings(place, "old")], labels=labels)
    drift(plane, place)
    task = {
        "llmd.tpu.apply": {
            "kubeconfig": str(plane.kubeconfig),
            "definition": wished(place),
            "labels": labels,
            "prune": True,
            "server_side_apply": {"force_conflicts": True},
        }
    }
    before = live(plane, place)
    writes = len(plane.writes())
    [checked], shown = play(folder, [task], "--check", "--diff")
    assert len(plane.writes()) == writes
    assert live(plane, place) == before
    [done], more = play(folder, [task], "--diff")
    after = live(plane, place)
    [again], _output = play(folder, [task], "--check", "--diff")
    assert again["changed"] is False
    assert again["diff"] == []
    return checked, done, before, after, shown + more


Transcript = tuple[Object, Object, dict[str, Object | None], dict[str, Object | None], str]


def test_check_says_of_each_object_what_the_run_does(transcript: Transcript) -> None:
    checked, done, _before, _after, _output = transcript
    assert entries(checked) == entries(done)
    assert checked["diff"] == done["diff"]
    assert (checked["writes"], done["writes"]) == (0, 7)
    happened = {f"{e['kind']} {e['name']}": (e["action"], e["fields"]) for e in entries(done)}
    image = "spec.template.spec.containers[name=web]"
    assert happened == {
        "Namespace drifted": ("none", []),
        "ConfigMap settings": ("changed", ["data.b"]),
        "ConfigMap calm": ("none", []),
        "ConfigMap old": ("pruned", []),
        "Deployment web": ("changed", [f"{image}.env[name=HF_TOKEN].value", f"{image}.image"]),
        "Service drifted": (
            "changed",
            ["metadata.labels[llmd.tpu/phase]", "spec.ports[port=80,protocol=TCP].targetPort"],
        ),
        "Secret s": ("changed", ["data.key"]),
        "ServiceAccount drifted": ("created", []),
        "ClusterRole drifted": ("changed", ["rules"]),
    }


def test_the_diff_shows_what_was_there_and_what_is_there(transcript: Transcript) -> None:
    _checked, done, before, after, _output = transcript
    shown = {entry["before_header"].removesuffix(" (live)"): entry for entry in done["diff"]}
    for title in before:
        if title not in shown:
            assert json.dumps(before[title]) == json.dumps(after[title])
            continue
        entry = shown[title]
        for side, bodies in (("before", before), ("after", after)):
            for field, value in entry[side].items():
                if field not in ("metadata", "******") and "********" not in str(value):
                    assert at(bodies[title], field) == value, (title, field)
    old, now = before["ConfigMap drifted/settings"], after["ConfigMap drifted/settings"]
    assert old is not None
    assert now is not None
    assert now["data"] == {**old["data"], "b": "2"}
    assert after["ConfigMap drifted/old"] is None
    assert after["ServiceAccount drifted/drifted"] is not None


def test_the_transcript_holds_no_secret(transcript: Transcript) -> None:
    output = transcript[-1]
    assert "HF_TOKEN" in output
    for secret in ("hunter2", "aHVudGVyMi"):
        assert secret not in output
