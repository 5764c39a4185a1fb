# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Phase operators from the projects' own charts, beside a cert-manager of others, and removed."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.clusters import cluster_after, empty_cluster
from tests.e2e.site.playbooks import Run, play
from tests.sandbox.harness import Sandbox

GROUPS = ["sailoperator.io", "cert-manager.io", "acme.cert-manager.io", "networking.istio.io"]
COMMUNITY = {"operators_distribution": "community"}
OURS = "llmd.tpu"


def done(run: Run) -> Run:
    """A run that worked."""
    assert run.code == 0, run.output[-6000:]
    return run


@pytest.fixture(scope="module")
def community() -> Iterator[Sandbox]:
    """A sandbox on which phase operators has run with the projects' own charts."""
    with empty_cluster("community") as sandbox:
        predicted = done(play(sandbox.folder, "operators", "--check", inputs=COMMUNITY))
        assert predicted.count("changed") > 0
        done(play(sandbox.folder, "operators", inputs=COMMUNITY))
        yield sandbox


def images(sandbox: Sandbox, namespace: str) -> set[str]:
    """The images of a namespace's pods."""
    pods = sandbox.get("pods", f"--namespace={namespace}")["items"]
    return {one["image"] for pod in pods for one in pod["spec"]["containers"]}


def test_the_projects_own_charts_need_no_pull_secret(community: Sandbox) -> None:
    assert images(community, "istio-system") == {"gcr.io/istio-release/pilot:1.28.3"}
    assert images(community, "sail-operator") == {"quay.io/sail-dev/sail-operator:1.28.3"}
    assert all(one.startswith("quay.io/jetstack/") for one in images(community, "cert-manager"))
    secrets = community.kubectl("get", "secrets", "--all-namespaces", "--output=name")
    assert "pull-secret" not in secrets
    again = done(play(community.folder, "operators", inputs=COMMUNITY))
    assert again.changed_tasks == []


def test_the_other_distribution_is_refused(community: Sandbox) -> None:
    run = play(community.folder, "operators")
    assert run.code == 2
    assert "OPERATORS-OTHER-DISTRIBUTION" in run.text


def test_a_version_that_serves_no_pools_is_refused(community: Sandbox) -> None:
    run = play(
        community.folder, "operators", inputs={**COMMUNITY, "operators_istio_version": "v1.26.2"}
    )
    assert run.code == 2
    assert "no InferencePool code" in run.text


def test_it_is_removed_and_nothing_of_others_is(community: Sandbox) -> None:
    foreign = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "theirs"}}
    community.apply({**foreign, "metadata": {"name": "theirs", "namespace": "default"}})
    inputs = {**COMMUNITY, "operators_state": "absent", "operators_remove_crds": GROUPS}
    start = community.position()
    listed = done(play(community.folder, "operators", "--check", "--diff", inputs=inputs))
    assert "sail-operator" in listed.text
    assert [one for one in community.requests_by(OURS, start) if one.is_write] == []

    done(play(community.folder, "operators", inputs=inputs))
    names = community.kubectl("get", "namespaces", "--output=name").split()
    assert not {f"namespace/{n}" for n in ("istio-system", "sail-operator", "cert-manager")} & set(
        names
    )
    crds = community.kubectl("get", "crds", "--output=name")
    assert "sailoperator.io" not in crds
    assert "cert-manager.io" not in crds
    assert "gateways.gateway.networking.k8s.io" in crds
    community.get("configmap", "theirs", "--namespace=default")

    again = done(play(community.folder, "operators", inputs=inputs))
    assert again.changed_tasks == []


@pytest.fixture(scope="module")
def adopting() -> Iterator[Sandbox]:
    """A sandbox with a cert-manager that somebody else installed with its own chart."""
    with empty_cluster("adopting") as sandbox:
        chart = sandbox.description["sources"]["community_cert_manager_chart"]
        helm = str(sandbox.state.binaries / "helm")
        values = ["--set=crds.enabled=true,startupapicheck.enabled=false"]
        rendered = subprocess.run(
            [helm, "template", "cm", chart, "--namespace=security", *values],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        path = sandbox.folder / "foreign.yaml"
        path.write_text(rendered)
        sandbox.kubectl("create", "namespace", "security")
        sandbox.kubectl("apply", "--server-side", "--namespace=security", f"--filename={path}")
        yield sandbox


def of_cert_manager(sandbox: Sandbox) -> dict[str, Any]:
    """Every object of the foreign install, as it is."""
    kinds = "deployments,services,serviceaccounts,clusterroles,customresourcedefinitions"
    found = sandbox.get(kinds, "--namespace=security", "--show-managed-fields")
    return {
        f"{one['kind']} {one['metadata']['name']}": one["metadata"].get("managedFields")
        for one in found["items"]
        if "cert-manager" in one["metadata"]["name"]
    }


def test_a_foreign_cert_manager_is_refused_or_used_and_never_written(adopting: Sandbox) -> None:
    refused = play(adopting.folder, "operators")
    assert refused.code == 2
    assert "OPERATORS-FOREIGN-CERT-MANAGER" in refused.text
    assert "Deployment security/cm-cert-manager" in refused.text

    owners = {
        name: {entry["manager"] for entry in fields}
        for name, fields in of_cert_manager(adopting).items()
    }
    inputs = {"operators_adopt": ["cert-manager"]}
    done(play(adopting.folder, "operators", inputs=inputs))
    assert done(play(adopting.folder, "operators", inputs=inputs)).changed_tasks == []
    after = {
        name: {entry["manager"] for entry in fields}
        for name, fields in of_cert_manager(adopting).items()
    }
    assert owners.keys() == after.keys()
    assert all(OURS not in managers for managers in after.values())
    namespaces = adopting.kubectl("get", "namespaces", "--output=name")
    assert "cert-manager-operator" not in namespaces

    inputs["operators_state"] = "absent"  # type: ignore[assignment]
    done(play(adopting.folder, "operators", inputs=inputs))
    assert of_cert_manager(adopting).keys() == owners.keys()
    assert "istio-system" not in adopting.kubectl("get", "namespaces", "--output=name")


@pytest.fixture(scope="module")
def two_istios() -> Iterator[Sandbox]:
    """A converged sandbox that can run Istio 1.26 too."""
    with cluster_after(
        "two-istios", "converged", lambda one: done(play(one.folder, "site"))
    ) as one:
        one.run("down")
        one.run("up", "--with=istio-1.26")
        yield one


def test_istio_goes_down_and_up_and_a_stale_pool_is_named(two_istios: Sandbox) -> None:
    older = {"operators_istio_version": "v1.26.2"}
    down = done(play(two_istios.folder, "operators", inputs=older))
    assert "Apply what the operators shall run" in str(down.changed_tasks)
    istiod = two_istios.get("deployment", "istiod", "--namespace=istio-system")
    assert istiod["spec"]["template"]["spec"]["containers"][0]["image"].endswith(":1.26.2")
    assert "OPERATORS-POOL-STATUS-STALE" in down.text
    assert "serves no InferencePool of group inference.networking.k8s.io" in down.text
    assert done(play(two_istios.folder, "operators", inputs=older)).changed_tasks == []

    up = done(play(two_istios.folder, "operators"))
    assert "OPERATORS-POOL-STATUS-STALE" not in up.text
    assert "answers at http://" in done(play(two_istios.folder, "smoke_test")).text
