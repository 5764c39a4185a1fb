# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a run is going to do, as plain data: its phases, as the roles describe them. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal

from ansible_collections.llmd.tpu.plugins.module_utils.findings import Finding, Severity

_SEVERITIES: tuple[Severity, ...] = ("error", "warning", "info")
ProgramName = Literal["helm", "kustomize", "git"]


@dataclass(frozen=True)
class Target:
    """One object: which kind, where, and its name."""

    api_version: str
    kind: str
    name: str
    namespace: str = ""

    @property
    def group(self) -> str:
        """The API group; empty for the core group."""
        return self.api_version.rpartition("/")[0]


@dataclass(frozen=True)
class Access:
    """Verbs on a resource that a phase uses beside those on its own objects.

    A resource may name a subresource (``pods/portforward``); an empty namespace means all.
    ``without`` says what a run that does without it is like; empty when it fails.
    """

    group: str
    resource: str
    verbs: tuple[str, ...]
    namespace: str = ""
    name: str = ""
    without: str = ""


@dataclass(frozen=True)
class Program:
    """A program that a phase starts."""

    name: ProgramName
    path: str


@dataclass(frozen=True)
class Model:
    """A model to download. The token is no part of any text."""

    uri: str
    gated: bool
    token: str

    def __repr__(self) -> str:
        return f"Model({self.uri})"


@dataclass(frozen=True)
class Slice:
    """The TPU chips that a service asks for: `chips` for each of its replicas."""

    accelerator: str
    topology: str
    chips: int
    replicas: int
    service: str = ""
    namespace: str = ""


@dataclass(frozen=True)
class Phase:
    """One phase of the run."""

    name: str
    removes: bool
    prunes: bool
    written: tuple[Target, ...]
    watched: tuple[Target, ...]
    access: tuple[Access, ...]
    programs: tuple[Program, ...]
    images: tuple[str, ...]
    pull_secret: Mapping[str, Any]
    pull_secret_problem: str
    models: tuple[Model, ...]
    slices: tuple[Slice, ...]
    findings: tuple[Finding, ...]
    serving_namespaces: tuple[str, ...]
    unknown: tuple[str, ...]

    def __repr__(self) -> str:
        return f"Phase({self.name})"


def read_phase(entry: Mapping[str, Any]) -> Phase:
    """One validated entry of the option `phases`."""
    secret = entry.get("pull_secret")
    return Phase(
        name=str(entry["name"]),
        removes=entry.get("state") == "absent",
        prunes=bool(entry.get("prune")),
        written=_targets(entry.get("objects")),
        watched=_targets(entry.get("watched")),
        access=tuple(_access(one) for one in entry.get("access") or ()),
        programs=tuple(Program(one["name"], str(one["path"])) for one in entry["programs"] or ()),
        images=tuple(dict.fromkeys(str(image) for image in entry.get("images") or () if image)),
        pull_secret=secret if isinstance(secret, Mapping) else {},
        pull_secret_problem=str(entry.get("pull_secret_problem") or ""),
        models=tuple(dict.fromkeys(_model(one) for one in entry.get("models") or ())),
        slices=tuple(_slice(one) for one in entry.get("slices") or ()),
        findings=tuple(_finding(one) for one in entry.get("findings") or ()),
        serving_namespaces=tuple(str(name) for name in entry.get("serving_namespaces") or ()),
        unknown=tuple(str(words) for words in entry.get("unknown") or ()),
    )


def _model(entry: Mapping[str, Any]) -> Model:
    return Model(str(entry["uri"]), bool(entry.get("gated")), str(entry.get("token") or ""))


def _slice(entry: Mapping[str, Any]) -> Slice:
    return Slice(
        str(entry["accelerator"]),
        str(entry["topology"]),
        int(entry["chips"]),
        int(entry["replicas"]),
        str(entry.get("service") or ""),
        str(entry.get("namespace") or ""),
    )


def together(slices: Iterable[Slice]) -> list[Slice]:
    """The same chips, with services that want the same nodes as one."""
    replicas: dict[tuple[str, str, int], int] = {}
    for one in slices:
        kind = (one.accelerator, one.topology, one.chips)
        replicas[kind] = replicas.get(kind, 0) + one.replicas
    return [Slice(*kind, count) for kind, count in replicas.items()]


def _finding(entry: Mapping[str, Any]) -> Finding:
    """A finding of another word, as its result has it."""
    words = {one.name: str(entry[one.name]) for one in fields(Finding) if one.name in entry}
    given = words.pop("severity", "error")
    severity: Severity = next((one for one in _SEVERITIES if one == given), _SEVERITIES[0])
    return Finding(severity=severity, **words)


def _targets(entries: Iterable[Mapping[str, Any]] | None) -> tuple[Target, ...]:
    return tuple(
        Target(
            str(one["api_version"]),
            str(one["kind"]),
            str(one.get("name") or ""),
            str(one.get("namespace") or ""),
        )
        for one in entries or ()
    )


def _access(entry: Mapping[str, Any]) -> Access:
    return Access(
        str(entry.get("group") or ""),
        str(entry["resource"]),
        tuple(str(verb) for verb in entry["verbs"]),
        str(entry.get("namespace") or ""),
        str(entry.get("name") or ""),
        str(entry.get("without") or ""),
    )
