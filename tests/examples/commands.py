# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The commands that a page tells its reader to type."""

from __future__ import annotations

import re
from pathlib import Path

from tests.sandbox.paths import CHECKOUT


def commands(page: str) -> list[str]:
    """The lines of a page's console blocks, in order, without remarks."""
    text = (CHECKOUT / page).read_text()
    blocks: list[str] = re.findall(r"^```console\n(.*?)^```", text, flags=re.DOTALL | re.MULTILINE)
    lines = [re.sub(r"\s+# .*$", "", line) for block in blocks for line in block.splitlines()]
    return [line for line in lines if line]


def playbooks_of(page: str) -> list[str]:
    """Those of them that run a playbook, each once."""
    return list(
        dict.fromkeys(line for line in commands(page) if line.startswith("ansible-playbook"))
    )


def inventory(folder: Path) -> Path:
    """A copy of the example inventory, as the pages have their reader make it."""
    target = folder / "my-cluster"
    for path in (CHECKOUT / "inventories/example").rglob("*.yml"):
        copy = target / path.relative_to(CHECKOUT / "inventories/example")
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_text(path.read_text())
    return target
