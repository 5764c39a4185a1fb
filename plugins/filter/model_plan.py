# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Filters of role model: its variables to lists for its tasks, and what a removal is about.

Both begin with `plain`: Ansible's own containers render a template each time they are looked at.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.llmd.tpu.plugins.module_utils.manifests.load import plain
from ansible_collections.llmd.tpu.plugins.module_utils.metrics.monitoring import Monitoring
from ansible_collections.llmd.tpu.plugins.module_utils.serving.model_plan import plan, removal


def model_plan(
    variables: Mapping[str, Any],
    services: Sequence[Mapping[str, Any]],
    kserve_track: str,
    monitoring: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """What phase model is going to do for all its services."""
    wanted = Monitoring(**plain(monitoring or {}))
    return plan(plain(variables), plain(services), kserve_track, wanted)


def model_removal(
    ours: Sequence[Mapping[str, Any]],
    services: Sequence[Mapping[str, Any]],
    kserve_track: str,
    everything: bool = False,
    dashboard_namespace: str = "",
) -> dict[str, Any]:
    """Which of our services go, and what goes with them."""
    return removal(
        plain(services),
        plain(ours),
        kserve_track,
        everything=everything,
        dashboard_namespace=dashboard_namespace,
    )


class FilterModule:
    """The filters of this file, as Ansible asks for them."""

    def filters(self) -> dict[str, Any]:
        """Filter name to function."""
        return {"model_plan": model_plan, "model_removal": model_removal}
