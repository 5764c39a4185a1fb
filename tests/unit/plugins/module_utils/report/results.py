# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Results of the collection's words, as a report gets them."""

from __future__ import annotations

from typing import Any

URL = "http://203.0.113.10/models/qwen"
DIGEST = f"sha256:{'a' * 64}"


def model(**more: Any) -> dict[str, Any]:
    """One of model_info."""
    return {
        "name": "qwen",
        "namespace": "models",
        "model": "Qwen/Qwen2.5-3B-Instruct",
        "uri": "hf://Qwen/Qwen2.5-3B-Instruct",
        "url": URL,
        "ready": True,
        "reason": "",
        "stopped": False,
        "rolled_out": True,
        "replicas": {"wanted": 2, "updated": 2, "available": 2, "present": 2},
        "chips": {"per_replica": 4, "in_use": 8},
        "accelerator": "tpu-v6e-slice",
        "topology": "2x2",
        "image": "registry.redhat.io/rhaiis/vllm-tpu-rhel9:3.2.5",
        "vllm": "0.11 (probably)",
        **more,
    }


def finding(**more: Any) -> dict[str, Any]:
    """A finding."""
    return {
        "code": "GATEWAY-OPEN",
        "severity": "warning",
        "message": "anybody who reaches this address may use the models",
        "path": "",
        "found": "203.0.113.10",
        "expected": "an internal address",
        "fix": "set gateway_source_ranges",
        "source": "",
        "subject": "Gateway opendatahub/inference-gateway",
        **more,
    }


def record(number: int, **more: Any) -> dict[str, Any]:
    """A request of a smoke test."""
    return {
        "question": "stream",
        "ok": True,
        "status": 200,
        "code": "",
        "started_seconds": 0.25 * number,
        "seconds": 0.2 + 0.01 * number,
        "connect_seconds": 0.004,
        "first_token_seconds": 0.06 + 0.002 * number,
        **more,
    }


def percentiles(value: float) -> dict[str, float]:
    """What many requests say."""
    return {"count": 6, **dict.fromkeys(("mean", "p50", "p90", "p95", "p99", "max"), value)}


def smoke(**more: Any) -> dict[str, Any]:
    """A result of inference_smoke."""
    replicas = ["qwen-kserve-x7x2k", "qwen-kserve-zk2ls"]
    return {
        "ok": True,
        "url": URL,
        "item": {"name": "qwen", "namespace": "models"},
        "way": "direct",
        "requests": [record(0, question="completion", first_token_seconds=None), record(1)]
        + [record(number) for number in range(2, 8)],
        "latencies": {
            "question": "stream",
            "requests": 6,
            "failed": 0,
            "concurrency": 2,
            "wall_seconds": 1.5,
            "seconds": percentiles(0.24),
            "connect_seconds": percentiles(0.004),
            "first_token_seconds": percentiles(0.07),
            "token_seconds": None,
            "gap_seconds": percentiles(0.0104),
        },
        "prefixes": [
            {"prefix": 1, "replicas": [replicas[0]] * 3},
            {"prefix": 2, "replicas": [replicas[1], replicas[1], "?"]},
        ],
        "scheduler": {
            "verdict": "proved",
            "evidence": [
                {
                    "place": "response header",
                    "says": "yes",
                    "words": "response header x-went-into-resp-headers present",
                    "exact": True,
                }
            ],
        },
        "findings": [],
        "summary": [f"HTTP 200 in 0.20 s from {URL}", "prefix  a  b", "     1  3  0"],
        **more,
    }


def pod(name: str, image: str, image_id: str, node: str = "tpu-1") -> dict[str, Any]:
    """A pod as the API server gives it."""
    return {
        "metadata": {"namespace": "models", "name": name},
        "spec": {"nodeName": node, "containers": [{"name": "main", "image": image}]},
        "status": {"containerStatuses": [{"name": "main", "imageID": image_id}]},
    }


def startup(**more: Any) -> dict[str, Any]:
    """One service of model_startup."""
    stages = (("children", 0.4), ("image", 21.3), ("weights", 34.8), ("compiled", 91.2))
    return {
        "name": "qwen",
        "namespace": "models",
        "ready": True,
        "stage": "ready",
        "reason": "ready",
        "stages": [{"stage": stage, "seconds": seconds} for stage, seconds in stages],
        "finding": None,
        **more,
    }


def node() -> dict[str, Any]:
    """A node of tpu_info."""
    return {
        "name": "gke-tpu-1",
        "accelerator": "tpu-v6e-slice",
        "topology": "2x2",
        "machine_type": "ct6e-standard-4t",
        "ready": True,
        "chips": {"capacity": 4, "allocatable": 4, "used": 4, "free": 0},
        "pods": [{"name": "models/qwen-kserve-x7x2k", "chips": 4}],
    }


def everything() -> dict[str, Any]:
    """The options of a report of a healthy cluster."""
    image = "registry.redhat.io/rhaiis/vllm-tpu-rhel9:3.2.5"
    return {
        "models": [model()],
        "operators": {
            "findings": [],
            "installs": [
                {"part": "istio", "whose": "ours", "where": "Istio default", "version": "v1.28.3"},
                {"part": "gateway-api", "whose": "ours", "where": "CRDs", "version": "v1.4.0"},
            ],
            "istio_version": "v1.28.3",
            "istiod_image": "gcr.io/istio-release/pilot:1.28.3",
            "cert_manager_version": "v1.15.5",
            "cert_manager_image": "quay.io/jetstack/cert-manager-controller:v1.15.5",
        },
        "gateway": {
            "gateway": {
                "name": "inference-gateway",
                "namespace": "opendatahub",
                "addresses": ["203.0.113.10"],
            },
            "findings": [finding()],
        },
        "tpu": {"server_version": "v1.35.4", "nodes": [node()]},
        "pods": [pod(name, image, f"{image}@{DIGEST}") for name in ("a", "b")],
        "startup": [startup()],
        "smoke": [smoke()],
        "metrics": {
            "services": [{"name": "models/qwen", "servers": {"waiting": 0, "cache": 0.25}}]
        },
    }
