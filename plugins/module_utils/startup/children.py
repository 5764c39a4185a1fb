# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What KServe says of a service whose objects it makes, and pods that may not be made. Pure.

Sources: opendatahub-io/kserve `pkg/controller/llmisvc` (conditions and reasons, run on
release-v0.15 and v0.17), kube-apiserver's admission plugins, GKE's Warden.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ansible_collections.llmd.tpu.plugins.module_utils.findings import Finding
from ansible_collections.llmd.tpu.plugins.module_utils.readiness import refusals
from ansible_collections.llmd.tpu.plugins.module_utils.readiness.pods import latest
from ansible_collections.llmd.tpu.plugins.module_utils.readiness.verdicts import (
    Object,
    observed,
    status,
)
from ansible_collections.llmd.tpu.plugins.module_utils.serving.rollout import (
    STOP_ANNOTATION,
    is_stopped,
)
from ansible_collections.llmd.tpu.plugins.module_utils.startup.sight import Sight
from ansible_collections.llmd.tpu.plugins.module_utils.startup.signs import (
    OLD_SECONDS,
    Sign,
    quoted,
)

# How long KServe must say it: it writes objects in several steps and repairs itself in between.
STEADY_SECONDS = 2.0
_SOURCE = "KServe, pkg/controller/llmisvc"
# What another try cures: two writers at once, a webhook or API that is not reached for a moment, a
# controller whose cache has not got what it has just made (run with 100 services at once).
_PASSING = re.compile(
    r"has been modified|failed calling webhook|no endpoints available|connection refused"
    r"|timed? ?out|try again|context deadline|\bEOF\b|etcdserver|already exists"
    r"|storage is \(re\)initializing|failed to get current ",
    re.IGNORECASE,
)
_BROKEN = ("GatewayPreconditionNotMet", "ScalingCRDNotFound")
_REFUSED = re.compile(
    r"denied (?:the )?request|is forbidden|is invalid|Invalid value|Required value"
)


def signs_of_service(sight: Sight) -> Iterator[Sign]:
    """What its conditions say, and what keeps its pods from being made."""
    service = sight.service
    if service is None:
        yield Sign(
            Finding(
                code="STARTUP-SERVICE-MISSING",
                severity="error",
                message="the service is not in the cluster",
                subject=sight.subject,
                expected="an LLMInferenceService of this name and namespace",
                fix="apply it first, or check name and namespace: kubectl get "
                "llminferenceservices -A",
                source=_SOURCE,
            ),
            STEADY_SECONDS,
        )
        return
    if is_stopped(service):
        yield Sign(
            Finding(
                code="STARTUP-STOPPED",
                severity="error",
                message="the service is stopped on purpose, so KServe starts nothing",
                path=f'metadata.annotations["{STOP_ANNOTATION}"]',
                subject=sight.subject,
                found="true",
                expected="no such annotation, or false",
                fix=f"take the annotation {STOP_ANNOTATION} away",
                source=_SOURCE,
            )
        )
    if not observed(service).ready:
        return
    yield from _conditions(service, sight)
    yield from _refused_pods(sight)


def _conditions(service: Object, sight: Sight) -> Iterator[Sign]:
    told: set[str] = set()
    for condition in status(service).get("conditions") or ():
        reason, message = str(condition.get("reason", "")), str(condition.get("message", ""))
        # Ready and the sums of others repeat the words of their parts.
        if condition.get("status") == "True" or message in told:
            continue
        name = str(condition.get("type"))
        finding = _condition(name, reason, message, sight.subject)
        if finding:
            told.add(message)
            old = (name, message) in sight.old_conditions
            yield Sign(finding, OLD_SECONDS if old else STEADY_SECONDS)


def _condition(name: str, reason: str, message: str, subject: str) -> Finding | None:
    path = f"status.conditions[{name}]"
    found = quoted(f"{reason}: {message}")
    if _PASSING.search(message):
        return None
    if name == "PresetsCombined":
        if "LLMInferenceServiceConfig" in message and "not found" in message:
            return Finding(
                code="STARTUP-PRESET-MISSING",
                severity="error",
                message="KServe does not find a preset that the service is made of",
                path=path,
                subject=subject,
                found=found,
                expected="the preset in the service's namespace or in KServe's own",
                fix="run phase kserve again, which brings KServe's presets; one of your own "
                "(spec.baseRefs) must be applied before the service",
                source=_SOURCE,
            )
        return Finding(
            code="STARTUP-PRESETS-INVALID",
            severity="error",
            message="KServe cannot combine the service with its presets",
            path=path,
            subject=subject,
            found=found,
            expected="a spec that merges with the presets; no {{ … }} of your own in it",
            fix="correct the field that the message names",
            source=_SOURCE,
        )
    if "Certs" in reason:
        return Finding(
            code="STARTUP-CERTIFICATE-MISSING",
            severity="error",
            message="KServe cannot make the service's TLS certificate",
            path=path,
            subject=subject,
            found=found,
            expected="the Secret with the certificate authority that signs it",
            fix="run phase kserve again, which makes the authority; kubectl get certificate -A "
            "shows whether cert-manager does",
            source=_SOURCE,
        )
    if reason == "RefsInvalid" or "non-existent Gateway" in message:
        return Finding(
            code="STARTUP-GATEWAY-MISSING",
            severity="error",
            message="the service refers to something in front of it that is not there",
            path=path,
            subject=subject,
            found=found,
            expected="the Gateway (or route) that spec.router names",
            fix="run phase gateway, or correct spec.router.gateway.refs",
            source=_SOURCE,
        )
    if not reason.endswith("Error") and reason not in _BROKEN:
        return None
    if _REFUSED.search(message):
        return Finding(
            code="STARTUP-CHILD-REFUSED",
            severity="error",
            message="the API server refuses an object that KServe makes of the service",
            path=path,
            subject=subject,
            found=found,
            expected="objects that pass validation, webhooks and policies",
            fix="correct the field that the message names, or the webhook or policy that refuses",
            source=_SOURCE,
        )
    return Finding(
        code="STARTUP-RECONCILE-FAILED",
        severity="error",
        message="KServe cannot make the service's objects",
        path=path,
        subject=subject,
        found=found,
        expected="no condition with an error",
        fix="correct what the message names; the log of KServe's controller tells more",
        source=_SOURCE,
    )


def _refused_pods(sight: Sight) -> Iterator[Sign]:
    """Pods that quota or admission refuse: there is no pod that could say so."""
    if not sight.refusals:
        return
    verdict = refusals.judge(sight.refusals, 0, leaving=sight.leaving)
    if not verdict or not verdict.hopeless:
        return
    last = latest(sight.refusals)
    message = str(last.get("message", "")).removeprefix("Error creating: ")
    place = last.get("involvedObject") or {}
    path, found = f"{place.get('kind')} {place.get('name')}", quoted(message)
    if "GKE Warden" in message:
        yield Sign(
            Finding(
                code="STARTUP-WARDEN-REFUSED",
                severity="error",
                message="GKE refuses the pods: there will be none",
                path=path,
                subject=sight.subject,
                found=found,
                expected="a pod with both TPU labels in its nodeSelector, with one topology",
                fix="correct spec.template.nodeSelector (llmd.tpu.model_check names the field)",
                source="GKE Warden, tpu-accelerator-topology-constraints",
            )
        )
    elif "quota" in message:
        yield Sign(
            Finding(
                code="STARTUP-QUOTA-EXCEEDED",
                severity="error",
                message="a ResourceQuota of the namespace refuses the pods: there will be none",
                path=path,
                subject=sight.subject,
                found=found,
                expected="room in the quota for the service's pods, with a request for each "
                "resource that the quota counts",
                fix="raise the quota (kubectl describe resourcequota), or free what it counts",
                source="Kubernetes, Resource Quotas",
            )
        )
    else:
        yield Sign(
            Finding(
                code="STARTUP-PODS-REFUSED",
                severity="error",
                message="admission refuses the pods: there will be none",
                path=path,
                subject=sight.subject,
                found=found,
                expected="pods that pass LimitRange, PodSecurity, webhooks and policies",
                fix="correct the pod's field that the message names, or the rule that refuses it",
                source="Kubernetes, Admission Control",
            )
        )
