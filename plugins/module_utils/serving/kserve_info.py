# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Read what KServe the cluster has, and give it with the findings."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any
from urllib.parse import quote, urlencode

from ansible_collections.llmd.tpu.plugins.module_utils.connection import (
    ConnectionProblem,
    Session,
    connect,
    connection_options,
)
from ansible_collections.llmd.tpu.plugins.module_utils.findings import (
    describe,
    failure_message,
    has_errors,
    sort_findings,
)
from ansible_collections.llmd.tpu.plugins.module_utils.serving.installation import (
    CONFIGS_CRD,
    NAMESPACE,
    SERVICES_CRD,
    WEBHOOKS,
    Controller,
    Installation,
    check_before_install,
    check_before_removal,
    restart_reason,
)
from ansible_collections.llmd.tpu.plugins.module_utils.serving.live import (
    ObjectReadError,
    list_metadata,
    list_pods,
    send,
)
from ansible_collections.llmd.tpu.plugins.module_utils.serving.tracks import (
    DEFAULT_TRACK,
    GROUP,
    TRACKS,
)

_CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
_SERVER_ERROR = 500
_LABEL = ("llmd.tpu/phase", "kserve")
_NAMES = ",".join(sorted(track.controller for track in TRACKS.values()))


def argument_spec() -> dict[str, Any]:
    """Give the options of the task, with kubernetes.core's connection options."""
    return {
        **connection_options(),
        "kserve_track": {"type": "str", "default": DEFAULT_TRACK, "choices": list(TRACKS)},
        "state": {"type": "str", "default": "present", "choices": ["present", "absent"]},
        "adopt": {"type": "bool", "default": False},
        "prune": {"type": "bool", "default": True},
        "monitoring": {"type": "bool", "default": False},
        "findings_only": {"type": "bool", "default": False},
    }


def run(
    parameters: Mapping[str, Any], open_session: Callable[[Mapping[str, Any]], Session] = connect
) -> dict[str, Any]:
    """Read the cluster, judge it, and give the task's result."""
    try:
        session = open_session(parameters)
        found = read_installation(session)
    except (ObjectReadError, ConnectionProblem) as problem:
        return {"failed": True, "changed": False, "msg": str(problem)}
    track = TRACKS[parameters["kserve_track"]]
    if parameters["state"] == "absent":
        findings = check_before_removal(found)
    else:
        options = {name: bool(parameters[name]) for name in ("adopt", "prune", "monitoring")}
        findings = check_before_install(found, track, **options)
    findings = sort_findings(findings)
    result: dict[str, Any] = {
        "changed": False,
        "findings": [finding.to_dict() for finding in findings],
        "track": found.track,
        "controllers": [
            {
                "namespace": one.namespace,
                "name": one.name,
                "ours": one.ours,
                "owner": one.owner,
            }
            for one in found.controllers
        ],
        "services": list(found.services),
        "restart": restart_reason(found, track),
    }
    warnings = [describe(finding) for finding in findings if finding.severity == "warning"]
    if warnings:
        result["warnings"] = warnings
    if has_errors(findings) and not parameters["findings_only"]:
        result.update(failed=True, msg=failure_message(f"KServe in {session.server}", findings))
    return result


def read_installation(session: Session) -> Installation:
    """Ask for controllers, webhooks, CRDs, services and the age of the managers.

    Raises ObjectReadError when the API server does not say.
    """
    selector = urlencode({"labelSelector": f"control-plane in ({_NAMES})"})
    deployments = send(session, "GET", f"/apis/apps/v1/deployments?{selector}")["items"] or ()
    crds = {
        item["metadata"]["name"]: str(item["metadata"]["creationTimestamp"])
        for item in list_metadata(session, _CRDS)
    }
    definitions = {
        name: send(session, "GET", f"{_CRDS}/{quote(name)}")
        for name in (SERVICES_CRD, CONFIGS_CRD)
        if name in crds
    }
    services, unreadable = _services(session, definitions.get(SERVICES_CRD))
    return Installation(
        controllers=tuple(controller_of(item) for item in deployments),
        webhooks=_webhooks(session),
        crds=crds,
        stored={
            name: tuple(item.get("status", {}).get("storedVersions") or ())
            for name, item in definitions.items()
        },
        services=services,
        unreadable=unreadable,
        started=_started(session, [item["metadata"]["name"] for item in deployments]),
    )


def controller_of(deployment: Mapping[str, Any]) -> Controller:
    """Who made a controller, and who else looks after it."""
    metadata = deployment["metadata"]
    labels, annotations = metadata.get("labels") or {}, metadata.get("annotations") or {}
    owners = [f"{one['kind']} {one['name']}" for one in metadata.get("ownerReferences") or ()]
    # The operators of Open Data Hub and OpenShift AI mark what they deploy with these labels.
    odh = next((name for name in labels if name.startswith("platform.opendatahub.io/")), "")
    owner = next(iter(owners), "") or (f"an operator (label {odh})" if odh else "")
    release = annotations.get("meta.helm.sh/release-name", "")
    return Controller(
        namespace=metadata["namespace"],
        name=metadata["name"],
        ours=labels.get(_LABEL[0]) == _LABEL[1],
        owner=owner or (f"Helm release {release}" if release else ""),
        by_operator=bool(owner),
    )


def _webhooks(session: Session) -> dict[str, str]:
    """The namespace of the Service behind each of KServe's validating webhooks that is there."""
    path = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations"
    found = {}
    for item in send(session, "GET", path).get("items") or ():
        for webhook in item.get("webhooks") or ():
            service = (webhook.get("clientConfig") or {}).get("service") or {}
            if item["metadata"]["name"] in WEBHOOKS and service:
                found[item["metadata"]["name"]] = str(service.get("namespace", ""))
    return found


def _services(
    session: Session, definition: Mapping[str, Any] | None
) -> tuple[tuple[str, ...], str]:
    """All LLMInferenceServices, and why they cannot be listed.

    Asked for in the stored version: only objects stored in an older one need the conversion
    webhook, which a run that repairs the controller must not depend on.
    """
    if definition is None:
        return (), ""
    versions = definition["spec"]["versions"]
    stored = next(version["name"] for version in versions if version["storage"])
    try:
        items = list_metadata(session, f"/apis/{GROUP}/{stored}/llminferenceservices")
    except ObjectReadError as problem:
        if problem.status < _SERVER_ERROR:
            raise
        return (), str(problem)
    names = (f"{item['metadata']['namespace']}/{item['metadata']['name']}" for item in items)
    return tuple(sorted(names)), ""


def _started(session: Session, names: Iterable[str]) -> dict[str, str]:
    """When the oldest running manager of each name started; terminating pods do not count."""
    result: dict[str, str] = {}
    for name in names:
        times = [
            str(status["state"]["running"]["startedAt"])
            for pod in list_pods(session, NAMESPACE, f"control-plane={name}")
            if not pod["metadata"].get("deletionTimestamp")
            for status in (pod.get("status") or {}).get("containerStatuses") or ()
            if status["name"] == "manager" and (status.get("state") or {}).get("running")
        ]
        if times:
            result[name] = min(times)
    return result
