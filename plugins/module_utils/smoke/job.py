# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Send requests from inside the cluster, by a Job that is gone afterwards.

The Job runs the model server's own image beside a pod of it: the image is there already, and has
Python. What is sent, credentials included, is in a Secret that the Job owns, so that it goes with
the Job whatever happens here.
"""

from __future__ import annotations

import base64
import contextlib
import math
import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from ansible_collections.llmd.tpu.plugins.module_utils.connection import ConnectionLost, Session
from ansible_collections.llmd.tpu.plugins.module_utils.serving.live import (
    ObjectReadError,
    list_pods,
    send,
)
from ansible_collections.llmd.tpu.plugins.module_utils.serving.names import workload_selector
from ansible_collections.llmd.tpu.plugins.module_utils.serving.view import SERVER_CONTAINER
from ansible_collections.llmd.tpu.plugins.module_utils.smoke.address import WayProblem
from ansible_collections.llmd.tpu.plugins.module_utils.smoke.asking import Clock
from ansible_collections.llmd.tpu.plugins.module_utils.smoke.exchange import Outcome, Request
from ansible_collections.llmd.tpu.plugins.module_utils.smoke.inside import (
    order,
    outcomes,
    program,
)

START_SECONDS = 120.0
"""For the pod to be scheduled and its container to run; the image is on the node already."""
_PAUSE = 0.5
_FOLDER = "/smoke"
_LABELS = {"llmd.tpu/phase": "model", "app.kubernetes.io/name": "llmd-tpu-smoke"}
_TPU = {"key": "google.com/tpu", "operator": "Exists", "effect": "NoSchedule"}


@dataclass(frozen=True)
class Host:
    """Where the Job runs: an image with Python, and what its pod needs to use it."""

    image: str
    node: str = ""
    pull_secrets: tuple[str, ...] = ()


class JobTransport:
    """Sends requests from a pod of its own, many in one Job."""

    def __init__(
        self,
        session: Session,
        namespace: str,
        host: Host,
        clock: Clock,
        *,
        timeout: float,
        connect_to: list[str],
        ca_cert: str,
    ) -> None:
        """Prepare; ``ca_cert`` is a PEM text, empty for the authorities of the image."""
        self._session = session
        self._namespace = namespace
        self._host = host
        self._clock = clock
        self._timeout = timeout
        self._connect_to = connect_to
        self._ca_cert = ca_cert

    def where(self, url: str) -> str:
        """Tell where the Job connects to."""
        return f"{', '.join(self._connect_to) or url} from a Job in {self._namespace}"

    def send(self, request: Request, timeout: float | None = None) -> Outcome:
        """Send one request. Raises WayProblem and ObjectReadError."""
        return self.send_all([request], timeout=timeout)[0]

    def send_all(
        self, requests: Sequence[Request], parallel: int = 1, timeout: float | None = None
    ) -> list[Outcome]:
        """Send requests in one Job. Raises WayProblem and ObjectReadError."""
        if not requests:
            return []
        seconds = self._timeout if timeout is None else timeout
        longest = START_SECONDS + seconds * math.ceil(len(requests) / parallel)
        orders = order(requests, parallel, seconds, self._connect_to, self._ca_cert)
        name = f"llmd-tpu-smoke-{secrets.token_hex(4)}"
        with self._running(name, orders, math.ceil(longest)):
            log = self._wait(name, self._clock.monotonic() + longest)
        try:
            return outcomes(log, requests)
        except ValueError as problem:
            raise WayProblem(
                f"Job {self._namespace}/{name} ended without a result: {log[-300:].strip()}. "
                f"Expected: Python 3.11 or newer as python3 in the image {self._host.image}; "
                "set job_image to one that has it."
            ) from problem

    @contextmanager
    def _running(self, name: str, orders: bytes, seconds: int) -> Iterator[None]:
        jobs = f"/apis/batch/v1/namespaces/{quote(self._namespace)}/jobs"
        made = send(self._session, "POST", jobs, job_of(name, self._host, seconds))
        try:
            # After the Job, whose pod waits for it: thus it never is without an owner.
            path = f"/api/v1/namespaces/{quote(self._namespace)}/secrets"
            owner = str(made["metadata"]["uid"])
            send(self._session, "POST", path, secret_of(name, owner, orders, program()))
            yield
        finally:
            with contextlib.suppress(ConnectionLost, ObjectReadError):
                query = "?propagationPolicy=Background"
                send(self._session, "DELETE", f"{jobs}/{name}{query}")

    def _wait(self, name: str, deadline: float) -> str:
        """The log of the Job's pod once it has ended."""
        state = "no pod yet"
        while True:
            for pod in list_pods(self._session, self._namespace, f"job-name={name}"):
                state = _state(pod)
                if state in ("Succeeded", "Failed"):
                    return self._log(str(pod["metadata"]["name"]))
            if self._clock.monotonic() > deadline:
                raise WayProblem(
                    f"Job {self._namespace}/{name} did not end in time: {state}. Expected: a pod "
                    f"with the image {self._host.image} that runs at once. Look whether the "
                    "namespace's quota, policies or the node keep it from starting, or choose "
                    "another image with job_image."
                )
            self._clock.sleep(_PAUSE)

    def _log(self, pod: str) -> str:
        path = f"/api/v1/namespaces/{quote(self._namespace)}/pods/{quote(pod)}/log"
        reply = self._session.send("GET", path, {"Accept": "*/*"})
        return reply.body.decode("utf-8", "replace")


def find_host(session: Session, namespace: str, name: str, image: str) -> Host:
    """Where a Job for a service can run. Raises WayProblem and ObjectReadError."""
    for pod in list_pods(session, namespace, workload_selector(name)):
        spec = pod.get("spec") or {}
        own = next((one for one in spec["containers"] if one["name"] == SERVER_CONTAINER), None)
        pull_secrets = tuple(one["name"] for one in spec.get("imagePullSecrets") or ())
        if image:
            return Host(image, pull_secrets=pull_secrets)
        if own and spec.get("nodeName"):
            return Host(own["image"], spec["nodeName"], pull_secrets)
    if image:
        return Host(image)
    raise WayProblem(
        f"way job: no pod of {namespace}/{name} is on a node, so there is no image for a Job. "
        "Expected a pod of the model server, or job_image with an image that has Python 3.11."
    )


def job_of(name: str, host: Host, seconds: int) -> dict[str, Any]:
    """The Job, which ends after so many seconds whatever happens."""
    container = {
        "name": "smoke",
        "image": host.image,
        "command": ["/bin/sh", "-c", f"exec python3 {_FOLDER}/program.zip <{_FOLDER}/orders.json"],
        "resources": {
            "requests": {"cpu": "50m", "memory": "64Mi"},
            "limits": {"memory": "512Mi"},
        },
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "volumeMounts": [{"name": "smoke", "mountPath": _FOLDER, "readOnly": True}],
    }
    pod: dict[str, Any] = {
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "imagePullSecrets": [{"name": one} for one in host.pull_secrets],
        "containers": [container],
        "volumes": [{"name": "smoke", "secret": {"secretName": name}}],
    }
    if host.node:
        pod["nodeSelector"] = {"kubernetes.io/hostname": host.node}
        pod["tolerations"] = [_TPU]
    labels = {**_LABELS, "sidecar.istio.io/inject": "false"}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name, "labels": _LABELS},
        "spec": {
            "backoffLimit": 0,
            "activeDeadlineSeconds": seconds,
            "ttlSecondsAfterFinished": 60,
            "template": {"metadata": {"labels": labels}, "spec": pod},
        },
    }


def secret_of(name: str, owner: str, orders: bytes, packed: bytes) -> dict[str, Any]:
    """The Secret with the program and its orders, which goes with the Job."""
    reference = {"apiVersion": "batch/v1", "kind": "Job", "name": name, "uid": owner}
    data = {"orders.json": orders, "program.zip": packed}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "labels": _LABELS, "ownerReferences": [reference]},
        "data": {key: base64.b64encode(value).decode() for key, value in data.items()},
    }


def _state(pod: Mapping[str, Any]) -> str:
    """The phase of a pod, with the reason why its container waits."""
    status = pod.get("status") or {}
    phase = str(status.get("phase", "Pending"))
    for one in status.get("containerStatuses") or ():
        waiting = (one.get("state") or {}).get("waiting") or {}
        if waiting.get("reason"):
            return f"{phase}, {waiting['reason']}: {waiting.get('message', '')}"
    for condition in status.get("conditions") or ():
        if condition.get("type") == "PodScheduled" and condition.get("status") == "False":
            return f"{phase}, {condition.get('message', '')}"
    return phase
