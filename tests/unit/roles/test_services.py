# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Is only found what KServe made for the very services that go?"""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.llmd.tpu.plugins.filter.services import bindings_of_services

SERVICES = [{"namespace": "team", "name": "qwen"}]


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
