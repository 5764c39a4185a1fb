# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Compute Engine, as far as the phase asks it: firewall rules, machine types, groups, leftovers."""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping
from typing import Any

from tests.google import errors
from tests.google.container import Container, chips_of_machine
from tests.google.project import Project, stamp

Json = dict[str, Any]
HOST = "https://www.googleapis.com/compute/v1"


class Compute:
    """compute.googleapis.com."""

    def __init__(self, project: Project, container: Container) -> None:
        self.project = project
        self.firewalls: dict[str, Json] = {}
        self.requests: list[tuple[str, str]] = []
        self._container = container
        self._operations: dict[str, float] = {}

    def get_firewall(self, values: Mapping[str, str], _body: Json) -> Json:
        """firewalls.get."""
        self._need("compute.firewalls.get")
        return copy.deepcopy(self._firewall(values["firewall"]))

    def insert_firewall(self, values: Mapping[str, str], body: Json) -> Json:
        """firewalls.insert."""
        self._need("compute.firewalls.create")
        name = body.get("name", "")
        if not re.fullmatch(r"[a-z]([-a-z0-9]*[a-z0-9])?", name):
            raise errors.ApiError(400, "Invalid value for field 'resource.name': '" + name + "'.")
        if name in self.firewalls:
            full = f"projects/{self.project.id}/global/firewalls/{name}"
            raise errors.ApiError(409, f"The resource '{full}' already exists")
        self.firewalls[name] = self._rule(body)
        return self._begin("insert", name)

    def patch_firewall(self, values: Mapping[str, str], body: Json) -> Json:
        """firewalls.patch."""
        self._need("compute.firewalls.update")
        live = self._firewall(values["firewall"])
        live.update(self._rule({**live, **body}))
        return self._begin("patch", live["name"])

    def delete_firewall(self, values: Mapping[str, str], _body: Json) -> Json:
        """firewalls.delete."""
        self._need("compute.firewalls.delete")
        self._firewall(values["firewall"])
        del self.firewalls[values["firewall"]]
        return self._begin("delete", values["firewall"])

    def get_operation(self, values: Mapping[str, str], _body: Json) -> Json:
        """globalOperations.get."""
        started = self._operations[values["operation"]]
        done = self.project.clock() - started >= 5
        return self._operation(values["operation"], "DONE" if done else "RUNNING")

    def get_group(self, values: Mapping[str, str], _body: Json) -> Json:
        """instanceGroupManagers.get."""
        self._need("compute.instanceGroupManagers.get")
        link = (
            f"{HOST}/projects/{self.project.id}/zones/{values['zone']}/instanceGroupManagers/"
            f"{values['instanceGroupManager']}"
        )
        if link not in self._container.sizes:
            raise self._missing(link.removeprefix(f"{HOST}/"))
        return {
            "kind": "compute#instanceGroupManager",
            "name": values["instanceGroupManager"],
            "selfLink": link,
            "targetSize": self._container.sizes[link],
        }

    def machine_types(self, values: Mapping[str, str], _body: Json) -> Json:
        """machineTypes.aggregatedList, with the one filter that the phase uses."""
        self._need("compute.machineTypes.list")
        wanted = re.fullmatch(r'name *(?:=|eq) *"?([\w-]+)"?', values.get("filter", ""))
        if values.get("filter") and not wanted:
            raise errors.ApiError(400, f"Invalid value for field 'filter': '{values['filter']}'.")
        scopes: Json = {}
        for zone, names in self.project.offered.items():
            found = [
                {
                    "kind": "compute#machineType",
                    "name": name,
                    "zone": zone,
                    "accelerators": [
                        {
                            "guestAcceleratorType": "ct6e",
                            "guestAcceleratorCount": chips_of_machine(name),
                        }
                    ],
                }
                for name in names
                if not wanted or name == wanted[1]
            ]
            scopes[f"zones/{zone}"] = {"machineTypes": found} if found else _nothing(zone)
        return {"kind": "compute#machineTypeAggregatedList", "items": scopes}

    def reservations(self, _values: Mapping[str, str], _body: Json) -> Json:
        """reservations.aggregatedList."""
        self._need("compute.reservations.list")
        scopes: Json = {}
        for one in self.project.reservations:
            place = scopes.setdefault(f"zones/{one['zone']}", {"reservations": []})
            link = f"{HOST}/projects/{self.project.id}/zones/{one['zone']}"
            place["reservations"].append({**one, "zone": link, "status": "READY"})
        return {"kind": "compute#reservationAggregatedList", "items": scopes}

    def leftovers(self, kind: str) -> Json:
        """disks, addresses or forwardingRules: their aggregatedList."""
        self._need(f"compute.{kind}.list")
        scopes: Json = {}
        for one in self.project.leftovers.get(kind, []):
            body = dict(one)
            place = body.pop("place")
            scopes.setdefault(place, {kind: []})[kind].append(body)
        return {"items": scopes}

    def _need(self, permission: str) -> None:
        if permission in self.project.denied:
            resource = f"projects/{self.project.id}"
            raise errors.ApiError(
                403, f"Required '{permission}' permission for '{resource}'", "PERMISSION_DENIED"
            )

    def _firewall(self, name: str) -> Json:
        if name not in self.firewalls:
            raise self._missing(f"projects/{self.project.id}/global/firewalls/{name}")
        return self.firewalls[name]

    def _missing(self, name: str) -> errors.ApiError:
        return errors.ApiError(404, f"The resource '{name}' was not found")

    def _rule(self, body: Json) -> Json:
        network = str(body.get("network", "global/networks/default")).split("projects/")[-1]
        network = network if "/global/" in network else f"{self.project.id}/{network}"
        return {
            "kind": "compute#firewall",
            "direction": "INGRESS",
            "priority": 1000,
            "disabled": False,
            "logConfig": {"enable": False},
            **body,
            "network": f"{HOST}/projects/{network}",
            "selfLink": f"{HOST}/projects/{self.project.id}/global/firewalls/{body['name']}",
            "creationTimestamp": stamp(self.project.clock()),
        }

    def _begin(self, verb: str, target: str) -> Json:
        self.requests.append((f"firewalls.{verb}", target))
        name = f"operation-{len(self._operations)}-compute"
        self._operations[name] = self.project.clock()
        return self._operation(name, "RUNNING")

    def _operation(self, name: str, status: str) -> Json:
        return {
            "kind": "compute#operation",
            "name": name,
            "status": status,
            "progress": 100 if status == "DONE" else 0,
            "selfLink": f"{HOST}/projects/{self.project.id}/global/operations/{name}",
        }


def _nothing(zone: str) -> Json:
    return {
        "warning": {
            "code": "NO_RESULTS_ON_PAGE",
            "message": f"There are no results for scope 'zones/{zone}' on this page.",
        }
    }
