# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Is a part merged as kubectl's strategic patch would, and nothing else touched?"""

from __future__ import annotations

import copy
from typing import Any

import pytest
from ansible_collections.llmd.tpu.plugins.module_utils.serving.merge import merged
from hypothesis import given
from hypothesis import strategies as st

_SCALARS = st.one_of(st.booleans(), st.integers(), st.text(max_size=3))
_NAMED = st.lists(
    st.fixed_dictionaries({"name": st.sampled_from("abc"), "value": _SCALARS}),
    unique_by=lambda entry: entry["name"],
)
TREES = st.recursive(
    st.one_of(_SCALARS, _NAMED),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.sampled_from("xyz"), inner, max_size=3)
    ),
    max_leaves=8,
)


@pytest.mark.parametrize(
    ("base", "part", "result"),
    [
        ({"a": 1}, {"b": 2}, {"a": 1, "b": 2}),
        ({"a": {"b": 1, "c": 2}}, {"a": {"b": 3}}, {"a": {"b": 3, "c": 2}}),
        ({"a": 1, "b": {"c": 2}}, {"b": None}, {"a": 1}),
        ({"a": {"b": 1}}, {"a": {"b": None}}, {"a": {}}),
        ({}, {"a": {"b": None}}, {"a": {}}),
        ({"l": [1, 2]}, {"l": [3]}, {"l": [3]}),
        (
            {"l": [{"name": "x", "v": 1}, {"name": "y"}]},
            {"l": [{"name": "x", "w": 2}, {"name": "z"}]},
            {"l": [{"name": "x", "v": 1, "w": 2}, {"name": "y"}, {"name": "z"}]},
        ),
        ({"l": [{"name": "x"}]}, {"l": []}, {"l": []}),
        ({"l": [{"key": "x"}]}, {"l": [{"key": "y"}]}, {"l": [{"key": "y"}]}),
        ({"a": {"b": 1}}, {"a": "text"}, {"a": "text"}),
    ],
)
def test_merging(base: Any, part: Any, result: Any) -> None:
    before = copy.deepcopy((base, part))
    assert merged(base, part) == result
    assert (base, part) == before


@given(TREES, TREES)
def test_merging_again_changes_nothing(base: Any, part: Any) -> None:
    once = merged(base, part)
    assert merged(once, part) == once


@given(st.dictionaries(st.sampled_from("xyz"), TREES, max_size=3))
def test_nothing_changes_nothing(base: dict[str, Any]) -> None:
    assert merged(base, {}) == base
