# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Delete what is ours and no longer wanted, step by step, and wait until it is gone.

Nothing is deleted by name alone: each object is read first, judged by `removal`, and deleted with
the uid that was read, so that an object that somebody else made anew under its name stays.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, TypeAlias

from ansible_collections.llmd.tpu.plugins.module_utils.connection import PARALLEL, ConnectionLost
from ansible_collections.llmd.tpu.plugins.module_utils.manifests import removal
from ansible_collections.llmd.tpu.plugins.module_utils.manifests.client import Api, ApiError
from ansible_collections.llmd.tpu.plugins.module_utils.manifests.kinds import Kind
from ansible_collections.llmd.tpu.plugins.module_utils.manifests.load import Manifest
from ansible_collections.llmd.tpu.plugins.module_utils.manifests.removal import (
    Found,
    Going,
    Leftover,
)
from ansible_collections.llmd.tpu.plugins.module_utils.manifests.report import Outcome, refusal
from ansible_collections.llmd.tpu.plugins.module_utils.manifests.retry import Persistence
from ansible_collections.llmd.tpu.plugins.module_utils.readiness.verdicts import still_there

Key: TypeAlias = "tuple[str, str, str | None, str]"
_NAMESPACES = ("", "Namespace")
_CRDS = ("apiextensions.k8s.io", "CustomResourceDefinition")
# A list that cannot be had says little: no right to it, a kind that has gone, an API of an add-on
# that does not run. Our objects are in none of these.
_UNLISTED = frozenset({403, 404, 405, 406, 503})


@dataclass(frozen=True)
class Removal:
    """How to remove: the task's options."""

    manager: str = "llmd.tpu"
    labels: Mapping[str, str] = field(default_factory=dict)
    namespace: str | None = None
    check: bool = False
    wait_seconds: float = 120.0
    crd_groups: tuple[str, ...] = ()
    leftovers: tuple[Leftover, ...] = ()
    delete_options: Mapping[str, Any] = field(default_factory=dict)


@dataclass
class _Job:
    """One object on its way out; `live` is what was read of it."""

    manifest: Manifest
    action: str
    live: Found | None = None
    outcome: Outcome | None = None
    seconds: float = 0.0
    waiting: bool = False


class Refused(Exception):
    """What cannot be removed; the text is for the user."""


class Remover:
    """Removes objects that are named, and those that carry our labels."""

    def __init__(
        self,
        api: Api,
        wishes: Removal,
        persistence: Persistence | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._api = api
        self._wishes = wishes
        self._clock = clock
        self._sleep = sleep
        self._persist = persistence or Persistence(
            wishes.wait_seconds, clock, sleep, lambda: api.counts.add(retries=1)
        )
        self._going = Going()
        self.warnings: list[str] = []

    def delete(self, manifests: Sequence[Manifest], *, prune: bool) -> list[Outcome]:
        """Delete the named objects, and with `prune` all that carry the labels."""
        with ThreadPoolExecutor(PARALLEL) as pool:
            jobs = [_Job(self._placed(manifest), "deleted") for manifest in manifests]
            list(pool.map(self._guarded(self._read), jobs))
            named = {job.live.key for job in jobs if job.live}
            jobs += self._labelled(pool, named) if prune else []
            self._run(pool, jobs)
        return [_outcome(job) for job in jobs]

    def prune(self, kept: Iterable[Manifest], *, hold: str = "") -> list[Outcome]:
        """Delete what carries the labels and is not kept; `hold` is a reason to leave it there."""
        with ThreadPoolExecutor(PARALLEL) as pool:
            jobs = self._labelled(pool, {_key(manifest) for manifest in kept})
            for job in jobs:
                if hold and job.outcome is None:
                    job.outcome = Outcome(job.manifest, "skipped", reason=hold)
            self._run(pool, jobs)
        return [_outcome(job) for job in jobs]

    # What there is.

    def _placed(self, manifest: Manifest) -> Manifest:
        kind = self._kind(manifest)
        return manifest.placed(kind.namespaced if kind else None, self._wishes.namespace, None)

    def _kind(self, manifest: Manifest) -> Kind | None:
        """The kind as manifest or server spell its version: an object is the same in both."""
        group = manifest.api_version.rpartition("/")[0]
        return self._api.kind(manifest.api_version, manifest.kind) or self._api.preferred(
            group, manifest.kind
        )

    def _read(self, job: _Job) -> None:
        manifest, kind = job.manifest, self._kind(job.manifest)
        if kind is None:
            job.outcome = Outcome(
                manifest, "none", reason="the server does not know its kind, so there is none"
            )
            return
        if kind.namespaced and not manifest.namespace:
            raise Refused(
                "it names no namespace, and its kind needs one. Set metadata.namespace, or the "
                "option namespace."
            )
        path = kind.path(manifest.name, manifest.namespace)
        metadata = self._persist(lambda: self._api.metadata(path))
        if metadata is None:
            job.outcome = Outcome(manifest, "none")
        else:
            job.live = Found(kind, metadata)

    def _labelled(self, pool: ThreadPoolExecutor, known: Collection[Key]) -> list[_Job]:
        """A job for every object that carries the labels, is ours and is not known yet."""
        found, problems = self._list(pool, self._api.removable(), None, self._wishes.labels)
        jobs = [
            _Job(_manifest(each), "pruned", each)
            for each in sorted(found, key=lambda each: (each.kind.kind, each.title))
            if each.key not in known
            and not removal.why_not_ours(each.metadata, self._wishes.manager, self._wishes.labels)
        ]
        self._warn(problems)
        for kind, problem in problems:
            if not _tolerable(problem):
                body = {"apiVersion": kind.api_version, "kind": kind.kind}
                place = Manifest({**body, "metadata": {"name": "*"}}, "searched by its labels")
                words = refusal(problem, self._wishes.manager)
                jobs.append(_Job(place, "failed", outcome=Outcome(place, "failed", error=words)))
        return jobs

    def _warn(self, problems: Iterable[tuple[Kind, Exception]]) -> None:
        """Kinds that could not be searched, with one warning for all that need a permission."""
        refused = []
        for kind, problem in problems:
            if isinstance(problem, ApiError) and problem.status == 403:
                refused.append(f"{kind.kind} ({kind.api_version})")
            elif _tolerable(problem):
                self.warnings.append(
                    f"{kind.kind} ({kind.api_version}) was not searched for objects to remove: "
                    f"{refusal(problem, self._wishes.manager)}"
                )
        if refused:
            self.warnings.append(
                "not searched for objects to remove, as the account may not list them: "
                + ", ".join(sorted(refused))
            )

    def _list(
        self,
        pool: ThreadPoolExecutor,
        kinds: Iterable[Kind],
        namespace: str | None,
        labels: Mapping[str, str],
    ) -> tuple[list[Found], list[tuple[Kind, Exception]]]:
        """All objects of the kinds, and the kinds that could not be listed."""

        def ask(kind: Kind) -> tuple[Kind, list[dict[str, Any]], Exception | None]:
            path = kind.path(namespace=namespace)
            try:
                return kind, self._persist(lambda: self._api.list_metadata(path, labels)), None
            except (ApiError, ConnectionLost) as problem:
                return kind, [], problem

        found: dict[str, Found] = {}
        problems: list[tuple[Kind, Exception]] = []
        for kind, items, problem in pool.map(ask, kinds):
            for metadata in items:  # an Event is served by two groups
                found.setdefault(str(metadata.get("uid")), Found(kind, metadata))
            if problem:
                problems.append((kind, problem))
        return list(found.values()), problems

    # What goes.

    def _run(self, pool: ThreadPoolExecutor, jobs: Sequence[_Job]) -> None:
        for job in jobs:
            if job.outcome is None and job.live:
                self._judge(job, job.live)
        todo = [job for job in jobs if job.outcome is None]
        definitions = self._definitions() if todo else ()
        steps: dict[int, list[_Job]] = {}
        for job in reversed(todo):
            if job.live:
                steps.setdefault(removal.step(job.live.kind, definitions), []).append(job)
        for number in sorted(steps):
            self._step(pool, number, steps[number])
            stuck = [job for job in steps[number] if job.outcome and job.outcome.error]
            if number == removal.CUSTOM and stuck:
                self._hold(todo, stuck)
                return

    def _judge(self, job: _Job, live: Found) -> None:
        reason = removal.why_not_ours(live.metadata, self._wishes.manager, self._wishes.labels)
        if not reason and (live.kind.group, live.kind.kind) == _CRDS:
            reason = removal.why_definition_stays(live.metadata, self._wishes.crd_groups)
        elif not reason and (live.kind.group, live.kind.kind) == _NAMESPACES:
            reason = removal.why_namespace_stays(live.metadata, self._wishes.manager)
        if reason:
            job.outcome = Outcome(job.manifest, "skipped", reason=reason)

    def _definitions(self) -> Collection[str]:
        """The names of all CRDs; without the right to list them, of all kinds with a domain."""
        kind = self._api.preferred(*_CRDS)
        if kind is None:
            return ()
        path = kind.path()
        try:
            items = self._persist(lambda: self._api.list_metadata(path, {}))
        except (ApiError, ConnectionLost):
            return {
                each.definition
                for each in self._api.removable()
                if "." in each.group and not each.group.endswith(".k8s.io")
            }
        return {str(item["name"]) for item in items}

    def _hold(self, jobs: Iterable[_Job], stuck: Sequence[_Job]) -> None:
        """What may be the controller of an object that is still there stays until that has gone."""
        titles = ", ".join(job.manifest.title for job in stuck)
        for job in jobs:
            if job.outcome is None:
                reason = f"its turn did not come: it may be what {titles} needs to go"
                job.outcome = Outcome(job.manifest, "skipped", reason=reason)

    def _step(self, pool: ThreadPoolExecutor, number: int, jobs: Sequence[_Job]) -> None:
        deadline = self._clock() + self._wishes.wait_seconds
        for job in jobs:
            if number == removal.NAMESPACES:
                self._guarded(partial(self._look_into, pool))(job)
            elif number == removal.DEFINITIONS:
                self._guarded(partial(self._look_for_objects, pool, deadline))(job)
        list(pool.map(self._guarded(self._delete), [job for job in jobs if job.outcome is None]))
        waiting = [job for job in jobs if job.waiting]
        pause = 0.1
        while waiting:
            list(pool.map(self._guarded(self._look_gone), waiting))
            waiting = [job for job in waiting if job.waiting]
            if waiting and self._clock() > deadline:
                list(pool.map(self._guarded(self._give_up), waiting))
                return
            self._sleep(pause if waiting else 0)
            pause = min(pause * 1.5, 1.0)

    def _look_into(self, pool: ThreadPoolExecutor, job: _Job) -> None:
        """A namespace only goes when nobody else has anything in it."""
        name = job.manifest.name
        kinds = [kind for kind in self._api.removable() if kind.namespaced]
        found, problems = self._list(pool, kinds, name, {})
        strangers = removal.foreign(found, self._going, self._wishes.leftovers)
        unseen = [
            kind.kind
            for kind, problem in problems
            if not (isinstance(problem, ApiError) and problem.status in (404, 405))
        ]
        if strangers:
            reason = (
                f"it holds what is not ours: {removal.listed(strangers)}. Expected: nothing but "
                "what goes too. Remove or move these, or name them in leftovers when a controller "
                "left them."
            )
        elif unseen:
            reason = (
                "whether others have something in it cannot be seen: "
                f"{removal.first(unseen)} could not be listed. Expected: an account that "
                "may list every kind in it."
            )
        else:
            return
        job.outcome = Outcome(job.manifest, "skipped", reason=reason)

    def _look_for_objects(self, pool: ThreadPoolExecutor, deadline: float, job: _Job) -> None:
        """A CRD only goes when it has no objects; those on their way out are waited for."""
        kinds = [kind for kind in self._api.removable() if kind.definition == job.manifest.name]
        while True:
            found, problems = self._list(pool, kinds, None, {})
            left = removal.staying(found, self._going)
            done = self._wishes.check or not found or self._clock() > deadline
            if problems or left or done:
                break
            self._sleep(0.5)
        if problems:
            raise problems[0][1]
        if left or (found and not self._wishes.check):
            reason = f"objects of it remain: {removal.listed(left or found)}"
            job.outcome = Outcome(job.manifest, "skipped", reason=reason)

    def _delete(self, job: _Job) -> None:
        if job.live is None:
            return
        if job.live.metadata.get("deletionTimestamp"):
            reason = "somebody asked to delete it before"
            job.outcome = Outcome(job.manifest, "none", reason=reason)
            job.waiting = not self._wishes.check
        elif self._sent(job, job.live):
            job.outcome = Outcome(job.manifest, job.action)
        if job.outcome and not job.outcome.error and job.outcome.action != "skipped":
            self._going.uids.add(job.live.uid)
            if (job.live.kind.group, job.live.kind.kind) == _NAMESPACES:
                self._going.namespaces.add(job.manifest.name)

    def _sent(self, job: _Job, live: Found) -> bool:
        """Ask the server to delete it; False when that is not needed or no longer right."""
        path = live.kind.path(job.manifest.name, live.namespace)
        given = {name: v for name, v in self._wishes.delete_options.items() if v is not None}
        conditions = {k: v for k, v in (given.get("preconditions") or {}).items() if v is not None}
        options = {**given, "preconditions": {"uid": live.uid, **conditions}}
        check = self._wishes.check
        try:
            answer = self._persist(lambda: self._api.delete(path, options, dry_run=check))
        except ApiError as problem:
            if problem.status == 404:
                job.outcome = Outcome(job.manifest, "none", reason="it went meanwhile")
                return False
            if "uid" not in conditions and re.search("UID in (the )?precondition", problem.message):
                reason = "it is not what was read: somebody made it anew meanwhile"
                job.outcome = Outcome(job.manifest, "skipped", reason=reason)
                return False
            if check and "dry run" in problem.message:
                return True
            if "ensuring all content is removed" not in problem.message:
                raise
            answer = {}
        job.waiting = not check and answer.get("kind") != "Status"
        return True

    def _look_gone(self, job: _Job) -> None:
        if job.live is None:
            return
        path = job.live.kind.path(job.manifest.name, job.live.namespace)
        metadata = self._persist(lambda: self._api.metadata(path))
        job.waiting = metadata is not None and metadata.get("uid") == job.live.uid

    def _give_up(self, job: _Job) -> None:
        if job.live is None:
            return
        job.waiting = False
        self._going.uids.discard(job.live.uid)
        path = job.live.kind.path(job.manifest.name, job.live.namespace)
        live = self._persist(lambda: self._api.get(path))
        if live is not None and live["metadata"].get("uid") == job.live.uid:
            raise Refused(
                f"after {self._wishes.wait_seconds:g} s {still_there(live)}. Expected: it is gone. "
                "Find out what holds it (the controller of a finalizer must run), or wait longer "
                "(wait_timeout)."
            )

    def _guarded(self, work: Callable[[_Job], None]) -> Callable[[_Job], None]:
        """Work on one job that turns every expected refusal into the job's outcome."""

        def guarded(job: _Job) -> None:
            started = self._clock()
            try:
                work(job)
            except (ApiError, ConnectionLost, Refused) as problem:
                job.waiting = False
                words = refusal(problem, self._wishes.manager)
                job.outcome = Outcome(job.manifest, "failed", error=words)
            job.seconds += self._clock() - started

        return guarded


def _tolerable(problem: Exception) -> bool:
    """Whether a kind that cannot be listed hides none of our objects."""
    return isinstance(problem, ApiError) and problem.status in _UNLISTED


def _manifest(found: Found) -> Manifest:
    """A found object as if it had been named."""
    metadata = {"name": found.metadata["name"]}
    if found.namespace:
        metadata["namespace"] = found.namespace
    body = {"apiVersion": found.kind.api_version, "kind": found.kind.kind, "metadata": metadata}
    return Manifest(body, "found by its labels")


def _key(manifest: Manifest) -> Key:
    group = manifest.api_version.rpartition("/")[0]
    return (group, manifest.kind, manifest.namespace, manifest.name)


def _outcome(job: _Job) -> Outcome:
    if job.outcome is None:
        raise RuntimeError(f"{job.manifest.title} was forgotten")
    return replace(job.outcome, milliseconds=round(job.seconds * 1000))
