# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Read services from file, text or cluster, check them, and give the findings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from ansible_collections.llmd.tpu.plugins.module_utils.connection import (
    ConnectionProblem,
    Session,
    connect,
    connection_options,
)
from ansible_collections.llmd.tpu.plugins.module_utils.findings import (
    Finding,
    failure_message,
    has_errors,
    sort_findings,
)
from ansible_collections.llmd.tpu.plugins.module_utils.manifests.masks import masked_body
from ansible_collections.llmd.tpu.plugins.module_utils.preflight.answers import judge_model
from ansible_collections.llmd.tpu.plugins.module_utils.preflight.asking import Send, look_for_file
from ansible_collections.llmd.tpu.plugins.module_utils.serving.companions import check_companions
from ansible_collections.llmd.tpu.plugins.module_utils.serving.correct import (
    Correction,
    correct,
)
from ansible_collections.llmd.tpu.plugins.module_utils.serving.live import (
    ObjectReadError,
    read_service,
)
from ansible_collections.llmd.tpu.plugins.module_utils.serving.manifest_file import (
    ManifestError,
    parse_text,
    read_file,
    sort_documents,
)
from ansible_collections.llmd.tpu.plugins.module_utils.serving.server_flags import (
    Version,
    version_of_text,
)
from ansible_collections.llmd.tpu.plugins.module_utils.serving.tracks import DEFAULT_TRACK, TRACKS
from ansible_collections.llmd.tpu.plugins.module_utils.serving.view import View
from ansible_collections.llmd.tpu.plugins.module_utils.smoke.exchange import parse_json
from ansible_collections.llmd.tpu.plugins.module_utils.smoke.transport import HttpTransport
from ansible_collections.llmd.tpu.plugins.module_utils.tpu.model_configuration import (
    ModelConfiguration,
    UnknownModel,
    read_configuration,
)


def argument_spec() -> dict[str, Any]:
    """Give the options of the task, with kubernetes.core's connection options."""
    return {
        **connection_options(),
        "src": {"type": "path"},
        "definition": {"type": "raw"},
        "name": {"type": "str"},
        "namespace": {"type": "str"},
        "kserve_track": {"type": "str", "default": DEFAULT_TRACK, "choices": list(TRACKS)},
        "model_config": {"type": "dict"},
        "vllm_version": {"type": "str"},
        "hub_url": {"type": "str"},
        "hub_token": {"type": "str", "no_log": True},
        "findings_only": {"type": "bool", "default": False},
    }


CONSTRAINTS: dict[str, Any] = {
    "mutually_exclusive": [("src", "definition", "name")],
    "required_one_of": [("src", "definition", "name")],
    "required_together": [("name", "namespace")],
}


def run(
    parameters: Mapping[str, Any],
    open_session: Callable[[Mapping[str, Any]], Session] = connect,
    send: Send | None = None,
) -> dict[str, Any]:
    """Read the input, check it, and give the task's result; never raises for bad input."""
    try:
        origin, documents = _read(parameters, open_session)
        model, vllm = _model(parameters), _vllm(parameters)
    except (ManifestError, ObjectReadError, ConnectionProblem, UnknownModel) as problem:
        return {"failed": True, "changed": False, "msg": str(problem)}
    manifests = sort_documents(documents, origin)
    track = TRACKS[parameters["kserve_track"]]
    checked = check_companions(manifests.services, manifests.others)
    corrected: list[dict[str, Any]] = []
    ask_hub = bool(parameters["hub_url"]) and model is None
    hub = (send or _transport()) if ask_hub else None
    for service in manifests.services:
        seen, told = _ask_hub(service, parameters, hub) if hub else (model, [])
        correction = correct(service, track, seen, vllm)
        checked += [*told, *correction.found]
        if correction.found:
            corrected.append(_corrected(correction, service))
    findings = sort_findings([*manifests.findings, *checked])
    ok = not has_errors(findings)
    result: dict[str, Any] = {
        "changed": False,
        "ok": ok,
        "findings": [finding.to_dict() for finding in findings],
        "corrected": corrected,
        "services": [_full_name(one) for one in manifests.services],
    }
    if not ok and not parameters["findings_only"]:
        result.update(failed=True, msg=failure_message(origin, findings))
    return result


def _model(parameters: Mapping[str, Any]) -> ModelConfiguration | None:
    """The dimensions that the user gives. Raises UnknownModel in words for the user."""
    config = parameters["model_config"]
    if config is None:
        return None
    try:
        return read_configuration(config)
    except UnknownModel as problem:
        raise UnknownModel(
            f"model_config: {problem}. Expected the content of the model's config.json, of a dense "
            "model; leave the option out to go on without these checks."
        ) from problem


def _transport() -> Send:
    return HttpTransport(timeout=10).send


def _ask_hub(
    service: Mapping[str, Any], parameters: Mapping[str, Any], send: Send
) -> tuple[ModelConfiguration | None, list[Finding]]:
    """The model's dimensions from the hub, where the user wants it asked, and what it refused."""
    view, hub, token = View(service), parameters["hub_url"], parameters["hub_token"] or ""
    if not view.model_uri.startswith("hf://"):
        return None, []
    seen = look_for_file(hub, view.model_uri, "config.json", token, send, whole=True)
    finding = judge_model(view.model_uri, seen, hub, with_token=bool(token))
    config = parse_json(seen.body)
    if finding or not isinstance(config, Mapping):
        return None, [replace(finding, subject=view.subject)] if finding else []
    try:
        return read_configuration(config), []
    except UnknownModel:
        return None, []  # a finding of the checks tells that the dimensions are not known


def _vllm(parameters: Mapping[str, Any]) -> Version | None:
    text = parameters["vllm_version"]
    if text is None:
        return None
    version = version_of_text(text)
    if version is None:
        raise ManifestError(f"vllm_version: {text!r} is no version. Expected one such as 0.12.0.")
    return version


def _corrected(found: Correction, service: Mapping[str, Any]) -> dict[str, Any]:
    """One corrected service for the result, without the values of secret variables."""
    return {
        "service": _full_name(service),
        "ok": not has_errors(found.findings),
        "changes": list(found.changes),
        "definition": masked_body(found.manifest),
    }


def _read(
    parameters: Mapping[str, Any], open_session: Callable[[Mapping[str, Any]], Session]
) -> tuple[str, list[Any]]:
    """Give the name of the input for messages, and its documents."""
    if parameters["src"] is not None:
        origin = str(parameters["src"])
        return origin, parse_text(read_file(origin), origin)
    if parameters["definition"] is not None:
        definition = parameters["definition"]
        if isinstance(definition, str):
            return "definition", parse_text(definition, "definition")
        return "definition", definition if isinstance(definition, list) else [definition]
    name, namespace = parameters["name"], parameters["namespace"]
    session = open_session(parameters)
    return f"{namespace}/{name} in {session.server}", [read_service(session, namespace, name)]


def _full_name(service: Mapping[str, Any]) -> str:
    metadata = service.get("metadata")
    if not isinstance(metadata, Mapping):
        return ""
    return "/".join(str(metadata[key]) for key in ("namespace", "name") if metadata.get(key))
