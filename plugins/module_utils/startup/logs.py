# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Read the logs of a model's containers: seldom, little at a time, and no others. Asks only."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from urllib.parse import quote, urlencode

from ansible_collections.llmd.tpu.plugins.module_utils.connection import ConnectionLost
from ansible_collections.llmd.tpu.plugins.module_utils.manifests.client import Api
from ansible_collections.llmd.tpu.plugins.module_utils.readiness.verdicts import Object
from ansible_collections.llmd.tpu.plugins.module_utils.startup.log_text import (
    DownloadLog,
    ServerLog,
    download_of,
)
from ansible_collections.llmd.tpu.plugins.module_utils.startup.sight import (
    DOWNLOADER,
    MODEL_CONTAINERS,
    Place,
    bad_end,
    bad_run,
    is_workload,
    name_of,
    state_of,
    statuses_of,
    uid_of,
)

EVERY_SECONDS = 1.0
"""Between two reads of one container's log."""
AT_ONCE = 20
"""Logs that are read so often; of more services each is read less often."""
MOST_BYTES = 2**16
LAST_LINES = 80
LAST_READS = 3
"""How often the end of a run is read: its last lines may come after the news of its end."""


@dataclass
class _Followed:
    """One container's log, read up to a time stamp."""

    run: int
    since: str = ""
    read: float = float("-inf")
    download: DownloadLog = field(default_factory=DownloadLog)
    server: ServerLog = field(default_factory=ServerLog)


class Logs:
    """The logs of one service's containers, and what they told so far."""

    def __init__(self, api: Api, clock: Callable[[], float], among: int = 1) -> None:
        """`among` is the number of services that are watched."""
        self._api = api
        self._clock = clock
        self._every = EVERY_SECONDS * max(1.0, among / AT_ONCE)
        self._followed: dict[Place, _Followed] = {}
        self._ends: dict[tuple[Place, int], str] = {}
        self._reads: dict[tuple[Place, int], int] = {}

    def follow(self, pod: Object) -> bool:
        """Read what is new in a pod's logs; answers whether a log goes on."""
        goes_on = False
        for container in statuses_of(pod) if is_workload(pod) else ():
            if container.get("name") in MODEL_CONTAINERS:
                self._read_end(pod, container)
                if state_of(container, "running") is not None and not container.get("ready"):
                    goes_on = True
                    self._read_on(pod, container)
        return goes_on

    @property
    def downloads(self) -> Mapping[Place, DownloadLog]:
        """How far downloads are."""
        return {place: one.download for place, one in self._followed.items()}

    @property
    def servers(self) -> Mapping[Place, ServerLog]:
        """How far servers are."""
        return {place: one.server for place, one in self._followed.items()}

    @property
    def last_words(self) -> Mapping[Place, str]:
        """The end of the log of each container's latest run that ended badly."""
        return {place: text for (place, _run), text in sorted(self._ends.items())}

    def _read_on(self, pod: Object, container: Object) -> None:
        place = (uid_of(pod), str(container["name"]))
        run = int(container.get("restartCount") or 0)
        followed = self._followed.get(place)
        if followed is None or followed.run != run:
            followed = self._followed[place] = _Followed(run)
        if self._clock() - followed.read < self._every:
            return
        followed.read = self._clock()
        if place[1] == DOWNLOADER:
            text = self._text(pod, place[1], tailLines="4")
            followed.download = download_of(text) if text else followed.download
            return
        after = {"sinceTime": followed.since} if followed.since else {}
        text = self._text(pod, place[1], timestamps="true", **after)
        lines = _after(text, followed.since)
        if lines:
            followed.since = lines[-1][0]
            followed.server = followed.server.after(line for _stamp, line in lines)
        elif len(text) >= MOST_BYTES:  # more within one second than we read at once
            followed.since = _next_second(followed.since)

    def _read_end(self, pod: Object, container: Object) -> None:
        """The last lines of a run that ended badly."""
        end = bad_end(container)
        if end is None:
            return
        key = ((uid_of(pod), str(container["name"])), bad_run(container))
        if self._reads.get(key, 0) >= LAST_READS:
            return
        self._reads[key] = self._reads.get(key, 0) + 1
        again = state_of(container, "running") is not None
        which = {"previous": "true"} if again else {}
        text = self._text(pod, str(container["name"]), tailLines=str(LAST_LINES), **which)
        self._ends[key] = text or self._ends.get(key) or str(end.get("message", ""))

    def _text(self, pod: Object, container: str, **query: str) -> str:
        """A part of a log; empty when there is none or the account may not read it."""
        place = f"namespaces/{quote(pod['metadata'].get('namespace', ''))}/pods/{name_of(pod)}"
        asked = {"container": container, "limitBytes": str(MOST_BYTES), **query}
        try:
            reply = self._api.ask(f"/api/v1/{place}/log?{urlencode(asked)}")
        except ConnectionLost:
            return ""
        return reply.body.decode("utf-8", "replace") if reply.status == 200 else ""


def _after(text: str, since: str) -> list[tuple[str, str]]:
    """Time stamp and text of the lines after a time stamp; a line cut off at its end is left."""
    whole = text if text.endswith("\n") else text[: text.rfind("\n") + 1]
    pairs = [line.partition(" ") for line in whole.splitlines()]
    return [(stamp, line) for stamp, _blank, line in pairs if _number(stamp) > _number(since)]


def _next_second(stamp: str) -> str:
    second = datetime.fromisoformat(f"{stamp[:19]}+00:00") + timedelta(seconds=1)
    return second.strftime("%Y-%m-%dT%H:%M:%SZ")


def _number(stamp: str) -> tuple[str, str]:
    """A time stamp as something that sorts: Go leaves out zeros at the end of its fraction."""
    seconds, _point, fraction = stamp.rstrip("Z").partition(".")
    return seconds, fraction.ljust(9, "0")
