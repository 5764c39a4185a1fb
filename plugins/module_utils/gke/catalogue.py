# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Ask Google's price list for a chip-hour. It needs no role in the project."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ansible_collections.llmd.tpu.plugins.module_utils.gke.cost import Price, price_in
from ansible_collections.llmd.tpu.plugins.module_utils.gke.google import Cloud, Refused, Unreachable
from ansible_collections.llmd.tpu.plugins.module_utils.gke.wishes import region_of
from ansible_collections.llmd.tpu.plugins.module_utils.tpu.machines import Generation

# Google's ids of the services that bill TPUs: Compute Engine (GKE's nodes) and Cloud TPU.
SERVICES = ("services/6F81-5844-456A", "services/E000-3F24-B8AA")


def ask_price(
    cloud: Cloud, generation: Generation, location: str, mode: str
) -> tuple[Price | None, str]:
    """The price of a chip-hour in a location's region, or why it is not known."""
    try:
        return price_of(read_skus(cloud), generation, location, mode)
    except (Refused, Unreachable) as problem:
        return None, f"not answered: {problem}"


def price_of(
    skus: Iterable[Mapping[str, Any]], generation: Generation, location: str, mode: str
) -> tuple[Price | None, str]:
    """The same from a list that was read already."""
    wanted = {"reservation": "on-demand", "queued": "flex-start"}.get(mode, mode)
    return price_in(skus, generation, region_of(location), wanted)


def read_skus(cloud: Cloud) -> Iterator[Mapping[str, Any]]:
    """Every billed unit of the two services. Raises Refused, Unreachable."""
    for service in SERVICES:
        yield from cloud.pages("cloudbilling", "services.skus.list", "skus", parent=service)
