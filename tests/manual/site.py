# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Lays the manual's pages out in a folder, and has Sphinx make HTML of them."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from tests.manual.contents import contents
from tests.manual.programs import run
from tests.manual.reference import without_contents, write_reference
from tests.manual.variables import variables_page
from tests.sandbox.paths import CHECKOUT

_HERE = Path(__file__).parent
WORK = CHECKOUT / ".cache/manual"
# Files of the checkout, to which pages link, have no place in the site.
_OUTSIDE = re.compile(r"\[([^\]]*)\]\(\.\./[^)]*\)")


def build(work: Path = WORK) -> Path:
    """Make the site anew; its first page. Raises NotBuilt with what is wrong: a warning is, too."""
    shutil.rmtree(work, ignore_errors=True)
    source, html = work / "source", work / "html"
    lay_out(source)
    run("sphinx-build", "-q", "-W", "--keep-going", "-b", "html", "-c", _HERE, source, html)
    return html / "index.html"


def lay_out(source: Path) -> None:
    """Every page as Sphinx reads it: those of docs/, and those that are made of the code."""
    source.mkdir(parents=True)
    for path in (CHECKOUT / "docs").iterdir():
        if path.suffix == ".md":
            (source / path.name).write_text(_OUTSIDE.sub(r"\1", path.read_text()))
        elif path.suffix == ".svg":
            shutil.copy(path, source)
    changelog = CHECKOUT / "CHANGELOG.rst"
    if changelog.exists():  # from the first release on
        (source / "changelog.rst").write_text(without_contents(changelog.read_text()))
    (source / "variables.md").write_text(variables_page())
    write_reference(source / "reference")
    paths = [*source.rglob("*.md"), *source.glob("*.rst")]
    pages = [str(path.relative_to(source).with_suffix("")) for path in paths]
    index = source / "index.md"
    index.write_text("\n".join([index.read_text(), *contents(pages)]) + "\n")
