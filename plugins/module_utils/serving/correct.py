# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Make every mechanical fix to an LLMInferenceService, in a copy. Pure.

A fix is mechanical when the findings leave one answer only. One finding is fixed at a time and the
result is checked again, so that a fix never relies on places that an earlier one has moved.
"""

from __future__ import annotations

import copy
import re
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.llmd.tpu.plugins.module_utils.findings import Finding
from ansible_collections.llmd.tpu.plugins.module_utils.serving.checks import check_service
from ansible_collections.llmd.tpu.plugins.module_utils.serving.placement import (
    generation_of_pods,
    whole_number,
)
from ansible_collections.llmd.tpu.plugins.module_utils.serving.server_flags import Version
from ansible_collections.llmd.tpu.plugins.module_utils.serving.tracks import Track
from ansible_collections.llmd.tpu.plugins.module_utils.serving.view import (
    ADDITIONAL_ARGS,
    SERVER_CONTAINER,
    View,
)
from ansible_collections.llmd.tpu.plugins.module_utils.tpu.machines import (
    RESOURCE,
    TAINT_EFFECT,
    TAINT_KEY,
    TOPOLOGY_LABEL,
    Machine,
)
from ansible_collections.llmd.tpu.plugins.module_utils.tpu.memory import valid_parallel_sizes
from ansible_collections.llmd.tpu.plugins.module_utils.tpu.model_configuration import (
    ModelConfiguration,
)
from ansible_collections.llmd.tpu.plugins.module_utils.tpu.topology import (
    machines_of,
    suggest_label,
)

_MOST = 100
_HEALTH = {"path": "/health", "port": 8000, "scheme": "HTTPS"}
_STARTUP = {"httpGet": _HEALTH, "periodSeconds": 30, "failureThreshold": 60}
_PASSED_BY_KSERVE = ("--model", "--port", "--served-model-name", "--ssl-certfile", "--ssl-keyfile")


@dataclass(frozen=True)
class Correction:
    """A corrected manifest, what was changed in words, and the findings before and after."""

    manifest: dict[str, Any]
    changes: tuple[str, ...]
    found: tuple[Finding, ...]
    findings: tuple[Finding, ...]


class _NotMechanical(Exception):
    """There is more than one answer, or none."""


def correct(
    manifest: Mapping[str, Any],
    track: Track,
    model: ModelConfiguration | None = None,
    vllm: Version | None = None,
) -> Correction:
    """Fix what can be fixed in one way only; the manifest given stays as it is."""
    result: dict[str, Any] = copy.deepcopy(dict(manifest))
    findings = found = check_service(result, track, model, vllm)
    changes: list[str] = []
    hopeless: set[Finding] = set()
    for _again in range(_MOST):
        finding = next((f for f in findings if f.code in _FIXES and f not in hopeless), None)
        if finding is None:
            break
        attempt = copy.deepcopy(result)
        try:
            words = _FIXES[finding.code](_Editor(attempt, track, model, vllm), finding)
        except (_NotMechanical, LookupError, TypeError, ValueError, AttributeError):
            # Something beside it has the wrong type, which is a finding of its own.
            hopeless.add(finding)
            continue
        left = check_service(attempt, track, model, vllm)
        if finding in left:
            hopeless.add(finding)
            continue
        result, findings = attempt, left
        changes.append(f"{finding.path}: {words}")
    return Correction(result, tuple(changes), tuple(found), tuple(findings))


class _Editor:
    """Edits one manifest in place, at the paths that findings name."""

    def __init__(
        self,
        manifest: dict[str, Any],
        track: Track,
        model: ModelConfiguration | None,
        vllm: Version | None,
    ) -> None:
        self.manifest = manifest
        self.track = track
        self.view = View(manifest, model, vllm)

    @property
    def template(self) -> dict[str, Any]:
        template: dict[str, Any] = self.manifest["spec"]["template"]
        return template

    @property
    def server(self) -> dict[str, Any]:
        """The container of the model server."""
        for container in self.template["containers"]:
            if isinstance(container, dict) and container.get("name") == SERVER_CONTAINER:
                return container
        raise _NotMechanical

    def replace(self, path: str, value: Any) -> None:
        parent, step = self._parent(path)
        parent[step] = value

    def remove(self, path: str) -> None:
        parent, step = self._parent(path)
        del parent[step]
        if isinstance(parent, list) and not parent:
            self.remove(path.rpartition("[")[0])

    def _parent(self, path: str) -> tuple[Any, Any]:
        steps = _steps(path)
        node: Any = self.manifest
        for step in steps[:-1]:
            node = node[step]
        return node, steps[-1]

    def machine(self) -> Machine:
        """The one machine that the chips, or else the topology, of this manifest mean."""
        generation = generation_of_pods(self.view)
        if generation is None:
            raise _NotMechanical
        topologies = {str(one.value) for one in self.view.selector_values(TOPOLOGY_LABEL)}
        machines = [one for one in machines_of(generation) if one.confirmed]
        for wanted in (
            [one for one in machines if one.chips in self._chips() and one.topology in topologies],
            [one for one in machines if one.chips in self._chips()],
            [one for one in machines if one.topology in topologies],
        ):
            if len(wanted) == 1:
                return wanted[0]
        raise _NotMechanical

    def _chips(self) -> set[int]:
        found: set[int] = set()
        for container in self.view.containers:
            for kind in ("limits", "requests"):
                chips = whole_number(self.view.resources(container, kind).get(RESOURCE))
                if chips:
                    found.add(chips)
        return found

    def place(self) -> str:
        """Select the machine's topology and request all of its chips."""
        machine = self.machine()
        self.template.setdefault("nodeSelector", {})[TOPOLOGY_LABEL] = machine.topology
        resources = self.server.setdefault("resources", {})
        for kind in ("requests", "limits"):
            resources.setdefault(kind, {})[RESOURCE] = str(machine.chips)
        return f"topology {machine.topology} with {machine.chips} chips ({machine.name})"

    def flags(self, path: str, edit: Callable[[list[str]], list[str]]) -> None:
        """Edit the words of a command line that stands as text, or as a list of words."""
        parent, step = self._parent(path)
        value = parent[step]
        if isinstance(value, str):
            parent[step] = " ".join(_quoted(word) for word in edit(shlex.split(value)))
        else:
            parent[step] = edit([str(word) for word in value])


def _steps(path: str) -> list[Any]:
    """Split `spec.a[0].b["c.d"]` into its steps."""
    found = re.findall(r'\["([^"]*)"\]|\[(\d+)\]|([^.\[\]]+)', path)
    return [key or (int(index) if index else name) for key, index, name in found]


def _quoted(word: str) -> str:
    return word if re.fullmatch(r"[\w@%+=:,./-]+", word, re.ASCII) else shlex.quote(word)


def _without(words: list[str], *names: str) -> list[str]:
    """Drop flags and their values, as `split_flags` reads them."""
    result: list[str] = []
    dropping = False
    for word in words:
        if word.startswith("-"):
            name, equals, _value = word.partition("=")
            gone = name.replace("_", "-") in names
            dropping = gone and not equals
            if gone:
                continue
        elif dropping:
            dropping = False
            continue
        result.append(word)
    return result


def _flag_of(finding: Finding) -> str:
    return finding.found.split(" ", 1)[0].split("=", 1)[0]


def _fix_label(editor: _Editor, finding: Finding) -> str:
    meant = suggest_label(finding.found)
    if meant is None:
        raise _NotMechanical
    editor.replace(finding.path, meant)
    return f"{finding.found} becomes {meant}"


def _fix_placement(editor: _Editor, _finding: Finding) -> str:
    return editor.place()


def _fix_several(editor: _Editor, _finding: Finding) -> str:
    for container in editor.template["containers"]:
        if container.get("name") != SERVER_CONTAINER:
            for kind in ("requests", "limits"):
                (container.get("resources") or {}).get(kind, {}).pop(RESOURCE, None)
    return "chips for container main only"


def _fix_toleration(editor: _Editor, _finding: Finding) -> str:
    editor.template.setdefault("tolerations", []).append(
        {"key": TAINT_KEY, "operator": "Exists", "effect": TAINT_EFFECT}
    )
    return f"toleration of {TAINT_KEY} added"


def _remove(editor: _Editor, finding: Finding) -> str:
    editor.remove(finding.path)
    return f"removed ({finding.found})"


def _fix_args(editor: _Editor, _finding: Finding) -> str:
    server = editor.server
    words = _without([str(word) for word in server.pop("args")], *_PASSED_BY_KSERVE)
    text = " ".join(_quoted(word) for word in words)
    environment = server.setdefault("env", [])
    entry = next((one for one in environment if one.get("name") == ADDITIONAL_ARGS), None)
    if entry is None:
        environment.append({"name": ADDITIONAL_ARGS, "value": text})
    else:
        entry["value"] = f"{entry['value']} {text}".strip()
    return f"moved into env {ADDITIONAL_ARGS}"


def _remove_flag(editor: _Editor, finding: Finding) -> str:
    editor.flags(finding.path, lambda words: _without(words, _flag_of(finding)))
    return f"{_flag_of(finding)} removed"


def _set_flag(editor: _Editor, path: str, value: str, *names: str) -> str:
    editor.flags(path, lambda words: [*_without(words, *names), f"{names[0]}={value}"])
    return f"{names[0]} becomes {value}"


def _fix_dtype(editor: _Editor, finding: Finding) -> str:
    return _set_flag(editor, finding.path, "bfloat16", "--dtype")


def _fix_parallel(editor: _Editor, finding: Finding) -> str:
    machine = editor.machine()
    generation = generation_of_pods(editor.view)
    devices = machine.chips * (generation.devices_per_chip if generation else 1)
    model = editor.view.model
    sizes = valid_parallel_sizes(model, devices) if model else [devices]
    return _set_flag(editor, finding.path, str(sizes[-1]), "--tensor-parallel-size", "-tp")


def _fix_context(editor: _Editor, finding: Finding) -> str:
    limit = re.search(r"\d+", finding.expected)
    if limit is None or not finding.path.endswith((".value", ".args")):
        raise _NotMechanical
    length = int(limit[0]) - (finding.code != "MODEL-CONTEXT-BEYOND")
    if length < 1:
        raise _NotMechanical
    return _set_flag(editor, finding.path, str(length), "--max-model-len")


def _fix_uri(editor: _Editor, finding: Finding) -> str:
    if finding.found.count("/") != 1:
        raise _NotMechanical
    editor.replace(finding.path, f"hf://{finding.found}")
    return f"hf://{finding.found}"


def _fix_scheme(editor: _Editor, finding: Finding) -> str:
    editor.replace(finding.path, "HTTPS")
    return "HTTPS"


def _fix_handler(editor: _Editor, finding: Finding) -> str:
    editor.remove(finding.path)
    editor.replace(f"{finding.path.rpartition('.')[0]}.httpGet", dict(_HEALTH))
    return "httpGet /health over HTTPS"


def _fix_startup(editor: _Editor, _finding: Finding) -> str:
    editor.server["startupProbe"] = copy.deepcopy(_STARTUP)
    return "startupProbe of 30 minutes"


def _fix_api_version(editor: _Editor, _finding: Finding) -> str:
    editor.manifest["apiVersion"] = editor.track.api_version
    return editor.track.api_version


_FIXES: dict[str, Callable[[_Editor, Finding], str]] = {
    "KSERVE-API-VERSION": _fix_api_version,
    "KSERVE-SCALING": _remove,
    "MODEL-CONTEXT-BEYOND": _fix_context,
    "MODEL-CONTEXT-TIGHT": _fix_context,
    "MODEL-CONTEXT-TOO-LONG": _fix_context,
    "PROBE-HANDLER": _fix_handler,
    "PROBE-LIVENESS-KILLS": _fix_startup,
    "PROBE-SCHEME": _fix_scheme,
    "PROBE-STARTUP-MISSING": _fix_startup,
    "PROBE-STARTUP-SHORT": _fix_startup,
    "SERVER-ARGS-REPLACE-SCRIPT": _fix_args,
    "SERVER-COMMAND-ALONE": _remove,
    "SERVER-DTYPE-HALF": _fix_dtype,
    "SERVER-FLAG-DUPLICATE": _remove_flag,
    "SERVER-FLAG-LOG-REQUESTS": _remove_flag,
    "SERVER-FLAG-UNKNOWN": _remove_flag,
    "SERVER-TENSOR-PARALLEL": _fix_parallel,
    "STORAGE-INITIALIZER-ADJUSTED": _remove,
    "STORAGE-TOKEN-WITHOUT-EFFECT": _remove,
    "STORAGE-URI-BARE": _fix_uri,
    "TPU-CHIPS-INVALID": _fix_placement,
    "TPU-CHIPS-MISSING": _fix_placement,
    "TPU-CHIPS-NOT-MACHINE": _fix_placement,
    "TPU-CHIPS-SEVERAL-CONTAINERS": _fix_several,
    "TPU-ENV-REDUNDANT": _remove,
    "TPU-ENV-UNUSED": _remove,
    "TPU-ENV-WRONG": _remove,
    "TPU-LABEL-UNKNOWN": _fix_label,
    "TPU-REQUEST-NOT-LIMIT": _fix_placement,
    "TPU-TOLERATION-MISSING": _fix_toleration,
    "TPU-TOPOLOGY-INVALID": _fix_placement,
    "TPU-TOPOLOGY-MISSING": _fix_placement,
    "TPU-TOPOLOGY-MULTI-HOST": _fix_placement,
}
