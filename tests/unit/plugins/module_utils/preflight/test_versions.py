# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Do programs and cluster versions get the right verdict?"""

from __future__ import annotations

import pytest
from ansible_collections.llmd.tpu.plugins.module_utils.preflight.cluster import (
    check_version,
    unreachable,
    unreadable,
)
from ansible_collections.llmd.tpu.plugins.module_utils.preflight.plan import Program, ProgramName
from ansible_collections.llmd.tpu.plugins.module_utils.preflight.programs import (
    Answer,
    judge_program,
)
from ansible_collections.llmd.tpu.plugins.module_utils.preflight.starting import hear, programs_of

from tests.unit.plugins.module_utils.preflight.phases import phase

KUBECTL = '{"clientVersion": {"gitVersion": "v1.36.0"}, "kustomizeVersion": "v5.8.1"}'


@pytest.mark.parametrize(
    ("name", "output", "code"),
    [
        ("helm", "v3.17.1+g980d8ac", None),
        ("helm", "v4.0.0", None),
        ("helm", "v3.16.4", "PROGRAM-TOO-OLD"),
        ("helm", "hello", "PROGRAM-VERSION-UNKNOWN"),
        ("kustomize", "v5.8.0", None),
        ("kustomize", KUBECTL, None),
        ("kustomize", KUBECTL.replace("5.8.1", "5.6.0"), "PROGRAM-TOO-OLD"),
        ("kustomize", "v5.7.1", "PROGRAM-UNSAFE"),
        ("kustomize", '{"clientVersion": {"gitVersion": "v1.20.0"}}', "PROGRAM-VERSION-UNKNOWN"),
        ("git", "git version 2.47.3", None),
    ],
)
def test_a_program_s_version(name: ProgramName, output: str, code: str | None) -> None:
    finding = judge_program(Answer(Program(name, f"/bin/{name}"), ("kserve",), True, output))
    assert (finding.code if finding else None) == code


def test_a_missing_program_names_the_phase_and_the_variable() -> None:
    finding = judge_program(hear(Program("helm", "/nowhere/helm"), ("operators",)))
    assert finding
    assert finding.code == "PROGRAM-MISSING"
    assert "phase operators" in finding.message
    assert "operators_helm_binary" in finding.fix


def test_a_program_is_started_once_for_all_phases() -> None:
    git = {"name": "git", "path": "git"}
    found = programs_of([phase("operators", programs=[git]), phase("kserve", programs=[git])])
    assert found == {Program("git", "git"): ("operators", "kserve")}
    assert hear(Program("git", "git"), ("kserve",)).output.startswith("git version")


@pytest.mark.parametrize(
    ("version", "generations", "codes"),
    [
        ("v1.34.1", ("v6e",), []),
        ("v1.33.4-gke.1134000", ("v6e",), []),
        ("v1.31.2-gke.1115000", ("v6e",), []),
        ("v1.31.1-gke.2000000", ("v6e",), ["CLUSTER-GKE-OLD-FOR-TPU"]),
        ("v1.31.1-gke.2000000", ("v5e",), []),
        ("v1.28.9", (), ["CLUSTER-TOO-OLD"]),
        ("", (), ["CLUSTER-VERSION-UNKNOWN"]),
    ],
)
def test_the_version_of_the_cluster(
    version: str, generations: tuple[str, ...], codes: list[str]
) -> None:
    assert [one.code for one in check_version({"gitVersion": version}, generations)] == codes


def test_what_cannot_be_reached_is_an_error_and_what_cannot_be_read_is_not() -> None:
    assert (unreachable("gone").code, unreachable("gone").severity) == (
        "CLUSTER-UNREACHABLE",
        "error",
    )
    finding = unreadable("Namespaces", "HTTP 403")
    assert (finding.code, finding.severity) == ("CLUSTER-NOT-LOOKED-AT", "info")
