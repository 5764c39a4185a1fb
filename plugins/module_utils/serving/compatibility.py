# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which Istio serves which KServe, as one table. Pure.

A model is reached through an InferencePool: KServe makes one of each API group, the gateway must
serve the group that the route ends with. Which group that is differs by build and version of Istio.
Everything that asks (preflight, verify, the docs) reads this table. A line marked [run] was run
here, [inferred] was not.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from ansible_collections.llmd.tpu.plugins.module_utils.serving.tracks import TRACKS

Level = Literal["ok", "warning", "error"]
Minor = tuple[int, int]

POOL_V1 = "inference.networking.k8s.io"
POOL_ALPHA = "inference.networking.x-k8s.io"


@dataclass(frozen=True)
class Answer:
    """Whether it serves, why, and where that is known from."""

    level: Level
    reason: str
    source: str


@dataclass(frozen=True)
class Row:
    """A range of Istio versions of one distribution; ``below`` is the first that is not in it."""

    distribution: str
    at_least: Minor | None
    below: Minor | None
    pool_groups: tuple[str, ...]
    """The groups of InferencePool that its gateways serve."""
    answers: dict[str, Answer]
    """By KServe track."""

    def holds(self, minor: Minor) -> bool:
        """Whether a version is of this range."""
        over = self.at_least is None or minor >= self.at_least
        return over and (self.below is None or minor < self.below)

    @property
    def range(self) -> str:
        """The range in words."""
        if self.at_least is None:
            return f"< {_text(self.below or (0, 0))}"
        if self.below is None:
            return f">= {_text(self.at_least)}"
        return f"{_text(self.at_least)}.x"


V015, V017 = "release-v0.15", "release-v0.17"

_VENDOR_OLD = Answer(
    "error",
    "no InferencePool code: it came with Istio 1.27, and the vendor's backport is of 1.26",
    "istio/istio pull request 57219; OpenShift Service Mesh 3.0 [inferred]",
)
_NO_POOLS = Answer(
    "error",
    "no InferencePool code: routes stay ResolvedRefs=False InvalidKind, requests get 500",
    "upstream Istio 1.26.2 [run]",
)
_UNTESTED = Answer(
    "warning",
    "untested: it serves only the old group of InferencePool, and KServe's route moves on",
    "kserve/kserve pull request 5007; istio/istio pull request 57219",
)
_AHEAD = Answer(
    "warning",
    "newer than every OpenShift Service Mesh whose charts are pinned here (3.2.1 ends with 1.27.3)",
    "enum of spec.version in the CRD of bundle 3.2.1",
)
_MIGRATES = Answer(
    "ok",
    "the route moves to the v1 pool by itself in about a second, and never back",
    "upstream Istio 1.28.3 [run]",
)

TABLE: tuple[Row, ...] = (
    Row("redhat", None, (1, 26), (), {V015: _VENDOR_OLD, V017: _VENDOR_OLD}),
    Row(
        "redhat",
        (1, 26),
        (1, 27),
        (POOL_ALPHA,),
        {
            V015: Answer(
                "ok",
                "OpenShift Service Mesh 3.1, by the vendor's backport",
                "the guide's requirement; images not run here [inferred]",
            ),
            V017: Answer(
                "warning",
                "untested: KServe v0.17 prefers the v1 pool, the backport serves the old group",
                "kserve/kserve pull request 5007 [inferred]",
            ),
        },
    ),
    Row(
        "redhat",
        (1, 27),
        (1, 28),
        (POOL_ALPHA, POOL_V1),
        {
            V015: Answer(
                "ok",
                "OpenShift Service Mesh 3.2; what the guide's author ran",
                "sail-operator-chart 2c9da0f; opendatahub-io/kserve pull request 1090",
            ),
            V017: Answer(
                "ok",
                "OpenShift Service Mesh 3.2",
                "opendatahub-io/rhaii-on-xks 8f3386a takes v1.27-latest [inferred]",
            ),
        },
    ),
    Row("redhat", (1, 28), None, (POOL_V1,), {V015: _AHEAD, V017: _AHEAD}),
    Row("community", None, (1, 27), (), {V015: _NO_POOLS, V017: _NO_POOLS}),
    Row("community", (1, 27), (1, 28), (POOL_ALPHA,), {V015: _UNTESTED, V017: _UNTESTED}),
    Row("community", (1, 28), None, (POOL_V1,), {V015: _MIGRATES, V017: _MIGRATES}),
)

DISTRIBUTIONS = tuple(dict.fromkeys(row.distribution for row in TABLE))
_MINOR = re.compile(r"^v?(\d+)\.(\d+)(?:[.-]|$)")


def minor_of(version: str) -> Minor | None:
    """The minor release of a version such as v1.27.3 or v1.27-latest; None for another text."""
    found = _MINOR.match(version)
    return (int(found[1]), int(found[2])) if found else None


def row_of(distribution: str, istio_version: str) -> Row | None:
    """The line of the table that holds a version; None when the text names no release."""
    minor = minor_of(istio_version)
    return next(
        (row for row in TABLE if minor and row.distribution == distribution and row.holds(minor)),
        None,
    )


def answer(distribution: str, istio_version: str, track: str) -> Answer:
    """What the table says about a combination; a warning where it says nothing."""
    row = row_of(distribution, istio_version)
    if row is None or track not in row.answers:
        return Answer(
            "warning",
            f"nobody has written down whether Istio {istio_version} ({distribution}) serves "
            f"KServe {track}",
            "",
        )
    return row.answers[track]


def table_lines() -> Iterator[str]:
    """The table as Markdown, as docs/operators.md prints it."""
    tracks = list(TRACKS)
    yield f"| distribution | Istio | {' | '.join(f'KServe {track}' for track in tracks)} |"
    yield "|---" * (2 + len(tracks)) + "|"
    for row in TABLE:
        cells = [_cell(row.answers[track]) for track in tracks]
        yield f"| `{row.distribution}` | {row.range} | {' | '.join(cells)} |"


def _cell(said: Answer) -> str:
    return f"{said.level}: {said.reason} ({said.source})"


def _text(minor: Minor) -> str:
    return ".".join(map(str, minor))
