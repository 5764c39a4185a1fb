# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which namespaces, kinds and logs a bundle is about."""

from __future__ import annotations

from typing import Any

from ansible_collections.llmd.tpu.plugins.module_utils.bundle.scope import (
    logs_of,
    namespaces_of,
    served,
    sorted_events,
)


def test_resources_are_named_with_their_group() -> None:
    printed = (
        "pods           po      v1                     true    Pod\n"
        "deployments    deploy  apps/v1                true    Deployment\n"
        "inferencepools         inference.networking.x-k8s.io/v1alpha2  true  InferencePool\n"
        "error: unable to retrieve the complete list\n"
    )
    assert served(printed) >= {
        "pods",
        "deployments.apps",
        "inferencepools.inference.networking.x-k8s.io",
    }


def test_namespaces_come_from_labels_models_and_controllers() -> None:
    found = namespaces_of(
        "namespace/opendatahub\n",
        "models\nmodels\n\n",
        "istio-system istiod\nshop cart\ncert-manager cert-manager\n",
    )
    assert found == ["cert-manager", "istio-system", "models", "opendatahub"]


def pod(**status: Any) -> dict[str, Any]:
    return {
        "metadata": {"namespace": "n", "name": "p"},
        "status": {"containerStatuses": [{"name": "main", **status}]},
    }


def test_a_container_that_never_ran_has_no_log() -> None:
    assert logs_of([pod(state={"waiting": {"reason": "ContainerCreating"}})]) == []


def test_a_restarted_container_has_two_logs_and_is_troubled() -> None:
    ended = {"terminated": {"exitCode": 1}}
    logs = logs_of([pod(state={"waiting": {}}, lastState=ended, restartCount=3)])
    assert [(log.previous, log.troubled) for log in logs] == [(False, True), (True, True)]


def test_a_well_container_has_one() -> None:
    for one in (
        pod(state={"running": {}}, ready=True),
        pod(state={"terminated": {"exitCode": 0}}, ready=False),
    ):
        assert [(log.previous, log.troubled) for log in logs_of([one])] == [(False, False)]


def test_events_are_lines_in_the_order_of_time() -> None:
    def event(stamp: str, **more: Any) -> dict[str, Any]:
        about = {"kind": "Pod", "name": "p"}
        return {"metadata": {"creationTimestamp": stamp}, "involvedObject": about, **more}

    later = event("2026-01-01T00:00:09Z", type="Warning", reason="Failed", message="no\nimage")
    again = event("", lastTimestamp="2026-01-01T00:00:01Z", reason="Pulled", count=4)
    assert sorted_events([later, again]).splitlines() == [
        "2026-01-01T00:00:01    Pulled  Pod/p  x4  ",
        "2026-01-01T00:00:09  Warning  Failed  Pod/p  x1  no image",
    ]
