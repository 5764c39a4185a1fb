# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Namespaces beside the first one: made, adopted, bounded, given up; and no secret is ever said."""

from __future__ import annotations

import base64
import json
from typing import Any

from tests.e2e.phases.planted import HOST, PASSWORD, TOKEN, account, silent
from tests.e2e.site.playbooks import play
from tests.sandbox.harness import Sandbox

FIRST = "llm-d-inference-scheduling"
CHANGED: dict[str, Any] = {
    "namespace_names": ["models-made", "models-adopted"],
    "namespace_labels": {"team": "search"},
    "namespace_adopt": True,
    **account("namespace"),
    "namespace_hub_token": TOKEN,
    "namespace_quota": {"requests.google.com/tpu": 4},
    "namespace_limits": {"defaultRequest": {"cpu": "100m"}},
}
GONE = {"namespace_names": CHANGED["namespace_names"], "namespace_state": "absent"}


def writes(sandbox: Sandbox, start: int) -> list[str]:
    return [each.uri for each in sandbox.requests_by("llmd.tpu", start) if each.is_write]


def test_namespaces_are_made_adopted_changed_and_given_up(lived: Sandbox) -> None:
    lived.kubectl("create", "namespace", "models-adopted")
    lived.kubectl("label", "namespace", "models-adopted", "owner=others")
    place = "--namespace=models-adopted"
    lived.kubectl("wait", "--for=create", "serviceaccount/default", place, "--timeout=60s")
    before = lived.get("serviceaccount", "--namespace=models-adopted", "default")

    start = lived.position()
    predicted = play(lived.folder, "namespace", "-vvv", inputs=CHANGED, check=True)
    assert predicted.code == 0, predicted.output[-4000:]
    assert writes(lived, start) == []
    run = play(lived.folder, "namespace", "-vvv", "--diff", inputs=CHANGED)
    assert run.code == 0, run.output[-4000:]
    assert run.changed_tasks == predicted.changed_tasks
    for each in (predicted, run):
        silent(each)
    for name in CHANGED["namespace_names"]:
        here = f"--namespace={name}"
        wired = lived.get("serviceaccount", here, "default")
        assert wired["imagePullSecrets"] == [{"name": "redhat-pull-secret"}]
        assert wired["secrets"] == [{"name": "hf-token"}]
        data = lived.get("secret", here, "redhat-pull-secret")["data"][".dockerconfigjson"]
        config = json.loads(base64.b64decode(data))
        assert config["auths"][HOST]["password"] == PASSWORD
        assert lived.get("quota", here, "llmd-tpu")["spec"]["hard"] == {
            "requests.google.com/tpu": "4"
        }
        assert lived.get("limits", here, "llmd-tpu")["spec"]["limits"][0]["type"] == "Container"
    assert play(lived.folder, "namespace", inputs=CHANGED, check=True).changed_tasks == []
    labels = lived.get("namespace", "models-adopted")["metadata"]["labels"]
    assert (labels["owner"], labels["team"]) == ("others", "search")
    assert "llmd.tpu/phase" not in labels

    # Told neither to adopt nor what the credentials are, it keeps both, and takes the bounds away.
    less = {"namespace_names": CHANGED["namespace_names"], "namespace_pull_secret": ""}
    changed = play(lived.folder, "namespace", inputs={**less, "namespace_hub_token": ""})
    assert changed.code == 0, changed.output[-4000:]
    assert lived.get("quota,limits", "--namespace=models-made")["items"] == []
    wired = lived.get("serviceaccount", "--namespace=models-made", "default")
    assert wired["secrets"] == [{"name": "hf-token"}]
    again = play(lived.folder, "namespace", inputs={**less, "namespace_hub_token": ""})
    assert again.changed_tasks == []

    predicted = play(lived.folder, "namespace", inputs=GONE, check=True)
    assert predicted.code == 0, predicted.output[-4000:]
    removed = play(lived.folder, "namespace", inputs=GONE)
    assert removed.code == 0, removed.output[-4000:]
    assert removed.changed_tasks == predicted.changed_tasks
    assert play(lived.folder, "namespace", inputs=GONE).changed_tasks == []
    assert lived.kubectl("get", "namespace", "models-made", "--ignore-not-found") == ""
    metadata = lived.get("namespace", "models-adopted")["metadata"]
    assert metadata["labels"] == {
        "kubernetes.io/metadata.name": "models-adopted",
        "owner": "others",
    }
    assert not metadata.get("annotations")
    after = lived.get("serviceaccount", "--namespace=models-adopted", "default")
    assert {**after, "metadata": None} == {**before, "metadata": None}
    assert lived.get("secrets", "--namespace=models-adopted")["items"] == []
    lived.kubectl("delete", "namespace", "models-adopted", "--wait=false")


def test_a_namespace_with_models_is_not_given_up(lived: Sandbox) -> None:
    start = lived.position()
    run = play(lived.folder, "namespace", inputs={"namespace_state": "absent"})
    assert run.code == 2, run.output[-4000:]
    for words in ("NAMESPACE-IN-USE", "qwen2-3b-pattern1", "model_state absent"):
        assert words in run.text
    assert writes(lived, start) == []


def test_a_token_that_comes_while_services_run_is_told_with_its_consequence(
    lived: Sandbox,
) -> None:
    inputs = {"namespace_hub_token_secret_name": "another-token"}
    run = play(lived.folder, "namespace", inputs=inputs, check=True)
    assert run.code == 0, run.output[-4000:]
    for words in ("NAMESPACE-SERVICES-ROLL", "qwen2-3b-pattern1", "stays Pending"):
        assert words in run.text


def test_a_namespace_of_others_is_refused(lived: Sandbox) -> None:
    start = lived.position()
    run = play(lived.folder, "namespace", inputs={"namespace_name": "default"})
    assert run.code == 2, run.output[-4000:]
    assert "NAMESPACE-FOREIGN" in run.text
    assert FIRST not in run.text
    assert writes(lived, start) == []
