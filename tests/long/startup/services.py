# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Small LLMInferenceServices of the sandbox: without a router each makes one pod."""

from __future__ import annotations

from typing import Any

Object = dict[str, Any]

TRACK = "release-v0.17"
API_VERSION = "serving.kserve.io/v1alpha2"
NAMESPACE = "llm-d-inference-scheduling"
PULL_SECRET = "redhat-pull-secret"
IMAGE = "registry.redhat.io/rhaiis/vllm-tpu-rhel9:3.2.5"
ACCELERATOR = "cloud.google.com/gke-tpu-accelerator"
TOPOLOGY = "cloud.google.com/gke-tpu-topology"
SMALL = "hf://Qwen/Qwen2.5-3B-Instruct"
GATED = "hf://meta-llama/Llama-3.1-8B-Instruct"
LARGE = "hf://Qwen/Qwen2.5-72B-Instruct"


def service(
    name: str,
    *,
    namespace: str = NAMESPACE,
    uri: str = SMALL,
    chips: int = 4,
    parallel: int = 4,
    flags: str = "--max-model-len 2048",
    seconds: float = 0.5,
    selector: dict[str, str] | None = None,
    annotations: dict[str, str] | None = None,
    router: Object | None = None,
    **container: Any,
) -> Object:
    """A service; ``seconds`` is how long the stand-in of vLLM takes, ``container`` changes main."""
    environment = [
        {"name": "VLLM_ADDITIONAL_ARGS", "value": f"--tensor-parallel-size {parallel} {flags}"},
        {"name": "SANDBOX_VLLM_STARTUP_SECONDS", "value": str(seconds)},
        *container.pop("env", []),
    ]
    amount = {"google.com/tpu": str(chips), **container.pop("limits", {})}
    template: Object = {
        "nodeSelector": {ACCELERATOR: "tpu-v6e-slice", TOPOLOGY: "2x2"}
        if selector is None
        else selector,
        "tolerations": [{"key": "google.com/tpu", "operator": "Exists", "effect": "NoSchedule"}],
        "imagePullSecrets": [{"name": PULL_SECRET}],
        "terminationGracePeriodSeconds": 1,
        **container.pop("template", {}),
    }
    template["containers"] = [
        {
            "name": "main",
            "image": IMAGE,
            "env": environment,
            "resources": {"limits": amount, "requests": amount},
            "startupProbe": probe(periodSeconds=1, failureThreshold=120),
            "readinessProbe": probe(periodSeconds=1, failureThreshold=3),
            **container,
        }
    ]
    return {
        "apiVersion": API_VERSION,
        "kind": "LLMInferenceService",
        "metadata": {"name": name, "namespace": namespace, "annotations": annotations or {}},
        "spec": {
            "model": {"uri": uri, "name": uri.partition("://")[2]},
            "replicas": 1,
            "template": template,
            **({"router": router} if router is not None else {}),
        },
    }


def probe(**numbers: int) -> Object:
    """A probe as the preset's, with its numbers."""
    get = {"path": "/health", "port": 8000, "scheme": "HTTPS"}
    return {"httpGet": get, "timeoutSeconds": 5, **numbers}


def secret(name: str, namespace: str = NAMESPACE, **values: str) -> Object:
    """A Secret."""
    metadata = {"name": name, "namespace": namespace}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": values}


def token(name: str) -> dict[str, str]:
    """The annotation that names the Secret with the hub's token."""
    return {"serving.kserve.io/storageSecretName": name}
