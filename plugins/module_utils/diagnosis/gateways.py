# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What keeps requests out of the gateway: its pods, its address, its certificates. Pure.

Gateway and KServe call themselves Programmed and Ready while the gateway's only pod hangs on a
missing ConfigMap, so its pods are looked at (run, KServe release-v0.15 with Istio 1.28.3).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from ansible_collections.llmd.tpu.plugins.module_utils.diagnosis.controller import expired
from ansible_collections.llmd.tpu.plugins.module_utils.diagnosis.network import (
    OUTSIDE,
    End,
    blocked,
    policy_in_the_way,
)
from ansible_collections.llmd.tpu.plugins.module_utils.diagnosis.parts import (
    Away,
    away,
    pods_of,
)
from ansible_collections.llmd.tpu.plugins.module_utils.diagnosis.snapshot import Snapshot, Suspect
from ansible_collections.llmd.tpu.plugins.module_utils.findings import Finding
from ansible_collections.llmd.tpu.plugins.module_utils.gateway.judge import (
    Sight,
    Wishes,
    check_serving,
)
from ansible_collections.llmd.tpu.plugins.module_utils.readiness.verdicts import Object

BUNDLE = "odh-ca-bundle"
_NOT_KSERVES = "GATEWAY-NOT-KSERVES"
EXPOSED = "GATEWAY-OPEN"
"""No cause of anything, but worth telling by whoever verifies."""


def suspects_of_gateway(snapshot: Snapshot, wishes: Wishes) -> Iterator[Suspect]:
    """What is wrong with the Gateway that services are attached to."""
    seen = snapshot.gateway
    if seen is None:
        return
    for finding in check_serving(_with_complaints(seen, snapshot), wishes):
        if finding.code == _NOT_KSERVES and _named_by_all(seen, snapshot):
            continue
        yield Suspect("gateway", finding, place=seen.namespace)
    if seen.live is None:
        return
    yield from _bundle(seen)
    yield from _pods(seen, snapshot)
    for name in _certificates(seen.live):
        pem = snapshot.certificates.get((f"{seen.namespace}/{name}", "tls.crt"), "")
        subject = f"Secret {seen.namespace}/{name}"
        over = expired(pem, subject, "renew the listener's certificate", snapshot.now)
        if over:
            yield Suspect("gateway", over)
    yield from _policies(seen, snapshot)


def _named_by_all(seen: Sight, snapshot: Snapshot) -> bool:
    """Whether every service names this Gateway itself."""
    mine = (seen.namespace, seen.name)
    return all(
        mine in {(one.get("namespace", service.namespace), one.get("name")) for one in refs}
        for service in snapshot.services
        for refs in [(service.router.get("gateway") or {}).get("refs") or ()]
    )


def _with_complaints(seen: Sight, snapshot: Snapshot) -> Sight:
    """What the cloud says of its Services; an address that is lost stays in the status."""
    names = {str(one["metadata"]["name"]) for one in seen.services}
    told = [
        event
        for event in snapshot.things.all("Event", seen.namespace)
        if (event.get("involvedObject") or {}).get("kind") == "Service"
        and event["involvedObject"].get("name") in names
    ]
    return replace(seen, events=told)


def _certificates(live: Object) -> list[str]:
    """The Secrets that its listeners show."""
    return [
        str(reference.get("name"))
        for listener in (live.get("spec") or {}).get("listeners") or ()
        for reference in (listener.get("tls") or {}).get("certificateRefs") or ()
    ]


def listeners_secrets(seen: Sight | None) -> list[str]:
    """The Secrets to read for a Gateway, as namespace/name."""
    if seen is None or seen.live is None:
        return []
    return [f"{seen.namespace}/{name}" for name in _certificates(seen.live)]


def _bundle(seen: Sight) -> Iterator[Suspect]:
    mounting = [
        one
        for one in seen.deployments
        for volume in one["spec"]["template"]["spec"].get("volumes") or ()
        if (volume.get("configMap") or {}).get("name") == BUNDLE
    ]
    if mounting and seen.bundle is None:
        finding = Finding(
            code="DIAGNOSIS-GATEWAY-CA-MISSING",
            severity="error",
            message="the ConfigMap with the certificate authority that the gateway mounts is gone: "
            "its next pod will never start, while Gateway and services stay Ready",
            subject=f"ConfigMap {seen.namespace}/{BUNDLE}",
            found="it does not exist",
            expected="the ConfigMap of phase gateway, with ca.crt",
            fix="run phase gateway again (ansible-playbook llmd.tpu.gateway)",
            source="KServe release-v0.15, run",
        )
        yield Suspect("gateway", finding, place=seen.namespace)


def _pods(seen: Sight, snapshot: Snapshot) -> Iterator[Suspect]:
    down = [one for one in (away(each, snapshot) for each in seen.deployments) if one]
    if seen.deployments and len(down) == len(seen.deployments):
        yield Suspect("gateway", _down(down[0]), place=seen.namespace)


def _down(gone: Away) -> Finding:
    if gone.kind == "image":
        return Finding(
            code="DIAGNOSIS-GATEWAY-IMAGE",
            severity="error",
            message="the gateway's pod cannot pull its image, so nothing listens at the address",
            subject=gone.title,
            found=gone.words,
            expected="an image that the node can pull, with the pull secret of phase gateway",
            fix="check gateway_pull_secret and run phase gateway again (llmd.tpu.preflight asks "
            f"the registry); {gone.look} tells more",
            source="Kubernetes, Images",
        )
    return Finding(
        code="DIAGNOSIS-GATEWAY-DOWN",
        severity="error",
        message="no pod of the gateway runs, so nothing listens at its address; Gateway and "
        "services may say Ready all the same",
        subject=gone.title,
        found=gone.words,
        expected="at least one pod that is available",
        fix=f"run phase gateway again (ansible-playbook llmd.tpu.gateway); {gone.look} tells more",
        source="Istio, its gateway Deployment",
    )


def _policies(seen: Sight, snapshot: Snapshot) -> Iterator[Suspect]:
    """Policies that keep everybody outside from the gateway's pods."""
    policies = snapshot.things.all("NetworkPolicy", seen.namespace)
    labels = snapshot.namespaces.get(seen.namespace, {})
    ports = [
        int(one["port"])
        for one in ((seen.live or {}).get("spec") or {}).get("listeners") or ()
        if one.get("port")
    ]
    for deployment in seen.deployments:
        for pod in pods_of(deployment, snapshot)[:1]:
            for port in ports:
                found = blocked(policies, OUTSIDE, End(pod, labels), port)
                if found:
                    yield Suspect(
                        "gateway",
                        policy_in_the_way(
                            f"clients to the gateway, port {port}", found.policies, seen.namespace
                        ),
                    )
                    return
