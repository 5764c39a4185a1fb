# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Ask Google what speaks for and against TPU machines in its zones; writes nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any, TypeVar

from ansible_collections.llmd.tpu.plugins.module_utils.findings import report, result_of
from ansible_collections.llmd.tpu.plugins.module_utils.gke.capacity import (
    Event,
    Room,
    Told,
    events_in,
    judge,
    rank,
)
from ansible_collections.llmd.tpu.plugins.module_utils.gke.catalogue import price_of, read_skus
from ansible_collections.llmd.tpu.plugins.module_utils.gke.cluster import World
from ansible_collections.llmd.tpu.plugins.module_utils.gke.cost import Price
from ansible_collections.llmd.tpu.plugins.module_utils.gke.google import (
    Cloud,
    NoCredentials,
    Refused,
    Unreachable,
    auth_options,
    no_credentials,
)
from ansible_collections.llmd.tpu.plugins.module_utils.gke.plan import machine_chips
from ansible_collections.llmd.tpu.plugins.module_utils.gke.wishes import (
    MODES,
    Slices,
    region_of,
    slices_of,
)
from ansible_collections.llmd.tpu.plugins.module_utils.tpu.quota import (
    API,
    FAMILIES,
    QUOTA,
    SPOT_QUOTAS,
    chip_limit,
    quota_path,
)

Json = dict[str, Any]
Answer = TypeVar("Answer")
_LOG = "container.googleapis.com%2Fcluster-autoscaler-visibility"


def argument_spec() -> dict[str, Any]:
    """Give the options."""
    return {
        **auth_options(),
        "accelerator": {"type": "str", "required": True},
        "topology": {"type": "str", "required": True},
        "machine_type": {"type": "str"},
        "count": {"type": "int", "default": 1},
        "modes": {
            "type": "list",
            "elements": "str",
            "choices": list(MODES),
            "default": ["on-demand"],
        },
        "regions": {"type": "list", "elements": "str", "default": []},
        "hours": {"type": "float", "default": 24.0},
        "price_per_chip_hour": {"type": "float"},
        "price_from_catalogue": {"type": "bool", "default": False},
        "currency": {"type": "str", "default": "USD"},
        "findings_only": {"type": "bool", "default": False},
    }


def run(parameters: Mapping[str, Any], *, world: World | None = None) -> Json:
    """Look at all that can be asked, and rank the zones."""
    world = world or World()
    subject = f"{parameters['accelerator']} {parameters['topology']}"
    only = parameters["findings_only"]
    slices, problems = slices_of(
        parameters["accelerator"], parameters["topology"], parameters.get("machine_type") or ""
    )
    if slices is None:
        return result_of(subject, problems, findings_only=only)
    try:
        cloud = Cloud(world.open_http(parameters), world.sleep)
        told = _Asking(cloud, parameters, slices, world.clock).everything()
    except NoCredentials as problem:
        return result_of(subject, [no_credentials(str(problem))], findings_only=only)
    modes, regions = parameters["modes"], parameters["regions"]
    places = rank(slices, parameters["count"], modes, regions, told)
    findings = judge(slices, places, told)
    result = result_of(subject, findings, findings_only=only)
    chips = slices.machine.chips * slices.nodes * parameters["count"]
    return {
        **result,
        "machine_type": slices.machine.name,
        "machines": slices.nodes * parameters["count"],
        "chips": chips,
        "zones": [place.to_dict() for place in places],
        "report": [
            *report(findings),
            *(
                f"{place.verdict}: {place.zone} {place.mode}: {'; '.join(place.reasons)}"
                + (
                    f"; {place.price_per_hour:.2f} {place.currency} an hour"
                    if place.price_per_hour is not None
                    else f"; {chips} chip-hours an hour"
                )
                for place in places
            ),
        ],
    }


@dataclass
class _Asking:
    """Asks part by part; what is refused leaves a problem and not an error."""

    cloud: Cloud
    parameters: Mapping[str, Any]
    slices: Slices
    clock: Callable[[], float]
    problems: dict[str, str] = field(default_factory=dict)

    def everything(self) -> Told:
        """All of it."""
        zones = self._try("the catalogue of machine types", lambda: frozenset(self._catalogue()))
        known = {*(zones or ()), *self.slices.generation.zones}
        regions = {
            region_of(zone)
            for zone in known
            if not self.parameters["regions"] or region_of(zone) in self.parameters["regions"]
        }
        wants_rooms = "reservation" in self.parameters["modes"]
        return Told(
            zones=zones,
            limits=self._limits(regions),
            used=self._try("chips in use", self._used),
            rooms=self._try("reservations", lambda: tuple(self._rooms())) if wants_rooms else (),
            events=self._try("the autoscaler's log", lambda: tuple(self._events())),
            prices=self._prices(regions),
            problems=self.problems,
        )

    def _try(self, subject: str, ask: Callable[[], Answer]) -> Answer | None:
        try:
            return ask()
        except Refused as refused:
            self.problems[subject] = f"HTTP {refused.refusal.status}: {refused.refusal.message}"
        except Unreachable as problem:
            self.problems[subject] = f"no answer: {problem}"
        return None

    def _catalogue(self) -> Iterator[str]:
        """Zones that have the machine type, as Compute Engine lists them."""
        for place, scope in self.cloud.pages(
            "compute",
            "machineTypes.aggregatedList",
            "items",
            project=self.parameters["project"],
            filter=f'name = "{self.slices.machine.name}"',
        ):
            if scope.get("machineTypes"):
                yield place.removeprefix("zones/")

    def _limits(self, regions: set[str]) -> dict[tuple[str, str], int | None]:
        """Chips that the quota of each way to buy allows."""
        name = self.slices.generation.name
        quotas: dict[str, tuple[str, str]] = {}
        modes = set(self.parameters["modes"])
        if name in FAMILIES and modes & {"on-demand", "flex-start", "queued"}:
            quotas["standard"] = (QUOTA, FAMILIES[name])
        if name in SPOT_QUOTAS and modes & {"spot", "flex-start", "queued"}:
            quotas["spot"] = (SPOT_QUOTAS[name], "")
        answers = {}
        for kind, (quota, _family) in quotas.items():
            url = API + quota_path(self.parameters["project"], quota)
            answers[kind] = self._try(f"quota {quota}", partial(self.cloud.read, url))

        def limit(kind: str, region: str) -> int | None:
            answer = answers.get(kind)
            if answer is None:
                return None
            # A region that a whole answer does not name has none.
            return chip_limit(answer, quotas[kind][1], region) or 0

        found: dict[tuple[str, str], int | None] = {}
        for region in regions:
            spot, standard = limit("spot", region), limit("standard", region)
            # Flex-start takes the preemptible quota first, then the standard one.
            either = None if spot is None and standard is None else max(spot or 0, standard or 0)
            for mode in self.parameters["modes"]:
                found[mode, region] = {"on-demand": standard, "spot": spot}.get(mode, either)
        return found

    def _used(self) -> dict[tuple[str, bool], int]:
        """Chips of the TPU pools of the project's clusters, by region and way to buy."""
        parent = f"projects/{self.parameters['project']}/locations/-"
        answer = self.cloud.call("container", "projects.locations.clusters.list", parent=parent)
        used: dict[tuple[str, bool], int] = {}
        for cluster in answer.get("clusters") or ():
            for pool in cluster.get("nodePools") or ():
                config = pool.get("config") or {}
                chips = machine_chips(str(config.get("machineType", "")))
                if not chips or config.get("reservationAffinity"):
                    continue
                kind = bool(config.get("spot") or config.get("flexStart"))
                for link in pool.get("instanceGroupUrls") or ():
                    key = (region_of(link.split("/")[-3]), kind)
                    size = self.cloud.size_of_group(self.parameters["project"], link)
                    used[key] = used.get(key, 0) + chips * size
        return used

    def _rooms(self) -> Iterator[Room]:
        for _place, scope in self.cloud.pages(
            "compute", "reservations.aggregatedList", "items", project=self.parameters["project"]
        ):
            for one in scope.get("reservations") or ():
                specific = one.get("specificReservation") or {}
                machine = (specific.get("instanceProperties") or {}).get("machineType", "")
                if machine == self.slices.machine.name:
                    free = int(specific.get("count") or 0) - int(specific.get("inUseCount") or 0)
                    yield Room(one["name"], str(one.get("zone", "")).rsplit("/", 1)[-1], free)

    def _events(self) -> Iterator[Event]:
        project = self.parameters["project"]
        since = datetime.fromtimestamp(self.clock() - self.parameters["hours"] * 3600, UTC)
        answer = self.cloud.call(
            "logging",
            "entries.list",
            body={
                "resourceNames": [f"projects/{project}"],
                "filter": f'logName="projects/{project}/logs/{_LOG}" AND '
                f'timestamp >= "{since.strftime("%Y-%m-%dT%H:%M:%SZ")}"',
                "orderBy": "timestamp desc",
                "pageSize": 500,
            },
        )
        yield from events_in(answer.get("entries") or ())

    def _prices(self, regions: set[str]) -> dict[tuple[str, str], Price]:
        given = self.parameters.get("price_per_chip_hour")
        places = [(mode, region) for region in sorted(regions) for mode in self.parameters["modes"]]
        if given is not None:
            return dict.fromkeys(places, Price(given, self.parameters["currency"], "given"))
        if not self.parameters["price_from_catalogue"]:
            return {}
        skus = self._try("Google's price list", lambda: list(read_skus(self.cloud)))
        found: dict[tuple[str, str], Price] = {}
        for mode, region in places if skus is not None else ():
            price, why = price_of(skus or (), self.slices.generation, region, mode)
            if price is None:
                self.problems[f"the price of {mode} in {region}"] = why
            else:
                found[mode, region] = price
        return found
