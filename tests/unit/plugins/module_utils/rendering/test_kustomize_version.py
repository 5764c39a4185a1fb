# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which kustomize may render KServe's overlay?"""

from __future__ import annotations

import json

import pytest
from ansible_collections.llmd.tpu.plugins.module_utils.rendering.kustomize_version import verdict


def from_kubectl(version: str) -> str:
    """What kubectl prints as JSON."""
    return json.dumps({"clientVersion": {"gitVersion": "v1.36.3"}, "kustomizeVersion": version})


@pytest.mark.parametrize(
    "answer", ["v5.8.0\n", "v5.8.1", "{5.9.2 2027-01-01}", from_kubectl("v5.8.1"), "v6.0.0"]
)
def test_kustomize_from_5_8_is_fine(answer: str) -> None:
    judged = verdict(answer)
    assert not judged.error
    assert not judged.warning


@pytest.mark.parametrize("answer", ["v5.7.0", "v5.7.1", from_kubectl("v5.7.1")])
def test_kustomize_5_7_is_a_warning(answer: str) -> None:
    judged = verdict(answer)
    assert not judged.error
    assert "5.8.0" in judged.warning


@pytest.mark.parametrize("answer", ["v5.6.9", "v5.5.0", "v4.5.7", from_kubectl("v5.5.0")])
def test_older_kustomize_is_refused_with_the_reason(answer: str) -> None:
    assert "panics" in verdict(answer).error


@pytest.mark.parametrize(
    "answer", ["", "sh: 1: kustomize: not found", from_kubectl(""), '{"clientVersion": {}}', "[]"]
)
def test_an_answer_without_a_version_is_an_error(answer: str) -> None:
    assert "no version" in verdict(answer).error
