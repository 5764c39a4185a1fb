# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Filters for the kserve phase: the order of the overlay, and which kustomize can render it."""

from __future__ import annotations

import json
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.llmd.tpu.plugins.module_utils.manifests.yaml_text import parse
from ansible_collections.llmd.tpu.plugins.module_utils.rendering.kustomize_version import verdict

STAGES = ("crds", "core", "webhooks", "configs")


def _stage(kind: str) -> str:
    """The stage in which objects of this kind are applied."""
    if kind == "CustomResourceDefinition":
        return "crds"
    if kind.endswith("WebhookConfiguration"):
        return "webhooks"
    # Their admission webhook must answer before they can be written.
    if kind == "LLMInferenceServiceConfig":
        return "configs"
    return "core"


def kserve_stages(rendered: str, skip_crds: list[str] | None = None) -> dict[str, list[str]]:
    """The rendered overlay in the order that works: crds, core, webhooks, configs.

    In one go the configs fail on an empty cluster (their CRD is not established) and on the
    next run their webhook has no endpoint yet. skip_crds names the CRDs that another phase owns.
    Each object comes as JSON text: the overlay has some 80,000 values, and Ansible looks at every
    one of them whenever it hands them on.
    Raises AnsibleFilterError when the text holds no Deployment or no CRD, which is not the overlay.
    """
    foreign = set(skip_crds or [])
    stages: dict[str, list[str]] = {name: [] for name in STAGES}
    kinds = set()
    for item in filter(None, parse(str(rendered))):
        stage = _stage(item["kind"])
        kinds.add(item["kind"])
        if stage != "crds" or item["metadata"]["name"] not in foreign:
            stages[stage].append(json.dumps(item))
    if not stages["crds"] or "Deployment" not in kinds:
        raise AnsibleFilterError(
            "The rendered manifests hold no CRD or no Deployment: this is not KServe's odh-xks "
            "overlay."
        )
    return stages


def kustomize_verdict(output: str) -> dict[str, str]:
    """Can this kustomize render the overlay? Its version, an error or a warning (or neither).

    The input is what `kustomize version` or `kubectl version --client --output=json` prints.
    """
    return verdict(output).to_dict()


class FilterModule:
    """The filters of this file, as Ansible asks for them."""

    def filters(self) -> dict[str, Any]:
        """Filter name to function."""
        return {"kserve_stages": kserve_stages, "kustomize_verdict": kustomize_verdict}
