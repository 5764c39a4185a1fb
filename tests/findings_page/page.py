# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Makes the text of docs/findings.md: one table a module that tells findings."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from ansible_collections.llmd.tpu.plugins.module_utils.findings import Finding

from tests.findings_page.examples import examples
from tests.findings_page.source import Told, read_codes, title_of

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/findings.md"
ENGINE = ROOT / "plugins/module_utils"

_HEAD = """\
# Findings

<!-- Made from the source of the checks. After changing a check: `make docs`, and commit this. -->

Everything that a check, a test or a diagnosis of this collection tells is a finding: a code that
never changes, a severity, where, what was found, what was expected, and what to do. Errors stop a
run; warnings and information do not. A task's result has them under `findings`, so a play or a
dashboard can rely on the codes.

Each row shows one finding as it is told. A word in capitals, or …, stands for a value of the run.
PART in a code is ISTIO, CERT-MANAGER, GATEWAY-API, INFERENCE-EXTENSION, LWS or MONITORING-CRDS.
"""
_TABLE = "| code | severity | example | fix |\n|---|---|---|---|"


def page() -> str:
    """The whole text."""
    return "\n".join([_HEAD, *_sections()]) + "\n"


def _sections() -> Iterator[str]:
    real = examples()
    words = words_of_packages()
    package = ""
    for path, codes in codes_by_module().items():
        if path.parent.name != package:
            package = path.parent.name
            told_by = ", ".join(f"`llmd.tpu.{word}`" for word in words.get(package, ()))
            yield f"## {package.capitalize()}\n"
            yield f"Told by {told_by}.\n" if told_by else ""
        yield f"### {title_of(path)}\n\n{_TABLE}"
        for told in codes.values():
            yield _row(told, _example_of(told.code, real))
        yield ""


def codes_by_module() -> dict[Path, dict[str, Told]]:
    """Every module of the engine that tells findings; a code stands in the first that tells it."""
    seen: set[str] = set()
    modules: dict[Path, dict[str, Told]] = {}
    for path in sorted(ENGINE.rglob("*.py")):
        codes = {code: told for code, told in read_codes(path).items() if code not in seen}
        seen.update(codes)
        if codes:
            modules[path] = codes
    return modules


def words_of_packages() -> dict[str, list[str]]:
    """Which of the collection's words speak for a package of the engine: those that import it."""
    words: dict[str, list[str]] = {}
    for path in sorted((ROOT / "plugins/modules").glob("*.py")):
        for package in dict.fromkeys(
            re.findall(r"module_utils\.(\w+)\.\w+ import", path.read_text())
        ):
            words.setdefault(package, []).append(path.stem)
    return words


def _example_of(code: str, real: dict[str, Finding]) -> Finding | None:
    """A real finding of a code; of a code that is open at its end, one of its family."""
    if not code.endswith("-PART"):
        return real.get(code)
    family = code.removesuffix("PART")
    return next((finding for told, finding in real.items() if told.startswith(family)), None)


def _row(told: Told, real: Finding | None) -> str:
    severities = [
        one
        for one in ("error", "warning", "info")
        if one in told.severities or (real and one == real.severity)
    ]
    shown = real or told
    example = shown.message
    for label, text in (("found", shown.found), ("expected", shown.expected)):
        if text.strip("…:; "):
            example += f"; {label}: {text}"
    cells = (
        f"`{told.code}`",
        " or ".join(severities),
        _cell(example),
        _cell(shown.fix or "nothing"),
    )
    return f"| {' | '.join(cells)} |"


def _cell(text: str) -> str:
    """Text as Markdown shows it unchanged."""
    return re.sub(r"([|<*`\\])", r"\\\1", " ".join(text.split()))
