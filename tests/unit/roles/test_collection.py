# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The collection's own rules: one word per phase, inputs documented, words in the action group."""

from __future__ import annotations

import fnmatch
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

ROOT = Path(__file__).parents[3]
PHASES = ["operators", "kserve", "gateway", "namespace", "model"]
# The phase before them is optional: it makes what they run on.
ROLES = ["cluster", *PHASES]
# Shared by all phases, so they carry no role's name.
SHARED_INPUTS = {"llmd_cache_dir", "llmd_render_cache"}
# Words without connection options: the group's kubeconfig would be an unknown option to them.
ASK_NO_CLUSTER = {"manifests_info", "report", "show", "unpack"}
# They ask Google, and have a group of their own.
ASK_GOOGLE = {"gke_cluster", "tpu_capacity_info"}


def read(path: Path) -> Any:
    """The content of a YAML file."""
    return yaml.safe_load(path.read_text())


def spec(role: str) -> dict[str, Any]:
    """The documented inputs of a role."""
    options: dict[str, Any] = read(ROOT / "roles" / role / "meta/argument_specs.yml")[
        "argument_specs"
    ]["main"]["options"]
    return options


def task_files(role: str) -> list[Path]:
    """Every task file of a role."""
    return sorted((ROOT / "roles" / role / "tasks").glob("*.yml"))


def tasks(path: Path) -> list[dict[str, Any]]:
    """Every task of a file, those inside blocks included."""
    found: list[dict[str, Any]] = []
    waiting = list(read(path))
    while waiting:
        task = waiting.pop()
        for part in ("block", "rescue", "always"):
            waiting.extend(task.get(part, []))
        found.append(task)
    return found


def test_every_phase_is_a_role_and_nothing_else_is() -> None:
    assert sorted(ROLES) == sorted(path.name for path in (ROOT / "roles").iterdir())


@pytest.mark.parametrize("role", ROLES)
def test_what_is_rendered_is_kept_where_the_user_says(role: str) -> None:
    for path in task_files(role):
        for task in tasks(path):
            options = task.get("llmd.tpu.apply") or task.get("llmd.tpu.manifests_info") or {}
            if {"chart", "kustomize", "src"} & set(options):
                assert options.get("cache") == "{{ llmd_render_cache | default(omit) }}", task


@pytest.mark.parametrize("role", ROLES)
def test_defaults_and_argument_specs_name_the_same_inputs(role: str) -> None:
    assert set(read(ROOT / "roles" / role / "defaults/main.yml")) == set(spec(role))


@pytest.mark.parametrize("role", ROLES)
def test_defaults_and_argument_specs_agree_on_values(role: str) -> None:
    for name, value in read(ROOT / "roles" / role / "defaults/main.yml").items():
        option = spec(role)[name]
        if "{{" in str(value):
            # A template is described in words: as a default it would be shown unrendered.
            assert "default" not in option, name
            assert "efault" in str(option["description"]), name
        else:
            assert option["default"] == value, name


@pytest.mark.parametrize("role", ROLES)
def test_defaults_pass_the_role_s_own_check(role: str) -> None:
    defaults = read(ROOT / "roles" / role / "defaults/main.yml")
    plain = {name: value for name, value in defaults.items() if "{{" not in str(value)}
    checked = ArgumentSpecValidator({name: spec(role)[name] for name in plain}).validate(plain)
    assert checked.error_messages == []


@pytest.mark.parametrize("role", ROLES)
def test_inputs_carry_the_role_s_name(role: str) -> None:
    assert all(name.startswith(f"{role}_") for name in spec(role))


@pytest.mark.parametrize("role", ROLES)
def test_every_input_and_constant_is_used(role: str) -> None:
    folder = ROOT / "roles" / role
    names = [*read(folder / "defaults/main.yml"), *read(folder / "vars/main.yml")]
    sources = [
        path for part in ("tasks", "templates", "vars") for path in (folder / part).glob("*")
    ]
    text = "\n".join(path.read_text() for path in sources)
    text += (folder / "defaults/main.yml").read_text()
    for name in names:
        # Once where it is set (inputs: in defaults, constants: in vars), and at least once more.
        assert len(re.findall(rf"\b{name}\b", text)) > 1, f"{name} is set and never used"


@pytest.mark.parametrize("role", ROLES)
def test_every_variable_that_is_used_is_set_somewhere(role: str) -> None:
    folder = ROOT / "roles" / role
    known = {*read(folder / "defaults/main.yml"), *read(folder / "vars/main.yml")}
    for path in task_files(role):
        for task in tasks(path):
            known |= {task["register"]} if "register" in task else set()
            known |= set(task.get("vars", {})) | set(task.get("ansible.builtin.set_fact", {}))
    text = "\n".join(path.read_text() for path in folder.rglob("*") if path.is_file())
    for name in set(re.findall(rf"\b__{role}_\w+", text)):
        assert name in known, f"{name} is used and never set"


@pytest.mark.parametrize("role", ROLES)
def test_a_role_has_the_files_of_the_house(role: str) -> None:
    folder = ROOT / "roles" / role
    assert {path.name for path in task_files(role)} >= {
        f"{part}.yml" for part in ("main", "plan", "preflight", "present", "absent", "verify")
    }
    assert (folder / "README.md").is_file()


@pytest.mark.parametrize("role", ROLES)
def test_nothing_is_made_to_look_idempotent(role: str) -> None:
    for path in task_files(role):
        for task in tasks(path):
            assert "ignore_errors" not in task, task["name"]
            assert "failed_when" not in task, task["name"]
            # helm_template only prints, and reports a change each time.
            assert "changed_when" not in task or "kubernetes.core.helm_template" in task, task[
                "name"
            ]


@pytest.mark.parametrize("role", ROLES)
def test_what_a_phase_makes_carries_its_label(role: str) -> None:
    labels = [
        value
        for name, value in read(ROOT / "roles" / role / "vars/main.yml").items()
        if name.endswith("_labels") and isinstance(value, dict)
    ]
    assert {"llmd.tpu/phase": role} in labels


@pytest.mark.parametrize("role", ROLES)
def test_a_removal_comes_before_anything_else_and_takes_only_what_is_labelled(role: str) -> None:
    first = read(ROOT / "roles" / role / "tasks/main.yml")[0]
    assert first["ansible.builtin.include_tasks"] == "absent.yml"
    removal = tasks(ROOT / "roles" / role / "tasks/absent.yml")
    applied = [task["llmd.tpu.apply"] for task in removal if "llmd.tpu.apply" in task]
    # What is not ours is not removed, but given back: applied without any of our fields.
    applied = [words for words in applied if "given_back" not in str(words.get("definition"))]
    for words in applied:
        assert words["state"] == "absent"
        assert re.fullmatch(rf"{{{{ __{role}(_phase)?_labels }}}}", words["labels"])
    # A phase that cannot be removed yet says so, and does nothing.
    assert applied or [list(task) for task in removal] == [["name", "ansible.builtin.fail"]]


@pytest.mark.parametrize("role", ROLES)
def test_secrets_are_kept_out_of_the_output(role: str) -> None:
    hidden = re.compile(r"(pull_secrets?|secrets)\.yaml\.j2")
    for path in task_files(role):
        for task in tasks(path):
            if hidden.search(str(task.get("llmd.tpu.apply", ""))):
                assert task["no_log"] is True, task["name"]
            if task.get("kubernetes.core.k8s_info", {}).get("kind") == "Secret":
                assert task["no_log"] is True, task["name"]


@pytest.mark.parametrize("role", ROLES)
def test_a_failure_that_is_hidden_is_told_by_the_next_task(role: str) -> None:
    for path in task_files(role):
        found = tasks(path)
        rescued = [block for block in found if "rescue" in block]
        guarded = [task for block in rescued for task in block["block"]]
        for task in found:
            if "llmd.tpu.apply" in task and task.get("no_log"):
                assert task in guarded, task["name"]
        for block in rescued:
            if any(task.get("no_log") for task in block["block"]):
                words = str(block["rescue"])
                assert "ansible_failed_result.msg" in words or "findings say why" in words, block


def test_requests_name_the_version_of_the_collection() -> None:
    text = (ROOT / "plugins/module_utils/connection.py").read_text()
    assert f'\nVERSION = "{read(ROOT / "galaxy.yml")["version"]}"\n' in text


def test_the_action_group_holds_every_word() -> None:
    group = read(ROOT / "meta/runtime.yml")["action_groups"]["all"]
    words = {path.stem for path in (ROOT / "plugins/modules").glob("*.py")}
    words |= {path.stem for path in (ROOT / "plugins/action").glob("*.py")}
    words -= ASK_NO_CLUSTER | ASK_GOOGLE
    assert words == {entry for entry in group if isinstance(entry, str)}
    assert {"metadata": {"extend_group": ["kubernetes.core.k8s"]}} in group


def test_the_words_that_ask_google_have_a_group() -> None:
    group = read(ROOT / "meta/runtime.yml")["action_groups"]["google"]
    assert set(group) == ASK_GOOGLE


def test_the_site_runs_the_phases_in_order() -> None:
    plays = read(ROOT / "playbooks/site.yml")
    assert [play.get("ansible.builtin.import_playbook") for play in plays] == [
        *(f"{phase}.yml" for phase in ROLES),
        None,  # says to a workflow what was made
    ]
    assert [play.get("when") for play in plays] == [
        "llmd_cluster | default(false) | bool",
        # A check of phase cluster may find that there is nothing yet to look at.
        *["not llmd_no_cluster | default(false)"] * len(PHASES),
        None,
    ]


def test_the_removal_takes_what_serves_before_what_it_needs() -> None:
    plays = read(ROOT / "playbooks/remove.yml")
    imported = [play for play in plays if "ansible.builtin.import_playbook" in play]
    assert [play["ansible.builtin.import_playbook"] for play in imported] == [
        f"{phase}.yml"
        for phase in ("model", "gateway", "namespace", "kserve", "operators", "cluster")
    ]
    assert [play["when"] for play in imported] == [
        *["not llmd_no_cluster | default(false)"] * len(PHASES),
        "llmd_cluster | default(false) | bool",
    ]
    for play in imported:
        phase = play["ansible.builtin.import_playbook"].removesuffix(".yml")
        assert play["vars"][f"{phase}_state"] == "absent"


def test_preflight_hears_every_phase() -> None:
    (play,) = read(ROOT / "playbooks/preflight.yml")
    heard = [
        task["ansible.builtin.import_role"]
        for task in play["tasks"]
        if "ansible.builtin.import_role" in task
    ]
    assert heard == [{"name": f"llmd.tpu.{phase}", "tasks_from": "plan.yml"} for phase in PHASES]


@pytest.mark.parametrize("path", sorted((ROOT / "playbooks").glob("*.yml")), ids=lambda p: p.stem)
def test_playbook_names_can_be_called_through_the_collection(path: Path) -> None:
    assert re.fullmatch(r"[a-z][a-z0-9_]*", path.stem)


@pytest.mark.parametrize("phase", ROLES)
def test_a_phase_has_one_word_everywhere(phase: str) -> None:
    (play,) = read(ROOT / f"playbooks/{phase}.yml")
    assert play["tags"] == [phase]
    assert play["roles"] == [{"role": f"llmd.tpu.{phase}"}]
    assert play["hosts"] == "{{ llmd_hosts | default('localhost') }}"
    for inventory in ("sandbox", "example"):
        assert (ROOT / f"inventories/{inventory}/group_vars/all/{phase}.yml").is_file()
    assert (ROOT / f"docs/{phase}.md").is_file()
    assert (ROOT / f"molecule/{phase}/molecule.yml").is_file()


def test_make_runs_every_scenario() -> None:
    (line,) = re.findall(
        r"^SCENARIOS := (.*)$", (ROOT / "Makefile").read_text(), flags=re.MULTILINE
    )
    there = {path.parent.name for path in (ROOT / "molecule").glob("*/molecule.yml")}
    assert set(line.split()) | {"default"} == there


@pytest.mark.parametrize("inventory", ["sandbox", "example"])
@pytest.mark.parametrize("phase", ROLES)
def test_inventories_set_inputs_that_exist(inventory: str, phase: str) -> None:
    path = ROOT / f"inventories/{inventory}/group_vars/all/{phase}.yml"
    # Commented lines count: they are what a user will uncomment.
    named = set(re.findall(r"^(?:# )?([a-z]+_\w+):", path.read_text(), flags=re.MULTILINE))
    if phase == "cluster":
        # Which cluster it is stands here as well, whoever made it.
        named = {name for name in named if not name.startswith(("llmd_", "sandbox_"))}
    assert named <= set(spec(phase)) | SHARED_INPUTS


def test_the_archive_leaves_out_what_only_developers_need() -> None:
    ignored = read(ROOT / "galaxy.yml")["build_ignore"]
    for path in (
        ".git",
        ".venv",
        ".sandbox",
        ".sandbox-test-empty",
        ".ci",
        "tests",
        "molecule",
        "Makefile",
        "llmd-tpu-0.1.0.tar.gz",
    ):
        assert any(fnmatch.fnmatch(path, pattern) for pattern in ignored), path
    for path in (
        "LICENSE",
        "README.md",
        "requirements.txt",
        "meta",
        "plugins",
        "roles",
        "playbooks",
        "docs",
    ):
        assert not any(fnmatch.fnmatch(path, pattern) for pattern in ignored), path


def test_roles_read_nothing_that_an_installed_collection_lacks() -> None:
    for role in ROLES:
        for path in (ROOT / "roles" / role).rglob("*"):
            if path.is_file() and path.suffix != ".md":
                assert not re.search(r"\b(docs|tests|inventories|molecule)/", path.read_text()), (
                    path
                )
