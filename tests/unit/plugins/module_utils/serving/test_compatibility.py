# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The version table: complete, without gaps, and the same in the docs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from ansible_collections.llmd.tpu.plugins.filter.istio_verdict import istio_verdict
from ansible_collections.llmd.tpu.plugins.module_utils.serving.compatibility import (
    DISTRIBUTIONS,
    TABLE,
    answer,
    minor_of,
    row_of,
    table_lines,
)
from ansible_collections.llmd.tpu.plugins.module_utils.serving.tracks import TRACKS

DOCS = Path(__file__).parents[5] / "docs/operators.md"
V015, V017 = "release-v0.15", "release-v0.17"


@pytest.mark.parametrize(
    ("distribution", "version", "track", "level"),
    [
        ("redhat", "v1.26.6", V015, "ok"),
        ("redhat", "v1.26.6", V017, "warning"),
        ("redhat", "v1.26-latest", V015, "ok"),
        ("redhat", "v1.27.3", V015, "ok"),
        ("redhat", "v1.27.3", V017, "ok"),
        ("redhat", "v1.24.6", V015, "error"),
        ("redhat", "v1.28.3", V015, "warning"),
        ("community", "v1.26.8", V015, "error"),
        ("community", "v1.26.2", V017, "error"),
        ("community", "v1.27.5", V015, "warning"),
        ("community", "v1.27.0", V017, "warning"),
        ("community", "v1.28.3", V015, "ok"),
        ("community", "1.28.3", V017, "ok"),
        ("community", "v1.30.0", V015, "ok"),
    ],
)
def test_each_line(distribution: str, version: str, track: str, level: str) -> None:
    assert answer(distribution, version, track).level == level


@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
@pytest.mark.parametrize("minor", range(20, 40))
def test_every_release_is_in_exactly_one_line(distribution: str, minor: int) -> None:
    rows = [row for row in TABLE if row.distribution == distribution and row.holds((1, minor))]
    assert len(rows) == 1
    assert set(rows[0].answers) == set(TRACKS)


def test_who_serves_no_pools_cannot_be_ok() -> None:
    for row in TABLE:
        for said in row.answers.values():
            assert row.pool_groups or said.level == "error"
            assert said.reason
            assert said.source


@pytest.mark.parametrize("text", ["master", "", "latest", "v1"])
def test_what_is_no_release_is_a_warning(text: str) -> None:
    assert minor_of(text) is None
    assert row_of("community", text) is None
    assert answer("community", text, V015).level == "warning"


def test_the_filter_gives_plain_data() -> None:
    verdict = istio_verdict("v1.26.2", "community", V015)
    assert verdict["level"] == "error"
    assert "InferencePool" in verdict["reason"]
    assert set(verdict) == {"level", "reason", "source"}


def test_the_docs_print_the_table_as_it_is() -> None:
    text = DOCS.read_text()
    lines = list(table_lines())
    assert "\n".join(lines) in text
    printed = re.findall(r"^\| `(?:redhat|community)` \| [<>\d]", text, re.MULTILINE)
    assert len(printed) == len(TABLE)
