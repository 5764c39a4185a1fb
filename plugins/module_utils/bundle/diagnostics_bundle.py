# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Collect what a helper needs to see of a cluster, without its secrets, in one archive."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ansible_collections.llmd.tpu.plugins.module_utils.bundle import files
from ansible_collections.llmd.tpu.plugins.module_utils.bundle.archive import (
    ArchiveProblem,
    pack,
    refuse_existing,
    write,
)
from ansible_collections.llmd.tpu.plugins.module_utils.bundle.collect import Collector, Limits
from ansible_collections.llmd.tpu.plugins.module_utils.bundle.files import (
    files_of,
    given_files,
    versions_file,
    versions_of,
)
from ansible_collections.llmd.tpu.plugins.module_utils.bundle.index import index_page
from ansible_collections.llmd.tpu.plugins.module_utils.bundle.program import (
    Client,
    Program,
    ProgramProblem,
    find_program,
    kept_kubeconfig,
)
from ansible_collections.llmd.tpu.plugins.module_utils.bundle.room import File, fit
from ansible_collections.llmd.tpu.plugins.module_utils.bundle.told import Collected, Problem
from ansible_collections.llmd.tpu.plugins.module_utils.connection import (
    VERSION,
    ConnectionProblem,
    as_kubeconfig,
    connection_options,
)
from ansible_collections.llmd.tpu.plugins.module_utils.manifests.cleaning import Cleaner
from ansible_collections.llmd.tpu.plugins.module_utils.manifests.masks import MASK
from ansible_collections.llmd.tpu.plugins.module_utils.pages import page

_LOG_BYTES = 4 * 2**20
_CREDENTIALS = ("token", "password")


def argument_spec() -> dict[str, Any]:
    """Give the options of the task, with kubernetes.core's connection options."""
    return {
        **connection_options(),
        "path": {"type": "path", "required": True},
        "overwrite": {"type": "bool", "default": False},
        "namespaces": {"type": "list", "elements": "str", "default": []},
        "findings": {"type": "list", "elements": "dict", "default": []},
        "data": {"type": "dict", "default": {}},
        "secrets": {"type": "list", "elements": "str", "default": [], "no_log": True},
        "search_secrets": {"type": "bool", "default": True},
        "program": {"type": "str"},
        "max_size": {"type": "bytes", "default": "50M"},
        "log_lines": {"type": "int", "default": 2000},
        "command_timeout": {"type": "int", "default": 30},
        "timeout": {"type": "int", "default": 300},
    }


def _program(path: str, kubeconfig: str) -> Client:
    return Program(path, kubeconfig)


@dataclass(frozen=True)
class World:
    """What a bundle touches besides its file; tests pass stand-ins."""

    find: Callable[[str | None], str] = find_program
    client: Callable[[str, str], Client] = _program
    kubeconfig: Callable[[Mapping[str, Any]], tuple[dict[str, Any], str]] = as_kubeconfig
    keep: Callable[[Mapping[str, Any]], AbstractContextManager[str]] = kept_kubeconfig
    clock: Callable[[], float] = time.monotonic
    now: Callable[[], datetime] = lambda: datetime.now(UTC)


def run(
    parameters: Mapping[str, Any], *, check: bool, world: World | None = None
) -> dict[str, Any]:
    """Collect and write; what the cluster refuses is told, and never fails the task."""
    world = world or World()
    try:
        return _run(parameters, check, world)
    except (ConnectionProblem, ProgramProblem, ArchiveProblem) as problem:
        return {"failed": True, "changed": False, "msg": str(problem)}


def _run(parameters: Mapping[str, Any], check: bool, world: World) -> dict[str, Any]:
    path = Path(os.path.abspath(parameters["path"]))
    _check(parameters, path)
    started = world.clock()
    program = world.find(parameters["program"])
    config, source = world.kubeconfig(parameters)
    user, cluster = config["users"][0]["user"], config["clusters"][0]["cluster"]
    server = f"{cluster.get('server', '')} ({source})"
    limits = Limits(
        float(parameters["command_timeout"]),
        started + float(parameters["timeout"]),
        parameters["log_lines"],
        min(_LOG_BYTES, parameters["max_size"]),
        parameters["search_secrets"],
    )
    cleaner = Cleaner(parameters["secrets"])
    cleaner.know(str(user[name]) for name in _CREDENTIALS if user.get(name))
    with world.keep(config) as kubeconfig:
        collector = Collector(world.client(program, kubeconfig), limits, world.clock)
        collector.look_round(parameters["namespaces"])
        if check:
            planned = [command.words for _name, command in collector.commands()]
            return {
                "changed": True,
                "path": str(path),
                "program": program,
                "namespaces": collector.found.namespaces,
                "planned": [*planned, "logs of every container of the pods, and of its run before"],
                "problems": _told(collector.found.problems, cleaner),
            }
        found = collector.collect()
    files, problems = _pages(parameters, found, cleaner, server, program, world.now())
    content = pack(path.name.removesuffix(".gz").removesuffix(".tar"), files)
    write(path, content, parameters["overwrite"])
    result: dict[str, Any] = {
        "changed": True,
        "path": str(path),
        "bytes": len(content),
        "program": program,
        "namespaces": found.namespaces,
        "files": [file.name for file in files],
        "problems": problems,
        "seconds": round(world.clock() - started, 1),
    }
    if problems:
        result["warnings"] = [
            f"{len(problems)} parts could not be collected; index.html in {path} and problems in "
            "the result name them"
        ]
    return result


def _check(parameters: Mapping[str, Any], path: Path) -> None:
    """Raise before anything is asked when no archive could come of it."""
    missing = page.IMPORT_PROBLEM or files.IMPORT_PROBLEM
    if missing:
        raise ProgramProblem(
            f"a Python library is missing: {missing}. Needed where the task runs: the packages "
            "Jinja2 and PyYAML (pip install Jinja2 PyYAML); ansible-core brings them along."
        )
    least = {"max_size": 2**16, "log_lines": 1, "command_timeout": 1, "timeout": 1}
    for name, number in least.items():
        if parameters[name] < number:
            raise ArchiveProblem(f"{name} is {parameters[name]}. Expected: at least {number}.")
    refuse_existing(path, parameters["overwrite"])


def _pages(
    parameters: Mapping[str, Any],
    found: Collected,
    cleaner: Cleaner,
    server: str,
    program: str,
    now: datetime,
) -> tuple[list[File], list[dict[str, str]]]:
    """The files with their index, and what is missing in them."""
    most = parameters["max_size"]
    collected = files_of(found, cleaner, most)
    findings = cleaner.data(parameters["findings"])
    versions = versions_of(found, VERSION, program)
    given = given_files({**parameters["data"], "findings": parameters["findings"]}, cleaner)
    files = fit([*collected, *given, versions_file(versions, cleaner)], most)
    problems = _told(found.problems, cleaner)
    index = index_page(
        server=cleaner.text(server),
        when=now.strftime("%Y-%m-%d %H:%M UTC"),
        mask=MASK,
        versions=cleaner.data(versions),
        findings=findings,
        problems=[Problem(**one) for one in problems],
        files=files,
    )
    for file in files:
        if file.left_out:
            why = f"{file.left_out} bytes left out: no room within max_size"
            problems.append({"what": file.name, "why": why})
    kept = [file for file in files if file.text]
    return [File("index.html", index, "given"), *kept], problems


def _told(problems: Sequence[Problem], cleaner: Cleaner) -> list[dict[str, str]]:
    return [cleaner.data(asdict(one)) for one in sorted(set(problems))]
