# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Manifests for tests: the one that works, and the guide's own."""

from __future__ import annotations

from typing import Any

import yaml

GOOD = """
apiVersion: serving.kserve.io/v1alpha1
kind: LLMInferenceService
metadata: {name: qwen2-3b-pattern1, namespace: llm-d-inference-scheduling}
spec:
  model: {uri: "hf://Qwen/Qwen2.5-3B-Instruct", name: Qwen/Qwen2.5-3B-Instruct}
  replicas: 1
  router: {route: {}, gateway: {}, scheduler: {}}
  template:
    imagePullSecrets: [{name: registry-pull-secret}]
    nodeSelector:
      cloud.google.com/gke-tpu-accelerator: tpu-v6e-slice
      cloud.google.com/gke-tpu-topology: 2x2
    tolerations: [{key: google.com/tpu, operator: Exists, effect: NoSchedule}]
    containers:
      - name: main
        image: registry.redhat.io/rhaiis/vllm-tpu-rhel9:3.2.5
        env:
          - name: VLLM_ADDITIONAL_ARGS
            value: --tensor-parallel-size 4 --max-model-len 2048 --dtype bfloat16
        resources:
          requests: {google.com/tpu: "4"}
          limits: {google.com/tpu: "4"}
        startupProbe:
          httpGet: {path: /health, port: 8000, scheme: HTTPS}
          periodSeconds: 30
          failureThreshold: 60
        livenessProbe:
          httpGet: {path: /health, port: 8000, scheme: HTTPS}
          periodSeconds: 30
        readinessProbe:
          httpGet: {path: /health, port: 8000, scheme: HTTPS}
"""

# Typed from the description of the public Pattern 1 guide.
GUIDE = """
apiVersion: serving.kserve.io/v1alpha1
kind: LLMInferenceService
metadata: {name: qwen2-3b-pattern1, namespace: llm-d-inference-scheduling}
spec:
  model: {uri: "hf://Qwen/Qwen2.5-3B-Instruct", name: Qwen/Qwen2.5-3B-Instruct}
  replicas: 1
  router: {route: {}, gateway: {}, scheduler: {}}
  template:
    imagePullSecrets: [{name: redhat-pull-secret}]
    nodeSelector:
      cloud.google.com/gke-tpu-accelerator: tpu-v6e
      cloud.google.com/gke-tpu-topology: 2x2
    containers:
      - name: main
        image: registry.redhat.io/rhaiis/vllm-tpu-rhel9:3.2.5
        args:
          - --model=Qwen/Qwen2.5-3B-Instruct
          - --dtype=half
          - --max-model-len=2048
          - --tensor-parallel-size=4
          - --disable-log-requests
        env:
          - name: HF_TOKEN
            valueFrom: {secretKeyRef: {name: hf-token, key: HF_TOKEN}}
          - {name: TPU_CHIPS_PER_HOST_BOUNDS, value: "2,2,1"}
          - {name: TPU_HOST_BOUNDS, value: "1,1,1"}
          - {name: PJRT_DEVICE, value: TPU}
        resources:
          requests: {google.com/tpu: "4"}
          limits: {google.com/tpu: "4"}
        livenessProbe:
          httpGet: {path: /health, port: 8000, scheme: HTTPS}
          initialDelaySeconds: 240
          periodSeconds: 30
          timeoutSeconds: 30
          failureThreshold: 5
        readinessProbe:
          httpGet: {path: /health, port: 8000, scheme: HTTPS}
          initialDelaySeconds: 240
          periodSeconds: 10
          timeoutSeconds: 30
          failureThreshold: 60
"""


def good() -> dict[str, Any]:
    """Give a fresh copy of the manifest that has nothing wrong."""
    return dict(yaml.safe_load(GOOD))


def guide() -> dict[str, Any]:
    """Give a fresh copy of the guide's manifest."""
    return dict(yaml.safe_load(GUIDE))
