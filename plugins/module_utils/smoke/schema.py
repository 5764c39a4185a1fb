# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Does a text fit a JSON schema? Pure.

The package jsonschema is asked for only when a schema is given: importing it takes longer than all
else here together, and few need it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ansible_collections.llmd.tpu.plugins.module_utils.smoke.exchange import parse_json, quote


def schema_problem(schema: Mapping[str, Any]) -> str:
    """Why a JSON schema cannot be used, or an empty text."""
    try:
        from jsonschema import SchemaError
        from jsonschema.validators import validator_for
    except ImportError as problem:
        return (
            f"the Python package jsonschema is missing where the task runs ({problem}). "
            "Install it: pip install 'jsonschema>=4.18'"
        )
    try:
        validator_for(schema).check_schema(schema)
    except SchemaError as problem:
        return f"it is no JSON schema: at {quote(problem.json_path)}: {quote(problem.message)}"
    strange = next((ref for ref in _references(schema) if not ref.startswith("#")), "")
    return f"$ref {quote(strange)} is elsewhere; expected one that begins with #" if strange else ""


def mismatch(text: str, schema: Mapping[str, Any]) -> str:
    """Why a text does not fit a usable schema, or an empty text."""
    from jsonschema.validators import validator_for
    from referencing.exceptions import Unresolvable

    answer = parse_json(text)
    if answer is None and text.strip() != "null":
        return "no JSON"
    try:
        error = next(validator_for(schema)(schema).iter_errors(answer), None)
    except Unresolvable as problem:
        return f"the schema's $ref {quote(str(problem))} leads nowhere"
    return f"at {quote(error.json_path)}: {quote(error.message)}" if error else ""


def _references(part: object) -> Iterator[str]:
    if isinstance(part, Mapping):
        for key, value in part.items():
            if key == "$ref" and isinstance(value, str):
                yield value
            else:
                yield from _references(value)
    elif isinstance(part, list):
        for one in part:
            yield from _references(one)
