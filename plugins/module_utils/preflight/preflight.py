# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Look at everything a run needs, before it writes anything, and give the findings."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from ansible_collections.llmd.tpu.plugins.module_utils.connection import (
    PARALLEL,
    ConnectionProblem,
    Session,
    connect,
    connection_options,
)
from ansible_collections.llmd.tpu.plugins.module_utils.findings import (
    Finding,
    failure_message,
    has_errors,
    report,
    sort_findings,
)
from ansible_collections.llmd.tpu.plugins.module_utils.manifests.client import Api, first_contact
from ansible_collections.llmd.tpu.plugins.module_utils.preflight import chips as tpu_checks
from ansible_collections.llmd.tpu.plugins.module_utils.preflight.answers import (
    judge_images,
    judge_model,
)
from ansible_collections.llmd.tpu.plugins.module_utils.preflight.asking import (
    Look,
    Send,
    look_for_file,
    look_for_image,
)
from ansible_collections.llmd.tpu.plugins.module_utils.preflight.cluster import (
    check_version,
    unreachable,
    unreadable,
)
from ansible_collections.llmd.tpu.plugins.module_utils.preflight.credentials import (
    account_for,
    check_pull_secret,
    check_token,
    parse_image,
)
from ansible_collections.llmd.tpu.plugins.module_utils.preflight.google_quota import (
    NotAsked,
    ask_quota,
)
from ansible_collections.llmd.tpu.plugins.module_utils.preflight.installs import (
    check_definitions,
    check_releases,
)
from ansible_collections.llmd.tpu.plugins.module_utils.preflight.looking import (
    Sight,
    ask_permissions,
    look,
)
from ansible_collections.llmd.tpu.plugins.module_utils.preflight.permissions import (
    missing,
    needs,
)
from ansible_collections.llmd.tpu.plugins.module_utils.preflight.plan import (
    Phase,
    Slice,
    read_phase,
    together,
)
from ansible_collections.llmd.tpu.plugins.module_utils.preflight.programs import (
    judge_program,
    version_in,
)
from ansible_collections.llmd.tpu.plugins.module_utils.preflight.starting import hear, programs_of
from ansible_collections.llmd.tpu.plugins.module_utils.smoke.address import AddressError
from ansible_collections.llmd.tpu.plugins.module_utils.smoke.transport import HttpTransport
from ansible_collections.llmd.tpu.plugins.module_utils.tpu.chips import (
    is_of_service,
    project_of,
    tpu_nodes,
)
from ansible_collections.llmd.tpu.plugins.module_utils.tpu.topology import generation_of

HUB = "https://huggingface.co"
_MODEL_FILE = "config.json"

_TARGETS: dict[str, Any] = {
    "type": "list",
    "elements": "dict",
    "default": [],
    "options": {
        "api_version": {"type": "str", "required": True},
        "kind": {"type": "str", "required": True},
        "name": {"type": "str"},
        "namespace": {"type": "str"},
    },
}


def argument_spec() -> dict[str, Any]:
    """Give the options of the task, with kubernetes.core's connection options."""
    return {
        **connection_options(),
        "phases": {
            "type": "list",
            "elements": "dict",
            "required": True,
            "options": {
                "name": {"type": "str", "required": True},
                "state": {"type": "str", "default": "present", "choices": ["present", "absent"]},
                "prune": {"type": "bool", "default": False},
                "objects": _TARGETS,
                # As wait_ready takes them, with more than is of use here.
                "watched": {"type": "list", "elements": "dict", "default": []},
                "access": {
                    "type": "list",
                    "elements": "dict",
                    "default": [],
                    "options": {
                        "group": {"type": "str", "default": ""},
                        "resource": {"type": "str", "required": True},
                        "verbs": {"type": "list", "elements": "str", "required": True},
                        "namespace": {"type": "str", "default": ""},
                        "name": {"type": "str", "default": ""},
                        "without": {"type": "str", "default": ""},
                    },
                },
                "programs": {
                    "type": "list",
                    "elements": "dict",
                    "default": [],
                    "options": {
                        "name": {
                            "type": "str",
                            "required": True,
                            "choices": ["helm", "kustomize", "git"],
                        },
                        "path": {"type": "str", "required": True},
                    },
                },
                "images": {"type": "list", "elements": "str", "default": []},
                "pull_secret": {"type": "dict", "no_log": True},
                "pull_secret_problem": {"type": "str", "no_log": False},
                "models": {
                    "type": "list",
                    "elements": "dict",
                    "default": [],
                    "options": {
                        "uri": {"type": "str", "required": True},
                        "gated": {"type": "bool", "default": False},
                        "token": {"type": "str", "no_log": True},
                    },
                },
                "slices": {
                    "type": "list",
                    "elements": "dict",
                    "default": [],
                    "options": {
                        "accelerator": {"type": "str", "required": True},
                        "topology": {"type": "str", "required": True},
                        "chips": {"type": "int", "required": True},
                        "replicas": {"type": "int", "required": True},
                        "service": {"type": "str"},
                        "namespace": {"type": "str"},
                    },
                },
                "findings": {"type": "list", "elements": "dict", "default": []},
                "serving_namespaces": {"type": "list", "elements": "str", "default": []},
                "unknown": {"type": "list", "elements": "str", "default": []},
            },
        },
        "hub_url": {"type": "str"},
        "web_ca_cert": {"type": "path"},
        "web_timeout": {"type": "int", "default": 4},
        "findings_only": {"type": "bool", "default": False},
    }


def run(
    parameters: Mapping[str, Any],
    open_session: Callable[[Mapping[str, Any]], Session] = connect,
    environment: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Check everything and give the task's result; never raises for bad input."""
    started = time.monotonic()
    environment = os.environ if environment is None else environment
    phases = [read_phase(entry) for entry in parameters["phases"]]
    try:
        web = HttpTransport(float(parameters["web_timeout"]), ca_cert=parameters["web_ca_cert"])
    except AddressError as problem:
        words = str(problem).replace("gateway_ca_cert", "web_ca_cert")
        return {"failed": True, "changed": False, "msg": words}
    hub = str(parameters["hub_url"] or environment.get("HF_ENDPOINT") or HUB)
    with ThreadPoolExecutor(PARALLEL * 2) as pool:
        here = Checks(phases, pool)
        outside = pool.submit(here.outside, web.send, hub)
        here.cluster(parameters, open_session, web.send)
        outside.result()
    findings = sort_findings(here.findings)
    ok = not has_errors(findings)
    result: dict[str, Any] = {
        "changed": False,
        "ok": ok,
        "findings": [finding.to_dict() for finding in findings],
        "checked": here.checked,
        "report": report(findings, here.checked),
        "seconds": round(time.monotonic() - started, 2),
    }
    if not ok and not parameters["findings_only"]:
        result.update(failed=True, msg=failure_message("preflight", findings))
    return result


class Checks:
    """Asks, has it judged, and keeps the findings and what was found in order."""

    def __init__(self, phases: Sequence[Phase], pool: ThreadPoolExecutor) -> None:
        self._phases = phases
        self._coming = [phase for phase in phases if not phase.removes]
        self._pool = pool
        self.findings: list[Finding] = []
        self.checked: list[str] = []

    def outside(self, send: Send, hub: str) -> None:
        """Ask programs, registries and hub; all that is not the cluster."""
        for phase in self._phases:
            self.findings.extend(phase.findings)
            self.findings.extend(_source_unreadable(phase.name, words) for words in phase.unknown)
        for phase in self._coming:
            self.findings.extend(check_pull_secret(phase))
            told = [finding for model in phase.models for finding in check_token(model)]
            self.findings.extend(dict.fromkeys(told))
        # Threads of their own: this already runs in one of the pool, which may be full.
        with ThreadPoolExecutor(PARALLEL) as pool:
            answers = pool.map(lambda one: hear(*one), programs_of(self._coming).items())
            self._images(send, pool)
            self._models(send, hub)
            for answer in answers:
                finding = judge_program(answer)
                if finding:
                    self.findings.append(finding)
                else:
                    version = ".".join(map(str, version_in(answer.output) or ()))
                    self.checked.append(f"{answer.program.name} {version} at {answer.program.path}")

    def cluster(
        self,
        parameters: Mapping[str, Any],
        open_session: Callable[[Mapping[str, Any]], Session],
        send: Send,
    ) -> None:
        """Ask the cluster."""
        try:
            session = open_session(parameters)
            api = Api(session)
            first_contact(api)
        except ConnectionProblem as problem:
            self.findings.append(unreachable(str(problem)))
            return
        namespaces = [name for phase in self._coming for name in phase.serving_namespaces]
        sight = look(session, api, namespaces, self._pool)
        version = sight.version.get("gitVersion", "of unknown version")
        self.checked.insert(0, f"cluster {session.server} answers, Kubernetes {version}")
        self.findings.extend(unreadable(what, why) for what, why in sight.problems.items())
        generations = tuple(
            generation.name
            for phase in self._coming
            for wanted in phase.slices
            if (generation := generation_of(wanted.accelerator))
        )
        self.findings.extend(check_version(sight.version, generations))
        self.findings.extend(check_releases(self._coming, sight.serving))
        self.findings.extend(check_definitions(sight.definitions))
        self._permissions(session, api)
        self._chips([one for phase in self._coming for one in phase.slices], sight, send)

    def _permissions(self, session: Session, api: Api) -> None:
        def resources(api_version: str, kind: str) -> tuple[str, bool] | None:
            known = api.kind(api_version, kind)
            return (known.plural, known.namespaced) if known else None

        wanted = needs(self._phases, resources)
        answers = ask_permissions(session, wanted, self._pool)
        lacking = missing(wanted, answers.get)
        self.findings.extend(lacking)
        allowed = sum(1 for question in wanted if answers.get(question))
        self.checked.append(f"{len(wanted)} permissions asked for, {allowed} granted")

    def _images(self, send: Send, pool: ThreadPoolExecutor) -> None:
        asked = {
            (phase.name, text): image
            for phase in self._coming
            for text in phase.images
            if not phase.pull_secret_problem and (image := parse_image(text))
        }
        secrets = {phase.name: phase.pull_secret for phase in self._coming}
        accounts = {key: account_for(image, secrets[key[0]]) for key, image in asked.items()}
        by_registry: dict[str, list[tuple[str, str]]] = {}
        for key, image in asked.items():
            by_registry.setdefault(image.registry, []).append(key)

        def ask_registry(keys: list[tuple[str, str]]) -> dict[tuple[str, str], Look]:
            """One after the other: where the first cannot be asked, none can."""
            looks: dict[tuple[str, str], Look] = {}
            silent: Look | None = None
            for key in keys:
                looks[key] = silent or look_for_image(asked[key], accounts[key], send)
                silent = silent or (looks[key] if looks[key].verdict == "not asked" else None)
            return looks

        looks: dict[tuple[str, str], Look] = {}
        for some in pool.map(ask_registry, by_registry.values()):
            looks.update(some)
        with_account = [key for key, account in accounts.items() if account]
        self.findings.extend(judge_images(looks, with_account))
        self.checked.extend(
            f"image {image} can be read (phase {phase})"
            for (phase, image), one in looks.items()
            if one.verdict == "readable"
        )

    def _models(self, send: Send, hub: str) -> None:
        wanted = [model for phase in self._coming for model in phase.models]
        for model in dict.fromkeys(wanted):
            if not model.uri.startswith("hf://") or check_token(model):
                continue
            seen = look_for_file(hub, model.uri, _MODEL_FILE, model.token, send)
            finding = judge_model(model.uri, seen, hub, with_token=bool(model.token))
            if finding:
                self.findings.append(finding)
            else:
                how = "with the token" if model.token else "without a token"
                self.checked.append(f"model {model.uri} can be read {how}")

    def _chips(self, slices: Sequence[Slice], sight: Sight, send: Send) -> None:
        if not slices or "nodes and the pods on them" in sight.problems:
            return
        others = [
            pod
            for pod in sight.pods
            if not any(is_of_service(pod, one.namespace, one.service) for one in slices)
        ]
        nodes = tpu_nodes(sight.nodes, others)
        project = project_of(sight.nodes)
        wanted = together(slices)
        for each in wanted:
            findings = tpu_checks.check_nodes(each, nodes, project)
            if not findings:
                self.checked.append(
                    f"TPU nodes of {each.accelerator} {each.topology} with room for "
                    f"{each.replicas} x {each.chips} chips"
                )
            self.findings.extend(findings)
        if project is None:
            return
        try:
            answer, problem = ask_quota(project.project, send), ""
        except NotAsked as words:
            answer, problem = {}, str(words)
        for each in wanted:
            found = tpu_checks.check_quota(each, nodes, project, answer, problem)
            self.findings.extend(one for one in found if one not in self.findings)


def _source_unreadable(phase: str, words: str) -> Finding:
    return Finding(
        code="SOURCE-UNREADABLE",
        severity="error",
        message=f"phase {phase} cannot tell what it would apply: {words}",
        subject=f"phase {phase}",
        expected="sources that can be fetched and rendered",
        fix="see the message; permissions of this phase were not all asked for",
    )
