# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Does a user's file that holds a mistake of the public guide get its finding?

The corrections of the guide are numbered C01 to C60. Those that a file can hold have a case here;
the others have the reason why no file shows them, and what does.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import pytest
import yaml
from ansible_collections.llmd.tpu.plugins.module_utils.serving.model_check import run

from tests.findings_page.page import codes_by_module
from tests.unit.plugins.module_utils.serving.manifests import good
from tests.unit.plugins.modules.test_model_check import parameters

Manifest = dict[str, Any]
NAME, NAMESPACE = "qwen2-3b-pattern1", "llm-d-inference-scheduling"
LABEL = "cloud.google.com/gke-tpu-accelerator"
CODE = re.compile(r"[A-Z]+(?:-[A-Z]+)+")
TOPOLOGY = "cloud.google.com/gke-tpu-topology"


@dataclass(frozen=True)
class Case:
    """One correction in a file: fields of the service, objects beside it, and what is told."""

    number: str
    told: frozenset[str]
    main: str = ""
    """YAML of fields of container main; ``null`` removes one."""
    template: str = ""
    """YAML of other fields of the pod."""
    spec: str = ""
    """YAML of other fields of the service."""
    beside: str = ""
    """YAML of an object of the same file."""
    flags: str | None = None


def case(number: str, *told: str, **fields: Any) -> Case:
    """Write one row."""
    return Case(number, frozenset(told), **fields)


_KILLED = ("PROBE-LIVENESS-KILLS", "PROBE-STARTUP-MISSING")
CASES = [
    case("C02", "SERVER-IMAGE-MOVING", main="image: registry.example/vllm-tpu:latest"),
    case("C14", "KSERVE-BASE-MISSING", spec="baseRefs: [{name: vllm-default}]"),
    case(
        "C19",
        "COMPANION-DESTINATION-RULE",
        beside=f"{{kind: DestinationRule, spec: {{host: {NAME}-kserve-workload-svc}}}}",
    ),
    case(
        "C21",
        "COMPANION-SELECTOR",
        beside=f"{{kind: Service, spec: {{selector: "
        f"{{serving.kserve.io/llminferenceservice: {NAME}}}}}}}",
    ),
    case(
        "C21",
        "COMPANION-SELECTOR",
        beside="{kind: PodMonitor, spec: {selector: {matchLabels: {app: epp-scheduler}}}}",
    ),
    case(
        "C22",
        "COMPANION-ROUTE",
        beside="{kind: HTTPRoute, spec: {rules: [{matches: [{path: {value: /v1/models}}], "
        f"backendRefs: [{{name: {NAME}-pool}}]}}]}}}}",
    ),
    case("C23", "COMPANION-ENVOY-FILTER", beside="{kind: EnvoyFilter, metadata: {name: alpn}}"),
    case("C24", "COMPANION-ENVOY-FILTER", beside="{kind: EnvoyFilter, metadata: {name: body}}"),
    case(
        "C27",
        "COMPANION-ROUTE",
        beside="{kind: HTTPRoute, metadata: {namespace: another}, spec: {rules: "
        f"[{{matches: [{{path: {{value: /{NAMESPACE}/{NAME}}}}}]}}]}}}}",
    ),
    case(
        "C28",
        "COMPANION-GATEWAY-CLASS",
        beside="{kind: Gateway, spec: {gatewayClassName: gke-l7-regional-external-managed}}",
    ),
    case(
        "C29",
        "TPU-LABEL-UNKNOWN",
        template=f"nodeSelector: {{{LABEL}: tpu-v6e, {TOPOLOGY}: 2x2}}",
    ),
    case("C30", "TPU-TOLERATION-MISSING", template="tolerations: []"),
    case("C31", "SERVER-ARGS-REPLACE-SCRIPT", main="args: [--max-model-len=2048]", flags="-tp=4"),
    case("C31", "SERVER-FLAG-DUPLICATE", flags="-tp=4 --model=Qwen/Qwen2.5-3B-Instruct"),
    case("C31", "SERVER-FLAG-DUPLICATE", flags="-tp=4 --served-model-name=other"),
    case("C32", "SERVER-FLAG-LOG-REQUESTS", flags="-tp=4 --disable-log-requests"),
    case(
        "C33",
        "PROBE-SCHEME",
        main="readinessProbe: {httpGet: {path: /health, port: 8000, scheme: HTTP}}",
    ),
    case(
        "C33",
        "SERVER-TLS-MISSING",
        main="{command: [vllm], args: [serve, /mnt/models, --port=8000, -tp=4]}",
    ),
    case("C34", *_KILLED, main="{startupProbe: null, livenessProbe: null}"),
    case(
        "C34",
        *_KILLED,
        main="{startupProbe: null, livenessProbe: {httpGet: {path: /health, port: 8000}, "
        "initialDelaySeconds: 240, periodSeconds: 30, failureThreshold: 5}}",
    ),
    case("C36", "KSERVE-SCALING", spec="canaryTrafficPercent: 10"),
    case("C36", "KSERVE-SCALING", spec="autoscaling: {minReplicas: 1}"),
    case(
        "C37",
        "TPU-ENV-REDUNDANT",
        "TPU-ENV-UNUSED",
        main='env: [{name: TPU_CHIPS_PER_HOST_BOUNDS, value: "2,2,1"}, '
        '{name: TPU_HOST_BOUNDS, value: "1,1,1"}, {name: PJRT_DEVICE, value: TPU}]',
    ),
    case(
        "C37",
        "TPU-ENV-WRONG",
        main='env: [{name: TPU_CHIPS_PER_HOST_BOUNDS, value: "2,4,1"}]',
    ),
    case("C38", "SERVER-IMAGE-USER", main="image: vllm/vllm-tpu:v0.12.0"),
    case("C39", spec="router: {route: {}, gateway: {}}"),
    case("C40", "SERVER-FLAG-UNKNOWN", flags="-tp=4 --prefix-cache-block-size=64"),
    case(
        "C41",
        "STORAGE-TOKEN-WITHOUT-EFFECT",
        main="env: [{name: HF_TOKEN, valueFrom: {secretKeyRef: {name: hf, key: HF_TOKEN}}}]",
    ),
    case("C41", "COMPANION-TOKEN-KEY", beside="{kind: Secret, stringData: {token: planted}}"),
    case(
        "C41",
        "COMPANION-PULL-SECRET",
        template="imagePullSecrets: null",
        beside="{kind: ServiceAccount, metadata: {name: qwen}, imagePullSecrets: [{name: pull}]}",
    ),
    case(
        "C41",
        "COMPANION-TOKEN-NEEDED",
        spec="model: {uri: 'hf://meta-llama/Llama-3.1-8B-Instruct', name: llama}",
    ),
    case(
        "C45",
        "TPU-TOPOLOGY-INVALID",
        template=f"nodeSelector: {{{LABEL}: tpu-v6e-slice, {TOPOLOGY}: 2x2x1}}",
    ),
    case(
        "C46",
        "TPU-LABEL-UNKNOWN",
        template=f"nodeSelector: {{{LABEL}: ct6e-standard-4t, {TOPOLOGY}: 2x2}}",
    ),
    case(
        "C46",
        "TPU-LABEL-UNKNOWN",
        template=f"nodeSelector: {{{LABEL}: v6e-4, {TOPOLOGY}: 2x2}}",
    ),
    case(
        "C48",
        "COMPANION-EGRESS",
        beside="{kind: NetworkPolicy, spec: {egress: "
        "[{to: [{namespaceSelector: {}}], ports: [{port: 443}]}]}}",
    ),
    case(
        "C48",
        "COMPANION-SELECTOR",
        beside="{kind: NetworkPolicy, spec: {podSelector: {matchLabels: {app: epp-scheduler}}}}",
    ),
    case(
        "C50",
        "COMPANION-SIDECARS",
        beside="{kind: Namespace, metadata: {labels: {istio-injection: enabled}}}",
    ),
    case(
        "C58",
        "COMPANION-TOKEN-WITH-S3",
        beside="{kind: Secret, stringData: {HF_TOKEN: planted, AWS_ACCESS_KEY_ID: planted}}",
    ),
    case(
        "C60",
        "STORAGE-INITIALIZER-ADJUSTED",
        template="initContainers: [{name: storage-initializer, env: []}]",
    ),
]

# What no file with a model's manifest shows, and what tells it instead.
ELSEWHERE = {
    "C01": "a program of the run: PROGRAM-TOO-OLD and PROGRAM-UNSAFE",
    "C03": "the Istio that runs: OPERATORS-ISTIO-VERSION",
    "C04": "how long operators take to be there: phase operators waits",
    "C05": "an overlay that is never applied: phase kserve makes the issuers itself",
    "C06": "annotations of Istio's webhooks: phase operators sets them",
    "C07": "two owners of one CRD in the cluster: CRD-OF-ANOTHER, OPERATORS-FOREIGN-GATEWAY-API",
    "C08": "CRDs that the platform manages: OPERATORS-ADOPTED-GATEWAY-API",
    "C09": "whether the cluster has the LeaderWorkerSet CRD: phase operators brings it when asked",
    "C10": "how a chart is installed: phase operators renders charts and applies them",
    "C11": "which Istio serves which KServe: OPERATORS-ISTIO-KSERVE",
    "C12": "the order in which KServe's objects are applied: phase kserve has stages",
    "C13": "which KServe the cluster runs: KSERVE-FOREIGN, KSERVE-NOT-OURS",
    "C15": "when the controller started: phase kserve restarts it",
    "C16": "the environment of KServe's controller: KSERVE-MONITORING-CRDS",
    "C17": "whether the Gateway exists when the model comes: phase model looks first",
    "C18": "a ServiceAccount that istiod makes: phase gateway gives its pods the pull secret",
    "C20": "a request's address: SMOKE-ROUTE-NOT-FOUND",
    "C25": "listeners of the Gateway that runs: GATEWAY-LISTENER",
    "C26": "what the cloud answers: GATEWAY-NO-ADDRESS",
    "C35": "time that every start takes: a cache is a choice, and its lack is no mistake",
    "C42": "what a request proves: SMOKE-NOT-ROUTED, SMOKE-ROUTING-UNPROVED",
    "C43": "commands that read metrics: the smoke test reads them where they are",
    "C44": "project, zone and prices: no manifest of a model names them",
    "C47": "what idle nodes cost: COST-TPU-NODES",
    "C49": "who reaches the Gateway's address: GATEWAY-OPEN",
    "C51": "the order of a removal: KSERVE-SERVICES-EXIST, NAMESPACE-IN-USE",
    "C52": "what a removal takes: only what carries our label",
    "C53": "which cluster a run talks to: connection options and CLUSTER-UNREACHABLE",
    "C54": "which Istio serves pools: OPERATORS-ISTIO-KSERVE",
    "C55": "a webhook that is not ready yet: wait_ready and apply ask again",
    "C56": "a service that says Ready: phase model looks at every child, SMOKE-* asks",
    "C57": "a rollout that cannot end: phase model compares the pods with what is wanted",
    "C59": "who owns the rules of aggregated roles: apply leaves them alone",
}


def _file(row: Case) -> list[Manifest]:
    service = good()
    spec = service["spec"]
    main = spec["template"]["containers"][0]
    for target, text in ((main, row.main), (spec["template"], row.template), (spec, row.spec)):
        for key, value in (yaml.safe_load(text) or {}).items():
            keep = target["env"] if key == "env" else None
            target[key] = [*keep, *value] if keep else value
            if value is None:
                del target[key]
    if row.flags is not None:
        main["env"][0]["value"] = row.flags
    return [service, yaml.safe_load(row.beside)] if row.beside else [service]


def _told(documents: list[Manifest]) -> dict[str, str]:
    result = run(parameters(definition=documents, findings_only=True))
    told = {one["code"]: one["severity"] for one in result["findings"]}
    told.pop("MANIFEST-OTHER-KIND", None)
    assert "planted" not in str(result)
    return told


@pytest.mark.parametrize("row", CASES, ids=lambda row: row.number)
def test_a_file_with_the_mistake_is_told_of_it_and_of_nothing_else(row: Case) -> None:
    assert set(_told(_file(row))) == row.told


def test_every_correction_is_tested_or_has_its_reason() -> None:
    tested = {row.number for row in CASES}
    assert not tested & set(ELSEWHERE)
    assert tested | set(ELSEWHERE) == {f"C{number:02}" for number in range(1, 61)}


def test_the_reasons_name_codes_that_exist() -> None:
    known = [code.replace("PART", "") for codes in codes_by_module().values() for code in codes]
    named = [code for reason in ELSEWHERE.values() for code in CODE.findall(reason)]
    assert not [code for code in named if not code.startswith(tuple(known))]


def test_nothing_that_is_only_inferred_is_an_error() -> None:
    for number in ("C30", "C38"):
        rows = [row for row in CASES if row.number == number]
        assert "error" not in {one for row in rows for one in _told(_file(row)).values()}
