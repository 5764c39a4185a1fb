# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Wait until objects are ready: read all, watch what is not ready, tell, stop where hope ends."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any, Protocol

from ansible.module_utils.basic import env_fallback
from ansible_collections.llmd.tpu.plugins.module_utils.connection import (
    PARALLEL,
    ConnectionLost,
    ConnectionProblem,
    Streaming,
    connection_options,
)
from ansible_collections.llmd.tpu.plugins.module_utils.manifests.client import (
    Api,
    ApiError,
    first_contact,
)
from ansible_collections.llmd.tpu.plugins.module_utils.readiness.look import (
    READ_SECONDS,
    Look,
    Looker,
    Memory,
)
from ansible_collections.llmd.tpu.plugins.module_utils.readiness.verdicts import Verdict, Wish
from ansible_collections.llmd.tpu.plugins.module_utils.readiness.watches import Doorbells, Watches

PROGRESS_SECONDS = 30.0
GAP_SECONDS = 0.05
"""Between looks at one object, however often its doorbells ring."""
REFUSED_SECONDS = 5.0
"""How long a refusal must last to count: a starting API server knows no permissions yet."""
STEADY_SECONDS = 10.0
"""How long a workload must stay ready whose pods crashed while we waited."""
Progress = Callable[[str], None]


def argument_spec() -> dict[str, Any]:
    """The options of `wait_ready`: its own and kubernetes.core's connection options."""
    return {
        **connection_options(),
        "objects": {
            "type": "list",
            "elements": "dict",
            "required": True,
            "options": {
                "api_version": {"type": "str", "required": True},
                "kind": {"type": "str", "required": True},
                "name": {"type": "str"},
                "selector": {"type": "str"},
                "namespace": {"type": "str"},
                "condition": {"type": "list", "elements": "str"},
                "field": {"type": "str"},
                "keys": {"type": "list", "elements": "str", "no_log": False},
                "ca_bundle": {"type": "bool", "default": False, "aliases": ["caBundle"]},
                "gone": {"type": "bool", "default": False},
            },
            "mutually_exclusive": [("name", "selector")],
            "required_one_of": [("name", "selector")],
        },
        "kinds_exist": {"type": "bool", "default": False},
        "progress": {
            "type": "bool",
            "default": True,
            "fallback": (env_fallback, ["LLMD_PROGRESS"]),
        },
        "wait_timeout": {"type": "int", "default": 300},
    }


_UNSEEN = Verdict(False, "not looked at yet")


@dataclass
class _Item:
    """One wish, what was last said of it, and when to look again."""

    wish: Wish
    verdict: Verdict = _UNSEEN
    memory: Memory = field(default_factory=Memory)
    places: Sequence[str] = ()
    due: float = 0.0
    seen: float = 0.0
    refused_since: float | None = None
    ready_since: float | None = None

    def to_dict(self) -> dict[str, Any]:
        return {
            "api_version": self.wish.api_version,
            "kind": self.wish.kind,
            "name": self.wish.name or self.wish.selector,
            "namespace": self.wish.namespace,
            "ready": self.verdict.ready,
            "reason": self.verdict.reason,
        }


class Looks(Protocol):
    """What looks at objects, one at a time."""

    def begin(self, wishes: Sequence[Wish], pool: ThreadPoolExecutor) -> None:
        """Before looks at all of these."""

    def look(self, wish: Wish, memory: Memory) -> Look:
        """Look once; raises ApiError, ConnectionLost, ConnectionProblem."""


@dataclass(frozen=True)
class Pace:
    """Seconds between lines when nothing changes, and between two looks at one object."""

    progress: float = PROGRESS_SECONDS
    gap: float = GAP_SECONDS


class Waiter:
    """Waits until all objects are ready; clock and doorbells are passed in for the tests."""

    def __init__(
        self,
        looker: Looks,
        wishes: Iterable[Wish],
        progress: Progress,
        doorbells: Doorbells,
        clock: Callable[[], float] = time.monotonic,
        pace: Pace = Pace(),
    ) -> None:
        self._looker = looker
        self._items = [_Item(wish) for wish in wishes]
        self._progress = progress
        self._doorbells = doorbells
        self._clock = clock
        self._pace = pace
        self._started = clock()
        self._told_unwatched: set[str] = set()

    def look(self) -> None:
        """Look once."""
        with ThreadPoolExecutor(PARALLEL) as pool:
            self._looker.begin([item.wish for item in self._items], pool)
            list(pool.map(self._see, self._items))

    def wait(self, seconds: float) -> str | None:
        """Wait at most this long; None when all are ready, else why not, in words."""
        end = self._started + seconds
        told = self._started
        with closing(self._doorbells), ThreadPoolExecutor(PARALLEL) as pool:
            while True:
                over = self._clock() >= end
                self._look(pool, everything=over)
                unready = self._unready()
                if not unready:
                    return None
                if any(item.verdict.hopeless for item in unready):
                    return _words("cannot become ready", unready, self.elapsed)
                if over:
                    return _words("not ready", unready, self.elapsed)
                if self._clock() - told >= self._pace.progress:
                    told = self._clock()
                    self._tell(unready)
                self._doorbells.keep(place for item in unready for place in item.places)
                self._rest(unready, min(end, told + self._pace.progress))

    @property
    def elapsed(self) -> float:
        """Seconds since the waiter was made."""
        return self._clock() - self._started

    def report(self) -> list[dict[str, Any]]:
        """What is known of each object."""
        return [item.to_dict() for item in self._items]

    def _unready(self) -> list[_Item]:
        return [item for item in self._items if not item.verdict.ready]

    def _look(self, pool: ThreadPoolExecutor, *, everything: bool) -> None:
        """Look at what is due, and tell what is said differently now."""
        todo = self._unready() if everything else self._due()
        before = [item.verdict.reason for item in todo]
        self._looker.begin([item.wish for item in todo], pool)
        list(pool.map(self._see, todo))
        self._tell(
            item
            for item, old in zip(todo, before, strict=True)
            if item.verdict.reason != old
            and not (old == _UNSEEN.reason and item.verdict.ready)  # it was so before we came
        )

    def _due(self) -> list[_Item]:
        """What is to be looked at now, and with it what would be in a moment.

        Together they are read by lists; each in its turn they would be read one by one.
        """
        now, unready = self._clock(), self._unready()
        if not any(item.due <= now for item in unready):
            return []
        return [item for item in unready if item.due <= now + self._pace.gap]

    def _rest(self, unready: Sequence[_Item], until: float) -> None:
        """Sleep until something is due or a doorbell rings; what rang is due at once."""
        for item in unready:
            unwatched = [place for place in item.places if self._doorbells.refused(place)]
            if unwatched:
                item.due = min(item.due, item.seen + READ_SECONDS)
                self._tell_unwatched(unwatched)
        rung = self._doorbells.wait(min(until, *(item.due for item in unready)) - self._clock())
        for item in unready:
            if not rung.isdisjoint(item.places):
                item.due = min(item.due, max(self._clock(), item.seen + self._pace.gap))

    def _tell(self, items: Iterable[_Item]) -> None:
        ready = len(self._items) - len(self._unready())
        head = f"[{self.elapsed:4.0f} s, {ready} of {len(self._items)} ready]"
        for item in items:
            state = "" if item.verdict.ready else "waits: "
            words = item.verdict.reason + item.verdict.detail
            self._progress(f"{head} {item.wish.title} {state}{words}")

    def _tell_unwatched(self, places: Iterable[str]) -> None:
        for place in places:
            path = place.partition("?")[0]
            if path not in self._told_unwatched:
                self._told_unwatched.add(path)
                self._progress(
                    f"[{self.elapsed:4.0f} s] {path} cannot be watched (the account may not, or "
                    "there are too many watches); it is read every second instead"
                )

    def _see(self, item: _Item) -> None:
        try:
            look = self._steady(item, self._looker.look(item.wish, item.memory))
            item.refused_since = None
        except ConnectionLost as problem:
            look = self._failed(item, f"the API server does not answer: {problem}")
        except ApiError as problem:
            words = f"it cannot be read ({problem.status}): {problem.message}"
            look = self._failed(item, words, refused=problem.status == 403)
        except ConnectionProblem as problem:
            look = self._failed(item, str(problem), refused=True)
        item.verdict = look.verdict
        item.places = look.places
        item.seen = self._clock()
        item.due = item.seen + look.again

    def _steady(self, item: _Item, look: Look) -> Look:
        """The look, but not ready yet when pods crashed and it was ready only for a moment."""
        now = self._clock()
        if not (look.verdict.ready and item.memory.crashed):
            item.ready_since = None
            return look
        item.ready_since = now if item.ready_since is None else item.ready_since
        if now - item.ready_since >= STEADY_SECONDS:
            return look
        words = "it is ready, but its pods crashed before: waiting whether it stays"
        return Look(Verdict(False, words), look.places or list(item.places), READ_SECONDS)

    def _failed(self, item: _Item, words: str, *, refused: bool = False) -> Look:
        """A look that told nothing; refused for some time means refused for good."""
        now = self._clock()
        since = (item.refused_since if item.refused_since is not None else now) if refused else None
        item.refused_since = since
        hopeless = since is not None and now - since >= REFUSED_SECONDS
        return Look(Verdict(False, words, hopeless), list(item.places), READ_SECONDS)


def _words(what: str, unready: Sequence[_Item], elapsed: float) -> str:
    lines = [f"{item.wish.title}: {item.verdict.reason}" for item in unready]
    objects = "1 object is" if len(unready) == 1 else f"{len(unready)} objects are"
    subject = objects if what == "not ready" else objects.rpartition(" ")[0]
    return f"{subject} {what} after {elapsed:.0f} s:\n" + "\n".join(lines)


def wish_of(entry: Mapping[str, Any]) -> Wish:
    """One validated entry of the option `objects`."""
    return Wish(
        api_version=str(entry["api_version"]),
        kind=str(entry["kind"]),
        name=str(entry.get("name") or ""),
        namespace=entry.get("namespace") or None,
        conditions=tuple(str(name) for name in entry.get("condition") or ()),
        field=entry.get("field") or None,
        keys=tuple(str(key) for key in entry.get("keys") or ()),
        ca_bundle=bool(entry.get("ca_bundle")),
        gone=bool(entry.get("gone")),
        selector=str(entry.get("selector") or ""),
    )


def _silence(_line: str) -> None:
    pass


def wait_ready(
    params: Mapping[str, Any], session: Streaming, *, check: bool, progress: Progress
) -> dict[str, Any]:
    """Wait for what the options name; in check mode look once and report."""
    wishes = [wish_of(entry) for entry in params["objects"]]
    present = [wish.title for wish in wishes if wish.selector and not wish.gone]
    if present:
        words = f"objects: {present[0]} is chosen by selector. Expected: gone, or a name."
        return {"failed": True, "changed": False, "msg": words}
    api = Api(session)
    try:
        first_contact(api)
        waiter = Waiter(
            Looker(api, kinds_exist=bool(params.get("kinds_exist"))),
            wishes,
            progress if params.get("progress", True) else _silence,
            Watches(session, api.counts),
        )
        problem = None
        if check:
            waiter.look()
        else:
            problem = waiter.wait(float(params["wait_timeout"]))
    except ConnectionProblem as problem_:
        return {"failed": True, "changed": False, "msg": str(problem_)}
    answer: dict[str, Any] = {
        "changed": False,
        "objects": waiter.report(),
        "seconds": round(waiter.elapsed, 2),
        "requests": api.counts.requests,
    }
    return answer | ({"failed": True, "msg": problem} if problem else {})
