# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""When two spellings of a value mean the same to the API server. Pure.

Quantities: Kubernetes API reference, "Quantity" (suffixes Ki…Ei, n…E, decimal exponent).
Durations: Go's time.ParseDuration, by which cert-manager's webhook spells them anew. Only fields
that hold such values are read that way: "1000m" in a ConfigMap is text.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

from ansible_collections.llmd.tpu.plugins.module_utils.manifests.fields import Path

_QUANTITY = re.compile(r"^([+-]?(?:\d+\.?\d*|\.\d+))(Ki|Mi|Gi|Ti|Pi|Ei|[numkMGTPE]|[eE][+-]?\d+)?$")
_SUFFIXES = {
    "": Decimal(1),
    **{name: Decimal(10) ** power for name, power in zip("num", (-9, -6, -3), strict=True)},
    **{name: Decimal(1000) ** (power + 1) for power, name in enumerate("kMGTPE")},
    **{f"{name}i": Decimal(1024) ** (power + 1) for power, name in enumerate("KMGTPE")},
}
_QUANTITY_MAPS = frozenset(
    {
        "allocatable", "capacity", "default", "defaultRequest", "hard", "limits", "max",
        "maxLimitRequestRatio", "min", "overhead", "podFixed", "requests",
    }
)  # fmt: skip
_QUANTITIES = frozenset({"averageValue", "divisor", "sizeLimit", "storage"})
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(h|ms|m|s|us|µs|ns)")
_SECONDS = {
    "h": Decimal(3600), "m": Decimal(60), "s": Decimal(1), "ms": Decimal("1e-3"),
    "us": Decimal("1e-6"), "µs": Decimal("1e-6"), "ns": Decimal("1e-9"),
}  # fmt: skip
_DURATIONS = frozenset({"duration", "renewBefore"})
_INT_OR_STRING = frozenset({"maxSurge", "maxUnavailable", "minAvailable", "port", "targetPort"})


def quantity(value: Any) -> Decimal | None:
    """The number that a quantity means; None when it is none."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    match = _QUANTITY.match(str(value))
    if not match:
        return None
    number, suffix = match.group(1), match.group(2) or ""
    if suffix[:1] in ("e", "E") and len(suffix) > 1 and suffix != "Ei":
        return Decimal(number + suffix)
    return Decimal(number) * _SUFFIXES[suffix]


def duration(value: Any) -> Decimal | None:
    """The seconds that a duration means; None when it is none."""
    parts = _DURATION.findall(value) if isinstance(value, str) else []
    if not parts or "".join(number + unit for number, unit in parts) != value:
        return None
    return sum((Decimal(number) * _SECONDS[unit] for number, unit in parts), Decimal(0))


def same(desired: Any, live: Any, path: Path) -> bool:
    """Whether two scalars mean the same at this path."""
    if isinstance(desired, bool) or isinstance(live, bool):
        return desired is live
    if desired == live:
        return True
    names = [segment for segment in path if isinstance(segment, str)]
    name = names[-1] if names else ""
    if name in _QUANTITIES or (len(names) > 1 and names[-2] in _QUANTITY_MAPS):
        number = quantity(desired)
        return number is not None and number == quantity(live)
    if name in _DURATIONS:
        seconds = duration(desired)
        return seconds is not None and seconds == duration(live)
    if name in _INT_OR_STRING:
        return str(desired) == str(live)
    return False


def is_zero(value: Any) -> bool:
    """A value that the server leaves out of what it stores for many types: Go's `omitempty`."""
    return value is None or value is False or value == 0 or value in ("", [], {})


def identical(desired: Any, live: Any) -> bool:
    """The same in value and type all the way down, where Python's own `==` takes 1 for true."""
    kind, live_kind = type(desired), type(live)
    if kind is not live_kind:
        return False
    if kind is dict:
        if len(desired) != len(live):
            return False
        for name, value in desired.items():
            if name not in live:
                return False
            other = live[name]
            if value is not other and not identical(value, other):
                return False
        return True
    if kind is list:
        return len(desired) == len(live) and all(map(identical, desired, live))
    return bool(desired == live)
