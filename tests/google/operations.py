# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Operations that take their time, and may fail at their end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.google.errors import not_found
from tests.google.project import Project, stamp

HOST = "https://container.googleapis.com/v1"


@dataclass
class Operation:
    """One operation; `effect` happens at its end, or tells why it failed."""

    name: str
    kind: str
    location: str
    target: str
    cluster: str
    started: float
    seconds: float
    effect: Callable[[], str]
    error: str | None = None
    shown: bool = False

    def body(self, project: Project) -> dict[str, Any]:
        """The operation as the API answers it."""
        done = self.error is not None
        share = min((project.clock() - self.started) / self.seconds, 1.0)
        body: dict[str, Any] = {
            "name": self.name,
            "zone": self.location,
            "location": self.location,
            "operationType": self.kind,
            "status": "DONE" if done else "RUNNING",
            "selfLink": f"{HOST}/projects/{project.id}/locations/{self.location}"
            f"/operations/{self.name}",
            "targetLink": f"{HOST}/{self.target}",
            "startTime": stamp(self.started),
        }
        if done:
            body["endTime"] = stamp(self.started + self.seconds)
        else:
            body["progress"] = {
                "name": self.name,
                "status": "RUNNING",
                "metrics": [{"name": "CLUSTER_HEALTHCHECK_TOTAL", "intValue": "100"}],
                "stages": [
                    {"name": "CLUSTER_DEPLOYING", "status": "DONE" if share > 0.5 else "RUNNING"},
                    {"name": "CLUSTER_HEALTHCHECKING", "status": "RUNNING"},
                ],
            }
        if self.error:
            # google.rpc.Code: 8 is RESOURCE_EXHAUSTED, 13 INTERNAL.
            code = 8 if "GCE_" in self.error else 13
            body["error"] = {"code": code, "message": self.error}
            body["statusMessage"] = self.error
        return body


class Operations:
    """All operations of a project."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._all: dict[str, Operation] = {}

    def start(
        self,
        kind: str,
        location: str,
        target: str,
        effect: Callable[[], str],
        *,
        seconds: float | None = None,
    ) -> dict[str, Any]:
        """Begin one and give its body. `effect` gives an error's text, or an empty one."""
        now = self._project.clock()
        name = f"operation-{int(now * 1000)}-{len(self._all):08x}"
        takes = seconds or self._project.minutes.get(kind, 0.5) * 60
        cluster = "/".join(target.split("/")[:6])
        self._all[name] = Operation(name, kind, location, target, cluster, now, takes, effect)
        return self._all[name].body(self._project)

    def settle(self) -> None:
        """Let the operations whose time has come end, and their effects show."""
        now = self._project.clock()
        for one in list(self._all.values()):
            end = one.started + one.seconds
            if one.error is None and now >= end:
                one.error = ""
            if one.error == "" and not one.shown and now >= end + self._delay(one):
                one.shown = True
                one.error = one.effect()

    def _delay(self, one: Operation) -> float:
        # Only what is changed in place shows late: what is made or deleted is there with DONE.
        return self._project.late if one.kind in ("UPDATE_CLUSTER", "SET_LABELS") else 0.0

    def running(self, cluster: str) -> Operation | None:
        """The operation that has the cluster now."""
        return next(
            (one for one in self._all.values() if one.error is None and one.cluster == cluster),
            None,
        )

    def get(self, name: str, full: str) -> dict[str, Any]:
        """One of them. Raises ApiError."""
        if name not in self._all:
            raise not_found(full)
        return self._all[name].body(self._project)

    def list(self, location: str) -> dict[str, Any]:
        """Those of a location; "-" for all."""
        found = [
            one.body(self._project) for one in self._all.values() if location in ("-", one.location)
        ]
        return {"operations": found} if found else {}
