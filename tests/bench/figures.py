# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What was measured, what was promised, and the two as a table. Pure but for the file."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

HEADINGS = ("id", "work", "contender", "runs", "ours", "theirs", "figure", "limit", "")


@dataclass(frozen=True)
class Figure:
    """One row: a measured value, and the limit that it must not exceed."""

    id: str
    work: str
    contender: str | None
    runs: int
    ours_s: float | None
    contender_s: float | None
    ratio: float | None
    value: float
    unit: str
    limit: float

    @property
    def ok(self) -> bool:
        """Whether the promise is kept."""
        return self.value <= self.limit

    def record(self) -> dict[str, Any]:
        """The row as latest.json holds it."""
        return {**asdict(self), "ok": self.ok}


def against(
    id_: str,
    work: str,
    contender: str,
    ours: Sequence[float],
    theirs: Sequence[float],
    limit: float,
) -> Figure:
    """Our median over the contender's."""
    mine, other = median(ours), median(theirs)
    ratio = round(mine / other, 3)
    return Figure(
        id_,
        work,
        contender,
        min(len(ours), len(theirs)),
        round(mine, 3),
        round(other, 3),
        ratio,
        ratio,
        "times the contender's",
        limit,
    )


def above(
    id_: str,
    work: str,
    contender: str,
    ours: Sequence[float],
    theirs: Sequence[float],
    limit: float,
) -> Figure:
    """Our median minus the contender's, in seconds."""
    mine, other = median(ours), median(theirs)
    return Figure(
        id_,
        work,
        contender,
        min(len(ours), len(theirs)),
        round(mine, 3),
        round(other, 3),
        round(mine / other, 3),
        round(mine - other, 3),
        "s more than the contender",
        limit,
    )


def alone(
    id_: str,
    work: str,
    runs: int,
    value: float,
    unit: str,
    limit: float,
    seconds: float | None = None,
) -> Figure:
    """A value without a contender."""
    ours = None if seconds is None else round(seconds, 3)
    return Figure(id_, work, None, runs, ours, None, None, round(value, 3), unit, limit)


def write(figures: Iterable[Figure], file: Path) -> None:
    """Write the rows for programs."""
    file.write_text(json.dumps([figure.record() for figure in figures], indent=2) + "\n")


def table(figures: Iterable[Figure]) -> str:
    """The rows for people."""
    rows = [HEADINGS, *(cells(figure) for figure in figures)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADINGS))]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
    return "\n".join(lines)


def cells(figure: Figure) -> tuple[str, ...]:
    """One row, cell by cell."""
    return (
        figure.id,
        figure.work,
        figure.contender or "",
        str(figure.runs),
        _seconds(figure.ours_s),
        _seconds(figure.contender_s),
        f"{figure.value:g} {figure.unit}",
        f"{figure.limit:g}",
        "ok" if figure.ok else "MISSED",
    )


def _seconds(value: float | None) -> str:
    return "" if value is None else f"{value:.2f} s"
