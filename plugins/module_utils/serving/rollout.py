# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a service is doing, from the service and its Deployment. Pure.

Ready=True alone is not enough: KServe (release-v0.15, run) keeps it during a rolling update that
cannot finish, and after a stop of the model's replicas. Whether a rollout is over is judged in
`readiness`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

STOP_ANNOTATION = "serving.kserve.io/stop"
Object = Mapping[str, Any]


@dataclass(frozen=True)
class Replicas:
    """Pods of a Deployment: wanted, of its latest revision, serving, there."""

    wanted: int = 0
    updated: int = 0
    available: int = 0
    present: int = 0


def replicas_of(deployment: Object | None) -> Replicas:
    """Count the pods, as the Deployment reports them; none without a Deployment."""
    if deployment is None:
        return Replicas()
    status = _mapping(deployment, "status")
    wanted = _mapping(deployment, "spec").get("replicas", 1)
    return Replicas(
        wanted=wanted if isinstance(wanted, int) else 0,
        updated=_number(status, "updatedReplicas"),
        available=_number(status, "availableReplicas"),
        present=_number(status, "replicas"),
    )


def is_stopped(service: Object) -> bool:
    """Whether the service is stopped on purpose, by KServe's annotation."""
    annotations = _mapping(_mapping(service, "metadata"), "annotations")
    return str(annotations.get(STOP_ANNOTATION, "")).lower() == "true"


@dataclass(frozen=True)
class Readiness:
    """The condition Ready of a service: True, False, Unknown or nothing; and why."""

    status: str
    reason: str

    @property
    def ready(self) -> bool:
        """Whether KServe calls the service ready, about its latest generation."""
        return self.status == "True"


def readiness_of(service: Object) -> Readiness:
    """Read the condition; one of an older generation counts as Unknown."""
    status = _mapping(service, "status")
    conditions = [one for one in status.get("conditions") or () if isinstance(one, Mapping)]
    ready = next((one for one in conditions if one.get("type") == "Ready"), None)
    if ready is None:
        return Readiness("", "KServe has not reported yet")
    generation = _number(_mapping(service, "metadata"), "generation")
    if _number(status, "observedGeneration") < generation:
        return Readiness("Unknown", "KServe has not seen the latest change yet")
    if ready.get("status") == "True":
        return Readiness("True", "")
    words = ": ".join(str(ready[key]) for key in ("reason", "message") if ready.get(key))
    return Readiness(str(ready.get("status", "")), words)


def _mapping(parent: Object, name: str) -> Object:
    value = parent.get(name)
    return value if isinstance(value, Mapping) else {}


def _number(parent: Object, name: str) -> int:
    value = parent.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) else 0
