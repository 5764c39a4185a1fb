# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The filter that tells which TPU nodes serve nobody."""

from __future__ import annotations

from typing import Any

from ansible_collections.llmd.tpu.plugins.module_utils.costs.idle import as_rows, idle_nodes


def judged(
    nodes: list[dict[str, Any]], services: list[dict[str, Any]], seconds: float
) -> list[dict[str, Any]]:
    """A row for each node."""
    return as_rows(idle_nodes(nodes, services, float(seconds)))


class FilterModule:
    """The filters of this file, as Ansible asks for them."""

    def filters(self) -> dict[str, Any]:
        """Filter name to function."""
        return {"idle_nodes": judged}
