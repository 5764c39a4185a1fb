# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A stand-in for AWX's API, as far as awx.awx's modules use it; it refuses what it does not know.

The real API ignores unknown fields; this one answers 400. Beside the fields (see `fields.py`) it
holds to AWX 24.6.1: that a token is needed, that a name exists once in an organization, that ids
point to something, that a project has the playbook of a job template, how credential types
(`awx/main/fields.py`) and surveys (`awx/api/views/__init__.py`, JobTemplateSurveySpec) are checked,
and that no secret is ever shown.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import jinja2
from jinja2 import meta

from tests.awx.fields import LISTS, SOURCES, fields

TOKEN = "stand-in-token"
ENCRYPTED = "$encrypted$"
API = "/api/v2/"
SURVEY_TYPES: dict[str, type | tuple[type, ...]] = {
    "text": str,
    "textarea": str,
    "password": str,
    "multiplechoice": str,
    "multiselect": (str, list),
    "integer": int,
    "float": (int, float),
}
# Field to the endpoint whose ids it holds.
REFERENCES = {
    "organization": "organizations",
    "execution_environment": "execution_environments",
    "inventory": "inventories",
    "project": "projects",
    "credential_type": "credential_types",
    "credential": "credentials",
    "workflow_job_template": "workflow_job_templates",
    "unified_job_template": "unified_job_templates",
    "credentials": "credentials",
    "success_nodes": "workflow_job_template_nodes",
    "failure_nodes": "workflow_job_template_nodes",
    "always_nodes": "workflow_job_template_nodes",
    "notification_templates_error": "notification_templates",
}
UNIFIED = ("job_templates", "workflow_job_templates", "projects", "approval_templates")
PYTHON_TYPES: dict[str, type | tuple[type, ...]] = {
    "str": (str, int),
    "bool": bool,
    "int": int,
    "dict": (dict, str),
    "list": list,
    "float": (int, float),
}
# What the API shows, and modules send back; it ignores them.
READ_ONLY = {"type", "managed"}
Object = dict[str, Any]


class Refused(Exception):
    """An answer that is no success."""

    def __init__(self, status: int, answer: Object) -> None:
        super().__init__(status, answer)
        self.status = status
        self.answer = answer


def _bad(name: str, words: str) -> Refused:
    return Refused(400, {name: [words]})


@dataclass
class Controller:
    """What the API knows, and what was asked of it."""

    playbooks: frozenset[str]
    """Paths that every project has."""
    objects: dict[str, dict[int, Object]] = field(default_factory=dict)
    lists: dict[tuple[str, int, str], list[int]] = field(default_factory=dict)
    surveys: dict[tuple[str, int], Object] = field(default_factory=dict)
    secrets: dict[int, Object] = field(default_factory=dict)
    """Inputs of credentials as they were sent."""
    writes: list[str] = field(default_factory=list)
    url: str = ""

    def __post_init__(self) -> None:
        """Bring what a controller brings."""
        for name, names in {
            "OpenShift or Kubernetes API Bearer Token": [
                "host", "bearer_token", "verify_ssl", "ssl_ca_cert",
            ],
            "Google Compute Engine": ["username", "project", "ssh_key_data"],
        }.items():  # fmt: skip
            secret = {"bearer_token", "ssl_ca_cert", "ssh_key_data"}
            listed = [{"id": one, "secret": one in secret} for one in names]
            self.add("credential_types", {"name": name, "inputs": {"fields": listed}})

    def add(self, endpoint: str, content: Object) -> Object:
        """Keep a new object."""
        number = 1 + max((max(kept, default=0) for kept in self.objects.values()), default=0)
        url = f"{API}{endpoint}/{number}/"
        related = {"survey_spec": f"{url}survey_spec/"}
        made = {
            "scm_revision": "",
            **content,
            "id": number,
            "url": url,
            "type": endpoint.removesuffix("s"),
            "related": related,
            "summary_fields": {},
            "managed": False,
        }
        if endpoint == "workflow_job_template_nodes":
            made["type"] = "workflow_job_template_node"
            made.setdefault("unified_job_template", None)
        self.objects.setdefault(endpoint, {})[number] = made
        return made

    def named(self, endpoint: str, name: str) -> Object:
        """The one object of that name, or identifier."""
        kept = self.objects.get(endpoint, {}).values()
        [found] = [each for each in kept if name in (each.get("name"), each.get("identifier"))]
        return found

    def listed(self, endpoint: str, name: str, association: str) -> set[str]:
        """The names of what is associated with an object."""
        number = self.named(endpoint, name)["id"]
        kept = self._kept(REFERENCES[association])
        return {
            kept[each].get("name") or kept[each]["identifier"]
            for each in self.lists.get((endpoint, number, association), [])
        }

    def _kept(self, endpoint: str) -> dict[int, Object]:
        if endpoint != "unified_job_templates":
            return self.objects.get(endpoint, {})
        return {
            number: each
            for part in UNIFIED
            for number, each in self.objects.get(part, {}).items()
        }  # fmt: skip

    def answer(self, method: str, path: str, query: Object, body: Any) -> tuple[int, Any]:
        """Answer a request. Raises Refused."""
        parts = path.removeprefix(API).strip("/").split("/")
        if method != "GET":
            self.writes.append(f"{method} {path}")
        match parts:
            case ["project_updates", _number] if method == "GET":
                return 200, {"status": "successful"}
            case [endpoint] if method == "GET":
                return 200, self._search(endpoint, query)
            case [endpoint] if method == "POST":
                return 201, self._shown(endpoint, self._create(endpoint, body))
            case [endpoint, number] if method == "GET":
                return 200, self._shown(endpoint, self._one(endpoint, number))
            case [endpoint, number] if method == "PATCH":
                return 200, self._shown(endpoint, self._change(endpoint, number, body))
            case [endpoint, number, "survey_spec"]:
                return 200, self._survey(method, endpoint, number, body)
            case ["workflow_job_template_nodes", number, "create_approval_template"]:
                return 201, self._approval(number, body)
            case [endpoint, number, association] if association in LISTS:
                return self._association(method, (endpoint, int(number), association), body)
        raise Refused(404, {"detail": "Not found."})

    def _one(self, endpoint: str, number: str) -> Object:
        try:
            return self._kept(endpoint)[int(number)]
        except (KeyError, ValueError):
            raise Refused(404, {"detail": "Not found."}) from None

    def _search(self, endpoint: str, query: Object) -> Object:
        known = {"id", "type", *(fields(endpoint) if endpoint in SOURCES else {"name"})}
        known |= {"organization", "managed"}
        for name in query:
            if name.removeprefix("or__") not in known:
                raise Refused(400, {"detail": f"{endpoint} has no field named '{name}'"})
        found = [
            self._shown(endpoint, each)
            for each in self._kept(endpoint).values()
            if all(str(each.get(name)) == value for name, value in query.items())
        ]
        return {"count": len(found), "next": None, "previous": None, "results": found}

    def _shown(self, endpoint: str, kept: Object) -> Object:
        if endpoint != "credentials":
            return kept
        fields_of_type = self._one("credential_types", str(kept["credential_type"]))["inputs"]
        secret = {one["id"] for one in fields_of_type["fields"] if one.get("secret")}
        inputs = kept.get("inputs", {})
        return {
            **kept,
            "inputs": {
                name: ENCRYPTED if name in secret else value for name, value in inputs.items()
            },
        }

    def _create(self, endpoint: str, body: Any) -> Object:
        if endpoint not in SOURCES:
            raise Refused(405, {"detail": 'Method "POST" not allowed.'})
        self._check(endpoint, body, body)
        for each in self._kept(endpoint).values():
            same = ("name", "identifier", "organization", "workflow_job_template", "inventory")
            if all(each.get(name) == body.get(name) for name in same):
                raise _bad("__all__", "An object with these values exists already.")
        made = self.add(
            endpoint, {key: value for key, value in body.items() if key not in READ_ONLY}
        )
        if body.get("scm_type") == "git":
            made["summary_fields"] = {"current_update": {"id": made["id"]}}
        if endpoint == "credentials":
            self.secrets[made["id"]] = body.get("inputs", {})
        return made

    def _change(self, endpoint: str, number: str, body: Any) -> Object:
        kept = self._one(endpoint, number)
        if endpoint == "approval_templates":
            unknown = set(body) - {"name", "description", "timeout"}
            if unknown:
                raise _bad(sorted(unknown)[0], "unknown field")
        else:
            self._check(endpoint, body, {**kept, **body})
        kept.update({name: value for name, value in body.items() if name not in READ_ONLY})
        if endpoint == "credentials" and "inputs" in body:
            self.secrets[kept["id"]] = body["inputs"]
        return kept

    def _check(self, endpoint: str, body: Any, whole: Object) -> None:
        known = fields(endpoint)
        for name, value in body.items():
            if name in READ_ONLY:
                continue
            if name not in known:
                raise _bad(name, f"{endpoint} have no such field")
            wanted = PYTHON_TYPES.get(known[name])
            if wanted and value is not None and not isinstance(value, wanted):
                raise _bad(name, f"{value!r} is no {known[name]}")
            if name in REFERENCES and value not in (None, *self._kept(REFERENCES[name])):
                raise _bad(name, f'Invalid pk "{value}" - object does not exist.')
        match endpoint:
            case "job_templates":
                if whole.get("playbook") not in self.playbooks:
                    raise _bad("playbook", "Playbook not found for project.")
            case "credentials":
                self._check_inputs(whole)
            case "credential_types":
                check_credential_type(whole)
            case "schedules":
                if not re.match(r"DTSTART(;TZID=[^:]+)?:\d{8}T\d{6}Z? RRULE:", whole["rrule"]):
                    raise _bad("rrule", "Valid DTSTART required in rrule.")

    def _check_inputs(self, credential: Object) -> None:
        kind = self._one("credential_types", str(credential["credential_type"]))
        known = {one["id"] for one in kind["inputs"]["fields"]}
        for name in credential.get("inputs", {}):
            if name not in known:
                raise _bad("inputs", f"'{name}' was unexpected")

    def _survey(self, method: str, endpoint: str, number: str, body: Any) -> Object:
        place = (endpoint, self._one(endpoint, number)["id"])
        if method == "GET":
            return self.surveys.get(place, {})
        if method == "DELETE":
            self.surveys.pop(place, None)
            return {}
        check_survey(body)
        self.surveys[place] = body
        return {}

    def _approval(self, number: str, body: Any) -> Object:
        node = self._one("workflow_job_template_nodes", number)
        unknown = set(body) - {"name", "description", "timeout"}
        if unknown:
            raise _bad(sorted(unknown)[0], "unknown field")
        made = self.add("approval_templates", body)
        node["unified_job_template"] = made["id"]
        node["related"]["unified_job_template"] = made["url"]
        return made

    def _association(
        self, method: str, place: tuple[str, int, str], body: Any
    ) -> tuple[int, Object | None]:
        endpoint, number, association = place
        self._one(endpoint, str(number))
        kept = self._kept(REFERENCES[association])
        members = self.lists.setdefault(place, [])
        if method == "GET":
            return 200, {"count": len(members), "next": None, "results": [kept[i] for i in members]}
        if not set(body) <= {"id", "disassociate"} or body.get("id") not in kept:
            raise Refused(400, {"msg": f"{body} names nothing of {REFERENCES[association]}"})
        if body.get("disassociate"):
            members.remove(body["id"])
        else:
            members.append(body["id"])
        return 204, None


def check_credential_type(kind: Object) -> None:
    """Check a custom credential type as AWX does. Raises Refused."""
    if kind.get("kind") not in ("cloud", "net"):
        raise _bad("kind", "Must be 'cloud' or 'net'")
    known = set()
    for one in kind["inputs"]["fields"]:
        if set(one) - {"id", "label", "type", "secret", "multiline", "default", "help_text"}:
            raise _bad("inputs", f"{one} has an unexpected property")
        if one["type"] not in ("string", "boolean"):
            raise _bad("inputs", f"{one['type']} is not one of string, boolean")
        known.add(one["id"])
    if set(kind["inputs"].get("required", [])) - known:
        raise _bad("inputs", "required names an unknown field")
    injectors = kind["injectors"]
    if set(injectors) - {"file", "env", "extra_vars"}:
        raise _bad("injectors", "Additional properties are not allowed")
    for name in injectors.get("env", {}):
        if name.startswith("ANSIBLE_") or not re.fullmatch(r"[a-zA-Z_]\w*", name):
            raise _bad("injectors", f"Environment variable {name} is not allowed")
    if injectors.get("file"):
        known.add("tower")
    for template in _templates(injectors):
        unknown = meta.find_undeclared_variables(jinja2.Environment().parse(template)) - known
        if unknown:
            raise _bad("injectors", f"{sorted(unknown)[0]} uses an undefined field")


def _templates(injectors: Any) -> Iterator[str]:
    if isinstance(injectors, dict):
        for value in injectors.values():
            yield from _templates(value)
    elif isinstance(injectors, list):
        for value in injectors:
            yield from _templates(value)
    else:
        yield injectors


def check_survey(survey: Object) -> None:
    """Check a survey as AWX does. Raises Refused."""
    for name, wanted in {"name": str, "description": str, "spec": list}.items():
        if not isinstance(survey.get(name), wanted):
            raise Refused(400, {"error": f"Field '{name}' is missing from survey spec."})
    if set(survey) != {"name", "description", "spec"} or not survey["spec"]:
        raise Refused(400, {"error": "'spec' doesn't contain any items."})
    seen = set()
    for question in survey["spec"]:
        _check_question(question)
        if question["variable"] in seen:
            raise Refused(400, {"error": f"'variable' {question['variable']} duplicated"})
        seen.add(question["variable"])


def _check_question(question: Object) -> None:
    def refuse(words: str) -> Refused:
        return Refused(400, {"error": f"{question.get('variable')}: {words}"})

    allowed = {"type", "question_name", "question_description", "variable", "required"}
    unknown = set(question) - allowed - {"choices", "default", "min", "max"}
    if unknown:
        raise refuse(f"unknown {sorted(unknown)}")
    for name in ("type", "question_name", "variable"):
        if not isinstance(question.get(name), str):
            raise refuse(f"'{name}' expected to be string")
    if not isinstance(question.get("required"), bool):
        raise refuse("'required' expected to be boolean")
    kind, default = question["type"], question.get("default", "")
    if kind not in SURVEY_TYPES:
        raise refuse(f"{kind} is not one of {sorted(SURVEY_TYPES)}")
    if default != "" and not isinstance(default, SURVEY_TYPES[kind]):
        raise refuse(f"default {default!r} does not fit {kind}")
    for limit in ("min", "max"):
        if not isinstance(question.get(limit, 0), int):
            raise refuse(f"{limit} expected to be integer")
    if kind in ("multiplechoice", "multiselect"):
        choices = question.get("choices")
        if not choices:
            raise refuse("must specify choices")
        if not all(isinstance(each, str) for each in choices):
            raise refuse("choices must be texts")
        if default and default not in choices:
            raise refuse("Default choice must be answered from the choices listed.")


@contextmanager
def controller(playbooks: frozenset[str]) -> Iterator[Controller]:
    """Serve a controller on a free port of 127.0.0.1."""
    model = Controller(playbooks)
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        """One request."""

        def _handle(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            content = self.rfile.read(length)
            address = urlsplit(self.path)
            try:
                if self.headers.get("Authorization") != f"Bearer {TOKEN}":
                    raise Refused(401, {"detail": "Authentication credentials were not provided."})
                with lock:
                    status, answer = model.answer(
                        self.command,
                        address.path,
                        dict(parse_qsl(address.query)),
                        json.loads(content) if content else None,
                    )
                    sent = b"" if answer is None else json.dumps(answer).encode()
            except Refused as refused:
                status, sent = refused.status, json.dumps(refused.answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(sent)))
            self.end_headers()
            self.wfile.write(sent)

        do_GET = do_POST = do_PATCH = do_DELETE = _handle  # noqa: N815

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    model.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield model
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
