# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Findings that the checks really told about small inputs: the mistakes of the unit tests."""

from __future__ import annotations

from collections.abc import Iterator

from ansible_collections.llmd.tpu.plugins.module_utils.findings import Finding
from ansible_collections.llmd.tpu.plugins.module_utils.serving.checks import check_service
from ansible_collections.llmd.tpu.plugins.module_utils.serving.companions import check_companions
from ansible_collections.llmd.tpu.plugins.module_utils.serving.manifest_file import sort_documents
from ansible_collections.llmd.tpu.plugins.module_utils.serving.tracks import TRACKS
from ansible_collections.llmd.tpu.plugins.module_utils.smoke.exchange import Failure, Reply
from ansible_collections.llmd.tpu.plugins.module_utils.smoke.judge import (
    judge_completion,
    judge_models,
)
from ansible_collections.llmd.tpu.plugins.module_utils.startup.watching import signs_of

from tests.findings_page.phases import findings_of_phases
from tests.unit.plugins.module_utils.serving.manifests import good
from tests.unit.plugins.module_utils.serving.test_checks import MISTAKES, MISTAKES_V17
from tests.unit.plugins.module_utils.serving.test_companions import CASES as COMPANIONS
from tests.unit.plugins.module_utils.serving.test_companions import gated, service
from tests.unit.plugins.module_utils.smoke.misbehaving import MODEL
from tests.unit.plugins.module_utils.smoke.test_judge import FAILURES, REFUSALS, URL
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
        yield from judge_completion(Failure(kind, "reason", 0.1, "gateway:80"), URL, MODEL).findings
    for reply, _code, _heals in REFUSALS:
        yield from judge_completion(reply, URL, MODEL).findings
    unlisted = Reply(200, {}, b'{"data": [{"id": "/mnt/models"}]}', 0.1)
    yield from judge_models(unlisted, URL, MODEL).findings
    yield from findings_of_phases()
    yield from (sign.finding for _code, seen in STARTUPS for sign in signs_of(seen))
    yield from ends_of_startups()
