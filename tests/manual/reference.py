# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The pages of modules, filters and roles, made by antsibull-docs of what ansible-doc knows."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from tests.examples.documented import Kind, documented
from tests.manual.programs import run

_HERE = Path(__file__).parent
_CONTENTS = re.compile(r"^\.\. contents::.*\n(?: +:.*\n)*", flags=re.MULTILINE)
_TITLE = re.compile(r"^((?:llmd\.tpu\.\w+|Entry point) \S+) -- ", flags=re.MULTILINE)
_TITLES: dict[Kind, str] = {"module": "Modules", "role": "Roles", "filter": "Filters"}


def write_reference(folder: Path) -> None:
    """A page for each module, filter and role, one of environment variables, and their index."""
    folder.mkdir(mode=0o755)
    run(
        "antsibull-docs",
        f"--config-file={_HERE / 'antsibull-docs.cfg'}",
        "collection",
        "--use-current",
        "--squash-hierarchy",
        "--fail-on-error",
        "--no-add-antsibull-docs-version",
        f"--dest-dir={folder}",
        "llmd.tpu",
    )
    (folder / "index.rst").unlink()
    for page in folder.glob("*.rst"):
        text = without_contents(page.read_text())
        page.write_text(_TITLE.sub("\\1 \u2013 ", text))
    (folder / "index.md").write_text("\n".join(_index()) + "\n")


def without_contents(text: str) -> str:
    """A page without its own table of contents: the theme has one beside the page."""
    return _CONTENTS.sub("", text)


def _index() -> Iterator[str]:
    yield "# Modules, roles and filters\n"
    yield "What `ansible-doc` shows, as pages. Each example is run by the tests."
    for kind, title in _TITLES.items():
        yield f"\n## {title}\n\n| name | does |\n|---|---|"
        for name, one in documented(kind).items():
            yield f"| [{name}]({name}_{kind}.rst) | {one.document['short_description']} |"
        yield "\n```{toctree}\n:hidden:\n"
        yield from (f"{name} <{name}_{kind}>" for name in documented(kind))
        yield "```"
    yield "\n```{toctree}\n:hidden:\n\nEnvironment variables <environment_variables>\n```"
