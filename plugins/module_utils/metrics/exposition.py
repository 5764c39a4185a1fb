# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Samples out of a text in the Prometheus format. Pure.

Parsed by the official client library. A name may be written with a colon or an underscore
(``vllm:num_requests_waiting``, ``vllm_num_requests_waiting``): some collectors know no colon.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

try:
    from prometheus_client.parser import text_string_to_metric_families

    IMPORT_PROBLEM: str | None = None
except ImportError as problem:
    IMPORT_PROBLEM = str(problem)

MISSING = (
    "the Python package prometheus_client is missing: {problem}. Needed where the task runs "
    "(pip install prometheus-client)."
)


@dataclass(frozen=True)
class Sample:
    """One value. ``name`` is spelt as the caller asked for it."""

    name: str
    labels: Mapping[str, str]
    value: float


def missing_library() -> str:
    """Say that the library is missing, and what to do; empty when it is there."""
    return MISSING.format(problem=IMPORT_PROBLEM) if IMPORT_PROBLEM else ""


def read(text: str, names: Collection[str]) -> list[Sample]:
    """Find the samples of these names, suffixes like ``_total`` included in the name.

    Raises ValueError when one of their lines is not in the Prometheus format.
    """
    spelt = {_plain(name): name for name in names}
    # Most of a text is buckets of histograms, which nobody asks for and which take long to parse.
    lines = [line for line in text.splitlines() if _plain(_name_in(line)) in spelt]
    return [
        Sample(spelt[_plain(sample.name)], sample.labels, float(sample.value))
        for family in text_string_to_metric_families("\n".join(lines) + "\n")
        for sample in family.samples
    ]


def _name_in(line: str) -> str:
    return line.partition("{")[0].partition(" ")[0]


def _plain(name: str) -> str:
    return name.replace(":", "_")
