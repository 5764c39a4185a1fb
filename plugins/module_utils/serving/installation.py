# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What KServe the cluster has, and what that means for installing or removing ours. Pure.

Sources: opendatahub-io/kserve ``pkg/controller/llmisvc/controller.go`` (what is asked once at the
start), Kubernetes API reference ("CustomResourceDefinitionStatus": a stored version cannot be
dropped from the spec), kserve/kserve ``config/manager`` (upstream's names are the same).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from ansible_collections.llmd.tpu.plugins.module_utils.findings import Finding
from ansible_collections.llmd.tpu.plugins.module_utils.serving.tracks import (
    GROUP,
    TRACKS,
    Track,
)

NAMESPACE = "opendatahub"
SERVICES_CRD = f"llminferenceservices.{GROUP}"
CONFIGS_CRD = f"llminferenceserviceconfigs.{GROUP}"
WEBHOOKS = (f"llminferenceservice.{GROUP}", f"llminferenceserviceconfig.{GROUP}")
_MONITORS = ("podmonitors.monitoring.coreos.com", "servicemonitors.monitoring.coreos.com")
_MANY = 10


@dataclass(frozen=True)
class Controller:
    """A Deployment that calls itself a controller of KServe; `owner` is what else manages it."""

    namespace: str
    name: str
    ours: bool = False
    owner: str = ""
    by_operator: bool = False

    @property
    def title(self) -> str:
        """How messages call it."""
        return f"Deployment {self.namespace}/{self.name}"


@dataclass(frozen=True)
class Installation:
    """What was read from the cluster.

    ``webhooks``: the namespace of each webhook configuration's Service. ``crds``: the time at which
    each CRD was created. ``stored``: the versions in which objects of a CRD may be stored.
    ``unreadable``: why the services cannot be listed (their conversion webhook does not answer).
    ``started``: when the oldest running manager of each name started, in our namespace.
    """

    controllers: tuple[Controller, ...] = ()
    webhooks: Mapping[str, str] = field(default_factory=dict)
    crds: Mapping[str, str] = field(default_factory=dict)
    stored: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    services: tuple[str, ...] = ()
    unreadable: str = ""
    started: Mapping[str, str] = field(default_factory=dict)

    @property
    def track(self) -> str:
        """The track of our controller; empty when there is none."""
        names = {one.name for one in self.controllers if one.ours}
        return next((track.name for track in TRACKS.values() if track.controller in names), "")


def check_before_install(
    found: Installation, track: Track, *, adopt: bool, prune: bool, monitoring: bool
) -> list[Finding]:
    """What stands in the way of this track, and what changes with it."""
    return [
        *_foreign(found, track, adopt),
        *_downgrade(found, track),
        *_track_change(found, track, prune),
        *_monitoring(found, monitoring),
    ]


def check_before_removal(found: Installation) -> list[Finding]:
    """Services stand in the way: their finalizer needs the controller and its webhook."""
    if not found.services and not found.unreadable:
        return []
    return [
        Finding(
            code="KSERVE-SERVICES-EXIST",
            severity="error",
            message="there are LLMInferenceServices, or may be; without KServe's controller and "
            "webhook they could be neither changed nor deleted",
            subject=NAMESPACE,
            found=_names(found.services) or f"they cannot be listed: {found.unreadable}",
            expected="no LLMInferenceService in any namespace",
            fix="delete them first (model_state: absent, or kubectl delete llminferenceservice), "
            "whoever made them, and wait until they are gone",
            source="opendatahub-io/kserve, pkg/controller/llmisvc/controller.go (finalizer)",
        )
    ]


def restart_reason(found: Installation, track: Track) -> str:
    """Why the running controller must be started anew; empty when it need not.

    A CRD of the same second counts as later: times have no fractions, and a restart too many costs
    half a minute while a missing watch is noticed by nobody.
    """
    started = found.started.get(track.controller, "")
    later = {
        name: found.crds[name]
        for name in track.watched_crds
        if started and found.crds.get(name, "") >= started
    }
    if not later:
        return ""
    newest = max(later, key=lambda name: (later[name], name))
    return f"{newest} of {later[newest]}"


def _foreign(found: Installation, track: Track, adopt: bool) -> Iterator[Finding]:
    for one in found.controllers:
        if one.ours:
            continue
        elsewhere = (one.namespace, one.name) != (NAMESPACE, track.controller)
        if elsewhere or one.by_operator:
            yield Finding(
                code="KSERVE-FOREIGN",
                severity="error",
                message="another KServe is installed; two controllers would share CRDs, cluster "
                "roles and webhooks, and overwrite each other's",
                subject=one.title,
                found=f"managed by {one.owner}" if one.owner else "not made by this collection",
                expected="no other KServe in the cluster"
                + ("" if elsewhere else ", or one that nothing else manages"),
                fix="use another cluster, or remove that KServe with what installed it "
                f"(kserve_adopt takes only {NAMESPACE}/{track.controller}, without an operator)",
            )
        else:
            yield Finding(
                code="KSERVE-NOT-OURS",
                severity="info" if adopt else "error",
                message="a KServe that this collection did not install is in its place"
                + (" and is taken over" if adopt else ""),
                subject=one.title,
                found=f"managed by {one.owner}" if one.owner else "no label llmd.tpu/phase=kserve",
                expected="nothing, or an installation of this collection",
                fix="set kserve_adopt: true to take it over, or remove it first",
            )
    for name, namespace in found.webhooks.items():
        if namespace != NAMESPACE:
            yield Finding(
                code="KSERVE-WEBHOOK-FOREIGN",
                severity="error",
                message="the webhook of LLMInferenceServices belongs to another KServe",
                subject=f"ValidatingWebhookConfiguration {name}",
                path="webhooks[0].clientConfig.service.namespace",
                found=namespace,
                expected=NAMESPACE,
                fix="remove the other KServe with what installed it, or use another cluster",
            )


def _downgrade(found: Installation, track: Track) -> Iterator[Finding]:
    for name, versions in found.stored.items():
        unknown = [version for version in versions if version not in track.versions]
        if unknown:
            yield Finding(
                code="KSERVE-DOWNGRADE",
                severity="error",
                message=f"{track.name} does not know a version in which objects are stored; the "
                "API server would refuse its CRD",
                subject=f"CustomResourceDefinition {name}",
                path="status.storedVersions",
                found=", ".join(versions),
                expected=f"only {', '.join(track.versions)}",
                fix="stay on the newer track, or remove KServe with its CRDs (kserve_state: "
                "absent, kserve_remove_crds: true) and install it again",
                source="Kubernetes documentation, Versions in CustomResourceDefinitions",
            )


def _track_change(found: Installation, track: Track, prune: bool) -> Iterator[Finding]:
    old = [one for one in found.controllers if one.ours and one.name != track.controller]
    for one in old:
        yield Finding(
            code="KSERVE-TRACK-CHANGE",
            severity="warning" if prune else "error",
            message=f"the track changes to {track.name}"
            + (
                f"; {len(found.services)} running LLMInferenceServices get new pods from the new "
                "controller"
                if found.services
                else ""
            ),
            subject=one.title,
            found="the controller of another track",
            expected=f"only {track.controller}: two controllers would work against each other",
            fix="nothing; it is removed before the new one starts"
            if prune
            else "set kserve_prune: true, or delete it yourself",
        )


def _monitoring(found: Installation, wanted: bool) -> Iterator[Finding]:
    missing = [name for name in _MONITORS if name not in found.crds]
    if wanted and missing:
        yield Finding(
            code="KSERVE-MONITORING-CRDS",
            severity="error",
            message="kserve_monitoring needs the CRDs of the Prometheus Operator, and GKE has none "
            "(its managed Prometheus has kinds of its own)",
            subject="CustomResourceDefinitions",
            found=f"no {', '.join(missing)}",
            expected=" and ".join(_MONITORS),
            fix="install them first (phase operators can), or set kserve_monitoring: false",
            source="opendatahub-io/kserve, pkg/controller/llmisvc/monitoring.go",
        )


def _names(names: tuple[str, ...]) -> str:
    """The first few names, and how many more there are."""
    more = len(names) - _MANY
    return ", ".join(names[:_MANY]) + (f" and {more} more" if more > 0 else "")
