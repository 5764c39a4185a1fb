# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How long is an answer asked for again that did not come by way of the scheduler?"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import pytest
from ansible_collections.llmd.tpu.plugins.module_utils.smoke.address import ServiceAddress
from ansible_collections.llmd.tpu.plugins.module_utils.smoke.asker import (
    ROUTED_SECONDS,
    Asker,
    Limits,
)
from ansible_collections.llmd.tpu.plugins.module_utils.smoke.evidence import Evidence
from ansible_collections.llmd.tpu.plugins.module_utils.smoke.exchange import (
    Outcome,
    Reply,
    Request,
)
from ansible_collections.llmd.tpu.plugins.module_utils.smoke.questions import Wish
from ansible_collections.llmd.tpu.plugins.module_utils.smoke.routes import Path
from ansible_collections.llmd.tpu.plugins.module_utils.smoke.routing import Counters, Counts
from ansible_collections.llmd.tpu.plugins.module_utils.smoke.service import Service

from tests.unit.plugins.module_utils.smoke.misbehaving import MODEL, answer

POOLED = Path("route", "/ns/name", ("InferencePool pool",), None, pooled=True)
ROUND = Path("route", "/ns/name", ("Service workload",), None)


@dataclass
class World:
    """A gateway that knows the scheduler from some second on, with its counters and its clock."""

    known_after: float
    breaks_after: float = float("inf")
    now: float = 0.0
    asked: int = 0
    chosen: int = 0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def send(self, _request: Request, _timeout: float | None = None) -> Outcome:
        self.now += 0.5
        if self.now > self.breaks_after:
            return Reply(503, {}, b"gone", seconds=0.5)
        self.asked += 1
        self.chosen += self.now > self.known_after
        return Reply(200, {}, json.dumps(answer()).encode(), seconds=0.5)

    def where(self, _url: str) -> str:
        return ""

    def send_all(
        self, requests: Sequence[Request], _parallel: int = 1, timeout: float | None = None
    ) -> list[Outcome]:
        return [self.send(one, timeout) for one in requests]

    def counts(self, _model: str) -> Counts:
        return Counts(Counters({"epp": self.chosen}), Counters({"vllm": self.asked}))

    def log(self, *_request: object) -> None:
        """No log can be read."""

    def model_servers(self, _model: str) -> None:
        """Nor the servers' pods."""

    def first(self, path: Path | None = POOLED, within: float = 180) -> tuple[str, int]:
        """Ask; gives the verdict on the way that the answer took, and the number of tries."""
        address = ServiceAddress("http://203.0.113.10/ns/name", "")
        service = Service(address, MODEL, cast("Evidence", self), path=path)
        limits = Limits(self.now + within, first=60, others=30)
        asker = Asker(self, service, Wish(MODEL, "Hi", 16), limits, self)
        asked, _seconds, routing = asker.first("completion")
        assert asked.judgement.ok
        return routing.verdict, asked.attempts


def test_a_gateway_that_comes_to_know_the_scheduler_is_asked_until_then() -> None:
    assert World(known_after=0).first() == ("proved", 1)
    verdict, attempts = World(known_after=20).first()
    assert verdict == "proved"
    assert attempts > 2


@pytest.mark.parametrize("path", [POOLED, None])
def test_it_is_given_up_after_a_minute_or_the_time_that_is_given(path: Path | None) -> None:
    never = World(known_after=float("inf"))
    assert never.first(path)[0] == "not routed"
    assert ROUTED_SECONDS / 2 < never.now < ROUTED_SECONDS + 10
    hurried = World(known_after=float("inf"))
    assert hurried.first(path, within=1) == ("not routed", 1)


def test_a_route_that_leads_past_the_scheduler_does_not_heal() -> None:
    assert World(known_after=float("inf")).first(ROUND) == ("not routed", 1)


def test_the_good_answer_is_kept_when_a_later_one_fails() -> None:
    assert World(known_after=float("inf"), breaks_after=10).first()[0] == "not routed"
