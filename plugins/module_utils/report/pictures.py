# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Pictures of a report: matplotlib's, as SVG within a page. Pure but for matplotlib's font cache.

Text stays text. Colours are those of the page, so that they follow light, dark and print: a picture
is drawn in stand-in colours, which become CSS variables. What colour tells, a shape tells too.
"""

from __future__ import annotations

import io
import re
from collections.abc import Mapping, Sequence
from typing import Any
from xml.sax.saxutils import escape

from ansible_collections.llmd.tpu.plugins.module_utils.report.shape import (
    repeated,
    seconds_in_words,
)

IMPORT_PROBLEM: str | None = None
try:
    import matplotlib
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
except ImportError as problem:
    IMPORT_PROBLEM = str(problem)

INK, SOFT, LINE, ACCENT, ACCENT_SOFT, SECOND = (f"#01020{number}" for number in range(6))
_VARIABLES = {
    INK: "--ink",
    SOFT: "--soft",
    LINE: "--line",
    ACCENT: "--accent",
    ACCENT_SOFT: "--accent-soft",
    SECOND: "--second",
}
_SETTINGS: Any = {
    "svg.fonttype": "none",
    "svg.hashsalt": "llmd.tpu",
    "text.parse_math": False,
    "font.size": 11,
    "text.color": INK,
    "axes.edgecolor": LINE,
    "axes.labelcolor": SOFT,
    "xtick.color": LINE,
    "ytick.color": LINE,
    "xtick.labelcolor": SOFT,
    "ytick.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "legend.frameon": False,
}
_WIDTH = 4.5
"""Inches, 324 units of the picture: as wide as a phone, so that text is readable there."""


_LABEL = 16


def timeline(service: Mapping[str, Any], number: int) -> str:
    """The stages of a start, one bar each, along the seconds."""
    stages: Sequence[Mapping[str, Any]] = service["stages"]
    whole = float(service["seconds"]) or 1.0
    words = ", ".join(f"{one['stage']} {seconds_in_words(one['seconds'])}" for one in stages)
    with matplotlib.rc_context(_SETTINGS):
        figure, axes = _figure(0.32 * len(stages) + 0.75)
        for row, one in enumerate(stages):
            began, seconds = float(one["began"]), float(one["seconds"])
            axes.barh(row, max(seconds, whole / 400), left=began, height=0.6, color=ACCENT)
            late = began + seconds > 0.72 * whole
            axes.text(
                began - whole / 60 if late else began + seconds + whole / 60,
                row,
                seconds_in_words(seconds),
                va="center",
                ha="right" if late else "left",
                color=SOFT,
                fontsize=10,
            )
        axes.set_yticks(range(len(stages)), [_label(one["stage"]) for one in stages])
        axes.set_ylim(len(stages) - 0.4, -0.6)
        axes.set_xlim(0, whole * 1.02)
        axes.set_xlabel("seconds since the start was first seen")
        axes.tick_params(axis="y", length=0)
        return _svg(figure, f"start{number}", f"Start of {service['name']}", f"Stages: {words}.")


def distribution(smoke: Mapping[str, Any], number: int) -> str:
    """Which share of the repeated requests took how long at most: first token, and whole."""
    records = repeated(smoke)
    with matplotlib.rc_context(_SETTINGS):
        figure, axes = _figure(2.9)
        told = []
        for field, words, colour, dashes in _LINES:
            values = sorted(1000 * one[field] for one in records if one.get(field) is not None)
            if not values:
                continue
            shares = [100 * (rank + 1) / len(values) for rank in range(len(values))]
            axes.step(
                [values[0], *values],
                [0, *shares],
                where="post",
                color=colour,
                linestyle=dashes,
                linewidth=2,
                label=words,
            )
            middle = values[(len(values) - 1) // 2]
            told.append(f"{words}: half within {middle:.3g} ms, all within {values[-1]:.3g} ms")
        axes.set_xlim(left=0)
        axes.set_ylim(0, 101)
        axes.set_xlabel("milliseconds")
        axes.set_ylabel("% of requests within")
        _grid(axes)
        _legend(axes)
        title = f"Latencies of {smoke['name']}: which share was answered within which time"
        return _svg(figure, f"share{number}", title, f"{'; '.join(told)}.")


def course(smoke: Mapping[str, Any], number: int) -> str:
    """The repeated requests in the order in which they were sent."""
    records = sorted(repeated(smoke), key=lambda one: float(one.get("started_seconds") or 0))
    with matplotlib.rc_context(_SETTINGS):
        figure, axes = _figure(2.9)
        for (field, words, colour, _dashes), mark in zip(_LINES, ("^", "o"), strict=True):
            known = [one for one in records if one.get(field) is not None]
            if known:
                sent = [float(one["started_seconds"]) for one in known]
                took = [1000 * float(one[field]) for one in known]
                axes.scatter(sent, took, s=22, c=colour, marker=mark, label=words)
        axes.set_ylim(bottom=0)
        axes.set_xlabel("second of the test in which it was sent")
        axes.set_ylabel("milliseconds")
        _grid(axes)
        _legend(axes)
        title = f"Latencies of {smoke['name']} in the course of the test"
        words = f"{len(records)} answered requests; the table beside tells the percentiles."
        return _svg(figure, f"course{number}", title, words)


def questions(smoke: Mapping[str, Any], number: int) -> str:
    """How long each question took that was asked once."""
    asked = [one for one in smoke.get("requests") or () if one.get("seconds") is not None]
    told = smoke.get("latencies")
    asked = asked[: len(asked) - int(told["requests"])] if told else asked
    with matplotlib.rc_context(_SETTINGS):
        figure, axes = _figure(0.36 * len(asked) + 0.75)
        longest = max((1000 * float(one["seconds"]) for one in asked), default=1.0) or 1.0
        for row, one in enumerate(asked):
            whole = 1000 * float(one["seconds"])
            first = one.get("first_token_seconds")
            axes.barh(row, whole, height=0.6, color=ACCENT_SOFT)
            if first is not None:
                axes.barh(row, 1000 * first, height=0.6, color=ACCENT, hatch="//", edgecolor=LINE)
            words = seconds_in_words(one["seconds"]) + ("" if one.get("ok") else ", failed")
            axes.text(whole + longest / 60, row, words, va="center", color=SOFT, fontsize=10)
        axes.set_yticks(range(len(asked)), [_label(one.get("question")) for one in asked])
        axes.set_ylim(len(asked) - 0.4, -0.6)
        axes.set_xlim(0, longest * 1.25)
        axes.set_xlabel("milliseconds; hatched: until the first token")
        axes.tick_params(axis="y", length=0)
        words = ", ".join(
            f"{one.get('question')} {seconds_in_words(one['seconds'])}" for one in asked
        )
        return _svg(figure, f"asked{number}", f"Questions to {smoke['name']}", f"{words}.")


_LINES = (
    ("first_token_seconds", "first token", SECOND, (0, (4, 1.5))),
    ("seconds", "whole answer", ACCENT, "-"),
)


def _figure(height: float) -> tuple[Any, Axes]:
    figure = Figure(figsize=(_WIDTH, height), layout="constrained")
    return figure, figure.add_subplot()


def _label(text: Any) -> str:
    """A name beside an axis, which must leave room for the axis."""
    name = str(text)
    return name if len(name) <= _LABEL else f"{name[: _LABEL - 1]}…"


def _grid(axes: Axes) -> None:
    axes.grid(color=LINE, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.tick_params(axis="y", labelcolor=SOFT)


def _legend(axes: Axes) -> None:
    axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2, fontsize=10)


def _svg(figure: Any, prefix: str, title: str, words: str) -> str:
    """The picture as an element of a page, with its title and words for who cannot see it."""
    buffer = io.StringIO()
    metadata = dict.fromkeys(("Date", "Creator", "Format", "Type"))
    figure.savefig(buffer, format="svg", transparent=True, metadata=metadata)
    text = buffer.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>|<!--.*?-->|<style.*?</style>", "", text, flags=re.S)
    # The page chooses the font, and the size of the whole.
    text = re.sub(r"font: ([\d.]+px) [^;\"]+", r"font-size: \1", text)
    text = re.sub(r"font-family: [^;\"]+;? ?", "", text)
    box = re.search(r'viewBox="[^"]*"', text)
    head = (
        f'<svg {box[0] if box else ""} role="img" aria-labelledby="{prefix}-t {prefix}-d" '
        'stroke-linejoin="round">\n'
        f'<title id="{prefix}-t">{escape(title)}</title>'
        f'<desc id="{prefix}-d">{escape(words)}</desc>'
    )
    body = text[text.index(">") + 1 :]
    used = set(re.findall(r"url\(#([^)]+)\)|xlink:href=\"#([^\"]+)\"", body))
    names = {name for pair in used for name in pair if name}
    body = re.sub(
        r' id="([^"]+)"', lambda one: f' id="{prefix}-{one[1]}"' if one[1] in names else "", body
    )
    body = re.sub(r"url\(#", f"url(#{prefix}-", body)
    body = body.replace('xlink:href="#', f'href="#{prefix}-')
    for stand_in, variable in _VARIABLES.items():
        body = body.replace(stand_in, f"var({variable})")
    return re.sub(r"\n\s*\n", "\n", head + body)
