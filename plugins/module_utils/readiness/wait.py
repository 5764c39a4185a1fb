# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Wait until objects are ready: look once a second, tell what changes, stop where hope ends."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.llmd.tpu.plugins.module_utils.connection import (
    PARALLEL,
    ConnectionLost,
    ConnectionProblem,
    Session,
    connection_options,
)
from ansible_collections.llmd.tpu.plugins.module_utils.manifests.client import (
    Api,
    ApiError,
    Kind,
    first_contact,
)
from ansible_collections.llmd.tpu.plugins.module_utils.readiness import pods
from ansible_collections.llmd.tpu.plugins.module_utils.readiness.predicates import (
    Sight,
    Verdict,
    Wish,
    judge,
    judge_gone,
)

LOOK_SECONDS = 1.0
PROGRESS_SECONDS = 15.0
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
                "name": {"type": "str", "required": True},
                "namespace": {"type": "str"},
                "condition": {"type": "list", "elements": "str"},
                "field": {"type": "str"},
                "keys": {"type": "list", "elements": "str", "no_log": False},
                "ca_bundle": {"type": "bool", "default": False, "aliases": ["caBundle"]},
                "gone": {"type": "bool", "default": False},
            },
        },
        "wait_timeout": {"type": "int", "default": 300},
    }


_UNSEEN = Verdict(False, "not looked at yet")


@dataclass
class _Watch:
    """One wish, what was last said of it, and the counts of its pods at the first look."""

    wish: Wish
    verdict: Verdict = _UNSEEN
    before: pods.Counts = field(default_factory=dict)
    looked: bool = False

    def to_dict(self) -> dict[str, Any]:
        return {
            "api_version": self.wish.api_version,
            "kind": self.wish.kind,
            "name": self.wish.name,
            "namespace": self.wish.namespace,
            "ready": self.verdict.ready,
            "reason": self.verdict.reason,
        }


class Waiter:
    """Looks at objects until all are ready; clock and sleep are passed in for the tests."""

    def __init__(
        self,
        api: Api,
        wishes: Sequence[Wish],
        progress: Progress,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._api = api
        self._watches = [_Watch(wish) for wish in wishes]
        self._progress = progress
        self._clock = clock
        self._sleep = sleep
        self._started = clock()

    def look(self) -> list[dict[str, Any]]:
        """Look once."""
        with ThreadPoolExecutor(PARALLEL) as pool:
            self._look(pool)
        return self.report()

    def wait(self, seconds: float) -> str | None:
        """Wait at most this long; None when all are ready, else why not, in words."""
        told = self._started
        with ThreadPoolExecutor(PARALLEL) as pool:
            while True:
                changed = self._look(pool)
                unready = [watch for watch in self._watches if not watch.verdict.ready]
                if not unready:
                    return None
                for watch in changed:
                    self._tell(watch)
                if any(watch.verdict.hopeless for watch in unready):
                    return _words("cannot become ready", unready, self.elapsed)
                if self.elapsed + LOOK_SECONDS > seconds:
                    return _words("not ready", unready, self.elapsed)
                if self._clock() - told >= PROGRESS_SECONDS:
                    told = self._clock()
                    for watch in unready:
                        self._tell(watch)
                self._sleep(LOOK_SECONDS)

    @property
    def elapsed(self) -> float:
        """Seconds since the waiter was made."""
        return self._clock() - self._started

    def report(self) -> list[dict[str, Any]]:
        """What is known of each object."""
        return [watch.to_dict() for watch in self._watches]

    def _tell(self, watch: _Watch) -> None:
        state = "is ready" if watch.verdict.ready else f"waits: {watch.verdict.reason}"
        self._progress(f"[{self.elapsed:4.0f} s] {watch.wish.title} {state}")

    def _look(self, pool: ThreadPoolExecutor) -> list[_Watch]:
        """Look at everything that is not ready; answers what is said differently now."""
        todo = [watch for watch in self._watches if not watch.verdict.ready]
        if any(self._kind(watch.wish) is None for watch in todo) and todo[0].looked:
            self._try_discover()
        before = [watch.verdict for watch in todo]
        list(pool.map(self._see, todo))
        return [watch for watch, old in zip(todo, before, strict=True) if watch.verdict != old]

    def _try_discover(self) -> None:
        # What is wrong is told by the objects' own requests.
        with contextlib.suppress(ConnectionLost, ApiError):
            self._api.discover()

    def _kind(self, wish: Wish) -> Kind | None:
        return self._api.kind(wish.api_version, wish.kind)

    def _see(self, watch: _Watch) -> None:
        try:
            watch.verdict = self._verdict(watch)
        except ConnectionLost as problem:
            watch.verdict = Verdict(False, f"the API server does not answer: {problem}")
        except ApiError as problem:
            words = f"it cannot be read ({problem.status}): {problem.message}"
            watch.verdict = Verdict(False, words, hopeless=problem.status == 403)
        watch.looked = True

    def _verdict(self, watch: _Watch) -> Verdict:
        wish = watch.wish
        kind = self._kind(wish)
        if kind is None and wish.gone:
            return judge_gone(None)
        if kind is None:
            return Verdict(
                False, f"the server does not know the kind {wish.kind} in {wish.api_version}"
            )
        if kind.namespaced and not wish.namespace:
            return Verdict(
                False, f"namespace is not given, and {wish.kind} needs one", hopeless=True
            )
        live = self._api.get(kind.path(wish.name, wish.namespace))
        if wish.gone:
            return judge_gone(live)
        if live is None:
            return Verdict(False, "it does not exist")
        verdict = judge(Sight(live, self._slices(wish)), wish)
        if verdict.ready or verdict.hopeless:
            return verdict
        return self._verdict_on_pods(watch, live, verdict)

    def _slices(self, wish: Wish) -> tuple[Mapping[str, Any], ...]:
        if wish.kind != "Service" or wish.conditions or wish.field:
            return ()
        return self._list(
            "discovery.k8s.io/v1",
            "EndpointSlice",
            wish.namespace,
            {"labelSelector": f"kubernetes.io/service-name={wish.name}"},
        )

    def _verdict_on_pods(self, watch: _Watch, live: Mapping[str, Any], verdict: Verdict) -> Verdict:
        """Ask the pods of a workload that is not ready why, and whether it can heal."""
        selector = _pod_selector(watch.wish, live)
        if not selector:
            return verdict
        namespace = watch.wish.namespace
        found = pods.newest(self._list("v1", "Pod", namespace, {"labelSelector": selector}))
        events: tuple[Mapping[str, Any], ...] = ()
        if pods.need_events(found):
            events = self._list("v1", "Event", namespace, {"fieldSelector": "reason=Failed"})
        if not watch.looked:
            watch.before = pods.counts(found, events)
        trouble = pods.judge(found, events, watch.before)
        if trouble is None:
            return verdict
        return Verdict(False, f"{verdict.reason}; {trouble.reason}", trouble.hopeless)

    def _list(
        self, api_version: str, kind: str, namespace: str | None, query: Mapping[str, str]
    ) -> tuple[Mapping[str, Any], ...]:
        place = self._api.kind(api_version, kind)
        if place is None:
            return ()
        answer = self._api.get(place.path(None, namespace), query) or {}
        return tuple(answer.get("items") or ())


def _pod_selector(wish: Wish, live: Mapping[str, Any]) -> str:
    """The label selector of a workload's pods; empty for kinds without pods."""
    if wish.kind == "LLMInferenceService":
        # Labels that KServe puts on workload and scheduler pods (pkg/controller/llmisvc).
        return f"app.kubernetes.io/part-of=llminferenceservice,app.kubernetes.io/name={wish.name}"
    if wish.kind not in ("Deployment", "StatefulSet", "DaemonSet", "Job"):
        return ""
    labels = (live.get("spec", {}).get("selector") or {}).get("matchLabels") or {}
    return ",".join(f"{name}={value}" for name, value in sorted(labels.items()))


def _words(what: str, unready: Sequence[_Watch], elapsed: float) -> str:
    lines = [f"{watch.wish.title}: {watch.verdict.reason}" for watch in unready]
    return f"{len(unready)} objects {what} after {elapsed:.0f} s:\n" + "\n".join(lines)


def wish_of(entry: Mapping[str, Any]) -> Wish:
    """One validated entry of the option `objects`."""
    return Wish(
        api_version=str(entry["api_version"]),
        kind=str(entry["kind"]),
        name=str(entry["name"]),
        namespace=entry.get("namespace") or None,
        conditions=tuple(str(name) for name in entry.get("condition") or ()),
        field=entry.get("field") or None,
        keys=tuple(str(key) for key in entry.get("keys") or ()),
        ca_bundle=bool(entry.get("ca_bundle")),
        gone=bool(entry.get("gone")),
    )


def wait_ready(
    params: Mapping[str, Any], session: Session, *, check: bool, progress: Progress
) -> dict[str, Any]:
    """Wait for what the options name; in check mode look once and report."""
    api = Api(session)
    try:
        first_contact(api)
        waiter = Waiter(api, [wish_of(entry) for entry in params["objects"]], progress)
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
