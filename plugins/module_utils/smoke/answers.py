# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What came of the questions, gathered to a task's result. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ansible_collections.llmd.tpu.plugins.module_utils.findings import (
    Finding,
    failure_message,
    has_errors,
    sort_findings,
)
from ansible_collections.llmd.tpu.plugins.module_utils.smoke.asking import Asked
from ansible_collections.llmd.tpu.plugins.module_utils.smoke.exchange import Reply
from ansible_collections.llmd.tpu.plugins.module_utils.smoke.measure import (
    Record,
    latencies,
    record_of,
    repeats_finding,
    slow_first_finding,
)
from ansible_collections.llmd.tpu.plugins.module_utils.smoke.prefixes import (
    Row,
    judge_prefixes,
    table,
)
from ansible_collections.llmd.tpu.plugins.module_utils.smoke.questions import Question
from ansible_collections.llmd.tpu.plugins.module_utils.smoke.report import summary
from ansible_collections.llmd.tpu.plugins.module_utils.smoke.routing import Routing

if TYPE_CHECKING:
    from ansible_collections.llmd.tpu.plugins.module_utils.smoke.service import Service
    from ansible_collections.llmd.tpu.plugins.module_utils.smoke.ways import Way

_UNASKED = Routing("unknown", ("there is no model to ask for",))


@dataclass
class Answers:
    """What came of the questions; the first one that generates text leads."""

    service: Service
    way: Way
    connected_to: str
    asked: dict[Question, Asked] = field(default_factory=dict)
    routing: Routing = _UNASKED
    first_seconds: float | None = None
    findings: list[Finding] = field(default_factory=list)
    repeated: list[Record] = field(default_factory=list)
    concurrency: int = 1
    prefixes: list[Row] = field(default_factory=list)

    def add(self, question: Question, asked: Asked) -> None:
        """Take the answer to a question."""
        self.asked[question] = asked
        self.findings += asked.judgement.findings

    def add_repeated(self, records: Sequence[Record], concurrency: int) -> None:
        """Take the answers to a repeated question."""
        self.repeated = list(records)
        self.concurrency = concurrency
        failed = repeats_finding(records, self.service.address.url)
        self.findings += [failed] if failed else []

    def add_prefixes(self, rows: Sequence[Row]) -> None:
        """Take which replica answered which prefix."""
        self.prefixes = list(rows)
        self.findings += judge_prefixes(rows, self.service.address.url)

    def result(self) -> dict[str, Any]:
        """Give the task's result."""
        records = [
            record_of(question, one.outcome, one.judgement) for question, one in self.asked.items()
        ]
        since = min((one.started for one in (*records, *self.repeated)), default=0.0)
        slow = self._slow_first([*records, *self.repeated])
        findings = sort_findings([*self.findings, *slow])
        lead, models = self._lead(), self.asked.get("models")
        listed = models.judgement.models if models else ()
        reply = lead.outcome if isinstance(lead.outcome, Reply) else None
        ok = not has_errors(findings)
        result: dict[str, Any] = {
            "changed": False,
            "ok": ok,
            "url": self.service.address.url,
            "url_origin": self.service.address.origin,
            "way": self.way,
            "connected_to": self.connected_to,
            "route": _route(self.service),
            "status": reply.status if reply else None,
            "model": lead.judgement.model,
            "text": lead.judgement.text,
            "finish_reason": lead.judgement.finish_reason,
            "usage": dict(lead.judgement.usage),
            "models": list(listed),
            "texts": {
                question: one.judgement.text
                for question, one in self.asked.items()
                if question != "models"
            },
            "latency_seconds": round(reply.seconds, 4) if reply and lead.judgement.ok else None,
            "first_answer_seconds": self.first_seconds and round(self.first_seconds, 4),
            "attempts": lead.attempts,
            "requests": [one.to_dict(since) for one in (*records, *self.repeated)],
            "latencies": latencies(self.repeated, self.concurrency),
            "prefixes": [row.to_dict() for row in self.prefixes],
            "scheduler": self.routing.to_dict(),
            "findings": [finding.to_dict() for finding in findings],
            "summary": self._summary(lead, records, listed),
        }
        if not ok:
            result.update(failed=True, msg=failure_message(self.service.address.url, findings))
        return result

    def _summary(
        self, lead: Asked, records: Sequence[Record], listed: tuple[str, ...]
    ) -> list[str]:
        measured = latencies(self.repeated, self.concurrency)
        address, place = self.service.address, self.connected_to
        lines = summary(address, place, lead, records, listed, self.routing, measured)
        return [*lines, *table(self.prefixes)]

    def _lead(self) -> Asked:
        generating = [one for question, one in self.asked.items() if question != "models"]
        return (generating or list(self.asked.values()))[0]

    def _slow_first(self, records: Sequence[Record]) -> list[Finding]:
        """Compare the first answer with those that came after it."""
        later = [
            one.seconds
            for one in records
            if one.ok and one.question != "models" and one.seconds != self.first_seconds
        ]
        told = slow_first_finding(self.first_seconds or 0.0, later, self.service.address.url)
        return [told] if told else []


def _route(service: Service) -> dict[str, Any] | None:
    """The way through the gateway as plain data; None when it is not known."""
    path, listener = service.path, service.listener
    if path is None:
        return None
    return {
        "name": path.route,
        "prefix": path.prefix,
        "backends": list(path.backends),
        "gateway": "/".join(path.gateway) if path.gateway else None,
        "listener": listener.name,
        "port": listener.port,
        "protocol": listener.protocol,
        "certificates": list(listener.certificates),
    }
