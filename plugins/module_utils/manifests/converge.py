# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Make the cluster hold the manifests: read everything, compare, write only what differs.

The comparison decides what is certainly unchanged; about everything else the server has the last
word, by a dry run or by the write itself. So what is reported as changed did change.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

from ansible_collections.llmd.tpu.plugins.module_utils.connection import PARALLEL, ConnectionLost
from ansible_collections.llmd.tpu.plugins.module_utils.manifests import order
from ansible_collections.llmd.tpu.plugins.module_utils.manifests.ahead import read_ahead
from ansible_collections.llmd.tpu.plugins.module_utils.manifests.bundle import reason_to_skip
from ansible_collections.llmd.tpu.plugins.module_utils.manifests.client import (
    Api,
    ApiError,
    Cause,
)
from ansible_collections.llmd.tpu.plugins.module_utils.manifests.compare import (
    Change,
    compare,
    differences,
    wanted,
    without_emptied,
)
from ansible_collections.llmd.tpu.plugins.module_utils.manifests.fields import spell
from ansible_collections.llmd.tpu.plugins.module_utils.manifests.kinds import Kind
from ansible_collections.llmd.tpu.plugins.module_utils.manifests.load import BadManifest, Manifest
from ansible_collections.llmd.tpu.plugins.module_utils.manifests.masks import without_secrets
from ansible_collections.llmd.tpu.plugins.module_utils.manifests.report import (
    Outcome,
    refusal,
)
from ansible_collections.llmd.tpu.plugins.module_utils.manifests.retry import (
    NO_SUCH_PATH,
    Persistence,
)


@dataclass(frozen=True)
class TakeOver:
    """Objects whose conflicting fields may be taken from their owner; no fields means all."""

    kind: str
    name: str | None = None
    fields: tuple[str, ...] = ()

    def covers(self, manifest: Manifest, conflict: Cause) -> bool:
        """Whether this conflict of this object may be taken over."""
        if self.kind != manifest.kind or self.name not in (None, manifest.name):
            return False
        path = conflict.field.lstrip(".")
        return not self.fields or any(
            path == wish or path.startswith((f"{wish}.", f"{wish}["))
            for wish in (field.lstrip(".") for field in self.fields)
        )


@dataclass(frozen=True)
class Wishes:
    """How to converge: the task's options."""

    manager: str = "llmd.tpu"
    force: bool = False
    take_over: tuple[TakeOver, ...] = ()
    namespace: str | None = None
    labels: Mapping[str, str] | None = None
    check: bool = False
    wait_seconds: float = 120.0


class Refused(Exception):
    """An object that cannot be converged; the text is for the user."""


@dataclass
class _Job:
    """One manifest on its way: where it lives, and what was read."""

    manifest: Manifest
    kind: Kind | None
    live: dict[str, Any] | None = None
    outcome: Outcome | None = None
    seconds: float = 0.0
    fresh: bool = False
    """A CRD that was just written and is not served yet; `looks` counts how often we asked."""
    looks: int = 0


class Converger:
    """Converges a list of manifests; clock and sleep are passed in for the tests."""

    def __init__(
        self,
        api: Api,
        wishes: Wishes,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        persistence: Persistence | None = None,
    ) -> None:
        self._api = api
        self._wishes = wishes
        self._clock = clock
        self._sleep = sleep
        self._discovering = threading.Lock()
        self._ahead: dict[str, dict[str, Any] | None] = {}
        self._persist = persistence or Persistence(
            wishes.wait_seconds, clock, sleep, lambda: api.counts.add(retries=1)
        )

    def run(self, manifests: Sequence[Manifest]) -> list[Outcome]:
        """The outcome of each manifest, in the order given; one that fails stops no other."""
        coming = _kinds_to_come(manifests)
        jobs = [self._job(manifest, coming) for manifest in manifests]
        with ThreadPoolExecutor(PARALLEL) as pool:
            places = [
                (job.kind, job.manifest.namespace, job.manifest.name) for job in jobs if job.kind
            ]
            self._ahead = read_ahead(self._api, places, pool)
            list(pool.map(self._guarded(self._read), jobs))
            for step in order.steps([job.manifest for job in jobs]):
                todo = [jobs[index] for index in step if jobs[index].outcome is None]
                # While the server takes up new CRDs, what does not need them can be written.
                list(pool.map(self._guarded(self._settle), [job for job in todo if job.kind]))
                unknown = [job for job in todo if not job.kind]
                if unknown:
                    self._wait_served(pool, jobs)
                list(pool.map(self._guarded(self._settle), unknown))
            self._wait_served(pool, jobs)
        return [self._outcome(job) for job in jobs]

    def _outcome(self, job: _Job) -> Outcome:
        if job.outcome is None:
            raise RuntimeError(f"{job.manifest.title} was forgotten")
        return replace(job.outcome, milliseconds=round(job.seconds * 1000), live=job.live)

    def _job(self, manifest: Manifest, coming: Mapping[tuple[str, str], Kind]) -> _Job:
        key = (manifest.api_version, manifest.kind)
        kind = self._api.kind(*key)
        return _Job(self._placed(manifest, kind or coming.get(key)), kind)

    def _placed(self, manifest: Manifest, kind: Kind | None) -> Manifest:
        """The manifest with our labels, and in its namespace."""
        namespaced = kind.namespaced if kind else None
        return manifest.placed(namespaced, self._wishes.namespace, self._wishes.labels)

    def _guarded(self, work: Callable[[_Job], None]) -> Callable[[_Job], None]:
        """Work on one job that turns every expected refusal into the job's outcome."""

        def guarded(job: _Job) -> None:
            started = self._clock()
            try:
                work(job)
            except (ApiError, ConnectionLost, Refused, BadManifest) as problem:
                words = without_secrets(refusal(problem, self._wishes.manager), job.manifest.body)
                job.outcome = Outcome(job.manifest, "failed", error=words)
            job.seconds += self._clock() - started

        return guarded

    def _read(self, job: _Job) -> None:
        if job.kind is None:
            self._refuse_builtin(job.manifest)
            return
        path = self._path(job)
        if path in self._ahead:
            job.live = self._ahead[path]
        else:
            job.live = self._persist(lambda: self._api.get(path))

    def _refuse_builtin(self, manifest: Manifest) -> None:
        """No CRD will ever bring a kind of Kubernetes' own groups: their names have no dot."""
        group = manifest.api_version.rpartition("/")[0]
        if "." in group:
            return
        known = self._api.kinds_of(manifest.api_version)
        raise Refused(
            f"the API server {self._api.where} knows no kind {manifest.kind} in "
            f"{manifest.api_version}. "
            + (f"It has there: {', '.join(known)}." if known else "It has no such version.")
            + " Correct apiVersion or kind."
        )

    def _path(self, job: _Job) -> str:
        if job.kind is None:
            raise Refused("its kind is not known")
        manifest = job.manifest
        if job.kind.namespaced and not manifest.namespace:
            raise Refused(
                "it names no namespace, and its kind needs one. Set metadata.namespace, or the "
                "option namespace."
            )
        return job.kind.path(manifest.name, manifest.namespace)

    def _settle(self, job: _Job) -> None:
        """Decide about one object and, out of check mode, write it."""
        if job.kind is None and not self._find_kind(job):
            return
        if job.live and job.live["metadata"].get("deletionTimestamp"):
            self._wait_gone(job)
        skip = reason_to_skip(job.manifest.body, job.live)
        if skip:
            job.outcome = Outcome(job.manifest, "skipped", reason=skip)
            return
        body = wanted(job.manifest.body, job.live, self._wishes.manager)
        if job.live is None:
            self._create(job, body)
        else:
            self._change(job, body, job.live)

    def _find_kind(self, job: _Job) -> bool:
        """Look for a kind that was unknown at first; in check mode predict its object."""
        manifest = job.manifest
        if self._wishes.check:
            job.outcome = _created(
                manifest, f"the kind {manifest.kind} in {manifest.api_version} is not there yet"
            )
            return False

        def look() -> Kind:
            with self._discovering:
                kind = self._api.kind(manifest.api_version, manifest.kind)
                if kind is None:
                    self._api.discover()
                    kind = self._api.kind(manifest.api_version, manifest.kind)
            if kind is None:
                raise ApiError(
                    404,
                    "NotFound",
                    f"no matches for kind {manifest.kind} in {manifest.api_version} at "
                    f"{self._api.where} after {self._wishes.wait_seconds:g} s. Expected: its "
                    "CustomResourceDefinition, from this list or an earlier phase. Check "
                    "apiVersion and kind, or apply the CRD first.",
                )
            return kind

        job.kind = self._persist(look)
        job.manifest = self._placed(manifest, job.kind)
        path = self._path(job)
        job.live = self._persist(lambda: self._api.get(path))
        return True

    def _wait_gone(self, job: _Job) -> None:
        """An object that is being deleted comes back only after it has gone."""
        live, path = job.live, self._path(job)
        job.live = None
        if self._wishes.check:
            return
        deadline = self._clock() + self._wishes.wait_seconds
        while live is not None:
            if self._clock() > deadline:
                holders = ", ".join(live["metadata"].get("finalizers") or ()) or "none"
                raise Refused(
                    f"it is being deleted since {live['metadata']['deletionTimestamp']} and was "
                    f"still there after {self._wishes.wait_seconds:g} s; finalizers: {holders}. "
                    "Find out what holds it, or wait longer (wait_timeout)."
                )
            self._sleep(0.5)
            live = self._persist(lambda: self._api.get(path))

    def _create(self, job: _Job, body: dict[str, Any]) -> None:
        if not self._wishes.check:
            job.live = self._write(job, body)
            job.fresh = job.manifest.kind == "CustomResourceDefinition"
        job.outcome = _created(job.manifest)

    def _change(self, job: _Job, body: dict[str, Any], live: dict[str, Any]) -> None:
        seen = compare(body, live, self._wishes.manager)
        if seen.clean:
            job.outcome = _changed(job.manifest, ())
            return
        # A webhook may spell a value its own way ("8760h" becomes "8760h0m0s"), so that only the
        # server knows whether writing would change anything.
        changes = self._try_out(job, body, live)
        if changes is None and self._wishes.check:  # what the comparison knows must do
            job.outcome = Outcome(job.manifest, "changed", (*seen.changes, *seen.removed))
            return
        if changes == [] or (changes is not None and self._wishes.check):
            job.outcome = _changed(job.manifest, changes)
            return
        job.live = self._settled(job, body)
        job.fresh = job.manifest.kind == "CustomResourceDefinition"
        job.outcome = _changed(job.manifest, differences(live, job.live))

    def _settled(self, job: _Job, body: dict[str, Any]) -> dict[str, Any]:
        """Write until applying again would change nothing.

        Once is enough but for one habit of server-side apply: a map that loses its last field
        goes away, though the manifest asks for an empty one, which only the next apply restores.
        """
        after = self._write(job, body)
        for _again in range(2):
            if compare(body, after, self._wishes.manager).clean:
                break
            before, after = after, self._write(job, body)
            if _version(before) == _version(after):
                break  # what is left is what the server will not do
        return after

    def _try_out(
        self, job: _Job, body: dict[str, Any], live: dict[str, Any]
    ) -> list[Change] | None:
        """What the server would change; None when a webhook does not allow a dry run."""
        try:
            return differences(live, self._write(job, body, dry_run=True))
        except ApiError as problem:
            if "dry run" in problem.message:
                return None
            raise

    def _write(self, job: _Job, body: dict[str, Any], *, dry_run: bool = False) -> dict[str, Any]:
        """Server-side apply, in two steps where a map that is to be empty hinders one."""
        try:
            return self._apply(job, body, dry_run)
        except ApiError as problem:
            lean = without_emptied(body, job.live or {})
            if problem.status != 422 or '"null"' not in problem.message or lean == body:
                raise
        after = self._apply(job, lean, dry_run)
        return after if dry_run else self._apply(job, body, dry_run)

    def _apply(self, job: _Job, body: dict[str, Any], dry_run: bool) -> dict[str, Any]:
        """Server-side apply; a conflict is forced only where the caller said so."""
        manager = self._wishes.manager

        def attempt(force: bool) -> dict[str, Any]:
            try:
                return self._api.apply(self._path(job), body, manager, force=force, dry_run=dry_run)
            except ApiError as problem:
                if NO_SUCH_PATH in problem.message:
                    self._learn_again(job)
                raise

        try:
            answer = self._persist(lambda: attempt(self._wishes.force))
        except ApiError as problem:
            if not problem.conflicts or not all(
                any(entry.covers(job.manifest, conflict) for entry in self._wishes.take_over)
                for conflict in problem.conflicts
            ):
                raise
            answer = self._persist(lambda: attempt(True))
        result: dict[str, Any] = answer
        return result

    def _learn_again(self, job: _Job) -> None:
        """Ask where the kind lives now: another CRD that claimed its name may have gone."""
        with self._discovering:
            self._api.discover()
        job.kind = self._api.kind(job.manifest.api_version, job.manifest.kind) or job.kind

    def _wait_served(self, pool: ThreadPoolExecutor, jobs: Iterable[_Job]) -> None:
        """Wait until the server serves the CRDs that were written, and learn their kinds."""
        waiting = [job for job in jobs if job.fresh]
        if not waiting:
            return
        started, pause = self._clock(), 0.1
        while waiting:
            list(pool.map(self._guarded(self._look_served), waiting))
            waiting = [job for job in waiting if job.fresh]
            if waiting and self._clock() - started > self._wishes.wait_seconds:
                list(pool.map(self._guarded(self._give_up), waiting))
                break
            self._sleep(pause if waiting else 0)
            pause = min(pause * 1.5, 1.0)
        self._persist(self._api.discover)

    def _look_served(self, job: _Job) -> None:
        """Ask for the CRD's objects: that is short, while a CRD can be a megabyte."""
        spec = job.manifest.body["spec"]
        version = next((v["name"] for v in spec["versions"] if v.get("served")), None)
        if version is None:
            job.fresh = False
            return
        path = f"/apis/{spec['group']}/{version}/{spec['names']['plural']}"
        try:
            job.fresh = self._api.get(path, {"limit": "1"}) is None
        except ConnectionLost:
            return
        except ApiError as problem:
            job.fresh = problem.status in (403, 429) or problem.status > 500
        if job.fresh:
            job.looks += 1
            if job.looks % 5 == 0:
                self._look_established(job)

    def _look_established(self, job: _Job) -> dict[str, Any]:
        """The CRD's own conditions, where names that are taken can be seen. Raises Refused."""
        live = self._api.get(self._path(job)) or {}
        conditions = (live.get("status") or {}).get("conditions") or ()
        states = {condition["type"]: condition for condition in conditions}
        refused = states.get("NamesAccepted", {})
        if refused.get("status") == "False":
            job.fresh = False
            raise Refused(f"the server does not accept its names: {refused.get('message')}")
        job.fresh = states.get("Established", {}).get("status") != "True"
        return states

    def _give_up(self, job: _Job) -> None:
        states = self._look_established(job)
        if job.fresh:
            job.fresh = False
            raise Refused(
                f"the CRD was not Established after {self._wishes.wait_seconds:g} s. Its "
                f"conditions: {states or 'none'}."
            )


def _kinds_to_come(manifests: Iterable[Manifest]) -> dict[tuple[str, str], Kind]:
    """The kinds that CRDs among the manifests bring: their objects can be placed before."""
    kinds: dict[tuple[str, str], Kind] = {}
    for manifest in manifests:
        if manifest.kind == "CustomResourceDefinition":
            spec = manifest.body.get("spec") or {}
            names = spec.get("names") or {}
            kind, plural = str(names.get("kind")), str(names.get("plural"))
            for version in spec.get("versions") or ():
                api_version = f"{spec.get('group')}/{version.get('name')}"
                namespaced = spec.get("scope") == "Namespaced"
                kinds[api_version, kind] = Kind(api_version, kind, plural, namespaced)
    return kinds


def _version(live: Mapping[str, Any]) -> Any:
    return live["metadata"].get("resourceVersion")


def _created(manifest: Manifest, reason: str = "") -> Outcome:
    return Outcome(manifest, "created", reason=reason)


def _changed(manifest: Manifest, changes: Sequence[Change]) -> Outcome:
    fields = tuple(spell(change.path) for change in changes)
    return Outcome(manifest, "changed" if fields else "none", fields, changes=tuple(changes))
