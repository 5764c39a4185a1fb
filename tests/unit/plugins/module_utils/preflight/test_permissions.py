# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Are exactly the permissions of the run asked for, and the missing ones named?"""

from __future__ import annotations

from collections.abc import Callable

from ansible_collections.llmd.tpu.plugins.module_utils.preflight.permissions import (
    Need,
    Question,
    missing,
    needs,
)

from tests.unit.plugins.module_utils.preflight.phases import phase, target

GATEWAY = "gateway.networking.k8s.io"
KNOWN = {
    ("v1", "ConfigMap"): ("configmaps", True),
    ("v1", "Namespace"): ("namespaces", False),
    ("rbac.authorization.k8s.io/v1", "ClusterRole"): ("clusterroles", False),
    ("rbac.authorization.k8s.io/v1", "RoleBinding"): ("rolebindings", True),
}


LIST = {"resource": "configmaps", "verbs": ["list"]}


def resources(api_version: str, kind: str) -> tuple[str, bool] | None:
    """A server that knows a few kinds."""
    return KNOWN.get((api_version, kind))


def allow_all_but(*denied: Question) -> Callable[[Question], bool]:
    """An API server that denies a few things."""
    return lambda question: question not in denied


def test_what_is_written_is_read_created_and_patched() -> None:
    wanted = needs([phase(objects=[target("ConfigMap", "settings", "team")])], resources)
    assert {(one.verb, one.resource, one.namespace) for one in wanted} == {
        ("get", "configmaps", "team"),
        ("create", "configmaps", "team"),
        ("patch", "configmaps", "team"),
    }


def test_each_question_is_asked_once_and_knows_its_phases() -> None:
    objects = [target("ConfigMap", "a", "team"), target("ConfigMap", "b", "team")]
    wanted = needs(
        [phase("gateway", objects=objects), phase("model", objects=objects[:1])], resources
    )
    assert wanted[Question("patch", "", "configmaps", "team")] == Need(
        ("gateway", "model"), ("a", "b")
    )


def test_a_removal_deletes_and_writes_nothing() -> None:
    wanted = needs(
        [phase(state="absent", objects=[target("Namespace", "team", "ignored")])], resources
    )
    assert {(one.verb, one.namespace) for one in wanted} == {
        ("get", ""),
        ("list", ""),
        ("delete", ""),
    }


def test_pruning_needs_to_delete_as_well() -> None:
    wanted = needs([phase(prune=True, objects=[target("ConfigMap", "a", "team")])], resources)
    assert {one.verb for one in wanted} == {"get", "create", "patch", "list", "delete"}


def test_what_is_waited_for_is_read_and_watched() -> None:
    wanted = needs([phase(watched=[target("ConfigMap", "a", "team")])], resources)
    assert [one.verb for one in wanted] == ["get", "list", "watch"]
    watch = Question("watch", "", "configmaps", "team")
    (finding,) = missing(
        wanted, allow_all_but(watch, Question("watch", "", "configmaps", "team", "a"))
    )
    assert (finding.code, finding.severity) == ("PERMISSION-OPTIONAL", "warning")
    assert missing(wanted, allow_all_but(watch)) == []


def test_what_is_needed_anyway_does_not_only_spare_time() -> None:
    one = [target("ConfigMap", "a", "team")]
    wanted = needs([phase(watched=one), phase(access=[{**LIST, "namespace": "team"}])], resources)
    (finding,) = missing(wanted, allow_all_but(Question("list", "", "configmaps", "team")))
    assert finding.code == "PERMISSION-MISSING"


def test_a_run_that_does_without_says_what_it_lacks() -> None:
    optional = {**LIST, "namespace": "team", "without": "nobody counts them"}
    question = Question("list", "", "configmaps", "team")
    (finding,) = missing(needs([phase(access=[optional])], resources), allow_all_but(question))
    assert (finding.code, finding.severity) == ("PERMISSION-OPTIONAL", "warning")
    assert finding.message.endswith("used by phase model; without it nobody counts them")
    needed = phase(access=[optional, {**LIST, "namespace": "team"}])
    (finding,) = missing(needs([needed], resources), allow_all_but(question))
    assert finding.severity == "error"


def test_roles_need_more_than_to_be_written() -> None:
    rbac = "rbac.authorization.k8s.io/v1"
    objects = [
        target("ClusterRole", "reader", "", rbac),
        target("RoleBinding", "reader", "team", rbac),
    ]
    wanted = needs([phase(objects=objects)], resources)
    group = "rbac.authorization.k8s.io"
    assert Question("escalate", group, "clusterroles") in wanted
    assert Question("bind", group, "roles", "team") in wanted


def test_a_kind_that_the_run_brings_is_spelled_as_its_crd() -> None:
    crd = target("CustomResourceDefinition", f"gatewayclasses.{GATEWAY}", "", "apiextensions/v1")
    gateway = target("GatewayClass", "istio", "", f"{GATEWAY}/v1")
    policy = target("BackendPolicy", "one", "team", f"{GATEWAY}/v1")
    wanted = needs([phase(objects=[crd, gateway, policy])], lambda _version, _kind: None)
    assert Question("patch", GATEWAY, "gatewayclasses") in wanted
    assert Question("patch", GATEWAY, "backendpolicies", "team") in wanted


def test_a_subresource_is_asked_for_as_one() -> None:
    access = [{"resource": "pods/portforward", "verbs": ["create"], "namespace": "team"}]
    (question,) = needs([phase(access=access)], resources)
    assert question.body()["spec"] == {
        "resourceAttributes": {
            "verb": "create",
            "resource": "pods",
            "subresource": "portforward",
            "namespace": "team",
        }
    }


def test_a_missing_permission_names_verb_resource_namespace_and_phase() -> None:
    wanted = needs([phase("gateway", objects=[target("ConfigMap", "a", "team")])], resources)
    denied = Question("create", "", "configmaps", "team")
    (finding,) = missing(wanted, allow_all_but(denied))
    assert finding.code == "PERMISSION-MISSING"
    assert finding.severity == "error"
    assert "create configmaps in namespace team" in finding.message
    assert "phase gateway" in finding.message


def test_a_permission_for_the_very_objects_is_enough() -> None:
    objects = [target("ConfigMap", "a", "team"), target("ConfigMap", "b", "team")]
    wanted = needs([phase(objects=objects)], resources)
    general = Question("patch", "", "configmaps", "team")
    assert missing(wanted, allow_all_but(general)) == []
    only_b = Question("patch", "", "configmaps", "team", "b")
    (finding,) = missing(wanted, allow_all_but(general, only_b))
    assert finding.message.endswith("for b")


def test_without_escalation_there_is_a_warning() -> None:
    objects = [target("ClusterRole", "reader", "", "rbac.authorization.k8s.io/v1")]
    wanted = needs([phase(objects=objects)], resources)
    denied = Question("escalate", "rbac.authorization.k8s.io", "clusterroles")
    (finding,) = missing(wanted, allow_all_but(denied))
    assert (finding.code, finding.severity) == ("PERMISSION-ESCALATION", "warning")


def test_questions_without_an_answer_are_counted() -> None:
    wanted = needs([phase(objects=[target("ConfigMap", "a", "team")])], resources)
    (finding,) = missing(wanted, lambda _question: None)
    assert finding.code == "PERMISSION-NOT-ASKED"
    assert "3 of 3" in finding.message
