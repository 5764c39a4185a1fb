# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A page of all variables: the inputs of the roles, and those of the playbooks."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from tests.examples.documented import documented
from tests.manual.contents import PARTS
from tests.sandbox.paths import CHECKOUT

_HEAD = """\
# Variables

Everything that can be set, with its default. A role refuses a value of another type before it
does anything. Set them in `group_vars`, in a play, or with `-e`; `inventories/example` has those
that most people change.

Every play runs on the hosts that `llmd_hosts` names (default `localhost`), and takes the cluster
from `llmd_kubeconfig` and `llmd_context`, else from the environment (`K8S_AUTH_*`), else from
`~/.kube/config`.
"""
_TABLE = "| variable | type | default | meaning |\n|---|---|---|---|"
# A task's option that a variable fills: "{{ verify_name | default(omit) }}".
_FILLED = re.compile(r"\{\{ (\w+) \| default\((.*)\) \}\}")
# What Ansible's documentation puts around words: V(x), O(x), C(x), M(x) and the like.
_MARKED = re.compile(r"\b[A-Z]+\(((?:[^()\\]|\\.)*)\)")


def variables_page() -> str:
    """The page in Markdown."""
    return "\n".join([_HEAD, *_roles(), *_playbooks()]) + "\n"


def _roles() -> Iterator[str]:
    order = [phase for phase in PARTS["Phases"] if phase in documented("role")]
    for role in order:
        yield f"## Role {role}\n\n{_TABLE}"
        defaults = yaml.safe_load((CHECKOUT / f"roles/{role}/defaults/main.yml").read_text())
        for name, option in documented("role")[role].document["options"].items():
            yield _row(name, option, defaults.get(name))
        yield ""


def _playbooks() -> Iterator[str]:
    for path in sorted((CHECKOUT / "playbooks").glob("*.yml")):
        rows = list(_filled(path))
        if rows:
            yield f"## Playbook {path.stem}\n\n{_TABLE}"
            yield from rows
            yield ""


def _filled(path: Path) -> Iterator[str]:
    """A row for each variable that fills an option of one of our modules."""
    seen: set[str] = set()
    for module, options in _tasks(yaml.safe_load(path.read_text())):
        words = documented("module")[module].document["options"]
        for option, value in options.items():
            found = _FILLED.fullmatch(str(value))
            if found and found[1] not in seen and not found[1].startswith("llmd_"):
                seen.add(found[1])
                told = words[option]
                yield _row(found[1], told, _default(found[2], told.get("default")))


def _default(expression: str, options_own: Any) -> Any:
    """What a Jinja default comes to: a plain value, the option's own, or the expression itself."""
    if expression.startswith("omit"):
        return options_own
    try:
        return ast.literal_eval(expression.replace("true", "True").replace("false", "False"))
    except (SyntaxError, ValueError):
        return f"{{{{ {expression} }}}}"


def _tasks(plays: Any) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Module and options of every task of a playbook that uses one of ours."""
    waiting = [task for one in plays for task in one.get("tasks", [])]
    while waiting:
        task = waiting.pop(0)
        waiting[:0] = [
            inner for part in ("block", "rescue", "always") for inner in task.get(part, [])
        ]
        for word, options in task.items():
            if word.startswith("llmd.tpu.") and isinstance(options, Mapping):
                yield word.removeprefix("llmd.tpu."), options


def _row(name: str, option: Mapping[str, Any], default: Any) -> str:
    choices = option.get("choices")
    kind = option.get("type", "str")
    if choices:
        several = "list of " if kind == "list" else ""
        kind = several + " or ".join(f"`{one}`" for one in choices)
    # A default by way of a role's constants is told by the description.
    shown = "" if default is None or "__" in str(default) else f"`{_text(default)}`"
    return f"| `{name}` | {kind} | {_cell(shown)} | {_cell(_words(option['description']))} |"


def _text(default: Any) -> str:
    return default if isinstance(default, str) and default else json.dumps(default)


def _words(description: str | list[str]) -> str:
    text = " ".join([description] if isinstance(description, str) else description)
    return _MARKED.sub(lambda found: f"`{found[1].split(',')[0]}`", text)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
