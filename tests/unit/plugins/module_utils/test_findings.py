# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Are findings told in words, and does docs/findings.md list every code of the source?"""

from __future__ import annotations

import ast
import re
from pathlib import Path

from ansible_collections.llmd.tpu.plugins.module_utils.findings import Finding, report

ROOT = Path(__file__).parents[4]
CODE = re.compile(r"[A-Z][A-Z0-9]*(-[A-Z0-9]+)+")
# A code that ends with the name of a part: f"OPERATORS-FOREIGN-{code}".
OPEN_CODE = re.compile(r"[A-Z][A-Z0-9]*(-[A-Z0-9]+)+-")
ROW = re.compile(r"^\| `([A-Z0-9-]+)` \| ([a-z ]+) \| [^|]+ \| [^|]+ \|$", flags=re.MULTILINE)


def codes_of_the_source() -> set[str]:
    """Every code that stands in the source of the checks."""
    found: set[str] = set()
    for path in (ROOT / "plugins/module_utils").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                found |= {node.value} if CODE.fullmatch(node.value) else set()
            elif isinstance(node, ast.JoinedStr) and isinstance(node.values[0], ast.Constant):
                start = str(node.values[0].value)
                if len(node.values) == 2 and OPEN_CODE.fullmatch(start):
                    found.add(f"{start}PART")
    return found


def test_every_code_is_documented_and_no_other() -> None:
    documented = [code for code, _severity in ROW.findall((ROOT / "docs/findings.md").read_text())]
    assert len(documented) == len(set(documented))
    assert sorted(documented) == sorted(codes_of_the_source())


def test_severities_are_those_that_exist() -> None:
    for _code, severities in ROW.findall((ROOT / "docs/findings.md").read_text()):
        assert set(severities.split(" or ")) <= {"error", "warning", "info"}


def test_a_report_ends_with_the_worst() -> None:
    findings = [Finding("A-B", "error", "bad", fix="mend it"), Finding("C-D", "info", "so what")]
    assert report(findings, ["fine"]) == [
        "ok: fine",
        "info C-D: so what",
        "error A-B: bad",
        "  do: mend it",
    ]
