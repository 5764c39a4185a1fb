# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

from typing import Any

import pytest

from tests.sandbox.images.operators import cert_manager

IMAGE = "registry.test/cert-manager:v1.11.5"
ENVIRONMENT = {
    f"RELATED_IMAGE_CERT_MANAGER_{part}": IMAGE
    for part in ("CONTROLLER", "WEBHOOK", "CA_INJECTOR", "ACMESOLVER")
}


def test_overrides_reach_the_part_they_are_for() -> None:
    spec = {"webhookConfig": {"overrideArgs": ["--v=3"], "overrideResources": {"requests": {}}}}
    values = cert_manager.chart_values(spec, ENVIRONMENT)
    assert values["webhook"]["extraArgs"] == ["--v=3"]
    assert values["webhook"]["resources"] == {"requests": {}}
    assert values["extraArgs"] == []
    assert values["image"] == {"repository": "registry.test/cert-manager", "tag": "v1.11.5"}


def deployment(name: str, **status: int) -> dict[str, Any]:
    pod = {"containers": [{"name": "main", "image": IMAGE}]}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {"replicas": 1, "template": {"spec": pod}},
        "status": status,
    }


def test_the_one_image_is_told_which_program_to_run() -> None:
    changed = cert_manager.with_command(deployment("cert-manager-webhook"))
    container = changed["spec"]["template"]["spec"]["containers"][0]
    assert container["command"] == ["/app/cmd/webhook/webhook"]
    other = deployment("something-else")
    assert cert_manager.with_command(other) == other


def test_accounts_do_not_go_with_the_custom_resource() -> None:
    owner = {"metadata": {"name": "cluster", "uid": "1"}}
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "cert-manager"}}
    assert cert_manager.owned(account, owner) == account
    references = cert_manager.owned(deployment("cert-manager"), owner)["metadata"][
        "ownerReferences"
    ]
    assert references[0]["uid"] == "1"


@pytest.mark.parametrize(
    ("live", "error", "expected"),
    [
        (
            deployment("cert-manager", updatedReplicas=1, availableReplicas=1),
            "",
            {"Available": "True", "Degraded": "False", "Progressing": "False"},
        ),
        (
            deployment("cert-manager", updatedReplicas=1),
            "",
            {"Available": "False", "Degraded": "False", "Progressing": "True"},
        ),
        (None, "no", {"Available": "False", "Degraded": "True", "Progressing": "True"}),
    ],
)
def test_conditions_follow_the_deployment(
    live: dict[str, Any] | None, error: str, expected: dict[str, str]
) -> None:
    found = cert_manager.part_conditions("controller", live, error)
    prefix = "cert-manager-controller-deployment"
    assert {each["type"].removeprefix(prefix): each["status"] for each in found} == expected
