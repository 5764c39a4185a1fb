# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What differs between the KServe releases we support, as data.

Sources: opendatahub-io/kserve, branch release-v0.15 (``pkg/controller/llmisvc``,
``config/llmisvc/config-llm-template.yaml``) and the odh-v3.4 module of the v0.17 line
(``pkg/controller/v1alpha2/llmisvc``, ``config/llmisvcconfig/config-llm-template.yaml``);
``config/overlays/odh-xks`` rendered at both pinned commits.
"""

from __future__ import annotations

from dataclasses import dataclass

GROUP = "serving.kserve.io"
KIND = "LLMInferenceService"
REPOSITORY = "https://github.com/opendatahub-io/kserve"

# The controller looks these up by name on both tracks; a missing one shows only as
# PresetsCombined=False while Ready stays Unknown.
PRESETS = (
    "kserve-config-llm-decode-template",
    "kserve-config-llm-decode-worker-data-parallel",
    "kserve-config-llm-prefill-template",
    "kserve-config-llm-prefill-worker-data-parallel",
    "kserve-config-llm-router-route",
    "kserve-config-llm-scheduler",
    "kserve-config-llm-template",
    "kserve-config-llm-worker-data-parallel",
)

# The controller asks once, when it starts, which of these the cluster has, and watches only those
# (SetupWithManager in controller.go).
_WATCHED_CRDS = (
    "destinationrules.networking.istio.io",
    "gateways.gateway.networking.k8s.io",
    "httproutes.gateway.networking.k8s.io",
    "inferencepools.inference.networking.x-k8s.io",
    "leaderworkersets.leaderworkerset.x-k8s.io",
    "podmonitors.monitoring.coreos.com",
    "servicemonitors.monitoring.coreos.com",
)

# config/llmisvc/config-llm-scheduler.yaml of release-v0.15, with what its template would fill in.
_SCHEDULER_ARGUMENTS = (
    "--pool-name", "{pool}",
    "--pool-namespace", "{namespace}",
    "--pool-group", "inference.networking.x-k8s.io",
    "--zap-encoder", "json",
    "--grpc-port", "9002",
    "--grpc-health-port", "9003",
    "--secure-serving",
    "--model-server-metrics-scheme", "https",
    "--cert-path", "/var/run/kserve/tls",
)  # fmt: skip


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
    ``objects`` is how many objects the overlay holds at ``commit``; ``certificate`` is the one of
    the webhooks, and its Secret has the same name with ``-cert`` behind it. ``pool_api_version`` is
    the one of the InferencePool that serves; empty where two are made and Istio decides which one
    is accepted, so that only the service's own condition tells. ``scheduler_arguments`` are those
    of the preset's scheduler, which a configuration of one's own must repeat; empty where the spec
    has a field for it. ``model_object``: an InferenceModel is made, whose model name cannot change.
    """

    name: str
    commit: str
    objects: int
    controller: str
    certificate: str
    watched_crds: tuple[str, ...]
    api_version: str
    accepted_api_versions: tuple[str, ...]
    script_in_args: bool
    startup: Probe | None
    liveness: Probe
    shadow_destination_rule: str
    migrated_annotation: str
    pool_api_version: str = ""
    scheduler_arguments: tuple[str, ...] = ()
    model_object: bool = False
    presets: tuple[str, ...] = PRESETS

    @property
    def source(self) -> str:
        """The pinned manifests, as the filter ``source`` reads it."""
        return f"{REPOSITORY}?ref={self.commit}"

    @property
    def stored_version(self) -> str:
        """The API version in which the API server keeps the objects (v1alpha1)."""
        return self.api_version.rpartition("/")[2]

    @property
    def versions(self) -> tuple[str, ...]:
        """The API versions of its CRDs, without the group."""
        return tuple(one.rpartition("/")[2] for one in self.accepted_api_versions)


TRACKS = {
    track.name: track
    for track in (
        Track(
            name="release-v0.15",
            commit="9682be26da593e5dd52555848cfc39a0b9fef9cd",
            objects=38,
            controller="kserve-controller-manager",
            certificate="kserve-webhook-server",
            watched_crds=(*_WATCHED_CRDS, "inferencemodels.inference.networking.x-k8s.io"),
            api_version=f"{GROUP}/v1alpha1",
            accepted_api_versions=(f"{GROUP}/v1alpha1",),
            script_in_args=True,
            startup=None,
            liveness=Probe(delay=120, period=10, failures=3),
            shadow_destination_rule="-kserve-workload",
            migrated_annotation="serving.kserve.io/inferencepool-migrated",
            scheduler_arguments=_SCHEDULER_ARGUMENTS,
            model_object=True,
        ),
        Track(
            name="release-v0.17",
            commit="97dac48d95ad7799db6a63788403595523e7168b",
            objects=75,
            controller="llmisvc-controller-manager",
            certificate="llmisvc-webhook-server",
            watched_crds=(
                *_WATCHED_CRDS,
                "inferencepools.inference.networking.k8s.io",
                "scaledobjects.keda.sh",
                "variantautoscalings.llmd.ai",
            ),
            api_version=f"{GROUP}/v1alpha2",
            accepted_api_versions=(f"{GROUP}/v1alpha1", f"{GROUP}/v1alpha2"),
            script_in_args=False,
            startup=Probe(delay=0, period=10, failures=60),
            liveness=Probe(delay=0, period=10, failures=3),
            shadow_destination_rule="-kserve-shadow-svc",
            migrated_annotation="serving.kserve.io/inference-pool-migrated",
            pool_api_version="inference.networking.k8s.io/v1",
        ),
    )
}

DEFAULT_TRACK = "release-v0.15"
