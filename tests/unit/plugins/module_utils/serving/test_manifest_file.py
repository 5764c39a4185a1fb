# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Is any file answered with services, findings or a named error?"""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.llmd.tpu.plugins.module_utils.serving.manifest_file import (
    LARGEST_FILE,
    ManifestError,
    parse_text,
    read_file,
    sort_documents,
)
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.plugins.module_utils.serving.manifests import GOOD


def _codes(text: str) -> list[tuple[str, str]]:
    found = sort_documents(parse_text(text, "f.yaml"), "f.yaml").findings
    return [(one.severity, one.code) for one in found]


def test_a_file_of_many_documents() -> None:
    other = "apiVersion: v1\nkind: Secret\nmetadata: {name: x}\n"
    manifests = sort_documents(parse_text(f"---\n{other}---\n{GOOD}---\n---\n{GOOD}", "f"), "f")
    assert len(manifests.services) == 2
    assert [(one.severity, one.code, one.found) for one in manifests.findings] == [
        ("info", "MANIFEST-OTHER-KIND", "v1 Secret")
    ]


def test_a_list_object_is_unfolded() -> None:
    items = "\n".join("  " + line for line in GOOD.strip().splitlines())
    text = "apiVersion: v1\nkind: List\nitems:\n-" + items[1:]
    assert len(sort_documents(parse_text(text, "f"), "f").services) == 1


@pytest.mark.parametrize("text", ["", "---\n---\n", "# only a comment\n"])
def test_an_empty_file(text: str) -> None:
    assert _codes(text) == [("error", "MANIFEST-NO-SERVICE")]


@pytest.mark.parametrize("text", ["just words", "[1, 2]", "42", "2026-01-01"])
def test_documents_that_are_no_objects(text: str) -> None:
    assert _codes(text)[0] == ("error", "MANIFEST-NOT-AN-OBJECT")


def test_a_service_of_another_group_is_not_ours() -> None:
    assert ("info", "MANIFEST-OTHER-KIND") in _codes("apiVersion: x/v1\nkind: LLMInferenceService")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: [1", "line 2, column 1"),
        ("a: 1\n\tb: 2", "line 2, column 1"),
        ("a: !!python/object:os.system {}", "not valid YAML"),
        ("a: 2026-99-99", "not valid YAML"),
        ("[" * 100_000, "not valid YAML"),
        ("? {a: 1}\n: 2", "not valid YAML"),
        ("a: *missing", "undefined alias"),
    ],
)
def test_bad_yaml_is_named(text: str, words: str) -> None:
    with pytest.raises(ManifestError, match=r"f\.yaml") as raised:
        parse_text(text, "f.yaml")
    assert words in str(raised.value)
    assert len(str(raised.value)) < 500


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"\x7fELF\x00\x80\xff", "looks binary"),
        (b"a: \x00", "looks binary"),
        (b"#" * (LARGEST_FILE + 1), "larger than 5 MiB"),
    ],
)
def test_files_that_are_no_text(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "model.yaml"
    path.write_bytes(content)
    with pytest.raises(ManifestError, match=words):
        read_file(str(path))


def test_missing_files_and_folders(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match="No such file"):
        read_file(str(tmp_path / "none.yaml"))
    with pytest.raises(ManifestError, match="a folder"):
        read_file(str(tmp_path))


def test_a_byte_order_mark_is_no_trouble(tmp_path: Path) -> None:
    path = tmp_path / "model.yaml"
    path.write_bytes(b"\xef\xbb\xbf" + GOOD.encode())
    assert len(parse_text(read_file(str(path)), "f")) == 1


@given(st.text(max_size=200))
def test_any_text_is_parsed_or_refused(text: str) -> None:
    try:
        documents = parse_text(text, "f")
    except ManifestError:
        return
    sort_documents(documents, "f")
