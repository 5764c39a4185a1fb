# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""All checks over one LLMInferenceService, in one list. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from ansible_collections.llmd.tpu.plugins.module_utils.findings import Finding, sort_findings
from ansible_collections.llmd.tpu.plugins.module_utils.serving.image import check_image
from ansible_collections.llmd.tpu.plugins.module_utils.serving.memory import check_memory
from ansible_collections.llmd.tpu.plugins.module_utils.serving.objects import check_object
from ansible_collections.llmd.tpu.plugins.module_utils.serving.placement import check_placement
from ansible_collections.llmd.tpu.plugins.module_utils.serving.probes import check_probes
from ansible_collections.llmd.tpu.plugins.module_utils.serving.server import check_server
from ansible_collections.llmd.tpu.plugins.module_utils.serving.server_flags import Version
from ansible_collections.llmd.tpu.plugins.module_utils.serving.tracks import Track
from ansible_collections.llmd.tpu.plugins.module_utils.serving.view import View
from ansible_collections.llmd.tpu.plugins.module_utils.tpu.model_configuration import (
    ModelConfiguration,
)

Check = Callable[[View, Track], Iterator[Finding]]

_OF_SERVER: tuple[Check, ...] = (
    check_placement,
    check_server,
    check_image,
    check_memory,
    check_probes,
)
CHECKS: tuple[Check, ...] = (check_object, *_OF_SERVER)


def check_service(
    manifest: Mapping[str, Any],
    track: Track,
    model: ModelConfiguration | None = None,
    vllm: Version | None = None,
) -> list[Finding]:
    """Give everything worth saying about one LLMInferenceService, worst first.

    Without ``model`` its dimensions come from a table of well-known models, and without ``vllm``
    the server's version from the image's tag; what neither tells is not checked.
    """
    view = View(manifest, model, vllm)
    findings = [finding for check in CHECKS for finding in check(view, track)]
    # The view has noted wrong types while the checks were reading.
    findings += view.findings
    for path, part, checks in _parts(manifest):
        other = View(part, model, vllm)
        told = [finding for check in checks for finding in check(other, track)]
        findings += [
            replace(finding, path=finding.path.replace("spec.template", path, 1))
            for finding in [*other.findings, *told]
            if finding.path.startswith("spec.template")
        ]
    unique = dict.fromkeys(replace(finding, subject=view.subject) for finding in findings)
    return sort_findings(unique)


# Besides the server's own pod a service may have pods for prefill, and workers of several hosts.
_PARTS: tuple[tuple[tuple[str, ...], tuple[Check, ...]], ...] = (
    (("prefill", "template"), _OF_SERVER),
    (("prefill", "worker"), (check_placement,)),
    (("worker",), (check_placement,)),
)


def _parts(
    manifest: Mapping[str, Any],
) -> Iterator[tuple[str, dict[str, Any], tuple[Check, ...]]]:
    """The other pods, each as a service whose template is that pod's; and the pod's path."""
    spec = manifest.get("spec")
    for steps, checks in _PARTS:
        pod: Any = spec
        for step in steps:
            pod = pod.get(step) if isinstance(pod, Mapping) else None
        if isinstance(spec, Mapping) and isinstance(pod, Mapping):
            part = {**manifest, "spec": {**spec, "template": pod}}
            yield ".".join(("spec", *steps)), part, checks
