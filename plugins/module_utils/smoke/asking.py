# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Ask until the answer is good, cannot become good, or the time is over."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from ansible_collections.llmd.tpu.plugins.module_utils.smoke.exchange import Outcome, Request
from ansible_collections.llmd.tpu.plugins.module_utils.smoke.judge import Judgement

FIRST_PAUSE = 1.0
LONGEST_PAUSE = 5.0


class Sender(Protocol):
    """What sends one request."""

    def send(self, request: Request, timeout: float | None = None) -> Outcome:
        """Send one request and give what came back."""


class Transport(Sender, Protocol):
    """A way to the model; HttpTransport for most."""

    def where(self, url: str) -> str:
        """Tell which address a URL is connected to."""

    def send_all(
        self, requests: Sequence[Request], parallel: int = 1, timeout: float | None = None
    ) -> list[Outcome]:
        """Send requests, so many at once, and give what came back in their order."""


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
    transport: Sender,
    request: Request,
    judge: Callable[[Outcome], Judgement],
    deadline: float,
    clock: Clock,
    timeout: float | None = None,
) -> Asked:
    """Send the request again while its failure may heal and ``deadline`` (monotonic) is ahead."""
    pause = FIRST_PAUSE
    attempts = 0
    while True:
        outcome = transport.send(request, timeout)
        attempts += 1
        judgement = judge(outcome)
        if not judgement.may_heal or clock.monotonic() + pause > deadline:
            return Asked(outcome, judgement, attempts)
        clock.sleep(pause)
        pause = min(pause * 1.5, LONGEST_PAUSE)
