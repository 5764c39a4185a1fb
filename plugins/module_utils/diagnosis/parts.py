# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The programs that everything needs: Istio, cert-manager, KServe's controller, DNS. Pure.

A part is down when none of its pods is available. Why is asked of its pods and their events, as for
every other workload (`readiness/pods.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from ansible_collections.llmd.tpu.plugins.module_utils.diagnosis.snapshot import (
    DNS_NAMESPACE,
    Snapshot,
    Suspect,
)
from ansible_collections.llmd.tpu.plugins.module_utils.findings import Finding
from ansible_collections.llmd.tpu.plugins.module_utils.readiness import pods as pod_rules
from ansible_collections.llmd.tpu.plugins.module_utils.readiness import refusals
from ansible_collections.llmd.tpu.plugins.module_utils.readiness.verdicts import (
    Object,
    status,
    with_status,
)
from ansible_collections.llmd.tpu.plugins.module_utils.serving.rollout import replicas_of
from ansible_collections.llmd.tpu.plugins.module_utils.serving.tracks import TRACKS
from ansible_collections.llmd.tpu.plugins.module_utils.startup.signs import quoted

SETTLING_SECONDS = 20.0
"""What is made of a service may be missing for so long."""
STARTING_SECONDS = 120.0
"""A part may be away for so long while it starts; a scheduler's probes begin after 30 s alone."""
_CERTIFICATES = ("cert-manager", "webhook", "cainjector")
_WHY = "kubectl -n {namespace} get pods; kubectl -n {namespace} describe deployment {name}"


@dataclass(frozen=True)
class Away:
    """Why no pod of a Deployment serves; ``kind`` as the kubelet's states are told apart."""

    deployment: Object
    kind: str
    words: str

    @property
    def title(self) -> str:
        """How messages call the Deployment."""
        place = self.deployment["metadata"]
        return f"Deployment {place.get('namespace')}/{place['name']}"

    @property
    def look(self) -> str:
        """The command that shows more."""
        place = self.deployment["metadata"]
        return _WHY.format(namespace=place.get("namespace"), name=place["name"])


def away(deployment: Object, snapshot: Snapshot) -> Away | None:
    """Why none of its pods is available; None while one is, or while it is just replaced."""
    replicas = replicas_of(deployment)
    if replicas.available:
        return None
    if replicas.wanted == 0:
        return Away(deployment, "stopped", "it is scaled to 0 replicas")
    namespace = str(deployment["metadata"].get("namespace"))
    events = snapshot.things.all("Event", namespace)
    told = refusals.of(events, {}, [deployment])
    refused = refusals.judge(told, 0, leaving=False)
    if refused and not replicas.present:
        return Away(deployment, "refused", quoted(refused.reason))
    pods = pod_rules.newest(pods_of(deployment, snapshot))
    mounts = [
        event
        for event in events
        if event.get("reason") == "FailedMount"
        and (event.get("involvedObject") or {}).get("uid")
        in {pod["metadata"].get("uid") for pod in pods}
        and not _running(pods)
    ]
    if mounts and snapshot.born(pods[0]) > 3:
        words = str(pod_rules.latest(mounts).get("message", ""))
        return Away(deployment, "volume", quoted(words))
    trouble = next(iter(pod_rules.troubles(pods, events, {})), None)
    if trouble:
        words = f"{trouble.place}: {trouble.verdict.reason}"
        return Away(deployment, trouble.kind, quoted(words, trouble.pod))
    changed = with_status(deployment, "Available", "False") or {}
    if snapshot.age(changed.get("lastTransitionTime")) < STARTING_SECONDS:
        return None
    verdict = pod_rules.judge(pods, events, {})
    words = verdict.reason if verdict else f"{len(pods)} pods, none of them is ready"
    return Away(deployment, "other", quoted(words))


def _running(pods: Sequence[Object]) -> bool:
    return any(
        "running" in (one.get("state") or {})
        for pod in pods
        for one in status(pod).get("containerStatuses") or ()
    )


def settling(pods: Iterable[Object], snapshot: Snapshot) -> bool:
    """Whether one of these pods starts, or just has: what it serves follows in a moment."""
    return any(_settles(pod, snapshot) for pod in pods)


def _settles(pod: Object, snapshot: Snapshot) -> bool:
    place = pod["metadata"]
    events = snapshot.things.all("Event", str(place.get("namespace")))
    if place.get("deletionTimestamp") or pod_rules.unschedulable(pod):
        return False
    if any(pod_rules.troubles([pod], events, {})):
        return False
    if ready := with_status(pod, "Ready"):
        return snapshot.age(ready.get("lastTransitionTime")) < SETTLING_SECONDS
    lost = with_status(pod, "Ready", "False") or {}
    since = lost.get("lastTransitionTime") or place.get("creationTimestamp")
    return snapshot.age(since) < STARTING_SECONDS


def pods_of(deployment: Object, snapshot: Snapshot) -> list[Object]:
    """The pods that a Deployment selects."""
    selector = ((deployment.get("spec") or {}).get("selector") or {}).get("matchLabels")
    return snapshot.things.pods(str(deployment["metadata"].get("namespace")), selector)


def suspects_of_parts(snapshot: Snapshot) -> Iterator[Suspect]:
    """Every part that is down."""
    yield from _dns(snapshot)
    yield from _cert_manager(snapshot)
    yield from _istio(snapshot)
    yield from _controller(snapshot)


def _dns(snapshot: Snapshot) -> Iterator[Suspect]:
    servers = snapshot.things.labelled("Deployment", DNS_NAMESPACE, {"k8s-app": "kube-dns"})
    down = [one for one in (away(each, snapshot) for each in servers) if one]
    if servers and len(down) == len(servers):
        finding = Finding(
            code="DIAGNOSIS-DNS-DOWN",
            severity="error",
            message="no DNS server of the cluster runs, so no pod finds another by its name",
            subject=down[0].title,
            found=down[0].words,
            expected="at least one pod that is available",
            fix=f"bring it back: {down[0].look}",
            source="Kubernetes, DNS for Services and Pods",
        )
        yield Suspect("operators", finding, place=DNS_NAMESPACE)


def _cert_manager(snapshot: Snapshot) -> Iterator[Suspect]:
    places = {str(one["metadata"]["namespace"]) for one in snapshot.operators.cert_managers}
    for namespace in sorted(places):
        for name in _CERTIFICATES:
            label = {"app.kubernetes.io/name": name}
            for deployment in snapshot.things.labelled("Deployment", namespace, label):
                down = away(deployment, snapshot)
                if down:
                    finding = Finding(
                        code="DIAGNOSIS-CERT-MANAGER-DOWN",
                        severity="error",
                        message="cert-manager does not run: no certificate is issued or renewed, "
                        "and webhooks lose theirs",
                        subject=down.title,
                        found=down.words,
                        expected="at least one pod that is available",
                        fix="run phase operators again (ansible-playbook llmd.tpu.operators); "
                        f"{down.look} tells more",
                        source="cert-manager, its controller, webhook and CA injector",
                    )
                    yield Suspect("operators", finding, place=namespace)


def _istio(snapshot: Snapshot) -> Iterator[Suspect]:
    istiods = snapshot.operators.istiods
    down = [one for one in (away(each, snapshot) for each in istiods) if one]
    if istiods and len(down) < len(istiods):
        return
    missing = f"no Deployment with label app=istiod in namespace {snapshot.places.mesh}"
    finding = Finding(
        code="DIAGNOSIS-ISTIO-DOWN",
        severity="error",
        message="istiod does not run: gateways keep what they know, and nothing new reaches them",
        subject=down[0].title if down else f"Namespace {snapshot.places.mesh}",
        found=down[0].words if down else missing,
        expected="at least one pod that is available",
        fix="run phase operators again (ansible-playbook llmd.tpu.operators)"
        + (f"; {down[0].look} tells more" if down else ""),
        source="Istio, pilot",
    )
    yield Suspect("operators", finding, place=snapshot.places.mesh)


def _controller(snapshot: Snapshot) -> Iterator[Suspect]:
    namespace = snapshot.places.kserve
    names = {track.controller for track in TRACKS.values()}
    found = [
        one
        for one in snapshot.things.all("Deployment", namespace)
        if one["metadata"]["name"] in names
    ]
    down = [one for one in (away(each, snapshot) for each in found) if one]
    if len(down) < len(found) or not snapshot.things.read("Deployment", namespace):
        return
    wanted = " or ".join(sorted(names))
    finding = Finding(
        code="DIAGNOSIS-CONTROLLER-DOWN",
        severity="error",
        message="KServe's controller does not run: services are neither made, nor repaired, nor "
        "deleted, and its webhook refuses every change",
        subject=down[0].title if down else f"Namespace {namespace}",
        found=down[0].words if down else f"no Deployment {wanted}",
        expected="at least one pod that is available",
        fix="run phase kserve again (ansible-playbook llmd.tpu.kserve)"
        + (f"; {down[0].look} tells more" if down else ""),
        source="KServe, cmd/manager and cmd/llmisvc",
    )
    yield Suspect("kserve", finding, place=namespace)
