# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Reads from the source of the checks which findings they can tell, without running them.

A code is a literal that looks like one. Its words are those of the ``Finding`` that it is given to:
directly, through a helper of the same module, or through a variable; or those of the row of a table
that it stands in: a tuple (..., code, message, fix), or a dataclass of the module with such fields.
A value that only a run knows becomes its name in capitals.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path

from ansible_collections.llmd.tpu.plugins.module_utils.findings import Finding

CODE = re.compile(r"[A-Z][A-Z0-9]*(-[A-Z0-9]+)+")
# A code that ends with the name of a part: f"OPERATORS-FOREIGN-{code}".
OPEN_CODE = re.compile(r"[A-Z][A-Z0-9]*(-[A-Z0-9]+)+-")
_FIELDS = [field.name for field in fields(Finding)]
_SEVERITIES = ("error", "warning", "info")
_UNKNOWN = ("error", "warning")

Environment = Mapping[str, ast.expr]


@dataclass(frozen=True)
class Told:
    """One code as the source tells it; texts hold names in capitals for what a run fills in."""

    code: str
    severities: tuple[str, ...]
    message: str
    found: str
    expected: str
    fix: str


def read_codes(path: Path) -> dict[str, Told]:
    """Read one module: every code that it can tell, in the order of the source."""
    return _Module(ast.parse(path.read_text())).codes()


def title_of(path: Path) -> str:
    """The first sentence of a module's docstring, without its full stop."""
    text = ast.get_docstring(ast.parse(path.read_text())) or path.stem
    return re.split(r"(?<=[.?])\s", text, maxsplit=1)[0].rstrip(".")


class _Module:
    def __init__(self, tree: ast.Module) -> None:
        self.parents = {
            child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)
        }
        self.constants: dict[str, ast.expr] = {
            target.id: one.value
            for one in tree.body
            if isinstance(one, ast.Assign) and isinstance(one.value, ast.Constant)
            for target in one.targets
            if isinstance(target, ast.Name)
        }
        nodes = list(ast.walk(tree))
        self.records = {
            one.name: _record_fields(one)
            for one in nodes
            if isinstance(one, ast.ClassDef) and "message" in _record_fields(one)
        }
        self.functions = {one.name: one for one in nodes if isinstance(one, ast.FunctionDef)}
        self.literals = sorted(
            (one for one in nodes if isinstance(one, ast.expr) and code_of(one)),
            key=lambda one: (one.lineno, one.col_offset),
        )

    def codes(self) -> dict[str, Told]:
        found: dict[str, Told] = {}
        for literal in self.literals:
            code = code_of(literal)
            told = self._told(literal, code)
            if told is None:
                continue
            before = found.get(code)
            if before is not None:
                both = {*before.severities, *told.severities}
                told = replace(before, severities=tuple(s for s in _SEVERITIES if s in both))
            found[code] = told
        return found

    def _told(self, literal: ast.expr, code: str) -> Told | None:
        holder, choices = self._holder(literal)
        if isinstance(holder, ast.Call):
            return self._of_call(holder, code, self.constants, choices)
        told = self._of_row(holder, literal, code) if isinstance(holder, ast.Tuple) else None
        if told or not isinstance(holder, ast.Tuple | ast.Assign):
            return told  # else a set or table of codes that are told elsewhere
        for call in _calls(self._function_around(holder), "Finding"):
            value = _fields(call)["code"]
            if isinstance(value, ast.Name):
                return self._of_call(call, code, self.constants, choices)
            if isinstance(value, ast.IfExp) and isinstance(value.orelse, ast.Name):
                choices = {ast.dump(value.test): False}
                return self._of_call(call, code, self.constants, choices)
        return None

    def _of_row(self, row: ast.Tuple, literal: ast.expr, code: str) -> Told | None:
        """Read the texts that follow a code in its row, message and fix; not a row of codes."""
        texts = [
            _text(one, self.constants, {})
            for one in row.elts[row.elts.index(literal) + 1 :]
            if not isinstance(one, ast.Constant) or one.value not in _SEVERITIES
        ]
        if len(texts) < 2 or any(map(CODE.fullmatch, texts)):
            return None
        return Told(code, tuple(_words(row)) or ("error",), texts[0], "", "", texts[1])

    def _holder(self, literal: ast.expr) -> tuple[ast.AST, dict[str, bool]]:
        """The call or table that a code stands in, and the conditions under which it does."""
        choices: dict[str, bool] = {}
        node: ast.AST = literal
        while isinstance(node, ast.expr | ast.keyword):
            parent = self.parents[node]
            if isinstance(parent, ast.IfExp):
                choices[ast.dump(parent.test)] = node is parent.body
            elif not isinstance(parent, ast.keyword):
                return parent, choices
            node = parent
        return node, choices

    def _function_around(self, node: ast.AST) -> ast.AST:
        while not isinstance(node, ast.FunctionDef | ast.Module):
            node = self.parents[node]
        return node

    def _of_call(
        self, call: ast.Call, code: str, known: Environment, choices: Mapping[str, bool]
    ) -> Told | None:
        name = call.func.id if isinstance(call.func, ast.Name) else ""
        if name == "Finding" or name in self.records:
            around = self._function_around(call)
            values = _fields(call, self.records.get(name, _FIELDS))
            severities = _severities(values.get("severity"), around, known, choices)
            message, found, expected, fix = (
                _text(values[key], known, choices) if key in values else ""
                for key in ("message", "found", "expected", "fix")
            )
            return Told(code, severities, message, found, expected, fix)
        helper = self.functions.get(name)
        inner = _calls(helper, "Finding") if helper else []
        if helper is None or not inner:
            return None
        known = {**self.constants, **_bound(helper, call)}
        return self._of_call(inner[0], code, known, choices)


def code_of(node: ast.expr) -> str:
    """The code that a literal is; empty for every other text."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value if CODE.fullmatch(node.value) else ""
    if isinstance(node, ast.JoinedStr) and len(node.values) == 2:
        start = node.values[0]
        if isinstance(start, ast.Constant) and isinstance(start.value, str):
            return f"{start.value}PART" if OPEN_CODE.fullmatch(start.value) else ""
    return ""


def _calls(node: ast.AST | None, name: str) -> list[ast.Call]:
    return [
        one
        for one in (ast.walk(node) if node else ())
        if isinstance(one, ast.Call) and isinstance(one.func, ast.Name) and one.func.id == name
    ]


def _fields(call: ast.Call, names: list[str] = _FIELDS) -> dict[str, ast.expr]:
    named = {one.arg: one.value for one in call.keywords if one.arg}
    return dict(zip(names, call.args, strict=False)) | named


def _record_fields(record: ast.ClassDef) -> list[str]:
    return [
        one.target.id
        for one in record.body
        if isinstance(one, ast.AnnAssign) and isinstance(one.target, ast.Name)
    ]


def _bound(helper: ast.FunctionDef, call: ast.Call) -> dict[str, ast.expr]:
    """What a call gives to the parameters of a helper, defaults included."""
    positional = [one.arg for one in helper.args.args]
    defaults = helper.args.defaults
    values = dict(zip(positional[len(positional) - len(defaults) :], defaults, strict=True))
    for parameter, default in zip(helper.args.kwonlyargs, helper.args.kw_defaults, strict=True):
        if default is not None:
            values[parameter.arg] = default
    values |= dict(zip(positional, call.args, strict=False))
    return values | {one.arg: one.value for one in call.keywords if one.arg}


def _severities(
    node: ast.expr | None,
    around: ast.AST,
    known: Environment,
    choices: Mapping[str, bool],
) -> tuple[str, ...]:
    """The severities that an expression can give; a variable's are those of its assignments."""
    if isinstance(node, ast.Name) and node.id in known:
        node = known[node.id]
    if isinstance(node, ast.Name):
        name = node.id
        places = [one for one in ast.walk(around) if _gives(one, name)]
        found = {word for place in places for word in _words(place)}
    else:
        found = set(_words(node, choices)) if node else set()
    return tuple(one for one in _SEVERITIES if one in found) or _UNKNOWN


def _gives(node: ast.AST, name: str) -> bool:
    """Whether a node is the parameter of this name, or an assignment to it."""
    if isinstance(node, ast.arg):
        return node.arg == name
    targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
    return isinstance(node, ast.Assign | ast.AnnAssign) and any(
        isinstance(one, ast.Name) and one.id == name
        for target in targets
        if target
        for one in ast.walk(target)
    )


def _words(node: ast.AST, choices: Mapping[str, bool] | None = None) -> Iterator[str]:
    if isinstance(node, ast.IfExp) and choices is not None:
        chosen = choices.get(ast.dump(node.test))
        for part, wanted in ((node.body, True), (node.orelse, False)):
            if chosen in (None, wanted):
                yield from _words(part, choices)
        return
    for one in ast.walk(node):
        if isinstance(one, ast.Constant) and one.value in _SEVERITIES:
            yield str(one.value)


def _text(node: ast.AST, known: Environment, choices: Mapping[str, bool]) -> str:
    """Write an expression as text."""
    match node:
        case ast.Constant(value=value):
            return str(value)
        case ast.JoinedStr(values=values):
            return "".join(_text(one, known, choices) for one in values)
        case ast.FormattedValue(value=value):
            return _text(value, known, choices)
        case ast.BinOp(op=ast.Add(), left=left, right=right):
            return _text(left, known, choices) + _text(right, known, choices)
        case ast.IfExp(test=test, body=body, orelse=orelse):
            chosen = choices.get(ast.dump(test))
            texts = [_text(one, known, choices) for one in (body, orelse)]
            return texts[0] if chosen or (chosen is None and texts[0]) else texts[1]
        case ast.BoolOp(values=values):
            return _text(values[0], known, choices)
        case ast.Name(id=name) if name in known:
            return _text(known[name], {}, choices)
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name.strip("_").replace("_", " ").upper()
    return "…"
