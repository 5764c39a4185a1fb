# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Links of the Markdown pages lead to files and headings that are there, as GitHub shows them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.sandbox.paths import CHECKOUT

PAGES = sorted(
    path
    for pattern in (
        "README.md",
        "docs/*.md",
        "roles/*/README.md",
        "tests/*/README.md",
        "awx/**/*.md",
    )
    for path in CHECKOUT.glob(pattern)
)
LINK = re.compile(r"\[(?:[^\]\[]|\[[^\]]*\])*\]\(([^()\s]+)\)")


def prose(path: Path) -> str:
    """A page without its blocks of code."""
    return re.sub(r"^```.*?^```", "", path.read_text(), flags=re.DOTALL | re.MULTILINE)


def anchors(path: Path) -> set[str]:
    """What its headings are called in addresses."""
    titles = re.findall(r"^#+ (.+)$", prose(path), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def lost(path: Path) -> list[str]:
    """The links of a page that lead nowhere; addresses elsewhere only have to be HTTPS."""
    found = []
    for target in LINK.findall(prose(path)):
        if "://" in target:
            found += [] if target.startswith("https://") else [target]
            continue
        name, _, anchor = target.partition("#")
        aim = (path.parent / name).resolve() if name else path
        if not aim.exists() or (anchor and aim.suffix == ".md" and anchor not in anchors(aim)):
            found.append(target)
    return found


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(CHECKOUT)))
def test_links_lead_somewhere(path: Path) -> None:
    assert lost(path) == []


def test_what_leads_nowhere_is_found(tmp_path: Path) -> None:
    (tmp_path / "other.md").write_text("# A title, of sorts\n")
    page = tmp_path / "page.md"
    page.write_text(
        "[a](other.md) [b](other.md#a-title-of-sorts) [c](gone.md) [d](other.md#gone) "
        "[e](https://example.com) [f](http://example.com)\n\n```\n[g](code.md)\n```\n"
    )
    assert lost(page) == ["gone.md", "other.md#gone", "http://example.com"]
