# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The table of KServe's tracks, for roles and playbooks."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.llmd.tpu.plugins.module_utils.serving.tracks import TRACKS


def kserve_track(name: str) -> dict[str, Any]:
    """What differs between the tracks, of one of them.

    Raises AnsibleFilterError for a name that is no track.
    """
    track = TRACKS.get(name)
    if track is None:
        raise AnsibleFilterError(f"{name!r} is no track of KServe. Expected: {', '.join(TRACKS)}.")
    return {**asdict(track), "source": track.source, "versions": list(track.versions)}


class FilterModule:
    """The filters of this file, as Ansible asks for them."""

    def filters(self) -> dict[str, Any]:
        """Filter name to function."""
        return {"kserve_track": kserve_track}
