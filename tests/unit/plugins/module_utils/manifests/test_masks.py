# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a diff shows of secrets, and of what the caller does not want to see."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.llmd.tpu.plugins.module_utils.manifests import report
from ansible_collections.llmd.tpu.plugins.module_utils.manifests.compare import differences
from ansible_collections.llmd.tpu.plugins.module_utils.manifests.fields import spell
from ansible_collections.llmd.tpu.plugins.module_utils.manifests.load import Manifest
from ansible_collections.llmd.tpu.plugins.module_utils.manifests.masks import (
    MASK,
    without_secrets,
    without_tokens,
)
from ansible_collections.llmd.tpu.plugins.module_utils.manifests.report import Outcome

from tests.unit.plugins.module_utils.manifests.objects import deployment, live

Object = dict[str, Any]


def env(**values: str) -> list[Object]:
    return [{"name": name, "value": value} for name, value in values.items()]


def diff(before: Object | None, after: Object, *hidden: str) -> Object:
    """The diff of an object that changes, or that is created."""
    manifest = Manifest(after, "here")
    outcome = Outcome(manifest, "created")
    if before is not None:
        changes = tuple(differences(live(before), live(after)))
        fields = tuple(spell(change.path) for change in changes)
        outcome = Outcome(manifest, "changed", fields, changes=changes)
    return report.diff([outcome], hidden)[0]


@pytest.mark.parametrize(
    "name",
    ["HF_TOKEN", "hf-token", "DBPASSWORD", "AWS_SECRET_ACCESS_KEY", "OPENAI_API_KEY", "Passphrase"],
)
def test_values_of_variables_that_are_called_secret(name: str) -> None:
    old, new = (deployment(env=env(**{name: value})) for value in ("hunter2-a", "hunter2-b"))
    assert "hunter2" not in json.dumps(diff(None, new))
    changed = diff(old, new)
    assert "hunter2" not in json.dumps(changed)
    assert changed["before"] != changed["after"]
    assert list(changed["after"]) == [
        f"spec.template.spec.containers[name=web].env[name={name}].value"
    ]
    added = diff(
        deployment(env=env(OTHER="1")), deployment(env=env(OTHER="1", **{name: "hunter2"}))
    )
    assert "hunter2" not in json.dumps(added)
    assert name in json.dumps(added)


@pytest.mark.parametrize("name", ["MAX_TOKENS", "TOKENIZER_MODE", "KEY", "HOST"])
def test_values_of_other_variables_are_shown(name: str) -> None:
    old, new = (deployment(env=env(**{name: value})) for value in ("4095", "4096"))
    assert "4096" in json.dumps(diff(old, new))
    assert "4096" in json.dumps(diff(None, new))


def custom(*variables: Object) -> Object:
    """A custom resource, whose lists are replaced as a whole."""
    metadata = {"name": "m", "namespace": "n"}
    return {
        "apiVersion": "x.io/v1",
        "kind": "M",
        "metadata": metadata,
        "spec": {"vars": [*variables]},
    }


def test_items_that_are_known_by_number() -> None:
    old = custom(*env(A="1", TOKEN="hunter2-a"))
    assert "hunter2" not in json.dumps(diff(old, custom(*env(A="1", TOKEN="hunter2-b"))))
    renamed = diff(old, custom(*env(A="1", PLAIN="open")))
    assert "hunter2" not in json.dumps(renamed)
    assert "hunter2" not in json.dumps(diff(old, custom(*env(A="1"))))
    assert diff(old, custom(*env(A="2", TOKEN="hunter2-a")))["after"] == {"spec.vars[0].value": "2"}


def test_copies_of_the_whole_object_are_not_shown() -> None:
    name = "kubectl.kubernetes.io/last-applied-configuration"
    body = deployment()
    body["metadata"]["annotations"] = {name: "hunter2", "note": "seen"}
    assert "hunter2" not in json.dumps(diff(None, body))
    assert "hunter2" not in json.dumps(diff(deployment(), body))
    assert "seen" in json.dumps(diff(deployment(), body))


def test_messages_quote_no_secret() -> None:
    text = without_secrets("bad: hunter2-x, open", deployment(env=env(TOKEN="hunter2-x", A="open")))
    assert text == "bad: ********, open"


def test_hidden_fields_are_left_out() -> None:
    old, new = deployment(image="a:1"), deployment(image="a:2")
    new["metadata"]["labels"] = {"app": "web", "example.com/x": "1"}
    field = "spec.template.spec.containers[name=web].image"
    label = "metadata.labels[example.com/x]"
    assert set(diff(old, new)["after"]) == {field, label}
    assert set(diff(old, new, field)["after"]) == {label}
    assert set(diff(old, new, "spec.template.spec.containers[0].image")["after"]) == {label}
    assert set(diff(old, new, "spec", label)["after"]) == set()
    created = diff(None, new, "spec.template.spec.containers[0].image", label)["after"]
    assert created["metadata"]["labels"] == {"app": "web"}
    assert created["spec"]["template"]["spec"]["containers"] == [{"name": "web"}]
    assert "spec" not in diff(None, new, "spec")["after"]
    added = diff({**old, "metadata": {"name": "web"}}, new, label)["after"]
    assert "example.com/x" not in json.dumps(added)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("--api-key sk-12345678 --port 8000", f"--api-key {MASK} --port 8000"),
        ("--hf-token=abc", f"--hf-token={MASK}"),
        ("token hf_abcdefghij is wrong", f"token {MASK} is wrong"),
        ("Authorization: Bearer eyJh.bGci", f"Authorization: Bearer {MASK}"),
        ("HF_TOKEN=abc next", f"HF_TOKEN={MASK} next"),
        ('{"password": "abc", "a": 1}', f'{{"password": "{MASK}", "a": 1}}'),
        ("https://me:abc@host/path", f"https://{MASK}@host/path"),
        ("https://host/file?X-Amz-Signature=abc end", f"https://host/file?{MASK} end"),
        ("--max-num-batched-tokens 2048", "--max-num-batched-tokens 2048"),
        ("--tokenizer-mode auto", "--tokenizer-mode auto"),
        ("--api-key --port 8000", "--api-key --port 8000"),
        ("8 tokens: fine", "8 tokens: fine"),
        ("HF_TOKEN: abc", f"HF_TOKEN: {MASK}"),
        ("password: abc", f"password: {MASK}"),
        ("failed to get secret: not found", "failed to get secret: not found"),
        ("http://hub/a/b/resolve/main/model.safetensors.", None),
    ],
)
def test_a_line_of_a_log_has_no_credentials(text: str, shown: str | None) -> None:
    assert without_tokens(text) == (text if shown is None else shown)
