# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A filter that says whether an Istio serves a KServe."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from ansible_collections.llmd.tpu.plugins.module_utils.serving.compatibility import answer


def istio_verdict(istio_version: str, distribution: str, kserve_track: str) -> dict[str, str]:
    """The line of the version table for a combination: level, reason and source."""
    return asdict(answer(distribution, istio_version, kserve_track))


class FilterModule:
    """The filters of this file, as Ansible asks for them."""

    def filters(self) -> dict[str, Any]:
        """Filter name to function."""
        return {"istio_verdict": istio_verdict}
