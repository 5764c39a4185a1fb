# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Give Services of type LoadBalancer an address, as the cloud's service controller does.

Packets need no help: kube-proxy rewrites the addresses that stand in ``status.loadBalancer``.
ConfigMap ``kube-system/sandbox-load-balancer`` with key ``withhold`` plays a cloud that gives no
address, and takes the given ones away; the value is the cloud's reason. Reasons and messages of
the events: k8s.io/cloud-provider, controllers/service/controller.go.
"""

from __future__ import annotations

import ipaddress
import logging
from collections.abc import Mapping
from dataclasses import dataclass

from tests.sandbox.addresses import LOAD_BALANCERS
from tests.sandbox.cloud.events import event
from tests.sandbox.images.operators.cluster import Cluster, Document, Key, Watch
from tests.sandbox.images.operators.worker import Worker

FIRST_ADDRESS = 10
SERVICE = ("v1", "Service")
SWITCH: Key = ("kube-system", "sandbox-load-balancer")
COMPONENT = "service-controller"

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Change:
    """A Service whose address changes; an empty address takes it away."""

    key: Key
    address: str


class NoAddressLeft(Exception):
    """More Services of type LoadBalancer than addresses."""


def address_of(service: Document) -> str:
    """Return the address that stands in a Service's status."""
    ingress = service.get("status", {}).get("loadBalancer", {}).get("ingress") or []
    return str(ingress[0].get("ip", "")) if ingress else ""


def changes(
    services: Mapping[Key, Document], remembered: Mapping[str, str], withheld: bool
) -> list[Change]:
    """Return what has to change. Raises NoAddressLeft.

    `remembered` are addresses by the Service's uid: one that comes back gets the old one.
    """
    given = {address_of(each) for each in services.values()} | set(remembered.values())
    usable = map(str, list(ipaddress.ip_network(LOAD_BALANCERS).hosts())[FIRST_ADDRESS - 1 :])
    free = (each for each in usable if each not in given)
    result = []
    for key, service in sorted(services.items()):
        now = address_of(service)
        if service["spec"].get("type") != "LoadBalancer" or withheld:
            if now:
                result.append(Change(key, ""))
            continue
        if not now:
            address = remembered.get(service["metadata"]["uid"]) or next(free, "")
            if not address:
                raise NoAddressLeft(f"{LOAD_BALANCERS} has no free address for Service {key}")
            result.append(Change(key, address))
    return result


class LoadBalancer:
    """Follows every Service."""

    def __init__(self, cluster: Cluster) -> None:
        """Use an account that may write the status of Services."""
        self.worker = Worker()
        self._cluster = cluster
        self._services = Watch(cluster, SERVICE, self.worker.wake, with_status=True)
        self._switches = Watch(
            cluster, ("v1", "ConfigMap"), self.worker.wake, fields=f"metadata.name={SWITCH[1]}"
        )
        self._remembered: dict[str, str] = {}
        self._refused: set[str] = set()

    def run(self) -> None:
        """Follow for ever."""
        self._services.start()
        self._switches.start()
        self._services.synced.wait()
        self._switches.synced.wait()
        self.worker.run(self.reconcile)

    def reconcile(self) -> bool:
        """Bring every Service's address to what it should be."""
        services = self._services.objects()
        switch = self._switches.objects().get(SWITCH, {}).get("data") or {}
        uids = {each["metadata"]["uid"] for each in services.values()}
        self._remembered = {
            uid: address for uid, address in self._remembered.items() if uid in uids
        } | {
            each["metadata"]["uid"]: address_of(each)
            for each in services.values()
            if address_of(each)
        }
        try:
            needed = changes(services, self._remembered, "withhold" in switch)
        except NoAddressLeft as error:
            log.error(error)
            return False
        for change in needed:
            self._write(services[change.key], change.address)
        if "withhold" in switch:
            self._report_refused(services, switch["withhold"])
        else:
            self._refused.clear()
        return True

    def _write(self, service: Document, address: str) -> None:
        key = (service["metadata"]["namespace"], service["metadata"]["name"])
        ingress = [{"ip": address}] if address else None
        self._cluster.merge_status(SERVICE, key, {"loadBalancer": {"ingress": ingress}})
        log.info("Service %s/%s has address %s", *key, address or "none")
        if address:
            message = "Ensured load balancer"
            self._cluster.create(
                event(service, COMPONENT, "EnsuredLoadBalancer", message, "Normal")
            )

    def _report_refused(self, services: Mapping[Key, Document], reason: str) -> None:
        for service in services.values():
            uid = service["metadata"]["uid"]
            if service["spec"].get("type") != "LoadBalancer" or uid in self._refused:
                continue
            self._refused.add(uid)
            message = f"Error syncing load balancer: failed to ensure load balancer: {reason}"
            self._cluster.create(
                event(service, COMPONENT, "SyncLoadBalancerFailed", message, "Warning")
            )
