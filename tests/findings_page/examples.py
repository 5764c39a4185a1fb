# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Findings that the checks really told about small inputs: the mistakes of the unit tests."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace

from ansible_collections.llmd.tpu.plugins.module_utils.diagnosis.deciding import suspects_of
from ansible_collections.llmd.tpu.plugins.module_utils.findings import Finding
from ansible_collections.llmd.tpu.plugins.module_utils.metrics.judge import judge as judge_metrics
from ansible_collections.llmd.tpu.plugins.module_utils.metrics.metrics_info import nothing_to_read
from ansible_collections.llmd.tpu.plugins.module_utils.serving.checks import check_service
from ansible_collections.llmd.tpu.plugins.module_utils.serving.companions import check_companions
from ansible_collections.llmd.tpu.plugins.module_utils.serving.manifest_file import sort_documents
from ansible_collections.llmd.tpu.plugins.module_utils.serving.tracks import TRACKS
from ansible_collections.llmd.tpu.plugins.module_utils.smoke.exchange import Failure, Reply
from ansible_collections.llmd.tpu.plugins.module_utils.smoke.judge import judge
from ansible_collections.llmd.tpu.plugins.module_utils.smoke.measure import (
    Record,
    repeats_finding,
    slow_first_finding,
)
from ansible_collections.llmd.tpu.plugins.module_utils.smoke.prefixes import judge_prefixes
from ansible_collections.llmd.tpu.plugins.module_utils.smoke.report import routing_finding
from ansible_collections.llmd.tpu.plugins.module_utils.smoke.routing import Routing
from ansible_collections.llmd.tpu.plugins.module_utils.smoke.servers import explain
from ansible_collections.llmd.tpu.plugins.module_utils.smoke.transport import HttpTransport
from ansible_collections.llmd.tpu.plugins.module_utils.smoke.ways import Chosen
from ansible_collections.llmd.tpu.plugins.module_utils.startup.judging import signs_of

from tests.findings_page.phases import findings_of_phases
from tests.unit.plugins.module_utils.diagnosis.broken import BROKEN
from tests.unit.plugins.module_utils.metrics.test_judge import CASES as METRICS
from tests.unit.plugins.module_utils.serving.manifests import good
from tests.unit.plugins.module_utils.serving.test_checks import MISTAKES, MISTAKES_V17
from tests.unit.plugins.module_utils.serving.test_companions import CASES as COMPANIONS
from tests.unit.plugins.module_utils.serving.test_companions import gated, service
from tests.unit.plugins.module_utils.smoke.misbehaving import chat
from tests.unit.plugins.module_utils.smoke.test_judge import FAILURES, REFUSALS, URL, WISH
from tests.unit.plugins.module_utils.smoke.test_prefixes import CASES as PREFIXES
from tests.unit.plugins.module_utils.smoke.test_routing import BYPASS
from tests.unit.plugins.module_utils.smoke.test_servers import CASES as SERVERS
from tests.unit.plugins.module_utils.smoke.test_streams import DISORDERS
from tests.unit.plugins.module_utils.startup.failing import FAILURES as STARTUPS
from tests.unit.plugins.module_utils.startup.test_watching import ends_of_startups


def examples() -> dict[str, Finding]:
    """The first finding of every code, in the order of the tables of mistakes."""
    found: dict[str, Finding] = {}
    for finding in _findings():
        found.setdefault(finding.code, finding)
    return found


def _findings() -> Iterator[Finding]:
    for track, rows in (("release-v0.15", MISTAKES), ("release-v0.17", MISTAKES_V17)):
        for code, _severity, _place, edit in rows:
            manifest = good()
            edit(manifest)
            told = check_service(manifest, TRACKS[track])
            yield from (one for one in told if one.code == code)
    for _code, _severity, companion in COMPANIONS:
        yield from check_companions([service()], [companion])
    yield from check_companions([gated()], [])
    other = {"apiVersion": "v1", "kind": "ConfigMap"}
    yield from sort_documents(["model", other], "model.yaml").findings
    for kind, _code, _heals in FAILURES:
        failure = Failure(kind, "reason", 0.1, "gateway:80")
        yield from judge("completion", failure, URL, WISH).findings
    for reply, _code, _heals in REFUSALS:
        yield from judge("completion", reply, URL, WISH).findings
    unlisted = Reply(200, {}, b'{"data": [{"id": "/mnt/models"}]}', 0.1)
    yield from judge("models", unlisted, URL, WISH).findings
    yield from _of_chats()
    for reply, question, _code in DISORDERS:
        yield from judge(question, reply, URL, WISH).findings
    for servers, _code, _words in SERVERS:
        yield from _told(explain(servers, URL))
    late = [Record("stream", False, None, "SMOKE-TIMEOUT", 0.0, 60.0)]
    yield from _told(repeats_finding(late, URL), slow_first_finding(63.0, [0.5], URL))
    for answered, _codes in PREFIXES:
        yield from judge_prefixes(answered, URL)
    detour = Chosen("port-forward", HttpTransport(1), "203.0.113.10:80: timed out")
    yield from _told(detour.finding(URL))
    unknown = Routing("unknown", ("scheduler: HTTP 403",))
    for path in (BYPASS, None):
        yield from _told(routing_finding(unknown, False, path, URL))
    yield from (finding for seen, _codes in METRICS for finding in judge_metrics(seen))
    yield nothing_to_read("models")
    yield from findings_of_phases()
    yield from (sign.finding for _code, seen in STARTUPS for sign in signs_of(seen))
    yield from ends_of_startups()
    yield from (one.finding for case in BROKEN for one in suspects_of(case.make()))


def _told(*findings: Finding | None) -> Iterator[Finding]:
    yield from filter(None, findings)


def _of_chats() -> Iterator[Finding]:
    text = json.dumps(chat(text="London")).encode()
    wish = replace(WISH, pattern="Paris", schema={"type": "object"})
    yield from judge("chat", Reply(200, {}, text, 0.1), URL, wish).findings
    words = b'{"error": {"message": "default chat template is no longer allowed"}}'
    yield from judge("chat", Reply(400, {}, words, 0.1), URL, WISH).findings
