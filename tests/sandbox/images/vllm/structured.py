# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What stands in for structured outputs: the smallest value that a JSON schema takes.

vLLM lets a grammar choose among the model's tokens, so that the text always fits. Here only what
tests ask for is known: types, required properties, enumerations and constants.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_SMALLEST: dict[str, Any] = {
    "string": "none",
    "integer": 0,
    "number": 0,
    "boolean": False,
    "null": None,
    "array": [],
}


def smallest(schema: Mapping[str, Any]) -> Any:
    """A value that fits the schema."""
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return schema["enum"][0]
    if "type" in schema and schema["type"] != "object":
        return _SMALLEST[schema["type"]]
    properties = schema.get("properties", {})
    return {name: smallest(properties.get(name, {})) for name in schema.get("required", [])}
