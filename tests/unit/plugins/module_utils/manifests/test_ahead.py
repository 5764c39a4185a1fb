# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Are many objects read by one list, and whatever a list does not give by itself?"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from ansible_collections.llmd.tpu.plugins.module_utils.connection import ConnectionLost, Reply
from ansible_collections.llmd.tpu.plugins.module_utils.manifests.ahead import FEW, read_ahead
from ansible_collections.llmd.tpu.plugins.module_utils.manifests.client import Api
from ansible_collections.llmd.tpu.plugins.module_utils.manifests.kinds import Kind

from tests.unit.plugins.module_utils.manifests.server import status
from tests.unit.plugins.module_utils.smoke.scripted import Answer, ScriptedSession, found

SETTINGS = Kind("v1", "ConfigMap", "configmaps", True)
SECRETS = Kind("v1", "Secret", "secrets", True)
NAMESPACES = Kind("v1", "Namespace", "namespaces", False)
LIST = "GET /api/v1/namespaces/n/configmaps"
NAMES = [f"c{number}" for number in range(FEW)]


def items(*names: str, **metadata: Any) -> Reply:
    """A list, whose items have neither kind nor API version."""
    return found({"metadata": metadata, "items": [{"metadata": {"name": name}} for name in names]})


def ahead(
    answer: Answer, names: list[str], kind: Kind = SETTINGS, namespace: str | None = "n"
) -> tuple[dict[str, Any], list[str]]:
    """What is known ahead, and what was asked for it."""
    session = ScriptedSession({LIST: answer})
    with ThreadPoolExecutor(1) as pool:
        known = read_ahead(Api(session), [(kind, namespace, name) for name in names], pool)
    return known, session.asked


def test_many_are_read_by_one_list() -> None:
    known, asked = ahead(items(*NAMES[1:], "stranger"), NAMES)
    path = "/api/v1/namespaces/n/configmaps"
    assert asked == [LIST]
    assert set(known) == {f"{path}/{name}" for name in NAMES}
    assert known[f"{path}/c0"] is None
    assert known[f"{path}/c1"] == {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "c1"},
    }


@pytest.mark.parametrize(
    ("names", "kind", "namespace"),
    [
        (NAMES[1:], SETTINGS, "n"),
        (NAMES, SECRETS, "n"),
        (NAMES, NAMESPACES, None),
        (NAMES, SETTINGS, None),
        (["c"] * FEW, SETTINGS, "n"),
    ],
)
def test_what_is_read_one_by_one(names: list[str], kind: Kind, namespace: str | None) -> None:
    assert ahead(items(), names, kind, namespace) == ({}, [])


@pytest.mark.parametrize(
    "answer",
    [
        status(403, "you may not list"),
        status(404, "no such kind"),
        status(500, "trouble"),
        ConnectionLost("gone"),
        items(*NAMES, **{"continue": "more"}),
        found({}),
    ],
)
def test_a_list_that_does_not_help_is_no_error(answer: Answer) -> None:
    assert ahead(answer, NAMES)[0] == {}
