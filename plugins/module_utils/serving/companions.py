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
from ansible_collections.llmd.tpu.plugins.module_utils.serving.storage import (
    S3_KEYS,
    SECRET_ANNOTATION,
    TOKEN_KEY,
    split_uri,
)
from ansible_collections.llmd.tpu.plugins.module_utils.serving.view import View

Object = Mapping[str, Any]
_OTHER_TOKEN_KEYS = frozenset({"token", "hf_token", "HF_HUB_TOKEN", "HUGGING_FACE_HUB_TOKEN"})
# Owners whose models the hub gives only to accounts that have accepted their terms.
_GATED = ("meta-llama/", "google/gemma-")
# Labels that descriptions of the pattern name, and that no pod has.
_NO_LABELS = {"serving.kserve.io/llminferenceservice": "", "app": "epp-scheduler"}
_SIDECAR_LABELS = ("istio-injection", "istio.io/rev")


def check_companions(services: Iterable[Object], others: Iterable[Object]) -> list[Finding]:
    """Check the other objects of a file that a service relies on, or that get in its way."""
    views, others = [View(service) for service in services], list(others)
    findings = [finding for view in views for finding in _check_gated(view, others)]
    for other in others:
        check = _CHECKS.get(str(other.get("kind", "")))
        if check:
            findings += check(other, views)
    return findings


def _check_gated(view: View, others: Iterable[Object]) -> Iterator[Finding]:
    scheme, model = split_uri(view.model_uri)
    if scheme != "hf" or not model.startswith(_GATED) or SECRET_ANNOTATION in view.annotations:
        return
    account = _account_of(view)
    if not any(
        other.get("kind") == "ServiceAccount" and _name(other) == account and other.get("secrets")
        for other in others
    ):
        yield Finding(
            code="COMPANION-TOKEN-NEEDED",
            severity="info",
            message="the hub gives this model only to accounts that have accepted its terms, and "
            "nothing in this file hands a token to the download",
            path="spec.model.uri",
            found=view.model_uri[:200],
            expected=f"a Secret with key {TOKEN_KEY} under secrets of ServiceAccount {account}, "
            f"or named by the annotation {SECRET_ANNOTATION}",
            fix="nothing, if the namespace has it already (phase namespace, namespace_hub_token)",
            subject=view.subject,
        )


def _account_of(view: View) -> str:
    return str(view.template.get("serviceAccountName") or "default")


def _check_account(account: Object, views: list[View]) -> Iterator[Finding]:
    name = _name(account)
    if not _entries(account, "imagePullSecrets"):
        return
    for view in views:
        used = _account_of(view)
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
    if wrong and TOKEN_KEY not in keys:
        yield _finding(
            secret,
            "COMPANION-TOKEN-KEY",
            "warning",
            "KServe takes a hub token under one key only and silently ignores others, so a gated "
            "model is refused with 401",
            f"key {', '.join(wrong)}",
            f"key {TOKEN_KEY}",
            f"call the key {TOKEN_KEY}",
        )
    if {TOKEN_KEY, S3_KEYS[0]} <= keys:
        yield _finding(
            secret,
            "COMPANION-TOKEN-WITH-S3",
            "warning",
            "KServe takes a Secret with keys of AWS for settings of S3 and drops the hub token, so "
            "a gated model is refused with 401",
            f"keys {S3_KEYS[0]} and {TOKEN_KEY}",
            f"{TOKEN_KEY} in a Secret of its own",
            "make two Secrets of it",
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


def _check_selector(item: Object, _views: list[View]) -> Iterator[Finding]:
    spec = _mapping(item, "spec")
    for field in ("podSelector", "selector"):
        selector = _mapping(spec, field)
        labels = _mapping(selector, "matchLabels") or selector
        for label, value in labels.items():
            if label in _NO_LABELS and _NO_LABELS[label] in ("", value):
                yield _finding(
                    item,
                    "COMPANION-SELECTOR",
                    "warning",
                    "no pod of an LLMInferenceService has this label, so nothing is selected",
                    f"{label}: {value}",
                    "app.kubernetes.io/name with the service's name, and kserve.io/component: "
                    "workload for the model server or app.kubernetes.io/component: "
                    "llminferenceservice-router-scheduler for the scheduler",
                    "select by those labels",
                )


def _check_policy_or_selector(policy: Object, views: list[View]) -> Iterator[Finding]:
    yield from _check_policy(policy, views)
    yield from _check_selector(policy, views)


def _check_route(route: Object, views: list[View]) -> Iterator[Finding]:
    rules = _entries(_mapping(route, "spec"), "rules")
    backends = [str(one.get("name")) for rule in rules for one in _entries(rule, "backendRefs")]
    paths = [
        str(_mapping(match, "path").get("value")) + "/"
        for rule in rules
        for match in _entries(rule, "matches")
    ]
    for view in views:
        if not view.name or _mapping(_mapping(view.router, "route"), "http").get("refs"):
            continue  # a service may name routes of its own, and then gets no other
        taken = [one for one in paths if one.startswith(f"/{view.namespace}/{view.name}/")]
        used = [one for one in backends if one.startswith(f"{view.name}-") or one == view.name]
        if taken or used:
            yield _finding(
                route,
                "COMPANION-ROUTE",
                "warning",
                f"KServe makes the route of {view.name} itself, to the pool for completions and to "
                "its Service for all else; a second one takes requests away from the scheduler",
                f"path {taken[0].rstrip('/')}" if taken else f"backend {used[0]}",
                "no HTTPRoute for this service",
                "remove it; ask at the URL of the service's status",
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
    "HTTPRoute": _check_route,
    "Namespace": _check_namespace,
    "NetworkPolicy": _check_policy_or_selector,
    "PodDisruptionBudget": _check_selector,
    "PodMonitor": _check_selector,
    "PodMonitoring": _check_selector,
    "Secret": _check_secret,
    "Service": _check_selector,
    "ServiceAccount": _check_account,
    "ServiceMonitor": _check_selector,
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
