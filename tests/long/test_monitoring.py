# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The objects of a monitoring system come, change and go with the variable that chooses it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.clusters import converged_cluster
from tests.e2e.phases.test_change_model import model, predicted_and_done
from tests.e2e.site.playbooks import play
from tests.long.test_kserve import monitor_definition
from tests.sandbox.harness import Sandbox

NAMESPACE = "llm-d-inference-scheduling"
PLACE = f"--namespace={NAMESPACE}"
QUIET: dict[str, Any] = {"model_smoke_test": False}
OURS = "--selector=llmd.tpu/phase=model"
OPERATOR = ("podmonitors.monitoring.coreos.com", "servicemonitors.monitoring.coreos.com")
GOOGLE = "podmonitorings.monitoring.googleapis.com"


@pytest.fixture(scope="module")
def cluster() -> Iterator[Sandbox]:
    with converged_cluster("monitoring") as restored:
        yield restored


def names(sandbox: Sandbox, kinds: str) -> list[str]:
    """What of these kinds role model made."""
    found = sandbox.get(kinds, PLACE, OURS)["items"]
    return sorted(f"{one['kind']} {one['metadata']['name']}" for one in found)


def test_without_its_kinds_nothing_is_written(cluster: Sandbox) -> None:
    run = play(cluster.folder, "model", inputs={**QUIET, "model_monitoring": "prometheus-operator"})
    assert run.code != 0
    assert "podmonitors.monitoring.coreos.com" in run.text
    assert "operators_monitoring_crds" in run.text


def test_both_systems_and_none(cluster: Sandbox) -> None:
    cluster.apply(
        monitor_definition("PodMonitor"),
        monitor_definition("ServiceMonitor"),
        monitor_definition("PodMonitoring", "monitoring.googleapis.com"),
    )
    labels = {"model_monitoring_labels": {"release": "prometheus"}}
    operator = {**QUIET, **labels, "model_monitoring": "prometheus-operator"}
    predicted_and_done(cluster, **operator, model_monitoring_dashboard=True)
    assert names(cluster, ",".join(OPERATOR)) == [
        "PodMonitor llmd-tpu-model-servers",
        "ServiceMonitor llmd-tpu-schedulers",
    ]
    secret = cluster.get("secret", "llmd-tpu-metrics-reader-token", PLACE)
    assert set(secret["data"]) >= {"token", "ca.crt"}
    assert names(cluster, "configmaps") == ["ConfigMap llmd-tpu-dashboard"]

    predicted_and_done(cluster, **QUIET, model_monitoring="managed-prometheus")
    assert names(cluster, f"{','.join(OPERATOR)},configmaps") == []
    assert names(cluster, f"{GOOGLE},roles,rolebindings") == [
        "PodMonitoring llmd-tpu-model-servers",
        "PodMonitoring llmd-tpu-schedulers",
        "Role llmd-tpu-metrics-reader-token",
        "RoleBinding llmd-tpu-metrics-reader-token",
    ]

    predicted_and_done(cluster, **QUIET)
    assert names(cluster, f"{GOOGLE},roles,rolebindings,secrets") == []


def test_a_removal_takes_them_along(cluster: Sandbox) -> None:
    model(cluster, **QUIET, model_monitoring="prometheus-operator", model_monitoring_dashboard=True)
    model(cluster, model_state="absent")
    assert names(cluster, f"{','.join(OPERATOR)},secrets,configmaps,serviceaccounts") == []
