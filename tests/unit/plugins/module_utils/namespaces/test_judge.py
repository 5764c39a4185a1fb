# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which namespaces may be used, which would break or roll services, and which may go?"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.llmd.tpu.plugins.module_utils.findings import Finding
from ansible_collections.llmd.tpu.plugins.module_utils.namespaces.judge import (
    ADOPTED,
    Sight,
    Wishes,
    check_absent,
    check_names,
    check_present,
    describe,
    origin,
)

LABELS = {"llmd.tpu/phase": "namespace"}
WISHES = Wishes(labels=LABELS)
APPLIED = [{"manager": "llmd.tpu", "operation": "Apply"}]


def live(
    labels: dict[str, str] | None = None, annotations: dict[str, str] | None = None, **metadata: Any
) -> dict[str, Any]:
    """A namespace; without more it is somebody else's."""
    return {
        "metadata": {
            "name": "models",
            "labels": labels or {},
            "annotations": annotations or {},
            **metadata,
        }
    }


OURS = live(LABELS, managedFields=APPLIED)


def service(annotations: dict[str, str] | None = None, account: str | None = None) -> Any:
    template = {"serviceAccountName": account} if account else {}
    return {
        "metadata": {"name": "qwen", "annotations": annotations or {}},
        "spec": {"template": template},
    }


def codes(findings: Iterable[Finding]) -> list[str]:
    return [finding.code for finding in findings]


@pytest.mark.parametrize("name", ["", "A", "a_b", "-a", "a" * 64, "a.b"])
def test_a_name_that_kubernetes_refuses(name: str) -> None:
    assert codes(check_names(["models", name])) == ["NAMESPACE-NAME"]


@pytest.mark.parametrize(
    ("found", "whose"),
    [
        (None, "missing"),
        (OURS, "ours"),
        (live(LABELS), "foreign"),
        (live(managedFields=APPLIED), "foreign"),
        (
            live(LABELS, managedFields=[{"manager": "llmd.tpu", "operation": "Update"}]),
            "foreign",
        ),
        (live(annotations={ADOPTED: "true"}, managedFields=APPLIED), "adopted"),
    ],
)
def test_whose_a_namespace_is(found: Any, whose: str) -> None:
    assert origin(Sight("models", found), WISHES) == whose


def test_a_foreign_namespace_is_used_only_when_told_to() -> None:
    sight = Sight("models", live())
    (finding,) = check_present(sight, WISHES)
    assert finding.code == "NAMESPACE-FOREIGN"
    assert "namespace_adopt" in finding.fix
    assert codes(check_present(sight, replace(WISHES, adopt=True))) == []
    adopted = Sight("models", live(annotations={ADOPTED: "true"}))
    assert codes(check_present(adopted, WISHES)) == []


def test_a_namespace_that_is_going_is_not_used() -> None:
    going = Sight("models", live(deletionTimestamp="2026-01-01T00:00:00Z"))
    assert codes(check_present(going, WISHES)) == ["NAMESPACE-GOING"]


@pytest.mark.parametrize(
    ("there", "asked", "expected"),
    [
        ({"istio-injection": "enabled"}, {}, ["NAMESPACE-SIDECARS"]),
        ({}, {"istio.io/rev": "default"}, ["NAMESPACE-SIDECARS"]),
        ({"istio-injection": "disabled"}, {}, []),
        ({"istio-injection": "enabled"}, {"istio-injection": "disabled"}, []),
        ({"team": "search"}, {}, []),
    ],
)
def test_sidecars_are_refused_unless_meant(
    there: dict[str, str], asked: dict[str, str], expected: list[str]
) -> None:
    sight = Sight("models", live({**LABELS, **there}, managedFields=APPLIED))
    wishes = replace(WISHES, add_labels=asked)
    assert codes(check_present(sight, wishes)) == expected
    assert codes(check_present(sight, replace(wishes, allow_sidecars=True))) == []


def test_a_secret_that_is_said_to_be_there() -> None:
    wishes = replace(WISHES, needed_secrets=["pull"])
    (finding,) = check_present(Sight("models"), wishes)
    assert finding.subject == "Secret models/pull"
    there = Sight("models", OURS, secrets=[{"metadata": {"name": "pull"}}])
    assert codes(check_present(there, wishes)) == []


@pytest.mark.parametrize(
    ("services", "listed", "rolls"),
    [
        ([service()], [], True),
        ([service()], ["other"], True),
        ([service()], ["hf-token"], False),
        ([], [], False),
        ([service({"serving.kserve.io/stop": "True"})], [], False),
        ([service({"serving.kserve.io/storageSecretName": "mine"})], [], False),
        ([service(account="own")], [], False),
        ([service(account="default")], [], True),
    ],
)
def test_a_token_that_comes_later_rolls_services(
    services: list[Any], listed: list[str], rolls: bool
) -> None:
    sight = Sight(
        "models", OURS, account={"secrets": [{"name": name} for name in listed]}, services=services
    )
    found = list(check_present(sight, replace(WISHES, account_secrets=["hf-token"])))
    assert codes(found) == (["NAMESPACE-SERVICES-ROLL"] if rolls else [])
    assert all(finding.severity == "warning" and "qwen" in finding.message for finding in found)


def test_a_namespace_in_use_does_not_go() -> None:
    (finding,) = check_absent(Sight("models", OURS, services=[service()]), WISHES)
    assert (finding.code, finding.severity) == ("NAMESPACE-IN-USE", "error")
    assert "qwen" in finding.found
    assert codes(check_absent(Sight("models", OURS), WISHES)) == []
    assert codes(check_absent(Sight("models"), WISHES)) == []


def test_a_namespace_of_others_stays() -> None:
    (finding,) = check_absent(Sight("models", live()), WISHES)
    assert (finding.code, finding.severity) == ("NAMESPACE-STAYS", "info")


def test_only_our_objects_are_told() -> None:
    mine = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": "hf-token",
            "namespace": "models",
            "labels": LABELS,
            "managedFields": APPLIED,
        },
    }
    other = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "db", "namespace": "models"},
    }
    told = describe(Sight("models", OURS, secrets=[mine, other]), WISHES)
    assert told["secrets"] == ["db", "hf-token"]
    assert told["objects"] == [
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "hf-token", "namespace": "models"},
        }
    ]
