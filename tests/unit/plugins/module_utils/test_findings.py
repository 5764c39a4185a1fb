# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Are findings told in words, and does docs/findings.md show every one?"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from ansible_collections.llmd.tpu.plugins.module_utils.findings import Finding, report

from tests.findings_page.examples import examples
from tests.findings_page.page import PAGE, codes_by_module, page

ROOT = Path(__file__).parents[4]
LITERAL = re.compile(r'"([A-Z][A-Z0-9]*(?:-[A-Z0-9]+)+)"|"([A-Z][A-Z0-9-]*-)\{[^"]*"')
ROW = re.compile(
    r"^\| `([A-Z0-9-]+)` \| ([a-z ]+) \| ((?:[^|]|\\\|)+) \| ((?:[^|]|\\\|)+) \|$", re.MULTILINE
)


MODEL_CHECKS = {
    "companions", "image", "manifest_file", "memory", "objects", "placement", "probes", "server",
    "view",
}  # fmt: skip


def test_the_page_is_what_the_source_makes() -> None:
    assert PAGE.read_text() == page(), "run make docs"


def test_every_code_is_documented_once_and_no_other() -> None:
    source = "".join(one.read_text() for one in (ROOT / "plugins/module_utils").rglob("*.py"))
    codes = {plain or f"{start}PART" for plain, start in LITERAL.findall(source)}
    assert sorted(row[0] for row in ROW.findall(PAGE.read_text())) == sorted(codes)


@pytest.mark.parametrize(("code", "severities", "example", "fix"), ROW.findall(PAGE.read_text()))
def test_a_row_says_how_bad_what_and_what_to_do(
    code: str, severities: str, example: str, fix: str
) -> None:
    assert set(severities.split(" or ")) <= {"error", "warning", "info"}
    assert re.search("[a-z]{3}", example), code
    assert fix != "nothing" or severities == "info"


def test_what_model_check_tells_is_shown_by_a_real_finding() -> None:
    real = examples()
    template = {
        code
        for path, codes in codes_by_module().items()
        for code in codes
        if code not in real and path.stem in MODEL_CHECKS
    }
    assert not template


def test_a_report_ends_with_the_worst() -> None:
    findings = [Finding("A-B", "error", "bad", fix="mend it"), Finding("C-D", "info", "so what")]
    assert report(findings, ["fine"]) == [
        "ok: fine",
        "info C-D: so what",
        "error A-B: bad",
        "  do: mend it",
    ]
