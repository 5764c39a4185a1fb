# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What differs between the KServe releases we support, as data.

Sources: opendatahub-io/kserve, branch release-v0.15 (``pkg/controller/llmisvc``,
``config/llmisvc/config-llm-template.yaml``) and the odh-v3.4 module of the v0.17 line
(``pkg/controller/v1alpha2/llmisvc``, ``config/llmisvcconfig/config-llm-template.yaml``).
"""

from __future__ import annotations

from dataclasses import dataclass

GROUP = "serving.kserve.io"
KIND = "LLMInferenceService"


@dataclass(frozen=True)
class Probe:
    """The numbers of a probe in the preset: seconds, seconds, count."""

    delay: int
    period: int
    failures: int


@dataclass(frozen=True)
class Track:
    """One release line of KServe.

    ``script_in_args``: the preset's start script is the container's ``args``, so ``args`` of a user
    replaces it. On later releases the script is in ``command`` and ``args`` are flags for vllm.
    """

    name: str
    api_version: str
    accepted_api_versions: tuple[str, ...]
    script_in_args: bool
    startup: Probe | None
    liveness: Probe
    shadow_destination_rule: str
    migrated_annotation: str


TRACKS = {
    track.name: track
    for track in (
        Track(
            name="release-v0.15",
            api_version=f"{GROUP}/v1alpha1",
            accepted_api_versions=(f"{GROUP}/v1alpha1",),
            script_in_args=True,
            startup=None,
            liveness=Probe(delay=120, period=10, failures=3),
            shadow_destination_rule="-kserve-workload",
            migrated_annotation="serving.kserve.io/inferencepool-migrated",
        ),
        Track(
            name="release-v0.17",
            api_version=f"{GROUP}/v1alpha2",
            accepted_api_versions=(f"{GROUP}/v1alpha1", f"{GROUP}/v1alpha2"),
            script_in_args=False,
            startup=Probe(delay=0, period=10, failures=60),
            liveness=Probe(delay=0, period=10, failures=3),
            shadow_destination_rule="-kserve-shadow-svc",
            migrated_annotation="serving.kserve.io/inference-pool-migrated",
        ),
    )
}

DEFAULT_TRACK = "release-v0.15"
