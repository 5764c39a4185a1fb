# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Are the objects for a monitoring system right, and does the dashboard show what is read?"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.llmd.tpu.plugins.module_utils.metrics.catalogue import (
    SCHEDULER,
    SERVER,
    names_of,
)
from ansible_collections.llmd.tpu.plugins.module_utils.metrics.monitoring import (
    MANAGED,
    METRICS_READER,
    OPERATOR,
    Monitoring,
)

ROOT = Path(__file__).parents[5]
SELECTED = {
    "app.kubernetes.io/part-of": "llminferenceservice",
    "kserve.io/component": "workload",
}


def _objects(kind: str, **more: Any) -> dict[str, dict[str, Any]]:
    found = Monitoring(kind=kind, **more).objects(["team"])
    return {f"{one['kind']} {one['metadata']['name']}": one for one in found}


def test_none_makes_nothing_and_needs_nothing() -> None:
    assert _objects("none") == {}
    assert list(Monitoring().needs()) == []


def test_the_operator_s_monitors() -> None:
    found = _objects(OPERATOR, labels={"release": "prometheus"})
    servers = found["PodMonitor llmd-tpu-model-servers"]
    assert servers["metadata"]["labels"] == {"release": "prometheus"}
    assert servers["spec"]["selector"] == {"matchLabels": SELECTED}
    [endpoint] = servers["spec"]["podMetricsEndpoints"]
    assert (endpoint["targetPort"], endpoint["scheme"]) == (8000, "https")
    assert endpoint["tlsConfig"] == {"insecureSkipVerify": True}
    assert endpoint["relabelings"] == [
        {
            "sourceLabels": ["__meta_kubernetes_pod_label_app_kubernetes_io_name"],
            "targetLabel": "llm_isvc_name",
        }
    ]
    [endpoint] = found["ServiceMonitor llmd-tpu-schedulers"]["spec"]["endpoints"]
    assert (endpoint["port"], endpoint["scheme"]) == ("metrics", "http")
    assert endpoint["authorization"]["credentials"] == {
        "name": f"{METRICS_READER}-token",
        "key": "token",
    }


def test_google_s_monitors_and_the_right_of_its_collector() -> None:
    found = _objects(MANAGED)
    [endpoint] = found["PodMonitoring llmd-tpu-model-servers"]["spec"]["endpoints"]
    assert (endpoint["port"], endpoint["scheme"], endpoint["tls"]) == (
        8000,
        "https",
        {"insecureSkipVerify": True},
    )
    scheduler = found["PodMonitoring llmd-tpu-schedulers"]["spec"]
    assert scheduler["targetLabels"]["fromPod"][0]["to"] == "llm_isvc_name"
    secret = scheduler["endpoints"][0]["authorization"]["credentials"]["secret"]
    assert f"Secret {secret['name']}" in found
    [rule] = found[f"Role {secret['name']}"]["rules"]
    assert (rule["resourceNames"], rule["verbs"]) == ([secret["name"]], ["get", "list", "watch"])
    subjects = found[f"RoleBinding {secret['name']}"]["subjects"]
    assert {one["namespace"] for one in subjects} == {"gmp-system", "gke-gmp-system"}


@pytest.mark.parametrize("kind", [OPERATOR, MANAGED])
def test_the_token_is_made_by_kubernetes_and_for_the_least_account(kind: str) -> None:
    secret = _objects(kind)[f"Secret {METRICS_READER}-token"]
    assert secret["type"] == "kubernetes.io/service-account-token"
    named = secret["metadata"]["annotations"]["kubernetes.io/service-account.name"]
    assert named == METRICS_READER
    assert "data" not in secret


def test_what_was_not_chosen_is_left_over() -> None:
    for kind in ("none", OPERATOR, MANAGED):
        monitoring = Monitoring(kind=kind, dashboard_namespace="grafana")
        made = {str(one["metadata"]["name"]) + one["kind"] for one in monitoring.objects(["team"])}
        left = [
            str(one["metadata"]["name"]) + one["kind"] for one in monitoring.leftovers(["team"])
        ]
        assert made.isdisjoint(left)
        assert "llmd-tpu-dashboardConfigMap" in left


DASHBOARD = json.loads((ROOT / "roles/model/files/dashboard.json").read_text())
_READ = names_of([*SERVER, *SCHEDULER])


def _queries() -> Iterator[tuple[str, str]]:
    for variable in DASHBOARD["templating"]["list"]:
        if variable["type"] == "query":
            yield variable["name"], variable["query"]["query"]
    for panel in DASHBOARD["panels"]:
        for target in panel.get("targets", ()):
            yield panel["title"], target["expr"]


@pytest.mark.parametrize(("title", "query"), list(_queries()))
def test_every_metric_of_the_dashboard_is_one_that_is_read(title: str, query: str) -> None:
    named = re.findall(r"\$\{prefix\}([A-Za-z_:0-9]+)", query)
    assert named, title
    for name in named:
        # A histogram is read by its sum and its count, and shown by its buckets.
        assert re.sub("_bucket$", "_sum", name) in _READ or f"{name}_sum" in _READ, name
    assert not re.search(r"(?<!\$\{prefix\})(?<![A-Za-z_])(vllm:|inference_)", query)
    assert query.count("(") == query.count(")")


def test_the_dashboard_shows_every_figure() -> None:
    shown = {
        re.sub("_bucket$", "_sum", name)
        for _title, query in _queries()
        for name in re.findall(r"\$\{prefix\}([A-Za-z_:0-9]+)", query)
    }
    missing = [one.figure for one in (*SERVER, *SCHEDULER) if shown.isdisjoint(one.sample_names())]
    assert missing == ["requests_running", "request_seconds"]  # the scheduler's: servers' are shown


def test_the_dashboard_is_a_configmap_where_it_is_wanted() -> None:
    labels = {"grafana_dashboard": "1"}
    [config] = Monitoring(
        dashboard=json.dumps(DASHBOARD), dashboard_namespace="grafana", dashboard_labels=labels
    ).objects(["team"])
    assert config["metadata"] == {
        "name": "llmd-tpu-dashboard",
        "namespace": "grafana",
        "labels": labels,
    }
    assert json.loads(config["data"]["llmd-tpu-dashboard.json"])["uid"] == "llmd-tpu"
