# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Phase kserve changes what it is asked to, says so before, refuses what it must, and goes back."""

from __future__ import annotations

import hashlib
import json
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.site.playbooks import Run, play
from tests.sandbox.harness import Sandbox

OURS = "llmd.tpu"
SERVICE = "llmisvc-controller-manager-service"
PATCHED: dict[str, Any] = {
    "kserve_patches": [
        {
            "target": {"kind": "Service", "name": SERVICE},
            "patch": '[{"op": "add", "path": "/metadata/annotations", "value": {"team": "a"}}]',
        }
    ]
}


def changes(run: Run) -> set[tuple[str, str, str]]:
    """Action, kind and name of every object that a run changed or would change."""
    assert run.code == 0, run.output[-6000:]
    return {
        (one["action"], one["kind"], one["name"])
        for _task, result in run.results
        for one in result.get("objects", ())
        if one.get("action") not in (None, "none", "skipped")
    }


def writes(sandbox: Sandbox, start: int) -> list[str]:
    return [f"{each.verb} {each.uri}" for each in sandbox.requests_by(OURS, start) if each.is_write]


def kserve(sandbox: Sandbox, check: bool = False, **inputs: Any) -> Run:
    return play(sandbox.folder, "kserve", inputs=inputs, check=check)


def refused(sandbox: Sandbox, *words: str, **inputs: Any) -> None:
    start = sandbox.position()
    run = kserve(sandbox, **inputs)
    assert run.code == 2, run.output[-4000:]
    for word in words:
        assert word in run.text
    assert writes(sandbox, start) == []


def test_a_patch_is_predicted_made_kept_and_taken_back(lived: Sandbox, tmp_path: Path) -> None:
    leftover = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": "of-an-earlier-version",
            "namespace": "opendatahub",
            "labels": {"llmd.tpu/phase": "kserve"},
        },
    }
    start = lived.position()
    predicted = changes(kserve(lived, check=True, **PATCHED))
    assert predicted == {("changed", "Service", SERVICE)}
    assert writes(lived, start) == []

    assert changes(kserve(lived, **PATCHED)) == predicted
    service = lived.get("service", SERVICE, "--namespace=opendatahub")
    assert service["metadata"]["annotations"] == {"team": "a"}
    again = kserve(lived, **PATCHED)
    assert (changes(again), again.count("changed")) == (set(), 0)

    manifest = tmp_path / "leftover.json"
    manifest.write_text(json.dumps(leftover))
    lived.kubectl("apply", "--server-side", f"--field-manager={OURS}", f"--filename={manifest}")
    assert changes(kserve(lived)) == {
        ("changed", "Service", SERVICE),
        ("pruned", "ConfigMap", "of-an-earlier-version"),
    }
    assert kserve(lived, check=True).count("changed") == 0


def test_the_same_manifests_from_an_archive(lived: Sandbox, tmp_path: Path) -> None:
    archive = tmp_path / "kserve.tar.gz"
    with tarfile.open(archive, "w:gz", compresslevel=1) as tar:
        tar.add(Path(lived.description["sources"]["kserve"]).resolve() / "config", "kserve/config")
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    inputs = {"kserve_cache_dir": str(tmp_path / "cache")}
    wrong = f"{archive}#sha256={'0' * 64}"
    refused(lived, f"has the SHA-256 {digest}", kserve_manifests=wrong, **inputs)
    run = kserve(lived, check=True, kserve_manifests=f"{archive}#sha256={digest}", **inputs)
    assert changes(run) == set()


def test_what_is_refused_on_a_cluster_that_has_kserve(lived: Sandbox) -> None:
    refused(lived, "KSERVE-DOWNGRADE", "v1alpha2", kserve_track="release-v0.15")
    refused(lived, "KSERVE-SERVICES-EXIST", "qwen2-3b-pattern1", kserve_state="absent")


@pytest.fixture
def upstream(lived: Sandbox) -> Iterator[None]:
    """A controller of upstream's KServe, in its namespace; without pods."""
    labels = {"control-plane": "kserve-controller-manager"}
    pod = {"containers": [{"name": "manager", "image": "kserve/kserve-controller:v0.15.2"}]}
    lived.apply(
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "kserve"}},
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {
                "name": "kserve-controller-manager",
                "namespace": "kserve",
                "labels": labels,
            },
            "spec": {
                "replicas": 0,
                "selector": {"matchLabels": labels},
                "template": {"metadata": {"labels": labels}, "spec": pod},
            },
        },
    )
    yield
    lived.kubectl("delete", "namespace", "kserve", "--wait=false")
    lived.kubectl("delete", "deployments", "--all", "--namespace=kserve")


@pytest.mark.usefixtures("upstream")
def test_another_kserve_is_refused_in_words(lived: Sandbox) -> None:
    refused(
        lived,
        "KSERVE-FOREIGN",
        "Deployment kserve/kserve-controller-manager",
        kserve_adopt=True,
    )


@pytest.fixture
def late_definition(lived: Sandbox) -> Iterator[str]:
    """A CRD that the controller watches when it is there at its start."""
    name = "leaderworkersets.leaderworkerset.x-k8s.io"
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    lived.apply(
        {
            "apiVersion": "apiextensions.k8s.io/v1",
            "kind": "CustomResourceDefinition",
            "metadata": {"name": name},
            "spec": {
                "group": "leaderworkerset.x-k8s.io",
                "scope": "Namespaced",
                "names": {"kind": "LeaderWorkerSet", "plural": "leaderworkersets"},
                "versions": [{"name": "v1", "served": True, "storage": True, "schema": schema}],
            },
        }
    )
    yield name
    lived.kubectl("delete", "customresourcedefinition", name)


def test_the_controller_would_be_started_anew_for_a_late_definition(
    lived: Sandbox, late_definition: str
) -> None:
    run = kserve(lived, check=True)
    assert changes(run) == {("changed", "Deployment", "llmisvc-controller-manager")}
    assert any(late_definition in str(result.get("restart")) for _task, result in run.results)
