# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The inputs of role model for one service, typed; and what is wrong with them, in words. Pure.

A key of `model_services` has the name of the role's variable without `model_`, and that variable
counts where the key is missing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.llmd.tpu.plugins.module_utils.serving.names import LONGEST_PLAIN_NAME
from ansible_collections.llmd.tpu.plugins.module_utils.serving.rollout import STOP_ANNOTATION
from ansible_collections.llmd.tpu.plugins.module_utils.serving.view import ADDITIONAL_ARGS

SCHEDULERS = ("preset", "custom", "none")
STRATEGIES = ("auto", "rolling", "stop-first")
PROBES = ("startup", "liveness", "readiness")

SPEC: dict[str, Any] = {
    "name": {"type": "str", "required": True},
    "namespace": {"type": "str", "required": True},
    "uri": {"type": "str", "required": True},
    "served_name": {"type": "str"},
    "gated": {"type": "bool"},
    "token_secret_name": {"type": "str", "no_log": False},
    "storage_secret_name": {"type": "str", "no_log": False},
    "service_account_name": {"type": "str"},
    "image": {"type": "str", "required": True},
    "pull_secret_name": {"type": "str", "no_log": False},
    "replicas": {"type": "int"},
    "accelerator": {"type": "str", "required": True},
    "topology": {"type": "str", "required": True},
    "chips": {"type": "int"},
    "resources": {
        "type": "dict",
        "options": {"requests": {"type": "dict"}, "limits": {"type": "dict"}},
    },
    "vllm_arguments": {"type": "list", "elements": "str"},
    "env": {"type": "list", "elements": "dict"},
    "startup_probe_period": {"type": "int"},
    "startup_probe_failures": {"type": "int"},
    "probes": {"type": "dict", "options": {name: {"type": "dict"} for name in PROBES}},
    "scheduler": {"type": "str", "choices": list(SCHEDULERS)},
    "scheduler_config": {"type": "dict"},
    "labels": {"type": "dict"},
    "annotations": {"type": "dict"},
    "override": {"type": "dict"},
    "stopped": {"type": "bool"},
    "update_strategy": {"type": "str", "choices": list(STRATEGIES)},
}
"""The inputs that every service has, as Ansible describes options."""

_LABEL = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
_NAMESPACE = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
# It gives nothing without an account.
_PRIVATE_REGISTRY = "registry.redhat.io"
_IDENTITY = ("apiVersion", "kind")


@dataclass(frozen=True)
class ServiceInputs:
    """What one service is to be; each field is the role's variable of that name."""

    name: str
    namespace: str
    uri: str
    image: str
    accelerator: str
    topology: str
    served_name: str = ""
    gated: bool = False
    token_secret_name: str = ""
    storage_secret_name: str = ""
    service_account_name: str = ""
    pull_secret_name: str = ""
    replicas: int = 1
    chips: int = 4
    resources: Mapping[str, Any] | None = None
    vllm_arguments: Sequence[str] = ()
    env: Sequence[Mapping[str, Any]] = ()
    startup_probe_period: int = 30
    startup_probe_failures: int = 60
    probes: Mapping[str, Any] | None = None
    scheduler: str = "preset"
    scheduler_config: Mapping[str, Any] | None = None
    labels: Mapping[str, Any] | None = None
    annotations: Mapping[str, Any] | None = None
    override: Mapping[str, Any] | None = None
    stopped: bool = False
    update_strategy: str = "auto"

    @property
    def place(self) -> tuple[str, str]:
        """Namespace and name, by which the cluster tells services apart."""
        return self.namespace, self.name


def read_services(
    variables: Mapping[str, Any], entries: Sequence[Mapping[str, Any]]
) -> tuple[list[ServiceInputs], list[str]]:
    """The services, and what is wrong with the inputs; without entries, the variables are one."""
    found: list[ServiceInputs] = []
    problems: list[str] = []
    for where, given in _given(variables, entries):
        checked = ArgumentSpecValidator(SPEC).validate(given)
        words = [where.spelt(message) for message in checked.error_messages]
        if not words:
            service = ServiceInputs(**_known(checked.validated_parameters))
            words = [where.variable(key) + rest for key, rest in _problems(service)]
            found.append(service)
        problems += words
    return found, [*problems, *_twice(found)]


def _known(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """What was given; Ansible fills in null for everything else, below options with options too."""
    return {
        key: {name: part for name, part in value.items() if part is not None}
        if "options" in SPEC[key]
        else value
        for key, value in parameters.items()
        if value is not None
    }


@dataclass(frozen=True)
class _Where:
    """Where an input was given: in the variables, or in an entry of `model_services`."""

    entry: int | None
    keys: frozenset[str] = frozenset()

    def variable(self, key: str) -> str:
        """The input as the user wrote it."""
        inside = self.entry is not None and key in self.keys
        return f"model_services[{self.entry}].{key}" if inside else f"model_{key}"

    def spelt(self, message: str) -> str:
        """A message of Ansible's own check, with the place."""
        return message if self.entry is None else f"model_services[{self.entry}]: {message}"


def _given(
    variables: Mapping[str, Any], entries: Sequence[Mapping[str, Any]]
) -> Iterator[tuple[_Where, dict[str, Any]]]:
    if not entries:
        yield _Where(None), dict(variables)
    for number, entry in enumerate(entries):
        own = {str(key): value for key, value in entry.items() if value is not None}
        # Two services cannot share a name, so that it is never taken from the variable.
        rest = {key: value for key, value in variables.items() if key != "name"}
        yield _Where(number, frozenset(own)), {**rest, **own}


def _problems(service: ServiceInputs) -> Iterator[tuple[str, str]]:
    """The input that is wrong, and how."""
    yield from _wrong_names(service)
    yield from _wrong_numbers(service)
    if service.image.split("/")[0] == _PRIVATE_REGISTRY and not service.pull_secret_name:
        yield (
            "pull_secret_name",
            f" is empty, and {_PRIVATE_REGISTRY} gives {service.image} only with an account; set "
            "it to the Secret that phase namespace makes",
        )
    yield from _wrong_scheduler(service)
    if any(entry.get("name") == ADDITIONAL_ARGS for entry in service.env):
        yield (
            "env",
            f" sets {ADDITIONAL_ARGS}, which holds the flags; write them in vllm_arguments",
        )
    if any("name" not in entry for entry in service.env):
        yield "env", " has an entry without a name; expected Kubernetes' env, {name, value}"
    if STOP_ANNOTATION in (service.annotations or {}):
        yield "annotations", f" sets {STOP_ANNOTATION}; use the input stopped for it"
    yield from _wrong_override(service.override or {})


def _wrong_names(service: ServiceInputs) -> Iterator[tuple[str, str]]:
    if not _LABEL.fullmatch(service.name) or len(service.name) > LONGEST_PLAIN_NAME:
        yield (
            "name",
            f" is '{service.name}'; expected lower-case letters, digits and dashes, a letter "
            f"first, at most {LONGEST_PLAIN_NAME} characters (KServe adds up to 25 for the names "
            "of what it makes, and hashes anything longer)",
        )
    if not _NAMESPACE.fullmatch(service.namespace):
        yield "namespace", f" is '{service.namespace}'; expected the name of a Namespace"


def _wrong_numbers(service: ServiceInputs) -> Iterator[tuple[str, str]]:
    if service.replicas < 0:
        yield "replicas", f" is {service.replicas}; expected 0 or more"
    for key in ("chips", "startup_probe_period", "startup_probe_failures"):
        number = getattr(service, key)
        if number < 1:
            yield key, f" is {number}; expected 1 or more"


def _wrong_scheduler(service: ServiceInputs) -> Iterator[tuple[str, str]]:
    config = service.scheduler_config or {}
    if service.scheduler != "custom":
        if config:
            yield (
                "scheduler_config",
                f" has no effect while scheduler is {service.scheduler}; set scheduler to custom",
            )
        return
    for key in ("plugins", "schedulingProfiles"):
        if not isinstance(config.get(key), list) or not config[key]:
            yield (
                "scheduler_config",
                f" has no {key}; scheduler custom needs an EndpointPickerConfig with plugins and "
                "schedulingProfiles",
            )


def _wrong_override(override: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    metadata = override.get("metadata")
    fields = [key for key in _IDENTITY if key in override]
    if isinstance(metadata, Mapping):
        fields += [f"metadata.{key}" for key in ("name", "namespace") if key in metadata]
        if STOP_ANNOTATION in (metadata.get("annotations") or {}):
            yield "override", f" sets {STOP_ANNOTATION}; use the input stopped for it"
    if fields:
        yield "override", f" changes {', '.join(fields)}, by which the service is known"


def _twice(services: Sequence[ServiceInputs]) -> Iterator[str]:
    places = [service.place for service in services]
    for namespace, name in dict.fromkeys(place for place in places if places.count(place) > 1):
        numbers = [str(i) for i, place in enumerate(places) if place == (namespace, name)]
        yield (
            f"model_services[{'], ['.join(numbers)}] are all {namespace}/{name}; expected a name "
            "of its own for each service of a namespace"
        )
