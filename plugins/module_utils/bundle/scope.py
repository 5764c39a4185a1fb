# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a bundle is about: which namespaces, which kinds, which logs. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.llmd.tpu.plugins.module_utils.operators.view import (
    CERT_MANAGER_OPERATOR,
    SAIL_OPERATORS,
)
from ansible_collections.llmd.tpu.plugins.module_utils.serving.tracks import TRACKS

SERVICES = "llminferenceservices.serving.kserve.io"
POOLS = (
    "inferencepools.inference.networking.k8s.io",
    "inferencepools.inference.networking.x-k8s.io",
)
# Whoever installed them: what runs under these names is a part of the chain.
CONTROLLERS = (
    *SAIL_OPERATORS.values(),
    CERT_MANAGER_OPERATOR,
    "istiod",
    "cert-manager",
    *(track.controller for track in TRACKS.values()),
)
# Objects of these kinds name the namespaces that matter.
TELLING = (SERVICES, *POOLS, "gateways.gateway.networking.k8s.io")
NAMESPACED = (
    SERVICES,
    "llminferenceserviceconfigs.serving.kserve.io",
    "pods",
    "deployments.apps",
    "replicasets.apps",
    "statefulsets.apps",
    "daemonsets.apps",
    "leaderworkersets.leaderworkerset.x-k8s.io",
    "jobs.batch",
    "services",
    "endpointslices.discovery.k8s.io",
    "configmaps",
    "serviceaccounts",
    "persistentvolumeclaims",
    "resourcequotas",
    "limitranges",
    "horizontalpodautoscalers.autoscaling",
    "poddisruptionbudgets.policy",
    "networkpolicies.networking.k8s.io",
    "gateways.gateway.networking.k8s.io",
    "httproutes.gateway.networking.k8s.io",
    "referencegrants.gateway.networking.k8s.io",
    *POOLS,
    "inferenceobjectives.inference.networking.x-k8s.io",
    "inferencemodels.inference.networking.x-k8s.io",
    "certificates.cert-manager.io",
    "certificaterequests.cert-manager.io",
    "issuers.cert-manager.io",
    "destinationrules.networking.istio.io",
    "virtualservices.networking.istio.io",
    "envoyfilters.networking.istio.io",
    "authorizationpolicies.security.istio.io",
    "peerauthentications.security.istio.io",
    "telemetries.telemetry.istio.io",
    "roles.rbac.authorization.k8s.io",
    "rolebindings.rbac.authorization.k8s.io",
    "events",
)
CLUSTER = (
    "namespaces",
    "nodes",
    "istios.sailoperator.io",
    "istiorevisions.sailoperator.io",
    "certmanagers.operator.openshift.io",
    "gatewayclasses.gateway.networking.k8s.io",
    "clusterissuers.cert-manager.io",
    "validatingwebhookconfigurations.admissionregistration.k8s.io",
    "mutatingwebhookconfigurations.admissionregistration.k8s.io",
    "apiservices.apiregistration.k8s.io",
    "priorityclasses.scheduling.k8s.io",
    "storageclasses.storage.k8s.io",
)
DESCRIBED = (
    SERVICES,
    "pods",
    "deployments.apps",
    "services",
    "gateways.gateway.networking.k8s.io",
    "httproutes.gateway.networking.k8s.io",
    *POOLS,
)


@dataclass(frozen=True)
class Log:
    """One container's log; `previous` is that of the run before the present one."""

    namespace: str
    pod: str
    container: str
    previous: bool
    troubled: bool
    """Whether the container restarted or is not ready: what is read first when there is no room."""


def served(lines: str) -> set[str]:
    """The resources that a server has, as NAME or NAME.GROUP, by `api-resources --no-headers`."""
    found: set[str] = set()
    for line in lines.splitlines():
        words = line.split()
        if len(words) < 4:
            continue
        group, slash, _version = words[-3].rpartition("/")
        found.add(f"{words[0]}.{group}" if slash else words[0])
    return found


def namespaces_of(ours: str, telling: str, deployments: str) -> list[str]:
    """The namespaces that matter, by three answers: names, namespaces, namespaces with names."""
    found = {line.rpartition("/")[2].strip() for line in ours.splitlines()}
    found |= {line.strip() for line in telling.splitlines()}
    for line in deployments.splitlines():
        namespace, _blank, name = line.strip().partition(" ")
        if name in CONTROLLERS:
            found.add(namespace)
    return sorted(found - {""})


def logs_of(pods: Iterable[Mapping[str, Any]]) -> list[Log]:
    """The logs that there are: of containers that run or ran, and of the run before."""
    return [log for pod in pods for log in _logs(pod)]


def _logs(pod: Mapping[str, Any]) -> Iterable[Log]:
    metadata, status = pod["metadata"], pod.get("status") or {}
    for field in ("initContainerStatuses", "containerStatuses", "ephemeralContainerStatuses"):
        for one in status.get(field) or ():
            state, before = one.get("state") or {}, one.get("lastState") or {}
            ended = state.get("terminated") or {}
            restarted = bool(one.get("restartCount")) and "terminated" in before
            well = one.get("ready") or ended.get("exitCode") == 0
            place = (str(metadata["namespace"]), str(metadata["name"]), str(one["name"]))
            if "running" in state or ended or "terminated" in before:
                yield Log(*place, False, restarted or not well)
            if restarted:
                yield Log(*place, True, True)


def sorted_events(events: Sequence[Mapping[str, Any]]) -> str:
    """Events as lines, the latest last."""
    return "".join(f"{line}\n" for line in sorted(map(_event, events)))


def _event(event: Mapping[str, Any]) -> str:
    series = event.get("series") or {}
    about = event.get("involvedObject") or event.get("regarding") or {}
    times = event.get("count") or series.get("count") or 1
    stamp = (
        series.get("lastObservedTime")
        or event.get("lastTimestamp")
        or event.get("eventTime")
        or event["metadata"].get("creationTimestamp")
        or ""
    )
    words = " ".join(str(event.get("message") or event.get("note") or "").split())
    return (
        f"{str(stamp)[:19]}  {event.get('type', '')}  {event.get('reason', '')}  "
        f"{about.get('kind', '')}/{about.get('name', '')}  x{times}  {words}"
    )
