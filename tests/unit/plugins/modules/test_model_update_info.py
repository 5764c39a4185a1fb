# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Does the word compare with the cluster, ask for nodes only where they decide, write nothing?"""

from __future__ import annotations

from typing import Any

import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.llmd.tpu.plugins.module_utils.connection import Reply
from ansible_collections.llmd.tpu.plugins.module_utils.serving.model_update_info import (
    argument_spec,
    run,
)
from ansible_collections.llmd.tpu.plugins.modules import model_update_info

from tests.unit.plugins.module_utils.manifests.server import Server, status
from tests.unit.plugins.module_utils.serving.test_model_update import pending, pod
from tests.unit.plugins.module_utils.serving.test_service_manifest import made
from tests.unit.plugins.module_utils.tpu.test_chips import node
from tests.unit.plugins.modules.test_apply_and_wait_ready import described, specified

PATH = "/apis/serving.kserve.io/v1alpha1/namespaces/team/llminferenceservices/qwen"
PODS = "/api/v1/namespaces/team/pods"


class Cluster(Server):
    """An API server that knows the kind, and lists what the test puts there."""

    def __init__(self, live: dict[str, Any] | None, pods: list[Any] | None = None) -> None:
        super().__init__()
        plural = ("llminferenceservices", "Namespaced")
        self.kinds["serving.kserve.io/v1alpha1"] = {"LLMInferenceService": plural}
        held = [pod("qwen", "tpu-0")] if pods is None else pods
        self.objects["/api/v1/nodes"] = {"items": [node()]}
        self.objects["/api/v1/pods"] = self.objects[PODS] = {"items": held}
        if live is not None:
            self.objects[PATH] = live
        self.asked: list[str] = []
        self.troubles.append(self._note)

    def _note(self, method: str, path: str) -> Reply | None:
        self.asked.append(f"{method} {path.partition('?')[0]}")
        return None


def told(cluster: Cluster, *definitions: dict[str, Any], **options: Any) -> dict[str, Any]:
    """The task's result."""
    given = {"definition": list(definitions), **options}
    checked = ArgumentSpecValidator(argument_spec()).validate(given)
    assert not checked.error_messages
    return run(checked.validated_parameters, lambda _options: cluster)


def test_documentation_and_spec_say_the_same() -> None:
    documented = yaml.safe_load(model_update_info.DOCUMENTATION)["options"]
    own = {name: option for name, option in argument_spec().items() if name in documented}
    assert described(documented) == specified(own)


def test_an_unchanged_service_asks_for_no_node() -> None:
    cluster = Cluster(made())
    result = told(cluster, made())
    assert result["updates"][0]["does"] == "nothing"
    assert (result["stop_first"], result["gone"], result["report"]) == ([], [], [])
    assert not [one for one in cluster.asked if "nodes" in one or "PATCH" in one]


def test_a_change_on_one_node() -> None:
    cluster = Cluster(made())
    result = told(cluster, made(image="quay.io/a/b:1"))
    assert (result["updates"][0]["does"], result["updates"][0]["how"]) == ("roll", "stop-first")
    assert result["changed"] is False
    [service] = result["stop_first"]
    assert service["metadata"]["annotations"]["serving.kserve.io/stop"] == "true"
    assert service["spec"]["template"]["containers"][0]["image"] == "quay.io/a/b:1"
    assert result["gone"][0]["selector"].startswith("app.kubernetes.io/name=qwen")
    assert result["report"] == [
        "team/qwen is stopped first, and answers again once it has started: a new pod needs 4 free "
        "chips of tpu-v6e-slice 2x2, and 0 are free"
    ]
    assert cluster.objects[PATH] == made()  # a dry run keeps nothing


def test_an_update_that_hangs_is_healed() -> None:
    cluster = Cluster(made(), [pod("qwen", "tpu-0"), pending("qwen")])
    result = told(cluster, made())
    assert (result["updates"][0]["does"], result["updates"][0]["how"]) == ("roll", "stop-first")
    assert "qwen-kserve-2 of an earlier update waits" in result["report"][0]
    assert result["gone"]
    rolls = told(cluster, made(), strategies={"team/qwen": "rolling"})
    assert rolls["updates"][0]["does"] == "nothing"


def test_pods_that_may_not_be_listed_are_no_error() -> None:
    cluster = Cluster(made())
    cluster.troubles.append(
        lambda _method, path: status(403, "pods is forbidden") if path.startswith(PODS) else None
    )
    assert told(cluster, made())["updates"][0]["does"] == "nothing"


def test_what_a_killed_run_left_is_carried_on() -> None:
    new = made(image="quay.io/a/b:1")
    stopped = made(image="quay.io/a/b:1", stopped=True)
    result = told(Cluster(stopped), new)
    assert (result["updates"][0]["does"], result["updates"][0]["how"]) == ("start", "stop-first")
    assert result["gone"]
    over = told(Cluster(stopped, pods=[]), new)
    assert (over["updates"][0]["does"], over["updates"][0]["how"]) == ("start", "")


def test_nodes_that_may_not_be_read_are_no_error() -> None:
    cluster = Cluster(made())

    def forbidden(_method: str, path: str) -> Reply | None:
        return status(403, "nodes is forbidden") if path.startswith("/api/v1/nodes") else None

    cluster.troubles.append(forbidden)
    result = told(cluster, made(image="quay.io/a/b:1"))
    assert "may not read nodes" in result["updates"][0]["reason"]


def test_the_strategy_of_a_service_counts_for_it_alone() -> None:
    change = made(image="quay.io/a/b:1")
    rolls = told(Cluster(made()), change, strategies={"team/qwen": "rolling"})
    assert rolls["updates"][0]["how"] == "rolling"
    other = told(Cluster(made()), change, strategies={"team/other": "rolling"})
    assert other["updates"][0]["how"] == "stop-first"
    wrong = told(Cluster(made()), change, strategies={"team/qwen": "fast"})
    assert "team/qwen is 'fast'. Expected: auto, rolling, stop-first" in wrong["msg"]


def test_a_new_service() -> None:
    assert told(Cluster(None), made())["updates"][0]["does"] == "create"


def test_what_is_no_service_is_named() -> None:
    settings = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}}
    assert "ConfigMap c is no LLMInferenceService" in told(Cluster(None), settings)["msg"]


def test_a_refusal_of_the_server_is_told() -> None:
    cluster = Cluster(made())

    def refused(method: str, _path: str) -> Reply | None:
        return status(422, "replicas is wrong") if method == "PATCH" else None

    cluster.troubles.append(refused)
    assert "replicas is wrong" in told(cluster, made(replicas=2))["msg"]
