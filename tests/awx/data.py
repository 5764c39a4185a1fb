# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The data in awx/group_vars/all, with what they say of each other filled in."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import jinja2
import yaml
from jinja2.nativetypes import NativeEnvironment

ROOT = Path(__file__).parents[2]


class _Loader(yaml.SafeLoader):
    """YAML with Ansible's tag for what is no template."""


class Verbatim(str):
    """A text that Ansible leaves as it is."""


def _verbatim(loader: yaml.SafeLoader, node: yaml.Node) -> Verbatim:
    assert isinstance(node, yaml.ScalarNode)
    return Verbatim(loader.construct_scalar(node))


_Loader.add_constructor("!unsafe", _verbatim)


@cache
def written() -> dict[str, Any]:
    """Every variable as it is written."""
    found: dict[str, Any] = {}
    for path in sorted((ROOT / "awx/group_vars/all").glob("*.yml")):
        found.update(yaml.load(path.read_text(), _Loader))
    return found


def variables() -> dict[str, Any]:
    """Every variable, templates of our own data resolved; what asks the environment is left out."""
    known = written()
    return {
        name: _resolved(value, known)
        for name, value in known.items()
        if "lookup(" not in str(value)
    }


def _resolved(value: Any, known: dict[str, Any]) -> Any:
    if isinstance(value, dict):
        return {name: _resolved(each, known) for name, each in value.items()}
    if isinstance(value, list):
        return [_resolved(each, known) for each in value]
    if isinstance(value, str) and "{{" in value and not isinstance(value, Verbatim):
        environment = NativeEnvironment(undefined=jinja2.StrictUndefined)
        return _resolved(environment.from_string(value).render(known), known)
    return value
