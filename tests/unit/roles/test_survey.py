# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A survey asks what is written down once; answers get their types, no answer stays none."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.llmd.tpu.plugins.filter.survey import survey, survey_answers

TYPES = {"replicas": "int", "gated": "bool", "arguments": "list"}


@pytest.mark.parametrize(
    ("variable", "answer", "expected"),
    [
        ("answer_name", " qwen ", "qwen"),
        ("answer_replicas", 2, 2),
        ("answer_replicas", "2", 2),
        ("answer_replicas", 0, 0),
        ("answer_gated", "yes", True),
        ("answer_gated", "no", False),
        ("answer_arguments", "--dtype bfloat16\n\n --max-model-len 2048 ", None),
        ("answer_arguments", ["--dtype bfloat16", "--max-model-len 2048"], None),
    ],
)
def test_an_answer_gets_its_type(variable: str, answer: Any, expected: Any) -> None:
    if expected is None:
        expected = ["--dtype bfloat16", "--max-model-len 2048"]
    found = survey_answers({variable: answer}, TYPES)
    assert found == {variable.removeprefix("answer_"): expected}
    assert type(next(iter(found.values()))) is type(expected)


@pytest.mark.parametrize("answer", ["", "  ", None, [], "as configured"])
def test_what_was_not_answered_is_left_to_inventory_and_role(answer: Any) -> None:
    assert survey_answers({"answer_replicas": answer, "answer_name": answer}, TYPES) == {}


def test_other_variables_are_no_answers() -> None:
    assert survey_answers({"name": "x", "llmd_hosts": "all"}, TYPES) == {}


@pytest.mark.parametrize(
    ("variable", "answer", "expected"),
    [
        ("answer_replicas", "two", "a whole number"),
        ("answer_replicas", True, "a whole number"),
        ("answer_gated", "maybe", "yes or no"),
        ("answer_name", 3, "a text"),
        ("answer_arguments", 3, "one entry a line"),
    ],
)
def test_an_answer_that_does_not_fit_is_named(variable: str, answer: Any, expected: str) -> None:
    with pytest.raises(AnsibleFilterError, match=f"{variable}.*expected: {expected}"):
        survey_answers({variable: answer}, TYPES)


def test_a_type_that_nobody_knows_is_a_mistake_of_the_play() -> None:
    with pytest.raises(AnsibleFilterError, match="has type 'float'"):
        survey_answers({"answer_name": "x"}, {"name": "float"})


def test_a_survey_asks_in_the_order_of_the_inputs() -> None:
    questions: dict[str, dict[str, Any]] = {
        "b": {"type": "text"},
        "a": {"type": "integer", "required": True},
    }
    assert survey(["a", "b"], questions) == {
        "name": "",
        "description": "",
        "spec": [
            {"type": "integer", "required": True, "variable": "answer_a"},
            {"type": "text", "required": False, "variable": "answer_b"},
        ],
    }


def test_an_input_without_a_question_is_named() -> None:
    with pytest.raises(AnsibleFilterError, match="no question for b"):
        survey(["a", "b"], {"a": {"type": "text"}})
