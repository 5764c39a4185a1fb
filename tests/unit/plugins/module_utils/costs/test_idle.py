# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Are nodes that serve nobody told from those that do, and from those nobody knows of?"""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.llmd.tpu.plugins.module_utils.costs.idle import idle_nodes

POD = {"name": "llm/qwen-kserve-7d9f", "chips": 4}


def node(*pods: dict[str, Any]) -> dict[str, Any]:
    """A node of tpu_info with these pods."""
    used = sum(pod["chips"] for pod in pods)
    return {
        "name": "gke-tpu-1",
        "pool": "tpu",
        "pods": pods,
        "chips": {"capacity": 4, "used": used},
    }


def service(
    total: int | None, recent: int | None, running: int = 0, name: str = "qwen"
) -> dict[str, Any]:
    """A service of metrics_info."""
    servers = {
        "requests_finished": total,
        "requests_running": running,
        "recent": {"requests_finished": recent},
    }
    return {"namespace": "llm", "name": name, "servers": servers}


@pytest.mark.parametrize(
    ("pods", "services", "verdict"),
    [
        ([], [service(9, 3)], "free"),
        ([POD], [service(0, 0)], "unused"),
        ([POD], [service(47, 0)], "quiet"),
        ([POD], [service(47, 2)], "used"),
        ([POD], [service(47, 0, running=1)], "used"),
        ([POD], [service(None, None)], "unknown"),
        ([POD], [service(9, 3, name="qwen-kserve"), service(9, 3, name="qw")], "unknown"),
        ([{"name": "batch/training-0", "chips": 4}], [service(9, 3)], "unknown"),
        ([POD], [], "unknown"),
        ([POD], [{"namespace": "llm", "name": "qwen", "servers": None}], "unknown"),
    ],
)
def test_a_node_is_judged_by_what_its_services_answered(
    pods: list[dict[str, Any]], services: list[dict[str, Any]], verdict: str
) -> None:
    (use,) = idle_nodes([node(*pods)], services, 30)
    assert use.verdict == verdict
    assert use.words.startswith(f"gke-tpu-1: {use.held} of 4 chips held")
