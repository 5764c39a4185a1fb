# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Webhooks of the parts that do not answer the API server, and why. Pure.

Sources: Google Cloud documentation, "Private clusters" (the control plane reaches nodes on ports
443 and 10250 only, until a firewall rule allows more; KServe's webhook listens on 9443, Istio's on
15017); Kubernetes documentation, "Dynamic Admission Control".
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from ansible_collections.llmd.tpu.plugins.module_utils.diagnosis.network import (
    OUTSIDE,
    End,
    blocked,
    policy_in_the_way,
)
from ansible_collections.llmd.tpu.plugins.module_utils.diagnosis.parts import settling
from ansible_collections.llmd.tpu.plugins.module_utils.diagnosis.snapshot import (
    Phase,
    Snapshot,
    Suspect,
)
from ansible_collections.llmd.tpu.plugins.module_utils.findings import Finding
from ansible_collections.llmd.tpu.plugins.module_utils.readiness.verdicts import Object
from ansible_collections.llmd.tpu.plugins.module_utils.readiness.webhooks import (
    Client,
    clients,
    ready_endpoint,
)
from ansible_collections.llmd.tpu.plugins.module_utils.startup.signs import quoted

KINDS = ("ValidatingWebhookConfiguration", "MutatingWebhookConfiguration")
_TIMED_OUT = re.compile(r"i/o timeout|deadline exceeded|timed out|no route to host", re.IGNORECASE)


def clients_of_parts(snapshot: Snapshot) -> Iterator[tuple[Object, Client]]:
    """The webhooks whose server is in the namespace of one of the parts."""
    places = (snapshot.places.kserve, snapshot.places.mesh, snapshot.places.certificates)
    for kind in KINDS:
        for configuration in snapshot.things.all(kind):
            for client in clients(configuration):
                if client.namespace in places:
                    yield configuration, client


def slices_of(snapshot: Snapshot, namespace: str, service: str) -> list[Object]:
    """The EndpointSlices of a Service."""
    label = {"kubernetes.io/service-name": service}
    return snapshot.things.labelled("EndpointSlice", namespace, label)


def suspects_of_webhooks(snapshot: Snapshot) -> Iterator[Suspect]:
    """Each server that does not answer, once, with all webhooks that it is asked for."""
    by_service: dict[str, list[tuple[Object, Client]]] = {}
    for configuration, client in clients_of_parts(snapshot):
        by_service.setdefault(client.place, []).append((configuration, client))
    for place, asked in by_service.items():
        yield from _server(place, asked, snapshot)


def _server(
    place: str, asked: Sequence[tuple[Object, Client]], snapshot: Snapshot
) -> Iterator[Suspect]:
    client = asked[0][1]
    phase: Phase = "kserve" if client.namespace == snapshot.places.kserve else "operators"
    names = sorted({f"{one.get('kind')} {one['metadata']['name']}" for one, _client in asked})
    subject = names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more"
    bare = sorted({one.name for _configuration, one in asked if not one.ca_bundle})
    if bare:
        finding = Finding(
            code="DIAGNOSIS-WEBHOOK-CA",
            severity="error",
            message="the API server does not know whose certificate the webhook shows, so it "
            "refuses every change that the webhook is asked about",
            subject=subject,
            path="webhooks[].clientConfig.caBundle",
            found=f"no caBundle for {', '.join(bare)}",
            expected="the certificate authority of the webhook's server",
            fix=f"run phase {phase} again; cert-manager's CA injector (or istiod) writes it",
            source="Kubernetes, Dynamic Admission Control",
        )
        yield Suspect(phase, finding, place=client.namespace)
    slices = slices_of(snapshot, client.namespace, client.service)
    if not ready_endpoint(slices):
        known = snapshot.things.read("EndpointSlice", client.namespace)
        if known and not settling(_pods_behind(client, snapshot), snapshot):
            finding = Finding(
                code="DIAGNOSIS-WEBHOOK-NO-ENDPOINT",
                severity="error",
                message="nothing stands behind the webhook, so every change that it is asked about "
                "is refused",
                subject=subject,
                found=f"Service {place} has no ready endpoint",
                expected="a ready pod of the webhook's server",
                fix=f"run phase {phase} again; kubectl -n {client.namespace} get service,"
                f"endpointslices {client.service} shows what it selects",
                source="Kubernetes, Dynamic Admission Control",
            )
            yield Suspect(phase, finding, place=client.namespace)
        return
    answers = [snapshot.answers[one.proxy] for _c, one in asked if one.proxy in snapshot.answers]
    silent = [one for one in answers if not one.reached and not one.forbidden]
    if not silent:
        return
    words = quoted(silent[0].words)
    port = _port(client, slices, snapshot)
    policies = _policies_before(client, port, snapshot)
    if _TIMED_OUT.search(words) and policies:
        connection = f"the control plane to the webhook's server, port {port}"
        finding = policy_in_the_way(connection, policies, client.namespace)
    elif _TIMED_OUT.search(words):
        finding = Finding(
            code="DIAGNOSIS-WEBHOOK-FIREWALL",
            severity="error",
            message="the control plane does not get through to the webhook: its packets are lost",
            subject=subject,
            found=f"Service {place}: {words}",
            expected="an answer within seconds",
            fix=f"on a private cluster allow TCP {port} from the control plane's range to the "
            "nodes (gcloud compute firewall-rules create … --source-ranges MASTER_IPV4_CIDR "
            f"--allow tcp:{port}); then run phase {phase} again",
            source="Google Cloud documentation, Private clusters",
        )
    else:
        finding = Finding(
            code="DIAGNOSIS-WEBHOOK-SILENT",
            severity="error",
            message="the webhook's server is Ready and does not answer the API server",
            subject=subject,
            found=f"Service {place}: {words}",
            expected="an answer within seconds",
            fix=f"look at the log of its pod, and restart it: kubectl -n {client.namespace} "
            "rollout restart deployment",
            source="Kubernetes, Dynamic Admission Control",
        )
    yield Suspect(phase, finding, place=client.namespace)


def _port(client: Client, slices: Sequence[Object], snapshot: Snapshot) -> int:
    """The port at which the server really listens."""
    service = snapshot.things.one("Service", client.namespace, client.service)
    names = [
        one.get("name")
        for one in ((service or {}).get("spec") or {}).get("ports") or ()
        if one.get("port") == client.port
    ]
    ports = [
        port["port"]
        for one in slices
        for port in one.get("ports") or ()
        if port.get("port") and port.get("name") in (names or [port.get("name")])
    ]
    return int(ports[0]) if ports else client.port


def _policies_before(client: Client, port: int, snapshot: Snapshot) -> tuple[str, ...]:
    """The policies that let nobody outside to the server; konnectivity's agents are pods."""
    pods = _pods_behind(client, snapshot)
    policies = snapshot.things.all("NetworkPolicy", client.namespace)
    spaces = snapshot.namespaces.get(client.namespace, {})
    found = [blocked(policies, OUTSIDE, End(pod, spaces), port) for pod in pods]
    return next((one.policies for one in found if one), ())


def _pods_behind(client: Client, snapshot: Snapshot) -> list[Object]:
    """The pods that the webhook's Service selects."""
    service = snapshot.things.one("Service", client.namespace, client.service)
    selector = ((service or {}).get("spec") or {}).get("selector")
    return snapshot.things.pods(client.namespace, selector)
