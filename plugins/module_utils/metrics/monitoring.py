# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What reads metrics in a cluster: an account, and the objects of a monitoring system. Pure.

Sources: prometheus-operator's API (PodMonitor, ServiceMonitor); the API of
GoogleCloudPlatform/prometheus-engine (PodMonitoring, whose collector must be let read a Secret);
opendatahub-io/kserve ``pkg/controller/llmisvc/monitoring.go``, whose label of a service,
``llm_isvc_name``, is used here too.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.llmd.tpu.plugins.module_utils.serving.names import (
    ALL_SERVICES,
    SCHEDULER_COMPONENT,
    WORKLOAD_COMPONENT,
)

Object = dict[str, Any]

OPERATOR, MANAGED = "prometheus-operator", "managed-prometheus"

# May read /metrics, no more: the scheduler gives its metrics to nobody else.
METRICS_READER = "llmd-tpu-metrics-reader"
_TOKEN = f"{METRICS_READER}-token"
POD_MONITOR, _SCHEDULERS, _DASHBOARD = (
    "llmd-tpu-model-servers",
    "llmd-tpu-schedulers",
    "llmd-tpu-dashboard",
)
KSERVE_POD_MONITOR = "kserve-llm-isvc-vllm-engine"
_RBAC = "rbac.authorization.k8s.io"
_INTERVAL = "30s"
_SERVICE_LABEL, _SHOWN_AS = "app.kubernetes.io/name", "llm_isvc_name"
# GKE's own collector: on clusters of the mode Standard, and of Autopilot.
_COLLECTORS = ("gmp-system", "gke-gmp-system")
_DEFINITIONS = {
    OPERATOR: ("podmonitors.monitoring.coreos.com", "servicemonitors.monitoring.coreos.com"),
    MANAGED: ("podmonitorings.monitoring.googleapis.com",),
}


@dataclass(frozen=True)
class Monitoring:
    """Which system collects the metrics, and where its dashboard goes.

    ``labels`` are those by which a Prometheus chooses its monitors. ``by_kserve``: KServe makes
    monitors of its own. ``dashboard`` is Grafana's JSON, empty for none.
    """

    kind: str = "none"
    labels: Mapping[str, str] = field(default_factory=dict)
    by_kserve: bool = False
    dashboard: str = ""
    dashboard_namespace: str = ""
    dashboard_labels: Mapping[str, str] = field(default_factory=dict)

    def problems(self) -> Iterator[str]:
        """What is wrong with the inputs, in words."""
        if self.kind == OPERATOR and self.by_kserve:
            yield (
                f"model_monitoring is {OPERATOR} and kserve_monitoring is true, so every figure "
                "would be collected twice; expected one of them: KServe makes its PodMonitor and "
                "ServiceMonitor itself"
            )

    def needs(self) -> Iterator[Object]:
        """The kinds that must be there, for wait_ready."""
        for name in _DEFINITIONS.get(self.kind, ()):
            yield {
                "api_version": "apiextensions.k8s.io/v1",
                "kind": "CustomResourceDefinition",
                "name": name,
            }

    def objects(self, namespaces: Iterable[str]) -> list[Object]:
        """What is to be there."""
        found: list[Object] = []
        if self.kind != "none":
            for namespace in namespaces:
                found += [_token(namespace), *_COLLECTING[self.kind](namespace, self.labels)]
        if self.dashboard:
            config = _object("v1", "ConfigMap", _DASHBOARD, self.dashboard_namespace)
            config["metadata"]["labels"] = dict(self.dashboard_labels)
            found.append({**config, "data": {f"{_DASHBOARD}.json": self.dashboard}})
        return found

    def wishes(self, namespaces: Iterable[str]) -> Iterator[Object]:
        """What was made, for wait_ready."""
        for one in self.objects(namespaces):
            wish = {"api_version": one["apiVersion"], "kind": one["kind"], **one["metadata"]}
            told = ("api_version", "kind", "namespace", "name")
            keys = {"keys": ["token"]} if one["kind"] == "Secret" else {}
            yield {**{key: value for key, value in wish.items() if key in told}, **keys}

    def leftovers(self, namespaces: Iterable[str]) -> list[Object]:
        """What another choice would have made here, to be removed."""
        namespaces = list(namespaces)
        kept = {_key(one) for one in self.objects(namespaces)}
        return [
            one
            for one in everything_that_monitors(namespaces, self.dashboard_namespace)
            if _key(one) not in kept
        ]


def everything_that_monitors(namespaces: Iterable[str], dashboard_namespace: str) -> list[Object]:
    """Whatever any choice makes, by name alone."""
    made = [
        one
        for namespace in namespaces
        for one in (
            _token(namespace),
            *(made for make in _COLLECTING.values() for made in make(namespace, {})),
        )
    ]
    if dashboard_namespace:
        made.append(_object("v1", "ConfigMap", _DASHBOARD, dashboard_namespace))
    return [{key: one[key] for key in ("apiVersion", "kind", "metadata")} for one in made]


def metrics_readers(namespaces: Iterable[str], *, shared: bool = True) -> list[Object]:
    """The account that may read metrics in each namespace, and what it may, which they share."""
    rules = [{"nonResourceURLs": ["/metrics"], "verbs": ["get"]}]
    role = _object(f"{_RBAC}/v1", "ClusterRole", METRICS_READER)
    found = [{**role, "rules": rules}] if shared else []
    for namespace in namespaces:
        account = _object("v1", "ServiceAccount", METRICS_READER, namespace)
        name = f"{METRICS_READER}-{namespace}"
        binding = _binding("ClusterRole", METRICS_READER, name, "", [(namespace, METRICS_READER)])
        found += [account, binding]
    return found


def _token(namespace: str) -> Object:
    """A token that stays, since a collector asks for none by itself. Kubernetes fills it in."""
    secret = _object("v1", "Secret", _TOKEN, namespace)
    secret["metadata"]["annotations"] = {"kubernetes.io/service-account.name": METRICS_READER}
    return {**secret, "type": "kubernetes.io/service-account-token"}


def _of_operator(namespace: str, labels: Mapping[str, str]) -> Iterator[Object]:
    source = f"__meta_kubernetes_pod_label_{_SERVICE_LABEL}"
    for old in "./-":
        source = source.replace(old, "_")
    named = {"relabelings": [{"sourceLabels": [source], "targetLabel": _SHOWN_AS}]}
    servers = {"targetPort": 8000, **_SECURED, "tlsConfig": {"insecureSkipVerify": True}, **named}
    schedulers: Object = {"port": "metrics", **_PLAIN, **named}
    schedulers["authorization"] = {
        "type": "Bearer", "credentials": {"name": _TOKEN, "key": "token"},
    }  # fmt: skip
    for kind, name, component, endpoints in (
        ("PodMonitor", POD_MONITOR, WORKLOAD_COMPONENT, {"podMetricsEndpoints": [servers]}),
        ("ServiceMonitor", _SCHEDULERS, SCHEDULER_COMPONENT, {"endpoints": [schedulers]}),
    ):
        monitor = _object("monitoring.coreos.com/v1", kind, name, namespace)
        monitor["metadata"]["labels"] = dict(labels)
        yield {**monitor, "spec": {"selector": _selected(component), **endpoints}}


def _of_google(namespace: str, labels: Mapping[str, str]) -> Iterator[Object]:
    secret = {"secret": {"name": _TOKEN, "key": "token"}}
    servers = {"port": 8000, **_SECURED, "tls": {"insecureSkipVerify": True}}
    schedulers = {
        "port": 9090, **_PLAIN, "authorization": {"type": "Bearer", "credentials": secret},
    }  # fmt: skip
    for name, component, endpoint in (
        (POD_MONITOR, WORKLOAD_COMPONENT, servers),
        (_SCHEDULERS, SCHEDULER_COMPONENT, schedulers),
    ):
        monitor = _object("monitoring.googleapis.com/v1", "PodMonitoring", name, namespace)
        monitor["metadata"]["labels"] = dict(labels)
        shown = {"fromPod": [{"from": _SERVICE_LABEL, "to": _SHOWN_AS}]}
        spec = {"selector": _selected(component), "endpoints": [endpoint], "targetLabels": shown}
        yield {**monitor, "spec": spec}
    role = _object(f"{_RBAC}/v1", "Role", _TOKEN, namespace)
    rule = {"apiGroups": [""], "resources": ["secrets"], "resourceNames": [_TOKEN]}
    yield {**role, "rules": [{**rule, "verbs": ["get", "list", "watch"]}]}
    collectors = [(place, "collector") for place in _COLLECTORS]
    yield _binding("Role", _TOKEN, _TOKEN, namespace, collectors)


_COLLECTING = {OPERATOR: _of_operator, MANAGED: _of_google}
_SECURED = {"scheme": "https", "path": "/metrics", "interval": _INTERVAL}
_PLAIN = {**_SECURED, "scheme": "http"}


def _selected(component: str) -> Object:
    """The pods, or Services, of one part of all services."""
    pairs = (one.partition("=") for one in (ALL_SERVICES, component))
    return {"matchLabels": {name: value for name, _equals, value in pairs}}


def _binding(
    role_kind: str, role: str, name: str, namespace: str, accounts: Iterable[tuple[str, str]]
) -> Object:
    binding = _object(f"{_RBAC}/v1", f"{role_kind}Binding", name, namespace)
    binding["roleRef"] = {"apiGroup": _RBAC, "kind": role_kind, "name": role}
    binding["subjects"] = [
        {"kind": "ServiceAccount", "name": account, "namespace": place}
        for place, account in accounts
    ]
    return binding


def _object(api_version: str, kind: str, name: str, namespace: str = "") -> Object:
    metadata = {"name": name, **({"namespace": namespace} if namespace else {})}
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata}


def _key(one: Object) -> tuple[str, str, str, str]:
    metadata = one["metadata"]
    return one["apiVersion"], one["kind"], metadata.get("namespace", ""), metadata["name"]
