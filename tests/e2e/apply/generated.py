# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Random manifests of many kinds, valid for the API server, and small changes of them."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

Object = dict[str, Any]
_NOT_THERE = object()


class Choices:
    """Random choices; what is left out is told from what is null."""

    def __init__(self, random_: random.Random) -> None:
        self.random = random_

    def maybe(self, *values: Any) -> Any:
        """One of the values, null, or nothing at all."""
        if self.random.random() < 0.35:
            return _NOT_THERE
        return None if self.random.random() < 0.08 else self.random.choice(values)

    def one(self, *values: Any) -> Any:
        """One of the values."""
        return self.random.choice(values)

    def some(self, *values: Any) -> list[Any]:
        """Some of the values, in any order, possibly none."""
        return self.random.sample(values, self.random.randint(0, len(values)))

    def words(self, *names: str) -> Any:
        """A map of texts, an empty map, null, or nothing."""
        full = {name: self.one("a", "b", "", "1000m") for name in self.some(*names)}
        return self.maybe(full, full, full, {})


def _clean(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _clean(item) for name, item in value.items() if item is not _NOT_THERE}
    if isinstance(value, list):
        return [_clean(item) for item in value]
    return value


def _quantities(c: Choices) -> Object:
    return {
        "cpu": c.maybe("1000m", "1", 1, "0.5", "500m"),
        "memory": c.maybe("1Gi", "1024Mi", "1G", "1073741824"),
        "google.com/tpu": c.maybe(4, "4"),
    }


def _container(c: Choices, name: str) -> Object:
    limits = _quantities(c)
    return {
        "name": name,
        "image": c.one("a:1", "a:2"),
        "args": c.maybe(["-v"], ["-v", "1"], []),
        "env": [
            {"name": key, "value": c.maybe("1", "2", "")}
            for key in c.some("ALPHA", "BETA", "GAMMA")
        ]
        + c.one([], [{"name": "POD", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}]),
        "ports": [
            {"containerPort": number, "name": c.maybe(f"p{number}"), "protocol": c.maybe("TCP")}
            for number in c.some(80, 443, 8000)
        ],
        "resources": c.maybe({"limits": limits, "requests": limits}, {}),
        "securityContext": c.maybe({}, {"privileged": False}, {"runAsUser": 0}),
        "stdin": c.maybe(True, False),
        "readinessProbe": c.maybe(
            {"httpGet": {"port": c.one(80, "web"), "path": "/x"}, "periodSeconds": c.one(5, 10)}
        ),
        "volumeMounts": [
            {"name": "v", "mountPath": place, "readOnly": c.maybe(True, False)}
            for place in c.some("/a", "/b")
        ],
    }


def _pod(c: Choices) -> Object:
    return {
        "containers": [_container(c, name) for name in ["main", *c.some("side", "proxy")]],
        "volumes": [{"name": "v", "emptyDir": c.one({}, {"sizeLimit": c.one("1Gi", "1024Mi")})}],
        "nodeSelector": c.words("zone", "kind"),
        "hostNetwork": c.maybe(False),
        "terminationGracePeriodSeconds": c.maybe(0, 30, 60),
        "tolerations": c.maybe([], [{"key": "google.com/tpu", "operator": "Exists"}]),
        "imagePullSecrets": [{"name": name} for name in c.some("one", "two")],
    }


def _workload(c: Choices, name: str, **spec: Any) -> Object:
    labels = {"app": name}
    template = {"metadata": {"labels": labels, "annotations": c.words("x", "y")}, "spec": _pod(c)}
    return {"spec": {"selector": {"matchLabels": labels}, "template": template, **spec}}


def _deployment(c: Choices, name: str) -> Object:
    rolling = {"maxSurge": c.one(1, "25%"), "maxUnavailable": c.maybe(0, "25%")}
    return _workload(
        c,
        name,
        replicas=c.maybe(0, 1, 2),
        paused=c.maybe(True, False),
        strategy=c.maybe({"type": "RollingUpdate", "rollingUpdate": rolling}, {}),
    )


def _stateful_set(c: Choices, name: str) -> Object:
    return _workload(c, name, replicas=c.maybe(0, 1), serviceName=name)


def _daemon_set(c: Choices, name: str) -> Object:
    return _workload(c, name, minReadySeconds=c.maybe(0, 5))


def _cron_job(c: Choices, name: str) -> Object:
    pod = {**_pod(c), "restartPolicy": "Never"}
    return {
        "spec": {
            "schedule": c.one("* * * * *", "1 * * * *"),
            "suspend": c.maybe(True, False),
            "jobTemplate": {"spec": {"template": {"spec": pod}, "backoffLimit": c.maybe(0, 6)}},
        }
    }


def _config_map(c: Choices, name: str) -> Object:
    return {"data": c.words("alpha", "be.ta", "gam-ma"), "immutable": c.maybe(False)}


def _secret(c: Choices, name: str) -> Object:
    return {"stringData": c.words("alpha", "beta"), "data": c.maybe({"raw": "YQ=="}, {})}


def _service(c: Choices, name: str) -> Object:
    ports = [
        {
            "name": f"p{number}",
            "port": number,
            "targetPort": c.maybe(number, "web"),
            "protocol": c.maybe("TCP"),
            "appProtocol": c.maybe("http"),
        }
        for number in [80, *c.some(443, 8000)]
    ]
    return {"spec": {"ports": ports, "selector": c.words("app", "tier")}}


def _account(c: Choices, name: str) -> Object:
    return {
        "automountServiceAccountToken": c.maybe(True, False),
        "imagePullSecrets": [{"name": n} for n in c.some("one", "two")],
        "secrets": [{"name": n} for n in c.some("three", "four")],
    }


def _rules(c: Choices) -> list[Object]:
    return [
        {
            "apiGroups": [group],
            "resources": c.one(["pods"], ["pods", "secrets"]),
            "verbs": c.one(["get"], ["get", "list"], ["*"]),
            "resourceNames": c.maybe(["a"], []),
        }
        for group in c.some("", "apps")
    ]


def _role(c: Choices, name: str) -> Object:
    return {"rules": _rules(c)}


def _role_binding(c: Choices, name: str) -> Object:
    return {
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "r"},
        "subjects": [
            {"kind": "ServiceAccount", "name": n, "namespace": "n"} for n in c.some("a", "b")
        ]
        + c.one([], [{"kind": "Group", "name": "g"}]),
    }


def _network_policy(c: Choices, name: str) -> Object:
    peers = c.maybe([{"podSelector": {}}], [{"namespaceSelector": {"matchLabels": {"a": "b"}}}])
    ports = c.maybe([{"port": 80}], [{"port": 80, "protocol": "TCP"}], [{"port": "web"}])
    return {
        "spec": {
            "podSelector": c.one({}, {"matchLabels": {"a": "b"}}),
            "ingress": c.maybe([{"from": peers, "ports": ports}], [{}], []),
            "policyTypes": c.maybe(["Ingress"]),
        }
    }


def _quota(c: Choices, name: str) -> Object:
    return {"spec": {"hard": {"pods": c.maybe(10, "10"), "limits.cpu": c.maybe("2", "2000m")}}}


def _limits(c: Choices, name: str) -> Object:
    return {
        "spec": {
            "limits": [
                {
                    "type": "Container",
                    "default": {"memory": c.one("1Gi", "1024Mi")},
                    "max": c.maybe({"memory": "2Gi"}),
                }
            ]
        }
    }


def _autoscaler(c: Choices, name: str) -> Object:
    target = {"type": "Utilization", "averageUtilization": c.one(50, 80)}
    metric = {"type": "Resource", "resource": {"name": "cpu", "target": target}}
    return {
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "d"},
            "minReplicas": c.maybe(1, 2),
            "maxReplicas": c.one(3, 4),
            "metrics": c.maybe([metric], [metric]),
        }
    }


def _budget(c: Choices, name: str) -> Object:
    amount = {c.one("minAvailable", "maxUnavailable"): c.one(1, "50%")}
    return {"spec": {"selector": {"matchLabels": {"a": c.one("b", "c")}}, **amount}}


def _ingress(c: Choices, name: str) -> Object:
    backend = {"service": {"name": c.one("a", "b"), "port": {"number": 80}}}
    path = {"path": c.one("/", "/x"), "pathType": "Prefix", "backend": backend}
    return {
        "spec": {
            "ingressClassName": c.maybe("x"),
            "rules": [{"host": host, "http": {"paths": [path]}} for host in c.some("a.b", "c.d")]
            or [{"http": {"paths": [path]}}],
            "tls": c.maybe([{"hosts": ["a.b"], "secretName": c.maybe("s")}]),
        }
    }


def _gateway(c: Choices, name: str) -> Object:
    listeners = [
        {
            "name": n,
            "port": number,
            "protocol": "HTTP",
            "hostname": c.maybe("a.b"),
            "allowedRoutes": c.maybe({"namespaces": {"from": c.one("Same", "All")}}, {}),
        }
        for n, number in [("web", 80), *c.some(("alt", 8080))]
    ]
    return {"spec": {"gatewayClassName": "istio", "listeners": listeners}}


def _route(c: Choices, name: str) -> Object:
    backends = [
        {"name": n, "port": 80, "weight": c.maybe(1, 5), "kind": c.maybe("Service")}
        for n in c.some("a", "b")
    ]
    rules = [
        {
            "backendRefs": backends,
            "matches": c.maybe(
                [{"path": {"type": "PathPrefix", "value": "/"}}], [{"path": {"value": "/v1"}}]
            ),
            "timeouts": c.maybe({"request": "10s"}, {}),
        }
    ]
    return {
        "spec": {
            "parentRefs": [{"name": "gw", "group": c.maybe("gateway.networking.k8s.io")}],
            "hostnames": c.maybe(["a.b"], []),
            "rules": c.maybe(rules, rules),
        }
    }


def _certificate(c: Choices, name: str) -> Object:
    return {
        "spec": {
            "secretName": "s",
            "issuerRef": {"name": c.one("a", "b"), "kind": c.maybe("ClusterIssuer")},
            "dnsNames": c.maybe(["a.b"], ["a.b", "c.d"], []),
            "isCA": c.maybe(True, False),
            "privateKey": c.maybe({"algorithm": "RSA", "size": c.maybe(4096)}, {}),
        }
    }


KINDS: dict[tuple[str, str], Callable[[Choices, str], Object]] = {
    ("v1", "ConfigMap"): _config_map,
    ("v1", "LimitRange"): _limits,
    ("v1", "ResourceQuota"): _quota,
    ("v1", "Secret"): _secret,
    ("v1", "Service"): _service,
    ("v1", "ServiceAccount"): _account,
    ("apps/v1", "DaemonSet"): _daemon_set,
    ("apps/v1", "Deployment"): _deployment,
    ("apps/v1", "StatefulSet"): _stateful_set,
    ("autoscaling/v2", "HorizontalPodAutoscaler"): _autoscaler,
    ("batch/v1", "CronJob"): _cron_job,
    ("cert-manager.io/v1", "Certificate"): _certificate,
    ("gateway.networking.k8s.io/v1", "Gateway"): _gateway,
    ("gateway.networking.k8s.io/v1", "HTTPRoute"): _route,
    ("networking.k8s.io/v1", "Ingress"): _ingress,
    ("networking.k8s.io/v1", "NetworkPolicy"): _network_policy,
    ("policy/v1", "PodDisruptionBudget"): _budget,
    ("rbac.authorization.k8s.io/v1", "Role"): _role,
    ("rbac.authorization.k8s.io/v1", "RoleBinding"): _role_binding,
}


def manifests(random_: random.Random, count: int, namespace: str) -> list[Object]:
    """So many manifests, of all kinds in turn. The same names each time, with other contents."""
    choices, kinds, result = Choices(random_), list(KINDS.items()), []
    for number in range(count):
        (api_version, kind), make = kinds[number % len(kinds)]
        name = f"g{number}"
        metadata = {
            "name": name,
            "namespace": namespace,
            "labels": choices.words("team", "tier"),
            "annotations": choices.words("note", "example.com/x"),
        }
        head = {"apiVersion": api_version, "kind": kind, "metadata": metadata}
        result.append(_clean({**head, **make(choices, name)}))
    return result
