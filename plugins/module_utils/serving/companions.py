# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What stands beside a service in the same file, and does not do what it looks like. Pure.

Sources: opendatahub-io/kserve release-v0.15 (``pkg/credentials``, ``pkg/controller/llmisvc``), run;
Kubernetes documentation (ServiceAccount, NetworkPolicy); istio.io (sidecar injection); published
field reports of Pattern 1 (johnahull/llm-d-xks-gke, johnahull/rhaii-on-xks-gke).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Literal

from ansible_collections.llmd.tpu.plugins.module_utils.findings import Finding
from ansible_collections.llmd.tpu.plugins.module_utils.serving.view import View

Object = Mapping[str, Any]
_TOKEN_KEY = "HF_TOKEN"  # the name of a key, not a token
_OTHER_TOKEN_KEYS = frozenset({"token", "hf_token", "HF_HUB_TOKEN", "HUGGING_FACE_HUB_TOKEN"})
_SIDECAR_LABELS = ("istio-injection", "istio.io/rev")


def check_companions(services: Iterable[Object], others: Iterable[Object]) -> list[Finding]:
    """Check the other objects of a file that a service relies on, or that get in its way."""
    views = [View(service) for service in services]
    findings: list[Finding] = []
    for other in others:
        check = _CHECKS.get(str(other.get("kind", "")))
        if check:
            findings += check(other, views)
    return findings


def _check_account(account: Object, views: list[View]) -> Iterator[Finding]:
    name = _name(account)
    if not _entries(account, "imagePullSecrets"):
        return
    for view in views:
        used = view.template.get("serviceAccountName") or "default"
        if name != used and not view.template.get("imagePullSecrets"):
            yield _finding(
                account,
                "COMPANION-PULL-SECRET",
                "warning",
                f"the pull secret is on account {name}, and the pods of {view.name} run as {used}",
                "imagePullSecrets",
                f"imagePullSecrets on account {used}, or in spec.template of the service",
                "put the secret there; KServe's own accounts pull nothing that needs it",
            )


def _check_secret(secret: Object, _views: list[View]) -> Iterator[Finding]:
    keys = {
        str(key)
        for field in ("data", "stringData")
        if isinstance(secret.get(field), Mapping)
        for key in secret[field]
    }
    wrong = sorted(keys & _OTHER_TOKEN_KEYS)
    if wrong and _TOKEN_KEY not in keys:
        yield _finding(
            secret,
            "COMPANION-TOKEN-KEY",
            "warning",
            "KServe takes a hub token under one key only and silently ignores others, so a gated "
            "model is refused with 401",
            f"key {', '.join(wrong)}",
            f"key {_TOKEN_KEY}",
            f"call the key {_TOKEN_KEY}",
        )


def _check_namespace(namespace: Object, _views: list[View]) -> Iterator[Finding]:
    labels = _mapping(_mapping(namespace, "metadata"), "labels")
    for label in _SIDECAR_LABELS:
        if label in labels and labels[label] != "disabled":
            yield _finding(
                namespace,
                "COMPANION-SIDECARS",
                "warning",
                "Istio would put a sidecar into the model's pods, which breaks the download and "
                "the scheduler's connections",
                f"label {label}: {labels[label]}",
                "no such label",
                "remove it",
            )


def _check_gateway(gateway: Object, _views: list[View]) -> Iterator[Finding]:
    name = _mapping(gateway, "spec").get("gatewayClassName")
    if name != "istio":
        yield _finding(
            gateway,
            "COMPANION-GATEWAY-CLASS",
            "warning",
            "Pattern 1 is made for Istio's gateway; GKE's own refuses the timeouts of KServe's "
            "route and does not speak TLS to the pods as KServe sets it up",
            f"gatewayClassName {name}",
            "istio",
            "use the gateway that phase gateway makes",
        )


def _check_policy(policy: Object, _views: list[View]) -> Iterator[Finding]:
    rules = _entries(_mapping(policy, "spec"), "egress")
    pods_only = [
        rule
        for rule in rules
        if _entries(rule, "to")
        and all("namespaceSelector" in to or "podSelector" in to for to in _entries(rule, "to"))
        and any(port.get("port") == 443 for port in _entries(rule, "ports"))
    ]
    open_rules = [
        rule
        for rule in rules
        if not _entries(rule, "to") or any("ipBlock" in to for to in _entries(rule, "to"))
    ]
    if pods_only and not open_rules:
        yield _finding(
            policy,
            "COMPANION-EGRESS",
            "warning",
            "a selector of namespaces or pods never reaches the internet, so the model's download "
            "fails (Name or service not known, or a time-out)",
            "egress to port 443 of pods only",
            "an ipBlock that covers the hub, and DNS",
            "allow 0.0.0.0/0 on port 443 (less the private ranges), and port 53",
        )


def _check_filter(envoy: Object, _views: list[View]) -> Iterator[Finding]:
    yield _finding(
        envoy,
        "COMPANION-ENVOY-FILTER",
        "info",
        "it names routes by namespace, route and number, so another model or rule order leaves it "
        "without effect; it outlives the model",
        "EnvoyFilter",
        "none: Istio 1.27 and newer need no filter for the scheduler",
        "remove it, and let the smoke test tell whether the scheduler is used",
    )


def _check_rule(rule: Object, views: list[View]) -> Iterator[Finding]:
    host = str(_mapping(rule, "spec").get("host", ""))
    for view in views:
        if view.name and host.startswith(f"{view.name}-"):
            yield _finding(
                rule,
                "COMPANION-DESTINATION-RULE",
                "warning",
                f"KServe makes the DestinationRules of {view.name} itself; a second one for the "
                "same host makes TLS depend on which one Istio reads first",
                f"host {host}",
                "none",
                "remove it; the gateway's CA bundle is what makes TLS work",
            )


_CHECKS: dict[str, Callable[[Object, list[View]], Iterator[Finding]]] = {
    "DestinationRule": _check_rule,
    "EnvoyFilter": _check_filter,
    "Gateway": _check_gateway,
    "Namespace": _check_namespace,
    "NetworkPolicy": _check_policy,
    "Secret": _check_secret,
    "ServiceAccount": _check_account,
}


def _finding(
    item: Object,
    code: str,
    severity: Literal["error", "warning", "info"],
    message: str,
    found: str,
    expected: str,
    fix: str,
) -> Finding:
    metadata = _mapping(item, "metadata")
    place = "/".join(str(metadata[key]) for key in ("namespace", "name") if metadata.get(key))
    return Finding(
        code=code,
        severity=severity,
        message=message,
        found=found[:200],
        expected=expected,
        fix=fix,
        subject=f"{item.get('kind')} {place}",
    )


def _name(item: Object) -> str:
    return str(_mapping(item, "metadata").get("name", ""))


def _mapping(parent: Object, name: str) -> Object:
    value = parent.get(name)
    return value if isinstance(value, Mapping) else {}


def _entries(parent: Object, name: str) -> list[Object]:
    value = parent.get(name)
    return [one for one in value if isinstance(one, Mapping)] if isinstance(value, list) else []
