# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Runs examples on a stage of files and variables, and compares the results with the words."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.e2e.site.playbooks import Run, play
from tests.examples.documented import Documented

TYPES: Mapping[str, type | tuple[type, ...]] = {
    "bool": bool,
    "dict": dict,
    "float": (int, float),
    "int": int,
    "list": list,
    "path": str,
    "str": str,
}
# What Ansible itself adds to a result.
ANSIBLE = {
    "_ansible_no_log",
    "ansible_facts",
    "changed",
    "deprecations",
    "diff",
    "failed",
    "invocation",
    "msg",
    "warnings",
}
# And of a path that a module process returns.
ANSIBLE |= {"gid", "group", "mode", "owner", "size", "state", "uid"}


@dataclass(frozen=True)
class Stage:
    """What examples find where they run; the folder is their home, too."""

    variables: Mapping[str, Any] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    """Text by path in the folder."""
    instead: Mapping[str, str] = field(default_factory=dict)
    """What stands here for a text of the examples: an address, a digest."""
    usual: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """By module, options that an inventory sets for all its tasks."""


def run_examples(
    staged: Sequence[tuple[Documented, Stage]], folder: Path, sandbox: Path, **more: str
) -> dict[str, list[dict[str, Any]]]:
    """Run the examples of modules and filters; what each task returned, by their names.

    None may fail or be skipped. Further keyword arguments are environment variables.
    """
    plays = [_play(of, stage) for of, stage in staged]
    run = _run(plays, [stage for _of, stage in staged], folder, sandbox, more)
    assert run.count("skipped") == 0, run.output
    results = iter([result for _name, result in run.results])
    told = {
        of.name: [next(results) for _task in one["tasks"]]
        for (of, _stage), one in zip(staged, plays, strict=True)
    }
    assert not list(results), "more tasks ran than the examples have"
    return told


def run_role_examples(
    of: Documented, stage: Stage, folder: Path, sandbox: Path, **more: str
) -> Run:
    """Run the plays that are a role's examples; tasks of the role may be skipped."""
    plays = [{**one, "gather_facts": False} for one in _examples(of, stage)]
    return _run(plays, [stage], folder, sandbox, more)


def _run(
    plays: list[dict[str, Any]],
    stages: Sequence[Stage],
    folder: Path,
    sandbox: Path,
    more: Mapping[str, str],
) -> Run:
    environment = {"HOME": str(folder), "ANSIBLE_HOME": str(folder / ".ansible"), **more}
    for stage in stages:
        for name, text in stage.files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
    playbook = folder / "examples.yml"
    playbook.write_text(yaml.safe_dump(plays, sort_keys=False))
    run = play(sandbox, str(playbook), inputs=None, check=False, **environment)
    assert run.code == 0, run.output
    return run


def _examples(of: Documented, stage: Stage) -> list[dict[str, Any]]:
    text = of.examples
    for written, here in stage.instead.items():
        assert written in text, f"no example of {of.name} says {written}"
        text = text.replace(written, here)
    read: list[dict[str, Any]] = yaml.safe_load(text)
    assert read, f"{of.kind} {of.name} has no example"
    return read


def _play(of: Documented, stage: Stage) -> dict[str, Any]:
    defaults: dict[str, Any] = {
        "group/llmd.tpu.all": {"kubeconfig": "{{ llmd_kubeconfig | default(omit) }}"}
    }
    defaults |= {f"llmd.tpu.{name}": dict(options) for name, options in stage.usual.items()}
    return {
        "name": f"Examples of {of.kind} {of.name}",
        "hosts": "localhost",
        "gather_facts": False,
        "module_defaults": defaults,
        "vars": dict(stage.variables),
        "tasks": _examples(of, stage),
    }


def results_of_module(of: Documented, results: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Of what the examples' tasks returned, that of the tasks which use the module itself."""
    pairs = zip(yaml.safe_load(of.examples), results, strict=True)
    found = [result for task, result in pairs if f"llmd.tpu.{of.name}" in task]
    assert found, f"no example of {of.name} uses it"
    return found


def values_of_filter(results: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What tasks of a filter's examples showed or kept, as if each were a result `_value`."""
    found: list[dict[str, Any]] = []
    for result in results:
        found += [{"_value": result["msg"]}] if "msg" in result else []
        found += [{"_value": value} for value in result.get("ansible_facts", {}).values()]
    return found


def differences(returns: Mapping[str, Any], results: list[dict[str, Any]]) -> list[str]:
    """Where results and RETURN disagree: keys that nobody returns, or documents; types; samples."""
    found = [
        f"{key} is returned and not documented"
        for key in sorted({key for result in results for key in result} - set(returns) - ANSIBLE)
    ]
    for key, words in returns.items():
        values = [result[key] for result in results if key in result]
        if not values:
            found.append(f"{key} is documented, and no example returns it")
        known = [value for value in values if value is not None]
        found += [
            f"{key} is no {words['type']}: {value!r}"
            for value in known
            if not isinstance(value, TYPES[words["type"]])
        ]
        found += _strange(key, words, known)
    return found


def _strange(key: str, words: Mapping[str, Any], values: list[Any]) -> Iterator[str]:
    """Keys of a sample, or of `contains`, that no dictionary of the results has."""
    real = [one for value in values for one in (value if isinstance(value, list) else [value])]
    keys = {name for one in real if isinstance(one, dict) for name in one}
    if not keys or words.get("elements", words["type"]) != "dict":
        return
    sample = words.get("sample") or []
    shown = sample if isinstance(sample, list) else [sample]
    told = {name for one in shown for name in one} | set(words.get("contains", {}))
    for name in sorted(told - keys):
        yield f"{key}: {name} is shown, and no example returns it"


def path_with(*folders: Path) -> str:
    """A PATH in which programs of these folders come first."""
    return os.pathsep.join([*map(str, folders), os.environ["PATH"]])
