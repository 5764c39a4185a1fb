# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a request may look like, by the discovery document of an API."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any

from tests.google.errors import bad_payload, unknown_field, unknown_query

# Query parameters that every method of Google's APIs takes.
_COMMON = frozenset({"alt", "prettyPrint", "fields", "key", "quotaUser", "$.xgafv", "access_token"})


@dataclass(frozen=True)
class Method:
    """One method of an API."""

    id: str
    verb: str
    path: re.Pattern[str]
    parameters: Mapping[str, Mapping[str, Any]]
    request: str = ""
    response: str = ""

    def check_query(self, query: Mapping[str, str]) -> None:
        """Refuse parameters that the method does not have, and enum values it does not know."""
        for name, value in query.items():
            known = self.parameters.get(name)
            if name in _COMMON:
                continue
            if known is None or known.get("location") != "query":
                raise unknown_query(name)
            if "enum" in known and value not in known["enum"]:
                raise bad_payload(name, f"Invalid value at '{name}', \"{value}\"")


class Document:
    """An API as its discovery document describes it."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self.schemas: Mapping[str, Any] = document["schemas"]
        self.title: str = document["title"]
        self.methods = list(_methods(document, "/" + document["servicePath"]))

    def find(self, verb: str, path: str) -> tuple[Method, dict[str, str]] | None:
        """The method of a request and the values in its path; the more literal path wins."""
        found = [
            (method, match.groupdict())
            for method in self.methods
            if method.verb == verb and (match := method.path.fullmatch(path))
        ]
        return min(found, key=lambda one: len("".join(one[1].values())), default=None)

    def check(self, schema: str, value: Any, place: str = "") -> Any:
        """Give the message without what is read-only; raise ApiError for what does not fit."""
        return self._object(self.schemas[schema], value, place)

    def strangers(self, schema: str, value: Any) -> list[str]:
        """Fields of an answer that the API's message does not have: mistakes of the stand-in."""
        return list(self._strangers({"$ref": schema}, value, schema))

    def _strangers(self, schema: Mapping[str, Any], value: Any, place: str) -> Iterator[str]:
        if "$ref" in schema:
            schema = self.schemas[schema["$ref"]]
        if isinstance(value, list) and "items" in schema:
            for one in value:
                yield from self._strangers(schema["items"], one, f"{place}[]")
        if not isinstance(value, dict):
            return
        inner = schema.get("additionalProperties")
        properties = schema.get("properties", {})
        if schema.get("type") == "any":
            return
        for name, one in value.items():
            if inner is None and name not in properties:
                yield f"{place}.{name}"
            else:
                yield from self._strangers(properties.get(name, inner), one, f"{place}.{name}")

    def _object(self, schema: Mapping[str, Any], value: Any, place: str) -> Any:
        if not isinstance(value, dict):
            raise bad_payload(place, f"Invalid value at '{place}', {json.dumps(value)}")
        if "additionalProperties" in schema:
            inner = schema["additionalProperties"]
            return {key: self._value(inner, one, f"{place}[{key}]") for key, one in value.items()}
        properties = schema.get("properties", {})
        clean: dict[str, Any] = {}
        for name, one in value.items():
            if name not in properties:
                raise unknown_field(name, place)
            if one is None or properties[name].get("readOnly"):
                continue
            inner_place = ".".join(filter(None, (place, _snake(name))))
            clean[name] = self._value(properties[name], one, inner_place)
        return clean

    def _value(self, schema: Mapping[str, Any], value: Any, place: str) -> Any:
        if "$ref" in schema:
            return self.check(schema["$ref"], value, place)
        kind = schema["type"]
        if kind == "object":
            return self._object(schema, value, place)
        if kind == "array":
            if not isinstance(value, list):
                raise bad_payload(place, f"Invalid value at '{place}', {json.dumps(value)}")
            return [
                self._value(schema["items"], one, f"{place}[{index}]")
                for index, one in enumerate(value)
            ]
        if not _fits(kind, schema, value):
            words = f"Invalid value at '{place}' (TYPE_{kind.upper()}), {json.dumps(value)}"
            raise bad_payload(place, words)
        return value


def _fits(kind: str, schema: Mapping[str, Any], value: Any) -> bool:
    if kind == "any":
        return True
    if kind == "boolean":
        return isinstance(value, bool)
    if kind in ("integer", "number"):
        number = (int, float) if kind == "number" else int
        return isinstance(value, number) and not isinstance(value, bool)
    if "enum" in schema:
        return value in schema["enum"]
    if schema.get("format") in ("int64", "uint64"):
        # JSON carries 64 bits as text; a number is taken, too.
        return isinstance(value, int) or (isinstance(value, str) and value.lstrip("-").isdigit())
    return isinstance(value, str)


def _methods(part: Mapping[str, Any], root: str) -> Iterator[Method]:
    for method in part.get("methods", {}).values():
        path = method.get("flatPath") or method["path"]
        pattern = re.sub(r"\\{(\w+)\\}", r"(?P<\1>[^/:]+)", re.escape(root + path))
        yield Method(
            method["id"],
            method["httpMethod"],
            re.compile(pattern),
            method.get("parameters", {}),
            method.get("request", {}).get("$ref", ""),
            method.get("response", {}).get("$ref", ""),
        )
    for resource in part.get("resources", {}).values():
        yield from _methods(resource, root)


def _snake(name: str) -> str:
    """The name of a field as messages of refusals write it."""
    return re.sub(r"(?<=[a-z0-9])([A-Z])", lambda found: "_" + found.group(1).lower(), name)


@functools.cache
def document(name: str) -> Document:
    """The document of an API, such as "container.v1", from google-api-python-client."""
    folder = resources.files("googleapiclient.discovery_cache.documents")
    return Document(json.loads((folder / f"{name}.json").read_text()))
