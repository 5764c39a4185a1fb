# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Ask one service its questions, and read around the first one what was counted."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from ansible_collections.llmd.tpu.plugins.module_utils.smoke.asking import (
    Asked,
    Clock,
    Transport,
    ask_until,
)
from ansible_collections.llmd.tpu.plugins.module_utils.smoke.exchange import (
    Outcome,
    Reply,
    Request,
)
from ansible_collections.llmd.tpu.plugins.module_utils.smoke.judge import Judgement, judge
from ansible_collections.llmd.tpu.plugins.module_utils.smoke.measure import Record, record_of
from ansible_collections.llmd.tpu.plugins.module_utils.smoke.prefixes import (
    NOBODY,
    TIMES,
    Row,
    prompt_of,
)
from ansible_collections.llmd.tpu.plugins.module_utils.smoke.questions import (
    Question,
    Wish,
    request_of,
)
from ansible_collections.llmd.tpu.plugins.module_utils.smoke.routing import (
    RESPONSE_HEADER,
    Counts,
    Routing,
    grown,
    weigh,
)
from ansible_collections.llmd.tpu.plugins.module_utils.smoke.servers import (
    EXPLAINED,
    Server,
    explain,
)
from ansible_collections.llmd.tpu.plugins.module_utils.smoke.service import Service

_LOOKS, _LOOK_PAUSE = 10, 0.1
ROUTED_SECONDS, _ROUTED_PAUSE = 60.0, 2.0
"""How long a good answer that went round the scheduler is asked for again, within the deadline: a
gateway that does not know the scheduler yet lets requests through. Half a minute was seen."""
_LIST_IS_NOT_ROUTED = Routing("unknown", ("the list of models goes round the scheduler",))
_LOOK = 0.8
"""The part of a time limit after which the servers are looked at, while the question is open."""


@dataclass(frozen=True)
class Limits:
    """How long to wait: until when failures are tried again, for a first answer, for others."""

    deadline: float
    first: float
    others: float


@dataclass(frozen=True)
class Asker:
    """Asks one service."""

    transport: Transport
    service: Service
    wish: Wish
    limits: Limits
    clock: Clock

    def first(self, question: Question) -> tuple[Asked, float, Routing]:
        """Ask until there is a good answer; gives how long the first took, and its routing."""
        if question == "models":
            asked = self._ask(question, self.limits.deadline, self.limits.first)
            return asked, asked.outcome.seconds, _LIST_IS_NOT_ROUTED
        before, asked = self._ask_counted(question, self.limits.deadline, self.limits.first)
        seconds = asked.outcome.seconds
        if asked.judgement.ok and asked.attempts > 1:
            # The failed tries may have been counted as well: one more question is counted alone.
            now = self.clock.monotonic()
            before, again = self._ask_counted(question, now, self.limits.others)
            asked = replace(again, attempts=asked.attempts + 1)
        asked, routing = self._until_routed(question, asked, self._weigh(asked, before))
        return asked, seconds, routing

    def _until_routed(
        self, question: Question, asked: Asked, routing: Routing
    ) -> tuple[Asked, Routing]:
        """Ask again while the scheduler is passed by on a route that leads to it."""
        path, now = self.service.path, self.clock.monotonic
        until = min(self.limits.deadline, now() + ROUTED_SECONDS)
        while (
            routing.verdict == "not routed"
            and (path is None or path.pooled)
            and now() + _ROUTED_PAUSE < until
        ):
            self.clock.sleep(_ROUTED_PAUSE)
            before, again = self._ask_counted(question, now(), self.limits.others)
            if not again.judgement.ok:
                break
            asked = replace(again, attempts=asked.attempts + 1)
            routing = self._weigh(asked, before)
        return asked, routing

    def others(self, questions: Sequence[Question]) -> list[Asked]:
        """Ask the rest once each, and those again whose failure may heal."""
        requests = [request_of(question, self.url, self.wish) for question in questions]
        outcomes = self.transport.send_all(requests, timeout=self.limits.others)
        return [
            self._again(question, outcome)
            for question, outcome in zip(questions, outcomes, strict=True)
        ]

    def repeat(self, question: Question, times: int, concurrency: int) -> list[Record]:
        """Ask the same many times; each request is recorded."""
        request = request_of(question, self.url, self.wish)
        outcomes = self.transport.send_all([request] * times, concurrency, self.limits.others)
        return [
            record_of(question, outcome, judge(question, outcome, request.url, self.wish))
            for outcome in outcomes
        ]

    def replicas(self) -> int:
        """How many model servers a scheduler can choose from."""
        evidence = self.service.evidence
        if evidence is None or self.service.no_scheduler:
            return 0
        return len(evidence.servers(self.wish.model).values)

    def prefixes(self, number: int, run: str) -> list[Row]:
        """Ask some prefixes several times each, in turns; tells which replica answered which."""
        answered: dict[int, list[str]] = {prefix: [] for prefix in range(1, number + 1)}
        for turn in range(TIMES):
            for prefix, replicas in answered.items():
                question = f" What comes after {turn}?"
                wish = replace(self.wish, prompt=prompt_of(prefix, run, question))
                replicas.append(self._replica(request_of("completion", self.url, wish)))
        return [Row(prefix, tuple(replicas)) for prefix, replicas in answered.items()]

    def _replica(self, request: Request) -> str:
        """Send a request, and find the one replica that counted it."""
        evidence = self.service.evidence
        if evidence is None:
            return NOBODY
        before = evidence.servers(self.wish.model)
        self.transport.send(request, self.limits.others)
        for _look in range(_LOOKS):
            risen = grown(before, evidence.servers(self.wish.model))
            if risen:
                return next(iter(risen)) if sum(risen.values()) == 1 else NOBODY
            self.clock.sleep(_LOOK_PAUSE)
        return NOBODY

    @property
    def url(self) -> str:
        """The base URL."""
        return self.service.address.url

    def _again(self, question: Question, outcome: Outcome) -> Asked:
        request = request_of(question, self.url, self.wish)
        judgement = judge(question, outcome, request.url, self.wish)
        if not judgement.may_heal or self.clock.monotonic() > self.limits.deadline:
            return Asked(outcome, judgement, 1)
        asked = self._ask(question, self.limits.deadline, self.limits.others)
        return replace(asked, attempts=asked.attempts + 1)

    def _ask(self, question: Question, deadline: float, timeout: float) -> Asked:
        request = request_of(question, self.url, self.wish)
        watched = _Watched(self.transport, self._servers, timeout * _LOOK)

        def judged(outcome: Outcome) -> Judgement:
            judgement = judge(question, outcome, request.url, self.wish)
            if EXPLAINED.isdisjoint(one.code for one in judgement.findings):
                return judgement
            servers = watched.seen or self._servers()
            told = explain(servers, request.url) if servers is not None else None
            return replace(judgement, findings=(*judgement.findings, *([told] if told else ())))

        return ask_until(watched, request, judged, deadline, self.clock, timeout)

    def _servers(self) -> list[Server] | None:
        evidence = self.service.evidence
        return evidence.model_servers(self.wish.model) if evidence else None

    def _ask_counted(
        self, question: Question, deadline: float, timeout: float
    ) -> tuple[Counts, Asked]:
        return self._count(), self._ask(question, deadline, timeout)

    def _count(self) -> Counts:
        evidence = self.service.evidence
        if evidence is None or self.service.no_scheduler:
            return Counts()
        return evidence.counts(self.wish.model)

    def _weigh(self, asked: Asked, before: Counts) -> Routing:
        """Read the counters until they prove it; a server counts a moment after it answered."""
        reply, evidence = asked.outcome, self.service.evidence
        if not asked.judgement.answered or not isinstance(reply, Reply):
            words = "there was no good answer to weigh"
            return Routing("unknown", (words,), before.scheduler.total)
        header = RESPONSE_HEADER in reply.headers
        if evidence is None or self.service.no_scheduler:
            return Routing("likely" if header else "unknown", (self.service.no_scheduler,))
        log = evidence.log(self.wish.model, asked.judgement.identifier, reply.seconds)
        for remaining in (3, 2, 1, 0):
            routing = weigh(before, self._count(), header, log, self.service.path)
            complete = routing.verdict == "proved" and routing.answered_by
            if complete or before.scheduler.total is None:  # nothing to compare with
                break
            if remaining:
                self.clock.sleep(1.0)
        return routing


class _Watched:
    """Sends as the transport under it does, and looks at the servers while a reply is late."""

    def __init__(
        self, transport: Transport, look: Callable[[], list[Server] | None], seconds: float
    ) -> None:
        self._transport = transport
        self._look = look
        self._seconds = seconds
        self.seen: list[Server] | None = None

    def send(self, request: Request, timeout: float | None = None) -> Outcome:
        """Send one request and give what came back."""
        self.seen = None
        # Afterwards would be too late: a server drops the request of a client that has left.
        timer = threading.Timer(self._seconds, self._see)
        timer.daemon = True
        timer.start()
        try:
            return self._transport.send(request, timeout)
        finally:
            timer.cancel()
            timer.join()

    def _see(self) -> None:
        self.seen = self._look()
