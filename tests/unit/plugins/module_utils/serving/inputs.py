# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The inputs of role model as its defaults have them, with some changed."""

from __future__ import annotations

from typing import Any

DEFAULTS: dict[str, Any] = {
    "name": "qwen",
    "namespace": "team",
    "stopped": False,
    "uri": "hf://Qwen/Qwen2.5-3B-Instruct",
    "served_name": "",
    "gated": False,
    "token_secret_name": "hf-token",
    "storage_secret_name": "",
    "service_account_name": "",
    "image": "registry.redhat.io/rhaiis/vllm-tpu-rhel9:3.2.5",
    "pull_secret_name": "redhat-pull-secret",
    "replicas": 1,
    "accelerator": "tpu-v6e-slice",
    "topology": "2x2",
    "chips": 4,
    "resources": {},
    "vllm_arguments": ["--max-model-len 2048", "--dtype bfloat16"],
    "env": [],
    "startup_probe_period": 30,
    "startup_probe_failures": 60,
    "probes": {},
    "scheduler": "preset",
    "scheduler_config": {},
    "labels": {},
    "annotations": {},
    "override": {},
    "update_strategy": "auto",
}
CONFIG: dict[str, Any] = {
    "plugins": [{"type": "single-profile-handler"}, {"type": "queue-scorer"}],
    "schedulingProfiles": [{"name": "default", "plugins": [{"pluginRef": "queue-scorer"}]}],
}


def given(**changes: Any) -> dict[str, Any]:
    """The defaults with something else."""
    return {**DEFAULTS, **changes}
