# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The manual is built without a warning, and no link inside it leads nowhere."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from tests.examples.documented import NAMES
from tests.manual.contents import contents
from tests.manual.site import build


class Page(HTMLParser):
    """Where a page leads, what it loads, and the places in it that can be led to."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.places: set[str] = set()
        self.feed(path.read_text())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep what an element says of addresses."""
        told = {name: value or "" for name, value in attrs}
        self.places |= {told[name] for name in ("id", "name") if name in told}
        if tag == "a" and "href" in told:
            self.links.append(told["href"])
        elif tag in ("img", "script") and "src" in told:
            self.loaded.append(told["src"])
        elif tag == "link" and told.get("rel") == "stylesheet":
            self.loaded.append(told["href"])


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[Path, Page]:
    """Every page of the manual, built anew."""
    html = build(tmp_path_factory.mktemp("manual") / "work").parent
    return {path: Page(path) for path in html.rglob("*.html")}


def test_every_word_has_a_page(pages: dict[Path, Page]) -> None:
    names = {path.name for path in pages}
    for kind, words in NAMES.items():
        assert {f"{word}_{kind}.html" for word in words} <= names
    assert {"index.html", "start.html", "guide.html", "variables.html", "findings.html"} <= names


def test_links_lead_somewhere(pages: dict[Path, Page]) -> None:
    lost = []
    for path, page in pages.items():
        for link in page.links + page.loaded:
            address = urlsplit(link)
            if address.scheme or address.netloc:
                continue
            aim = (path.parent / unquote(address.path)).resolve() if address.path else path
            place = unquote(address.fragment)
            if not aim.exists() or (place and aim in pages and place not in pages[aim].places):
                lost.append(f"{path.name}: {link}")
    assert lost == []


def test_the_theme_has_nothing_to_complain_of(pages: dict[Path, Page]) -> None:
    # It writes its complaint about a second table of contents into the page.
    for path in pages:
        assert "Adding a table of contents" not in path.read_text(), path.name


def test_nothing_is_loaded_from_elsewhere(pages: dict[Path, Page]) -> None:
    assert [link for page in pages.values() for link in page.loaded if urlsplit(link).netloc] == []


def test_a_page_without_a_place_stands_at_the_end() -> None:
    lines = list(contents(["index", "start", "unheard-of", "reference/index", "reference/x"]))
    text = "\n".join(lines)
    assert text.index("start") < text.index("reference/index") < text.index("unheard-of")
    assert "reference/x" not in text
    assert "awx" not in text
