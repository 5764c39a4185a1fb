# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Is only found what KServe made for the very services that go?"""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.llmd.tpu.plugins.filter.services import (
    bindings_of_services,
    pods_of_services,
)

SERVICES = [{"metadata": {"namespace": "team", "name": "qwen"}}]


def pod(namespace: str, service: str | None) -> dict[str, Any]:
    """A pod that KServe made for a service."""
    labels = {"app.kubernetes.io/name": service} if service else None
    return {"metadata": {"name": "pod", "namespace": namespace, "labels": labels}}


def test_pods() -> None:
    pods = [pod("team", "qwen"), pod("team", "other"), pod("other", "qwen"), pod("team", None)]
    assert pods_of_services(pods, SERVICES) == [
        {"api_version": "v1", "kind": "Pod", "namespace": "team", "name": "pod", "gone": True}
    ]


def binding(**changes: Any) -> dict[str, Any]:
    """The binding that KServe makes, with something changed."""
    subject = {"kind": "ServiceAccount", "namespace": "team", "name": "qwen-epp-sa"}
    return {
        "metadata": {"name": "team-qwen-epp-auth-rb"},
        "roleRef": {"name": "system:auth-delegator"},
        "subjects": [subject],
        **changes,
    }


def test_the_binding_of_a_service() -> None:
    assert bindings_of_services([binding()], SERVICES) == ["team-qwen-epp-auth-rb"]


@pytest.mark.parametrize(
    "changes",
    [
        {"metadata": {"name": "team-other-epp-auth-rb"}},
        {"roleRef": {"name": "cluster-admin"}},
        {"subjects": [{"kind": "ServiceAccount", "namespace": "other", "name": "qwen-epp-sa"}]},
        {"subjects": [*binding()["subjects"], {"kind": "User", "name": "somebody"}]},
        {"subjects": None},
    ],
)
def test_a_binding_that_is_anything_else_stays(changes: dict[str, Any]) -> None:
    assert bindings_of_services([binding(**changes)], SERVICES) == []
