# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""All APIs together: a request goes in, an answer comes out. No socket here."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from tests.google import asked, errors
from tests.google.compute import Compute
from tests.google.container import Container
from tests.google.discovery import document
from tests.google.project import NUMBER, TITLES, Project

Json = dict[str, Any]
DOCUMENTS = {
    "container.googleapis.com": "container.v1",
    "compute.googleapis.com": "compute.v1",
    "cloudbilling.googleapis.com": "cloudbilling.v1",
    "serviceusage.googleapis.com": "serviceusage.v1",
    "logging.googleapis.com": "logging.v2",
}
_CLUSTERS = "container.projects.locations.clusters."
_POOLS = f"{_CLUSTERS}nodePools."


class Dropped(Exception):
    """The connection is lost: before the request arrived, or after it was carried out."""


@dataclass
class Google:
    """The stand-in. `drop` tells what happens to a request by its number: "before", "after"."""

    project: Project = field(default_factory=Project)
    drop: dict[int, str] = field(default_factory=dict)
    each_request: float = 0.0
    """Seconds of simulated time that pass with each request."""
    calls: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Wire the methods to what carries them out."""
        self.container = Container(self.project)
        self.compute = Compute(self.project, self.container)
        gke, gce = self.container, self.compute
        self._handlers: dict[str, Callable[[Mapping[str, str], Json], Json]] = {
            f"{_CLUSTERS}get": gke.get_cluster,
            f"{_CLUSTERS}list": gke.list_clusters,
            f"{_CLUSTERS}create": gke.create_cluster,
            f"{_CLUSTERS}update": gke.update_cluster,
            f"{_CLUSTERS}setResourceLabels": gke.set_labels,
            f"{_CLUSTERS}delete": gke.delete_cluster,
            f"{_POOLS}get": gke.get_pool,
            f"{_POOLS}list": gke.list_pools,
            f"{_POOLS}create": gke.create_pool,
            f"{_POOLS}update": gke.update_pool,
            f"{_POOLS}setAutoscaling": gke.set_autoscaling,
            f"{_POOLS}setManagement": gke.set_management,
            f"{_POOLS}setSize": gke.set_size,
            f"{_POOLS}delete": gke.delete_pool,
            "container.projects.locations.operations.get": gke.get_operation,
            "container.projects.locations.operations.list": gke.list_operations,
            "container.projects.locations.getServerConfig": gke.server_config,
            "compute.firewalls.get": gce.get_firewall,
            "compute.firewalls.insert": gce.insert_firewall,
            "compute.firewalls.patch": gce.patch_firewall,
            "compute.firewalls.delete": gce.delete_firewall,
            "compute.globalOperations.get": gce.get_operation,
            "compute.instanceGroupManagers.get": gce.get_group,
            "compute.machineTypes.aggregatedList": gce.machine_types,
            "compute.reservations.aggregatedList": gce.reservations,
            **{
                f"compute.{kind}.aggregatedList": self._leftovers(kind)
                for kind in ("disks", "addresses", "forwardingRules")
            },
            "serviceusage.services.batchGet": self._services,
            "cloudbilling.services.skus.list": self._skus,
            "logging.entries.list": self._entries,
        }

    def answer(
        self, verb: str, url: str, headers: Mapping[str, str], body: bytes | str | None
    ) -> tuple[int, Json]:
        """The status and the JSON of an answer. Raises Dropped."""
        number = len(self.calls)
        parts = urlsplit(url)
        self.calls.append(f"{verb} {parts.path}")
        self.project.clock.sleep(self.each_request)
        if self.drop.get(number) == "before":
            raise Dropped
        self.container.operations.settle()
        try:
            status, answered = 200, self._answer(verb, parts, headers, body)
        except errors.ApiError as refused:
            status, answered = refused.code, refused.body()
        if self.drop.get(number) == "after":
            raise Dropped
        return status, answered

    def _answer(
        self, verb: str, parts: Any, headers: Mapping[str, str], body: bytes | str | None
    ) -> Json:
        token = {key.lower(): one for key, one in headers.items()}.get("authorization", "")
        if token.removeprefix("Bearer ") not in self.project.tokens:
            raise errors.unauthenticated()
        host, path = parts.hostname, unquote(parts.path)
        host = "compute.googleapis.com" if host == "www.googleapis.com" else host
        if host in self.project.disabled:
            raise errors.api_disabled(host, TITLES[host], NUMBER)
        query = {key: values for key, values in parse_qs(parts.query).items() if key != "alt"}
        if host == "cloudquotas.googleapis.com":
            return asked.quota_info(self.project, path)
        known = document(DOCUMENTS[host]) if host in DOCUMENTS else None
        found = known.find(verb, path) if known else None
        if known is None or found is None:
            raise errors.ApiError(404, f"The requested URL {path} was not found on this server.")
        method, values = found
        flat = {key: value[-1] for key, value in query.items()}
        method.check_query(flat)
        data = json.loads(body) if body else {}
        if method.request:
            data = known.check(method.request, data)
        handler = self._handlers.get(method.id)
        if handler is None:
            raise errors.ApiError(501, f"{method.id} is not played here.", "UNIMPLEMENTED")
        # A repeated parameter comes as its values on lines of their own.
        flat.update({key: "\n".join(one) for key, one in query.items() if len(one) > 1})
        answered = handler({**flat, **values}, data)
        strangers = known.strangers(method.response, answered)
        assert not strangers, f"{method.id} answers what the API does not have: {strangers}"
        return answered

    def _leftovers(self, kind: str) -> Callable[[Mapping[str, str], Json], Json]:
        return lambda _values, _body: self.compute.leftovers(kind)

    def _skus(self, values: Mapping[str, str], _body: Json) -> Json:
        return asked.skus(self.project, values["servicesId"], dict(values))

    def _services(self, values: Mapping[str, str], _body: Json) -> Json:
        return asked.services(self.project, values.get("names", "").splitlines())

    def _entries(self, _values: Mapping[str, str], body: Json) -> Json:
        return asked.log_entries(self.project, body)

    @property
    def changes(self) -> list[tuple[str, str]]:
        """Everything that was changed, in order of API: what a second run must not add to."""
        return [*self.container.requests, *self.compute.requests]
