# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any

import pytest

from tests.sandbox.cloud import autoscaler, gateway_api, warden
from tests.sandbox.cloud.autoscaler import Pool

ACCELERATOR, TOPOLOGY = warden.ACCELERATOR, warden.TOPOLOGY
BOTH = {ACCELERATOR: "tpu-v6e-slice", TOPOLOGY: "2x2"}


def pod(
    selector: dict[str, str] | None = None,
    chips: str = "4",
    affinity: dict[str, list[str]] | None = None,
    annotations: dict[str, str] | None = None,
) -> dict[str, Any]:
    spec: dict[str, Any] = {
        "containers": [{"name": "main", "resources": {"requests": {"google.com/tpu": chips}}}],
        "nodeSelector": selector or {},
    }
    if affinity:
        terms = [{"key": k, "operator": "In", "values": v} for k, v in affinity.items()]
        required = {"nodeSelectorTerms": [{"matchExpressions": terms}]}
        key = "requiredDuringSchedulingIgnoredDuringExecution"
        spec["affinity"] = {"nodeAffinity": {key: required}}
    return {"metadata": {"name": "p", "uid": "1", "annotations": annotations or {}}, "spec": spec}


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        (pod(BOTH), []),
        (pod(chips="0"), []),
        (pod({TOPOLOGY: "2x2"}), [f"Missing nodeSelector/nodeAffinity label {ACCELERATOR}"]),
        (
            pod({"cloud.google.com/gke-nodepool": "tpu"}),
            [
                f"Missing nodeSelector/nodeAffinity label {ACCELERATOR}",
                f"Missing nodeSelector/nodeAffinity label {TOPOLOGY}",
            ],
        ),
        (pod(affinity={ACCELERATOR: ["tpu-v6e-slice"], TOPOLOGY: ["2x2"]}), []),
        (
            pod(affinity={ACCELERATOR: ["tpu-v6e-slice"], TOPOLOGY: ["2x2", "2x4"]}),
            [f"More than one value for nodeSelector/nodeAffinity label {TOPOLOGY}"],
        ),
        (pod(annotations={warden.SKIP: "true"}), []),
    ],
)
def test_warden_wants_both_labels(asked: dict[str, Any], expected: list[str]) -> None:
    assert warden.violations(asked) == expected


def test_wardens_answer_has_gkes_words() -> None:
    user = {"username": "system:serviceaccount:kube-system:rs", "groups": ["a", "b"]}
    answer = warden.review({"uid": "7", "object": pod(), "userInfo": user})
    assert answer["uid"] == "7"
    assert answer["allowed"] is False
    missing = "Missing nodeSelector/nodeAffinity label cloud.google.com/"
    assert answer["status"]["message"] == (
        "GKE Warden rejected the request because it violates one or more constraints.\n"
        'Violations details: {"[denied by tpu-accelerator-topology-constraints]":'
        f'["{missing}gke-tpu-accelerator","{missing}gke-tpu-topology"]}}\n'
        "Requested by user: 'system:serviceaccount:kube-system:rs', groups: 'a,b'."
    )
    assert warden.review({"uid": "8", "object": pod(BOTH)}) == {"uid": "8", "allowed": True}


def test_wardens_certificate_is_made_once_and_trusts_itself(tmp_path: Path) -> None:
    certificate, key = warden.make_certificate(tmp_path)
    before = certificate.read_bytes(), key.read_bytes()
    warden.make_certificate(tmp_path)
    assert (certificate.read_bytes(), key.read_bytes()) == before
    assert key.stat().st_mode & 0o077 == 0
    ssl.create_default_context(cafile=str(certificate))
    ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key)


def test_a_managed_crd_keeps_its_bundle(tmp_path: Path) -> None:
    bundle = "gateway.networking.k8s.io/bundle-version"
    text = f"kind: CustomResourceDefinition\nmetadata:\n  annotations:\n    {bundle}: v1.4.0\n"
    (tmp_path / "a.yaml").write_text(text)
    (tmp_path / "kustomization.yaml").write_text("kind: Kustomization\n")
    (crd,) = gateway_api.read_crds(tmp_path)
    annotations = gateway_api.managed(crd)["metadata"]["annotations"]
    assert annotations[bundle] == "v1.4.0"
    assert annotations["components.gke.io/component-name"] == "gateway-api"


POOLS = [
    Pool("ct6e-standard-4t", 4, 0, BOTH),
    Pool("ct6e-standard-8t", 8, 0, {**BOTH, TOPOLOGY: "2x4"}),
]


def test_the_pool_that_fits_grows() -> None:
    verdict = autoscaler.decide(pod(BOTH), POOLS, maximum=2)
    assert verdict.reason == "TriggeredScaleUp"
    assert verdict.machine_type == "ct6e-standard-4t"
    assert verdict.message.endswith("ct6e-standard-4t-grp 0->1 (max: 2)}]")


@pytest.mark.parametrize(
    ("asked", "pools", "expected"),
    [
        (
            pod({ACCELERATOR: "tpu-v6e"}),
            POOLS,
            "pod didn't trigger scale-up: 2 node(s) didn't match Pod's node affinity/selector",
        ),
        (
            pod(BOTH),
            [Pool("ct6e-standard-4t", 4, 2, BOTH), POOLS[1]],
            "pod didn't trigger scale-up: 1 node(s) didn't match Pod's node affinity/selector,"
            " 1 max node group size reached",
        ),
        (
            pod(BOTH),
            [Pool("ct6e-standard-4t", 4, 0, BOTH, backoff=True)],
            "pod didn't trigger scale-up: 1 in backoff after failed scale-up",
        ),
        (
            pod(BOTH, chips="8"),
            POOLS[:1],
            "pod didn't trigger scale-up: 1 node(s) didn't match Pod's node affinity/selector",
        ),
    ],
)
def test_a_pool_that_cannot_grow_says_why(
    asked: dict[str, Any], pools: list[Pool], expected: str
) -> None:
    verdict = autoscaler.decide(asked, pools, maximum=2)
    assert (verdict.reason, verdict.message, verdict.machine_type) == (
        "NotTriggerScaleUp",
        expected,
        "",
    )


def test_a_failure_is_cut_as_the_autoscaler_cuts_it() -> None:
    message = autoscaler.failure_message("GCE out of resources")
    assert message.endswith("GCE out of resources. Pod is at risk of not being scheduled.")
    assert len(autoscaler.failure_message("x" * 400)) == 250


def test_only_unschedulable_tpu_pods_wait() -> None:
    waiting = {**pod(BOTH), "status": {"conditions": []}}
    assert not autoscaler.is_waiting(waiting)
    waiting["status"]["conditions"] = [{"type": "PodScheduled", "reason": "Unschedulable"}]
    assert autoscaler.is_waiting(waiting)
    waiting["metadata"] = {**waiting["metadata"], "deletionTimestamp": "now"}
    assert not autoscaler.is_waiting(waiting)


def test_the_switch_is_read() -> None:
    switch = {"data": {"seconds": "3", "maximum": "5", "failure": "GCE quota exceeded"}}
    assert autoscaler.settings_of(switch) == autoscaler.Settings(3.0, 5, "GCE quota exceeded")
    assert autoscaler.settings_of({}) == autoscaler.Settings()
