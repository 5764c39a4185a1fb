# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Data in, a page and its data out: complete, safe, and the same every time."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.llmd.tpu.plugins.module_utils.pages import page
from ansible_collections.llmd.tpu.plugins.module_utils.report import pictures, report
from ansible_collections.llmd.tpu.plugins.module_utils.report.shape import repeated, routing_table

from tests.unit.plugins.module_utils.report import results

VOID = {"meta", "br", "link", "img", "input", "hr"}
LOADS = {"script", "link", "img", "iframe", "object", "embed", "video", "audio", "source", "base"}


class Page(HTMLParser):
    """Reads a page: its texts, elements and attributes; and that every element is closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element."""
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element without content, as SVG has them."""
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        """Close an element."""
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Note a text."""
        self.texts.append(data)

    def of(self, tag: str) -> list[dict[str, str | None]]:
        """The attributes of all elements of a kind."""
        return [attributes for name, attributes in self.elements if name == tag]

    @property
    def text(self) -> str:
        """All that can be read."""
        return " ".join(" ".join(self.texts).split())


def write(folder: Path, check: bool = False, **given: Any) -> dict[str, Any]:
    defaults = {name: one.get("default") for name, one in report.argument_spec().items()}
    options = {**defaults, "path": str(folder / "report.html"), **given}
    return report.run(options, check=check)


def written(folder: Path, **given: Any) -> tuple[Page, dict[str, Any]]:
    result = write(folder, **given)
    assert not result.get("failed"), result
    data = json.loads((folder / "report.json").read_text())
    return Page((folder / "report.html").read_text()), data


def test_everything_is_on_the_page(tmp_path: Path) -> None:
    shown, data = written(tmp_path, **results.everything())
    for words in (
        "1 of 1 model ready; 1 of 1 asked gave a right answer; 1 proved to be scheduled",
        "GATEWAY-OPEN",
        "registry.redhat.io/rhaiis/vllm-tpu-rhel9:3.2.5",
        results.DIGEST,
        "models/a, models/b",
        "v1.28.3",
        "gateway-api",
        "ct6e-standard-4t",
        "ready after 148 s",
        "6 requests of stream, 2 at once, 0 failed",
        "x-went-into-resp-headers",
        "qwen-kserve-zk2ls",
        "services / models/qwen / servers / cache 0.25",
    ):
        assert words in shown.text
    assert data["verdict"]["ok"]
    assert data["smoke"][0]["routing"]["rows"][1] == {"prefix": 2, "counts": [0, 2, 1]}
    assert [one["began"] for one in data["startup"][0]["stages"]] == [0.0, 0.4, 21.7, 56.5]


def test_the_page_loads_nothing(tmp_path: Path) -> None:
    shown, _data = written(tmp_path, **results.everything())
    assert LOADS.isdisjoint(name for name, _attributes in shown.elements)
    for _name, attributes in shown.elements:
        assert not {"src", "srcset", "action", "background", "poster"} & set(attributes)
        assert not any(name.startswith("on") for name in attributes)
        link = attributes.get("href") or attributes.get("xlink:href") or "#"
        assert link.startswith("#")
    text = (tmp_path / "report.html").read_text()
    assert re.findall(r"url\((?!#)|@import|@font-face", text) == []
    policy = next(one for one in shown.of("meta") if one.get("http-equiv"))
    assert "default-src 'none'" in str(policy["content"])


def test_the_page_can_be_read_by_everybody(tmp_path: Path) -> None:
    shown, _data = written(tmp_path, **results.everything())
    assert shown.of("html")[0]["lang"] == "en"
    assert any(one.get("name") == "viewport" for one in shown.of("meta"))
    assert len(shown.of("h1")) == 1
    identifiers = [str(one["id"]) for _name, one in shown.elements if "id" in one]
    assert len(identifiers) == len(set(identifiers))
    for picture in shown.of("svg"):
        assert picture["role"] == "img"
        for name in str(picture["aria-labelledby"]).split():
            assert name in identifiers
    assert len(shown.of("svg")) == len(shown.of("title")) - 1 == len(shown.of("desc")) == 4
    assert all(one.get("scope") in ("col", "row") for one in shown.of("th"))
    used = set(re.findall(r"url\(#([^)]+)\)", (tmp_path / "report.html").read_text()))
    assert used <= set(identifiers)
    assert len(shown.of("text")) > 20, "text of a picture is text"
    style = (tmp_path / "report.html").read_text().partition("<style>")[2]
    for words in ("prefers-color-scheme: dark", "@media print", "@media (max-width"):
        assert words in style


HOSTILE = "<script>alert(1)</script>\"'&amp;$\\alpha$ {{ 7 * 7 }}"


def hostile(value: Any) -> Any:
    """The same data with every text a hostile one."""
    if isinstance(value, dict):
        return {name: hostile(item) for name, item in value.items()}
    if isinstance(value, list):
        return [hostile(item) for item in value]
    return HOSTILE if isinstance(value, str) else value


def test_hostile_texts_are_only_texts(tmp_path: Path) -> None:
    shown, data = written(tmp_path, **hostile(results.everything()), title=HOSTILE)
    assert "script" not in {name for name, _attributes in shown.elements}
    assert " ".join(HOSTILE.split()) in shown.text
    assert " 49" not in shown.text
    assert data["models"][0]["name"] == HOSTILE


def test_the_same_data_changes_nothing(tmp_path: Path) -> None:
    first = write(tmp_path, check=True, **results.everything())
    assert (first["changed"], list(tmp_path.iterdir())) == (True, [])
    assert first["diff"]["before"] == ""
    assert write(tmp_path, **results.everything())["changed"]
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert set(before) == {"report.html", "report.json"}
    for check in (False, True):
        again = write(tmp_path, check=check, **results.everything())
        assert not again["changed"]
        assert again["diff"]["before"] == again["diff"]["after"]
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    other = {**results.everything(), "models": [results.model(ready=False, reason="no route")]}
    changed = write(tmp_path, **other)
    assert (changed["changed"], changed["ok"]) == (True, False)
    assert "no route" in changed["diff"]["after"]


def test_an_empty_report_says_so(tmp_path: Path) -> None:
    shown, _data = written(tmp_path)
    assert "Nothing was looked at" in shown.text
    assert shown.of("svg") == []
    assert [one["id"] for one in shown.of("h2")] == ["versions"]


def test_failures_are_shown_as_failures(tmp_path: Path) -> None:
    refused = results.finding(code="SMOKE-TLS", severity="error", message="no trust")
    failed = {"ok": False, "failed": True, "url": results.URL, "msg": "no", "findings": [refused]}
    stuck = results.startup(ready=False, stage="weights", reason="401", finding={"code": "S-X"})
    shown, data = written(tmp_path, smoke=[failed, {"skipped": True}], startup=[stuck])
    assert "✖ fails" in shown.text
    assert "SMOKE-TLS no trust" in shown.text
    assert "stopped at weights after 148 s: 401 (S-X)" in shown.text
    assert (data["verdict"]["ok"], data["verdict"]["errors"]) == (False, 1)


def test_a_test_without_repeats_has_no_plots_of_them(tmp_path: Path) -> None:
    once = results.smoke(latencies=None, requests=[results.record(0)], prefixes=[])
    shown, _data = written(tmp_path, smoke=[once])
    assert [one["aria-labelledby"] for one in shown.of("svg")] == ["asked1-t asked1-d"]


def test_secrets_in_the_data_are_masked(tmp_path: Path) -> None:
    told = results.smoke(summary=["asked with hf_plantedtoken1234567 there"])
    written(tmp_path, smoke=[told], metrics={"api_token": "planted"})
    for path in tmp_path.iterdir():
        assert "planted" not in path.read_text()


@pytest.mark.parametrize("part", ["page", "pictures"])
def test_a_missing_library_names_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    place = {"page": page, "pictures": pictures}[part]
    monkeypatch.setattr(place, "IMPORT_PROBLEM", "No module named 'x'")
    result = write(tmp_path)
    assert result["failed"]
    assert "requirements-report.txt" in result["msg"]
    assert list(tmp_path.iterdir()) == []


def test_bad_input_is_told_in_words(tmp_path: Path) -> None:
    nowhere = write(tmp_path / "missing")
    assert "there is no folder" in nowhere["msg"]
    same = write(tmp_path, json_path=str(tmp_path / "report.html"))
    assert "same file" in same["msg"]
    strange = write(tmp_path, smoke=[{"ok": True, "requests": [{"seconds": "soon"}]}])
    assert "not what the words of this collection return" in strange["msg"]
    assert list(tmp_path.iterdir()) == []


def test_repeated_requests_are_the_last_ones_that_were_answered() -> None:
    records = [results.record(number, ok=number != 6) for number in range(8)]
    told = repeated(results.smoke(requests=records))
    assert [one["started_seconds"] for one in told] == [0.5, 0.75, 1.0, 1.25, 1.75]
    assert repeated({}) == []


def test_no_prefixes_make_no_table() -> None:
    assert routing_table({"prefixes": []}) is None
    assert routing_table({}) is None
