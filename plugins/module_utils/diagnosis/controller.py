# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What KServe's controller needs and does not notice that it is gone. Pure.

Ready=True outlives all of this: the controller watches neither Secrets nor ConfigMaps, and what
CRDs there are it asks once, when it starts. Source: KServe release-v0.15, run; `pkg/controller/
llmisvc/controller.go`.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from ansible_collections.llmd.tpu.plugins.module_utils.diagnosis.certificates import certificate_of
from ansible_collections.llmd.tpu.plugins.module_utils.diagnosis.snapshot import Snapshot, Suspect
from ansible_collections.llmd.tpu.plugins.module_utils.findings import Finding
from ansible_collections.llmd.tpu.plugins.module_utils.gateway.judge import ca_certificate
from ansible_collections.llmd.tpu.plugins.module_utils.serving.installation import (
    SERVICES_CRD,
    restart_reason,
)
from ansible_collections.llmd.tpu.plugins.module_utils.serving.tracks import (
    GROUP,
    TRACKS,
    Track,
)
from ansible_collections.llmd.tpu.plugins.module_utils.startup.judging import unknown_kind
from ansible_collections.llmd.tpu.plugins.module_utils.startup.sight import name_of

_SOURCE = "KServe, pkg/controller/llmisvc"
CONFIG = "inferenceservice-config"
_NEEDED = (
    "gateways.gateway.networking.k8s.io",
    "httproutes.gateway.networking.k8s.io",
    "inferencepools.inference.networking.k8s.io",
    "inferencepools.inference.networking.x-k8s.io",
    "destinationrules.networking.istio.io",
)


def track_of(snapshot: Snapshot) -> Track | None:
    """The release of KServe that is installed; None when nobody knows."""
    names = {one.name for one in snapshot.installation.controllers}
    return next((track for track in TRACKS.values() if track.controller in names), None)


def suspects_of_controller(snapshot: Snapshot) -> Iterator[Suspect]:
    """What it lacks."""
    if snapshot.installation.crds and SERVICES_CRD not in snapshot.installation.crds:
        missing = unknown_kind(f"CustomResourceDefinition {SERVICES_CRD}", GROUP)
        yield Suspect("kserve", missing)
        return
    yield from _definitions(snapshot)
    yield from _config(snapshot)
    yield from _presets(snapshot)
    yield from _authority(snapshot)
    yield from _blind(snapshot)


def _definitions(snapshot: Snapshot) -> Iterator[Suspect]:
    known = snapshot.installation.crds
    missing = [name for name in _NEEDED if known and name not in known]
    if missing:
        finding = Finding(
            code="DIAGNOSIS-CRD-MISSING",
            severity="error",
            message="kinds that KServe makes of a service do not exist in this cluster",
            subject=f"CustomResourceDefinition {missing[0]}",
            found=f"missing: {', '.join(missing)}",
            expected="the CRDs of the Gateway API, the inference extension and Istio",
            fix="run phase operators again (ansible-playbook llmd.tpu.operators), then phase "
            "kserve, which restarts KServe's controller",
            source="KServe, SetupWithManager in controller.go",
        )
        yield Suspect("operators", finding)


def _config(snapshot: Snapshot) -> Iterator[Suspect]:
    namespace = snapshot.places.kserve
    seen = snapshot.gateway.kserve_config if snapshot.gateway else None
    if seen is None and snapshot.gateway is not None:
        finding = Finding(
            code="DIAGNOSIS-CONFIG-MISSING",
            severity="error",
            message="KServe's configuration is gone: running services stay as they are and Ready, "
            "no service can be made, changed or repaired, and nothing says so",
            subject=f"ConfigMap {namespace}/{CONFIG}",
            found="it does not exist",
            expected="the ConfigMap of phase kserve",
            fix="run phase kserve again (ansible-playbook llmd.tpu.kserve)",
            source="KServe release-v0.15, run",
        )
        yield Suspect("kserve", finding)


def _presets(snapshot: Snapshot) -> Iterator[Suspect]:
    track, namespace = track_of(snapshot), snapshot.places.kserve
    if track is None or not snapshot.things.read("LLMInferenceServiceConfig", namespace):
        return
    there = {name_of(one) for one in snapshot.things.all("LLMInferenceServiceConfig", namespace)}
    missing = [name for name in track.presets if name not in there]
    if missing:
        finding = Finding(
            code="STARTUP-PRESET-MISSING",
            severity="error",
            message="presets that KServe makes services of are gone: running services stay Ready, "
            "and no service can be made or changed",
            subject=f"LLMInferenceServiceConfig {namespace}/{missing[0]}",
            found=f"missing: {', '.join(missing)}",
            expected="all presets of the release",
            fix="run phase kserve again (ansible-playbook llmd.tpu.kserve)",
            source=_SOURCE,
        )
        yield Suspect("kserve", finding)


def _authority(snapshot: Snapshot) -> Iterator[Suspect]:
    place = f"{snapshot.places.certificates}/{snapshot.places.authority}"
    if snapshot.gateway is None:
        return
    secret = snapshot.gateway.ca_secret
    text = ca_certificate(secret)
    if secret is None:
        finding = Finding(
            code="STARTUP-CERTIFICATE-MISSING",
            severity="error",
            message="the certificate authority's Secret is gone: running services stay Ready, and "
            "no service can be made",
            subject=f"Secret {place}",
            found="it does not exist",
            expected="the Secret that cert-manager makes of Certificate opendatahub-ca",
            fix="run phase kserve again (ansible-playbook llmd.tpu.kserve); kubectl get "
            "certificate -A shows whether cert-manager makes it",
            source=_SOURCE,
        )
        yield Suspect("kserve", finding)
    elif text:
        over = expired(text, f"Secret {place}", "run phase kserve again", snapshot.now)
        if over:
            yield Suspect("kserve", over)


def expired(pem: str, subject: str, fix: str, now: datetime) -> Finding | None:
    """Whether a certificate has run out, or is not valid yet."""
    read = certificate_of(pem)
    if read is None or read.not_valid_before_utc <= now < read.not_valid_after_utc:
        return None
    over = read.not_valid_after_utc <= now
    when = read.not_valid_after_utc if over else read.not_valid_before_utc
    words = f"{'it expired on' if over else 'it is valid from'} {when:%Y-%m-%d %H:%M} UTC"
    return Finding(
        code="DIAGNOSIS-CERTIFICATE-EXPIRED",
        severity="error",
        message="the certificate is not valid now, so whoever verifies it refuses the connection",
        subject=subject,
        found=f"{read.subject.rfc4514_string()}: {words}",
        expected="a certificate that is valid now",
        fix=f"{fix}; kubectl get certificate -A shows whether cert-manager renews it",
        source="RFC 5280, section 4.1.2.5",
    )


def _blind(snapshot: Snapshot) -> Iterator[Suspect]:
    track = track_of(snapshot)
    reason = restart_reason(snapshot.installation, track) if track else ""
    if track and reason:
        finding = Finding(
            code="DIAGNOSIS-CONTROLLER-BLIND",
            severity="warning",
            message="KServe's controller is older than a CRD that it should watch: what somebody "
            "deletes of that kind is not made again, and Ready stays True",
            subject=f"Deployment {snapshot.places.kserve}/{track.controller}",
            found=f"{reason}; the controller started at "
            f"{snapshot.installation.started.get(track.controller)}",
            expected="a controller that started after the CRDs were made",
            fix=f"kubectl -n {snapshot.places.kserve} rollout restart deployment "
            f"{track.controller} (phase kserve does it by itself)",
            source="KServe, SetupWithManager in controller.go",
        )
        yield Suspect("kserve", finding)
