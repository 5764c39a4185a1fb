# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Containers that do not come up: image, volumes, download, server, probes. Pure.

A run that ended for a cause which its log names will end so again, and counts at once. A refused
image counts at its second refusal, a crash that nothing explains when the container crashed again
after two restarts, as for every other workload (`readiness/pods.py`). Runs that had begun long
before the first look count for nothing: what they failed of may be repaired.

Sources: Kubernetes documentation ("Images", "Pod Lifecycle", "Node-pressure Eviction"), the
kubelet's events.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ansible_collections.llmd.tpu.plugins.module_utils.findings import Finding
from ansible_collections.llmd.tpu.plugins.module_utils.readiness.pods import (
    Begun,
    Trouble,
    troubles,
)
from ansible_collections.llmd.tpu.plugins.module_utils.readiness.verdicts import Object, status
from ansible_collections.llmd.tpu.plugins.module_utils.serving.view import SERVER_CONTAINER
from ansible_collections.llmd.tpu.plugins.module_utils.startup.causes import (
    Cause,
    cause_of_download,
    cause_of_server,
)
from ansible_collections.llmd.tpu.plugins.module_utils.startup.log_text import ServerLog
from ansible_collections.llmd.tpu.plugins.module_utils.startup.sight import (
    DOWNLOADER,
    MODEL_CONTAINERS,
    Sight,
    about_container,
    bad_end,
    bad_run,
    events_about,
    is_over,
    is_workload,
    name_of,
    state_of,
    statuses_of,
    uid_of,
)
from ansible_collections.llmd.tpu.plugins.module_utils.startup.signs import (
    OLD_SECONDS,
    Sign,
    quoted,
)

# A Secret or ConfigMap may come a moment after the pod.
MISSING_SECONDS = 3.0
_NOT_ALLOWED = re.compile(
    r"\b40[13]\b|unauthorized|authentication required|denied|forbidden|no basic auth", re.IGNORECASE
)
_NOT_THERE = re.compile(r"not found|manifest unknown|name unknown|\b404\b", re.IGNORECASE)
_NO_OBJECT = re.compile(r'(?:secret|configmap) ".*" not found|couldn\'t find key', re.IGNORECASE)
_DISK = re.compile(r"ephemeral-storage|EmptyDir|disk", re.IGNORECASE)
_KUBELET = "Kubernetes, Pod Lifecycle"


def signs_of_containers(sight: Sight) -> Iterator[Sign]:
    """What is wrong with the containers of the newest pods."""
    for pod in sight.pods:
        if is_over(pod):
            yield from _evicted(pod, sight.subject)
            continue
        yield from _volumes(pod, sight)
        yield from _variables(pod, sight)
        for container in statuses_of(pod):
            if container.get("name") in MODEL_CONTAINERS and is_workload(pod):
                yield from _ended(pod, container, sight)
                yield from _killed(pod, container, sight)
    alive = [pod for pod in sight.pods if not is_over(pod)]
    for trouble in troubles(alive, sight.events, sight.tries):
        yield from _trouble(trouble, sight)


def _evicted(pod: Object, subject: str) -> Iterator[Sign]:
    state = status(pod)
    message = str(state.get("message", ""))
    if state.get("reason") == "Evicted" and _DISK.search(message):
        yield Sign(_disk_full(pod, message, subject))


def _disk_full(pod: Object, message: str, subject: str) -> Finding:
    return Finding(
        code="STARTUP-DISK-EVICTED",
        severity="error",
        message="the node took the pod away because its disk is full",
        path=f"pod {name_of(pod)}",
        subject=subject,
        found=quoted(message),
        expected="disk for the weights, the image and the compilation cache",
        fix="use nodes with a larger boot disk (gcloud container node-pools create --disk-size), "
        "or serve the weights from a volume (pvc://)",
        source="Kubernetes, Node-pressure Eviction",
    )


def _volumes(pod: Object, sight: Sight) -> Iterator[Sign]:
    """Volumes of Secrets and ConfigMaps that are not there, while no container has been made."""
    started = any("running" in (one.get("state") or {}) or bad_end(one) for one in statuses_of(pod))
    told = events_about(sight, pod, "FailedMount")
    if started or not told or "not found" not in str(told[-1].get("message", "")):
        return
    yield Sign(
        Finding(
            code="STARTUP-VOLUME-MISSING",
            severity="error",
            message="a Secret or ConfigMap that the pod mounts is not there",
            path=f"pod {name_of(pod)}",
            subject=sight.subject,
            found=quoted(str(told[-1].get("message", ""))),
            expected="the object that the message names, in the service's namespace",
            fix="create it; KServe's own (…-kserve-self-signed-certs) comes with phase kserve",
            source=_KUBELET,
        ),
        MISSING_SECONDS,
    )


def _variables(pod: Object, sight: Sight) -> Iterator[Sign]:
    """Secrets and ConfigMaps that a container takes variables from.

    The kubelet tells of them by an event at once, and in the container's state at its next try.
    """
    for container in statuses_of(pod):
        name = str(container.get("name"))
        told = [
            event
            for event in events_about(sight, pod, "Failed")
            if about_container(event, name) and _NO_OBJECT.search(str(event.get("message", "")))
        ]
        waiting = state_of(container, "waiting")
        words = str((waiting or {}).get("message", ""))
        if waiting is None or not (told or _NO_OBJECT.search(words)):
            continue
        old = (uid_of(pod), name) in sight.tries
        yield Sign(
            Finding(
                code="STARTUP-VARIABLE-MISSING",
                severity="error",
                message="a container takes a variable from a Secret or ConfigMap that is not there",
                path=f"pod {name_of(pod)}, container {name}",
                subject=sight.subject,
                found=quoted(str(told[-1].get("message")) if told else words),
                expected="the object and key that the message names, in the service's namespace",
                fix="create it, or correct its name in spec.template",
                source=_KUBELET,
            ),
            OLD_SECONDS if old else MISSING_SECONDS,
        )


def _trouble(trouble: Trouble, sight: Sight) -> Iterator[Sign]:
    """Images that are refused, containers that cannot be made, crashes that nothing explains."""
    waiting = state_of(trouble.status, "waiting") or {}
    invalid = waiting.get("reason") in ("CreateContainerConfigError", "CreateContainerError")
    if invalid and not _NO_OBJECT.search(str(waiting.get("message", ""))):
        key = (uid_of(trouble.pod), str(trouble.status["name"]))
        finding = _configuration(trouble, sight.subject)
        yield Sign(finding, OLD_SECONDS if key in sight.tries else MISSING_SECONDS)
    elif not trouble.verdict.hopeless:
        return
    elif trouble.kind == "image":
        yield Sign(_image(trouble, sight.subject))
    elif trouble.kind == "crash":
        yield Sign(_crash(trouble, sight))


def _configuration(trouble: Trouble, subject: str) -> Finding:
    return Finding(
        code="STARTUP-CONTAINER-INVALID",
        severity="error",
        message="the node cannot make a container as the pod describes it",
        path=trouble.place,
        subject=subject,
        found=quoted(trouble.verdict.reason, trouble.pod),
        expected="a container that the image, the security context and the node allow",
        fix="correct what the message names in spec.template",
        source=_KUBELET,
    )


def _image(trouble: Trouble, subject: str) -> Finding:
    words = trouble.verdict.reason
    path, found = trouble.place, quoted(words, trouble.pod)
    if _NOT_ALLOWED.search(words):
        return Finding(
            code="STARTUP-IMAGE-CREDENTIALS",
            severity="error",
            message="the registry does not give the image to this pod",
            path=path,
            subject=subject,
            found=found,
            expected="a pull secret with an account that may read the image",
            fix="set model_pull_secret_name, and check the secret (phase namespace makes it; "
            "llmd.tpu.preflight_info asks the registry)",
            source="Kubernetes, Images",
        )
    if _NOT_THERE.search(words):
        return Finding(
            code="STARTUP-IMAGE-MISSING",
            severity="error",
            message="the registry does not have the image",
            path=path,
            subject=subject,
            found=found,
            expected="the name and tag of an image that exists",
            fix="correct the image's name or tag",
            source="Kubernetes, Images",
        )
    return Finding(
        code="STARTUP-IMAGE-REFUSED",
        severity="error",
        message="the image cannot be pulled",
        path=path,
        subject=subject,
        found=found,
        expected="an image that the node can pull",
        fix="correct what the message names: registry, way out of the node, or image",
        source="Kubernetes, Images",
    )


def _crash(trouble: Trouble, sight: Sight) -> Finding:
    """A crash loop, with its cause where the log names one that is not final."""
    key = (uid_of(trouble.pod), str(trouble.status.get("name")))
    cause = _cause(key[1], sight.last_words.get(key, "")) if is_workload(trouble.pod) else None
    if cause:
        return _by_log(trouble.pod, trouble.status, cause, sight.subject)
    lines = [line for line in sight.last_words.get(key, "").splitlines() if line.strip()]
    last = f"; its log ends with: {lines[-1]}" if lines else ""
    return Finding(
        code="STARTUP-CRASH-LOOP",
        severity="error",
        message="the container crashes again and again, and nothing known explains it",
        path=trouble.place,
        subject=sight.subject,
        found=quoted(trouble.verdict.reason + last, trouble.pod),
        expected="a container that keeps running",
        fix=f"read its log: kubectl logs --previous {name_of(trouble.pod)} -c {key[1]}",
        source=_KUBELET,
    )


def _cause(container: str, text: str) -> Cause | None:
    return cause_of_download(text) if container == DOWNLOADER else cause_of_server(text)


def _by_log(pod: Object, container: Object, cause: Cause, subject: str) -> Finding:
    end = bad_end(container) or {}
    return Finding(
        code=cause.code,
        severity="error",
        message=cause.message,
        path=f"pod {name_of(pod)}, container {container.get('name')}",
        subject=subject,
        found=f"exit code {end.get('exitCode')}: {quoted(cause.line, pod)}",
        expected="a container that keeps running"
        if container.get("name") == SERVER_CONTAINER
        else "a download that succeeds",
        fix=cause.fix,
        source="the container's log",
    )


def _ended(pod: Object, container: Object, sight: Sight) -> Iterator[Sign]:
    """A run that ended for a cause that the next one meets too."""
    end = bad_end(container)
    key = (uid_of(pod), str(container.get("name")))
    if not end or bad_run(container) <= sight.tries.get(key, Begun()).runs:
        return
    if end.get("reason") == "OOMKilled":
        yield Sign(
            Finding(
                code="STARTUP-MEMORY-LIMIT",
                severity="error",
                message="the container needs more memory than its limit and was killed",
                path=f"pod {name_of(pod)}, container {key[1]}",
                subject=sight.subject,
                found=f"OOMKilled, exit code {end.get('exitCode')}",
                expected="a memory limit that holds the weights while they are loaded, or none",
                fix="raise resources.limits.memory of the container, or leave it out",
                source=_KUBELET,
            )
        )
        return
    cause = _cause(key[1], sight.last_words.get(key, ""))
    if cause and cause.final:
        yield Sign(_by_log(pod, container, cause, sight.subject))


def _killed(pod: Object, container: Object, sight: Sight) -> Iterator[Sign]:
    """A server that its probes kill: before it serves, or because they ask in the wrong way."""
    name = str(container.get("name"))
    kills = [
        event
        for event in events_about(sight, pod, "Killing")
        if about_container(event, name) and "probe" in str(event.get("message", ""))
    ]
    if not kills:
        return
    key = (uid_of(pod), name)
    before = sight.servers.get(key, ServerLog()).after(sight.last_words.get(key, "").splitlines())
    failed = events_about(sight, pod, "Unhealthy")
    told = str(kills[-1].get("message", ""))
    told += f" ({failed[-1].get('message')})" if failed else ""
    path = f"pod {name_of(pod)}, container {name}"
    if before.up:
        yield Sign(
            Finding(
                code="STARTUP-PROBE-REFUSED",
                severity="error",
                message="the server serves, but its probe does not get an answer, so it is killed",
                path=path,
                subject=sight.subject,
                found=quoted(told, pod),
                expected="probes that ask as the server answers: HTTPS, port 8000, /health",
                fix="write scheme: HTTPS into the probes, and take --port out of the flags",
                source="KServe's preset: vLLM serves HTTPS on port 8000",
            )
        )
        return
    did = f"compiling (graph {before.graphs})" if before.graphs else "starting"
    yield Sign(
        Finding(
            code="STARTUP-PROBE-KILLED",
            severity="error",
            message="the server was killed by its own probe before it was up; it starts over",
            path=path,
            subject=sight.subject,
            found=quoted(f"while {did}: {told}", pod),
            expected="a startupProbe that waits for download and compilation (30 minutes)",
            fix="add a startupProbe with periodSeconds 30 and failureThreshold 60 "
            "(model_startup_probe_period, model_startup_probe_failures)",
            source="vLLM opens its port only after the compilation",
        )
    )
