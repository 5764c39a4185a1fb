# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Everything that is wrong with a start, from one look at it. Pure."""

from __future__ import annotations

from ansible_collections.llmd.tpu.plugins.module_utils.findings import Finding
from ansible_collections.llmd.tpu.plugins.module_utils.startup.children import signs_of_service
from ansible_collections.llmd.tpu.plugins.module_utils.startup.containers import signs_of_containers
from ansible_collections.llmd.tpu.plugins.module_utils.startup.nodes import signs_of_placement
from ansible_collections.llmd.tpu.plugins.module_utils.startup.routing import signs_of_routing
from ansible_collections.llmd.tpu.plugins.module_utils.startup.sight import Sight
from ansible_collections.llmd.tpu.plugins.module_utils.startup.signs import Sign


def signs_of(sight: Sight) -> list[Sign]:
    """Everything that is wrong; what counts soonest comes first."""
    found = [
        *signs_of_containers(sight),
        *signs_of_placement(sight),
        *signs_of_service(sight),
        *signs_of_routing(sight),
    ]
    return sorted(found, key=lambda sign: (sign.heals, sign.patience))


def timed_out_start(subject: str, reason: str, seconds: float) -> Finding:
    """A start that took longer than anybody waits."""
    return Finding(
        code="STARTUP-TIMEOUT",
        severity="error",
        message=f"the model is not ready after {seconds:.0f} s",
        subject=subject,
        found=reason,
        expected="Ready, and all pods of the latest revision",
        fix="look at the stage that is named; if it only needs longer, raise wait_timeout",
        source="wait_timeout",
    )


def unknown_kind(subject: str, api_version: str) -> Finding:
    """A server that does not serve the kind."""
    return Finding(
        code="STARTUP-KIND-MISSING",
        severity="error",
        message="the cluster does not know the kind LLMInferenceService in this version",
        subject=subject,
        found=f"no {api_version}",
        expected="KServe's CustomResourceDefinitions of the track in kserve_track",
        fix="run phase kserve, or correct kserve_track",
        source="KServe, CustomResourceDefinitions",
    )
