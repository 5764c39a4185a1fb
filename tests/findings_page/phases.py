# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Findings of the phases' checks, told about the small clusters of the unit tests."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from ansible_collections.llmd.tpu.plugins.module_utils.costs.costs import costs
from ansible_collections.llmd.tpu.plugins.module_utils.findings import Finding
from ansible_collections.llmd.tpu.plugins.module_utils.gateway import judge as gateways
from ansible_collections.llmd.tpu.plugins.module_utils.namespaces import judge as namespaces
from ansible_collections.llmd.tpu.plugins.module_utils.operators.installs import check_installs
from ansible_collections.llmd.tpu.plugins.module_utils.operators.view import View
from ansible_collections.llmd.tpu.plugins.module_utils.preflight.answers import (
    judge_images,
    judge_model,
)
from ansible_collections.llmd.tpu.plugins.module_utils.preflight.asking import Look
from ansible_collections.llmd.tpu.plugins.module_utils.preflight.chips import (
    check_nodes,
    check_quota,
)
from ansible_collections.llmd.tpu.plugins.module_utils.preflight.cluster import (
    check_version,
    unreachable,
    unreadable,
)
from ansible_collections.llmd.tpu.plugins.module_utils.preflight.credentials import (
    check_pull_secret,
    check_token,
)
from ansible_collections.llmd.tpu.plugins.module_utils.preflight.installs import (
    Found,
    check_releases,
)
from ansible_collections.llmd.tpu.plugins.module_utils.preflight.permissions import missing, needs
from ansible_collections.llmd.tpu.plugins.module_utils.preflight.plan import (
    Model,
    Program,
    ProgramName,
)
from ansible_collections.llmd.tpu.plugins.module_utils.preflight.programs import (
    Answer,
    judge_program,
)
from ansible_collections.llmd.tpu.plugins.module_utils.serving import installation

from tests.findings_page.google import findings_of_google
from tests.unit.plugins.module_utils.costs import test_costs as cost
from tests.unit.plugins.module_utils.gateway import test_judge as gateway
from tests.unit.plugins.module_utils.namespaces import test_judge as namespace
from tests.unit.plugins.module_utils.operators import clusters
from tests.unit.plugins.module_utils.operators import test_installs as operators
from tests.unit.plugins.module_utils.preflight import phases as preflight
from tests.unit.plugins.module_utils.preflight import test_chips as chips
from tests.unit.plugins.module_utils.preflight import test_credentials as credentials
from tests.unit.plugins.module_utils.preflight import test_installs as releases
from tests.unit.plugins.module_utils.preflight import test_permissions as permissions
from tests.unit.plugins.module_utils.serving import test_installation as kserve

HUB = "https://huggingface.co"


def findings_of_phases() -> Iterator[Finding]:
    """Every one, phase by phase."""
    yield from _programs_and_cluster()
    yield from _permissions()
    yield from _credentials()
    yield from _answers()
    yield from _chips()
    yield from _operators()
    yield from _kserve()
    yield from _gateway()
    yield from _namespace()
    yield from findings_of_google()
    yield from costs([cost.node("node-1", **cost.TPU), cost.node("node-2")], [cost.OWNED], [])


def _programs_and_cluster() -> Iterator[Finding]:
    started: list[tuple[ProgramName, bool, str]] = [
        ("helm", False, ""),
        ("helm", True, "v3.16.4"),
        ("helm", True, "hello"),
        ("kustomize", True, "v5.7.1"),
    ]
    for name, starts, output in started:
        finding = judge_program(
            Answer(Program(name, f"/usr/bin/{name}"), ("kserve",), starts, output)
        )
        yield from filter(None, [finding])
    for version in ("v1.28.9", "v1.31.1-gke.2000000", ""):
        yield from check_version({"gitVersion": version}, ("v6e",))
    yield unreachable("no answer from https://192.0.2.1: connection refused")
    yield unreadable("nodes and the pods on them", "HTTP 403, nodes is forbidden")


def _permissions() -> Iterator[Finding]:
    objects = [preflight.target("ConfigMap", "settings", "models")]
    roles = [preflight.target("ClusterRole", "reader", "", "rbac.authorization.k8s.io/v1")]
    for phase in (
        preflight.phase("model", objects=objects),
        preflight.phase("gateway", watched=objects),
        preflight.phase("kserve", objects=roles),
    ):
        wanted = needs([phase], permissions.resources)
        yield from missing(wanted, lambda question: question.verb not in _DENIED)


_DENIED = ("patch", "watch", "escalate", "bind")


def _credentials() -> Iterator[Finding]:
    yield from check_pull_secret(preflight.phase(pull_secret_problem="it has no 'auths'"))
    config = preflight.docker_config("quay.io")
    yield from check_pull_secret(preflight.phase(images=[credentials.IMAGE], pull_secret=config))
    for token in ("", "a token\n"):
        yield from check_token(Model("hf://owner/name", True, token))
    part = Found("gateway.networking.k8s.io/v1", "HTTPRoute", releases.by_helm("route"))
    route = preflight.target("HTTPRoute", "route", preflight.NAMESPACE, part.api_version)
    yield from check_releases([preflight.phase(objects=[route])], [part])
    yield from check_releases([preflight.phase()], [part])


def _answers() -> Iterator[Finding]:
    image = ("model", credentials.IMAGE)
    for look in (
        Look("refused", "HTTP 401"),
        Look("absent", "HTTP 404"),
        Look("not asked", "registry.redhat.io:443: no route to host"),
    ):
        yield from judge_images({image: look}, [image])
    for look in (
        Look("not asked", "huggingface.co:443: no route to host"),
        Look("refused", "HTTP 403", "GatedRepo"),
        Look("absent", "HTTP 404", "RepoNotFound"),
        Look("absent", "HTTP 404", "EntryNotFound"),
        Look("refused", "HTTP 401", ""),
    ):
        yield from filter(None, [judge_model("hf://owner/name", look, HUB, with_token=True)])


def _chips() -> Iterator[Finding]:
    for nodes, project in (([chips.node(used=4)], chips.GKE), ([], chips.GKE), ([], None)):
        yield from check_nodes(chips.WANTED, nodes, project)
    for answer in (chips.quota("0"), None):
        yield from check_quota(chips.WANTED, [], chips.GKE, answer, "no credentials")


def _operators() -> Iterator[Finding]:
    istiod = clusters.deployment("istiod", "istio-system", annotations=clusters.HELM)
    foreign = View(
        istiods=(istiod,),
        crds={
            "lws": clusters.crd("leaderworkersets.leaderworkerset.x-k8s.io"),
            "gateway-api": clusters.crd(clusters.GATEWAYS, "v0.8.1"),
        },
    )
    adopting = operators.adopting("istio", "gateway-api")
    yield from check_installs(View(), replace(operators.WANTED, istio_version="v1.26.2"))
    yield from check_installs(foreign, replace(operators.WANTED, extras=("lws",)))
    for view in (foreign, View(), clusters.COMMUNITY):
        yield from check_installs(view, adopting)
    redhat = replace(operators.WANTED, distribution="redhat", istio_version="v1.27.3")
    yield from check_installs(clusters.COMMUNITY, redhat)


def _kserve() -> Iterator[Finding]:
    ours = replace(kserve.OURS, services=("models/qwen",))
    other = installation.Controller("kserve", "kserve-controller-manager")
    theirs = installation.Controller("opendatahub", kserve.OLD.controller)
    stored = {installation.SERVICES_CRD: ("v1alpha1", "v1alpha2")}
    seen: list[tuple[installation.Installation, Any]] = [
        (installation.Installation(controllers=(other,)), kserve.OLD),
        (installation.Installation(controllers=(theirs,)), kserve.OLD),
        (installation.Installation(webhooks={installation.WEBHOOKS[0]: "kserve"}), kserve.OLD),
        (installation.Installation(stored=stored), kserve.OLD),
        (ours, kserve.NEW),
    ]
    for found, track in seen:
        yield from installation.check_before_install(
            found, track, adopt=False, prune=False, monitoring=True
        )
    yield from installation.check_before_removal(ours)


def _gateway() -> Iterator[Finding]:
    foreign = gateway.gateway()
    foreign["metadata"]["labels"] = {}
    yield from gateways.check_plan(gateway.seen(live=foreign), gateway.WISHES)
    yield from gateways.check_removal(gateway.seen(), gateway.WISHES)
    no_secret = gateway.condition("ResolvedRefs", "False", "InvalidCertificateRef", "no Secret")
    not_taken = gateway.condition("Accepted", "False", "InvalidParameters", "no such ConfigMap")
    accepted = gateway.condition("Accepted")
    pending = gateway.condition("Programmed", "False", "Pending", "waiting for istiod")
    waiting = gateway.condition("Programmed", "False", "AddressNotAssigned", "no address yet")
    old = gateway.CERTIFICATE.replace("abc", "old")
    changes: list[dict[str, Any]] = [
        {"live": None},
        {},
        {"live": gateway.gateway(conditions=[not_taken])},
        {"live": gateway.gateway(conditions=[accepted, pending])},
        {"live": gateway.gateway(conditions=[accepted, waiting])},
        {"live": gateway.gateway(listeners=[{"name": "https", "conditions": [no_secret]}])},
        {"classes": []},
        {"deployments": [gateway.deployment("/elsewhere")]},
        {"bundle": {"metadata": {"name": "odh-ca-bundle"}, "data": {"ca.crt": old}}},
        {"kserve_config": gateway.kserve_config("kserve/other")},
    ]
    for given in changes:
        yield from gateways.check_serving(gateway.seen(**given), gateway.WISHES)


def _namespace() -> Iterator[Finding]:
    labels = {**namespace.LABELS, "istio-injection": "enabled"}
    wishes = replace(namespace.WISHES, needed_secrets=["pull"], account_secrets=["hf-token"])
    served = namespaces.Sight("models", namespace.OURS, services=[namespace.service()])
    yield from namespaces.check_names(["My_models"])
    for live in (
        namespace.live(),
        namespace.live(deletionTimestamp="2026-01-01T00:00:00Z"),
        namespace.live(labels, managedFields=namespace.APPLIED),
    ):
        yield from namespaces.check_present(namespaces.Sight("models", live), wishes)
    yield from namespaces.check_present(served, wishes)
    yield from namespaces.check_absent(served, namespace.WISHES)
    yield from namespaces.check_absent(
        namespaces.Sight("models", namespace.live()), namespace.WISHES
    )
