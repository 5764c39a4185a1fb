# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A picture of a run for the README: `python -m tests.manual.still`.

site.yml runs on an empty sandbox; what it printed is kept in tests/output/run.txt, colours and all,
and drawn from there into docs/run.svg. With the path of such a file only the drawing is done.
"""

from __future__ import annotations

import io
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console
from rich.text import Text

from tests.e2e.clusters import empty_cluster
from tests.e2e.site.playbooks import command, environment
from tests.sandbox.paths import CHECKOUT

OUTPUT = CHECKOUT / "tests/output/run.txt"
PICTURE = CHECKOUT / "docs/run.svg"
WIDTH = 132
COMMAND = "$ ansible-playbook playbooks/site.yml -i inventories/sandbox"
SHOWN = ("PLAY [Phase", "Watch the services start", "Show the result", "PLAY RECAP")
# Rich's own form of a picture has a font from elsewhere; the reader's does as well.
FORM = """\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img">
<style>
.{unique_id}-matrix {{
  font: {char_height}px ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace;
  line-height: {line_height}px;
}}
{styles}
</style>
<defs>
<clipPath id="{unique_id}-clip-terminal">
<rect x="0" y="0" width="{terminal_width}" height="{terminal_height}"/>
</clipPath>
{lines}
</defs>
<rect width="{width}" height="{height}" rx="8" fill="#171b21"/>
<g transform="translate({terminal_x}, 24)" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g>
</g>
</svg>
"""
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def real_run() -> str:
    """What site.yml prints on an empty cluster, as a terminal shows it."""
    with empty_cluster("still") as sandbox:
        shown = environment(sandbox.folder, ANSIBLE_FORCE_COLOR="1", COLUMNS=str(WIDTH))
        del shown["ANSIBLE_NOCOLOR"]
        done = subprocess.run(
            command("site"), cwd=CHECKOUT, env=shown, capture_output=True, text=True, check=False
        )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr
    return done.stdout


def chosen(told: str) -> Iterator[str]:
    """Of a run's lines: each phase, how its model started, the summary and the recap."""
    yield COMMAND
    shown, last = False, ""
    for line in told.splitlines():
        plain = _COLOUR.sub("", line).strip()
        if plain.startswith(("TASK [", "PLAY ")):
            shown = any(word in plain for word in SHOWN)
        words = plain.rpartition("ready] ")[2]
        if shown and plain and words != last and not plain.startswith("ok: "):
            last = words
            yield line


def picture(told: str) -> str:
    """The SVG of these lines."""
    console = Console(record=True, width=WIDTH, file=io.StringIO(), force_terminal=True)
    for line in chosen(told):
        console.print(Text.from_ansi(line), soft_wrap=False)
    return console.export_svg(title="site.yml", code_format=FORM, unique_id="run")


if __name__ == "__main__":
    if sys.argv[1:]:
        text = Path(sys.argv[1]).read_text()
    else:
        text = real_run()
        OUTPUT.parent.mkdir(parents=True, exist_ok=True)
        OUTPUT.write_text(text)
    PICTURE.write_text(picture(text))
    print(f"drawn: {PICTURE}; the README shows it as ![A run of site.yml](docs/run.svg)")
