# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Manifests from text, files and folders; every error says where."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.llmd.tpu.plugins.module_utils.manifests.load import BadManifest, Manifest
from ansible_collections.llmd.tpu.plugins.module_utils.manifests.yaml_text import parse
from ansible_collections.llmd.tpu.plugins.module_utils.rendering.sources import gather
from hypothesis import given
from hypothesis import strategies as st

NAMESPACE = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "a"}}
TEXT = "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: {}\n"


def load(definition: Any, sources: list[str]) -> list[Manifest]:
    return gather({"definition": definition, "src": sources}).manifests


def bodies(definition: Any, *sources: Path) -> list[dict[str, Any]]:
    return [manifest.body for manifest in load(definition, [str(path) for path in sources])]


def refusal(definition: Any, *sources: Path) -> str:
    with pytest.raises(BadManifest) as problem:
        load(definition, [str(path) for path in sources])
    return str(problem.value)


class Text(str):
    """As ansible-core 2.16 has texts: str() of one is of its kind again."""

    __slots__ = ()

    def __str__(self) -> str:
        return self


def test_texts_of_ansible_s_own_kind() -> None:
    assert parse(Text("a: b")) == [{"a": "b"}]
    (body,) = bodies({**NAMESPACE, "metadata": {Text("name"): Text("a")}})
    assert body == NAMESPACE
    assert {type(one) for pair in body["metadata"].items() for one in pair} == {str}
    assert bodies(Text(TEXT.format("a"))) == [NAMESPACE]


def test_a_dictionary_a_list_and_text() -> None:
    other = {**NAMESPACE, "metadata": {"name": "b"}}
    assert bodies(NAMESPACE) == [NAMESPACE]
    assert bodies([NAMESPACE, TEXT.format("b")]) == [NAMESPACE, other]
    assert bodies(f"---\n{TEXT.format('a')}---\n# nothing\n---\n{TEXT.format('b')}") == [
        NAMESPACE,
        other,
    ]
    assert bodies({"apiVersion": "v1", "kind": "List", "items": [NAMESPACE, other]}) == [
        NAMESPACE,
        other,
    ]
    assert bodies(json.dumps(NAMESPACE)) == [NAMESPACE]


def test_files_and_folders(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "b.yaml").write_text(TEXT.format("b"))
    (tmp_path / "deep" / "a.yml").write_text(TEXT.format("a"))
    (tmp_path / "notes.txt").write_text("not a manifest")
    (tmp_path / "kustomization.yaml").write_text("kind: Kustomization\nresources: [b.yaml]\n")
    names = [body["metadata"]["name"] for body in bodies(None, tmp_path)]
    assert names == ["b", "a"]
    assert load(None, [str(tmp_path / "b.yaml")])[0].origin.endswith("b.yaml, document 1")


def test_an_overlay_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(TEXT.format("a"))
    (tmp_path / "kustomization.yaml").write_text("resources: [a.yaml]\nnamespace: x\n")
    words = refusal(None, tmp_path)
    assert "kustomization.yaml" in words
    assert "namespace" in words
    assert "kustomize instead of src" in words


def test_what_is_not_there(tmp_path: Path) -> None:
    assert f"{tmp_path / 'x'} does not exist" in refusal(None, tmp_path / "x")
    assert "holds no manifest" in refusal(None, tmp_path)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: [", "definition, line 2, column 1: not YAML"),
        (f"{TEXT.format('a')}---\nkind: X\n", "document 2 (X): apiVersion is missing"),
        ("apiVersion: v1\nkind: X\n", "document 1 (X): metadata.name is missing"),
        ("apiVersion: v1\nkind: X\nmetadata: 3\n", "(X): metadata is missing"),
        ("apiVersion: 1\nkind: X\n", "apiVersion is 1, expected a text"),
        ("just words", "document 1: found str 'just words'"),
        ("a: 1\nb: 2\na: 3\n", "line 3, column 1: not YAML: the key 'a' is given twice"),
        ("a: &x\n  b: *x\n", "the alias refers to what it is part of"),
        ("a: !python/object:os.system x\n", "the tag"),
        ("{a: 1", "not YAML"),
        ("a: \x01", "not YAML"),
    ],
)
def test_bad_text_is_refused_with_the_place(text: str, words: str) -> None:
    assert words in refusal(text)


def test_an_object_given_twice() -> None:
    words = refusal([NAMESPACE, NAMESPACE])
    assert "Namespace a is given twice: definition, item 1 and definition, item 2" in words


def test_nulls_are_not_asked_for() -> None:
    body = {**NAMESPACE, "spec": {"a": None, "b": [None, 1], "c": {"d": None}}}
    assert bodies(body)[0]["spec"] == {"b": [None, 1], "c": {}}


def test_secrets_are_spelt_as_the_server_stores_them() -> None:
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}}
    body = {**secret, "data": {"a": "YWJj\nZGVm\n"}, "stringData": {"b": "text"}}
    assert bodies(body)[0] == {**secret, "data": {"a": "YWJjZGVm", "b": "dGV4dA=="}}
    words = refusal({**secret, "data": {"a": "hunter2!"}})
    assert "data.a is not base64" in words
    assert "hunter2" not in words


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0644", 420),
        ("0x1f", 31),
        ("-12", -12),
        ("1.5", 1.5),
        ("yes", True),
        ("Off", False),
        ("~", None),
        ("", None),
        ("2020-01-01", "2020-01-01"),
        ("12:30:45", "12:30:45"),
        ("'5'", "5"),
        ("!!str 5", "5"),
        ("v1", "v1"),
        ("1.2.3", "1.2.3"),
        ("12e34567", "12e34567"),
        ("1.5e+3", 1500.0),
        ("-", [None]),
    ],
)
def test_scalars_are_read_as_the_servers_tools_do(text: str, value: Any) -> None:
    assert parse(f"a: {text}" if text != "-" else "a:\n-")[0] == {"a": value}


def test_keys_are_text_and_merges_merge() -> None:
    assert parse("1: a\ntrue: b") == [{"1": "a", "true": "b"}]
    text = "x: &x {a: 1, b: 2}\ny: &y {a: 3, c: 4}\nz: {<<: [*x, *y], b: 5}"
    assert parse(text)[0]["z"] == {"a": 1, "b": 5, "c": 4}


TEXTS = st.one_of(
    st.text(st.characters(codec="ascii", exclude_categories=["Cc"])),
    st.from_regex(r"[-+]?[0-9.]{1,3}([eE:_x][-+]?[0-9]{1,3})?", fullmatch=True),
)
NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
TREES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), TEXTS, NUMBERS),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(TEXTS, inner, max_size=3)),
    max_leaves=10,
)


@given(TREES)
def test_what_yaml_writes_is_read_back(tree: Any) -> None:
    assert parse(yaml.safe_dump(tree)) == [tree]
