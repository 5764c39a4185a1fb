# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""YAML text to plain data, read as the API server's own tools read it.

No dates, no base-60 numbers, no key given twice, map keys are texts. Nodes are composed by PyYAML's
C library and turned into data here, which takes half the time of PyYAML's constructor: the CRDs of
KServe alone are 4 MB.
"""

from __future__ import annotations

import gc
import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

try:
    import yaml

    _Base = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # without C: slower, and right
except ImportError:  # comes with the kubernetes package, whose absence `connect` tells in words
    _Base = object


class BadYaml(Exception):
    """A text that is not YAML, or not YAML for manifests; the words begin with the place."""


_TAG = "tag:yaml.org,2002:"
_PLAIN, _TEXT, _MERGE = "plain", f"{_TAG}str", "<<"
_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]*)")
_OTHER_BASE = re.compile(r"[-+]?0([0-7]+|x[0-9a-fA-F]+|b[01]+)")
# With a point, and a sign before the exponent: 12e34567 is the beginning of a git commit.
_FLOAT = re.compile(r"([-+]?[0-9]+\.[0-9]*|\.[0-9]+)([eE][-+][0-9]+)?")
_WORDS: dict[str, bool | None] = {
    **{spelling: None for word in ("null",) for spelling in (word, word.title(), word.upper())},
    **{s: True for w in ("true", "yes", "on") for s in (w, w.title(), w.upper())},
    **{s: False for w in ("false", "no", "off") for s in (w, w.title(), w.upper())},
    "": None,
    "~": None,
}


class _Composer(_Base):  # type: ignore[valid-type, misc]
    """Composes nodes; which kind of value a plain scalar is, is worked out in `_scalar`."""

    def resolve(self, kind: Any, value: Any, implicit: Any) -> Any:
        """The tag of a node that has none."""
        if kind is yaml.ScalarNode:
            return _PLAIN if implicit[0] else _TEXT
        return super().resolve(kind, value, implicit)


@contextmanager
def without_collector() -> Iterator[None]:
    """Spare the cyclic garbage collector: it would look at every new value again and again.

    Measured: three quarters of the time to read 4 MB. Other values go as soon as nobody holds them.
    """
    running = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if running:
            gc.enable()


def parse(text: str) -> list[Any]:
    """All documents of a text. Raises BadYaml."""
    try:
        with without_collector():
            return _documents(text)
    except yaml.MarkedYAMLError as problem:
        mark = problem.problem_mark
        where = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        raise BadYaml(f"{where}not YAML: {problem.problem or problem}") from problem
    except (yaml.YAMLError, ValueError) as problem:
        raise BadYaml(f"not YAML: {problem}") from problem


def _documents(text: str) -> list[Any]:
    composer = _Composer(str.__str__(text))  # PyYAML's C library takes no kind of text but str
    try:
        documents = []
        while composer.check_node():
            documents.append(_value(composer.get_node(), {}))
        return documents
    finally:
        composer.dispose()


def _value(node: Any, seen: dict[int, Any]) -> Any:
    """A node as data; `seen` holds what aliases refer to, and None for what is being built."""
    if isinstance(node, yaml.ScalarNode):
        if node.tag == _PLAIN:
            return _scalar(node.value)
        if node.tag == _TEXT:
            return node.value
        if node.tag.startswith(_TAG) and node.tag != f"{_TAG}binary":
            return _scalar(node.value)
        raise _problem(f"the tag {node.tag} is not for manifests", node)
    if id(node) in seen:
        if seen[id(node)] is None:
            raise _problem("the alias refers to what it is part of", node)
        return seen[id(node)]
    seen[id(node)] = None
    result: Any
    if isinstance(node, yaml.SequenceNode):
        result = [_value(item, seen) for item in node.value]
    else:
        result = _mapping(node, seen)
    seen[id(node)] = result
    return result


def _mapping(node: Any, seen: dict[int, Any]) -> dict[str, Any]:
    result: dict[str, Any] = {}
    merged: dict[str, Any] = {}
    for key, value in node.value:
        if not isinstance(key, yaml.ScalarNode):
            raise _problem("a map's key is not a text", key)
        if key.value == _MERGE and key.tag == _PLAIN:
            for part in reversed(value.value) if isinstance(value, yaml.SequenceNode) else [value]:
                source = _value(part, seen)
                if not isinstance(source, dict):
                    raise _problem("only a map can be merged", value)
                merged.update(source)
        elif key.value in result:
            raise _problem(f"the key {key.value!r} is given twice", key)
        else:
            result[key.value] = _value(value, seen)
    return {**merged, **result} if merged else result


def _problem(words: str, node: Any) -> Exception:
    problem: Exception = yaml.MarkedYAMLError(problem=words, problem_mark=node.start_mark)
    return problem


@lru_cache(maxsize=4096)
def _scalar(text: str) -> Any:
    """The value of a plain scalar: YAML 1.1's words and numbers, except dates and base 60."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in "-+.0123456789":
        return text
    if _INTEGER.fullmatch(text):
        return int(text)
    if _OTHER_BASE.fullmatch(text):
        sign = -1 if text[0] == "-" else 1
        digits = text.lstrip("+-")
        return sign * int(digits if digits[1] in "xb" else f"0o{digits}", 0)
    if _FLOAT.fullmatch(text):
        return float(text)
    return text
