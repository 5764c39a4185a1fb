# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Filters for surveys of AWX: what a survey asks, and its answers with their types.

Facts about AWX 24.6.1, from its source: `awx/main/models/mixins.py` accepts text, text areas and
choices as strings, integers as numbers, several choices as lists, knows no boolean, and passes the
default of a question that nobody answered, an empty text included, as an extra variable.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible.module_utils.parsing.convert_bool import boolean

AS_CONFIGURED = "as configured"
"""The choice that stands for no answer: AWX insists on one of a question's choices."""


def _whole_number(answer: Any) -> int:
    if isinstance(answer, bool) or not isinstance(answer, (int, str)):
        raise ValueError
    return int(answer)


def _yes_or_no(answer: Any) -> bool:
    try:
        return bool(boolean(answer))
    except TypeError as problem:
        raise ValueError from problem


def _lines(answer: Any) -> list[str]:
    entries = answer.splitlines() if isinstance(answer, str) else answer
    if not isinstance(entries, list):
        raise ValueError
    return [str(line).strip() for line in entries if str(line).strip()]


def _text(answer: Any) -> str:
    if not isinstance(answer, str):
        raise ValueError
    return answer.strip()


_TYPES: dict[str, tuple[Callable[[Any], Any], str]] = {
    "str": (_text, "a text"),
    "int": (_whole_number, "a whole number"),
    "bool": (_yes_or_no, "yes or no"),
    "list": (_lines, "one entry a line"),
}


def _answered(answer: Any) -> bool:
    text = answer.strip() if isinstance(answer, str) else answer
    return text is not None and text not in ("", AS_CONFIGURED) and text != []


def survey_answers(
    given: Mapping[str, Any], types: Mapping[str, str] | None = None, prefix: str = "answer_"
) -> dict[str, Any]:
    """The inputs that were answered, under their own names, each with its type.

    `given` is variable to answer; `types` is input to str (where nothing is said), int, bool or
    list. Raises AnsibleFilterError for an answer that does not fit.
    """
    found: dict[str, Any] = {}
    for variable in sorted(given):
        answer = given[variable]
        if not variable.startswith(prefix) or not _answered(answer):
            continue
        name = variable.removeprefix(prefix)
        wanted = (types or {}).get(name, "str")
        if wanted not in _TYPES:
            raise AnsibleFilterError(
                f"survey_answers: input {name} has type {wanted!r}; expected: "
                f"{', '.join(_TYPES)}. Correct the types that the play gives."
            )
        convert, words = _TYPES[wanted]
        try:
            found[name] = convert(answer)
        except ValueError:
            raise AnsibleFilterError(
                f"The survey's answer for {name} ({variable}) is {answer!r}; expected: {words}. "
                "Answer again, or leave the question empty to keep what inventory and role say."
            ) from None
    return found


def survey(
    inputs: Iterable[str], questions: Mapping[str, Mapping[str, Any]], prefix: str = "answer_"
) -> dict[str, Any]:
    """A survey's specification, as the controller keeps it: one question for each of the inputs.

    `questions` is input to question. Raises AnsibleFilterError for an input without one.
    """
    inputs = list(inputs)
    missing = [name for name in inputs if name not in questions]
    if missing:
        raise AnsibleFilterError(
            f"survey: there is no question for {', '.join(missing)}. Add it to the questions."
        )
    spec = [{"required": False, **questions[name], "variable": prefix + name} for name in inputs]
    return {"name": "", "description": "", "spec": spec}


class FilterModule:
    """The filters of this file, as Ansible asks for them."""

    def filters(self) -> dict[str, Any]:
        """Filter name to function."""
        return {"survey": survey, "survey_answers": survey_answers}
