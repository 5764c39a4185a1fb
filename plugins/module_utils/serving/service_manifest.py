# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The LLMInferenceService that the inputs of role model ask for. Pure.

Only what differs from KServe's presets is written: they bring command, args, TLS and volumes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ansible_collections.llmd.tpu.plugins.module_utils.serving.merge import merged
from ansible_collections.llmd.tpu.plugins.module_utils.serving.names import names_of
from ansible_collections.llmd.tpu.plugins.module_utils.serving.rollout import STOP_ANNOTATION
from ansible_collections.llmd.tpu.plugins.module_utils.serving.server import PARALLEL
from ansible_collections.llmd.tpu.plugins.module_utils.serving.service_inputs import ServiceInputs
from ansible_collections.llmd.tpu.plugins.module_utils.serving.storage import (
    SECRET_ANNOTATION,
    hub_id,
)
from ansible_collections.llmd.tpu.plugins.module_utils.serving.tracks import KIND, Track
from ansible_collections.llmd.tpu.plugins.module_utils.serving.view import (
    ADDITIONAL_ARGS,
    SERVER_CONTAINER,
    split_flags,
    split_words,
)
from ansible_collections.llmd.tpu.plugins.module_utils.tpu.machines import (
    ACCELERATOR_LABEL,
    RESOURCE,
    TAINT_EFFECT,
    TAINT_KEY,
    TOPOLOGY_LABEL,
)
from ansible_collections.llmd.tpu.plugins.module_utils.tpu.topology import generation_of

Object = dict[str, Any]

# Whoever gives one of these has decided how the chips are shared out.
_SHARING = (*PARALLEL, "--pipeline-parallel-size", "-pp", "--data-parallel-size", "-dp")
_HEALTH = {"httpGet": {"path": "/health", "port": 8000, "scheme": "HTTPS"}}
_SCHEDULER_CONFIG = {
    "apiVersion": "inference.networking.x-k8s.io/v1alpha1",
    "kind": "EndpointPickerConfig",
}


def manifest_of(service: ServiceInputs, track: Track) -> Object:
    """The object, with the override merged in last."""
    metadata: Object = {"name": service.name, "namespace": service.namespace}
    if service.labels:
        metadata["labels"] = {str(key): str(text) for key, text in service.labels.items()}
    metadata["annotations"] = _annotations(service)
    made = {
        "apiVersion": track.api_version,
        "kind": KIND,
        "metadata": metadata,
        "spec": {
            "model": {"uri": service.uri, "name": _served_name(service)},
            "replicas": service.replicas,
            "router": {"route": {}, "gateway": {}, **_scheduler(service, track)},
            "template": _template(service),
        },
    }
    result: Object = merged(made, service.override or {})
    return result


def _served_name(service: ServiceInputs) -> str:
    return service.served_name or hub_id(service.uri) or service.name


def _annotations(service: ServiceInputs) -> dict[str, str]:
    """The stop is always said: then a service that somebody stopped by hand starts again."""
    given = {str(key): str(text) for key, text in (service.annotations or {}).items()}
    hub_secret = service.token_secret_name if service.gated and hub_id(service.uri) else ""
    secret = service.storage_secret_name or hub_secret
    return {
        **given,
        **({SECRET_ANNOTATION: secret} if secret else {}),
        STOP_ANNOTATION: str(service.stopped).lower(),
    }


def _scheduler(service: ServiceInputs, track: Track) -> Object:
    if service.scheduler == "none":
        return {}
    if service.scheduler == "preset":
        return {"scheduler": {}}
    config = {**_SCHEDULER_CONFIG, **(service.scheduler_config or {})}
    if not track.scheduler_arguments:
        return {"scheduler": {"config": {"inline": config}}}
    pool = names_of(service.namespace, service.name, track).pool
    arguments = [
        word.format(pool=pool, namespace=service.namespace) for word in track.scheduler_arguments
    ]
    text = json.dumps(config, indent=2)
    container = {"name": "main", "args": [*arguments, "--config-text", text]}
    return {"scheduler": {"template": {"containers": [container]}}}


def _template(service: ServiceInputs) -> Object:
    template: Object = {
        "nodeSelector": {
            ACCELERATOR_LABEL: service.accelerator,
            TOPOLOGY_LABEL: service.topology,
        },
        "tolerations": [{"key": TAINT_KEY, "operator": "Exists", "effect": TAINT_EFFECT}],
    }
    if service.service_account_name:
        template["serviceAccountName"] = service.service_account_name
    if service.pull_secret_name:
        template["imagePullSecrets"] = [{"name": service.pull_secret_name}]
    template["containers"] = [_server(service)]
    return template


def _server(service: ServiceInputs) -> Object:
    chips = {RESOURCE: str(service.chips)}
    flags = {"name": ADDITIONAL_ARGS, "value": " ".join(_arguments(service))}
    return {
        "name": SERVER_CONTAINER,
        "image": service.image,
        "env": [flags, *(dict(entry) for entry in service.env)],
        "resources": merged({"requests": chips, "limits": chips}, service.resources or {}),
        **_probes(service),
    }


def _arguments(service: ServiceInputs) -> list[str]:
    """The flags; all chips of the pod are used unless they say otherwise."""
    given = [str(text) for text in service.vllm_arguments]
    words = split_words(" ".join(given))
    if words is None or any(flag.name in _SHARING for flag in split_flags(words, "")):
        return given
    generation = generation_of(service.accelerator)
    devices = service.chips * (generation.devices_per_chip if generation else 1)
    return [f"--tensor-parallel-size {devices}", *given]


def _probes(service: ServiceInputs) -> Object:
    """The startup probe lets the server compile, which a liveness probe alone would not."""
    seconds: dict[str, dict[str, int]] = {
        "startup": {
            "periodSeconds": service.startup_probe_period,
            "timeoutSeconds": 5,
            "failureThreshold": service.startup_probe_failures,
        },
        "liveness": {"periodSeconds": 10, "timeoutSeconds": 10, "failureThreshold": 3},
        "readiness": {"periodSeconds": 5, "timeoutSeconds": 5, "failureThreshold": 3},
    }
    given: Mapping[str, Any] = service.probes or {}
    return {
        f"{name}Probe": merged({**_HEALTH, **numbers}, given.get(name) or {})
        for name, numbers in seconds.items()
    }
