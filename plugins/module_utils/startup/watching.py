# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""One service under watch: what it does, how long each stage took, and what is wrong with it.

The place where looking and deciding meet, with a clock: a sign counts when it has been seen for as
long as it says, without a break.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.llmd.tpu.plugins.module_utils.findings import Finding
from ansible_collections.llmd.tpu.plugins.module_utils.readiness.look import (
    EVENT_SECONDS,
    READ_SECONDS,
    Look,
    Memory,
)
from ansible_collections.llmd.tpu.plugins.module_utils.readiness.pods import crashing
from ansible_collections.llmd.tpu.plugins.module_utils.readiness.verdicts import Verdict, Wish
from ansible_collections.llmd.tpu.plugins.module_utils.startup.judging import (
    signs_of,
    unknown_kind,
)
from ansible_collections.llmd.tpu.plugins.module_utils.startup.logs import EVERY_SECONDS
from ansible_collections.llmd.tpu.plugins.module_utils.startup.looking import Eyes, Watched
from ansible_collections.llmd.tpu.plugins.module_utils.startup.routing import signs_of_routing
from ansible_collections.llmd.tpu.plugins.module_utils.startup.sight import Sight
from ansible_collections.llmd.tpu.plugins.module_utils.startup.signs import Sign
from ansible_collections.llmd.tpu.plugins.module_utils.startup.stages import (
    ORDER,
    Stage,
    Step,
    step_of,
)
from ansible_collections.llmd.tpu.plugins.module_utils.startup.usual import (
    Spent,
    Usual,
    slow_stages,
    usual_for,
)


@dataclass
class Course:
    """What is known of one service's start."""

    step: Step = Step(Stage.ACCEPTED, "not looked at yet")  # noqa: RUF009 - it is frozen
    usual: Usual | None = None
    finding: Finding | None = None
    """What ended the wait."""
    pending: Finding | None = None
    """What is wrong and may heal."""
    spent: dict[Stage, float] = field(default_factory=dict)
    _since: float | None = None
    _signs: dict[tuple[str, str], float] = field(default_factory=dict)

    def go_on(self, step: Step, now: float) -> None:
        """Note what is done now; the time since the last look belongs to what was done then."""
        if self._since is not None and not self.step.done:
            taken = self.spent.get(self.step.stage, 0.0) + now - self._since
            self.spent[self.step.stage] = taken
        self._since = now
        self.step = step

    def judge(self, signs: Iterable[Sign], now: float) -> float | None:
        """Note what counts by now; answers in how many seconds the next sign does."""
        seen: dict[tuple[str, str], float] = {}
        waits: list[float] = []
        self.pending = None
        for sign in signs:
            key = (sign.finding.code, sign.finding.path)
            seen[key] = self._signs.get(key, now)
            rest = seen[key] + sign.patience - now
            if sign.heals:
                self.pending = self.pending or sign.finding
            elif rest <= 0:
                self.finding = self.finding or sign.finding
            else:
                waits.append(rest)
        self._signs = seen
        return min(waits, default=None)

    def forget_signs(self) -> None:
        """A look that told nothing breaks the time for which signs were seen."""
        self._signs = {}

    @property
    def stages(self) -> list[Spent]:
        """The stages that took time, in their order."""
        return [Spent(stage, self.spent[stage]) for stage in ORDER if stage in self.spent]

    @property
    def slow(self) -> list[str]:
        """What took far longer than usual, in words."""
        return slow_stages(self.stages, self.usual) if self.usual else []

    def detail(self) -> str:
        """Numbers for a progress line: of the stage, and what is usual."""
        usual = self.usual.stages.get(self.step.stage) if self.usual else None
        taken = self.spent.get(self.step.stage, 0.0)
        compared = f", {taken:.0f} s of usually {usual:.0f} s" if usual and taken >= 1 else ""
        return self.step.detail + compared

    def report(self) -> dict[str, Any]:
        """What a task's result says."""
        return {
            "ready": self.step.done,
            "stage": str(self.step.stage),
            "reason": self.step.words,
            "stages": [
                {"stage": str(s.stage), "seconds": round(s.seconds, 1)} for s in self.stages
            ],
            "finding": self.finding.to_dict() if self.finding else None,
        }


class StartupLooker:
    """Looks at services for a `Waiter`, and keeps the course of each."""

    def __init__(self, eyes: Eyes, wishes: Iterable[Wish], clock: Callable[[], float]) -> None:
        self._eyes = eyes
        self._clock = clock
        self.courses: dict[Wish, Course] = {wish: Course() for wish in wishes}
        among = len(self.courses)
        self._watched: dict[Wish, Watched] = {wish: eyes.watched(among) for wish in self.courses}

    def begin(self, wishes: Sequence[Wish], pool: ThreadPoolExecutor) -> None:
        """Before looks at all of these: what they have in common is read once."""
        self._eyes.begin(wishes)

    def look(self, wish: Wish, memory: Memory) -> Look:
        """Look once; raises ApiError, ConnectionLost, ConnectionProblem."""
        course = self.courses[wish]
        try:
            return self._look(wish, course, memory)
        except Exception:
            course.forget_signs()
            raise

    def _look(self, wish: Wish, course: Course, memory: Memory) -> Look:
        if not self._eyes.knows(wish, learn=memory.looked):
            course.finding = unknown_kind(wish.title, wish.api_version)
            return Look(Verdict(False, course.finding.message, hopeless=True))
        seen = self._eyes.see(wish, self._watched[wish])
        now = self._clock()
        memory.looked = True
        memory.crashed = memory.crashed or crashing(seen.sight.pods)
        course.go_on(_with_endpoints(step_of(seen.sight, wish), seen.sight), now)
        if seen.sight.service is not None:
            course.usual = course.usual or usual_for(seen.sight.service)
        if course.step.done:
            course.pending = None
            return Look(Verdict(True, course.step.words))
        next_sign = course.judge(signs_of(seen.sight), now)
        look = Look(self._verdict(course), list(seen.places), EVENT_SECONDS)
        if seen.log_goes_on:
            look.soon(EVERY_SECONDS)
        if next_sign is not None:
            look.soon(max(next_sign, READ_SECONDS / 10))
        return look

    def _verdict(self, course: Course) -> Verdict:
        if course.finding:
            return Verdict(False, f"{course.finding.code}: {course.finding.message}", hopeless=True)
        problem = f"; {course.pending.message}" if course.pending else ""
        words = f"{course.step.stage}: {course.step.words}{problem}"
        return Verdict(False, words, detail=course.detail())


def _with_endpoints(step: Step, sight: Sight) -> Step:
    """The step, but not done while requests do not get to the pods: KServe does not look there."""
    wrong = next(signs_of_routing(sight), None) if step.done else None
    return Step(Stage.POOL, wrong.finding.message) if wrong else step
