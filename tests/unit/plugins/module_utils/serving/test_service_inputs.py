# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Are several services told apart, and is bad input named as the user wrote it?"""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from ansible_collections.llmd.tpu.plugins.module_utils.serving.service_inputs import (
    SPEC,
    ServiceInputs,
    read_services,
)

from tests.unit.plugins.module_utils.serving.inputs import CONFIG, DEFAULTS, given


def test_every_input_is_a_field() -> None:
    assert set(SPEC) == {field.name for field in dataclasses.fields(ServiceInputs)}
    assert set(SPEC) == set(DEFAULTS)


def test_without_services_the_variables_are_one() -> None:
    services, problems = read_services(given(), [])
    assert problems == []
    assert [one.place for one in services] == [("team", "qwen")]


def test_a_service_s_own_words_count_and_the_variables_fill_in() -> None:
    entries: list[dict[str, Any]] = [
        {"name": "a", "chips": "8", "topology": "2x4"},
        {"name": "b", "chips": None},
    ]
    services, problems = read_services(given(chips=1, labels={"x": "y"}), entries)
    assert problems == []
    assert [(one.name, one.chips, one.topology) for one in services] == [
        ("a", 8, "2x4"),
        ("b", 1, "2x2"),
    ]
    assert all(one.labels == {"x": "y"} for one in services)


def problems_of(changes: dict[str, Any], *entries: dict[str, Any]) -> str:
    """What is said of such inputs."""
    return "; ".join(read_services(given(**changes), entries)[1])


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"name": "Qwen_2"}, "model_name is 'Qwen_2'; expected lower-case"),
        ({"name": "q" * 39}, "at most 38"),
        ({"name": "2qwen"}, "model_name is '2qwen'"),
        ({"namespace": "Team"}, "model_namespace is 'Team'"),
        ({"replicas": -1}, "model_replicas is -1; expected 0 or more"),
        ({"replicas": "two"}, "replicas"),
        ({"chips": 0}, "model_chips is 0; expected 1 or more"),
        ({"startup_probe_failures": 0}, "model_startup_probe_failures is 0"),
        ({"pull_secret_name": ""}, "model_pull_secret_name is empty, and registry.redhat.io"),
        ({"scheduler": "fast"}, "value of scheduler must be one of: preset, custom, none"),
        ({"scheduler": "custom"}, "model_scheduler_config has no plugins"),
        (
            {"scheduler": "custom", "scheduler_config": {"plugins": [{"type": "x"}]}},
            "model_scheduler_config has no schedulingProfiles",
        ),
        ({"scheduler_config": CONFIG}, "model_scheduler_config has no effect while scheduler"),
        ({"env": [{"name": "VLLM_ADDITIONAL_ARGS", "value": ""}]}, "model_env sets VLLM_ADD"),
        ({"env": [{"value": "x"}]}, "model_env has an entry without a name"),
        ({"annotations": {"serving.kserve.io/stop": "true"}}, "use the input stopped"),
        ({"override": {"metadata": {"name": "x"}}}, "model_override changes metadata.name"),
        ({"override": {"kind": "Pod", "apiVersion": "v1"}}, "changes apiVersion, kind"),
        (
            {"override": {"metadata": {"annotations": {"serving.kserve.io/stop": "true"}}}},
            "model_override sets serving.kserve.io/stop",
        ),
        ({"probes": {"alive": {}}}, "alive"),
        ({"resources": {"limit": {}}}, "limit"),
    ],
)
def test_what_is_said_of_a_variable(changes: dict[str, Any], words: str) -> None:
    assert words in problems_of(changes)


@pytest.mark.parametrize(
    ("entries", "words"),
    [
        ([{}], "model_services[0]: missing required arguments: name"),
        ([{"name": "a"}, {"name": "b", "uriX": "hf://a/b"}], "model_services[1]: uriX"),
        ([{"name": "a"}, {"name": "B"}], "model_services[1].name is 'B'"),
        ([{"name": "a", "replicas": -1}], "model_services[0].replicas is -1"),
        ([{"name": "a"}, {"name": "b"}, {"name": "a"}], "model_services[0], [2] are all team/a"),
        ([{"name": "a", "stopped": "perhaps"}], "model_services[0]: "),
    ],
)
def test_what_is_said_of_a_service(entries: list[dict[str, Any]], words: str) -> None:
    assert words in problems_of({}, *entries)


def test_a_variable_is_blamed_where_the_service_says_nothing() -> None:
    assert problems_of({"chips": 0}, {"name": "a"}).startswith("model_chips is 0")


def test_the_same_name_in_two_namespaces_is_two_services() -> None:
    entries = [{"name": "a"}, {"name": "a", "namespace": "other"}]
    assert problems_of({}, *entries) == ""
