# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Job templates, surveys and credentials fit the roles and playbooks that they are for."""

from __future__ import annotations

import re
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.llmd.tpu.plugins.filter.survey import AS_CONFIGURED, survey
from packaging.specifiers import SpecifierSet

from tests.awx.controller import check_credential_type, check_survey
from tests.awx.data import ROOT, variables, written

DATA = variables()
QUESTIONS: dict[str, dict[str, Any]] = DATA["awx_questions"]
TEMPLATES: list[dict[str, Any]] = DATA["awx_job_templates"]
PROJECT = ROOT / "awx/project"
NO_ANSWER = DATA["awx_no_answer"]
# Question types that can give an input of that type.
FITTING = {
    "str": {"text", "multiplechoice"},
    "int": {"integer"},
    "bool": {"multiplechoice"},
    "list": {"textarea", "multiselect"},
}


def read(path: Path) -> Any:
    return yaml.safe_load(path.read_text())


@cache
def role_inputs() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for path in (ROOT / "roles").glob("*/meta/argument_specs.yml"):
        found.update(read(path)["argument_specs"]["main"]["options"])
    return found


@cache
def playbook_inputs() -> dict[str, dict[str, Any]]:
    """Variables that playbooks hand to options of our words, or read as yes or no."""
    found: dict[str, dict[str, Any]] = {}
    for path in (ROOT / "playbooks").glob("*.yml"):
        for play in read(path):
            for task in play.get("tasks", []):
                for word, options in task.items():
                    if word.startswith("llmd.tpu.") and isinstance(options, dict):
                        spec = module_options(word.removeprefix("llmd.tpu."))
                        for option, value in options.items():
                            for name in re.findall(r"\b(\w+) \| default\(", str(value)):
                                found.setdefault(name, spec[option])
        for name in re.findall(r"\b(llmd_\w+) \| default\(\w+\) \| bool", path.read_text()):
            found.setdefault(name, {"type": "bool"})
    return found


@cache
def module_options(word: str) -> dict[str, Any]:
    module = import_module(f"ansible_collections.llmd.tpu.plugins.modules.{word}")
    options: dict[str, Any] = yaml.safe_load(module.DOCUMENTATION)["options"]
    return options


def option(name: str) -> dict[str, Any]:
    """What the role, or else the playbook, says of an input."""
    known = role_inputs().get(name) or playbook_inputs().get(name)
    assert known, f"no role and no playbook has an input {name}"
    return known


@pytest.mark.parametrize("name", sorted(QUESTIONS))
def test_a_question_fits_the_input_that_it_answers(name: str) -> None:
    question, wanted = QUESTIONS[name], option(name)
    kind = wanted.get("type", "str")
    assert question["type"] in FITTING[kind]
    choices = set(question.get("choices", [])) - {NO_ANSWER}
    if kind == "bool":
        assert choices == {"yes", "no"}
    elif choices and "choices" in wanted:
        assert choices <= set(wanted["choices"])
    if question["type"] == "multiplechoice" and not question.get("required"):
        assert question["choices"][0] == question["default"] == NO_ANSWER


def test_answers_get_the_type_of_their_input() -> None:
    [play] = read(PROJECT / "answers.yml")
    types = {name: option(name).get("type", "str") for name in QUESTIONS}
    assert play["vars"]["answers_types"] == {
        name: kind for name, kind in types.items() if kind != "str"
    }


def test_the_filter_and_the_surveys_mean_the_same_by_no_answer() -> None:
    assert NO_ANSWER == AS_CONFIGURED


@pytest.mark.parametrize("name", sorted(QUESTIONS))
def test_no_question_says_a_default_again_or_asks_for_a_secret(name: str) -> None:
    question = QUESTIONS[name]
    assert question.get("default", NO_ANSWER) == NO_ANSWER or question.get("required")
    assert question["type"] != "password"
    assert not option(name).get("no_log")
    assert not re.search(r"secret|token(?!s)|password|_key$|credential", name)


def imported(playbook: str) -> list[Path]:
    """A file of the project with everything that it imports, roles included."""
    waiting, found = [PROJECT / f"{playbook}.yml"], []
    while waiting:
        path = waiting.pop()
        found.append(path)
        for play in read(path):
            other = play.get("ansible.builtin.import_playbook", "")
            if other.startswith("llmd.tpu."):
                waiting.append(ROOT / "playbooks" / f"{other.removeprefix('llmd.tpu.')}.yml")
            elif other:
                waiting.append(path.parent / other)
            for role in re.findall(r"'llmd\.tpu\.(\w+)'", str(play)):
                if (ROOT / "roles" / role).is_dir():
                    files = (ROOT / "roles" / role).rglob("*.y*ml*")
                    found += [each for each in files if each.is_file()]
    return found


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda one: str(one["name"]))
def test_a_job_template_asks_for_what_its_playbook_reads(template: dict[str, Any]) -> None:
    text = "\n".join(path.read_text() for path in imported(template["playbook"]))
    for name in template["questions"]:
        assert re.search(rf"\b{name}\b", text.replace("argument_specs", "")), name


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda one: str(one["name"]))
def test_a_survey_is_one_that_a_controller_takes(template: dict[str, Any]) -> None:
    if template["questions"]:
        check_survey(survey(template["questions"], QUESTIONS))


def test_every_file_and_every_question_is_used() -> None:
    files = {path.stem for path in PROJECT.glob("*.yml")} - {"answers"}
    assert sorted(files) == sorted(one["playbook"] for one in TEMPLATES)
    assert set(QUESTIONS) == {name for one in TEMPLATES for name in one["questions"]}
    assert set(DATA["awx_workflow"]["questions"]) <= set(QUESTIONS)


@pytest.mark.parametrize("path", sorted(PROJECT.glob("*.yml")), ids=lambda path: str(path.stem))
def test_a_file_of_the_project_imports_playbooks_of_ours(path: Path) -> None:
    plays = read(path)
    names = [play.get("ansible.builtin.import_playbook") for play in plays]
    if path.stem == "answers":
        assert names == [None]
        return
    assert names[0] == "answers.yml"
    assert re.fullmatch(r"llmd\.tpu\.\w+", names[1])
    assert (ROOT / "playbooks" / f"{names[1].removeprefix('llmd.tpu.')}.yml").is_file()
    assert names[2:] == ([None] if path.stem == "explain_failure" else [])


@pytest.mark.parametrize("kind", DATA["awx_credential_types"], ids=lambda kind: str(kind["name"]))
def test_a_credential_arrives_where_it_is_read(kind: dict[str, Any]) -> None:
    check_credential_type({**kind, "kind": "cloud"})
    assert set(kind["injectors"].get("env", {})) <= {"K8S_AUTH_KUBECONFIG"}
    for name, value in kind["injectors"].get("extra_vars", {}).items():
        known = option(name)
        assert (known.get("type") == "list") == isinstance(value, list), name


def test_credentials_hold_what_their_types_ask_for() -> None:
    kinds = {kind["name"]: kind["inputs"]["required"] for kind in DATA["awx_credential_types"]}
    given = written()["awx_credentials"]
    for credential in given.values():
        assert set(kinds.get(credential["type"], [])) <= set(credential["inputs"])
    assert set(kinds) <= {credential["type"] for credential in given.values()}
    assert {*DATA["awx_used_credentials"], DATA["awx_cluster_credential"]} <= set(given)


def test_what_explains_a_failure_reads_what_others_hand_on() -> None:
    text = (PROJECT / "explain_failure.yml").read_text()
    for name, playbook in re.findall(r"\((llmd_(\w+)) \| default\(\{\}\)\)\.codes", text):
        assert f"{name}: " in (ROOT / "playbooks" / f"{playbook}.yml").read_text()


def test_the_project_s_requirements_agree_with_the_collection() -> None:
    listed = {
        one["name"]: SpecifierSet(one["version"])
        for one in read(PROJECT / "collections/requirements.yml")["collections"]
    }
    galaxy = read(ROOT / "galaxy.yml")
    assert listed.pop("llmd.tpu").contains(galaxy["version"])
    assert listed == {name: SpecifierSet(text) for name, text in galaxy["dependencies"].items()}
