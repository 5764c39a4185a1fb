# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Read the Gateway with what belongs to it, judge it, and give the findings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from ansible_collections.llmd.tpu.plugins.module_utils.connection import (
    ConnectionLost,
    ConnectionProblem,
    Session,
    connect,
    connection_options,
)
from ansible_collections.llmd.tpu.plugins.module_utils.findings import result_of
from ansible_collections.llmd.tpu.plugins.module_utils.gateway.judge import (
    Sight,
    Wishes,
    addresses,
    ca_certificate,
    check_plan,
    check_removal,
    check_serving,
    describe,
    kserve_gateway,
)
from ansible_collections.llmd.tpu.plugins.module_utils.manifests.client import ApiError
from ansible_collections.llmd.tpu.plugins.module_utils.reader import Question, Reader, items

_GATEWAYS = ("gateway.networking.k8s.io/v1",)
_POLICIES = ("security.istio.io/v1", "security.istio.io/v1beta1")
_CHECKS = {"plan": check_plan, "serving": check_serving, "removal": check_removal}
_BUNDLE = "odh-ca-bundle"


def argument_spec() -> dict[str, Any]:
    """The options of the task, with kubernetes.core's connection options."""
    return {
        **connection_options(),
        "name": {"type": "str"},
        "namespace": {"type": "str"},
        "judge": {"type": "str", "choices": list(_CHECKS), "default": "serving"},
        "existing": {"type": "bool", "default": False},
        "labels": {"type": "dict", "default": {}},
        "field_manager": {"type": "str", "default": "llmd.tpu"},
        "kserve_namespace": {"type": "str", "default": "opendatahub"},
        "mesh_namespace": {"type": "str", "default": "istio-system"},
        "ca_secret_name": {"type": "str", "default": "opendatahub-ca", "no_log": False},
        "ca_secret_namespace": {"type": "str", "default": "cert-manager", "no_log": False},
        "ca_folder": {"type": "str", "default": "/var/run/secrets/opendatahub"},
        "findings_only": {"type": "bool", "default": False},
    }


CONSTRAINTS: dict[str, Any] = {"required_together": [("name", "namespace")]}


def run(
    parameters: Mapping[str, Any], open_session: Callable[[Mapping[str, Any]], Session] = connect
) -> dict[str, Any]:
    """Read, judge, and give the task's result; never raises for bad input."""
    wishes = Wishes(
        labels={str(key): str(value) for key, value in (parameters["labels"] or {}).items()},
        manager=parameters["field_manager"],
        existing=parameters["existing"],
        ca_folder=parameters["ca_folder"],
        mesh_namespace=parameters["mesh_namespace"],
    )
    try:
        sight = read(Reader(open_session(parameters)), parameters)
    except (ApiError, ConnectionLost, ConnectionProblem) as problem:
        return {"failed": True, "changed": False, "msg": str(problem)}
    findings = list(_CHECKS[parameters["judge"]](sight, wishes))
    return {
        "gateway": describe(sight, wishes),
        "kserve_gateway": kserve_gateway(sight.kserve_config),
        "ca_certificate": ca_certificate(sight.ca_secret),
        **result_of(
            f"Gateway {sight.namespace}/{sight.name}",
            findings,
            findings_only=parameters["findings_only"],
        ),
    }


def read(reader: Reader, parameters: Mapping[str, Any]) -> Sight:
    """Everything that the judgement looks at, in two or three rounds of requests."""
    config, ca_secret = reader.ask(
        [
            Question(
                "ConfigMap",
                namespace=parameters["kserve_namespace"],
                name="inferenceservice-config",
            ),
            Question(
                "Secret",
                namespace=parameters["ca_secret_namespace"],
                name=parameters["ca_secret_name"],
            ),
        ]
    )
    default = kserve_gateway(config) or f"{parameters['kserve_namespace']}/inference-gateway"
    namespace, _slash, name = default.partition("/")
    name = parameters["name"] or name
    namespace = parameters["namespace"] or namespace
    named = {"labelSelector": f"gateway.networking.k8s.io/gateway-name={name}"}
    answers = iter(
        reader.ask(
            [
                Question("Gateway", _GATEWAYS, namespace=namespace),
                Question("GatewayClass", _GATEWAYS, optional=True),
                Question("Service", namespace=namespace, query=named),
                Question("Deployment", ("apps/v1",), namespace=namespace, query=named),
                *(
                    Question("AuthorizationPolicy", _POLICIES, namespace=place, optional=True)
                    for place in (namespace, parameters["mesh_namespace"])
                ),
                Question("ConfigMap", namespace=namespace, name=_BUNDLE),
                *(
                    Question(
                        kind, (version,), namespace=namespace, metadata_only=True, optional=True
                    )
                    for kind, version in (
                        ("HorizontalPodAutoscaler", "autoscaling/v2"),
                        ("PodDisruptionBudget", "policy/v1"),
                        ("Certificate", "cert-manager.io/v1"),
                        ("Secret", "v1"),
                    )
                ),
            ]
        )
    )
    neighbours = items(next(answers))
    sight = Sight(
        name,
        namespace,
        live=next((one for one in neighbours if one["metadata"]["name"] == name), None),
        neighbours=neighbours,
        classes=items(next(answers)),
        services=items(next(answers)),
        deployments=items(next(answers)),
        policies=[*items(next(answers)), *items(next(answers))],
        bundle=next(answers),
        others=[one for answer in answers for one in items(answer)],
        ca_secret=ca_secret,
        kserve_config=config,
    )
    if sight.live is None or addresses(sight):
        return sight
    questions = [
        Question(
            "Event",
            namespace=namespace,
            query={"fieldSelector": f"involvedObject.name={one['metadata']['name']}"},
            optional=True,
        )
        for one in sight.services
    ]
    return replace(
        sight, events=[event for answer in reader.ask(questions) for event in items(answer)]
    )
