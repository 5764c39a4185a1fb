# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Pull secrets: what is usable, what is kept of it, and that no word of it is ever said."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.llmd.tpu.plugins.filter.pull_secret import (
    pull_secret_json,
    pull_secret_problem,
    registry_account,
)

PASSWORD = "correct-horse-battery"
AUTH = base64.b64encode(f"me:{PASSWORD}".encode()).decode()
RED_HAT = "registry.redhat.io"


@pytest.mark.parametrize(
    "content",
    [
        "",
        {"auths": {"registry.redhat.io": {"auth": AUTH}}},
        json.dumps({"auths": {"registry.redhat.io": {"auth": AUTH}}}),
        {"auths": {"registry.redhat.io": {"username": "me", "password": PASSWORD}}},
    ],
)
def test_a_usable_pull_secret_has_no_problem(content: Any) -> None:
    assert pull_secret_problem(content) == ""


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{", "not JSON"),
        ("[]", "no 'auths'"),
        ({"auths": {}}, "no 'auths'"),
        ({"credsStore": "desktop"}, "no 'auths'"),
        ({"auths": {"registry.redhat.io": {}}, "credsStore": "desktop"}, "credential helper"),
        (
            {"auths": {"quay.io": {"auth": AUTH}, "registry.redhat.io": {"username": PASSWORD}}},
            "registry.redhat.io",
        ),
    ],
)
def test_a_useless_pull_secret_is_named_without_its_content(content: Any, words: str) -> None:
    problem = pull_secret_problem(content)
    assert words in problem
    assert PASSWORD not in problem
    assert AUTH not in problem
    with pytest.raises(AnsibleFilterError, match="cannot be used"):
        pull_secret_json(content)


def test_a_pull_secret_is_always_written_the_same_way() -> None:
    one = {"auths": {"a": {"auth": AUTH}, "b": {"auth": AUTH}}}
    other = json.dumps({"auths": {"b": {"auth": AUTH}, "a": {"auth": AUTH}}}, indent=2)
    assert pull_secret_json(one) == pull_secret_json(other)
    assert json.loads(pull_secret_json(one)) == one


def test_only_the_registries_needed_are_kept() -> None:
    config = {
        "auths": {
            RED_HAT: {"auth": AUTH, "email": "me@example.com", "registrytoken": "x"},
            f"https://{RED_HAT}/v2/": {"auth": AUTH},
            f"{RED_HAT}/rhaiis": {"auth": AUTH},
            "quay.io": {"auth": AUTH},
            "broken.example.com": {},
        },
        "HttpHeaders": {"X-Meta": "mine"},
        "credsStore": "desktop",
    }
    kept = json.loads(pull_secret_json(config, [RED_HAT]))
    assert kept == {
        "auths": {
            RED_HAT: {"auth": AUTH, "email": "me@example.com"},
            f"https://{RED_HAT}/v2/": {"auth": AUTH},
            f"{RED_HAT}/rhaiis": {"auth": AUTH},
        }
    }


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"auths": {"quay.io": {"auth": AUTH}}}, "no entry for registry.redhat.io, only for quay"),
        (
            {"auths": {"quay.io": {"auth": AUTH}}, "credHelpers": {RED_HAT: "gcloud"}},
            "no entry for registry.redhat.io (a credential helper keeps it elsewhere)",
        ),
        (
            {"auths": {"quay.io": {"auth": AUTH}}, "credsStore": "desktop"},
            "no entry for registry.redhat.io (a credential helper keeps it elsewhere)",
        ),
        ({"auths": {RED_HAT: {}}}, "holds no credential (a credential helper"),
        ({"credHelpers": {RED_HAT: "gcloud"}}, "no 'auths' (a credential helper"),
        ({"auths": {RED_HAT: {"auth": PASSWORD}}}, "is not the base64 form of USER:PASSWORD"),
        (
            {"auths": {RED_HAT: {"auth": base64.b64encode(PASSWORD.encode()).decode()}}},
            "is not the base64 form of USER:PASSWORD",
        ),
    ],
)
def test_a_needed_registry_without_a_credential_is_named(
    config: dict[str, Any], words: str
) -> None:
    problem = pull_secret_problem(config, [RED_HAT])
    assert words in problem
    assert PASSWORD not in problem
    with pytest.raises(AnsibleFilterError):
        pull_secret_json(config, [RED_HAT])


def test_an_account_becomes_a_pull_secret() -> None:
    config = registry_account(PASSWORD, RED_HAT, "me")
    assert pull_secret_problem(config, [RED_HAT]) == ""
    entry = json.loads(pull_secret_json(config, [RED_HAT]))["auths"][RED_HAT]
    assert entry == {"username": "me", "password": PASSWORD, "auth": AUTH}


@pytest.mark.parametrize(("password", "user"), [("", "me"), (PASSWORD, "")])
def test_half_an_account_is_none(password: str, user: str) -> None:
    config = registry_account(password, RED_HAT, user)
    assert "holds no credential" in pull_secret_problem(config, [RED_HAT])
