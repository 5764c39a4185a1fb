# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which fields the controller's objects have: read from awx.awx's modules and from awxkit.

Both are of AWX 24.6.1. The options of a module are what it may send; the `payload` of a page of
awxkit, AWX's own client, is what the API takes. Neither is run here.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path

# Endpoint: module of awx.awx, file and class of awxkit.
SOURCES = {
    "organizations": ("organization", "organizations", "Organization"),
    "execution_environments": (
        "execution_environment",
        "execution_environments",
        "ExecutionEnvironment",
    ),
    "projects": ("project", "projects", "Project"),
    "inventories": ("inventory", "inventory", "Inventory"),
    "hosts": ("host", "inventory", "Host"),
    "credential_types": ("credential_type", "credentials", "CredentialType"),
    "credentials": ("credential", "credentials", "Credential"),
    "notification_templates": (
        "notification_template",
        "notification_templates",
        "NotificationTemplate",
    ),
    "job_templates": ("job_template", "job_templates", "JobTemplate"),
    "workflow_job_templates": (
        "workflow_job_template",
        "workflow_job_templates",
        "WorkflowJobTemplate",
    ),
    "workflow_job_template_nodes": (
        "workflow_job_template_node",
        "workflow_job_template_nodes",
        "WorkflowJobTemplateNode",
    ),
    "schedules": ("schedule", "schedules", "Schedule"),
}
# Options that only say how a module works, or that it sends elsewhere than to the object.
_NOT_OF_THE_OBJECT = {
    "approval_node", "copy_from", "destroy_current_nodes", "interval", "lookup_organization",
    "new_name", "state", "survey_spec", "update_project", "update_secrets", "wait",
    "workflow_nodes",
}  # fmt: skip
# What belongs to an object by association: a module posts an id to a list below the object.
LISTS = {
    "always_nodes", "credentials", "failure_nodes", "galaxy_credentials", "instance_groups",
    "labels", "notification_templates_approvals", "notification_templates_error",
    "notification_templates_started", "notification_templates_success", "success_nodes",
}  # fmt: skip


def _package(name: str) -> Path:
    spec = find_spec(name)
    assert spec, f"{name} is not installed: make venv"
    places = spec.submodule_search_locations
    assert places
    return Path(next(iter(places)))


@cache
def options(module: str) -> dict[str, str]:
    """The argument spec of a module of awx.awx: option to type."""
    file = _package("ansible_collections.awx.awx") / "plugins/modules" / f"{module}.py"
    for node in ast.walk(ast.parse(file.read_text())):
        if (
            isinstance(node, ast.Assign)
            and ast.unparse(node.targets[0]) == "argument_spec"
            and isinstance(node.value, ast.Call)
        ):
            return {
                str(option.arg): next(
                    (
                        str(ast.literal_eval(word.value))
                        for word in getattr(option.value, "keywords", [])
                        if word.arg == "type"
                    ),
                    "str",
                )
                for option in node.value.keywords
            }
    raise AssertionError(f"{file} has no argument_spec that can be read")


def _payload_names(page: ast.ClassDef) -> Iterator[str]:
    """The names in a page's `payload`; some pages have none and send what they are given."""
    payload = [
        part for part in page.body if isinstance(part, ast.FunctionDef) and part.name == "payload"
    ]
    for node in (each for part in payload for each in ast.walk(part)):
        if isinstance(node, ast.arg | ast.keyword):
            yield str(node.arg)
        elif isinstance(node, ast.Tuple):
            yield from (
                str(each.value)
                for each in node.elts
                if isinstance(each, ast.Constant) and isinstance(each.value, str)
            )


@cache
def client_fields(file: str, page: str) -> frozenset[str]:
    """The fields that a page of awxkit sends."""
    source = _package("awxkit") / "api/pages" / f"{file}.py"
    tree = ast.parse(source.read_text())
    found = next(
        node for node in ast.walk(tree) if isinstance(node, ast.ClassDef) and node.name == page
    )
    return frozenset(_payload_names(found)) - {"self", "kwargs"}


@cache
def fields(endpoint: str) -> dict[str, str]:
    """The fields of an endpoint's objects, with the type of the option where it has one."""
    module, file, page = SOURCES[endpoint]
    known = dict.fromkeys(client_fields(file, page), "")
    known.update(
        {
            name: kind
            for name, kind in options(module).items()
            if name not in _NOT_OF_THE_OBJECT | LISTS
        }
    )
    return known
