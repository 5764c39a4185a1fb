# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Are findings read from every form in which a check may write them?"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.findings_page.source import read_codes, title_of

MODULE = '''"""Is it read? Pure."""
LABEL = "a label"
ROWS = [("pattern", "A-ROW", "warning", "row message", "row fix")]

@dataclass
class Row:
    code: str
    severity: str
    message: str
    fix: str

RECORDS = [Row("A-RECORD", "info", "record message", "record fix")]
ELSEWHERE = {"A-DIRECT"}

def direct(pod, bad):
    yield Finding(
        code="A-DIRECT" if bad else "AN-OTHER",
        severity="error" if bad else "info",
        message=f"{pod.name} lacks {LABEL}" + (" badly" if bad else ""),
        expected=", ".join(pod.names),
        fix="direct fix" if bad else "",
    )

def by_a_variable(level: Literal["warning", "info"]):
    code = "A-NAME"
    yield Finding(code, level, "variable message", fix="variable fix")

def by_a_helper():
    return helper("A-HELPED", "helped", fix="helped fix")

def helper(code, message, *, fix, severity="warning"):
    return Finding(f"{code}", severity, message, found="x", fix=fix)

def by_part(part):
    return Finding(f"A-PART-{part}", "error", "m", fix="f")
'''


@pytest.mark.parametrize(
    ("code", "severities", "message", "fix"),
    [
        ("A-ROW", ("warning",), "row message", "row fix"),
        ("A-RECORD", ("info",), "record message", "record fix"),
        ("A-DIRECT", ("error",), "NAME lacks a label badly", "direct fix"),
        ("AN-OTHER", ("info",), "NAME lacks a label", ""),
        ("A-NAME", ("warning", "info"), "variable message", "variable fix"),
        ("A-HELPED", ("warning",), "helped", "helped fix"),
        ("A-PART-PART", ("error",), "m", "f"),
    ],
)
def test_a_code_is_read_with_its_words(
    tmp_path: Path, code: str, severities: tuple[str, ...], message: str, fix: str
) -> None:
    path = tmp_path / "checks.py"
    path.write_text(MODULE)
    told = read_codes(path)[code]
    assert (told.severities, told.message, told.fix) == (severities, message, fix)
    assert title_of(path) == "Is it read?"
