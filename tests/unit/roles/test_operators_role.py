# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the role operators asks for, by distribution and by what it adopts."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.roles.evaluate import evaluate

SECRET = {"auths": {"registry.redhat.io": {"auth": "dTpw"}, "elsewhere": {"auth": "dTpw"}}}
FOLDERS = {"operators_cert_manager_chart": "/cm", "operators_sail_chart": "/sail"}
EVERYTHING = {
    "operators_lws": True,
    "operators_monitoring_crds": True,
    "operators_pull_secret": SECRET,
    "operators_tracing": {"service": "otel"},
}
COMMUNITY = {"operators_distribution": "community"}
CASES: dict[str, dict[str, Any]] = {
    "redhat": {"operators_distribution": "redhat"},
    "community": COMMUNITY,
    "redhat everything": EVERYTHING,
    "community everything": {**EVERYTHING, **COMMUNITY},
    "redhat folders": FOLDERS,
    "community folders": {**FOLDERS, **COMMUNITY},
    "adopted": {"operators_adopt": ["istio", "cert-manager", "gateway-api", "inference-extension"]},
    "secret": {"operators_pull_secret": SECRET},
    "logs": {
        "operators_access_log_file": "",
        "operators_access_log_format": "%REQ(:PATH)%",
        "operators_tracing": {"service": "otel.traces.svc", "sampling_percentage": 5},
    },
}
WANTED = (
    "operators_istio_version",
    "__operators_charts",
    "__operators_crd_paths",
    "__operators_istio_crd",
    "__operators_namespaces",
    "__operators_operands",
    "__operators_ready",
    "__operators_source_marks",
    "__operators_sources",
    "asked_of_operators.yaml.j2",
)


@pytest.fixture(scope="module")
def role() -> dict[str, dict[str, Any]]:
    """The role's variables, by case."""
    found: dict[str, dict[str, Any]] = evaluate("operators", CASES, *WANTED)
    with_secret = {name: CASES[name] for name in ("secret", "redhat everything")}
    secrets = evaluate("operators", with_secret, "pull_secrets.yaml.j2")
    return {name: {**values, **secrets.get(name, {})} for name, values in found.items()}


def names(objects: list[dict[str, Any]]) -> list[str]:
    """Kind and name of objects."""
    return [f"{one['kind']} {one['metadata']['name']}" for one in objects]


@pytest.mark.parametrize(
    ("distribution", "version", "namespaces", "operands"),
    [
        (
            "redhat",
            "v1.26.6",
            ["cert-manager-operator", "cert-manager", "istio-system"],
            ["Infrastructure cluster", "CertManager cluster", "Istio default"],
        ),
        (
            "community",
            "v1.28.3",
            ["cert-manager", "sail-operator", "istio-system"],
            ["Istio default"],
        ),
    ],
)
def test_a_distribution(
    role: dict[str, Any],
    distribution: str,
    version: str,
    namespaces: list[str],
    operands: list[str],
) -> None:
    found = role[distribution]
    assert found["operators_istio_version"] == version
    assert found["__operators_namespaces"] == namespaces
    assert names(found["__operators_operands"]) == operands
    istio = found["__operators_operands"][-1]["spec"]
    assert istio["version"] == version
    assert "global" not in istio["values"]
    assert [chart["namespace"] for chart in found["__operators_charts"]] == [
        namespaces[0],
        "istio-system" if distribution == "redhat" else "sail-operator",
    ]


@pytest.mark.parametrize("distribution", ["redhat", "community"])
def test_every_source_is_pinned(role: dict[str, Any], distribution: str) -> None:
    found = role[f"{distribution} everything"]
    assert len(found["__operators_sources"]) == 6
    for source in found["__operators_sources"].values():
        assert source["commit"] or source["sha256"]
    assert set(found["__operators_sources"]) <= set(found["__operators_source_marks"])


def test_only_red_hats_charts_keep_crds_beside_them(role: dict[str, Any]) -> None:
    redhat = role["redhat folders"]["__operators_crd_paths"]
    assert redhat[:2] == ["/cm/manifests-crds", "/sail/manifests-crds"]
    community = role["community folders"]["__operators_crd_paths"]
    assert community == redhat[2:]
    assert len(community) == 5


def test_what_is_adopted_is_not_asked_for(role: dict[str, Any]) -> None:
    found = role["adopted"]
    for name in ("sources", "charts", "crd_paths", "namespaces", "operands", "istio_crd"):
        assert not found[f"__operators_{name}"], name
    assert [one["kind"] for one in found["__operators_ready"]] == [
        "GatewayClass",
        "CustomResourceDefinition",
    ]


def test_a_pull_secret_reaches_every_namespace_and_every_gateway(role: dict[str, Any]) -> None:
    found = role["secret"]
    made = names(found["pull_secrets.yaml.j2"])
    assert made == ["Secret redhat-pull-secret"] * 3 + ["ServiceAccount istiod"]
    istio = found["__operators_operands"][-1]["spec"]["values"]
    assert istio["global"]["imagePullSecrets"] == ["redhat-pull-secret"]


def test_logs_and_traces(role: dict[str, Any]) -> None:
    *_others, istio, telemetry = role["logs"]["__operators_operands"]
    mesh = istio["spec"]["values"]["meshConfig"]
    assert mesh["accessLogFile"] == ""
    assert mesh["accessLogFormat"] == "%REQ(:PATH)%"
    provider = mesh["extensionProviders"][0]
    assert provider["opentelemetry"] == {"service": "otel.traces.svc", "port": 4317}
    used = telemetry["spec"]["tracing"][0]
    assert used["providers"] == [{"name": provider["name"]}]
    assert used["randomSamplingPercentage"] == 5
    assert mesh["defaultConfig"]["proxyMetadata"]


def test_leader_worker_set_is_asked_for_by_an_input(role: dict[str, Any]) -> None:
    redhat, community = role["redhat everything"], role["community everything"]
    assert "openshift-lws-operator" in redhat["__operators_namespaces"]
    assert "LeaderWorkerSetOperator cluster" in names(redhat["__operators_operands"])
    assert "ServiceAccount lws-controller-manager" in names(redhat["pull_secrets.yaml.j2"])
    assert "lws-system" in community["__operators_namespaces"]
    assert community["__operators_charts"][-1]["values"]["enableCertManager"] is True


def test_removal_names_everything_that_an_operator_runs_for_us(role: dict[str, Any]) -> None:
    asked = {
        name
        for distribution in ("redhat", "community")
        for name in names(role[f"{distribution} everything"]["__operators_operands"])
    }
    going = names(role["redhat"]["asked_of_operators.yaml.j2"])
    # cert-manager's operator needs Infrastructure until it is gone itself.
    assert set(going) == asked - {"Infrastructure cluster"}
