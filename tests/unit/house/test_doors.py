# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The doors between the rooms open one way: what decides imports nothing that asks.

A file of the engine that decides says so in its docstring: "Pure."
"""

from __future__ import annotations

import ast
import functools
from pathlib import Path

import pytest

from tests.sandbox.paths import CHECKOUT

PLUGINS = CHECKOUT / "plugins"
ENGINE = PLUGINS / "module_utils"
OURS = "ansible_collections.llmd.tpu.plugins."
# Whatever reaches out of the process, or knows the time.
ASKING = {
    "ansible",
    "concurrent",
    "google",
    "http",
    "kubernetes",
    "openshift_client",
    "queue",
    "random",
    "requests",
    "secrets",
    "select",
    "shutil",
    "socket",
    "ssl",
    "subprocess",
    "tempfile",
    "threading",
    "time",
    "urllib.request",
    "urllib3",
    "websocket",
}
# Checks of arguments are Ansible's own, and pure.
DECIDING = "ansible.module_utils.common.arg_spec"
# Calls of modules that also have pure ones.
ASKING_CALLS = {"datetime.now", "date.today", "os.environ", "os.getenv", "open", "print"}
FILES = {str(path.relative_to(ENGINE)): path for path in sorted(ENGINE.rglob("*.py"))}


@functools.cache
def tree(path: Path) -> ast.Module:
    """A file, parsed."""
    return ast.parse(path.read_text())


def says_pure(path: Path) -> bool:
    """Whether its docstring promises that it only decides."""
    return "Pure." in (ast.get_docstring(tree(path)) or "")


def imported(path: Path) -> set[str]:
    """Full names of the modules that a file imports; names for types only do not count."""
    found: set[str] = set()
    waiting: list[ast.AST] = list(tree(path).body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
        waiting.extend(ast.iter_child_nodes(node))
    return found


def our_file(name: str) -> Path | None:
    """The file of the engine that an imported name is, or comes from."""
    parts = name.removeprefix(OURS).split(".")
    for length in (len(parts), len(parts) - 1):
        path = PLUGINS.joinpath(*parts[:length]).with_suffix(".py")
        if path.is_file():
            return path
    return None


@functools.cache
def reaches(path: Path) -> tuple[str, ...]:
    """How a file comes to something that asks: the files on the way, and what is imported there."""
    for name in sorted(imported(path)):
        if name.startswith(OURS):
            found = our_file(name)
            way = reaches(found) if found else ()
            if way:
                return (path.name, *way)
        elif name.startswith(DECIDING):
            continue
        elif any(name == one or name.startswith(f"{one}.") for one in ASKING):
            return (path.name, name)
    return ()


def test_most_of_the_engine_decides() -> None:
    pure = [path for path in FILES.values() if says_pure(path)]
    assert len(pure) > len(FILES) / 2


@pytest.mark.parametrize("name", [name for name, path in FILES.items() if says_pure(path)])
def test_what_decides_imports_nothing_that_asks(name: str) -> None:
    assert reaches(FILES[name]) == ()


@pytest.mark.parametrize("name", [name for name, path in FILES.items() if says_pure(path)])
def test_what_decides_neither_reads_the_clock_nor_writes(name: str) -> None:
    told = {
        ast.unparse(node.func if isinstance(node, ast.Call) else node)
        for node in ast.walk(tree(FILES[name]))
        if isinstance(node, ast.Call | ast.Attribute)
    }
    assert told & ASKING_CALLS == set()


def test_a_way_to_something_that_asks_is_found() -> None:
    assert reaches(ENGINE / "manifests/client.py") != ()
