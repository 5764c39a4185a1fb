# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.sandbox.images.operators import sail
from tests.sandbox.images.operators.operands import Refused

ANNOTATIONS = """images.v1_26_2.istiod="registry.test/pilot:1.26.2"
images.v1_26_2.proxy="registry.test/proxyv2:1.26.2"
images.v1_28_3.istiod="registry.test/pilot:1.28.3"
images.v1_28_3.proxy="registry.test/proxyv2:1.28.3"
kubernetes.io/config.source="api"
"""
CARRIED = sail.carried_versions(ANNOTATIONS)


def test_versions_are_read_from_the_pods_annotations() -> None:
    assert list(CARRIED) == ["v1.26.2", "v1.28.3"]
    assert CARRIED["v1.28.3"] == sail.Images(
        "registry.test/pilot:1.28.3", "registry.test/proxyv2:1.28.3"
    )


@pytest.mark.parametrize(
    ("asked", "installed"),
    [("v1.28.3", "v1.28.3"), ("v1.28-latest", "v1.28.3"), ("v1.26-latest", "v1.26.2")],
)
def test_a_carried_version_is_resolved(asked: str, installed: str) -> None:
    assert sail.resolve(asked, CARRIED) == installed


@pytest.mark.parametrize("asked", ["v1.27.3", "v1.27-latest", "v1.2-latest", ""])
def test_another_version_is_refused_and_the_carried_ones_are_named(asked: str) -> None:
    with pytest.raises(Refused, match=r"supported versions: v1\.26\.2, v1\.28\.3"):
        sail.resolve(asked, CARRIED)


def test_the_newest_patch_is_chosen_by_number() -> None:
    images = sail.Images("a", "b")
    carried = {"v1.28.9": images, "v1.28.10": images}
    assert sail.resolve("v1.28-latest", carried) == "v1.28.10"


def test_a_version_is_rendered_from_its_own_charts(tmp_path: Path) -> None:
    (tmp_path / "istio-1.26").mkdir()
    assert sail.charts_of("v1.26.2", tmp_path) == tmp_path / "istio-1.26"
    assert sail.charts_of("v1.28.3", tmp_path) == tmp_path / "istio"


def test_the_users_values_win_and_the_operators_stay_beside_them() -> None:
    spec = {
        "namespace": "istio-system",
        "values": {
            "pilot": {"env": {"PILOT_ENABLE_GATEWAY_API": "true"}},
            "global": {"proxy": {"image": "mine"}},
        },
    }
    values = sail.chart_values(spec, CARRIED["v1.28.3"])
    assert values["pilot"]["image"] == "registry.test/pilot:1.28.3"
    assert values["pilot"]["env"] == {
        "PILOT_ENABLE_METADATA_EXCHANGE": "false",
        "PILOT_ENABLE_ALPN_FILTER": "false",
        "PILOT_ENABLE_GATEWAY_API": "true",
    }
    assert values["global"]["proxy"]["image"] == "mine"
    assert values["global"]["istioNamespace"] == "istio-system"


def account(**metadata: Any) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": {"name": "istiod", "namespace": "istio-system", **metadata},
    }


OWNER = {
    "apiVersion": "sailoperator.io/v1",
    "kind": "IstioRevision",
    "metadata": {"name": "default", "uid": "1"},
}


def test_what_the_operator_makes_passes_its_own_check() -> None:
    made = sail.released(account(labels={"app": "istiod"}), "default-istiod", "istio-system", OWNER)
    sail.check_release(made, "default-istiod", "istio-system")
    assert made["metadata"]["labels"]["app"] == "istiod"
    assert made["metadata"]["ownerReferences"][0]["uid"] == "1"


def test_a_strangers_object_is_refused_in_helms_words() -> None:
    live = account(annotations={"meta.helm.sh/release-name": "default-istiod"})
    with pytest.raises(Refused) as refused:
        sail.check_release(live, "default-istiod", "istio-system")
    message = str(refused.value)
    assert 'missing key "app.kubernetes.io/managed-by": must be set to "Helm"' in message
    assert 'missing key "meta.helm.sh/release-namespace"' in message
    assert '"meta.helm.sh/release-name"' not in message


@pytest.mark.parametrize(
    ("istiod", "status", "message"),
    [
        (None, "False", "istiod Deployment not found"),
        ({"status": {}}, "False", "istiod Deployment is scaled to zero replicas"),
        ({"status": {"replicas": 2, "readyReplicas": 1}}, "False", "not all istiod pods are ready"),
        ({"status": {"replicas": 1, "readyReplicas": 1}}, "True", None),
    ],
)
def test_readiness_follows_istiod(
    istiod: dict[str, Any] | None, status: str, message: str | None
) -> None:
    found = sail.ready_condition(istiod)
    assert (found["status"], found.get("message")) == (status, message)
    assert found.get("reason") == (None if status == "True" else "IstiodNotReady")


HEALTHY = {"status": {"replicas": 1, "readyReplicas": 1}}


@pytest.mark.parametrize(
    ("error", "istiod", "state"),
    [
        ("", HEALTHY, "Healthy"),
        ("", None, "IstiodNotReady"),
        ("no such namespace", HEALTHY, "ReconcileError"),
    ],
)
def test_the_state_is_the_first_bad_reason(
    error: str, istiod: dict[str, Any] | None, state: str
) -> None:
    conditions = sail.revision_conditions(error, istiod, in_use=False)
    assert sail.state_of(conditions) == state


def test_the_istio_object_counts_its_revision() -> None:
    conditions = sail.revision_conditions("", HEALTHY, in_use=True)
    revision = {"status": {"conditions": conditions}}
    status = sail.istio_status(conditions, revision)
    assert status["revisions"] == {"total": 1, "ready": 1, "inUse": 1}
    assert [each["type"] for each in status["conditions"]] == ["Reconciled", "Ready"]


def test_a_refused_istio_says_that_readiness_is_unknown() -> None:
    reconciled, ready = sail.refused_conditions("because")
    assert (reconciled["status"], reconciled["reason"]) == ("False", "ReconcileError")
    assert reconciled["message"] == "because"
    assert ready["status"] == "Unknown"


@pytest.mark.parametrize(
    "istio",
    [
        {"metadata": {"name": "other"}, "spec": {}},
        {"metadata": {"name": "default"}, "spec": {"updateStrategy": {"type": "RevisionBased"}}},
    ],
)
def test_what_the_stand_in_does_not_play_is_refused(istio: dict[str, Any]) -> None:
    with pytest.raises(Refused):
        sail.check_istio(istio)
