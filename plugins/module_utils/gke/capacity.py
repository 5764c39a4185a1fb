# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whether TPU machines can be had, zone by zone, from what Google's APIs tell. Pure.

Nothing here says "available": a catalogue entry, a quota and a quiet log are no machine. A zone is
"likely" when all that can be asked speaks for it, "unlikely" when something recent speaks against
it, "unknown" when too little is known, and "impossible" when Google itself says no.

Sources: GKE "Plan TPUs in GKE" (quota in chips, per region; none for reservations), GKE "View
cluster autoscaler events" (message ids and where the zone stands), Compute Engine API
(reservations: count and inUseCount).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from ansible_collections.llmd.tpu.plugins.module_utils.findings import Finding
from ansible_collections.llmd.tpu.plugins.module_utils.gke.cost import Price
from ansible_collections.llmd.tpu.plugins.module_utils.gke.wishes import Slices, region_of

VERDICTS = ("likely", "unlikely", "unknown", "impossible")
_STOCKOUT = "scale.up.error.out.of.resources"
_QUOTA = "scale.up.error.quota.exceeded"
_ZONE = re.compile(r"/zones/([a-z0-9-]+)/")


@dataclass(frozen=True)
class Room:
    """A reservation of the machine type, and how many machines of it are free."""

    name: str
    zone: str
    free: int


@dataclass(frozen=True)
class Event:
    """What the autoscaler last said about a zone; one without a zone is about all of them."""

    zone: str
    reason: str
    when: str


@dataclass(frozen=True)
class Told:
    """What Google told. None is what could not be asked; `problems` say why, by subject."""

    zones: frozenset[str] | None = None
    """Zones whose catalogue has the machine type."""
    limits: Mapping[tuple[str, str], int | None] = field(default_factory=dict)
    """Chips by (mode, region)."""
    used: Mapping[tuple[str, bool], int] | None = None
    """Chips of the project's pools by region and whether they are Spot or flex-start."""
    rooms: tuple[Room, ...] | None = None
    events: tuple[Event, ...] | None = None
    prices: Mapping[tuple[str, str], Price] = field(default_factory=dict)
    """By (mode, region)."""
    problems: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Place:
    """One zone and one way to buy, with reasons."""

    zone: str
    mode: str
    verdict: str
    reasons: tuple[str, ...]
    price_per_hour: float | None = None
    currency: str = ""

    def to_dict(self) -> dict[str, Any]:
        """As plain data."""
        return {**asdict(self), "reasons": list(self.reasons)}


def rank(
    slices: Slices, count: int, modes: Sequence[str], regions: Sequence[str], told: Told
) -> list[Place]:
    """Every zone and way to buy, the best first."""
    machines = slices.nodes * count
    zones = sorted({*(told.zones or ()), *slices.generation.zones})
    places = [
        _judge(zone, mode, slices, machines, told)
        for zone in zones
        for mode in modes
        if not regions or region_of(zone) in regions
    ]
    order = {mode: index for index, mode in enumerate(modes)}

    def key(place: Place) -> tuple[Any, ...]:
        price = place.price_per_hour
        known = (0, price) if price is not None else (1, 0.0)
        return (VERDICTS.index(place.verdict), known, order[place.mode], place.zone)

    return sorted(places, key=key)


def _judge(zone: str, mode: str, slices: Slices, machines: int, told: Told) -> Place:
    reasons: list[str] = []
    votes: list[str] = []
    for vote, reason in (
        _offered(zone, slices, told),
        _allowed(zone, mode, slices.machine.chips * machines, told),
        _reserved(zone, mode, machines, told),
        _recently(zone, told),
    ):
        if reason:
            reasons.append(reason)
        votes.append(vote)
    # The worst vote decides; one that is not known keeps a zone from being likely.
    verdict = max(votes, key=VERDICTS.index)
    if "unlikely" in votes and verdict == "unknown":
        verdict = "unlikely"
    price = told.prices.get((mode, region_of(zone)))
    hour = round(price.value * slices.machine.chips * machines, 4) if price else None
    return Place(zone, mode, verdict, tuple(reasons), hour, price.currency if price else "")


def _offered(zone: str, slices: Slices, told: Told) -> tuple[str, str]:
    name = slices.machine.name
    listed = zone in slices.generation.zones
    if told.zones is None:
        return "unknown", "the catalogue of machine types could not be asked"
    if zone not in told.zones:
        return "impossible", f"the catalogue of the zone has no {name}"
    if not slices.generation.zones:
        return "unknown", f"the catalogue has {name}; no table of GKE's was found for it"
    if not listed:
        return "unknown", f"the catalogue has {name}, GKE's table of TPU zones does not"
    return "likely", f"GKE offers {name} here"


def _allowed(zone: str, mode: str, chips: int, told: Told) -> tuple[str, str]:
    if mode == "reservation":
        return "likely", "a reservation needs no quota"
    region = region_of(zone)
    limit = told.limits.get((mode, region))
    if limit is None:
        return "unknown", f"the quota of {region} is not known"
    used = (told.used or {}).get((region, mode in ("spot", "flex-start", "queued")), 0)
    words = f"quota of {region}: {limit} chips"
    if told.used is None:
        words += ", how many are used is not known"
    elif used:
        words += f", {used} used by GKE"
    if limit - used < chips:
        return "impossible", f"{words}, {chips} needed"
    return "unknown" if told.used is None else "likely", words


def _reserved(zone: str, mode: str, machines: int, told: Told) -> tuple[str, str]:
    if mode != "reservation":
        return "likely", ""
    if told.rooms is None:
        return "unknown", "reservations could not be asked"
    here = [room for room in told.rooms if room.zone == zone]
    best = max(here, key=lambda room: room.free, default=None)
    if best is None:
        return "impossible", "no reservation of this machine type here"
    words = f"reservation {best.name} has {best.free} free machines"
    return ("likely" if best.free >= machines else "impossible"), words


def _recently(zone: str, told: Told) -> tuple[str, str]:
    if told.events is None:
        return "likely", ""
    here = [event for event in told.events if event.zone in ("", zone)]
    if not here:
        return "likely", ""
    last = max(here, key=lambda event: event.when)
    return "unlikely", f"{last.reason} at {last.when}, said the autoscaler"


def events_in(entries: Iterable[Mapping[str, Any]]) -> Iterator[Event]:
    """The failures in the autoscaler's log: stockouts and quotas, with their zones."""
    for entry in entries:
        payload = entry.get("jsonPayload") or {}
        results = (payload.get("resultInfo") or {}).get("results") or ()
        told = [result.get("errorMsg") or {} for result in results]
        skipped = ((payload.get("noDecisionStatus") or {}).get("noScaleUp") or {}).get(
            "skippedMigs"
        ) or ()
        for message in told:
            places = " ".join(str(one) for one in message.get("parameters") or ())
            zone = _ZONE.search(places)
            yield from _event(entry, str(message.get("messageId")), zone[1] if zone else "")
        for one in skipped:
            reason = one.get("reason") or {}
            zone_name = str((one.get("mig") or {}).get("zone", ""))
            yield from _event(entry, str(reason.get("messageId")), zone_name)


def _event(entry: Mapping[str, Any], message: str, zone: str) -> Iterator[Event]:
    reason = {_STOCKOUT: "no free machines", _QUOTA: "quota exceeded"}.get(message)
    if reason:
        yield Event(zone, reason, str(entry.get("timestamp", "")))


def judge(slices: Slices, places: Sequence[Place], told: Told) -> list[Finding]:
    """What a person should know beside the list."""
    found = [
        Finding(
            code="CAPACITY-NOT-ASKED",
            severity="info",
            message=f"{subject} could not be looked at, so it is unknown and no obstacle",
            found=why,
            expected="an answer",
            fix="switch the API on and give the account the role that docs/cluster.md lists",
            source="Google Cloud APIs",
        )
        for subject, why in told.problems.items()
    ]
    minimum = slices.generation.minimum
    if minimum:
        found.append(
            Finding(
                code="CAPACITY-VERSION",
                severity="info",
                message=f"{slices.generation.name} needs GKE {minimum} or newer",
                expected=f"{minimum}, on control plane and pool",
                fix="nothing on a new cluster: release channels are beyond it",
                source="GKE tutorials; smaller machine types may be older",
            )
        )
    if not places:
        found.append(
            Finding(
                code="CAPACITY-NO-ZONES",
                severity="error",
                message="no zone of these regions is known to have the machine type",
                found="no zone in GKE's table or in the catalogue",
                expected="a region with TPUs",
                fix="leave regions out to see all",
                source="GKE, About TPUs",
            )
        )
    elif all(place.verdict == "impossible" for place in places):
        closest = places[0]
        found.append(
            Finding(
                code="CAPACITY-NOWHERE",
                severity="error",
                message="in no zone can these machines be had in this way",
                subject=f"{slices.machine.name} x{slices.nodes}",
                found=f"{closest.zone}, {closest.mode}: {'; '.join(closest.reasons)}",
                expected="offered, with quota or a reservation",
                fix="ask for quota (Compute Engine API, TPUs per TPU family or Preemptible TPU "
                "slices), look at more regions or modes, or take fewer chips",
                source="Cloud Quotas API; Compute Engine API",
            )
        )
    elif not any(place.verdict == "likely" for place in places):
        found.append(
            Finding(
                code="CAPACITY-DOUBTFUL",
                severity="warning",
                message="of no zone can be told that the machines are likely to be had",
                found=f"the best is {places[0].zone}: {'; '.join(places[0].reasons)}",
                expected="a zone of GKE's table with quota and without a recent stockout",
                fix="try the first of the list, with its fallbacks after it",
                source="GKE, View cluster autoscaler events",
            )
        )
    return found
