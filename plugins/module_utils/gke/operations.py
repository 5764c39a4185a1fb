# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Watch an operation of GKE's until it has ended, with progress, through lost connections."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.llmd.tpu.plugins.module_utils.findings import Finding
from ansible_collections.llmd.tpu.plugins.module_utils.gke.google import Cloud, Unreachable
from ansible_collections.llmd.tpu.plugins.module_utils.gke.refusals import Refusal, explain

Operation = Mapping[str, Any]


@dataclass(frozen=True)
class Pace:
    """Time, given in: a clock in seconds, and a way to wait."""

    clock: Callable[[], float]
    sleep: Callable[[float], None]
    deadline: float
    interval: float = 10.0


class OperationFailed(Exception):
    """It ended, and not well; or it did not end in time."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.message)
        self.finding = finding


def running_on(cloud: Cloud, parent: str, cluster: str) -> Operation | None:
    """The operation that has a cluster of this location now; None when it is free.

    Raises Refused, Unreachable.
    """
    answer = cloud.call("container", "projects.locations.operations.list", parent=parent)
    for one in answer.get("operations") or ():
        # A link may name the project by its number and the location as a zone.
        if one.get("status") != "DONE" and f"/clusters/{cluster}/" in f"{one.get('targetLink')}/":
            found: Operation = one
            return found
    return None


def wait_for(
    cloud: Cloud,
    operation: Operation,
    words: str,
    parent: str,
    pace: Pace,
    progress: Callable[[str], None],
) -> None:
    """Wait until it has ended. Raises OperationFailed, Refused."""
    name = str(operation["name"])
    begun = pace.clock()
    told = ""
    while operation.get("status") != "DONE":
        line = _progress(operation)
        minutes = int((pace.clock() - begun) / 60)
        if line != told:
            progress(f"{words}: {line} ({minutes} min)")
            told = line
        if pace.clock() >= pace.deadline:
            raise OperationFailed(_still_running(words, name, minutes))
        pace.sleep(pace.interval)
        try:
            operation = cloud.call(
                "container", "projects.locations.operations.get", name=f"{parent}/operations/{name}"
            )
        except Unreachable as problem:
            told = ""
            progress(f"{words}: no answer from {problem}; the operation goes on, asking again")
    # An error also stands in the older statusMessage, which GKE fills for errors only.
    words_of_error = (operation.get("error") or {}).get("message") or operation.get("statusMessage")
    if words_of_error:
        refusal = Refusal(0, str(words_of_error))
        raise OperationFailed(explain(f"{words} ({name})", refusal))
    progress(f"{words}: done after {int((pace.clock() - begun) / 60)} min")


def _progress(operation: Operation) -> str:
    stages = (operation.get("progress") or {}).get("stages") or ()
    now = [str(one.get("name", "")) for one in stages if one.get("status") == "RUNNING"]
    detail = str(operation.get("detail") or "")
    return detail or ", ".join(filter(None, now)) or str(operation.get("status", "")).lower()


def _still_running(words: str, name: str, minutes: int) -> Finding:
    return Finding(
        code="GOOGLE-STILL-RUNNING",
        severity="error",
        message=f"the operation has not ended after {minutes} min, and goes on",
        subject=words,
        found=name,
        expected="its end within cluster_wait_timeout",
        fix="run again: it is joined, not repeated. A pool for which the zone has no machines says "
        "so after about 35 minutes",
        source="GKE, measured",
    )
