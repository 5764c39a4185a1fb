# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Are credentials judged by their shape, and the right one chosen?"""

from __future__ import annotations

import pytest
from ansible_collections.llmd.tpu.plugins.module_utils.preflight.credentials import (
    Image,
    account_for,
    check_pull_secret,
    check_token,
    parse_image,
)
from ansible_collections.llmd.tpu.plugins.module_utils.preflight.plan import Model

from tests.unit.plugins.module_utils.preflight.phases import (
    PASSWORD,
    USER,
    docker_config,
    phase,
)

IMAGE = "registry.redhat.io/rhaiis/vllm-tpu-rhel9:3.2.5"


@pytest.mark.parametrize(
    ("text", "image"),
    [
        (IMAGE, Image("registry.redhat.io", "rhaiis/vllm-tpu-rhel9", "3.2.5")),
        ("quay.io/a/b@sha256:00ff", Image("quay.io", "a/b", "sha256:00ff")),
        ("quay.io/a/b:1@sha256:00ff", Image("quay.io", "a/b", "sha256:00ff")),
        ("localhost:5000/a/b", Image("localhost:5000", "a/b", "latest")),
        ("vllm/vllm-tpu:nightly", Image("docker.io", "vllm/vllm-tpu", "nightly")),
        ("busybox", Image("docker.io", "library/busybox", "latest")),
        ("not an image", None),
    ],
)
def test_an_image_in_its_parts(text: str, image: Image | None) -> None:
    assert parse_image(text) == image


def test_docker_s_api_is_at_another_host() -> None:
    assert Image("docker.io", "library/busybox", "1").api == "https://registry-1.docker.io"


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("registry.redhat.io", IMAGE),
        ("https://registry.redhat.io/v2/", IMAGE),
        ("registry.redhat.io/rhaiis", IMAGE),
        ("https://index.docker.io/v1/", "vllm/vllm-tpu:nightly"),
    ],
)
def test_an_entry_fits(key: str, text: str) -> None:
    image = parse_image(text)
    assert image
    account = account_for(image, docker_config(key))
    assert account
    assert (account.user, account.password) == (USER, PASSWORD)
    assert PASSWORD not in repr(account)


@pytest.mark.parametrize("key", ["quay.io", "registry.redhat.io/other", "registry.redhat.io.evil"])
def test_an_entry_of_another_registry_is_never_used(key: str) -> None:
    image = parse_image(IMAGE)
    assert image
    assert account_for(image, docker_config(key)) is None


def test_the_longest_entry_wins() -> None:
    config = docker_config("quay.io")
    config["auths"]["quay.io/team"] = {"username": "team", "password": "other"}
    image = parse_image("quay.io/team/app:1")
    assert image
    account = account_for(image, config)
    assert account
    assert account.user == "team"


def test_an_entry_without_a_password_is_none() -> None:
    image = parse_image(IMAGE)
    assert image
    for entry in ({}, {"auth": "%%%"}, {"auth": "bm9jb2xvbg=="}, {"username": "u"}, None):
        assert account_for(image, {"auths": {"registry.redhat.io": entry}}) is None


def test_a_private_registry_wants_an_entry() -> None:
    bare = phase(images=[IMAGE, "quay.io/a/b:1"], pull_secret=docker_config("quay.io"))
    (finding,) = check_pull_secret(bare)
    assert finding.code == "PULL-SECRET-MISSING"
    assert finding.found == "quay.io"
    full = phase(images=[IMAGE], pull_secret=docker_config("registry.redhat.io"))
    assert check_pull_secret(full) == []


@pytest.mark.parametrize(
    ("name", "fix"),
    [
        ("model", "namespace_pull_secret_file: FILE"),
        ("gateway", "gateway_pull_secret_file: FILE"),
        ("kserve", "another registry"),
    ],
)
def test_the_input_that_is_named_exists(name: str, fix: str) -> None:
    (finding,) = check_pull_secret(phase(name, images=[IMAGE]))
    assert fix in finding.fix


def test_a_secret_that_cannot_be_used_is_told_with_its_reason() -> None:
    (finding,) = check_pull_secret(phase(pull_secret_problem="it has no 'auths'"))
    assert finding.code == "PULL-SECRET-INVALID"
    assert "it has no 'auths'" in finding.message


@pytest.mark.parametrize(
    ("gated", "token", "code"),
    [
        (True, "", "HUB-TOKEN-MISSING"),
        (False, "hf_hunter2\n", "HUB-TOKEN-SHAPE"),
        (True, "hf_hunter2", None),
        (False, "", None),
    ],
)
def test_the_token_s_shape(gated: bool, token: str, code: str | None) -> None:
    findings = check_token(Model("hf://owner/name", gated, token))
    assert [one.code for one in findings] == ([code] if code else [])
    assert "hunter2" not in str([one.to_dict() for one in findings])


def test_other_stores_need_no_token_of_the_hub() -> None:
    assert check_token(Model("pvc://disk/model", True, "")) == []
