# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The order of the manual's pages."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

# A page that is not there yet is left out; one that is not named here stands in the last part.
PARTS: Mapping[str, tuple[str, ...]] = {
    "Start": ("start", "guide", "costs"),
    "Phases": ("cluster", "operators", "kserve", "gateway", "namespace", "model"),
    "Run": (
        "preflight",
        "verify",
        "troubleshooting",
        "diagnostics-bundle",
        "smoke-test",
        "metrics",
        "report",
        "upgrade",
        "remove",
        "awx",
        "execution-environment",
        "air-gapped",
    ),
    "Reference": (
        "variables",
        "findings",
        "reference/index",
        "applying",
        "rendering",
        "waiting",
        "startup",
        "packages",
        "changelog",
    ),
    "Inside": (
        "architecture",
        "house",
        "developing",
        "testing",
        "releasing",
        "sandbox",
        "benchmarks",
    ),
}


def contents(pages: Iterable[str]) -> Iterator[str]:
    """Sphinx's tables of contents over these pages, in lines of Markdown."""
    there = set(pages) - {"index"}
    named = {page for part in PARTS.values() for page in part}
    others = tuple(sorted(page for page in there - named if "/" not in page))
    for part, order in {**PARTS, "More": others}.items():
        shown = [page for page in order if page in there]
        if shown:
            yield f"\n```{{toctree}}\n:hidden:\n:caption: {part}\n"
            yield from shown
            yield "```"
