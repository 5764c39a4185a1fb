# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whose is the Gateway, does it serve, and who may use it? Pure.

Sources: Gateway API v1.4 ("Status conditions"); istio/istio
``pilot/pkg/config/kube/gateway/deploymentcontroller.go`` (what is made from a Gateway, and its
labels); opendatahub-io/kserve ``pkg/controller/llmisvc`` (which Gateway services are attached to,
and for which classes it makes DestinationRules), run with release-v0.15; GKE documentation,
"LoadBalancer Service parameters"; Istio documentation, "Authorization Policy".
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.llmd.tpu.plugins.module_utils.findings import Finding
from ansible_collections.llmd.tpu.plugins.module_utils.ownership import is_ours, reference

_ISTIO_CONTROLLERS = (
    "istio.io/gateway-controller",
    "istio.io/unmanaged-gateway",
    "openshift.io/gateway-controller/v1",
)
_INTERNAL = ("networking.gke.io/load-balancer-type", "cloud.google.com/load-balancer-type")
_EVERYBODY = ("0.0.0.0/0", "::/0")
# What nobody outside can reach: private, shared by carriers, link-local, unique local.
_PRIVATE = tuple(
    ipaddress.ip_network(text)
    for text in (
        "10.0.0.0/8",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "fc00::/7",
        "fe80::/10",
        "::1/128",
    )
)


@dataclass(frozen=True)
class Sight:
    """What was read; None and empty for what is not there."""

    name: str
    namespace: str
    live: Mapping[str, Any] | None = None
    classes: Sequence[Mapping[str, Any]] = ()
    services: Sequence[Mapping[str, Any]] = ()
    deployments: Sequence[Mapping[str, Any]] = ()
    policies: Sequence[Mapping[str, Any]] = ()
    """AuthorizationPolicies of the Gateway's and of Istio's namespace."""
    neighbours: Sequence[Mapping[str, Any]] = ()
    """All Gateways of the namespace."""
    others: Sequence[Mapping[str, Any]] = ()
    """Autoscalers, disruption budgets, certificates and Secrets of the namespace."""
    events: Sequence[Mapping[str, Any]] = ()
    bundle: Mapping[str, Any] | None = None
    ca_secret: Mapping[str, Any] | None = None
    kserve_config: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Wishes:
    """What a run means to do with the Gateway."""

    labels: Mapping[str, str] = field(default_factory=dict)
    manager: str = "llmd.tpu"
    existing: bool = False
    ca_folder: str = "/var/run/secrets/opendatahub"
    mesh_namespace: str = "istio-system"

    def owns(self, live: Mapping[str, Any]) -> bool:
        """Whether an object is ours."""
        return is_ours(live, self.manager, self.labels)


def kserve_gateway(config: Mapping[str, Any] | None) -> str:
    """The Gateway that KServe attaches services to, as namespace/name; empty when unknown."""
    text = ((config or {}).get("data") or {}).get("ingress") or "{}"
    try:
        name = json.loads(text).get("kserveIngressGateway", "")
    except (ValueError, AttributeError):
        return ""
    namespace = (config or {}).get("metadata", {}).get("namespace", "")
    # Without a slash it is in KServe's own namespace.
    return str(name) if "/" in name or not name else f"{namespace}/{name}"


def ca_certificate(secret: Mapping[str, Any] | None) -> str:
    """The CA's certificate; cert-manager writes ca.crt, a CA that is brought may lack it."""
    data = (secret or {}).get("data") or {}
    try:
        text = base64.b64decode(data.get("ca.crt") or data.get("tls.crt") or "").decode()
    except (binascii.Error, UnicodeDecodeError):
        return ""
    return text if "-----BEGIN CERTIFICATE-----" in text else ""


def describe(sight: Sight, wishes: Wishes) -> dict[str, Any]:
    """What a role needs to know, as plain data."""
    spec = (sight.live or {}).get("spec") or {}
    listeners = [
        {key: one.get(key) for key in ("name", "protocol", "port", "hostname") if one.get(key)}
        for one in spec.get("listeners") or ()
    ]
    return {
        "name": sight.name,
        "namespace": sight.namespace,
        "origin": origin(sight, wishes),
        "class_name": str(spec.get("gatewayClassName", "")),
        "listeners": listeners,
        "addresses": addresses(sight),
        "open_addresses": open_addresses(sight, wishes),
        "services": [_service(one) for one in sight.services],
        "neighbours": [
            str(one["metadata"]["name"])
            for one in sight.neighbours
            if one["metadata"]["name"] != sight.name and wishes.owns(one)
        ],
        "objects": [reference(one) for one in sight.others if wishes.owns(one)],
    }


def origin(sight: Sight, wishes: Wishes) -> str:
    """Whose Gateway it is: missing, ours or foreign."""
    if sight.live is None:
        return "missing"
    return "ours" if wishes.owns(sight.live) else "foreign"


def addresses(sight: Sight) -> list[str]:
    """The addresses that the Gateway reports."""
    status = (sight.live or {}).get("status") or {}
    return [str(one.get("value", "")) for one in status.get("addresses") or ()]


def _service(live: Mapping[str, Any]) -> dict[str, Any]:
    spec = live.get("spec") or {}
    annotations = live["metadata"].get("annotations") or {}
    return {
        "name": str(live["metadata"]["name"]),
        "type": str(spec.get("type", "ClusterIP")),
        "source_ranges": list(spec.get("loadBalancerSourceRanges") or ()),
        "internal": any(annotations.get(name) == "Internal" for name in _INTERNAL),
    }


def is_external(address: str) -> bool:
    """Whether an address can be reached from outside the cluster and its network."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return not address.endswith((".svc", ".svc.cluster.local", ".cluster.local", ".internal"))
    return not any(found in network for network in _PRIVATE if network.version == found.version)


def open_addresses(sight: Sight, wishes: Wishes) -> list[str]:
    """External addresses that nothing restricts: no source ranges, no authorization policy."""
    for live in sight.services:
        service = _service(live)
        ranges = service["source_ranges"]
        if service["internal"] or (ranges and not set(ranges) & set(_EVERYBODY)):
            return []
    if any(_applies(policy, sight, wishes) for policy in sight.policies):
        return []
    return [one for one in addresses(sight) if is_external(one)]


def _applies(policy: Mapping[str, Any], sight: Sight, wishes: Wishes) -> bool:
    """Whether an AuthorizationPolicy is about this Gateway's pods."""
    spec = policy.get("spec") or {}
    namespace = policy["metadata"].get("namespace")
    references = [*(spec.get("targetRefs") or ()), *filter(None, [spec.get("targetRef")])]
    if references:
        return namespace == sight.namespace and any(
            one.get("kind") == "Gateway" and one.get("name") == sight.name for one in references
        )
    wanted = (spec.get("selector") or {}).get("matchLabels") or {}
    labels = [
        ((one.get("spec") or {}).get("template") or {}).get("metadata", {}).get("labels") or {}
        for one in sight.deployments
    ]
    matches = not wanted or any(wanted.items() <= each.items() for each in labels)
    return namespace in (sight.namespace, wishes.mesh_namespace) and matches


def check_plan(sight: Sight, wishes: Wishes) -> Iterator[Finding]:
    """Whether the Gateway may be made under this name, or used as it is."""
    subject = _subject(sight)
    whose = origin(sight, wishes)
    if wishes.existing and whose == "missing":
        yield _missing(sight)
    if not wishes.existing and whose == "foreign":
        yield Finding(
            code="GATEWAY-FOREIGN",
            severity="error",
            message="it exists, and this collection did not make it",
            subject=subject,
            expected="a name that is free, or a Gateway with our label",
            fix="set gateway_existing to true to use it as it is, or choose another gateway_name",
        )


def check_removal(sight: Sight, wishes: Wishes) -> Iterator[Finding]:
    """What a removal would mean."""
    status = (sight.live or {}).get("status") or {}
    routes = sum(int(one.get("attachedRoutes") or 0) for one in status.get("listeners") or ())
    if routes and origin(sight, wishes) == "ours":
        yield Finding(
            code="GATEWAY-IN-USE",
            severity="warning",
            message=f"{routes} route{'s are' if routes > 1 else ' is'} attached to it: the models "
            "behind cannot be reached any more",
            subject=_subject(sight),
            fix="remove the models first (model_state absent), unless this is meant",
        )


def check_serving(sight: Sight, wishes: Wishes) -> Iterator[Finding]:
    """Whether requests reach the models through the Gateway, and who may send them."""
    if sight.live is None:
        yield _missing(sight)
        return
    yield from _check_conditions(sight)
    yield from _check_class(sight)
    yield from _check_ca(sight, wishes)
    yield from _check_kserve(sight)
    exposed = open_addresses(sight, wishes)
    if exposed:
        yield Finding(
            code="GATEWAY-OPEN",
            severity="warning",
            message="anybody who reaches this address may use the models: nothing restricts where "
            "requests come from, and nothing asks who sends them",
            subject=_subject(sight),
            found=", ".join(exposed),
            expected="an internal address, source ranges, or an AuthorizationPolicy",
            fix="set gateway_source_ranges to the networks that may ask, or gateway_internal to "
            "true, or put an AuthorizationPolicy on the Gateway",
            source="Google Cloud documentation, LoadBalancer Service parameters",
        )


def _check_conditions(sight: Sight) -> Iterator[Finding]:
    live = sight.live or {}
    status = live.get("status") or {}
    for name, code in (
        ("Accepted", "GATEWAY-NOT-ACCEPTED"),
        ("Programmed", "GATEWAY-NOT-PROGRAMMED"),
    ):
        condition = _condition(status.get("conditions") or (), name)
        if condition.get("status") == "True":
            continue
        waiting = condition.get("reason") == "AddressNotAssigned"
        words = [str(condition.get(key)) for key in ("reason", "message") if condition.get(key)]
        yield Finding(
            code="GATEWAY-NO-ADDRESS" if waiting else code,
            severity="error",
            message="the cloud gives it no address" if waiting else f"it is not {name}",
            subject=_subject(sight),
            path=f"status.conditions[{name}]",
            found="; ".join([*words, *_complaints(sight.events)]) or "no such condition",
            expected="True",
            fix="look at the events of its Service: quota for addresses and forwarding rules, "
            "rights of the cloud's service account, annotations; without a load balancer set "
            "gateway_service_type to ClusterIP"
            if waiting
            else "look at the Gateway's conditions and at istiod's log",
        )
    for listener in status.get("listeners") or ():
        for name in ("Accepted", "ResolvedRefs", "Programmed"):
            condition = _condition(listener.get("conditions") or (), name)
            if condition.get("status") == "False":
                yield Finding(
                    code="GATEWAY-LISTENER",
                    severity="error",
                    message=f"listener {listener.get('name')} does not work",
                    subject=_subject(sight),
                    path=f"status.listeners[{listener.get('name')}].conditions[{name}]",
                    found=f"{condition.get('reason')}: {condition.get('message')}",
                    expected="True",
                    fix="correct what it names; a certificate must be a Secret of type "
                    "kubernetes.io/tls in the Gateway's namespace",
                )
                break


def _complaints(events: Iterable[Mapping[str, Any]]) -> list[str]:
    """What the cloud's controller said about the Service, the newest only."""
    warnings = [one for one in events if one.get("type") == "Warning"]
    warnings.sort(key=lambda one: str(one.get("lastTimestamp") or one.get("eventTime") or ""))
    return [f"{one.get('reason')}: {one.get('message')}" for one in warnings[-1:]]


def _check_class(sight: Sight) -> Iterator[Finding]:
    name = ((sight.live or {}).get("spec") or {}).get("gatewayClassName")
    live = next((one for one in sight.classes if one["metadata"]["name"] == name), None)
    controller = ((live or {}).get("spec") or {}).get("controllerName")
    if controller not in _ISTIO_CONTROLLERS:
        yield Finding(
            code="GATEWAY-CLASS-VENDOR",
            severity="warning",
            message="KServe writes its TLS settings for Istio's gateways only, so this one would "
            "speak plain HTTP to model servers that expect HTTPS",
            subject=_subject(sight),
            path="spec.gatewayClassName",
            found=f"{name} ({controller or 'no such GatewayClass'})",
            expected="a class of " + " or ".join(_ISTIO_CONTROLLERS),
            fix="use a Gateway of class istio",
            source="KServe, pkg/controller/llmisvc/workload_tls_self_signed_istio.go",
        )


def _check_ca(sight: Sight, wishes: Wishes) -> Iterator[Finding]:
    for deployment in sight.deployments:
        pod = deployment["spec"]["template"]["spec"]
        mounts = {
            str(mount.get("mountPath")).rstrip("/"): str(mount.get("name"))
            for container in pod.get("containers") or ()
            for mount in container.get("volumeMounts") or ()
        }
        if wishes.ca_folder.rstrip("/") not in mounts:
            yield Finding(
                code="GATEWAY-CA-NOT-MOUNTED",
                severity="error",
                message="its pods lack the CA that signs the model servers' certificates: "
                "completions work, every other path answers 503",
                subject=f"Deployment {sight.namespace}/{deployment['metadata']['name']}",
                path="spec.template.spec.containers[].volumeMounts",
                found=", ".join(sorted(mounts)) or "no mount",
                expected=f"a ConfigMap with ca.crt at {wishes.ca_folder}",
                fix="mount it by the ConfigMap that spec.infrastructure.parametersRef names, key "
                "deployment",
                source="KServe, ISTIO_CA_CERTIFICATE_PATH of its controller",
            )
    wanted = ca_certificate(sight.ca_secret).strip()
    bundled = str(((sight.bundle or {}).get("data") or {}).get("ca.crt", "")).strip()
    if wanted and sight.bundle is not None and wanted not in bundled:
        yield Finding(
            code="GATEWAY-CA-OLD",
            severity="warning",
            message="it trusts another CA than the one that signs now",
            subject=f"ConfigMap {sight.namespace}/{sight.bundle['metadata']['name']}",
            path="data[ca.crt]",
            expected="the certificate of the CA's Secret",
            fix="run phase gateway: it follows the CA and makes new pods once",
        )


def _check_kserve(sight: Sight) -> Iterator[Finding]:
    named = kserve_gateway(sight.kserve_config)
    mine = f"{sight.namespace}/{sight.name}"
    if named and named != mine:
        yield Finding(
            code="GATEWAY-NOT-KSERVES",
            severity="warning",
            message="KServe attaches the routes of its services to another Gateway",
            subject=_subject(sight),
            found=f"kserveIngressGateway is {named}, in ConfigMap "
            f"{sight.kserve_config['metadata']['namespace'] if sight.kserve_config else ''}"
            "/inferenceservice-config",
            expected=mine,
            fix="name this Gateway there, or in spec.router.gateway.refs of each service",
            source="KServe, pkg/controller/llmisvc/config_loader.go",
        )


def _missing(sight: Sight) -> Finding:
    return Finding(
        code="GATEWAY-MISSING",
        severity="error",
        message="there is no such Gateway",
        subject=_subject(sight),
        found=", ".join(str(one["metadata"]["name"]) for one in sight.neighbours)
        or "no Gateway in this namespace",
        fix="correct gateway_name and gateway_namespace, or let the phase make it "
        "(gateway_existing false)",
    )


def _condition(conditions: Iterable[Mapping[str, Any]], name: str) -> Mapping[str, Any]:
    return next((one for one in conditions if one.get("type") == name), {})


def _subject(sight: Sight) -> str:
    return f"Gateway {sight.namespace}/{sight.name}"
