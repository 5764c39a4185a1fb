# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Ask until the answer is good, cannot become good, or the time is over."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from ansible_collections.llmd.tpu.plugins.module_utils.smoke.exchange import Outcome, Request
from ansible_collections.llmd.tpu.plugins.module_utils.smoke.judge import Judgement

FIRST_PAUSE = 1.0
LONGEST_PAUSE = 5.0


class Transport(Protocol):
    """What sends a request; HttpTransport in earnest, a script in tests."""

    def send(self, request: Request) -> Outcome:
        """Send one request and give what came back."""


class Clock(Protocol):
    """Time in seconds, as the module ``time`` has it."""

    def monotonic(self) -> float:
        """Tell the time."""

    def sleep(self, seconds: float, /) -> None:
        """Wait."""


@dataclass(frozen=True)
class Asked:
    """The last outcome, its judgement, and how often was asked."""

    outcome: Outcome
    judgement: Judgement
    attempts: int


def ask_until(
    transport: Transport,
    request: Request,
    judge: Callable[[Outcome], Judgement],
    deadline: float,
    clock: Clock,
) -> Asked:
    """Send the request again while its failure may heal and ``deadline`` (monotonic) is ahead."""
    pause = FIRST_PAUSE
    attempts = 0
    while True:
        outcome = transport.send(request)
        attempts += 1
        judgement = judge(outcome)
        if not judgement.may_heal or clock.monotonic() + pause > deadline:
            return Asked(outcome, judgement, attempts)
        clock.sleep(pause)
        pause = min(pause * 1.5, LONGEST_PAUSE)
