# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What TPU nodes cost: chips, hours, and a price that somebody gave. Pure.

There are no prices here: they differ by region and way to buy, and change. A price comes from the
user or from Google's catalogue; without one only chip-hours are told.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from ansible_collections.llmd.tpu.plugins.module_utils.findings import Finding
from ansible_collections.llmd.tpu.plugins.module_utils.tpu.machines import Generation

HOURS_A_DAY = 24
# How descriptions of billed units name a generation. Seen in public price lists, not promised by
# Google: what was matched is part of the answer, so that a person can judge it.
_WORDS = {
    "v6e": r"\b(?:TPU ?)?v6e\b|\bTrillium\b",
    "v5e": r"\b(?:TPU ?)?v5e\b|\bv5 ?lite\b",
    "v5p": r"\b(?:TPU ?)?v5p\b",
    "v4": r"\bTPU ?v4\b",
    "tpu7x": r"\bTPU ?7x\b|\bIronwood\b",
}


@dataclass(frozen=True)
class Price:
    """The price of one chip for one hour, and whose word it is."""

    value: float
    currency: str
    source: str


@dataclass(frozen=True)
class Cost:
    """What may be spent. `chips` are the most that there may be; the rest is for as long."""

    chips: int
    price: Price | None
    other_per_hour: float = 0.0

    @property
    def per_hour(self) -> float | None:
        """Money an hour; None when the price is not known."""
        if self.price is None:
            return None
        return round(self.chips * self.price.value + self.other_per_hour, 4)

    def to_dict(self) -> dict[str, Any]:
        """As plain data, for a task's result."""
        hour = self.per_hour
        return {
            "chips": self.chips,
            "chip_hours_per_day": self.chips * HOURS_A_DAY,
            "price_per_chip_hour": asdict(self.price) if self.price else None,
            "other_per_hour": self.other_per_hour,
            "per_hour": hour,
            "per_day": None if hour is None else round(hour * HOURS_A_DAY, 2),
            "words": self.words(),
        }

    def words(self) -> str:
        """In one line."""
        if not self.chips:
            return "no TPU chips: the cluster fee, CPU nodes, disks and addresses still cost"
        hour = self.per_hour
        if hour is None or self.price is None:
            return (
                f"{self.chips} chips, {self.chips * HOURS_A_DAY} chip-hours a day; their price is "
                "not known here (cluster_price_per_chip_hour)"
            )
        other = (
            f" with {self.other_per_hour:g} for the rest"
            if self.other_per_hour
            else "; the cluster fee, CPU nodes, disks and addresses come on top"
        )
        money = self.price.currency
        day = hour * HOURS_A_DAY
        return (
            f"{self.chips} chips at {self.price.value:g} {money} ({self.price.source}): "
            f"{hour:.2f} {money} an hour, {day:.2f} {money} a day, used or not{other}"
        )


def guard(cost: Cost, limit: float | None, subject: str) -> list[Finding]:
    """Stop what would cost more than the limit, or what nobody can tell the price of."""
    if limit is None or not cost.chips:
        return []
    hour = cost.per_hour
    if hour is None:
        return [
            Finding(
                code="CLUSTER-COST-UNKNOWN",
                severity="error",
                message="there is a limit of money, and no price to hold it against",
                subject=subject,
                found=cost.words(),
                expected="a price",
                fix="set cluster_price_per_chip_hour, or let Google's catalogue be asked "
                "(cluster_price_from_catalogue: true)",
            )
        ]
    if hour <= limit:
        return []
    return [
        Finding(
            code="CLUSTER-COST-LIMIT",
            severity="error",
            message="this would cost more an hour than the limit allows; nothing was made",
            subject=subject,
            found=cost.words(),
            expected=f"at most {limit:g} an hour",
            fix="take fewer nodes or a cheaper way to buy, or raise cluster_hourly_limit",
        )
    ]


def price_in(
    skus: Iterable[Mapping[str, Any]], generation: Generation, region: str, mode: str
) -> tuple[Price | None, str]:
    """The one price of a chip-hour in Google's catalogue, or why there is none.

    Two different prices that both fit are no price: a guess about money is worse than none.
    """
    words = _WORDS.get(generation.name)
    if not words:
        return None, f"{generation.name} is not known by name"
    found: dict[float, tuple[str, str]] = {}
    for sku in skus:
        description = str(sku.get("description", ""))
        if region not in (sku.get("serviceRegions") or ()):
            continue
        if not re.search(words, description, re.IGNORECASE) or _mode_of(sku) != mode:
            continue
        for info in sku.get("pricingInfo") or ():
            expression = info.get("pricingExpression") or {}
            rates = expression.get("tieredRates") or ()
            if expression.get("usageUnit") != "h" or not rates:
                continue
            money = rates[-1].get("unitPrice") or {}
            value = int(money.get("units") or 0) + int(money.get("nanos") or 0) / 1e9
            found[round(value, 6)] = (str(money.get("currencyCode", "USD")), description)
    if len(found) != 1:
        names = "; ".join(f"{value:g}: {name}" for value, (_money, name) in found.items())
        return None, f"{len(found)} prices fit: {names}" if found else "no unit of it is listed"
    value, (currency, description) = next(iter(found.items()))
    return Price(value, currency, f"Google's catalogue: {description}"), ""


def _mode_of(sku: Mapping[str, Any]) -> str:
    """The way to buy that a billed unit is for."""
    description = str(sku.get("description", ""))
    usage = str((sku.get("category") or {}).get("usageType", ""))
    if re.search(r"DWS|flex.?start", description, re.IGNORECASE):
        return "flex-start"
    if usage == "Preemptible" or re.search(r"spot|preemptible", description, re.IGNORECASE):
        return "spot"
    if usage.startswith("Commit") or "commitment" in description.lower():
        return "commitment"
    return "on-demand"
