# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What ansible-doc shows is complete, and the comparison with results finds what is not true."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml

from tests.examples.documented import NAMES, documented
from tests.examples.running import differences
from tests.sandbox.paths import CHECKOUT

EVERYTHING = [(kind, name) for kind, names in NAMES.items() for name in names]


@pytest.mark.parametrize(("kind", "name"), EVERYTHING)
def test_says_what_it_is_and_shows_an_example(kind: Any, name: str) -> None:
    shown = documented(kind)[name]
    for key in ("short_description", "description", "version_added", "author", "options"):
        assert shown.document[key], key
    for option, words in shown.document["options"].items():
        assert words.get("description"), option
    assert f"llmd.tpu.{name}" in shown.examples


def test_options_that_are_documented_elsewhere_are_shown() -> None:
    assert {"kubeconfig", "src"} <= set(documented("module")["apply"].document["options"])


@pytest.mark.parametrize("name", NAMES["module"])
def test_examples_set_options_that_exist(name: str) -> None:
    for task in yaml.safe_load(documented("module")[name].examples):
        for word, given in task.items():
            if word.startswith("llmd.tpu."):
                module = documented("module")[word.removeprefix("llmd.tpu.")]
                assert set(given or {}) <= set(module.document["options"]), task["name"]


@pytest.mark.parametrize("name", NAMES["role"])
def test_examples_of_roles_set_inputs_that_exist(name: str) -> None:
    for play in yaml.safe_load(documented("role")[name].examples):
        for role in play["roles"]:
            assert set(role.get("vars", {})) <= set(documented("role")[name].document["options"])


@pytest.mark.parametrize("role", NAMES["role"])
def test_the_first_example_of_a_readme_is_the_one_that_is_run(role: str) -> None:
    readme = (CHECKOUT / f"roles/{role}/README.md").read_text()
    shown = re.search(r"```yaml\n(.*?)```", readme, flags=re.DOTALL)
    assert shown
    assert shown[1] == documented("role")[role].examples


RETURNS = {
    "found": {"type": "list", "elements": "dict", "sample": [{"name": "a"}]},
    "seconds": {"type": "float"},
}
GOOD = {"changed": False, "found": [{"name": "b", "more": 1}], "seconds": 2}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, []),
        ({"seconds": None}, []),
        ({"found": []}, []),
        ({"extra": 1}, ["extra is returned and not documented"]),
        ({"seconds": "2"}, ["seconds is no float: '2'"]),
        ({"found": [{"title": "b"}]}, ["found: name is shown, and no example returns it"]),
    ],
)
def test_results_are_held_against_the_documentation(
    changes: dict[str, Any], words: list[str]
) -> None:
    assert differences(RETURNS, [{**GOOD, **changes}]) == words


def test_what_nobody_returns_is_told() -> None:
    told = differences(RETURNS, [{"changed": False, "seconds": 1.5}])
    assert told == ["found is documented, and no example returns it"]
