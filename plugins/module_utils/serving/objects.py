# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Is the object one that this KServe takes, and can it find the weights? Pure.

Sources: opendatahub-io/kserve ``pkg/controller/llmisvc``: ``workload_storage.go`` (URI schemes),
``config_merge.go`` (the merged spec is executed as a Go template), run with release-v0.15;
``kserve_storage.py`` (form of a hub id).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from ansible_collections.llmd.tpu.plugins.module_utils.findings import Finding
from ansible_collections.llmd.tpu.plugins.module_utils.serving.names import LONGEST_PLAIN_NAME
from ansible_collections.llmd.tpu.plugins.module_utils.serving.tracks import Track
from ansible_collections.llmd.tpu.plugins.module_utils.serving.view import View

_STORAGE = "KServe, pkg/controller/llmisvc/workload_storage.go"
_SCHEMES = ("hf", "s3", "pvc", "oci")
_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_LONGEST_LABEL = 63

# What bash passes on unchanged when it is not quoted.
_PLAIN_WORD = re.compile(r"[A-Za-z0-9_./:@%+=,-]+")

# What may begin a Go template action: keywords, KServe's one function, text/template's functions.
_TEMPLATE_WORD = re.compile(
    r"if|else|end|range|with|define|template|block|break|continue|true|false|nil|ChildName"
    r"|and|or|not|len|index|slice|print|printf|println|html|js|call|urlquery|eq|ne|lt|le|gt|ge"
)
_ACTION = re.compile(r"\{\{-?\s*(.*?)\s*-?\}\}", re.DOTALL)


def check_object(view: View, track: Track) -> Iterator[Finding]:
    """Check API version, name, model URI, model name, templates and the download's container."""
    yield from _check_api_version(view, track)
    yield from _check_name(view)
    yield from _check_uri(view)
    yield from _check_model_name(view)
    yield from _check_templates(view.spec, "spec", set())
    yield from _check_downloader(view, track)
    yield from _check_scaling(view, track)
    yield from _check_bases(view)


def _check_api_version(view: View, track: Track) -> Iterator[Finding]:
    if view.api_version not in track.accepted_api_versions:
        yield Finding(
            code="KSERVE-API-VERSION",
            severity="error",
            message=f"KServe {track.name} does not know this API version",
            path="apiVersion",
            found=view.api_version or "nothing",
            expected=" or ".join(track.accepted_api_versions),
            fix=f"write apiVersion: {track.api_version}, or set the track of the KServe you run",
            source="CustomResourceDefinition llminferenceservices.serving.kserve.io of "
            f"{track.name}",
        )
    elif view.api_version != track.api_version:
        yield Finding(
            code="KSERVE-API-VERSION-OLD",
            severity="info",
            message=f"KServe {track.name} converts this API version to {track.api_version}",
            path="apiVersion",
            found=view.api_version,
            expected=track.api_version,
            fix=f"write apiVersion: {track.api_version} when convenient",
        )


def _check_name(view: View) -> Iterator[Finding]:
    name = view.name
    if not _LABEL.fullmatch(name) or len(name) > _LONGEST_LABEL:
        yield Finding(
            code="KSERVE-NAME",
            severity="error",
            message="the name becomes a label value and part of Service names",
            path="metadata.name",
            found=name or "nothing",
            expected="1 to 63 lower-case letters, digits and dashes, no dash at either end",
            fix="choose such a name",
            source="Kubernetes documentation, object names (RFC 1123 label)",
        )
    elif name[0].isdigit():
        yield Finding(
            code="KSERVE-NAME",
            severity="warning",
            message="KServe names Services after it, and a Service's name begins with a letter",
            path="metadata.name",
            found=name,
            expected="a name that begins with a letter",
            fix="choose such a name",
            source="Kubernetes documentation, object names (RFC 1035 label)",
        )
    elif len(name) > LONGEST_PLAIN_NAME:
        yield Finding(
            code="KSERVE-NAME-SHORTENED",
            severity="info",
            message="KServe shortens some names of this service's objects by a hash",
            path="metadata.name",
            found=f"{len(name)} characters",
            expected=f"up to {LONGEST_PLAIN_NAME} characters keep every name plain",
            source="knative.dev/pkg, kmeta/names.go",
        )


def _check_uri(view: View) -> Iterator[Finding]:
    uri = view.model_uri
    scheme, separator, rest = uri.partition("://")
    if not uri or not separator:
        yield Finding(
            code="STORAGE-URI-BARE" if uri else "STORAGE-URI-MISSING",
            severity="error",
            message="the model's address needs a scheme, or KServe refuses it: invalid model URI",
            path="spec.model.uri",
            found=uri or "nothing",
            expected="hf://ORGANISATION/MODEL, pvc://CLAIM/PATH, oci://IMAGE or s3://BUCKET/PATH",
            fix=f"write hf://{uri}" if uri.count("/") == 1 else "write the address with its scheme",
            source=_STORAGE,
        )
    elif scheme not in _SCHEMES:
        yield Finding(
            code="STORAGE-URI-SCHEME",
            severity="error",
            message=f"KServe's LLMInferenceService takes no {scheme}:// addresses",
            path="spec.model.uri",
            found=uri[:200],
            expected=", ".join(f"{one}://" for one in _SCHEMES),
            fix="copy the model to a volume (pvc://) or an image (oci://), or use the hub (hf://)",
            source=_STORAGE,
        )
    elif scheme == "hf" and not re.fullmatch(r"[^/:\s]+/[^/:\s]+(:[^/:\s]+)?", rest):
        yield Finding(
            code="STORAGE-HUB-ID",
            severity="error",
            message="a hub address is ORGANISATION/MODEL; the download refuses anything else",
            path="spec.model.uri",
            found=uri[:200],
            expected="exactly one slash after hf://, then at most :REVISION",
            fix="write hf://ORGANISATION/MODEL",
            source="KServe storage initializer, kserve_storage.py",
        )


def _check_model_name(view: View) -> Iterator[Finding]:
    name = view.model_name
    if name and "{{" not in name and not _PLAIN_WORD.fullmatch(name):
        yield Finding(
            code="SERVER-MODEL-NAME",
            severity="error",
            message="KServe's start script passes the model name to the shell without quotes",
            path="spec.model.name",
            found=name[:200],
            expected="letters, digits and _ . / : @ % + = , - only",
            fix="choose a name without blanks and shell characters",
            source="KServe preset kserve-config-llm-template, start script",
        )


def _check_templates(value: object, path: str, seen: set[int]) -> Iterator[Finding]:
    """Walk all texts of the spec. ``seen`` ends cycles and repeats that YAML aliases make."""
    if isinstance(value, str):
        yield from _check_template(value, path)
    elif isinstance(value, Mapping | list) and id(value) not in seen:
        seen.add(id(value))
        for step, child in _children(value):
            yield from _check_templates(child, path + step, seen)


def _children(value: Mapping[Any, Any] | list[Any]) -> Iterator[tuple[str, Any]]:
    if isinstance(value, list):
        yield from ((f"[{position}]", child) for position, child in enumerate(value))
    else:
        yield from ((f".{key}", child) for key, child in value.items())


def _check_template(text: str, path: str) -> Iterator[Finding]:
    if "{{" not in text:
        return
    problem = _template_problem(text)
    yield Finding(
        code="KSERVE-TEMPLATE-BROKEN" if problem else "KSERVE-TEMPLATE",
        severity="error" if problem else "info",
        message=f"KServe executes {{{{ }}}} in the spec as a Go template: {problem}"
        if problem
        else "KServe executes {{ }} in the spec as a Go template",
        path=path,
        found=text[:200],
        expected="no {{, or a field such as {{ .Spec.Model.Name }}",
        fix="keep text with {{ (a chat template) in a file of the image or a ConfigMap",
        source="KServe, pkg/controller/llmisvc/config_merge.go",
    )


def _template_problem(text: str) -> str:
    """Say why a Go template cannot be executed; empty when it looks right."""
    if text.count("{{") > len(_ACTION.findall(text)):
        return "an opening {{ has no }}"
    for action in _ACTION.findall(text):
        word = re.match(r"[A-Za-z_][A-Za-z0-9_]*", action)
        if '"' in action:
            return 'a " inside the braces breaks the JSON around it'
        if word and not _TEMPLATE_WORD.fullmatch(word.group()):
            return f"function {word.group()} is not defined"
    return ""


# Fields and annotations by which other KServe kinds, or later lines, scale or shift traffic.
_SCALING_FIELDS = (
    "autoscaling", "canaryTrafficPercent", "maxReplicas", "minReplicas", "scaleMetric",
    "scaleTarget", "scaling",
)  # fmt: skip
_SCALING_ANNOTATIONS = ("serving.kserve.io/autoscalerClass", "autoscaling.knative.dev/")


def _check_scaling(view: View, track: Track) -> Iterator[Finding]:
    if not track.script_in_args:
        return
    places = [f"spec.{field}" for field in _SCALING_FIELDS if field in view.spec]
    places += [
        f'metadata.annotations["{name}"]'
        for name in view.annotations
        if str(name).startswith(_SCALING_ANNOTATIONS)
    ]
    for place in places:
        field = place.startswith("spec.")
        yield Finding(
            code="KSERVE-SCALING",
            severity="error" if field else "warning",
            message=f"KServe {track.name} has no autoscaling and no canary for this kind"
            + ("; the API server does not know the field" if field else "; nothing reads it"),
            path=place,
            found=place.rpartition(".")[2] if field else place.split('"')[1],
            expected="spec.replicas, a fixed number",
            fix="remove it, and write the number of replicas",
            source="opendatahub-io/kserve release-v0.15, pkg/controller/llmisvc",
        )


# Names of configurations that go round in descriptions, and that no KServe brings.
_NO_BASES = ("default-predictor", "vllm-default")


def _check_bases(view: View) -> Iterator[Finding]:
    bases = view.spec.get("baseRefs")
    for position, base in enumerate(bases if isinstance(bases, list) else ()):
        name = base.get("name") if isinstance(base, Mapping) else None
        if name in _NO_BASES:
            yield Finding(
                code="KSERVE-BASE-MISSING",
                severity="warning",
                message="KServe brings no configuration of this name; without it nothing of the "
                "service is made (PresetsCombined False)",
                path=f"spec.baseRefs[{position}].name",
                found=str(name),
                expected="no baseRefs: KServe takes its own kserve-config-llm-* by itself",
                fix="remove it, unless you have made such an LLMInferenceServiceConfig",
                source="opendatahub-io/kserve, config/llmisvc",
            )


def _check_downloader(view: View, track: Track) -> Iterator[Finding]:
    for container in view.init_containers:
        if container.value.get("name") == "storage-initializer":
            certain = track.script_in_args and "image" not in container.value
            yield Finding(
                code="STORAGE-INITIALIZER-ADJUSTED",
                severity="error" if certain else "warning",
                message="KServe leaves a storage-initializer of yours as it is, so it stays "
                "without image and the Deployment is invalid"
                if certain
                else "KServe leaves a storage-initializer of yours as it is",
                path=container.path,
                found="initContainer storage-initializer",
                expected="none: KServe adds it",
                fix="remove it; a mirror or proxy belongs into the cluster's KServe configuration",
                source="KServe release-v0.15, run: initContainers[0].image: Required value",
            )
